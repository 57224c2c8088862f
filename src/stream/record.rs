//! One stream: its numbering, its clock, and what it did in the current second.

use crate::asn::Origin;
use crate::attribution::Attribution;
use crate::attribution::Pair;
use crate::attribution::scopes::ScopeMask;
use crate::stream::jitter::Jitter;
use crate::stream::key::Key;
use crate::stream::reports::FarEnd;
use crate::stream::sequence::{Arrival, Jump, Sequence, Step};
use crate::stream::tally::{Continuity, Octets, Reports, ethernet_octets};
use crate::units::{Second, Timestamp};
use crate::voice::Tap;
use crate::voice::held::Held;
use crate::voice::kind::Kind;
use crate::voice::payload_type::assigned;
use crate::voice::signalling::Format;
use crate::wire::rtcp::ReportBlock;
use std::sync::Arc;
use std::time::Duration;

/// Different payload types remembered of a stream; a call has codec, events, comfort noise, FEC.
const PAYLOAD_TYPES: usize = 4;

/// Assumed between packets until two in sequence have shown it: RFC 3551 §4.2's default.
const DEFAULT_INTERVAL: Duration = Duration::from_millis(20);

/// How far the sender's clock may be from ours over an outage before we call it a new start.
const OUTAGE_SLACK: Duration = Duration::from_secs(1);

/// Counts since they were last settled into a second; small, so that they stay in the cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    packets: u32,
    ip: u32,
    ethernet: u32,
    lost: u64,
    late: u32,
    duplicates: u32,
    reordered: u32,
}

impl Tally {
    fn continuity(&self) -> Continuity {
        Continuity {
            lost: self.lost,
            late: u64::from(self.late),
            duplicates: u64::from(self.duplicates),
            reordered: u64::from(self.reordered),
        }
    }
}

/// One SSRC from one transport address to another.
#[derive(Clone, Debug)]
pub struct Stream {
    /// What makes it this stream.
    pub key: Key,
    /// Decided once.
    pub kind: Kind,
    /// Its last packet of any sort.
    pub last: Timestamp,
    /// Its first.
    pub first: Timestamp,
    sequence: Sequence,
    jitter: Jitter,
    /// Arrival and RTP timestamp of the highest number.
    newest: (Timestamp, u32),
    /// Timestamp units between two packets in sequence.
    step: u32,
    /// When the oldest outstanding gap began.
    gap_from: Timestamp,
    tally: Tally,
    /// The second the tally is of.
    second: Second,
    tap: Tap,
    pair: Pair,
    generation: u64,
    total: Octets,
    continuity: Continuity,
    far_end: FarEnd,
    restarts: u64,
    unseen: u64,
    format: Option<Format>,
    payload_types: [(u8, u32); PAYLOAD_TYPES],
}

impl Stream {
    /// A stream that begins with a packet, which is not yet counted.
    /// `format` is what signalling says of it.
    pub fn new(key: Key, kind: Kind, first: &Held, format: Option<Format>) -> Self {
        let assigned = assigned(first.payload_type).map(|known| known.clock);
        let announced = format.as_ref().and_then(|format| format.clock);
        let clock = announced.or(assigned);
        Self {
            key,
            kind,
            last: first.time,
            first: first.time,
            // As if the packet before the first had come: advance() then counts the first.
            sequence: Sequence::before(first.sequence),
            jitter: Jitter::new(clock),
            newest: (first.time, first.timestamp),
            step: 0,
            gap_from: first.time,
            tally: Tally::default(),
            second: Second::default(),
            tap: Tap::default(),
            pair: Pair {
                scopes: ScopeMask::default(),
                src: Origin::UNKNOWN,
                dst: Origin::UNKNOWN,
            },
            generation: 0,
            total: Octets::default(),
            continuity: Continuity::default(),
            far_end: FarEnd::default(),
            restarts: 0,
            unseen: 0,
            format,
            payload_types: [(first.payload_type, 0), (0, 0), (0, 0), (0, 0)],
        }
    }

    /// Takes the next packet: what its number and its time say. Nothing is counted yet.
    #[inline]
    pub fn advance(&mut self, packet: &Held) -> Step {
        let whole = self.sequence.missing() == 0;
        let (newest, step, jitter) = (self.newest, self.step, self.jitter);
        let before = self.sequence.extended();
        let result = self.sequence.advance(packet.sequence, |forward| {
            explain(forward, packet, newest, step, &jitter)
        });
        if self.sequence.extended() > before || result.arrival == Arrival::Restarted {
            if whole && self.sequence.missing() > 0 {
                self.gap_from = newest.0;
            }
            if self.sequence.extended() == before + 1 {
                self.step = packet.timestamp.wrapping_sub(newest.1);
            }
            self.newest = (packet.time, packet.timestamp);
        }
        if result.arrival == Arrival::Restarted {
            self.jitter.restart();
            self.far_end.restart();
            self.restarts += 1;
        }
        self.last = self.last.max(packet.time);
        self.note_payload_type(packet.payload_type);
        if !matches!(result.arrival, Arrival::Duplicate | Arrival::Suspect) {
            self.jitter.advance(packet.time, packet.timestamp);
        }
        result
    }

    /// Whether the numbers now lost were missed in a stretch of time, from its gap until now.
    pub fn gap(&self) -> (Timestamp, Timestamp) {
        (self.gap_from, self.newest.0)
    }

    /// Numbers that were lost while we were not looking: ours, not the network's.
    pub fn excuse(&mut self, step: &mut Step) {
        self.unseen += step.lost;
        step.lost = 0;
    }

    /// Takes what the far end says of this stream: its losses since it last said so.
    pub fn report(&mut self, block: &ReportBlock) -> Option<Reports> {
        let booked = self.continuity.lost + self.tally.lost + self.unseen;
        self.far_end.report(block, &self.sequence, booked)
    }

    #[inline]
    fn note_payload_type(&mut self, payload_type: u8) {
        let [first, rest @ ..] = &mut self.payload_types;
        if first.0 == payload_type {
            first.1 = first.1.saturating_add(1);
            return;
        }
        let place = rest
            .iter()
            .position(|(known, count)| *known == payload_type || *count == 0);
        if let Some(entry) = place.and_then(|place| rest.get_mut(place)) {
            *entry = (payload_type, entry.1.saturating_add(1));
            if entry.1 > first.1 {
                std::mem::swap(first, entry);
            }
        }
    }

    /// Whether the stream is attributed as this packet's tap and these tables would.
    #[inline]
    pub fn is_attributed(&self, tap: Tap, attribution: &Attribution) -> bool {
        self.tap == tap && self.generation == attribution.generation()
    }

    /// Attributes the stream; what was tallied must be settled before.
    pub fn attribute(&mut self, tap: Tap, attribution: &Attribution) {
        self.tap = tap;
        self.generation = attribution.generation();
        self.pair = attribution.pair(self.key.src().address, self.key.dst().address, tap);
    }

    /// Tallies a packet in a second; true if it is the first in that second.
    #[inline]
    pub fn tally(&mut self, second: Second, ip_bytes: u32, step: &Step) -> bool {
        let tally = &mut self.tally;
        tally.packets += 1;
        tally.ip = tally.ip.saturating_add(ip_bytes);
        tally.ethernet = tally.ethernet.saturating_add(ethernet_octets(ip_bytes));
        if step.arrival != Arrival::InOrder || step.lost > 0 || step.stray {
            tally.lost += step.lost;
            tally.late += u32::from(step.arrival == Arrival::Late) + u32::from(step.stray);
            tally.duplicates += u32::from(step.arrival == Arrival::Duplicate);
            tally.reordered += u32::from(step.arrival == Arrival::Reordered);
        }
        std::mem::replace(&mut self.second, second) != second
    }

    /// Takes the tally out: who it belongs to and what it is; none if it is empty.
    pub fn settle(&mut self) -> Option<(Pair, Octets, Continuity)> {
        let tally = std::mem::take(&mut self.tally);
        let octets = Octets {
            packets: u64::from(tally.packets),
            ip: u64::from(tally.ip),
            ethernet: u64::from(tally.ethernet),
        };
        let continuity = tally.continuity();
        self.total.add(&octets);
        self.continuity.add(&continuity);
        (tally != Tally::default()).then_some((self.pair, octets, continuity))
    }

    /// Whatever second comes next is a new one for the tally.
    pub fn forget_second(&mut self) {
        self.second = Second::default();
    }

    /// The stream is over: what never came is lost.
    pub fn finish(&mut self) -> Step {
        let lost = self.sequence.missing();
        self.sequence = Sequence::before(self.sequence.last_number().wrapping_add(1));
        Step {
            arrival: Arrival::InOrder,
            lost,
            stray: false,
        }
    }

    /// Adds what a last step has lost, without a packet.
    pub fn tally_lost(&mut self, lost: u64) {
        self.tally.lost += lost;
    }

    /// Who it belongs to.
    pub fn pair(&self) -> Pair {
        self.pair
    }

    /// Its jitter.
    pub fn jitter(&self) -> &Jitter {
        &self.jitter
    }

    /// All settled packets.
    pub fn total(&self) -> &Octets {
        &self.total
    }

    /// All settled losses and the like.
    pub fn continuity(&self) -> &Continuity {
        &self.continuity
    }

    /// The encoding's name, by signalling or by the payload type; empty where neither tells.
    pub fn codec(&self) -> Arc<str> {
        let payload_type = self.payload_type();
        match &self.format {
            Some(format) if format.payload_type == payload_type => format.codec.clone(),
            _ => assigned(payload_type)
                .map_or("", |known| known.codec)
                .into(),
        }
    }

    /// The most frequent payload type.
    pub fn payload_type(&self) -> u8 {
        let [first, ..] = self.payload_types;
        first.0
    }
}

/// What a jump of 64 numbers or more is: an outage if sequence, timestamp and time agree.
#[cold]
fn explain(
    forward: u16,
    packet: &Held,
    newest: (Timestamp, u32),
    step: u32,
    jitter: &Jitter,
) -> Jump {
    let interval = jitter.nanos(step).filter(|nanos| *nanos > 0);
    let interval = interval.unwrap_or_else(|| nanos(DEFAULT_INTERVAL));
    if forward >= 1 << 15 && step > 0 {
        // Behind, if its timestamp is as far behind as its number.
        let units = i64::from(packet.timestamp.wrapping_sub(newest.1).cast_signed());
        let behind = i64::from(forward.wrapping_neg()) * i64::from(step);
        if (units + behind).abs() <= 8 * i64::from(step) {
            return Jump::Old;
        }
    }
    let gone = nanos(packet.time.since(newest.0));
    let passed = gone / interval;
    let wraps = passed
        .saturating_sub(u64::from(forward))
        .saturating_add(1 << 15)
        >> 16;
    let distance = u64::from(forward) + (wraps << 16);
    let in_time = distance <= passed + passed / 4 + 64;
    let sent = jitter.nanos(packet.timestamp.wrapping_sub(newest.1));
    let on_clock = sent.is_none_or(|sent| sent.abs_diff(gone) <= nanos(OUTAGE_SLACK).max(gone / 8));
    if in_time && on_clock {
        Jump::Outage(distance)
    } else {
        Jump::Unexplained
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
