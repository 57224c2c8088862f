//! One stream: its numbering, its clock, and what it did in the current second.

mod cold;
mod restart;

use crate::asn::Dissent;
use crate::attribution::{Attribution, PairKey};
use crate::stream::copies::RecentPackets;
use crate::stream::gaps::{CoarseTime, Gaps};
use crate::stream::jitter::Jitter;
use crate::stream::sequence::{Arrival, Jump, Sequence, SequenceStep};
use crate::stream::tally::{Reports, SequenceCounts, TrafficCounts, ethernet_octets};
use crate::units::{Second, Timestamp};
use crate::voice::CapturePoint;
use crate::voice::kind::StreamKind;
use crate::voice::payload_type::assigned;
use crate::voice::rtp_summary::RtpSummary;
use crate::voice::signalling::CodecFormat;
use crate::voice::stream_key::StreamKey;
use crate::wire::rtcp::ReportBlock;
use cold::{ColdState, saturated_u32};
use std::hint::black_box;
use std::mem::offset_of;
use std::sync::Arc;
use std::time::Duration;

/// Assumed between packets until two in sequence have shown it: RFC 3551 §4.2's default.
const DEFAULT_INTERVAL: Duration = Duration::from_millis(20);

/// How far the sender's clock may be from ours over an outage before we call it a new start.
const OUTAGE_SLACK: Duration = Duration::from_secs(1);

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
    /// Timestamp units between two packets in sequence.
    step: u32,
    tally: Tally,
    /// The second the tally is of.
    second: Tallied,
    generation: u32,
    /// Packets of the most frequent payload type.
    usual_packets: u32,
    usual_type: u8,
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
    let (second, third) = (offset_of!(Stream, recent), offset_of!(Stream, last));
    assert!(second / 64 == 1 && third / 64 == 2, "one to touch in each");
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
        let assigned = assigned(first.payload_type).map(|known| known.clock);
        let announced = format.as_ref().and_then(|format| format.clock);
        let clock = announced.or(assigned);
        Self {
            key,
            // As if the packet before the first had come: advance() then counts the first.
            sequence: Sequence::before(first.sequence),
            recent: RecentPackets::default(),
            jitter: Jitter::new(clock),
            last: first.time,
            newest: first.time,
            newest_timestamp: first.timestamp,
            step: 0,
            tally: Tally::default(),
            second: Tallied::NONE,
            generation: 0,
            usual_packets: 0,
            usual_type: first.payload_type,
            kind,
            capture_point: CapturePoint::default(),
            cold: Box::new(ColdState::new(first.time, format)),
        }
    }

    /// Touches each cache line, so that none has to be waited for later.
    #[inline]
    pub(super) fn prefetch(&self) {
        black_box((self.key.ssrc(), self.recent, self.last));
    }

    /// Touches what lies elsewhere, once the lines here are near.
    pub(super) fn prefetch_cold(&self) {
        self.cold.prefetch();
    }

    /// Takes the next packet: what its number and its time say. Nothing is counted yet.
    pub fn advance(&mut self, packet: &RtpSummary) -> SequenceStep {
        if self.advance_expected(packet) {
            return SequenceStep::of(Arrival::InOrder);
        }
        if self.is_copy(packet) {
            // As if it had not come: nothing of the stream itself.
            return SequenceStep::of(Arrival::Mirrored);
        }
        let result = self.advance_unexpected(packet);
        self.recent.note(packet.identification);
        self.last = self.last.max(packet.time);
        self.note_payload_type(packet.payload_type);
        if !matches!(result.arrival, Arrival::Duplicate | Arrival::Suspect) {
            self.jitter.advance(packet.time, packet.timestamp);
        }
        result
    }

    /// Takes the next packet if it is just the one expected, and nothing is lost with it: the step
    /// is then that of a packet in order. If not, nothing has changed.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the way of nearly every packet")]
    pub fn advance_expected(&mut self, packet: &RtpSummary) -> bool {
        if !self.sequence.advance_expected(packet.sequence) {
            return false;
        }
        self.step = packet.timestamp.wrapping_sub(self.newest_timestamp);
        (self.newest, self.newest_timestamp) = (packet.time, packet.timestamp);
        self.recent.note(packet.identification);
        self.last = self.last.max(packet.time);
        self.note_payload_type(packet.payload_type);
        self.jitter.advance(packet.time, packet.timestamp);
        true
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

    /// Any packet but one that was expected and loses nothing.
    #[cold]
    fn advance_unexpected(&mut self, packet: &RtpSummary) -> SequenceStep {
        let decided = self.decide_restart(packet);
        let step = self.continue_restart(packet);
        let step = step.unwrap_or_else(|| self.advance_numbering(packet));
        let step = match step.arrival {
            Arrival::Duplicate | Arrival::Late => self.suspect_restart(packet, step),
            _ => step,
        };
        let pending = self.cold.restart.is_some();
        self.sequence.set_restart_pending(pending);
        decided.then(step)
    }

    /// Takes a packet into the numbering.
    fn advance_numbering(&mut self, packet: &RtpSummary) -> SequenceStep {
        let oldest = self.sequence.oldest_missing();
        let before = self.sequence.extended();
        let newest = (self.newest, self.newest_timestamp);
        let (step, jitter) = (self.step, self.jitter);
        let result = self.sequence.advance(packet.sequence, |forward| {
            explain(forward, packet, newest, step, &jitter)
        });
        if result.lost > 0 {
            let began = oldest.map(|number| self.cold.gaps.began(number, newest.0));
            self.cold.gap_from = CoarseTime::of(began.unwrap_or(newest.0));
        }
        let restarted = matches!(result.arrival, Arrival::Restarted { .. });
        if self.sequence.extended() > before || restarted {
            let missing = before + 1..self.sequence.extended();
            self.cold.gaps.note(missing, newest.0);
            if self.sequence.extended() == before + 1 {
                self.step = packet.timestamp.wrapping_sub(newest.1);
            }
            (self.newest, self.newest_timestamp) = (packet.time, packet.timestamp);
        }
        if restarted {
            self.begin_numbering(self.sequence, newest.0);
        }
        result
    }

    /// Goes on with a numbering that is whole up to a time but for what its window misses.
    fn begin_numbering(&mut self, sequence: Sequence, whole: Timestamp) {
        self.sequence = sequence;
        self.jitter.restart();
        self.cold.far_end.restart();
        self.cold.gaps = Gaps::new(whole);
        self.cold.restarts = self.cold.restarts.saturating_add(1);
    }

    /// Whether the numbers now lost were missed in a stretch of time, from its gap until now.
    pub fn gap(&self) -> (Timestamp, Timestamp) {
        (self.cold.gap_from.before(self.newest), self.newest)
    }

    /// Numbers that were lost while we were not looking: ours, not the network's.
    pub fn excuse(&mut self, step: &mut SequenceStep) {
        self.cold.unseen = self.cold.unseen.saturating_add(saturated_u32(step.lost));
        step.lost = 0;
    }

    /// Takes what the far end says of this stream: its losses since it last said so.
    pub fn report(&mut self, block: &ReportBlock) -> Option<Reports> {
        let booked = self.cold.booked();
        self.cold.far_end.report(block, &self.sequence, booked)
    }

    #[inline]
    fn note_payload_type(&mut self, payload_type: u8) {
        if self.usual_type == payload_type {
            self.usual_packets = self.usual_packets.saturating_add(1);
        } else {
            self.note_other_type(payload_type);
        }
    }

    #[cold]
    fn note_other_type(&mut self, payload_type: u8) {
        let mut usual = (self.usual_type, self.usual_packets);
        self.cold.note_type(payload_type, &mut usual);
        (self.usual_type, self.usual_packets) = usual;
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

    /// Takes the tally out; none if it is empty.
    pub fn take_tally(&mut self) -> Option<(TrafficCounts, SequenceCounts)> {
        let tally = std::mem::take(&mut self.tally);
        let octets = TrafficCounts {
            packets: u64::from(tally.packets),
            ip: u64::from(tally.ip),
            ethernet: u64::from(tally.ethernet),
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

    /// The stream is over: what never came is lost.
    pub fn finish(&mut self) -> SequenceStep {
        let decided = self.end_restart();
        let lost = self.sequence.missing();
        if decided.lost == 0 {
            self.note_oldest_gap();
        }
        self.sequence = Sequence::before(self.sequence.last_number().wrapping_add(1));
        decided.then(SequenceStep {
            lost,
            ..SequenceStep::of(Arrival::InOrder)
        })
    }

    /// Since when the oldest number is missing that has not come.
    fn note_oldest_gap(&mut self) {
        if let Some(oldest) = self.sequence.oldest_missing() {
            self.cold.gap_from = CoarseTime::of(self.cold.gaps.began(oldest, self.newest));
        }
    }

    /// Its first packet.
    pub fn first(&self) -> Timestamp {
        self.cold.first
    }

    /// Who it belongs to.
    pub fn pair(&self) -> &PairKey {
        let attributed = self.cold.attributed.as_ref();
        attributed.map_or(&NOBODY, |attributed| &attributed.pair)
    }

    /// Which ASN sources name another origin for one of its ends.
    pub fn dissent(&self) -> Dissent {
        let attributed = self.cold.attributed.as_ref();
        attributed.map_or(Dissent::default(), |attributed| attributed.dissent)
    }

    /// Its jitter.
    pub fn jitter(&self) -> &Jitter {
        &self.jitter
    }

    /// All settled packets.
    pub fn packets(&self) -> u64 {
        self.cold.packets
    }

    /// Their IP total lengths.
    pub fn ip_bytes(&self) -> u64 {
        self.cold.ip_bytes
    }

    /// All settled losses and the like.
    pub fn continuity(&self) -> SequenceCounts {
        self.cold.continuity.continuity()
    }

    /// The encoding's name, by signalling or by the payload type; empty where neither tells.
    pub fn codec(&self) -> Arc<str> {
        let payload_type = self.payload_type();
        match &self.cold.format {
            Some(format) if format.payload_type == payload_type => format.codec.clone(),
            _ => assigned(payload_type)
                .map_or("", |known| known.codec)
                .into(),
        }
    }

    /// New numberings that its sender began.
    pub fn restarts(&self) -> u64 {
        self.cold.restarts.into()
    }

    /// Whether signalling has not told of its most frequent payload type.
    pub fn is_unnamed(&self) -> bool {
        let told = self.cold.format.as_ref().map(|format| format.payload_type);
        told != Some(self.usual_type)
    }

    /// Takes what signalling tells of it while it runs: its clock holds from now on.
    pub fn name(&mut self, format: Arc<CodecFormat>) {
        self.jitter.set_clock(format.clock);
        self.cold.format = Some(format);
    }

    /// The most frequent payload type.
    pub fn payload_type(&self) -> u8 {
        self.usual_type
    }
}

/// What a jump of 64 numbers or more is: an outage if sequence, timestamp and time agree.
#[cold]
fn explain(
    forward: u16,
    packet: &RtpSummary,
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
    let in_time = distance <= passed.saturating_add(passed / 4).saturating_add(64);
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
