//! Stretches of time in which we missed frames: what is missing over them may be our own loss.

use crate::stream::booking::{Booking, Certainty, LossReason};
use crate::stream::record::Stream;
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

    /// Whether all of a time was seen.
    pub(super) fn is_whole(&self, from: Timestamp, until: Timestamp) -> bool {
        let mut stretches = self.stretches.iter();
        !stretches.any(|stretch| stretch.0 < until && stretch.1 > from)
    }

    /// What a stream has lost over a gap that reaches into a stretch may be our own loss. The packets
    /// at the ends of the gap were seen, so a stretch that only touches one of them excuses nothing.
    pub(super) fn excuse(&self, stream: &mut Stream, bookings: &mut [Booking]) {
        // What a numbering lost that is not sure to have begun is taken back as it was booked.
        if self.stretches.is_empty() || stream.is_restart_open() {
            return;
        }
        for booking in bookings {
            let is_lost = booking.certainty == Certainty::Lost && booking.count > 0;
            let inside = |stretch: &(Timestamp, Timestamp)| {
                stretch.0 < booking.until && stretch.1 > booking.from
            };
            if is_lost && self.stretches.iter().any(inside) {
                booking.certainty = Certainty::MaybeLost(LossReason::CaptureGap);
                stream.doubt(booking.count.unsigned_abs(), LossReason::CaptureGap);
            }
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

    /// What is said of a stream whose numbers 2 to 100 never came, between 0 and 2 s, after a stretch
    /// was missed.
    fn said(from: u64, until: u64) -> Certainty {
        let (mut stream, mut bookings) = (stream(), Vec::new());
        stream.advance(&summary(0, 1), &mut bookings);
        stream.advance(&summary(2_000, 101), &mut bookings);
        let mut unseen = CaptureGaps::default();
        unseen.note(at(from), at(until));
        unseen.excuse(&mut stream, &mut bookings);
        assert_eq!(bookings[0].count, 99);
        bookings[0].certainty
    }

    #[test]
    fn a_stream_that_always_misses_something_is_excused_for_one_stretch_and_not_for_ever() {
        let mut stream = stream();
        let mut unseen = CaptureGaps::default();
        unseen.note(at(0), at(1_000));
        let (mut lost, mut maybe) = (0, 0);
        // Of ten numbers one never comes, for 200 s.
        for sequence in (1..10_000_u16).filter(|sequence| sequence % 10 > 0) {
            let mut bookings = Vec::new();
            stream.advance(&summary(20 * u64::from(sequence), sequence), &mut bookings);
            unseen.excuse(&mut stream, &mut bookings);
            for booking in bookings {
                match booking.certainty {
                    Certainty::Lost => lost += booking.count,
                    Certainty::MaybeLost(_) => maybe += booking.count,
                    Certainty::Excused(_) => {}
                }
            }
        }
        assert_eq!((lost, maybe), (994, 5), "in the second that was missed");
    }

    #[test]
    fn only_a_gap_that_reaches_into_the_stretch_is_excused() {
        let excused = Certainty::MaybeLost(LossReason::CaptureGap);
        assert_eq!(said(5_000, 6_000), Certainty::Lost, "after it");
        assert_eq!(said(1_000, 1_100), excused, "inside it");
        assert_eq!(said(1_900, 2_500), excused, "at its end");
        let from_its_last = said(2_000, 2_500);
        assert_eq!(from_its_last, Certainty::Lost, "from its last packet on");
        assert_eq!(said(0, 0), Certainty::Lost, "up to its first packet");
    }
}
