//! One stream: its numbering, its clock, and what it did in the current second.

pub(super) mod clock;
mod cold;
mod facts;
mod jump;
mod numbering;
mod restart;
mod rtcp;
mod silence;

use crate::attribution::{Attribution, PairKey};
use crate::stream::booking::Booking;
use crate::stream::copies::RecentPackets;
use crate::stream::gaps::MissingNumbers;
use crate::stream::jitter::Jitter;
use crate::stream::probation::PROOF;
use crate::stream::reports::{Reporter, Reporters};
use crate::stream::rtcp_account::RtcpAccount;
use crate::stream::sequence::{Arrival, Sequence, SequenceStep, WINDOW};
use crate::stream::tally::{SequenceCounts, TrafficCounts, ethernet_octets};
use crate::units::{Second, Timestamp};
use crate::voice::CapturePoint;
use crate::voice::kind::StreamKind;
use crate::voice::payload_type::assigned;
use crate::voice::rtp_summary::RtpSummary;
use crate::voice::signalling::CodecFormat;
use crate::voice::stream_key::StreamKey;
use clock::{DEFAULT_INTERVAL, LOOK, PayloadType, SHORTEST_INTERVAL, low, sent};
use cold::ColdState;
use std::hint::black_box;
use std::mem::offset_of;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// So long before the numbers of one SSRC stop, another one may begin that goes on for it.
const OTHER_BEGINS: Duration = Duration::from_secs(1);

/// Before its first packet is counted, a stream belongs to nobody.
static NOBODY: PairKey = PairKey::UNKNOWN;

/// Counts since they were last settled into a second; small, so that they stay in the cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Tally {
    packets: u32,
    ip: u32,
    ethernet: u32,
}

/// One SSRC from one transport address to another.
///
/// What an expected packet touches lies in three cache lines, the rest behind `ColdState`: ten
/// thousand calls do not fit into a cache, and their lines are what a packet waits for.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Stream {
    /// What makes it this stream.
    pub key: StreamKey,
    sequence: Sequence,
    recent: RecentPackets,
    jitter: Jitter,
    /// Its last packet of any sort.
    pub last: Timestamp,
    /// Arrival and RTP timestamp of the highest number.
    newest: Timestamp,
    newest_timestamp: u32,
    tally: Tally,
    /// The second the tally is of.
    second: Tallied,
    generation: u32,
    /// The payload type that came last.
    of: PayloadType,
    /// Octets of the payload that came last.
    payload_bytes: u16,
    /// Decided once.
    pub kind: StreamKind,
    capture_point: CapturePoint,
    cold: Box<ColdState>,
}

/// The second a tally is of, modulo 2^32, which comes round after 136 years; none at first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Tallied(u32);

impl Tallied {
    /// A second long before packet time can be.
    const NONE: Self = Self(u32::MAX);

    #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is meant")]
    const fn of(second: Second) -> Self {
        Self(second.0 as u32)
    }
}

const _: () = {
    assert!(size_of::<Stream>() <= 192, "three cache lines");
    let (second, third) = (offset_of!(Stream, recent), offset_of!(Stream, newest));
    assert!(second / 64 == 1 && third / 64 == 2, "one to touch in each");
    let all = size_of::<Stream>() + size_of::<ColdState>() + size_of::<MissingNumbers>();
    assert!(all <= 512, "a hundred thousand of them");
    let reported = size_of::<Reporters>() + size_of::<Reporter>() + size_of::<RtcpAccount>();
    assert!(reported <= 192, "besides, of a stream that is reported on");
};

impl Stream {
    /// A stream that begins with a packet, which is not yet counted.
    /// `format` is what signalling says of it.
    pub fn new(
        key: StreamKey,
        kind: StreamKind,
        first: &RtpSummary,
        format: Option<Arc<CodecFormat>>,
    ) -> Self {
        let of = PayloadType::new(first.payload_type);
        Self {
            key,
            // As if the packet before the first had come: advance() then counts the first.
            sequence: Sequence::before(first.sequence),
            recent: RecentPackets::default(),
            jitter: Jitter::new(clock_of(&of, format.as_deref())),
            last: first.time,
            newest: first.time,
            newest_timestamp: first.timestamp,
            tally: Tally::default(),
            second: Tallied::NONE,
            generation: 0,
            of,
            payload_bytes: first.payload_bytes,
            kind,
            capture_point: CapturePoint::default(),
            cold: Box::new(ColdState::new(first.time, format)),
        }
    }

    /// It is not sure to be a stream: a session description named its transport address. Until
    /// [`Self::prove`] each of its packets goes through [`Self::advance_unexpected`].
    pub(super) fn doubt_proof(&mut self) {
        self.cold.is_unproven = true;
        self.sequence.set_restart_pending(true);
    }

    /// With a packet that is not tallied yet: whether the stream proves itself with it, so that other
    /// streams of its flow know of it from now on.
    pub(super) fn prove(&mut self) -> bool {
        let packets = self.cold.packets + u64::from(self.tally.packets) + 1;
        let proves = self.cold.is_unproven && packets >= PROOF as u64;
        if proves {
            self.cold.is_unproven = false;
            self.sequence.set_restart_pending(self.is_restart_open());
        }
        proves
    }

    /// Whether it is sure to be a stream.
    pub(super) fn is_proven(&self) -> bool {
        !self.cold.is_unproven
    }

    /// Touches each cache line, so that none has to be waited for later.
    #[inline]
    pub(super) fn prefetch(&self) {
        black_box((self.key.ssrc(), self.recent, self.newest));
    }

    /// Touches what lies elsewhere, once the lines here are near.
    pub(super) fn prefetch_cold(&self) {
        self.cold.prefetch();
    }

    /// Takes the next packet: what its number and its time say, and what is to be booked of it, or of
    /// others, in other seconds. Nothing is counted yet.
    pub fn advance(&mut self, packet: &RtpSummary, bookings: &mut Vec<Booking>) -> SequenceStep {
        if self.advance_expected(packet) {
            return SequenceStep::of(Arrival::InOrder);
        }
        if self.is_copy(packet) {
            // As if it had not come: nothing of the stream itself.
            return SequenceStep::of(Arrival::Mirrored);
        }
        let before = self.of;
        if before.number != packet.payload_type {
            self.change_type(packet.payload_type);
        }
        let result = self.advance_unexpected(packet, &before, bookings);
        self.recent.note(packet.identification);
        self.last = self.last.max(packet.time);
        self.payload_bytes = packet.payload_bytes;
        self.of.packets = self.of.packets.saturating_add(1);
        if !matches!(result.arrival, Arrival::Duplicate | Arrival::Suspect) {
            self.advance_jitter(packet);
        }
        result
    }

    /// Takes the next packet if it is just the one expected, and nothing is lost with it: the step
    /// is then that of a packet in order. If not, nothing has changed.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the way of nearly every packet")]
    pub fn advance_expected(&mut self, packet: &RtpSummary) -> bool {
        let same_type = packet.payload_type == self.of.number;
        if !same_type || !self.sequence.advance_expected(packet.sequence) {
            return false;
        }
        let units = packet.timestamp.wrapping_sub(self.newest_timestamp);
        (self.newest, self.newest_timestamp) = (packet.time, packet.timestamp);
        self.recent.note(packet.identification);
        self.last = self.last.max(packet.time);
        self.payload_bytes = packet.payload_bytes;
        self.of.packets = self.of.packets.saturating_add(1);
        if units == self.of.step {
            self.of.confirm_step();
        } else {
            self.note_step(units, 1);
        }
        if u64::from(packet.sequence) % LOOK == 0 {
            self.look();
        }
        self.advance_jitter(packet);
        true
    }

    #[inline]
    fn advance_jitter(&mut self, packet: &RtpSummary) {
        let (time, timestamp, step) = (packet.time, packet.timestamp, self.of.step);
        self.jitter.advance(time, timestamp, packet.sequence, step);
    }

    /// The timestamp went on by another step than the usual one.
    #[cold]
    fn note_step(&mut self, units: u32, numbers: u64) {
        self.of.note_step(units, numbers);
        // A pause leaves the clock in doubt, and no more: a variable packet time is up to 120 ms
        // (RFC 7587 §4.2), six times the usual one.
        if units == 0 || u64::from(units) > 8 * numbers * u64::from(self.of.step) {
            self.cold.pace.break_clock();
            self.note_pause(units, numbers);
        }
    }

    /// Looks at the newest packet's time and timestamp.
    #[cold]
    fn look(&mut self) {
        let (newest, number) = (
            (self.newest, self.newest_timestamp),
            self.sequence.extended(),
        );
        let before = self.jitter_clock();
        self.cold.pace.look(newest, number, &mut self.of);
        let clock = self.jitter_clock();
        if clock != before {
            if before.is_some() {
                self.jitter.forget();
            }
            self.jitter.set_clock(clock);
        }
    }

    /// Packets of another payload type come: it has a clock and a pace of its own.
    #[cold]
    fn change_type(&mut self, number: u8) {
        if self.of.step > 0 {
            self.cold.turn = (millis(self.newest), self.newest_timestamp);
        }
        self.of = self.cold.exchange_type(self.of, number);
        self.jitter.set_clock(self.jitter_clock());
        self.jitter.restart();
        self.cold.pace.break_clock();
    }

    /// The clock of the packets that come: that of RFC 3551 for an assigned type, the one that they
    /// have shown, the one that is announced.
    fn clock(&self) -> Option<NonZeroU32> {
        clock_of(&self.of, self.cold.format.as_deref())
    }

    /// The same for jitter, which one measurement is enough for.
    fn jitter_clock(&self) -> Option<NonZeroU32> {
        if self.of.measured().is_none() && assigned(self.of.number).is_none() {
            self.of.measured_last().or_else(|| self.clock())
        } else {
            self.clock()
        }
    }

    /// Between two packets, usually; what is assumed until they have shown it.
    pub(super) fn interval(&self) -> Duration {
        interval_of(&self.cold.usual_type(self.of)).unwrap_or(DEFAULT_INTERVAL)
    }

    /// So many packets the sender would have sent in a silence; none if that is less than one.
    pub(super) fn sent_in(&self, silence: Duration) -> Option<u64> {
        let packets = silence.as_nanos() / self.interval().as_nanos().max(1);
        let packets = u64::try_from(packets).unwrap_or(u64::MAX);
        packets.checked_sub(1).filter(|packets| *packets > 0)
    }

    /// Whether a packet is a mirror port's copy of one before it.
    #[cold]
    fn is_copy(&self, packet: &RtpSummary) -> bool {
        let (earlier, later) = (self.last.min(packet.time), self.last.max(packet.time));
        let number = packet.sequence;
        let begun = self.cold.restart.as_ref().map(|begun| begun.sequence());
        let mut numberings = [Some(&self.sequence), begun].into_iter().flatten();
        let Some(numbering) = numberings.find(|numbering| numbering.has(number)) else {
            return false;
        };
        self.recent.has(
            packet.identification,
            later.since(earlier),
            numbering.is_newest(number),
        )
    }

    /// Whether what another SSRC of the same flow is missing went under this one: it began with that
    /// gap, and has sent as many packets as are missing there, give or take 3 %.
    pub(super) fn explains(&self, booking: &Booking) -> bool {
        let sent = self.cold.packets + u64::from(self.tally.packets);
        let missing = booking.count.unsigned_abs();
        let began = self.cold.first.plus(OTHER_BEGINS) >= booking.from;
        missing >= WINDOW && began && sent.abs_diff(missing) <= (missing * 3 / 100).max(3)
    }

    /// Whether the stream is attributed as this packet's tap and these tables would.
    #[inline]
    pub fn is_attributed(&self, capture_point: CapturePoint, attribution: &Attribution) -> bool {
        self.generation == attribution.generation() && self.capture_point.is(capture_point)
    }

    /// Attributes the stream; what was tallied must be settled before.
    pub fn attribute(&mut self, capture_point: CapturePoint, attribution: &Attribution) {
        self.capture_point = capture_point;
        self.generation = attribution.generation();
        let (src, dst) = (self.key.src().address, self.key.dst().address);
        self.cold.attributed = Some(attribution.attribute(src, dst, capture_point));
    }

    /// Tallies a packet in a second; true if it is the first in that second.
    #[inline]
    pub fn tally(&mut self, second: Second, ip_bytes: u32, step: &SequenceStep) -> bool {
        let tally = &mut self.tally;
        tally.packets += 1;
        tally.ip = tally.ip.saturating_add(ip_bytes);
        tally.ethernet = tally.ethernet.saturating_add(ethernet_octets(ip_bytes));
        if *step != SequenceStep::of(Arrival::InOrder) {
            self.tally_anomalies(step);
        }
        let second = Tallied::of(second);
        std::mem::replace(&mut self.second, second) != second
    }

    /// Tallies what a step says beside that there was a packet.
    #[cold]
    pub fn tally_anomalies(&mut self, step: &SequenceStep) {
        self.cold.odd.tally(step);
    }

    /// The newest sequence number.
    pub fn last_number(&self) -> u16 {
        self.sequence.last_number()
    }

    /// Takes the tally out; none if it is empty.
    pub fn take_tally(&mut self) -> Option<(TrafficCounts, SequenceCounts)> {
        let tally = std::mem::take(&mut self.tally);
        let octets = TrafficCounts {
            packets: u64::from(tally.packets),
            ip: u64::from(tally.ip),
            ethernet: u64::from(tally.ethernet),
            fragments: 0,
        };
        self.cold.packets += octets.packets;
        self.cold.ip_bytes += octets.ip;
        let continuity = self.cold.take_anomalies();
        let is_empty = tally == Tally::default() && continuity == SequenceCounts::default();
        (!is_empty).then_some((octets, continuity))
    }

    /// Whatever second comes next is a new one for the tally.
    pub fn forget_second(&mut self) {
        self.second = Tallied::NONE;
    }

    /// The stream is over: nothing more is waited for.
    pub fn finish(&mut self, bookings: &mut Vec<Booking>) -> SequenceStep {
        self.end_restart(bookings)
    }
}

/// Between two packets of a payload type, as they have shown it.
fn interval_of(of: &PayloadType) -> Option<Duration> {
    // Nothing that is lost rests on what somebody says (MODEL §4.3).
    let interval = clock_of(of, None).map(|clock| sent(of.step, clock));
    let possible = SHORTEST_INTERVAL..=Duration::from_secs(1);
    interval.filter(|interval| possible.contains(interval))
}

/// Milliseconds of a time, modulo 2^32.
fn millis(time: Timestamp) -> u32 {
    low(time.as_nanos() / 1_000_000)
}

/// The clock of a payload type: assigned (RFC 3551 §6), measured, announced.
fn clock_of(of: &PayloadType, format: Option<&CodecFormat>) -> Option<NonZeroU32> {
    let announced = format.filter(|format| format.payload_type == of.number);
    assigned(of.number)
        .map(|known| known.clock)
        .or_else(|| of.measured())
        .or_else(|| announced.and_then(|format| format.clock))
}

#[cfg(test)]
mod tests;
