//! The main path: a frame comes in, is counted under exactly one heading, and seconds go out to
//! the judge.
//!
//! One [`Worker`] per capture queue. It owns its streams and its seconds; for a packet of a known
//! stream it takes no lock, reads no clock and allocates nothing. New terms reach it between two
//! seconds. Live capture and replay run this same code.

pub mod packet_clock;
pub mod partitioned;
pub mod shard;
pub mod timed_source;

use crate::attribution::Attribution;
use crate::capture::{CaptureError, CaptureGap, Event};
use crate::discard::Discard;
use crate::frame::{Frame, InterfaceId};
use crate::meter::second::{ClosedSecond, SecondCounts, WorkerReport, WorkerState};
use crate::meter::{CopyRule, Meter};
use crate::sla::policy::Policy;
use crate::stream::booking::Booking;
use crate::stream::record::Stream;
use crate::stream::sequence::{Arrival, SequenceStep};
use crate::stream::{StreamLimits, Streams};
use crate::units::Second;
use crate::voice::signalling::Announcement;
use crate::voice::{RtpPacket, Rules};
use crate::wire::{self, Datagram};
use packet_clock::Boundary;
use shard::Shard;
use std::sync::Arc;
use std::time::Duration;
use timed_source::{BATCH, Selection, TimedSource};

/// Gaps this long before a missed stretch of time are still excused by it.
const UNSEEN_MEMORY: Duration = Duration::from_secs(600);

/// Where a worker's results go.
pub trait WorkerSink {
    /// A report for the judge; may wait.
    fn report(&mut self, report: WorkerReport);
    /// A stream has ended.
    fn ended(&mut self, stream: &Stream);
    /// Terms that have replaced the ones in force since the last call.
    fn new_policy(&mut self) -> Option<Arc<Policy>>;
    /// Whether there are other workers that have to be told what this one hears of signalling.
    /// Not in a replay: there all workers overhear all of it.
    fn has_peers(&self) -> bool {
        false
    }
    /// Tells the others, without waiting; to how many of them it could not be told.
    fn send_to_peers(&mut self, _: &Announcement) -> u64 {
        0
    }
    /// What another worker has told.
    fn receive_from_peers(&mut self) -> Option<Announcement> {
        None
    }
}

/// What a worker is given.
#[derive(Clone, Debug, Default)]
pub struct WorkerSettings {
    /// What is taken for voice.
    pub rules: Rules,
    /// Bounds of the stream table.
    pub limits: StreamLimits,
    /// What is done with a mirror port's copies.
    pub copies: CopyRule,
    /// What it counts where others see the same frames.
    pub shard: Shard,
}

/// One capture queue's way from frames to seconds.
#[derive(Debug)]
pub struct Worker<O> {
    selection: Selection,
    streams: Streams,
    meter: Meter,
    attribution: Attribution,
    incomplete: Vec<(Second, Second)>,
    state: WorkerState,
    has_peers: bool,
    sink: O,
}

impl<O: WorkerSink> Worker<O> {
    /// A worker under some terms.
    pub fn new(settings: WorkerSettings, policy: &Policy, sink: O) -> Self {
        let mut attribution = Attribution::default();
        attribution.replace(policy.origins.clone(), policy.scopes.clone());
        let mut streams = Streams::new(settings.limits);
        let has_peers = sink.has_peers();
        if has_peers {
            streams.signalling().keep_for_peers();
        }
        let selection = Selection {
            rules: settings.rules,
            shard: settings.shard,
        };
        Self {
            selection,
            streams,
            has_peers,
            meter: Meter::new(settings.copies),
            attribution,
            incomplete: Vec::new(),
            state: WorkerState::default(),
            sink,
        }
    }

    /// Runs until the source ends.
    ///
    /// # Errors
    /// [`CaptureError`] where the source cannot go on; what came before it is reported.
    pub fn run(&mut self, source: &mut impl TimedSource) -> Result<(), CaptureError> {
        loop {
            if self.has_peers {
                self.exchange_sdp();
            }
            let packets = source.next_batch(&self.selection);
            self.count_batch(packets);
            if packets.len() == BATCH {
                continue;
            }
            let step = match source.next() {
                Ok(step) => step,
                Err(error) => {
                    self.end(self.meter.newest());
                    return Err(error);
                }
            };
            if let Some(boundary) = step.boundary {
                self.on_boundary(boundary);
            }
            match step.event {
                Event::Frame(frame) => self.count_frame(frame),
                Event::Interface(id, name) => self.name_interface(id, name),
                Event::CaptureGap(unseen) => self.note_gap(&unseen),
                Event::Idle(_) => {}
                Event::Unknown(id, frames) => self.note_unknown(id, frames),
                Event::End => return Ok(()),
            }
        }
    }

    /// Tells the other workers what was heard of signalling, and hears what they have.
    fn exchange_sdp(&mut self) {
        let signalling = self.streams.signalling();
        for announcement in signalling.take_for_peers() {
            self.state.announcements_missed += self.sink.send_to_peers(&announcement);
        }
        while let Some(announcement) = self.sink.receive_from_peers() {
            signalling.learn(&announcement);
        }
    }

    /// Counts packets that were gathered, in their order.
    #[inline]
    fn count_batch(&mut self, packets: &[RtpPacket]) {
        let (Some(first), Some(last)) = (packets.first(), packets.last()) else {
            return;
        };
        let second = first.summary.time.second();
        self.state.see(first.summary.time);
        self.state.see(last.summary.time);
        let arrived = packets
            .iter()
            .map(|packet| (packet.summary.capture_point.interface, packet.length));
        self.meter
            .count_arrivals(second, arrived, &mut self.streams);
        let guesses = self.streams.prefetch::<BATCH>(packets);
        let expected = SequenceStep::of(Arrival::InOrder);
        for (packet, guess) in packets.iter().zip(&guesses) {
            let summary = &packet.summary;
            let size = (second, summary.capture_point, summary.ip_bytes);
            let counted = if let Some(stream) = self.streams.advance_expected(packet, *guess) {
                self.meter
                    .count_media(*guess, stream, size, &expected, &self.attribution)
            } else {
                let progress = self.streams.advance_media(packet.key, *summary);
                progress
                    .and_then(|progress| self.meter.count_rtp(size, progress, &self.attribution))
            };
            if let Err(reason) = counted {
                self.meter.discard(second, reason);
            }
        }
    }

    /// Counts a frame, or overhears one that another worker counts.
    fn count_frame(&mut self, frame: Frame<'_>) {
        let decoded = wire::decode(frame);
        if !self.selection.shard.owns_decoded(&decoded) {
            return self.observe_signalling(frame, decoded);
        }
        self.state.see(frame.time);
        let second = frame.time.second();
        let arrived = [(frame.interface, frame.length)];
        self.meter
            .count_arrivals(second, arrived, &mut self.streams);
        if let Err(reason) = self.account(frame, decoded) {
            self.meter.discard(second, reason);
        }
    }

    /// What a frame is and does.
    fn account(
        &mut self,
        frame: Frame<'_>,
        decoded: Result<Datagram<'_>, Discard>,
    ) -> Result<(), Discard> {
        let datagram = decoded.inspect_err(|reason| self.on_fragment(frame, *reason))?;
        let packet = self.selection.rules.recognise(&datagram)?;
        if datagram.is_fragment() {
            self.on_fragment(frame, Discard::Fragment);
        }
        let progress = self.streams.advance(&packet);
        let counted = progress.and_then(|progress| {
            self.meter
                .count_packet(&packet, progress, &self.attribution)
        });
        if self.streams.has_findings() {
            self.meter
                .count_findings(&packet, self.streams.take_findings(), &self.attribution);
        }
        counted
    }

    /// Listens to signalling that another worker counts.
    fn observe_signalling(&mut self, frame: Frame<'_>, decoded: Result<Datagram<'_>, Discard>) {
        match decoded {
            Ok(datagram) => {
                if let Ok(packet) = self.selection.rules.recognise(&datagram) {
                    self.streams.signalling().observe(&packet);
                }
                if datagram.is_fragment() {
                    self.on_fragment(frame, Discard::Fragment);
                }
            }
            Err(reason) => self.on_fragment(frame, reason),
        }
    }

    /// A fragment is counted as what it is; what it is a piece of may be signalling.
    #[cold]
    fn on_fragment(&mut self, frame: Frame<'_>, reason: Discard) {
        if reason == Discard::Fragment
            && let Some(fragment) = wire::fragment(frame)
        {
            self.streams.signalling().observe_fragment(&fragment);
        }
    }

    fn on_boundary(&mut self, boundary: Boundary) {
        match boundary {
            Boundary::Opened(second) => {
                self.meter.restart(second);
                self.sink.report(WorkerReport::Opened(second));
            }
            Boundary::Closed(through) => self.close(through),
            Boundary::Stepped(second) => self.on_clock_step(second),
            Boundary::Ended(last) => self.end(last),
        }
        if let Some(policy) = self.sink.new_policy() {
            self.attribution
                .replace(policy.origins.clone(), policy.scopes.clone());
        }
    }

    /// Ends what has timed out and sends all seconds up to and with `through` to the judge.
    fn close(&mut self, through: Second) {
        if self.meter.newest() <= through {
            self.meter.begin_second(through.next(), &mut self.streams);
        }
        self.meter.sample_streams(through, &mut self.streams);
        let mut given_up = Vec::new();
        let (meter, sink) = (&mut self.meter, &mut self.sink);
        self.streams
            .expire(through.next(), &mut given_up, |stream, step, bookings| {
                end_stream(meter, sink, stream, step, bookings);
            });
        self.meter.discard_pending(given_up);
        self.streams
            .forget_gaps(through.start().minus(UNSEEN_MEMORY));
        self.send(through);
    }

    fn send(&mut self, through: Second) {
        let Some(closed) = self.meter.closed() else {
            return;
        };
        let mut closing = self.meter.close(through, &mut self.streams);
        self.state.streams_refused = self.streams.refused();
        self.state.round_trips_refused = self.streams.round_trips_refused();
        self.state.mirror_copies = self.meter.mirror_copies();
        let disputed = self.meter.take_disputed();
        self.state
            .add_disputed(disputed, self.attribution.sources());
        let seconds = closing.open.iter().chain(&closing.amendments);
        for (_, counts) in seconds {
            add_each(&mut self.state.frames, &counts.frames.interfaces);
        }
        if closing
            .open
            .first()
            .is_none_or(|(second, _)| *second > closed.next())
        {
            closing
                .open
                .insert(0, (closed.next(), SecondCounts::default()));
        }
        let ends = closing
            .open
            .iter()
            .skip(1)
            .map(|(second, _)| second.previous());
        let ends: Vec<_> = ends.chain([through]).collect();
        for ((second, counts), through) in closing.open.into_iter().zip(ends) {
            let closed = ClosedSecond {
                second,
                through,
                counts,
                amendments: std::mem::take(&mut closing.amendments),
                incomplete: std::mem::take(&mut self.incomplete),
                scopes: self.attribution.scopes().clone(),
                worker: self.state.clone(),
            };
            self.sink.report(WorkerReport::Closed(Box::new(closed)));
        }
    }

    /// Packet time has jumped back: what is open is closed as it is.
    fn on_clock_step(&mut self, second: Second) {
        let mut given_up = Vec::new();
        let meter = &mut self.meter;
        self.streams
            .step(second.start(), &mut given_up, |stream, step, bookings| {
                meter.ended(stream, step, bookings);
            });
        self.meter.discard_pending(given_up);
        self.state.clock_steps += 1;
        let newest = self.meter.newest();
        // Or its streams would be sampled now, and once more when the time line has passed here.
        self.meter.begin_second(newest.next(), &mut self.streams);
        self.meter.sample_streams(newest, &mut self.streams);
        self.send(newest);
        self.meter.restart(second);
        self.sink.report(WorkerReport::Stepped(second));
    }

    /// Nothing more will come: everything is settled in the last second.
    fn end(&mut self, last: Second) {
        if self.meter.newest() < last {
            self.meter.begin_second(last, &mut self.streams);
        }
        self.meter.sample_streams(last, &mut self.streams);
        let mut given_up = Vec::new();
        let (meter, sink) = (&mut self.meter, &mut self.sink);
        self.streams
            .finish(&mut given_up, |stream, step, bookings| {
                end_stream(meter, sink, stream, step, bookings);
            });
        self.meter.discard_pending(given_up);
        self.send(last);
    }

    fn name_interface(&mut self, id: InterfaceId, name: &str) {
        self.attribution.name_interface(id, name);
        self.state.interfaces = self.attribution.interfaces().to_vec();
    }

    /// Taints every second of a stretch that was not seen whole.
    fn note_gap(&mut self, unseen: &CaptureGap) {
        let unseen = self.selection.shard.of_gap(*unseen);
        self.incomplete
            .push((unseen.from.second(), unseen.until.second()));
        self.streams.note_gap(unseen.from, unseen.until);
        add_at(&mut self.state.dropped, unseen.interface, unseen.frames);
    }

    /// Frames that the kernel's filter cut because it did not know what is in them.
    fn note_unknown(&mut self, interface: InterfaceId, frames: u64) {
        add_at(&mut self.state.unknown, interface, frames);
    }

    /// Ends the worker and gives back where its results went.
    pub fn into_sink(self) -> O {
        self.sink
    }
}

/// A stream has ended: what it still had is counted.
fn end_stream(
    meter: &mut Meter,
    sink: &mut impl WorkerSink,
    mut stream: Stream,
    step: &SequenceStep,
    bookings: &mut Vec<Booking>,
) {
    meter.ended(&mut stream, step, bookings);
    sink.ended(&stream);
}

fn add_at(sums: &mut Vec<u64>, interface: InterfaceId, more: u64) {
    let place = usize::from(interface.0);
    if sums.len() <= place {
        sums.resize(place + 1, 0);
    }
    if let Some(sum) = sums.get_mut(place) {
        *sum += more;
    }
}

fn add_each(sums: &mut Vec<u64>, more: &[u64]) {
    if sums.len() < more.len() {
        sums.resize(more.len(), 0);
    }
    sums.iter_mut()
        .zip(more)
        .for_each(|(sum, more)| *sum += more);
}
