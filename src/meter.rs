//! What a worker counts, second by second.
//!
//! One [`Meter`] per worker, for as long as it runs. The newest second is counted inside the
//! streams themselves (one cache line a packet) and settled when the next one begins; what comes
//! for an older second goes straight to that second's [`SecondCounts`], as an amendment if it is closed.
//! Nothing is refused here: every frame handed in is counted under exactly one heading.

pub mod asn_counts;
pub mod asn_silence;
mod confirmation;
pub mod second;
pub mod stream_sample;

use crate::attribution::{Attribution, PairKey};
use crate::discard::Discard;
use crate::frame::InterfaceId;
use crate::stream::booking::Booking;
use crate::stream::fragments::LaterFragment;
use crate::stream::record::Stream;
use crate::stream::reports::voip_counts::VoipCounts;
use crate::stream::sequence::{Arrival, SequenceStep};
use crate::stream::tally::{LossCounts, SequenceCounts, TrafficCounts};
use crate::stream::{Finding, Progress, Streams};
use crate::units::{Second, Timestamp};
use crate::voice::class::Class;
use crate::voice::kind::StreamKind;
use crate::voice::rtp_summary::RtpSummary;
use crate::voice::signalling::CallNews;
use crate::voice::stream_key::StreamKey;
use crate::voice::{CapturePoint, Content, Packet};
use confirmation::StreamOctets;
use second::{DisputedBytes, PairCounts, RoundTrip, SecondCounts};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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
        progress: Progress<'_>,
        attribution: &Attribution,
    ) -> Result<(), Discard> {
        let is_confirmed = match progress {
            Progress::Signal(is_confirmed) => is_confirmed,
            Progress::SignalCopy => {
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
        progress: Progress<'_>,
        attribution: &Attribution,
    ) -> Result<(), Discard> {
        match progress {
            Progress::Media(index, stream, step, bookings) => {
                let counted = self.count_media(index, stream, summary, &step, attribution);
                self.book(stream, bookings);
                counted
            }
            Progress::Pending(left, displaced) => {
                self.counts_of(summary.0).frames.pending += 1;
                self.discard_pending(left);
                if let Some((key, packets)) = displaced {
                    self.displace(summary.0, &key, &packets, attribution);
                }
                Ok(())
            }
            Progress::Proven(index, stream, packets, bookings) => {
                self.credit(&packets, |meter, packet| {
                    let step = stream.advance(packet, bookings);
                    let summary = (packet.time.second(), packet.capture_point, packet.ip_bytes);
                    let counted = meter.count_media(index, stream, summary, &step, attribution);
                    meter.book(stream, bookings);
                    counted
                })
            }
            Progress::Refused(key, kind, packets) => self.credit(&packets, |meter, packet| {
                meter.unfollowed(&key, kind, packet, attribution)
            }),
            Progress::Signal(_) | Progress::SignalCopy => Ok(()),
        }
    }

    /// Counts what a packet told of others: round trips belong to its sender's origin.
    pub fn count_findings(
        &mut self,
        packet: &Packet<'_>,
        found: Vec<Finding>,
        attribution: &Attribution,
    ) {
        for finding in found {
            match finding {
                Finding::RoundTrip(sample) => {
                    let pair = attribution.pair(
                        packet.src.address,
                        packet.dst.address,
                        packet.capture_point,
                    );
                    let counts = self.counts_of(packet.time.second());
                    counts.round_trips.push(RoundTrip::new(pair, sample));
                }
                Finding::Unmeasured(trip) => {
                    let point = packet.capture_point;
                    let pair = attribution.pair(trip.answerer, trip.asker, point);
                    let counts = self.counts_of(packet.time.second());
                    counts.round_trips.push(RoundTrip::new(pair, trip.sample));
                }
                Finding::Reported(pair, (second, reports)) => {
                    self.count_reports(second, &pair, reports);
                }
                Finding::VoipMetrics(pair, block) => {
                    let usage = PairCounts {
                        voip_metrics: Some(Box::new(VoipCounts::of(&block))),
                        ..PairCounts::default()
                    };
                    self.counts_of(packet.time.second()).add(&pair, &usage);
                }
            }
        }
    }

    /// Counts what reporters lost between a pair.
    fn count_reports(&mut self, second: Second, pair: &PairKey, reports: LossCounts) {
        let usage = PairCounts {
            reports,
            ..PairCounts::default()
        };
        self.counts_of(second).add(pair, &usage);
    }

    /// Counts what became of calls, each for the origins of its two hosts.
    pub fn count_calls(&mut self, news: Vec<CallNews>, attribution: &Attribution) {
        for one in news {
            let pair = attribution.pair(one.src, one.dst, CapturePoint::default());
            // No second is open beyond the newest.
            let second = one.time.second().min(self.newest);
            let calls = &mut self.counts_of(second).calls;
            let usage = calls.entry((pair.src, pair.dst)).or_default();
            usage.counts.add(&one.counts);
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

    /// Counts a copy, and says whether it counts as anything else.
    #[cold]
    fn copy(&mut self) -> Result<(), Discard> {
        self.mirror_copies += 1;
        match self.copies {
            CopyRule::Counted => Ok(()),
            CopyRule::Discarded => Err(Discard::MirrorCopy),
        }
    }

    /// Credits the packets that proved a stream to the seconds of their arrival. The last of them
    /// is the packet at hand, which was never pending.
    #[inline(never)]
    fn credit(
        &mut self,
        packets: &[RtpSummary],
        mut count: impl FnMut(&mut Self, &RtpSummary) -> Result<(), Discard>,
    ) -> Result<(), Discard> {
        let mut result = Ok(());
        for (left, packet) in (0..packets.len()).rev().zip(packets) {
            result = count(self, packet);
            if left > 0 {
                let frames = &mut self.counts_of(packet.time.second()).frames;
                frames.pending -= 1;
                if let Err(reason) = result {
                    frames.discard(reason);
                }
            }
        }
        result
    }

    /// Counts a packet of a stream that found no room. It is voice; what is missing between it and
    /// others nobody knows.
    fn unfollowed(
        &mut self,
        key: &StreamKey,
        kind: StreamKind,
        packet: &RtpSummary,
        attribution: &Attribution,
    ) -> Result<(), Discard> {
        if kind == StreamKind::Video {
            return Err(Discard::Video);
        }
        let (src, dst) = (key.src().address, key.dst().address);
        let (pair, disagreeing) = attribution.resolve(src, dst, packet.capture_point);
        self.disputed.add(disagreeing, packet.ip_bytes.into());
        let usage = PairCounts {
            unfollowed: 1,
            ..PairCounts::packet(Class::Rtp, packet.ip_bytes)
        };
        let counts = self.counts_of(packet.time.second());
        counts.add(&pair, &usage);
        counts
            .frames
            .voice
            .add(&TrafficCounts::packet(packet.ip_bytes));
        Ok(())
    }

    /// A candidate gave way to another in a second: its packets are not counted as voice, and whether
    /// they were the first of a stream, and what that lost, nobody knows; neither then, nor when they came.
    #[cold]
    fn displace(
        &mut self,
        second: Second,
        key: &StreamKey,
        packets: &[RtpSummary],
        attribution: &Attribution,
    ) {
        let (src, dst) = (key.src().address, key.dst().address);
        for packet in packets {
            let pair = attribution.pair(src, dst, packet.capture_point);
            let usage = PairCounts {
                displaced: 1,
                ..PairCounts::default()
            };
            self.counts_of(second).add(&pair, &usage);
            if packet.time.second() != second {
                self.counts_of(packet.time.second()).add(&pair, &usage);
            }
        }
        self.discard_pending(packets.iter().map(|packet| packet.time));
    }

    /// Frames that waited in probation, by their capture times, are not voice.
    pub fn discard_pending(&mut self, times: impl IntoIterator<Item = Timestamp>) {
        for time in times {
            let frames = &mut self.counts_of(time.second()).frames;
            frames.pending -= 1;
            frames.discard(Discard::Probation);
        }
    }

    /// Counts what a stream that has ended, or that time has jumped for, still had.
    pub fn ended(&mut self, stream: &mut Stream, step: &SequenceStep, bookings: &mut Vec<Booking>) {
        stream.tally_anomalies(step);
        self.book(stream, bookings);
        if let Some(reports) = stream.finish_reports() {
            self.count_reports(self.newest, stream.pair(), reports);
        }
        self.flush_ended(stream);
    }

    /// A newer second begins: what the streams tallied goes to the counts of the old one.
    pub fn begin_second(&mut self, second: Second, streams: &mut Streams) {
        let touched = std::mem::take(&mut self.touched);
        for some in touched.chunks(NEAR) {
            streams.prefetch_whole(some);
            for index in some {
                if let Some(stream) = streams.stream_mut(*index) {
                    self.flush_stream(*index, stream);
                }
            }
        }
        match self.active.entry(self.newest) {
            Entry::Vacant(place) => drop(place.insert(touched)),
            Entry::Occupied(mut active) => active.get_mut().extend(touched),
        }
        let counts = std::mem::take(&mut self.counts);
        self.seconds.entry(self.newest).or_default().merge(counts);
        self.newest = second;
    }

    /// Counts every stream with a packet in a second up to and with `through`, and samples its
    /// jitter. Not when the next second begins: that is at another packet for each worker, while
    /// the close of a second is at the same place of a capture for all of them.
    pub fn sample_streams(&mut self, through: Second, streams: &mut Streams) {
        if self.newest <= through {
            for index in std::mem::take(&mut self.touched) {
                if let Some(stream) = streams.stream_mut(index) {
                    self.flush_stream(index, stream);
                }
                self.active.entry(self.newest).or_default().push(index);
            }
        }
        if let Some(sample) = &mut self.sample {
            *sample = StreamSample::default();
        }
        let later = self.active.split_off(&through.next());
        for (second, mut active) in std::mem::replace(&mut self.active, later) {
            active.sort_unstable();
            active.dedup();
            for some in active.chunks(NEAR) {
                streams.prefetch_whole(some);
                for index in some {
                    streams.apply_announcement(*index);
                    self.sample(second, streams.get(*index));
                    if let Some(pair) = streams.one_way(*index, second) {
                        let calls = &mut self.counts_of(second).calls;
                        calls.entry(pair).or_default().one_way += 1;
                    }
                    streams.note_quiet(*index, second);
                }
            }
        }
        self.confirm(through, streams);
        let counts = self.counts_of(through);
        streams.tell_silence(through, |pair, silence| {
            let usage = PairCounts {
                silence: Some(silence.into()),
                ..PairCounts::default()
            };
            counts.add(pair, &usage);
        });
        (counts.begun, counts.stopped) = streams.take_edges();
    }

    fn sample(&mut self, second: Second, stream: Option<&Stream>) {
        let Some(stream) = stream.filter(|stream| stream.kind == StreamKind::Audio) else {
            return;
        };
        if let Some(sample) = &mut self.sample {
            sample.add(stream);
        }
        let jitter = stream.jitter().current();
        self.counts_of(second).add_stream(stream.pair(), jitter);
    }

    fn flush_stream(&mut self, index: u32, stream: &mut Stream) {
        self.flush_stream_into(self.newest, index, stream);
    }

    fn flush_stream_into(&mut self, second: Second, index: u32, stream: &mut Stream) {
        if let Some(octets) = self.settle_stream(second, stream) {
            let settled = StreamOctets::new(index, stream, &octets);
            self.settled.entry(second).or_default().push(settled);
        }
    }

    /// What a stream that is over had of the newest second: nobody will confirm it.
    fn flush_ended(&mut self, stream: &mut Stream) {
        self.settle_stream(self.newest, stream);
    }

    fn settle_stream(&mut self, second: Second, stream: &mut Stream) -> Option<TrafficCounts> {
        let (Some((octets, continuity)), StreamKind::Audio) = (stream.take_tally(), stream.kind)
        else {
            return None;
        };
        self.disputed.add(stream.disagreeing(), octets.ip);
        let mut usage = PairCounts {
            continuity,
            ..PairCounts::default()
        };
        *usage.class_mut(Class::Rtp) = octets;
        let counts = self.counts_of(second);
        counts.frames.voice.add(&octets);
        counts.add(stream.pair(), &usage);
        (octets.packets > 0).then_some(octets)
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

    /// Takes out the seconds up to and with `through`: those that were open, and amendments to
    /// those that were not; each oldest first.
    pub fn close(&mut self, through: Second, streams: &mut Streams) -> DueSeconds {
        if self.newest <= through {
            self.begin_second(through.next(), streams);
        }
        let later = self.seconds.split_off(&through.next());
        let due = std::mem::replace(&mut self.seconds, later);
        let closed = self.closed.replace(through);
        let (amendments, open) = due
            .into_iter()
            .partition(|(second, _)| closed.is_some_and(|closed| *second <= closed));
        DueSeconds { open, amendments }
    }

    /// Packet time has jumped back into a second, or begins there: nothing before it is open.
    pub fn restart(&mut self, second: Second) {
        self.newest = second;
        self.closed = Some(second.previous());
        // Sampled already; time will reach seconds of these numbers again.
        self.active.clear();
        self.settled.clear();
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

/// What [`Meter::close`] takes out.
#[derive(Debug, Default)]
pub struct DueSeconds {
    /// Seconds now closed.
    pub open: Vec<(Second, SecondCounts)>,
    /// Counts for seconds closed before.
    pub amendments: Vec<(Second, SecondCounts)>,
}
