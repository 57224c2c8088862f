//! What one reporter has said of a stream.

use super::{HEARD_SECONDS, ReportContext};
use crate::stream::reports::ReportedLoss;
use crate::stream::sequence::Sequence;
use crate::stream::tally::LossCounts;
use crate::units::Second;
use crate::wire::rtcp::ReportBlock;
use std::num::NonZeroU32;

/// A report interval longer than this many packets is a new start of the far end's counting:
/// ten minutes at 20 ms.
const LONGEST_INTERVAL: u32 = 30_000;

/// A number that lies so far behind the tap's, or farther, has not come yet.
const FARTHEST: u16 = 1 << 15;

/// So many numbers must have passed us since a highest number was first reported before the same
/// again says that nothing arrives: half a second at 20 ms. Fewer may be under way.
const UNDER_WAY: u32 = 25;

/// Most reports without progress whose seconds are remembered, to make certain what was in doubt in
/// them: five minutes at one in 5 s. What was in doubt before stays so.
const MAX_STANDING: usize = 64;

/// One reporter of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::stream) struct Reporter {
    pub(super) ssrc: u32,
    /// The second of its last report, modulo 2^32.
    heard: u32,
    last: Option<LastReport>,
    /// Numbers in doubt since the highest number stands still, by the second of the report.
    standing: Option<Box<Standing>>,
    /// Since the round began that all reporters have in common: expected, lost, maybe lost.
    round: [u32; 3],
    reports: u8,
    is_active: bool,
    /// It has said nothing of the stream so far.
    is_new: bool,
    /// Since its last report others have spoken without it, and so many are booked by that: lost for certain, and
    /// lost or maybe lost.
    missed: Option<[u32; 2]>,
    /// The second of the last VoIP metrics that counted, modulo 2^16.
    metrics: u16,
}

/// Seconds, and numbers that are booked in each.
pub(super) type Standing = Vec<(Second, u32)>;

/// The reporter's last report that brought a new highest number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct LastReport {
    /// Not 0: one report in 2^32 waits for the next.
    highest: NonZeroU32,
    lost: i32,
    /// Numbers missing at the tap, up to that highest number, modulo 2^32: so many at most, of which so many
    /// may be missing behind it.
    gaps: u32,
    unsure: u16,
    /// So far it lay behind the tap's own highest, and that, modulo 2^32.
    behind: u16,
    passed: u32,
    /// Numbers in doubt since.
    doubted: u32,
}

/// What follows from a report, by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    /// Of its interval, if it ends one.
    pub(super) counts: Option<LossCounts>,
    /// How many of the numbers that the tap misses in it the reporter has.
    pub(super) surplus: u32,
    /// So many that it had counted as lost it counts no more.
    pub(super) taken_back: u32,
}

/// What a report says of a time of which others have spoken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SaidBefore {
    /// More may have been lost than is booked; none where nobody has spoken without it.
    pub(super) short: Option<LossCounts>,
    /// So many are booked as certain that it does not bear out.
    pub(super) excess: u32,
}

impl Reporter {
    pub(super) const fn new(ssrc: u32, now: Second) -> Self {
        Self {
            ssrc,
            heard: 0,
            last: None,
            standing: None,
            round: [0; 3],
            reports: 0,
            is_active: false,
            is_new: true,
            missed: None,
            metrics: low16(now).wrapping_sub(1),
        }
    }

    /// Its VoIP metrics come: whether they count. One in a second does, so that who sends many says no more
    /// than others.
    pub(super) fn note_metrics(&mut self, now: Second) -> bool {
        self.heard = low(now.0);
        std::mem::replace(&mut self.metrics, low16(now)) != low16(now)
    }

    /// Whether it takes part in what is said of the stream: it has reported an interval, or has begun one lately.
    pub(super) const fn takes_part(&self, now: Second) -> bool {
        let has_begun = self.last.is_some() && self.missed.is_none();
        self.is_active || (has_begun && self.silent(now) <= HEARD_SECONDS)
    }

    /// What it has not borne out so far reaches back for so many seconds.
    pub(super) const fn unheard(&self, now: Second) -> u32 {
        if self.is_new {
            HEARD_SECONDS
        } else {
            self.silent(now)
        }
    }

    /// The second of its last report, modulo 2^32.
    pub(super) fn heard(&self) -> Second {
        Second(self.heard.into())
    }

    /// Whether the others wait for its report.
    pub(super) const fn is_awaited(&self, now: Second) -> bool {
        self.takes_part(now) && self.reports == 0
    }

    /// Since its last report, in seconds.
    pub(super) const fn silent(&self, now: Second) -> u32 {
        low(now.0).wrapping_sub(self.heard)
    }

    /// Takes its next report. If it is the only reporter since a second (`alone_since`), what was in doubt from that
    /// second on becomes certain in the seconds in which it was booked; these go to `booked`.
    pub(super) fn take(
        &mut self,
        context: &ReportContext<'_>,
        block: &ReportBlock,
        alone_since: Option<Second>,
        booked: &mut Vec<ReportedLoss>,
    ) -> Said {
        self.heard = low(context.second.0);
        let said = match &mut self.last {
            Some(last) if last.highest.get() == block.highest_sequence => {
                let Some(more) = last.doubt(context) else {
                    return Said::default();
                };
                let standing = self.standing.get_or_insert_default();
                if standing.len() < MAX_STANDING {
                    standing.push((context.second, more));
                }
                Said {
                    counts: Some(LossCounts::maybe(more.into())),
                    ..Said::default()
                }
            }
            _ => {
                let mut said = self.move_on(context, block);
                let Some(counts) = &mut said.counts else {
                    return said;
                };
                if let Some((standing, since)) = self.standing.take().zip(alone_since) {
                    *counts = confirm(&standing, since, *counts, booked);
                }
                said
            }
        };
        self.is_active = true;
        said
    }

    /// What its report says of the time since the one before, where others have spoken of that without it: they
    /// do not say it again. A new reporter says nothing of what was before: it may have lost none of it.
    pub(super) fn said_before(&mut self, counts: Option<LossCounts>) -> SaidBefore {
        if std::mem::take(&mut self.is_new) {
            return SaidBefore {
                excess: u32::MAX,
                ..SaidBefore::default()
            };
        }
        let (Some(counts), Some([lost, most])) = (counts, self.missed) else {
            return SaidBefore::default();
        };
        self.missed = None;
        let short = count32(counts.lost + counts.maybe_lost).saturating_sub(most);
        SaidBefore {
            short: Some(LossCounts::maybe(short.into())),
            excess: lost.saturating_sub(count32(counts.lost)),
        }
    }

    /// So many are booked as certain since its last report, by what others said.
    pub(super) fn take_missed(&mut self) -> u32 {
        self.missed.take().map_or(0, |[lost, _]| lost)
    }

    /// Another's report booked so many, and made so many doubtful that were certain.
    pub(super) fn miss(&mut self, booked: LossCounts, doubted: u32) {
        if let Some([lost, most]) = &mut self.missed {
            *lost = lost
                .saturating_add(count32(booked.lost))
                .saturating_sub(doubted);
            *most = most.saturating_add(count32(booked.lost + booked.maybe_lost));
        }
    }

    /// Its highest number has moved on: the loss over the interval, and how many of the numbers that the
    /// tap misses in it the reporter has, if it has ever reported a loss and its count has not gone back.
    fn move_on(&mut self, context: &ReportContext<'_>, block: &ReportBlock) -> Said {
        let sequence = context.sequence;
        let gaps = self.gaps_up_to(context, block.highest_sequence);
        let highest = NonZeroU32::new(block.highest_sequence);
        let (Some((gaps, unsure)), Some(highest)) = (gaps, highest) else {
            return Said::default();
        };
        let passed = low(sequence.extended());
        let now = LastReport {
            highest,
            lost: block.lost,
            gaps,
            unsure,
            behind: behind(sequence, block.highest_sequence),
            passed,
            doubted: 0,
        };
        let Some(before) = self.last.replace(now) else {
            return Said::default();
        };
        let expected = now.highest.get().wrapping_sub(before.highest.get());
        if expected > LONGEST_INTERVAL {
            // A jump begins anew.
            self.standing = None;
            self.missed = None;
            return Said::default();
        }
        let reported = i64::from(now.lost) - i64::from(before.lost);
        // None, where numbers that were missing have come since.
        let [least, most] = now.gaps_since(&before);
        // Duplicates can make the far end's count go back, and packets that came late (RFC 3550 §A.3): no negative
        // loss.
        let expected = i64::from(expected);
        let lost = (reported - most).clamp(0, expected);
        let maybe_lost = (reported - least).clamp(0, expected) - lost;
        let can_tell = before.lost > 0 && reported >= 0;
        let surplus = if can_tell { least - reported } else { 0 };
        let surplus = count32(surplus);
        let counts = LossCounts {
            expected: expected - maybe_lost,
            lost,
            maybe_lost,
        };
        Said {
            counts: Some(counts),
            surplus,
            taken_back: count32(-reported),
        }
    }

    /// The numbers missing at the tap up to a reported one: so many at most, and so many of them may lie behind
    /// it, where the report comes from so far away, or so late, that the number has left the reorder window.
    /// None where it is not ahead of the last report's then, or has not come yet: the next report will do.
    fn gaps_up_to(&self, context: &ReportContext<'_>, highest: u32) -> Option<(u32, u16)> {
        if let Some(gaps) = context.sequence.missing_up_to(highest) {
            return Some((low(context.lost_here + gaps), 0));
        }
        let is_ahead = |last: &LastReport| {
            let ahead = highest.wrapping_sub(last.highest.get());
            (1..=LONGEST_INTERVAL).contains(&ahead)
        };
        let behind = behind(context.sequence, highest);
        if behind >= FARTHEST || !self.last.as_ref().is_none_or(is_ahead) {
            return None;
        }
        let gaps = low(context.lost_here);
        let reached = low(context.sequence.extended()).wrapping_sub(behind.into());
        let known = self.last.map_or(0, |last| last.known_up_to(reached));
        let since = u16::try_from(gaps.wrapping_sub(known)).unwrap_or(u16::MAX);
        Some((gaps, since.min(behind)))
    }

    /// Adds to the round; its reports in it.
    pub(super) fn note_round(&mut self, counts: LossCounts) -> u8 {
        let more = [counts.expected, counts.lost, counts.maybe_lost];
        for (sum, more) in self.round.iter_mut().zip(more) {
            *sum = sum.saturating_add(count32(more));
        }
        self.reports = self.reports.saturating_add(1);
        self.reports
    }

    /// Ends the round: what it said, if anything. One that said nothing is no longer waited for, and has missed
    /// it.
    pub(super) fn end_round(&mut self) -> Option<LossCounts> {
        let has_reported = std::mem::take(&mut self.reports) > 0;
        if !has_reported {
            self.is_active = false;
            if self.last.is_some() && self.missed.is_none() {
                self.missed = Some([0; 2]);
            }
        }
        let [expected, lost, maybe_lost] = std::mem::take(&mut self.round).map(i64::from);
        has_reported.then_some(LossCounts {
            expected,
            lost,
            maybe_lost,
        })
    }

    /// Its next report begins the next interval.
    pub(super) fn restart(&mut self) {
        self.last = None;
        self.standing = None;
        self.missed = None;
    }
}

impl LastReport {
    /// The numbers missing at the tap since another report's highest: the least and the most. None, where
    /// numbers that were missing have come since.
    fn gaps_since(&self, before: &Self) -> [i64; 2] {
        let at_most = self.gaps.wrapping_sub(before.least());
        let at_least = self.least().wrapping_sub(before.gaps);
        [at_least, at_most].map(|gaps| gaps.cast_signed().max(0).into())
    }

    /// So many numbers are missing at least up to a later one, as the tap counts: what was missing at the time of
    /// this report lies before the tap's highest number of then.
    fn known_up_to(&self, number: u32) -> u32 {
        if number.wrapping_sub(self.passed).cast_signed() >= 0 {
            self.gaps
        } else {
            self.least()
        }
    }

    /// So many numbers are missing up to the highest at least.
    fn least(&self) -> u32 {
        self.gaps.wrapping_sub(self.unsure.into())
    }

    /// The same highest number again: numbers that passed us since, did not reach the reporter, and
    /// were not in doubt before.
    fn doubt(&mut self, context: &ReportContext<'_>) -> Option<u32> {
        let passed = low(context.sequence.extended());
        if passed.wrapping_sub(self.passed) < UNDER_WAY {
            return None;
        }
        let absent = low(context.lost_here + context.sequence.missing());
        let ours = absent.wrapping_sub(self.gaps).cast_signed().max(0);
        let unreached = passed.wrapping_sub(self.passed);
        let unreached = unreached.saturating_add(self.behind.into());
        let unreached = unreached.saturating_sub(ours.cast_unsigned());
        let more = unreached.checked_sub(self.doubted)?;
        self.doubted = unreached;
        Some(more)
    }
}

/// The reporter's count confirms what was in doubt, the oldest first: certain in the second in which it
/// was maybe lost, but for seconds before `since`, of which another one has spoken. What is left of the counts
/// is of now.
fn confirm(
    standing: &[(Second, u32)],
    since: Second,
    mut counts: LossCounts,
    booked: &mut Vec<ReportedLoss>,
) -> LossCounts {
    for (second, doubted) in standing {
        let confirmed = counts.lost.min((*doubted).into());
        if confirmed > 0 {
            counts.subtract(LossCounts::certain(confirmed, confirmed));
            if *second >= since {
                booked.push((*second, LossCounts::confirmed(confirmed)));
            }
        }
    }
    counts
}

/// So far a number of 16 bits lies behind the tap's highest.
#[expect(clippy::cast_possible_truncation, reason = "modulo 2^16 is meant")]
fn behind(sequence: &Sequence, number: u32) -> u16 {
    sequence.last_number().wrapping_sub(number as u16)
}

/// A count as it is kept; less than none is none.
fn count32(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(0)
}

#[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
const fn low(count: u64) -> u32 {
    count as u32
}

#[expect(clippy::cast_possible_truncation, reason = "modulo 2^16 is meant")]
const fn low16(second: Second) -> u16 {
    second.0 as u16
}
