//! A lone packet that looks like RTP proves nothing: one in four random octet strings has
//! RTP's version. Packets of an unknown SSRC are held here until several of them prove that they are
//! one stream (RFC 3550 §A.1 asks for two; strangers to SIP need more): by consecutive numbers and a
//! plausible clock, or, however many are missing between them, by numbers, timestamps and arrival that
//! lie on one line.
//!
//! One [`Probation`] per worker. What is held is bounded; what does not fit, ages out or is
//! pushed out comes back to the caller, so that every frame is counted.

use crate::stream::expiry::ExpiryQueue;
use crate::stream::record::clock::{AUDIO_CLOCKS, SHORTEST_INTERVAL, sent};
use crate::units::occupancy::Occupancy;
use crate::units::{Second, Timestamp};
use crate::voice::kind::{self, StreamKind, clock_rate};
use crate::voice::payload_type::{is_possible, is_usual};
use crate::voice::rtp_summary::RtpSummary;
use crate::voice::stream_key::StreamKey;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use std::num::NonZeroU32;
use std::time::Duration;

/// Distinct consecutive packets that prove a stream. Three by chance, given that 32 bits of SSRC
/// stand still, do happen in games (nDPI's CryNetwork captures); four were not seen.
pub(super) const PROOF: usize = 4;

/// Numbers that may be missing among them.
const MISSING: u32 = 4;

/// How far arrival may be from the line of numbers and timestamps, beside a tenth.
const OFF_THE_LINE: Duration = Duration::from_millis(20);

/// The longest time between two packets of a line (RFC 7587 §4.2).
const LONGEST_INTERVAL: Duration = Duration::from_millis(120);

/// Packets held of one candidate; the oldest leaves for the next.
const HELD: usize = 16;

/// Packets after which audio or video is guessed rather than waited for.
const DECIDE_BY: usize = 12;

/// Candidates at a time. 65 536 × 16 × 40 octets are 42 MB at the very worst.
const MAX_CANDIDATES: usize = 65_536;

/// A candidate is given up after so many seconds without a packet: longer than comfort noise
/// pauses between two packets (RFC 3389 leaves it open; gateways send every 0.1 to 2 s), and as long as a
/// silence is judged (MODEL §7.9), so that what is lost behind a call's first packet is not overlooked.
const PATIENCE_SECONDS: u64 = 10;

/// Slowest and fastest clock that media has, in Hz, with a third of tolerance for a short look.
const CLOCKS: std::ops::RangeInclusive<u64> = 5_000..=135_000;

/// Timestamp units between two consecutive packets: 10 s of silence at 48 kHz.
const LONGEST_STEP: u32 = 480_000;

/// What a packet did to its candidate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProbationOutcome {
    /// It cannot be media: not held.
    Refused,
    /// It is held; the one that had to leave for it, if any, is not voice.
    Pending(Option<Timestamp>),
    /// A stream is proven: these packets are its first, in order of arrival.
    Proven(Vec<RtpSummary>, StreamKind),
}

/// A candidate that gave way to another, and its packets so far: nobody knows what it would have been.
pub type Displaced = (StreamKey, Vec<RtpSummary>);

/// The candidates.
#[derive(Clone, Debug, Default)]
pub struct Probation {
    candidates: HashMap<StreamKey, (u32, Vec<RtpSummary>)>,
    /// Keys by the number the wheel knows them by.
    keys: HashMap<u32, StreamKey>,
    next: u32,
    /// The last number that gave way; the oldest candidate comes behind it.
    gone: u32,
    expiry_queue: ExpiryQueue,
    /// The last candidate that gave way, until it is taken.
    displaced: Option<Displaced>,
    refused: u64,
}

impl Probation {
    /// Takes a packet of an SSRC that is not known as a stream.
    pub fn consider(&mut self, key: StreamKey, packet: RtpSummary) -> ProbationOutcome {
        if !is_possible(packet.payload_type) {
            return ProbationOutcome::Refused;
        }
        if self.candidates.len() >= MAX_CANDIDATES && !self.candidates.contains_key(&key) {
            self.make_room();
        }
        let held = match self.candidates.entry(key) {
            Entry::Occupied(entry) => &mut entry.into_mut().1,
            Entry::Vacant(entry) => {
                self.next = self.next.wrapping_add(1);
                self.keys.insert(self.next, key);
                self.expiry_queue
                    .set(Second(packet.time.second().0 + PATIENCE_SECONDS), self.next);
                &mut entry.insert((self.next, Vec::with_capacity(PROOF))).1
            }
        };
        held.push(packet);
        let Some(kind) = prove(held) else {
            return ProbationOutcome::Pending((held.len() > HELD).then(|| held.remove(0).time));
        };
        let (number, packets) = self.candidates.remove(&key).unwrap_or_default();
        self.keys.remove(&number);
        ProbationOutcome::Proven(packets, kind)
    }

    /// The oldest candidate gives way: in a flood of strangers a stream still has the time that it takes
    /// so many of them to come, to prove itself.
    #[cold]
    fn make_room(&mut self) {
        // numbers are given in order; each is passed once
        while self.gone != self.next {
            self.gone = self.gone.wrapping_add(1);
            let Some(key) = self.keys.remove(&self.gone) else {
                continue;
            };
            let held = self.candidates.remove(&key).unwrap_or_default().1;
            self.displaced = Some((key, held));
            self.refused += 1;
            return;
        }
    }

    /// The candidate that gave way to the last packet, if any.
    #[inline]
    pub fn take_displaced(&mut self) -> Option<Displaced> {
        self.displaced.take()
    }

    /// How full it is.
    pub fn occupancy(&self) -> Occupancy {
        Occupancy::new(self.candidates.len(), MAX_CANDIDATES, self.refused)
    }

    /// Takes a candidate out, proven by something else: its packets so far.
    pub fn remove(&mut self, key: &StreamKey) -> Vec<RtpSummary> {
        let (number, packets) = self.candidates.remove(key).unwrap_or_default();
        self.keys.remove(&number);
        packets
    }

    /// Gives up candidates that had no packet for `PATIENCE_SECONDS`; the capture times of their
    /// packets.
    pub fn expire(&mut self, now: Second, given_up: &mut Vec<Timestamp>) {
        for number in self.expiry_queue.take_due(now) {
            let Some(key) = self.keys.get(&number).copied() else {
                continue;
            };
            let last = self.candidates.get(&key).and_then(|(_, held)| held.last());
            let due = last.map_or(now, |held| Second(held.time.second().0 + PATIENCE_SECONDS));
            if due > now {
                self.expiry_queue.set(due, number);
                continue;
            }
            self.keys.remove(&number);
            if let Some((_, held)) = self.candidates.remove(&key) {
                given_up.extend(held.iter().map(|held| held.time));
            }
        }
        // When we begin to look, every stream there is comes at once; never again so many.
        if self.candidates.len() < self.candidates.capacity() / 8 {
            self.candidates.shrink_to_fit();
            self.keys.shrink_to_fit();
        }
    }

    /// Gives up everything: nothing more will come, or packet time has jumped.
    pub fn clear(&mut self, given_up: &mut Vec<Timestamp>) {
        for (_, (_, held)) in self.candidates.drain() {
            given_up.extend(held.iter().map(|held| held.time));
        }
        self.keys.clear();
        self.expiry_queue.take_all();
    }

    /// Frames held.
    pub fn held(&self) -> usize {
        self.candidates.values().map(|(_, held)| held.len()).sum()
    }
}

/// Whether the held packets are a stream, and of which kind.
fn prove(held: &[RtpSummary]) -> Option<StreamKind> {
    if held.len() < PROOF {
        return None;
    }
    let run = in_sequence(held);
    let (first, last) = (run.first()?, run.last()?);
    let span = u32::from(last.sequence.wrapping_sub(first.sequence)) + 1;
    let distinct = u32::try_from(run.len()).unwrap_or(u32::MAX);
    let consecutive = run.len() >= PROOF && span <= distinct + MISSING;
    let usual = run.iter().all(|held| is_usual(held.payload_type));
    let plausible = usual && consecutive && has_plausible_clock(&run);
    if !(plausible || run.last_chunk().is_some_and(lies_on_a_line)) {
        return None;
    }
    kind::decide(&run).or_else(|| (run.len() >= DECIDE_BY).then(|| kind::guess(&run)))
}

/// Whether timestamps are exactly proportional to numbers, and arrival goes with them at the pace of
/// some audio clock. Three such distances of 16 and 32 bits are no chance.
fn lies_on_a_line(run: &[RtpSummary; PROOF]) -> bool {
    let [first, second, .., last] = run;
    let numbers = |packet: &RtpSummary| u32::from(packet.sequence.wrapping_sub(first.sequence));
    let units = |packet: &RtpSummary| packet.timestamp.wrapping_sub(first.timestamp);
    let Some(step) = units(second).checked_div(numbers(second)) else {
        return false;
    };
    let exact = |packet: &RtpSummary| numbers(packet).checked_mul(step) == Some(units(packet));
    if !run.iter().all(exact) {
        return false;
    }
    let possible = SHORTEST_INTERVAL..=LONGEST_INTERVAL;
    let clocks = AUDIO_CLOCKS.into_iter().filter_map(NonZeroU32::new);
    let mut clocks = clocks.filter(|clock| possible.contains(&sent(step, *clock)));
    clocks.any(|clock| {
        let off = |packet: &RtpSummary| {
            let arrived = packet.time.since(first.time);
            arrived.abs_diff(sent(units(packet), clock))
        };
        let slack = sent(units(last), clock) / 10 + OFF_THE_LINE;
        run.iter().all(|packet| off(packet) <= slack)
    })
}

/// Each number once, in order, relative to the first that came.
fn in_sequence(held: &[RtpSummary]) -> Vec<RtpSummary> {
    let Some(first) = held.first() else {
        return Vec::new();
    };
    let place = |packet: &RtpSummary| packet.sequence.wrapping_sub(first.sequence).cast_signed();
    let mut run = held.to_vec();
    run.sort_by_key(place);
    run.dedup_by_key(|packet| packet.sequence);
    run
}

/// Timestamps that never go back, never leap, and run at the pace of some media clock.
fn has_plausible_clock(run: &[RtpSummary]) -> bool {
    let steps = run.iter().zip(run.iter().skip(1));
    let forward = steps
        .clone()
        .all(|(a, b)| b.timestamp.wrapping_sub(a.timestamp) <= LONGEST_STEP);
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return false;
    };
    let standing = first.timestamp == last.timestamp;
    let pace = clock_rate(first, last).is_none_or(|rate| CLOCKS.contains(&rate));
    forward && (standing || pace)
}

#[cfg(test)]
mod tests;
