//! The streams of one worker: known ones advance, unknown ones go through probation, idle ones
//! end.
//!
//! Owned by a worker for as long as it runs; bounded by `max_streams`, and a stream that finds
//! the table full is refused and counted, never silently missed. Everything here is told the
//! time by the packets.

pub mod booking;
mod capture_gaps;
mod confirmation;
mod control;
pub mod copies;
pub mod edge;
pub mod expiry;
mod flows;
pub mod fragments;
mod gaps;
mod holds;
pub mod jitter;
pub mod probation;
pub mod record;
pub mod reports;
pub mod rtt;
pub mod sequence;
pub mod silence;
mod table;
pub mod tally;
mod transport;

use crate::attribution::PairKey;
use crate::discard::Discard;
use crate::stream::probation::{Displaced, Probation, ProbationOutcome};
use crate::stream::reports::ReportedLoss;
use crate::units::occupancy::{BoundedTable, Occupancy};
use crate::units::{Endpoint, Second, Timestamp};
use crate::voice::kind::StreamKind;
use crate::voice::rtp_summary::RtpSummary;
use crate::voice::signalling::Signalling;
use crate::voice::stream_key::StreamKey;
use crate::voice::{Content, Packet, RtpPacket};
use crate::wire::rtcp::{Protection, VoipMetrics};
use booking::{Booking, Certainty, LossReason};
use capture_gaps::CaptureGaps;
use copies::SeenSignalling;
use expiry::ExpiryQueue;
use flows::Flows;
use record::Stream;
use rtt::{RttMatcher, RttSample, UnmeasuredTrip};
use sequence::{Arrival, SequenceStep, WINDOW};
use silence::QuietStreams;
use std::time::Duration;
use table::StreamTable;
use transport::Transports;

/// Bounds of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamLimits {
    /// Streams at the same time.
    pub max_streams: u32,
    /// A stream without a packet for so long is over.
    pub timeout: Duration,
    /// Of a silence, or of the time before a new numbering or a new SSRC, so much may have been loss.
    pub silence_limit: Duration,
}

/// The limit of a silence where nobody says otherwise: longer, and most calls are over.
pub const USUAL_SILENCE_LIMIT: Duration = Duration::from_secs(10);

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            max_streams: 262_144,
            timeout: Duration::from_secs(300),
            silence_limit: USUAL_SILENCE_LIMIT,
        }
    }
}

/// What a packet did.
#[derive(Debug)]
pub enum Progress<'s> {
    /// A packet of a known audio stream, and what is to be booked of that stream with it.
    Media(u32, &'s mut Stream, SequenceStep, &'s mut Vec<Booking>),
    /// Held; the one that left for it, captured at this time, is not voice, and another candidate may
    /// have given way.
    Pending(Option<Timestamp>, Option<Displaced>),
    /// A stream is proven; these are its packets so far, this one the last, and what is to be booked
    /// of the time before them.
    Proven(u32, &'s mut Stream, Vec<RtpSummary>, &'s mut Vec<Booking>),
    /// A stream is proven, but the table is full: what it is, and its packets so far, this one the
    /// last.
    Refused(StreamKey, StreamKind, Vec<RtpSummary>),
    /// RTCP or SIP: belongs to no stream. Whether it is confirmed (MODEL §3.4).
    Signal(bool),
    /// A mirror port's copy of RTCP, SIP or STUN; of media it is a step.
    SignalCopy,
}

/// What a packet told of others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// A round trip to its sender.
    RoundTrip(RttSample),
    /// A round trip to somebody else that nobody will measure.
    Unmeasured(UnmeasuredTrip),
    /// What reporters lost of a stream between this pair, in a second.
    Reported(PairKey, ReportedLoss),
    /// What a receiver says that it hears of a stream between this pair.
    VoipMetrics(PairKey, VoipMetrics),
}

/// The streams of one worker.
#[derive(Debug)]
pub struct Streams {
    limits: StreamLimits,
    table: StreamTable,
    expiry_queue: ExpiryQueue,
    probation: Probation,
    transports: Transports,
    flows: Flows,
    quiet: QuietStreams,
    signals: SeenSignalling,
    signalling: Signalling,
    round_trips: RttMatcher,
    samples: Vec<RttSample>,
    findings: Vec<Finding>,
    unseen: CaptureGaps,
    /// Of the packet at hand; its room stays.
    bookings: Vec<Booking>,
    reported: Vec<ReportedLoss>,
    unmatched_reports: u64,
    refused: u64,
}

impl Streams {
    /// An empty table.
    pub fn new(limits: StreamLimits) -> Self {
        Self {
            limits,
            table: StreamTable::for_streams(limits.max_streams),
            expiry_queue: ExpiryQueue::default(),
            probation: Probation::default(),
            transports: Transports::default(),
            flows: Flows::default(),
            quiet: QuietStreams::default(),
            signals: SeenSignalling::default(),
            signalling: Signalling::default(),
            round_trips: RttMatcher::default(),
            samples: Vec::new(),
            findings: Vec::new(),
            unseen: CaptureGaps::default(),
            bookings: Vec::new(),
            reported: Vec::new(),
            unmatched_reports: 0,
            refused: 0,
        }
    }

    /// Finds the streams of several packets at once: guesses for [`Self::advance_expected`].
    #[inline]
    pub fn prefetch<const N: usize>(&self, packets: &[RtpPacket]) -> [u32; N] {
        self.table
            .prefetch(packets.iter().map(|packet| &packet.key))
    }

    /// Brings streams near that are to be looked at one after the other, by their numbers.
    pub fn prefetch_whole(&self, numbers: &[u32]) {
        self.table.prefetch_whole(numbers);
    }

    /// Takes an RTP packet that was told at a glance, if it is just the one that the stream of its
    /// guess expects; if not, nothing has changed.
    #[inline]
    pub fn advance_expected(&mut self, packet: &RtpPacket, guess: u32) -> Option<&mut Stream> {
        let stream = self.table.get_mut(guess)?;
        let follows = stream.key == packet.key && stream.advance_expected(&packet.summary);
        follows.then_some(stream)
    }

    /// Takes any RTP packet.
    ///
    /// # Errors
    /// The [`Discard`] reason where the packet belongs to nothing that counts.
    #[inline(never)]
    pub fn advance_media(
        &mut self,
        key: StreamKey,
        summary: RtpSummary,
    ) -> Result<Progress<'_>, Discard> {
        match self.table.find(&key) {
            Some(index) => self.advance_known(index, &summary),
            None => self.advance_unknown(key, summary),
        }
    }

    /// Takes a packet.
    ///
    /// # Errors
    /// The [`Discard`] reason where the packet belongs to nothing that counts.
    pub fn advance(&mut self, packet: &Packet<'_>) -> Result<Progress<'_>, Discard> {
        match packet.content {
            Content::Rtp {
                header,
                payload_bytes,
            } => {
                let key = StreamKey::new(packet.src, packet.dst, header.ssrc);
                let summary = RtpSummary::new(
                    packet.time,
                    packet.capture_point,
                    packet.ip_bytes,
                    (&header, payload_bytes),
                    packet.dedup_key.identification,
                );
                self.advance_media(key, summary)
            }
            Content::Rtcp {
                payload,
                protection,
            } => {
                if let Some((key, summary)) = self.media_like_control(packet, payload) {
                    return self.advance_media(key, summary);
                }
                let is_clear = protection == Protection::Clear;
                if !self.is_audio_control(packet, payload, is_clear) {
                    return Err(Discard::Rtcp);
                }
                if self.signals.has(packet) {
                    return Ok(Progress::SignalCopy);
                }
                self.measure(packet);
                if is_clear {
                    self.note_reports(packet, payload);
                    self.note_senders(packet, payload);
                }
                let is_confirmed = self.is_confirmed_control(packet, payload, is_clear);
                Ok(Progress::Signal(is_confirmed))
            }
            // A copy asks nothing and answers nothing: what was asked twice would give no sample.
            Content::Sip(_) | Content::SipSegment(_) | Content::Stun(..)
                if self.signals.has(packet) =>
            {
                Ok(Progress::SignalCopy)
            }
            Content::Sip(_) | Content::SipSegment(_) => {
                self.measure(packet);
                Ok(Progress::Signal(self.signalling.observe_counted(packet)))
            }
            Content::Stun(..) => {
                self.measure(packet);
                Err(Discard::Stun)
            }
        }
    }

    /// What signalling has told, and what it is told by packets that are counted elsewhere.
    pub fn signalling(&mut self) -> &mut Signalling {
        &mut self.signalling
    }

    /// Round trips that the packet ends.
    fn measure(&mut self, packet: &Packet<'_>) {
        self.round_trips.observe(packet, &mut self.samples);
        self.findings
            .extend(self.samples.drain(..).map(Finding::RoundTrip));
        let unmeasured = self.round_trips.take_unmeasured();
        self.findings.extend(unmeasured.map(Finding::Unmeasured));
    }

    /// What packets told of others since the last call.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// Whether there is any.
    #[inline]
    pub fn has_findings(&self) -> bool {
        !self.findings.is_empty()
    }

    fn advance_known(&mut self, index: u32, summary: &RtpSummary) -> Result<Progress<'_>, Discard> {
        self.bookings.clear();
        let Some(stream) = self.table.get_mut(index) else {
            return Err(Discard::NotVoice);
        };
        let step = stream.advance(summary, &mut self.bookings);
        if step.arrival != Arrival::Mirrored && stream.prove() && stream.kind == StreamKind::Audio {
            let (key, first) = (stream.key, stream.first());
            self.follow(&key, index, first);
        }
        if !self.bookings.is_empty() {
            self.weigh(index);
        }
        match self.table.get_mut(index) {
            Some(stream) => Ok(Progress::Media(index, stream, step, &mut self.bookings)),
            None => Err(Discard::NotVoice),
        }
    }

    /// What else is known of what is to be booked of a stream: stretches that we did not see, and
    /// other streams on its way.
    #[cold]
    fn weigh(&mut self, index: u32) {
        let Some(stream) = self.table.get_mut(index) else {
            return;
        };
        let key = stream.key;
        self.unseen.excuse(stream, &mut self.bookings);
        let (src, dst) = (key.src(), key.dst());
        holds::excuse(stream, &mut self.bookings, self.signalling.holds(src, dst));
        let is_long = |booking: &Booking| booking.count.unsigned_abs() >= WINDOW;
        let latest = self.bookings.iter().any(is_long);
        let latest = latest.then(|| self.flows.latest(&key)).flatten();
        let other = latest.filter(|latest| *latest != index);
        let other = other.and_then(|latest| self.table.get(latest));
        for booking in &mut self.bookings {
            match booking.certainty {
                Certainty::Excused(LossReason::Restart) => {
                    let stream = self.table.get(index);
                    let most = stream.and_then(|stream| stream.sent_in(self.limits.silence_limit));
                    let most = i64::try_from(most.unwrap_or(0)).unwrap_or(i64::MAX);
                    booking.count = booking.count.min(most);
                    if self.flows.end_gap(&key, booking.until) {
                        booking.certainty = Certainty::MaybeLost(LossReason::Restart);
                    }
                }
                Certainty::Lost if other.is_some_and(|other| other.explains(booking)) => {
                    booking.certainty = Certainty::MaybeLost(LossReason::OtherSsrc);
                }
                Certainty::Lost | Certainty::MaybeLost(_) | Certainty::Excused(_) => {}
            }
        }
    }

    fn advance_unknown(
        &mut self,
        key: StreamKey,
        summary: RtpSummary,
    ) -> Result<Progress<'_>, Discard> {
        let known = self
            .signalling
            .about(key.src(), key.dst(), summary.payload_type);
        // What is announced as video must show that it is: a fact never un-counts (MODEL §4.3).
        let known = known.filter(|known| known.kind == StreamKind::Audio);
        let (packets, kind) = if let Some(known) = &known {
            // Announced: its first packet is proof enough.
            let mut packets = self.probation.remove(&key);
            packets.push(summary);
            (packets, known.kind)
        } else {
            match self.probation.consider(key, summary) {
                ProbationOutcome::Refused => return Err(Discard::NotVoice),
                ProbationOutcome::Pending(left) => {
                    let displaced = self.probation.take_displaced();
                    return Ok(Progress::Pending(left, displaced));
                }
                ProbationOutcome::Proven(packets, kind) => (packets, kind),
            }
        };
        let first = packets.first().copied().unwrap_or(summary);
        let format = known.map(|known| known.format);
        let is_announced = format.is_some();
        let mut stream = Stream::new(key, kind, &first, format);
        if is_announced {
            stream.doubt_proof();
        }
        self.bookings.clear();
        let index = self.insert(stream, summary.time.second());
        if let Some(index) = index.filter(|_| kind == StreamKind::Audio) {
            self.quiet.note_begun(index, key, &first);
        }
        match index.and_then(|index| Some((index, self.table.get_mut(index)?))) {
            Some((index, stream)) => {
                let bookings = &mut self.bookings;
                Ok(Progress::Proven(index, stream, packets, bookings))
            }
            None => Ok(Progress::Refused(key, kind, packets)),
        }
    }

    /// Names and clocks a stream that was there before signalling told of it. What it is stays: a
    /// fact may confirm, name or clock a stream, never un-count one (MODEL §4.3).
    pub fn apply_announcement(&mut self, index: u32) {
        if self.signalling.is_empty() {
            return;
        }
        let Some(stream) = self
            .table
            .get_mut(index)
            .filter(|stream| stream.is_unnamed())
        else {
            return;
        };
        let (src, dst) = (stream.key.src(), stream.key.dst());
        let known = self.signalling.about(src, dst, stream.payload_type());
        if let Some(known) = known.filter(|known| known.kind == stream.kind) {
            stream.name(known.format);
        }
    }

    /// Puts a stream into the table, if there is room.
    fn insert(&mut self, stream: Stream, now: Second) -> Option<u32> {
        if self.table.len() >= self.limits.max_streams as usize {
            self.refused += 1;
            return None;
        }
        let (kind, key, first) = (stream.kind, stream.key, stream.first());
        let is_proven = stream.is_proven();
        let index = self.table.insert(stream)?;
        if kind == StreamKind::Audio {
            self.transports.add(&key, index);
            if is_proven {
                self.follow(&key, index, first);
            }
        }
        let due = Second(now.0 + self.limits.timeout.as_secs());
        self.expiry_queue.set(due, index);
        Some(index)
    }

    /// A stream is one of those that follow each other on its way: lone packets that a session
    /// description lets in, each of another SSRC, end no gap and explain none.
    fn follow(&mut self, key: &StreamKey, index: u32, first: Timestamp) {
        if let Some(before) = self.flows.add(key, index) {
            self.book_silence(key, before, first);
        }
    }

    /// A new SSRC begins on the way of another stream: what that would have sent since its last packet
    /// is excused, but not if this happens too often.
    fn book_silence(&mut self, key: &StreamKey, before: u32, first: Timestamp) {
        let Some(before) = self.table.get(before) else {
            return;
        };
        let silence = first.since(before.last).min(self.limits.silence_limit);
        if let Some(packets) = before.sent_in(silence) {
            let certainty = if self.flows.end_gap(key, first) {
                Certainty::MaybeLost(LossReason::NewSsrc)
            } else {
                Certainty::Excused(LossReason::NewSsrc)
            };
            let booking = Booking::between(certainty, packets, before.last, first);
            self.bookings.push(booking);
        }
    }

    /// Ends streams without a packet since the timeout, each handed to `ended` with what is still to
    /// be booked of it, and gives up candidates; the capture times of their packets go to `given_up`.
    pub fn expire(
        &mut self,
        now: Second,
        given_up: &mut Vec<Timestamp>,
        mut ended: impl FnMut(Stream, &SequenceStep, &mut Vec<Booking>),
    ) {
        self.probation.expire(now, given_up);
        self.round_trips.expire(now.start());
        self.signalling.expire(now);
        for index in self.expiry_queue.take_due(now) {
            let Some(stream) = self.get(index) else {
                continue;
            };
            let last = self.opposite_last(index, stream).max(stream.last);
            let due = Second(last.second().0 + self.limits.timeout.as_secs());
            if due > now {
                self.expiry_queue.set(due, index);
            } else {
                self.end(index, &mut ended);
            }
        }
    }

    /// The last packet of the stream that goes the opposite way, if this one is the last of its own way:
    /// a call is not over while one side still sends.
    fn opposite_last(&self, index: u32, stream: &Stream) -> Timestamp {
        let is_latest = self.flows.latest(&stream.key) == Some(index);
        let opposite = self.opposite(&stream.key).filter(|_| is_latest);
        opposite.map_or(Timestamp::default(), |opposite| opposite.last)
    }

    /// Ends everything: nothing more will come. Each stream is handed to `ended` as it leaves, so
    /// that there is never a second one of all of them.
    pub fn finish(
        &mut self,
        given_up: &mut Vec<Timestamp>,
        mut ended: impl FnMut(Stream, &SequenceStep, &mut Vec<Booking>),
    ) {
        self.probation.clear(given_up);
        self.expiry_queue.take_all();
        for index in self.table.numbers() {
            self.end(index, &mut ended);
        }
    }

    /// Packet time has jumped back: what was due counts from now, and no missing number is waited
    /// for. What is still to be booked of a stream is handed to `settled`.
    pub fn step(
        &mut self,
        now: Timestamp,
        given_up: &mut Vec<Timestamp>,
        mut settled: impl FnMut(&mut Stream, &SequenceStep, &mut Vec<Booking>),
    ) {
        self.probation.clear(given_up);
        let due = Second(now.second().0 + self.limits.timeout.as_secs());
        for index in self.expiry_queue.take_all() {
            let Some(step) = self.conclude(index) else {
                continue;
            };
            if let Some(stream) = self.table.get_mut(index) {
                settled(stream, &step, &mut self.bookings);
                stream.forget_missing();
                // A second of this number comes a second time, and is a new one.
                stream.forget_second();
                stream.last = now;
                self.expiry_queue.set(due, index);
            }
        }
        self.unseen.clear();
        self.quiet.clear();
        self.flows.clear_gaps();
        self.signals.clear();
        self.round_trips.clear();
        self.signalling.forget_calls();
    }

    /// Decides what of a stream is still open; what is to be booked of it lies in `bookings`.
    fn conclude(&mut self, index: u32) -> Option<SequenceStep> {
        self.bookings.clear();
        let stream = self.table.get_mut(index)?;
        let step = stream.finish(&mut self.bookings);
        self.weigh(index);
        Some(step)
    }

    fn end(
        &mut self,
        index: u32,
        ended: &mut impl FnMut(Stream, &SequenceStep, &mut Vec<Booking>),
    ) {
        let Some(step) = self.conclude(index) else {
            return;
        };
        if let Some(stream) = self.table.remove(index) {
            if stream.kind == StreamKind::Audio {
                self.transports.remove(&stream.key);
                if stream.is_proven() {
                    self.flows.remove(&stream.key);
                }
            }
            ended(stream, &step, &mut self.bookings);
        }
    }

    /// Remembers a stretch of time in which frames were missed: gaps over it are not loss.
    pub fn note_gap(&mut self, from: Timestamp, until: Timestamp) {
        self.unseen.note(from, until);
    }

    /// Forgets stretches that no gap of a living stream can reach back to.
    pub fn forget_gaps(&mut self, before: Timestamp) {
        self.unseen.forget(before);
    }

    /// Whether RTCP between these ends belongs to an audio stream.
    pub fn carry_audio(&self, src: Endpoint, dst: Endpoint) -> bool {
        self.transports.carry_audio(src, dst)
    }

    /// The number of a stream.
    pub fn find(&self, key: &StreamKey) -> Option<u32> {
        self.table.find(key)
    }

    /// A stream by its number.
    pub fn get(&self, index: u32) -> Option<&Stream> {
        self.table.get(index)
    }

    /// A stream by its number, to be changed.
    pub fn stream_mut(&mut self, index: u32) -> Option<&mut Stream> {
        self.table.get_mut(index)
    }

    /// Every proven stream, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Stream> {
        let numbers = self.table.numbers();
        let streams = numbers.filter_map(|index| self.table.get(index));
        streams.filter(|stream| stream.is_proven())
    }

    /// Whether a stream goes the opposite way of one.
    pub fn has_opposite(&self, key: &StreamKey) -> bool {
        self.opposite(key).is_some()
    }

    /// Streams refused because the table was full.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Report blocks that name no stream known here, or come from one reporter too many.
    pub fn unmatched_reports(&self) -> u64 {
        self.unmatched_reports
    }

    /// How full its tables are, and those of signalling.
    pub fn occupancy(&self) -> impl Iterator<Item = (BoundedTable, Occupancy)> + use<> {
        let limit = self.limits.max_streams as usize;
        let own = [
            (
                BoundedTable::Streams,
                Occupancy::new(self.table.len(), limit, self.refused),
            ),
            (BoundedTable::Probation, self.probation.occupancy()),
            (BoundedTable::Questions, self.round_trips.occupancy()),
        ];
        own.into_iter().chain(self.signalling.occupancy())
    }

    /// Answers that cannot be round trips.
    pub fn round_trips_refused(&self) -> u64 {
        self.round_trips.refused()
    }
}

#[cfg(test)]
mod tests;
