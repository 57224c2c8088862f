//! Whether numbers that lie behind are a sender that begins anew, with numbers that it has used
//! before, or copies and stragglers.
//!
//! A sender may begin anew under the same SSRC and ports, with the very numbers and timestamps that
//! it began with. To call its packets late would hide all of its loss. So a number is late for as
//! long as packets are reordered; what comes from further behind, on one line of number, timestamp
//! and arrival, is a new numbering (RFC 3550 §A.1), unless the old one goes on beside it.
//!
//! A stream has a [`Restart`] only while that is open, for two seconds of packets at most.

use crate::stream::gaps::CoarseTime;
use crate::stream::jitter::Jitter;
use crate::stream::record::Stream;
use crate::stream::sequence::{Arrival, Jump, Sequence, SequenceStep};
use crate::units::Timestamp;
use crate::voice::rtp_summary::RtpSummary;
use std::time::Duration;

/// So long the old numbering may still go on: longer than any path reorders or delays copies.
const UNDECIDED: Duration = Duration::from_secs(2);

/// Packets on one line that may be a new numbering. RFC 3550 §A.1 asks for two in sequence, of any
/// numbers; two copies in sequence are common.
const PROOF: u32 = 3;

/// The shortest time between two packets (RFC 6716 §2.1.4).
const SHORTEST_INTERVAL: Duration = Duration::from_micros(2_500);

/// Late packets kept for jitter: a restart that is refuted has one or two, as a rule.
const OTHERS: usize = 8;

/// Assumed between packets where the clock is not known: RFC 3551 §4.2's default.
const DEFAULT_INTERVAL: Duration = Duration::from_millis(20);

/// A numbering that may have begun anew.
#[derive(Clone, Debug)]
pub(super) struct Restart {
    /// Arrival and RTP timestamp of its first packet, and its number.
    first: (Timestamp, u32),
    first_number: u64,
    /// Its numbers so far.
    sequence: Sequence,
    /// Arrival and RTP timestamp of its highest number.
    newest: (Timestamp, u32),
    /// Packets that only the new numbering explains.
    packets: u32,
    /// Of these, those whose number had come already in the old numbering.
    copies: u32,
    /// Arrivals and timestamps of the others, the first few: if there is no new numbering, they are
    /// late, and count in jitter (RFC 3550 §A.8 takes every packet).
    others: Vec<(Timestamp, u32)>,
    /// Packets of the old numbering that came since.
    rivals: u32,
    /// Packets that came twice, or out of order, in the new numbering; numbers that left its window.
    duplicates: u32,
    reordered: u32,
    lost: u64,
}

impl Restart {
    /// Begins with a packet that lies behind; whether its number had come.
    fn new(packet: &RtpSummary, had_come: bool) -> Self {
        let sequence = Sequence::new(packet.sequence);
        let place = (packet.time, packet.timestamp);
        Self {
            first: place,
            first_number: sequence.extended(),
            sequence,
            newest: place,
            packets: 1,
            copies: u32::from(had_come),
            others: (!had_come).then_some(place).into_iter().collect(),
            rivals: 0,
            duplicates: 0,
            reordered: 0,
            lost: 0,
        }
    }

    /// Whether a packet continues the new numbering.
    fn continues(&self, packet: &RtpSummary, jitter: &Jitter) -> bool {
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
        u128::from(numbers) <= most && agrees(gone, self.sent(packet, numbers, jitter))
    }

    /// Takes a packet that continues it. Where the old numbering does not expect it, `behind` says
    /// whether its number had come there.
    fn take(&mut self, packet: &RtpSummary, behind: Option<bool>) {
        let place = (packet.time, packet.timestamp);
        if let Some(had_come) = behind {
            self.packets += 1;
            self.copies += u32::from(had_come);
            if !had_come && self.others.len() < OTHERS {
                self.others.push(place);
            }
        }
        let before = self.sequence.extended();
        let step = self.sequence.advance(packet.sequence, on_clock);
        self.lost += step.lost;
        self.duplicates += u32::from(step.arrival == Arrival::Duplicate);
        self.reordered += u32::from(step.arrival == Arrival::Reordered);
        if self.sequence.extended() > before {
            self.newest = place;
        }
    }

    /// A packet came that the old numbering expects; whether the new one may still be.
    fn has_rival(&mut self) -> bool {
        self.rivals += 1;
        self.goes_alone()
    }

    /// Whether its packets show a new numbering, closely enough to decide before time is up.
    fn is_proven(&self, jitter: &Jitter) -> bool {
        let numbers = self.sequence.extended() - self.first_number;
        let gone = self.newest.0.since(self.first.0);
        let units = self.newest.1.wrapping_sub(self.first.1);
        let sent = jitter
            .nanos(units)
            .map_or_else(|| at_default(numbers), Duration::from_nanos);
        let close = gone.abs_diff(sent) <= sent / 4 + Duration::from_millis(5);
        self.packets >= PROOF && self.goes_alone() && close && agrees(gone, sent)
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

    /// When a packet was sent by its timestamp, after the first.
    fn sent(&self, packet: &RtpSummary, numbers: u64, jitter: &Jitter) -> Duration {
        let units = packet.timestamp.wrapping_sub(self.first.1);
        jitter
            .nanos(units)
            .map_or_else(|| at_default(numbers), Duration::from_nanos)
    }
}

impl Stream {
    /// Decides whether a new numbering has begun, if this packet shows it.
    pub(super) fn decide_restart(&mut self, packet: &RtpSummary) -> SequenceStep {
        let Some(restart) = &self.cold.restart else {
            return SequenceStep::of(Arrival::InOrder);
        };
        let continues = restart.continues(packet, &self.jitter);
        let is_decided = match (continues, self.sequence.expects(packet.sequence)) {
            // The new numbering has come to where the old one ended.
            (true, true) => restart.is_proven(&self.jitter),
            (true, false) => restart.is_due(packet.time),
            (false, true) => false,
            // Of neither numbering: perhaps of a third.
            (false, false) => true,
        };
        if is_decided {
            self.end_restart()
        } else {
            SequenceStep::of(Arrival::InOrder)
        }
    }

    /// Takes a packet for the new numbering that may have begun, if only that explains it. One that
    /// the old numbering expects is counted there, and speaks against the new one.
    pub(super) fn continue_restart(&mut self, packet: &RtpSummary) -> Option<SequenceStep> {
        let restart = self.cold.restart.as_mut()?;
        let continues = restart.continues(packet, &self.jitter);
        if !self.sequence.expects(packet.sequence) {
            restart.take(packet, Some(self.sequence.has(packet.sequence)));
            return Some(SequenceStep::of(Arrival::Suspect));
        }
        if continues {
            restart.take(packet, None);
        }
        if restart.has_rival() {
            return None;
        }
        let refuted = self.end_restart();
        Some(refuted.then(self.advance_numbering(packet)))
    }

    /// A new numbering may have begun with a packet that lies behind.
    pub(super) fn suspect_restart(
        &mut self,
        packet: &RtpSummary,
        step: SequenceStep,
    ) -> SequenceStep {
        let had_come = step.arrival == Arrival::Duplicate;
        self.cold.restart = Some(Box::new(Restart::new(packet, had_come)));
        SequenceStep {
            arrival: Arrival::Suspect,
            ..step
        }
    }

    /// Decides on the new numbering that may have begun: nothing more is waited for.
    pub(in crate::stream) fn end_restart(&mut self) -> SequenceStep {
        let none = SequenceStep::of(Arrival::InOrder);
        let Some(restart) = self.cold.restart.take() else {
            return none;
        };
        if !restart.is_proven(&self.jitter) {
            for (arrival, timestamp) in restart.others {
                self.jitter.advance(arrival, timestamp);
            }
            return SequenceStep {
                late: restart.packets - restart.copies,
                duplicates: restart.copies,
                ..none
            };
        }
        let lost = self.sequence.missing() + restart.lost;
        self.cold.gap_from = CoarseTime::of(restart.first.0);
        self.note_oldest_gap();
        self.begin_numbering(restart.sequence, restart.first.0);
        (self.newest, self.newest_timestamp) = restart.newest;
        self.cold.odd.reorder(restart.reordered);
        SequenceStep {
            lost,
            duplicates: restart.duplicates,
            ..none
        }
    }
}

/// A jump of a packet that continues the line: its time has been looked at.
fn on_clock(forward: u16) -> Jump {
    if forward < 1 << 15 {
        Jump::Outage(forward.into())
    } else {
        Jump::Old
    }
}

fn at_default(numbers: u64) -> Duration {
    DEFAULT_INTERVAL.saturating_mul(u32::try_from(numbers).unwrap_or(u32::MAX))
}

/// Whether the time between two arrivals is that between two timestamps.
fn agrees(arrived: Duration, sent: Duration) -> bool {
    arrived.abs_diff(sent) <= sent / 10 + Duration::from_millis(200)
}
