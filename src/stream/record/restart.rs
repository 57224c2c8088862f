//! Whether numbers that lie behind are a sender that begins anew, with numbers that it has used
//! before, or copies and stragglers.
//!
//! A sender may begin anew under the same SSRC and ports, with the very numbers and timestamps that
//! it began with. To call its packets late would hide all of its loss. So a number is late for as
//! long as packets are reordered; what comes from further behind, on one line of number, timestamp
//! and arrival, is a new numbering (RFC 3550 §A.1), unless the old one goes on beside it.
//!
//! A stream has a [`SuspectedRestart`] only while that is open, for two seconds of packets at most.

use crate::stream::booking::{Booking, Certainty, LossReason};
use crate::stream::gaps::{MissingNumbers, Skipped};
use crate::stream::record::Stream;
use crate::stream::record::clock::{AUDIO_CLOCKS, PayloadType, SHORTEST_INTERVAL, agrees, sent};
use crate::stream::sequence::{Arrival, Jump, Sequence, SequenceStep, WINDOW};
use crate::units::{Second, Timestamp};
use crate::voice::rtp_summary::RtpSummary;
use std::num::NonZeroU32;
use std::time::Duration;

/// So long the old numbering may still go on: longer than any path reorders or delays copies.
const UNDECIDED: Duration = Duration::from_secs(2);

/// Packets on one line that may be a new numbering. RFC 3550 §A.1 asks for two in sequence, of any
/// numbers; two copies in sequence are common.
const PROOF: u32 = 3;

/// Late packets kept for jitter: a restart that is refuted has one or two, as a rule.
const OTHERS: usize = 8;

/// A numbering that may have begun anew.
#[derive(Clone, Debug)]
pub(super) struct SuspectedRestart {
    /// Arrival and RTP timestamp of its first packet, and its number.
    first: (Timestamp, u32),
    first_number: u64,
    /// Its numbers so far, and those of them that are missing.
    sequence: Sequence,
    missing: MissingNumbers,
    absent: i64,
    /// What is to be booked of them, and what has been, by second: as soon as it is likely that there
    /// is a new numbering, its loss is booked, and taken back if there is none.
    bookings: Vec<Booking>,
    booked: Vec<(Second, i64)>,
    /// Arrival and RTP timestamp of its highest number.
    newest: (Timestamp, u32),
    /// The clock of its first packet, and what its sender's packets usually lie apart.
    clock: Option<NonZeroU32>,
    interval: Duration,
    /// Packets that only the new numbering explains.
    packets: u32,
    /// Of these, those whose number had come already in the old numbering.
    copies: u32,
    /// Those that came off the line of the first one.
    loose: u32,
    /// The others, the first few: if there is no new numbering, they are late, and count in jitter
    /// (RFC 3550 §A.8 takes every packet).
    others: Vec<Other>,
    /// Packets of the old numbering that came since.
    rivals: u32,
    /// Those of them that both numberings expected: what was given back for them in the old one.
    shared: Vec<(Certainty, Timestamp)>,
    /// Packets that came twice, or out of order, in the new numbering.
    duplicates: u32,
    reordered: u32,
}

/// A packet whose number had not come in the old numbering.
#[derive(Clone, Copy, Debug)]
struct Other {
    arrival: Timestamp,
    timestamp: u32,
    number: u16,
}

impl From<&RtpSummary> for Other {
    fn from(packet: &RtpSummary) -> Self {
        Self {
            arrival: packet.time,
            timestamp: packet.timestamp,
            number: packet.sequence,
        }
    }
}

impl SuspectedRestart {
    /// Begins with a packet that lies behind; whether its number had come.
    fn new(
        packet: &RtpSummary,
        had_come: bool,
        clock: Option<NonZeroU32>,
        interval: Duration,
    ) -> Self {
        let sequence = Sequence::new(packet.sequence);
        let place = (packet.time, packet.timestamp);
        Self {
            first: place,
            first_number: sequence.extended(),
            sequence,
            missing: MissingNumbers::new(),
            absent: 0,
            bookings: Vec::new(),
            booked: Vec::new(),
            newest: place,
            clock,
            interval,
            packets: 1,
            copies: u32::from(had_come),
            loose: 0,
            others: (!had_come).then(|| packet.into()).into_iter().collect(),
            rivals: 0,
            shared: Vec::new(),
            duplicates: 0,
            reordered: 0,
        }
    }

    /// Whether a packet continues the new numbering.
    fn continues(&self, packet: &RtpSummary) -> bool {
        let ahead = packet.sequence.wrapping_sub(self.sequence.last_number());
        let number = self.sequence.extended() + u64::from(ahead);
        let number = if ahead < 1 << 15 {
            number
        } else {
            number - (1 << 16)
        };
        let Some(numbers) = number.checked_sub(self.first_number) else {
            return false;
        };
        let gone = packet.time.since(self.first.0);
        let most = gone.as_nanos() / SHORTEST_INTERVAL.as_nanos() + u128::from(PROOF);
        let place = (packet.time, packet.timestamp);
        u128::from(numbers) <= most && self.is_on_time(place, numbers, agrees)
    }

    /// Takes a packet that continues it. Where the old numbering does not expect it, `behind` says
    /// whether its number had come there.
    fn take(&mut self, packet: &RtpSummary, behind: Option<bool>) {
        if let Some(had_come) = behind {
            self.packets += 1;
            self.copies += u32::from(had_come);
            self.loose += u32::from(!self.is_close((packet.time, packet.timestamp)));
            if !had_come && self.others.len() < OTHERS {
                self.others.push(packet.into());
            }
        }
        let before = self.sequence.extended();
        let filled = self.sequence.missing_number(packet.sequence);
        let step = self.sequence.advance(packet.sequence, on_clock);
        self.absent += step.missing;
        self.duplicates += u32::from(step.arrival == Arrival::Duplicate);
        self.reordered += u32::from(step.arrival == Arrival::Reordered);
        if let Some(number) = filled
            && let Some((certainty, due)) = self.missing.expects(number, packet.time)
        {
            self.bookings.push(Booking::back(certainty, due));
            self.missing.forget(number);
        }
        if self.sequence.extended() > before {
            let (from, until) = (self.newest.0.min(packet.time), packet.time);
            let certainty = Certainty::Lost;
            let skipped = Skipped {
                certainty,
                from,
                until,
            };
            self.missing
                .note(before + 1..self.sequence.extended(), skipped);
            if let Ok(numbers @ 1..) = u64::try_from(step.missing) {
                let booking = Booking::between(certainty, numbers, from, until);
                self.bookings.push(booking);
            }
            self.newest = (packet.time, packet.timestamp);
        }
    }

    /// A packet came that the old numbering expects; whether the new one may still be.
    fn has_rival(&mut self) -> bool {
        self.rivals += 1;
        self.goes_alone()
    }

    /// Whether its packets show a new numbering, closely enough to decide before time is up.
    fn is_proven(&self) -> bool {
        self.packets >= PROOF && self.goes_alone() && self.is_close(self.newest)
    }

    /// The same, where the old numbering expects these numbers too. Then three of four packets have to
    /// lie close to the line: a few copies may lie on it by chance.
    fn is_surely_proven(&self) -> bool {
        self.is_proven() && self.loose * 4 <= self.packets
    }

    /// Whether a packet lies on the line of the first one.
    fn is_close(&self, place: (Timestamp, u32)) -> bool {
        let numbers = self.sequence.extended() - self.first_number;
        self.is_on_time(place, numbers, |gone, sent| {
            let close = sent / 4 + Duration::from_millis(5);
            gone.abs_diff(sent) <= close && agrees(gone, sent)
        })
    }

    /// Whether the old numbering has had its time to go on.
    fn is_due(&self, now: Timestamp) -> bool {
        self.packets >= PROOF && now.since(self.first.0) >= UNDECIDED
    }

    /// Its numbers.
    pub(super) fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    /// The old numbering goes on at less than half the pace of the new one.
    fn goes_alone(&self) -> bool {
        self.rivals.saturating_mul(2) < self.packets
    }

    /// Whether a packet that came so long after the first was sent then, by its timestamp; a clock that
    /// is not known may be any that audio has.
    fn is_on_time(
        &self,
        (arrival, timestamp): (Timestamp, u32),
        numbers: u64,
        agrees: impl Fn(Duration, Duration) -> bool,
    ) -> bool {
        let gone = arrival.since(self.first.0);
        let units = timestamp.wrapping_sub(self.first.1);
        if let Some(clock) = self.clock {
            return agrees(gone, sent(units, clock));
        }
        let numbers = u32::try_from(numbers).unwrap_or(u32::MAX);
        let mut clocks = AUDIO_CLOCKS.into_iter().filter_map(NonZeroU32::new);
        agrees(gone, self.interval.saturating_mul(numbers))
            || clocks.any(|clock| agrees(gone, sent(units, clock)))
    }

    /// Books what its numbers lost since the last time.
    fn book(&mut self, bookings: &mut Vec<Booking>) {
        for booking in self.bookings.drain(..) {
            for (second, count) in booking.by_second() {
                match self.booked.iter_mut().find(|(known, _)| *known == second) {
                    Some((_, sum)) => *sum += count,
                    None => self.booked.push((second, count)),
                }
            }
            bookings.push(booking);
        }
    }

    /// There is no new numbering: what was booked of it is taken back.
    fn take_back(&self, bookings: &mut Vec<Booking>) {
        for (second, count) in self.booked.iter().filter(|(_, count)| *count != 0) {
            bookings.push(Booking {
                certainty: Certainty::Lost,
                count: -count,
                from: second.start(),
                until: second.start(),
            });
        }
    }
}

impl Stream {
    /// Decides whether a new numbering has begun, if this packet shows it.
    pub(super) fn decide_restart(
        &mut self,
        packet: &RtpSummary,
        bookings: &mut Vec<Booking>,
    ) -> SequenceStep {
        let Some(restart) = &self.cold.restart else {
            return SequenceStep::of(Arrival::InOrder);
        };
        let expected = self.expects(packet);
        let continues = restart.continues(packet) && !(expected && self.fits(packet));
        let is_decided = match (continues, expected) {
            // The new numbering has come to where the old one ended.
            (true, true) => self.sequence.is_ahead(packet.sequence) && restart.is_surely_proven(),
            (true, false) => restart.is_due(packet.time),
            // Of a clock that nobody knows, a jump fits nearly any time: it says less than packets in a row.
            (false, true) => {
                let ahead = packet.sequence.wrapping_sub(self.sequence.last_number());
                let is_jump = u64::from(ahead) >= WINDOW;
                is_jump && self.clock().is_none() && restart.is_surely_proven()
            }
            // Of neither numbering: perhaps of a third.
            (false, false) => true,
        };
        if is_decided {
            self.end_restart(bookings)
        } else {
            SequenceStep::of(Arrival::InOrder)
        }
    }

    /// Takes a packet for the new numbering that may have begun, if only that explains it. One that
    /// the old numbering expects is counted there, and speaks against the new one.
    pub(super) fn continue_restart(
        &mut self,
        packet: &RtpSummary,
        before: &PayloadType,
        bookings: &mut Vec<Booking>,
    ) -> Option<SequenceStep> {
        let expected = self.expects(packet);
        let fits = expected && self.fits(packet);
        let missing = self.sequence.missing_number(packet.sequence);
        let due = missing.and_then(|number| self.due(number, packet.time));
        let restart = self.cold.restart.as_mut()?;
        let continues = restart.continues(packet) && !fits;
        if !expected {
            restart.take(packet, Some(self.sequence.has(packet.sequence)));
            if restart.is_proven() {
                restart.book(bookings);
            }
            return Some(SequenceStep::of(Arrival::Suspect));
        }
        if continues {
            restart.take(packet, None);
            restart.shared.extend(due);
        }
        if restart.has_rival() {
            return None;
        }
        let refuted = self.end_restart(bookings);
        Some(refuted.then(self.advance_numbering(packet, before, bookings)))
    }

    /// Whether a packet lies on the line of the old numbering at least as closely as on the new one's.
    fn fits(&self, packet: &RtpSummary) -> bool {
        let clock = self.clock();
        let off = |(arrival, timestamp): (Timestamp, u32)| {
            let units = packet.timestamp.wrapping_sub(timestamp).cast_signed();
            let sent = clock.map(|clock| sent(units.unsigned_abs(), clock).as_nanos());
            let sent = i128::try_from(sent.unwrap_or(0)).unwrap_or(i128::MAX);
            let sent = if units < 0 { -sent } else { sent };
            let nanos = |time: Timestamp| i128::from(time.as_nanos());
            (nanos(packet.time) - nanos(arrival) - sent).unsigned_abs()
        };
        let restart = self.cold.restart.as_ref();
        let newest = (self.newest, self.newest_timestamp);
        restart.is_some_and(|restart| clock.is_some() && off(newest) <= off(restart.newest))
    }

    /// A new numbering may have begun with a packet that lies behind.
    pub(super) fn suspect_restart(
        &mut self,
        packet: &RtpSummary,
        step: SequenceStep,
    ) -> SequenceStep {
        let had_come = step.arrival == Arrival::Duplicate;
        let restart = SuspectedRestart::new(packet, had_come, self.clock(), self.interval());
        self.cold.restart = Some(Box::new(restart));
        SequenceStep {
            arrival: Arrival::Suspect,
            ..step
        }
    }

    /// Decides on the new numbering that may have begun: nothing more is waited for.
    pub(in crate::stream) fn end_restart(&mut self, bookings: &mut Vec<Booking>) -> SequenceStep {
        let Some(mut restart) = self.cold.restart.take() else {
            return SequenceStep::of(Arrival::InOrder);
        };
        if !restart.is_proven() {
            return self.refute(&restart, bookings);
        }
        self.note_restart(restart.first.0, bookings);
        restart.book(bookings);
        // What the new numbering sent did not fill gaps of the old one.
        for (certainty, due) in &restart.shared {
            bookings.push(Booking::between(*certainty, 1, *due, *due));
        }
        self.begin_numbering(restart.sequence);
        self.cold.note_missing(restart.absent);
        self.cold.missing = Some(Box::new(restart.missing));
        (self.newest, self.newest_timestamp) = restart.newest;
        self.cold.odd.reorder(restart.reordered);
        SequenceStep {
            duplicates: restart.duplicates,
            ..SequenceStep::of(Arrival::InOrder)
        }
    }

    /// The old numbering goes on: what came beside it was of its own, and late.
    fn refute(&mut self, restart: &SuspectedRestart, bookings: &mut Vec<Booking>) -> SequenceStep {
        restart.take_back(bookings);
        for other in &restart.others {
            let (time, step) = (other.arrival, self.of.step);
            self.jitter
                .advance(time, other.timestamp, other.number, step);
        }
        SequenceStep {
            late: restart.packets - restart.copies,
            duplicates: restart.copies,
            ..SequenceStep::of(Arrival::InOrder)
        }
    }

    /// A new numbering began with a packet of this time, by the sender's own doing: how much of the
    /// gap before it may have been lost, whoever judges that may say.
    pub(super) fn note_restart(&mut self, first: Timestamp, bookings: &mut Vec<Booking>) {
        let certainty = Certainty::Excused(LossReason::Restart);
        let packets = self.sent_in(first.since(self.newest));
        bookings.extend(packets.map(|packets| {
            let from = self.newest.min(first);
            Booking::between(certainty, packets, from, first)
        }));
    }
}

/// A jump of a packet that continues the line: its time has been looked at.
fn on_clock(forward: u16) -> Jump {
    if forward < 1 << 15 {
        Jump::Forward(forward.into())
    } else {
        Jump::Old
    }
}
