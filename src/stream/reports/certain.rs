//! What reporters' words made certain, as long as another reporter may say less (MODEL §7.6).

use super::ReportedLoss;
use super::reporter::Standing;
use crate::stream::tally::LossCounts;
use crate::units::Second;

/// Most seconds remembered: a minute and more, for a reporter that was silent for longer begins anew. What was
/// certain before stays so.
const MAX_CERTAIN: usize = 64;

/// Numbers lost for certain, by the second in which they were booked; none for most streams.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct CertainLoss(Option<Box<Standing>>);

impl CertainLoss {
    /// Takes what is booked; the sum of it.
    pub(super) fn note(&mut self, booked: &[ReportedLoss]) -> LossCounts {
        let mut sum = LossCounts::default();
        for (second, counts) in booked {
            sum.add(*counts);
            let Some(lost) = u32::try_from(counts.lost).ok().filter(|lost| *lost > 0) else {
                continue;
            };
            let known = self.0.get_or_insert_default();
            if let Some((_, sum)) = known.iter_mut().find(|(known, _)| known == second) {
                *sum = sum.saturating_add(lost);
                continue;
            }
            if known.len() >= MAX_CERTAIN {
                known.remove(0);
            }
            known.push((*second, lost));
        }
        sum
    }

    /// So many of those of a second and later are only maybe lost, at most, in the seconds in which they were
    /// booked; how many.
    pub(super) fn doubt(
        &mut self,
        most: u32,
        since: Second,
        booked: &mut Vec<ReportedLoss>,
    ) -> u32 {
        let Some(known) = &mut self.0 else {
            return 0;
        };
        let mut left = most;
        for (second, lost) in known.iter_mut().filter(|(second, _)| *second >= since) {
            let some = left.min(*lost);
            if some > 0 {
                booked.push((*second, LossCounts::confirmed(-i64::from(some))));
            }
            *lost -= some;
            left -= some;
        }
        known.retain(|(_, lost)| *lost > 0);
        most - left
    }
}
