//! What a packet's number does to its stream: what is missing with it, or comes after all, and what
//! is to be booked of that.

use crate::stream::booking::{Booking, Certainty, LossReason};
use crate::stream::gaps::{MissingNumbers, Skipped};
use crate::stream::record::clock::{DEFAULT_INTERVAL, LOOK, PayloadType, SHORTEST_INTERVAL, sent};
use crate::stream::record::jump::Gap;
use crate::stream::record::{Stream, clock_of, interval_of, millis};
use crate::stream::sequence::{Arrival, Jump, Sequence, SequenceStep, WINDOW};
use crate::units::Timestamp;
use crate::voice::rtp_summary::RtpSummary;
use std::time::Duration;

/// The longest telephone event: 16 bits of 8 kHz (RFC 4733 §2.3.5).
const LONGEST_EVENT: Duration = Duration::from_millis(8_192);

impl Stream {
    /// Any packet but one that was expected.
    #[cold]
    pub(super) fn advance_unexpected(
        &mut self,
        packet: &RtpSummary,
        before: &PayloadType,
        bookings: &mut Vec<Booking>,
    ) -> SequenceStep {
        let decided = self.decide_restart(packet, bookings);
        let step = self.continue_restart(packet, before, bookings);
        let step = step.unwrap_or_else(|| self.advance_numbering(packet, before, bookings));
        let step = match step.arrival {
            Arrival::Duplicate | Arrival::Late => self.suspect_restart(packet, step),
            _ => step,
        };
        let pending = self.is_restart_open() || !self.is_proven();
        self.sequence.set_restart_pending(pending);
        decided.then(step)
    }

    /// Whether a packet's number is one that may still come: ahead, where time explains it, or missing
    /// and not late.
    pub(super) fn expects(&self, packet: &RtpSummary) -> bool {
        let forward = packet.sequence.wrapping_sub(self.sequence.last_number());
        let missing = self.sequence.missing_number(packet.sequence);
        match missing {
            Some(number) => self.due(number, packet.time).is_some(),
            None if u64::from(forward) < WINDOW => forward > 0,
            None => matches!(
                self.gap(packet, &self.of).explain(forward),
                Jump::Forward(_)
            ),
        }
    }

    /// What was booked for a missing number, and when it was due, if it is not late.
    pub(super) fn due(&self, number: u64, arrival: Timestamp) -> Option<(Certainty, Timestamp)> {
        self.cold.missing.as_ref()?.expects(number, arrival)
    }

    /// Takes a packet whose number was missing; none if it was not.
    fn fill(
        &mut self,
        number: u16,
        arrival: Timestamp,
        bookings: &mut Vec<Booking>,
    ) -> Option<SequenceStep> {
        let place = self.sequence.missing_number(number)?;
        let Some((certainty, due)) = self.due(place, arrival) else {
            return Some(self.sequence.advance_late());
        };
        bookings.push(Booking::back(certainty, due));
        if let Some(missing) = &mut self.cold.missing {
            missing.forget(place);
        }
        let step = self.sequence.advance(number, |_| Jump::Unexplained);
        self.cold.note_missing(step.missing);
        Some(step)
    }

    /// The numbering has passed a suspect after all, which was one of its packets: its number has come, though what
    /// came with it explained it only later.
    fn fill_suspected(&mut self, number: u16, bookings: &mut Vec<Booking>) -> bool {
        let place = self.sequence.missing_number(number);
        let due = place.and_then(|place| Some((place, self.due(place, self.cold.suspect)?)));
        let Some((place, (certainty, due))) = due else {
            return false;
        };
        bookings.push(Booking::back(certainty, due));
        if let Some(missing) = &mut self.cold.missing {
            missing.forget(place);
        }
        let step = self.sequence.advance(number, |_| Jump::Unexplained);
        self.cold.note_missing(step.missing);
        true
    }

    /// Takes a packet into the numbering.
    pub(super) fn advance_numbering(
        &mut self,
        packet: &RtpSummary,
        before: &PayloadType,
        bookings: &mut Vec<Booking>,
    ) -> SequenceStep {
        if let Some(step) = self.fill(packet.sequence, packet.time, bookings) {
            return step;
        }
        let highest = self.sequence.extended();
        let suspected = self.sequence.suspected();
        let gap = self.gap(packet, before);
        let mut step = self
            .sequence
            .advance(packet.sequence, |forward| gap.explain(forward));
        self.cold.note_missing(step.missing);
        let skipped = step.missing.cast_unsigned();
        match step.arrival {
            Arrival::InOrder => {
                let certainty = if skipped < WINDOW {
                    gap.certainty(skipped)
                } else {
                    Certainty::Lost
                };
                let from = self.newest.min(packet.time);
                let booked = (certainty, from, packet.time);
                self.show_silence(skipped, [from, packet.time], bookings);
                self.skip(before, (highest + 1, skipped), booked, bookings);
                self.renew(packet, before, highest);
                if suspected.is_some_and(|number| self.fill_suspected(number, bookings)) {
                    step.missing -= 1;
                    step.late = 0;
                }
            }
            // Before the first: what lies between may still come.
            Arrival::Reordered if skipped > 0 => {
                let behind = self.sequence.last_number().wrapping_sub(packet.sequence);
                let first = highest - u64::from(behind) + 1;
                let booked = (Certainty::Lost, packet.time, packet.time);
                self.skip(before, (first, skipped), booked, bookings);
            }
            Arrival::Suspect => {
                let forward = packet.sequence.wrapping_sub(self.sequence.last_number());
                let ran_on = gap.runs_together(forward) || gap.may_run_on(forward);
                let numbers = if ran_on { u32::from(forward) - 1 } else { 0 };
                self.cold.suspect = packet.time;
                self.cold.suspect_skipped = numbers;
            }
            Arrival::Restarted { .. } => self.begin_anew(packet, skipped, bookings),
            _ => {}
        }
        step
    }

    /// What lies between the newest packet and another one.
    fn gap(&self, packet: &RtpSummary, before: &PayloadType) -> Gap {
        let announced = self.cold.format.as_deref().and_then(|format| format.clock);
        let interval = self.interval();
        let shortest = self.cold.pace.shortest();
        let is_paced = before.step > 0;
        Gap {
            gone: packet.time.since(self.newest),
            stood: self.stood(before),
            units: packet.timestamp.wrapping_sub(self.newest_timestamp),
            steps: [self.of.step, before.step],
            clocks: [&self.of, before].map(|of| clock_of(of, None)),
            announced,
            shortest: match shortest {
                Some(shortest) => shortest.min(interval),
                None if is_paced => interval,
                None => SHORTEST_INTERVAL,
            },
        }
    }

    /// How long after its timestamp the newest packet, of this type, was sent: the packets of a telephone event
    /// bear the timestamp of its beginning (RFC 4733 §2.2.1), and so may any type whose timestamps do not go on.
    fn stood(&self, newest: &PayloadType) -> Duration {
        let (time, timestamp) = self.cold.turn;
        if newest.step > 0 || time == 0 {
            return Duration::ZERO;
        }
        let mut types = [self.of, self.cold.usual_type(self.of)].into_iter();
        let clock = types.find_map(|of| clock_of(&of, None));
        let units = self.newest_timestamp.wrapping_sub(timestamp);
        let late = clock.and_then(|clock| {
            let gone = millis(self.newest).wrapping_sub(time);
            let gone = Duration::from_millis(gone.into());
            gone.checked_sub(sent(units, clock))
        });
        late.filter(|late| *late <= LONGEST_EVENT)
            .unwrap_or_default()
    }

    /// Numbers were skipped, from a first one on. They were due at the sender's pace before the packet
    /// that skipped them: where there was a pause as well, it lies before them. Of two payload types the
    /// slower pace; until one is known, many were due at any time since the packet before.
    fn skip(
        &mut self,
        before: &PayloadType,
        (first, numbers): (u64, u64),
        (certainty, from, until): (Certainty, Timestamp, Timestamp),
        bookings: &mut Vec<Booking>,
    ) {
        if numbers == 0 {
            return;
        }
        let types = [&self.cold.usual_type(self.of), &self.of, before];
        // A few that are only out of order are late by when the packet came that skipped them.
        let assumed = (numbers < WINDOW).then_some(DEFAULT_INTERVAL);
        let longest = types.into_iter().filter_map(interval_of).max().or(assumed);
        let from = longest.map_or(from, |interval| {
            let lasted = interval.as_nanos() * (u128::from(numbers) + 1) * 9 / 8;
            let lasted = Duration::from_nanos(u64::try_from(lasted).unwrap_or(u64::MAX));
            from.max(until.minus(lasted))
        });
        let booking = Booking::between(certainty, numbers, from, until);
        let skipped = Skipped {
            certainty,
            from: booking.from,
            until,
        };
        let missing = &mut self.cold.missing;
        missing
            .get_or_insert_with(|| Box::new(MissingNumbers::new()))
            .note(first..first + numbers, skipped);
        bookings.push(booking);
    }

    /// A packet has the highest number; `highest` was that before.
    fn renew(&mut self, packet: &RtpSummary, before: &PayloadType, highest: u64) {
        let numbers = self.sequence.extended() - highest;
        let units = packet.timestamp.wrapping_sub(self.newest_timestamp);
        let gone = packet.time.since(self.newest);
        (self.newest, self.newest_timestamp) = (packet.time, packet.timestamp);
        if before.number != self.of.number {
            // Comfort noise has a type of its own (RFC 3389); behind an event the next packet comes at once.
            self.note_pause_between(units, numbers, gone);
        }
        // A packet time is not told by what lies on both sides of an outage, or of another codec.
        if numbers < WINDOW && before.number == self.of.number {
            self.note_step(units, numbers);
        }
        if self.sequence.extended() / LOOK != highest / LOOK {
            self.look();
        }
    }

    /// The suspect before this packet began a new numbering, by a jump ahead.
    fn begin_anew(&mut self, packet: &RtpSummary, skipped: u64, bookings: &mut Vec<Booking>) {
        let (first, ran_on) = (self.cold.suspect, self.cold.suspect_skipped);
        if ran_on > 0 {
            // Numbers and clock ran on together, but not with arrival, or not at the usual pace: the sender was
            // held up, or its packets are shorter now. It may have sent them all, up to what anybody could: its
            // own pace may have been measured over a step of the clock, or be that of another codec.
            let could = first.since(self.newest).as_nanos() / SHORTEST_INTERVAL.as_nanos();
            let numbers = u128::from(ran_on).min(could + 100);
            let numbers = u64::try_from(numbers).unwrap_or(u64::MAX);
            let certainty = Certainty::MaybeLost(LossReason::Stalled);
            let from = self.newest.min(first);
            self.show_silence(numbers, [from, first], bookings);
            bookings.push(Booking::between(certainty, numbers, from, first));
        } else {
            self.note_restart(first, bookings);
        }
        self.begin_numbering(self.sequence);
        let booked = (
            Certainty::Lost,
            first.min(packet.time),
            packet.time.max(first),
        );
        let from = self.sequence.extended() - skipped;
        let of = self.of;
        self.skip(&of, (from, skipped), booked, bookings);
        (self.newest, self.newest_timestamp) = (packet.time, packet.timestamp);
    }

    /// Goes on with a numbering of which nothing is missing yet.
    pub(super) fn begin_numbering(&mut self, sequence: Sequence) {
        self.sequence = sequence;
        self.jitter.restart();
        self.cold.pace.restart();
        self.cold.turn = (0, 0);
        self.cold.far_end.restart();
        self.cold.missing = None;
        self.cold.restarts = self.cold.restarts.saturating_add(1);
    }

    /// Of the numbers just skipped, so many are only maybe lost, for a reason.
    pub(in crate::stream) fn doubt(&mut self, numbers: u64, excuse: LossReason) {
        let highest = self.sequence.extended();
        if let Some(missing) = &mut self.cold.missing {
            missing.doubt(highest.saturating_sub(numbers)..highest, excuse);
        }
    }

    /// Whether a new numbering may have begun.
    pub(in crate::stream) fn is_restart_open(&self) -> bool {
        self.cold.restart.is_some()
    }

    /// Time has jumped: no missing number is waited for, and no clock is measured over it.
    pub(in crate::stream) fn forget_missing(&mut self) {
        self.cold.missing = None;
        self.cold.pace.restart();
        self.cold.turn = (0, 0);
        if let Some(account) = self.cold.far_end.account() {
            account.restart();
        }
    }
}
