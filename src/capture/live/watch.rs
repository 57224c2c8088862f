//! Capture gaps of a live source, from periodic samples of the drop counter and the interface state.
//! Reads no clock: time is an argument.

use crate::capture::{CaptureGap, GapCause};
use crate::frame::InterfaceId;
use crate::units::Timestamp;

/// One sample of the drop counter and the interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::capture) struct InterfaceState {
    pub(in crate::capture) time: Timestamp,
    /// Frames dropped since the previous sample.
    pub(in crate::capture) dropped: u32,
    /// Whether the interface exists and is up, and has been since the previous sample.
    pub(in crate::capture) up: bool,
}

/// Keeps the previous sample. Lives as long as its source.
#[derive(Clone, Copy, Debug)]
pub(in crate::capture) struct InterfaceWatch {
    interface: InterfaceId,
    last: InterfaceState,
}

impl InterfaceWatch {
    /// Starts with the capture.
    pub(in crate::capture) const fn new(interface: InterfaceId, time: Timestamp, up: bool) -> Self {
        Self {
            interface,
            last: InterfaceState {
                time,
                dropped: 0,
                up,
            },
        }
    }

    /// The gaps between the previous sample and this one. Drops make the interval in which they were
    /// counted incomplete, and the next one: a frame may be of either (MODEL §8.1). So does an interface that was down at either
    /// end of the interval.
    pub(in crate::capture) fn update(
        &mut self,
        state: InterfaceState,
    ) -> impl Iterator<Item = CaptureGap> + use<> {
        let last = std::mem::replace(&mut self.last, state);
        let gap = |cause, frames, at_most| CaptureGap {
            // The clock may have stepped back in between.
            from: last.time.min(state.time),
            until: last.time.max(state.time),
            frames,
            at_most,
            interface: self.interface,
            cause,
        };
        let at_most = u64::from(state.dropped) + u64::from(last.dropped);
        let dropped = (state.dropped > 0 || last.dropped > 0)
            .then(|| gap(GapCause::Dropped, u64::from(state.dropped), Some(at_most)));
        let down = (!state.up || !last.up).then(|| gap(GapCause::InterfaceDown, 0, None));
        dropped.into_iter().chain(down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    fn gap(from: u64, until: u64, (frames, at_most): (u64, Option<u64>)) -> CaptureGap {
        let cause = match at_most {
            Some(_) => GapCause::Dropped,
            None => GapCause::InterfaceDown,
        };
        CaptureGap {
            from: at(from),
            until: at(until),
            frames,
            at_most,
            interface: InterfaceId(3),
            cause,
        }
    }

    /// The gaps of samples at 1, 2, 3… ns after a start at 0.
    fn gaps(samples: &[(u32, bool)]) -> Vec<CaptureGap> {
        let mut watch = InterfaceWatch::new(InterfaceId(3), at(0), true);
        let states = (1..)
            .zip(samples)
            .map(|(nanos, &(dropped, up))| InterfaceState {
                time: at(nanos),
                dropped,
                up,
            });
        states.flat_map(|state| watch.update(state)).collect()
    }

    #[test]
    fn without_drops_there_is_no_gap() {
        assert!(gaps(&[(0, true), (0, true)]).is_empty());
    }

    #[test]
    fn drops_give_a_gap_in_their_interval_and_the_next() {
        assert_eq!(
            gaps(&[(0, true), (7, true), (0, true), (0, true)]),
            [gap(1, 2, (7, Some(7))), gap(2, 3, (0, Some(7)))]
        );
    }

    #[test]
    fn an_interface_that_is_down_gives_gaps_until_it_is_up_again() {
        assert_eq!(
            gaps(&[(0, true), (0, false), (0, false), (0, true), (0, true)]),
            [
                gap(1, 2, (0, None)),
                gap(2, 3, (0, None)),
                gap(3, 4, (0, None))
            ]
        );
    }

    #[test]
    fn a_gap_is_ordered_when_the_clock_steps_back() {
        let mut watch = InterfaceWatch::new(InterfaceId(3), at(9), true);
        let state = InterfaceState {
            time: at(4),
            dropped: 1,
            up: true,
        };
        let gaps: Vec<CaptureGap> = watch.update(state).collect();
        assert_eq!(gaps, [gap(4, 9, (1, Some(1)))]);
    }
}
