//! The streams of one worker: known ones advance, unknown ones go through probation, idle ones
//! end.
//!
//! Owned by a worker for as long as it runs; bounded by `max_streams`, and a stream that finds
//! the table full is refused and counted, never silently missed. Everything here is told the
//! time by the packets.

mod admission;
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
mod lifetime;
pub mod probation;
pub mod record;
pub mod reports;
mod rtcp_account;
pub mod rtt;
pub mod sequence;
pub mod silence;
mod table;
pub mod tally;
mod transport;

use crate::attribution::PairKey;
use crate::discard::Discard;
use crate::stream::probation::{Displaced, Probation};
use crate::stream::reports::ReportedLoss;
use crate::units::occupancy::{BoundedTable, Occupancy};
use crate::units::{Endpoint, Timestamp};
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

/// What becomes of a packet, as far as streams go; the meter counts by it.
#[derive(Debug)]
pub enum PacketOutcome<'s> {
    /// It is of a known stream: which one, what its number says, and what is to be booked of the stream.
    Media(u32, &'s mut Stream, SequenceStep, &'s mut Vec<Booking>),
    /// It waits in probation. What had to leave for it is not voice: an older packet of the same
    /// candidate, by its capture time, or a whole other candidate.
    Pending(Option<Timestamp>, Option<Displaced>),
    /// It proves a stream: which one, all its packets so far, this one the last, and what is to be booked of
    /// the stream that it follows.
    Proven(u32, &'s mut Stream, Vec<RtpSummary>, &'s mut Vec<Booking>),
    /// It proves a stream, but the table is full: its key, its kind, and its packets so far, this one
    /// the last.
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
    /// What was booked of a stream between this pair is booked as something else.
    Changed(PairKey, Booking),
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
    changed: Vec<Booking>,
    unmatched_reports: u64,
    contradicting_reports: u64,
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
            changed: Vec::new(),
            unmatched_reports: 0,
            contradicting_reports: 0,
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
    ) -> Result<PacketOutcome<'_>, Discard> {
        match self.table.find(&key) {
            Some(index) => self.advance_known(index, &summary),
            None => self.advance_unknown(key, summary),
        }
    }

    /// Takes a packet.
    ///
    /// # Errors
    /// The [`Discard`] reason where the packet belongs to nothing that counts.
    pub fn advance(&mut self, packet: &Packet<'_>) -> Result<PacketOutcome<'_>, Discard> {
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
                    return Ok(PacketOutcome::SignalCopy);
                }
                self.measure(packet);
                if is_clear {
                    self.note_sent(packet, payload);
                    self.note_reports(packet, payload);
                    self.note_senders(packet, payload);
                }
                let is_confirmed = self.is_confirmed_control(packet, payload, is_clear);
                Ok(PacketOutcome::Signal(is_confirmed))
            }
            // A copy asks nothing and answers nothing: what was asked twice would give no sample.
            Content::Sip(_) | Content::SipSegment(_) | Content::Stun(..)
                if self.signals.has(packet) =>
            {
                Ok(PacketOutcome::SignalCopy)
            }
            Content::Sip(_) | Content::SipSegment(_) => {
                self.measure(packet);
                Ok(PacketOutcome::Signal(
                    self.signalling.observe_counted(packet),
                ))
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

    fn advance_known(
        &mut self,
        index: u32,
        summary: &RtpSummary,
    ) -> Result<PacketOutcome<'_>, Discard> {
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
            Some(stream) => Ok(PacketOutcome::Media(
                index,
                stream,
                step,
                &mut self.bookings,
            )),
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

    /// Sender reports whose count of packets does not fit the numbers that came.
    pub fn contradicting_reports(&self) -> u64 {
        self.contradicting_reports
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

    /// Questions of round trips that nobody has answered in time, by method.
    pub fn round_trips_unanswered(&self) -> [u64; rtt::method::RttMethod::ALL.len()] {
        self.round_trips.unanswered()
    }

    /// Answers that cannot be round trips.
    pub fn round_trips_refused(&self) -> u64 {
        self.round_trips.refused()
    }
}

#[cfg(test)]
mod tests;
