//! What a worker counts, second by second.
//!
//! One [`Meter`] per worker, for as long as it runs. The newest second is counted inside the
//! streams themselves (one cache line a packet) and settled when the next one begins; what comes
//! for an older second goes straight to that second's [`SecondCounts`], as an amendment if it is closed.
//! Nothing is refused here: every frame handed in is counted under exactly one heading.

pub mod asn_counts;
pub mod asn_silence;
mod closing;
mod confirmation;
mod credit;
mod findings;
pub mod second;
pub mod stream_sample;

use crate::attribution::{Attribution, PairKey};
use crate::discard::Discard;
use crate::frame::InterfaceId;
use crate::stream::booking::Booking;
use crate::stream::fragments::LaterFragment;
use crate::stream::record::Stream;
use crate::stream::sequence::{Arrival, SequenceStep};
use crate::stream::tally::{SequenceCounts, TrafficCounts};
use crate::stream::{PacketOutcome, Streams};
use crate::units::Second;
use crate::voice::class::Class;
use crate::voice::kind::StreamKind;
use crate::voice::{CapturePoint, Content, Packet};
pub use closing::DueSeconds;
use confirmation::StreamOctets;
use second::{DisputedBytes, PairCounts, SecondCounts};
use std::collections::BTreeMap;
use stream_sample::StreamSample;

/// What is done with the copies that a mirror port makes of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CopyRule {
    /// They count like any other, and inflate every share.
    #[default]
    Counted,
    /// They are discarded.
    Discarded,
}

/// Streams that are brought near together, as many as stay there.
const NEAR: usize = 32;

/// The counts of one worker that the judge does not have yet.
#[derive(Debug, Default)]
pub struct Meter {
    /// The newest second a frame has come for.
    newest: Second,
    /// All seconds up to this one are with the judge.
    closed: Option<Second>,
    /// Counts by second: open ones, and amendments to closed ones.
    seconds: BTreeMap<Second, SecondCounts>,
    /// The counts of the newest second, kept apart from the others for speed.
    counts: SecondCounts,
    /// Streams with something tallied in the newest second.
    touched: Vec<u32>,
    /// Streams with a packet in a second that is not closed, for a look at them then; one may
    /// stand there twice.
    active: BTreeMap<Second, Vec<u32>>,
    /// Octets of streams of which nobody has said yet whether they are confirmed, by their second.
    settled: BTreeMap<Second, Vec<StreamOctets>>,
    copies: CopyRule,
    /// Copies found, whatever was done with them.
    mirror_copies: u64,
    /// The newest packets of streams of the newest sampled second.
    /// Only where other workers may see the same packets.
    sample: Option<StreamSample>,
    /// Octets that ASN sources disagree about, not yet taken.
    disputed: DisputedBytes,
}

impl Meter {
    /// With a rule for copies.
    pub fn new(copies: CopyRule) -> Self {
        Self {
            copies,
            ..Self::default()
        }
    }

    /// Frames found to be a mirror port's copies of others.
    pub fn mirror_copies(&self) -> u64 {
        self.mirror_copies
    }

    /// Counts frames that came in one second, by interface and length, before anything is known of
    /// them.
    #[inline]
    pub fn count_arrivals(
        &mut self,
        second: Second,
        frames: impl IntoIterator<Item = (InterfaceId, u32)>,
        streams: &mut Streams,
    ) {
        if second > self.newest {
            self.begin_second(second, streams);
        }
        // The newest is never closed: it opens when the one before it closes.
        let is_late = self.is_closed(second);
        let counts = &mut self.counts_of(second).frames;
        let arrived = counts.count_arrivals(frames);
        if is_late {
            counts.late += arrived;
        }
    }

    /// Counts a frame as not voice.
    #[inline]
    pub fn discard(&mut self, second: Second, reason: Discard) {
        self.counts_of(second).frames.discard(reason);
    }

    /// Counts a frame that held several packets: how many were found beyond the first, and whether that
    /// is all of them.
    pub fn count_merged(&mut self, second: Second, more: u64, is_whole: bool) {
        let frames = &mut self.counts_of(second).frames;
        frames.merged += more;
        frames.unsplit += u64::from(!is_whole);
    }

    /// Counts the octets of a later fragment for the pair of its first one. It is no packet of its own:
    /// its frame stands under [`Discard::Fragment`].
    pub fn count_fragment(&mut self, pair: &PairKey, class: Class, fragment: LaterFragment) {
        let octets = TrafficCounts::fragment(fragment.ip_bytes);
        let mut usage = PairCounts::default();
        *usage.class_mut(class) = octets;
        let counts = self.counts_of(fragment.time.second());
        counts.frames.voice.add(&octets);
        counts.add(pair, &usage);
    }

    /// Counts a copy of a later fragment.
    ///
    /// # Errors
    /// [`Discard::MirrorCopy`] where copies do not count.
    pub fn count_fragment_copy(&mut self) -> Result<(), Discard> {
        self.copy()
    }

    /// Counts a packet and what it did.
    ///
    /// # Errors
    /// [`Discard::Video`] for the packet itself where it is video, [`Discard::MirrorCopy`] where
    /// copies do not count; the caller counts that.
    pub fn count_packet(
        &mut self,
        packet: &Packet<'_>,
        outcome: PacketOutcome<'_>,
        attribution: &Attribution,
    ) -> Result<(), Discard> {
        let is_confirmed = match outcome {
            PacketOutcome::Signal(is_confirmed) => is_confirmed,
            PacketOutcome::SignalCopy => {
                self.copy()?;
                false
            }
            media => {
                let summary = (packet.time.second(), packet.capture_point, packet.ip_bytes);
                return self.count_rtp(summary, media, attribution);
            }
        };
        let class = match packet.content {
            Content::Rtp { .. } => Class::Rtp,
            Content::Rtcp { .. } => Class::Rtcp,
            Content::Sip(_) | Content::SipSegment(_) => Class::Sip,
            Content::Stun(..) => return Err(Discard::Stun),
        };
        let (src, dst) = (packet.src.address, packet.dst.address);
        let (pair, disagreeing) = attribution.resolve(src, dst, packet.capture_point);
        self.disputed.add(disagreeing, packet.ip_bytes.into());
        let counts = self.counts_of(packet.time.second());
        let traffic = TrafficCounts::packet(packet.ip_bytes);
        counts.add(&pair, &PairCounts::packet(class, packet.ip_bytes));
        if is_confirmed {
            counts.add(&pair, &PairCounts::confirmed(class, traffic));
        }
        counts.frames.voice.add(&traffic);
        Ok(())
    }

    /// Counts an RTP packet and what it did.
    ///
    /// # Errors
    /// As [`Self::count_packet`].
    #[inline(never)]
    pub fn count_rtp(
        &mut self,
        summary: (Second, CapturePoint, u32),
        outcome: PacketOutcome<'_>,
        attribution: &Attribution,
    ) -> Result<(), Discard> {
        match outcome {
            PacketOutcome::Media(index, stream, step, bookings) => {
                let counted = self.count_media(index, stream, summary, &step, attribution);
                self.book(stream, bookings);
                counted
            }
            PacketOutcome::Pending(left, displaced) => {
                self.counts_of(summary.0).frames.pending += 1;
                self.discard_pending(left);
                if let Some((key, packets)) = displaced {
                    self.displace(summary.0, &key, &packets, attribution);
                }
                Ok(())
            }
            PacketOutcome::Proven(index, stream, packets, bookings) => {
                self.credit(&packets, |meter, packet| {
                    let step = stream.advance(packet, bookings);
                    let summary = (packet.time.second(), packet.capture_point, packet.ip_bytes);
                    let counted = meter.count_media(index, stream, summary, &step, attribution);
                    meter.book(stream, bookings);
                    counted
                })
            }
            PacketOutcome::Refused(key, kind, packets) => self.credit(&packets, |meter, packet| {
                meter.unfollowed(&key, kind, packet, attribution)
            }),
            PacketOutcome::Signal(_) | PacketOutcome::SignalCopy => Ok(()),
        }
    }

    /// Counts a packet of a stream, in the second of its arrival.
    ///
    /// # Errors
    /// [`Discard::Video`] where it is video, [`Discard::MirrorCopy`] where copies do not count; the
    /// caller counts that.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the way of nearly every packet")]
    pub fn count_media(
        &mut self,
        index: u32,
        stream: &mut Stream,
        (second, capture_point, ip_bytes): (Second, CapturePoint, u32),
        step: &SequenceStep,
        attribution: &Attribution,
    ) -> Result<(), Discard> {
        if step.arrival == Arrival::Mirrored {
            self.copy()?;
        }
        if !stream.is_attributed(capture_point, attribution) {
            self.attribute(index, stream, capture_point, attribution);
        }
        if second != self.newest {
            self.count_older(index, stream, (second, ip_bytes), step);
        } else if stream.tally(second, ip_bytes, step) {
            self.touched.push(index);
        }
        match stream.kind {
            StreamKind::Audio => Ok(()),
            StreamKind::Video => Err(Discard::Video),
        }
    }

    /// Books what is missing of a stream, or given back, in the seconds in which it was due.
    #[inline]
    fn book(&mut self, stream: &mut Stream, bookings: &mut Vec<Booking>) {
        for booking in bookings.drain(..) {
            self.book_one(stream, booking);
        }
    }

    #[cold]
    fn book_one(&mut self, stream: &mut Stream, booking: Booking) {
        stream.note_booking(&booking);
        if stream.kind == StreamKind::Video {
            return;
        }
        for (second, count) in booking.by_second() {
            let usage = PairCounts {
                continuity: SequenceCounts::booked(booking.certainty, count),
                ..PairCounts::default()
            };
            self.counts_of(second).add(stream.pair(), &usage);
        }
    }

    #[cold]
    fn attribute(
        &mut self,
        index: u32,
        stream: &mut Stream,
        capture_point: CapturePoint,
        attribution: &Attribution,
    ) {
        self.flush_stream(index, stream);
        stream.attribute(capture_point, attribution);
    }

    /// What the stream has of the newest second goes there first.
    #[cold]
    fn count_older(
        &mut self,
        index: u32,
        stream: &mut Stream,
        (second, ip_bytes): (Second, u32),
        step: &SequenceStep,
    ) {
        self.flush_stream(index, stream);
        stream.tally(self.newest, ip_bytes, step);
        self.flush_stream_into(second, index, stream);
        stream.forget_second();
        if !self.is_closed(second) {
            self.active.entry(second).or_default().push(index);
        }
    }

    /// Counts a copy. Returns whether the packet counts as anything else.
    #[cold]
    fn copy(&mut self) -> Result<(), Discard> {
        self.mirror_copies += 1;
        match self.copies {
            CopyRule::Counted => Ok(()),
            CopyRule::Discarded => Err(Discard::MirrorCopy),
        }
    }

    /// Counts what a stream that has ended, or that time has jumped for, still had.
    pub fn ended(&mut self, stream: &mut Stream, step: &SequenceStep, bookings: &mut Vec<Booking>) {
        stream.tally_anomalies(step);
        self.book(stream, bookings);
        let mut reported = Vec::new();
        stream.finish_reports(self.newest, &mut reported);
        for (second, reports) in reported {
            self.count_reports(second, stream.pair(), reports);
        }
        self.flush_ended(stream);
    }

    #[inline]
    fn counts_of(&mut self, second: Second) -> &mut SecondCounts {
        if second == self.newest {
            &mut self.counts
        } else {
            self.seconds.entry(second).or_default()
        }
    }

    fn is_closed(&self, second: Second) -> bool {
        self.closed.is_some_and(|closed| second <= closed)
    }

    /// Octets that ASN sources disagree about, since the last call.
    pub fn take_disputed(&mut self) -> DisputedBytes {
        std::mem::take(&mut self.disputed)
    }

    /// Other workers may see the same packets: keeps a sample of the newest.
    pub fn keep_sample(&mut self) {
        self.sample = Some(StreamSample::default());
    }

    /// The newest packets of streams, as of the last call of [`Self::sample_streams`], where they are
    /// kept.
    pub fn stream_sample(&self) -> Option<&StreamSample> {
        self.sample.as_ref()
    }

    /// The newest second a frame has come for.
    pub fn newest(&self) -> Second {
        self.newest
    }

    /// The last second that is with the judge.
    pub fn closed(&self) -> Option<Second> {
        self.closed
    }
}
