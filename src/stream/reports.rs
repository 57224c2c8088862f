//! What the far end says it lost of one stream, less what was lost before the tap: the loss
//! between the tap and the far end.
//!
//! One [`RemoteReports`] lives in each stream. LossCounts are cumulative, so each is held against the one
//! before, over the interval of their extended highest sequence numbers (RFC 3550 §6.4.1, §A.3).

use crate::stream::sequence::Sequence;
use crate::stream::tally::LossCounts;
use crate::wire::rtcp::ReportBlock;
use std::num::NonZeroU32;

/// A report interval longer than this many packets is a new start of the far end's counting:
/// ten minutes at 20 ms.
const LONGEST_INTERVAL: u32 = 30_000;

/// The far end's last report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RemoteReports {
    last: Option<LastReport>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct LastReport {
    /// Not 0: one report in 2^32 waits for the next.
    highest: NonZeroU32,
    lost: i32,
    /// Numbers missing at the tap, up to that highest number, modulo 2^32.
    gaps: u32,
}

impl RemoteReports {
    /// Takes a report on the stream. `lost_here` is what the tap has booked as lost so far. The
    /// first report only says where the next interval begins: what was lost before we looked is
    /// nobody's.
    pub fn report(
        &mut self,
        block: &ReportBlock,
        sequence: &Sequence,
        lost_here: u64,
    ) -> Option<LossCounts> {
        // Too far behind our highest number to know our gaps at that place: the next one will do.
        let gaps = lost_here + sequence.missing_up_to(block.highest_sequence)?;
        let now = LastReport {
            highest: NonZeroU32::new(block.highest_sequence)?,
            lost: block.lost,
            gaps: low(gaps),
        };
        let before = self.last.replace(now)?;
        let expected = now.highest.get().wrapping_sub(before.highest.get());
        if expected == 0 || expected > LONGEST_INTERVAL {
            // The same report again keeps what is known; a jump begins anew.
            return None;
        }
        let reported = i64::from(now.lost) - i64::from(before.lost);
        // None, where numbers that were missing have come since.
        let ours = i64::from(now.gaps.wrapping_sub(before.gaps).cast_signed().max(0));
        // Duplicates can make the far end's count go back (RFC 3550 §A.3): no negative loss.
        let expected = i64::from(expected);
        Some(LossCounts::certain(
            expected,
            (reported - ours).clamp(0, expected),
        ))
    }

    /// The sender has started anew: the next report begins the next interval.
    pub fn restart(&mut self) {
        self.last = None;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
const fn low(count: u64) -> u32 {
    count as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::sequence::Jump;

    /// Two cycles before we looked.
    const CYCLES: u32 = 2 << 16;

    fn block(highest: u32, lost: i32) -> ReportBlock {
        ReportBlock {
            ssrc: 1,
            fraction_lost: 0,
            lost,
            highest_sequence: highest,
            jitter: 0,
            last_sr: 0,
            delay: 0,
        }
    }

    #[test]
    fn the_far_ends_loss_is_by_interval_and_less_our_own_gaps() {
        let mut sequence = Sequence::new(1000);
        let mut booked = 0;
        let mut feed = |sequence: &mut Sequence, numbers: std::ops::RangeInclusive<u16>| {
            for number in numbers {
                booked += sequence.advance(number, |_| Jump::Unexplained).missing;
            }
            booked.cast_unsigned() - sequence.missing()
        };
        let lost = feed(&mut sequence, 1001..=1100);
        let mut far_end = RemoteReports::default();
        // The far end has counted over two cycles before; 7 lost before we looked.
        assert_eq!(
            far_end.report(&block(CYCLES + 1090, 7), &sequence, lost),
            None
        );
        // Five numbers never pass the tap; the far end misses eight.
        let lost = feed(&mut sequence, 1106..=1300);
        let report = far_end.report(&block(CYCLES + 1290, 15), &sequence, lost);
        assert_eq!(report, Some(LossCounts::certain(200, 3)));
        assert_eq!(
            far_end.report(&block(CYCLES + 1290, 15), &sequence, lost),
            None,
            "a copy"
        );
        let lost = feed(&mut sequence, 1301..=1400);
        let report = far_end.report(&block(CYCLES + 1390, 14), &sequence, lost);
        assert_eq!(
            report,
            Some(LossCounts::certain(100, 0)),
            "their count went back"
        );
    }

    #[test]
    fn a_report_too_far_behind_is_left_out_and_its_interval_joins_the_next() {
        let mut sequence = Sequence::new(0);
        for number in 1..=500 {
            sequence.advance(number, |_| Jump::Unexplained);
        }
        let mut far_end = RemoteReports::default();
        assert_eq!(far_end.report(&block(450, 0), &sequence, 0), None);
        assert_eq!(
            far_end.report(&block(400, 0), &sequence, 0),
            None,
            "100 behind"
        );
        let report = far_end.report(&block(490, 4), &sequence, 0);
        assert_eq!(report, Some(LossCounts::certain(40, 4)));
    }
}
