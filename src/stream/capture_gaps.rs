//! Stretches of time in which we missed frames: what was lost over them may be our own loss, and
//! is nobody's.

use crate::stream::record::Stream;
use crate::stream::sequence::SequenceStep;
use crate::units::Timestamp;
use std::collections::VecDeque;

/// Stretches remembered; beyond that the oldest two become one.
const REMEMBERED: usize = 1024;

/// The stretches, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct CaptureGaps {
    stretches: VecDeque<(Timestamp, Timestamp)>,
}

impl CaptureGaps {
    /// Remembers a stretch.
    pub(super) fn note(&mut self, from: Timestamp, until: Timestamp) {
        if self.stretches.len() >= REMEMBERED {
            // Rather too much excused than a wrong `lost`.
            if let Some((from, _)) = self.stretches.pop_front()
                && let Some(oldest) = self.stretches.front_mut()
            {
                oldest.0 = from;
            }
        }
        self.stretches.push_back((from, until));
    }

    /// Forgets what no gap of a living stream can reach back to.
    pub(super) fn forget(&mut self, before: Timestamp) {
        while self
            .stretches
            .front()
            .is_some_and(|(_, until)| *until < before)
        {
            self.stretches.pop_front();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.stretches.clear();
    }

    /// Takes off what a stream has lost over a gap that reaches into a stretch. The packets at the
    /// ends of the gap were seen, so a stretch that only touches one of them excuses nothing.
    pub(super) fn excuse(&self, stream: &mut Stream, step: &mut SequenceStep) {
        let (from, until) = stream.gap();
        let inside = |stretch: &(Timestamp, Timestamp)| stretch.0 < until && stretch.1 > from;
        if step.lost > 0 && self.stretches.iter().any(inside) {
            stream.excuse(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Endpoint;
    use crate::voice::CapturePoint;
    use crate::voice::class::StreamKind;
    use crate::voice::rtp_summary::RtpSummary;
    use crate::voice::stream_key::StreamKey;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_nanos(1_000_000_000_000 + millis * 1_000_000)
    }

    fn summary(millis: u64, sequence: u16) -> RtpSummary {
        RtpSummary {
            time: at(millis),
            capture_point: CapturePoint::default(),
            ip_bytes: 200,
            timestamp: 160 * u32::from(sequence),
            sequence,
            payload_bytes: 160,
            payload_type: 8,
            identification: 0,
        }
    }

    /// Begins with number 1.
    fn stream() -> Stream {
        let end = Endpoint::default();
        Stream::new(
            StreamKey::new(end, end, 1),
            StreamKind::Audio,
            &summary(0, 1),
            None,
        )
    }

    /// Lost of a stream whose numbers 2 to 100 never came, between 0 and 2 s, after a stretch was
    /// missed.
    fn lost(from: u64, until: u64) -> u64 {
        let mut stream = stream();
        stream.advance(&summary(0, 1));
        let mut step = stream.advance(&summary(2_000, 101));
        let mut unseen = CaptureGaps::default();
        unseen.note(at(from), at(until));
        unseen.excuse(&mut stream, &mut step);
        step.lost
    }

    #[test]
    fn a_stream_that_always_misses_something_is_excused_for_one_stretch_and_not_for_ever() {
        let mut stream = stream();
        let mut unseen = CaptureGaps::default();
        unseen.note(at(0), at(1_000));
        let mut lost = 0;
        // Of ten numbers one never comes, for 200 s.
        for sequence in (1..10_000_u16).filter(|sequence| sequence % 10 > 0) {
            let mut step = stream.advance(&summary(20 * u64::from(sequence), sequence));
            unseen.excuse(&mut stream, &mut step);
            lost += step.lost;
        }
        // Less the second that was missed, and the window behind the end.
        assert!((980..=992).contains(&lost), "{lost}");
    }

    #[test]
    fn only_a_gap_that_reaches_into_the_stretch_is_excused() {
        let whole = lost(5_000, 6_000);
        assert!(whole > 0, "after it");
        assert_eq!(lost(1_000, 1_100), 0, "inside it");
        assert_eq!(lost(1_900, 2_500), 0, "at its end");
        assert_eq!(lost(2_000, 2_500), whole, "from its last packet on");
        let first_second = 0;
        assert_eq!(lost(first_second, 0), whole, "up to its first packet");
    }
}
