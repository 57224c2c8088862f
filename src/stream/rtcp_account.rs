//! What RTCP says of the doubt about a stream: the sender's own count of packets (RFC 3550 §6.4.1), and a
//! receiver behind the tap that misses fewer packets than the tap does (MODEL §7.12).
//!
//! A stream has an [`RtcpAccount`] from its first report on. Nothing here takes anything off what is lost
//! and what may be, together.

use crate::stream::booking::{Booking, Certainty, LossReason};
use crate::units::Second;
use std::ops::RangeInclusive;

/// Most entries of what was booked lately: at reports every 5 s, three lossy intervals and more. What is
/// older stays as it was booked.
const MAX_BOOKED: usize = 24;

/// So many packets may pass a report on its way, or come after it: 60 ms at 20 ms a packet.
const UNDER_WAY: i32 = 3;

/// What was booked so many seconds ago and more stays: no packet fills it (2 s), no new numbering takes it
/// back.
const STANDS: u32 = 3;

/// An interval of more packets is a new start of the sender's count: ten minutes at 20 ms.
const LONGEST_INTERVAL: u32 = 30_000;

/// Whenever it was.
const EVER: RangeInclusive<u32> = 0..=1 << 30;

/// What would have been sent before a new numbering, and is not counted.
const EXCUSED: Certainty = Certainty::Excused(LossReason::Restart);

/// What its sender counts as sent while nothing comes.
const SENT: Certainty = Certainty::MaybeLost(LossReason::Sent);

/// Numbers of one certainty, booked in one second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Booked {
    /// Modulo 2^32.
    second: u32,
    count: i32,
    certainty: Certainty,
}

impl Booked {
    /// So many of them are given back.
    fn back(&self, count: i32, now: Second) -> Booking {
        let age = low(now).wrapping_sub(self.second);
        let at = Second(now.0.saturating_sub(age.into())).start();
        Booking {
            certainty: self.certainty,
            count: -i64::from(count),
            from: at,
            until: at,
        }
    }
}

/// What of a stream has come at the tap, and what is missing there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct TapCounts {
    /// Packets, each number once, modulo 2^32.
    pub(super) packets: u32,
    /// Numbers that are missing.
    pub(super) missing: i32,
}

/// What follows from a sender's count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SenderCount {
    /// Nothing yet: the next interval begins.
    Begins,
    /// It agrees with the numbers, or explains what is in doubt.
    Agrees,
    /// It does not.
    Contradicts,
}

/// The sender's count at its last report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct SenderState {
    sent: u32,
    passed: TapCounts,
    /// When, modulo 2^32.
    at: u32,
    /// Packets sent since its count was first looked at, beyond those that came or whose number is
    /// missing; less than none: fewer.
    excess: i32,
}

impl SenderState {
    /// The excess with so many more packets sent, of a stream that has come so far.
    fn excess_at(&self, more: u32, passed: TapCounts) -> i32 {
        let came = passed.packets.wrapping_sub(self.passed.packets);
        let missing = passed.missing.wrapping_sub(self.passed.missing);
        let known = came.cast_signed().saturating_add(missing);
        let beyond = more.cast_signed().saturating_sub(known);
        self.excess.saturating_add(beyond)
    }
}

/// A receiver that misses fewer than the tap: how many fewer, and in which seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Surplus {
    packets: u32,
    /// The first and the last second, modulo 2^32.
    from: u32,
    until: u32,
}

/// What RTCP has said of a stream, and what was booked of it since.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct RtcpAccount {
    booked: Vec<Booked>,
    sender: Option<SenderState>,
    surplus: Option<Surplus>,
    /// Packets that the sender has counted as sent in a silence, and whose numbers do not show that.
    silence: Option<i32>,
    /// Packets that came twice, or late, at the last receiver's report.
    repeated: u32,
}

impl RtcpAccount {
    /// What is booked of the stream.
    pub(super) fn note(&mut self, booking: &Booking) {
        for (second, count) in booking.by_second() {
            let (second, certainty) = (low(second), booking.certainty);
            let same = |each: &&mut Booked| each.second == second && each.certainty == certainty;
            let count = i32::try_from(count).unwrap_or(i32::MAX);
            if let Some(known) = self.booked.iter_mut().find(same) {
                known.count = known.count.saturating_add(count);
                continue;
            }
            if self.booked.len() >= MAX_BOOKED {
                self.booked.remove(0);
            }
            self.booked.push(Booked {
                second,
                count,
                certainty,
            });
        }
    }

    /// A sender report counts so many packets.
    pub(super) fn count_sent(
        &mut self,
        sent: u32,
        passed: TapCounts,
        now: Second,
        changed: &mut Vec<Booking>,
    ) -> SenderCount {
        let begun = SenderState {
            sent,
            passed,
            at: low(now),
            excess: 0,
        };
        let before = self.sender.replace(begun);
        let more = before.map_or(u32::MAX, |before| sent.wrapping_sub(before.sent));
        let Some(before) = before.filter(|_| more <= LONGEST_INTERVAL) else {
            // It counts anew: of what was in doubt before it tells nothing.
            self.booked.retain(|booked| !is_open(booked.certainty));
            self.silence = None;
            return SenderCount::Begins;
        };
        let excess = before.excess_at(more, passed);
        let mut next = SenderState { excess, ..begun };
        let result = if self.booked_at(now, 0..=STANDS - 1, is_open) > 0 {
            // Of that the next report tells.
            SenderCount::Agrees
        } else if self.booked_at(now, EVER, is_open) > 0 {
            let doubted = self.silence.take().unwrap_or(0);
            // Of one gap there is one doubt.
            let gaps = self.booked_at(now, EVER, |of| is_gap(of) && of != EXCUSED);
            self.take_back(doubted.min(gaps), now, changed);
            self.weigh(excess.saturating_sub(doubted), now, changed);
            // Each doubt is weighed once.
            self.booked.retain(|booked| !is_open(booked.certainty));
            next.excess = 0;
            SenderCount::Agrees
        } else if excess.abs() <= UNDER_WAY {
            self.silence = None;
            SenderCount::Agrees
        } else {
            self.silence = None;
            next.excess = 0;
            SenderCount::Contradicts
        };
        self.sender = Some(next);
        result
    }

    /// A sender report counts so many packets in a silence, in which it can have sent so many at most: what it
    /// counts beyond those that came or whose number is missing may have been lost, in the second of the report.
    pub(super) fn count_sent_in_silence(
        &mut self,
        sent: u32,
        passed: TapCounts,
        most: i32,
        now: Second,
        changed: &mut Vec<Booking>,
    ) {
        let Some(before) = self.sender else {
            return;
        };
        let more = sent.wrapping_sub(before.sent);
        if more > LONGEST_INTERVAL || self.booked_at(now, EVER, is_open) > 0 {
            // Another numbering, or other doubt, may be what it counts.
            return;
        }
        let packets = before.excess_at(more, passed).min(most);
        let known = self.silence.unwrap_or(0);
        if packets <= UNDER_WAY || packets <= known {
            return;
        }
        self.silence = Some(packets);
        let at = now.start();
        let booking = Booking {
            certainty: SENT,
            count: packets.saturating_sub(known).into(),
            from: at,
            until: at,
        };
        self.note(&booking);
        changed.push(booking);
    }

    /// A stream goes on after a silence, and its numbers show that so many are missing since a second: they are booked
    /// by these, and not by what the sender counted besides.
    pub(super) fn show(
        &mut self,
        numbers: u64,
        [from, now]: [Second; 2],
        bookings: &mut Vec<Booking>,
    ) {
        let Some(silence) = &mut self.silence else {
            return;
        };
        let longest = low(now).wrapping_sub(low(from));
        let mut left = i32::try_from(numbers).unwrap_or(i32::MAX);
        for each in self.booked.iter().filter(|each| each.certainty == SENT) {
            let age = low(now).wrapping_sub(each.second);
            let some = each.count.min(left);
            if some <= 0 || age > longest {
                continue;
            }
            bookings.push(each.back(some, now));
            left -= some;
            *silence = silence.saturating_sub(some);
        }
    }

    /// So many of those that the sender counted in a silence are booked otherwise.
    fn take_back(&mut self, most: i32, now: Second, changed: &mut Vec<Booking>) {
        let mut left = most;
        for each in self.booked.iter_mut().filter(|each| each.certainty == SENT) {
            let some = each.count.min(left).max(0);
            changed.extend((some > 0).then(|| each.back(some, now)));
            each.count -= some;
            left -= some;
        }
        self.booked.retain(|each| each.count != 0);
    }

    /// What was excused may have been sent, as far as more was sent than is known of. What is lost for certain
    /// stays as it is: anybody can forge a count.
    fn weigh(&mut self, excess: i32, now: Second, changed: &mut Vec<Booking>) {
        if excess > UNDER_WAY {
            let doubtful = Certainty::MaybeLost(LossReason::Restart);
            let excused = |certainty| certainty == EXCUSED;
            self.change((now, EVER), excused, excess, doubtful, changed);
        }
    }

    /// A receiver's report: of the numbers that the tap misses since another second it has so many.
    /// `repeated`: what came twice or late so far, which a receiver takes off its losses (RFC 3550 A.3).
    pub(super) fn count_received(
        &mut self,
        surplus: u32,
        repeated: u32,
        [from, now]: [Second; 2],
        changed: &mut Vec<Booking>,
    ) {
        let again = repeated.saturating_sub(std::mem::replace(&mut self.repeated, repeated));
        let more = surplus.saturating_sub(again);
        let before = self.surplus.take();
        if before.is_none() && more == 0 {
            return;
        }
        let mut owed = before.unwrap_or(Surplus {
            packets: 0,
            from: low(from),
            until: low(now),
        });
        owed.packets = owed.packets.saturating_add(more);
        if more > 0 {
            owed.until = low(now);
        }
        let since = |second: u32| low(now).wrapping_sub(second);
        let ages = since(owed.until).max(STANDS)..=since(owed.from);
        let most = i32::try_from(owed.packets).unwrap_or(i32::MAX);
        let lost = |certainty| certainty == Certainty::Lost;
        let doubtful = Certainty::MaybeLost(LossReason::Received);
        let moved = self.change((now, ages), lost, most, doubtful, changed);
        owed.packets -= moved.unsigned_abs();
        if owed.packets > 0 && since(owed.until) < STANDS {
            self.surplus = Some(owed);
        }
    }

    /// When the sender's count came last, so long before; none where its next one begins an interval.
    pub(super) fn counted(&self, now: Second) -> Option<Second> {
        let age = low(now).wrapping_sub(self.sender?.at);
        Some(Second(now.0.saturating_sub(age.into())))
    }

    /// Time has jumped, or was not seen: the next reports begin the next intervals.
    pub(super) fn restart(&mut self) {
        self.sender = None;
        self.surplus = None;
        self.silence = None;
    }

    /// What was booked so many seconds ago.
    fn booked_at(
        &self,
        now: Second,
        ages: RangeInclusive<u32>,
        is: impl Fn(Certainty) -> bool,
    ) -> i32 {
        let inside = self.booked.iter().filter(|each| {
            is(each.certainty) && ages.contains(&low(now).wrapping_sub(each.second))
        });
        inside.fold(0, |sum, each| sum.saturating_add(each.count.max(0)))
    }

    /// Books as something else what was booked so many seconds ago, the oldest first and not more than so
    /// many; how many.
    fn change(
        &mut self,
        (now, ages): (Second, RangeInclusive<u32>),
        is: impl Fn(Certainty) -> bool,
        most: i32,
        to: Certainty,
        changed: &mut Vec<Booking>,
    ) -> i32 {
        let most = most.max(0);
        let mut left = most;
        let age = |each: &Booked| low(now).wrapping_sub(each.second);
        self.booked.sort_by_key(|each| std::cmp::Reverse(age(each)));
        for each in &mut self.booked {
            let some = each.count.min(left);
            if some <= 0 || !is(each.certainty) || !ages.contains(&age(each)) {
                continue;
            }
            let at = Second(now.0.saturating_sub(age(each).into())).start();
            let booking = |certainty, count: i32| Booking {
                certainty,
                count: count.into(),
                from: at,
                until: at,
            };
            changed.extend([booking(each.certainty, -some), booking(to, some)]);
            each.count -= some;
            left -= some;
        }
        self.booked.retain(|each| each.count != 0);
        most - left
    }
}

/// What a sender's count can tell of.
fn is_open(certainty: Certainty) -> bool {
    is_gap(certainty) || is_skipped(certainty)
}

/// What may have been sent between two numberings.
fn is_gap(certainty: Certainty) -> bool {
    matches!(
        certainty,
        Certainty::MaybeLost(LossReason::Restart | LossReason::Stalled)
            | Certainty::Excused(LossReason::Restart)
    )
}

/// Numbers that were skipped, and may not have been sent.
fn is_skipped(certainty: Certainty) -> bool {
    let reasons = [LossReason::NoRoom, LossReason::OtherSsrc, LossReason::Hold];
    reasons
        .into_iter()
        .any(|reason| certainty == Certainty::MaybeLost(reason))
}

#[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
const fn low(second: Second) -> u32 {
    second.0 as u32
}

#[cfg(test)]
mod tests;
