//! When all networks stop at once while our side goes on, the tap may have failed, one fibre of two for
//! example, or the way (MODEL §11.6). Nobody can tell, so what is missing of that time is no certain loss.

use crate::meter::asn_silence::AsnSilence;
use crate::units::Second;
use std::collections::VecDeque;

/// So many networks stop at once,
const NETWORKS: usize = 2;
/// and so many of their streams.
const STREAMS: u64 = 4;
/// A network has stopped when so many tenths of its active streams have.
const TENTHS: u64 = 9;

/// The seconds of a window in which the tap may have failed, for one commitment.
#[derive(Clone, Debug, Default)]
pub(super) struct TapGaps {
    /// First and last second of each, in order.
    gaps: VecDeque<(Second, Second)>,
    /// Seconds of all so far, as they were judged.
    seconds: u64,
}

/// What one network does in a second.
pub(super) struct NetworkSecond<'a> {
    /// The silence of its streams.
    pub(super) silence: &'a AsnSilence,
    /// Whether packets came from it.
    pub(super) sends: bool,
}

impl TapGaps {
    /// Judges a second by what all networks do in it; forgets what ended before `first`.
    pub(super) fn judge<'a>(
        &mut self,
        (first, second): (Second, Second),
        networks: impl Iterator<Item = NetworkSecond<'a>>,
    ) {
        while self
            .gaps
            .front()
            .is_some_and(|(_, last)| last.next() < first)
        {
            self.gaps.pop_front();
        }
        let Some(since) = stopped_since(networks) else {
            return;
        };
        self.seconds += 1;
        match self.gaps.back_mut() {
            Some((_, last)) if last.next() >= since => *last = second,
            _ => self.gaps.push_back((since, second)),
        }
    }

    /// The seconds from `first` on in which the tap may have failed: up to the one in which streams go on.
    pub(super) fn seconds_since(&self, first: Second) -> impl Iterator<Item = Second> + '_ {
        let gaps = self.gaps.iter();
        gaps.flat_map(move |(since, last)| (since.0.max(first.0)..=last.next().0).map(Second))
    }

    /// Seconds judged so far in which the tap may have failed.
    pub(super) fn seconds(&self) -> u64 {
        self.seconds
    }

    /// Time begins anew.
    pub(super) fn clear(&mut self) {
        self.gaps.clear();
    }

    /// What was judged before is not counted again.
    pub(super) fn forget_counters(&mut self) {
        self.seconds = 0;
    }
}

/// The second in which all networks stopped, if they have, within one second of each other.
fn stopped_since<'a>(networks: impl Iterator<Item = NetworkSecond<'a>>) -> Option<Second> {
    let (mut count, mut streams) = (0, 0);
    let mut stopped: Option<(Second, Second)> = None;
    for network in networks {
        let active = network.silence.active;
        let together = network.silence.stopped_together();
        let together = together.filter(|(_, streams)| streams * 10 >= active * TENTHS);
        match together {
            Some((second, silent)) => {
                (count, streams) = (count + 1, streams + silent);
                let (first, last) = stopped.unwrap_or((second, second));
                stopped = Some((first.min(second), last.max(second)));
            }
            None if network.sends => return None,
            None => {}
        }
    }
    let (first, last) = stopped?;
    (count >= NETWORKS && streams >= STREAMS && last <= first.next()).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(active: u64, stopped: &[(u64, u64)]) -> AsnSilence {
        let mut silence = AsnSilence {
            active,
            ..AsnSilence::default()
        };
        silence.counts.stopped = stopped
            .iter()
            .map(|(second, streams)| (Second(*second), *streams))
            .collect();
        silence
    }

    /// What is known when networks do this; `true`: it sends.
    fn since(networks: &[(AsnSilence, bool)]) -> Option<u64> {
        let networks = networks.iter();
        let networks = networks.map(|(silence, sends)| NetworkSecond {
            silence,
            sends: *sends,
        });
        stopped_since(networks).map(|second| second.0)
    }

    #[test]
    fn all_networks_stop_at_once_or_it_is_not_the_tap() {
        let two = || (silence(2, &[(100, 2)]), false);
        assert_eq!(since(&[two(), two()]), Some(100));
        assert_eq!(since(&[two()]), None, "one network");
        let one = || (silence(1, &[(100, 1)]), false);
        assert_eq!(since(&[one(), two()]), None, "three streams");
        let goes_on = (silence(5, &[]), true);
        assert_eq!(since(&[two(), two(), goes_on]), None);
        let was_quiet_before = (silence(0, &[]), false);
        assert_eq!(since(&[two(), two(), was_quiet_before]), Some(100));
    }

    #[test]
    fn within_one_second_and_nine_of_ten_streams() {
        let ten = |stopped: &[(u64, u64)]| (silence(10, stopped), true);
        assert_eq!(since(&[ten(&[(100, 9)]), ten(&[(101, 10)])]), Some(100));
        assert_eq!(
            since(&[ten(&[(100, 4), (101, 5)]), ten(&[(101, 10)])]),
            Some(100)
        );
        assert_eq!(since(&[ten(&[(100, 8)]), ten(&[(101, 10)])]), None);
        assert_eq!(since(&[ten(&[(100, 9)]), ten(&[(102, 10)])]), None);
    }

    #[test]
    fn a_gap_lasts_while_they_are_silent_and_is_forgotten_with_its_window() {
        let mut gaps = TapGaps::default();
        let silent = [silence(2, &[(100, 2)]), silence(9, &[(101, 9)])];
        let networks = || {
            silent.iter().map(|silence| NetworkSecond {
                silence,
                sends: false,
            })
        };
        for second in 103..=105 {
            gaps.judge((Second(second - 9), Second(second)), networks());
        }
        gaps.judge((Second(97), Second(106)), std::iter::empty());
        let seconds = |gaps: &TapGaps, first| {
            let all = gaps.seconds_since(Second(first));
            all.map(|second| second.0).collect::<Vec<_>>()
        };
        assert_eq!(seconds(&gaps, 97), [100, 101, 102, 103, 104, 105, 106]);
        assert_eq!(seconds(&gaps, 104), [104, 105, 106]);
        assert_eq!(gaps.seconds(), 3);
        gaps.judge((Second(107), Second(116)), std::iter::empty());
        assert!(seconds(&gaps, 0).is_empty());
    }
}
