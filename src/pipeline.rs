//! The main path: a worker counts each frame under exactly one heading, and sends closed seconds to the
//! judge.
//!
//! One [`Worker`] per capture queue. It owns its streams and its seconds. For a packet of a known stream
//! it takes no lock, reads no clock and allocates nothing. A new policy takes effect between two
//! seconds. Live capture and replay run the same code.

mod fragments;
mod merged;
pub mod packet_clock;
pub mod partitioned;
mod seconds;
pub mod shard;
pub mod timed_source;

use crate::attribution::Attribution;
use crate::capture::{CaptureError, CaptureGap, Event, GapCause};
use crate::discard::Discard;
use crate::frame::{Frame, InterfaceId};
use crate::meter::second::{IncompleteRange, WorkerReport, WorkerState};
use crate::meter::{CopyRule, Meter};
use crate::sla::policy::Policy;
use crate::stream::fragments::FragmentTable;
use crate::stream::record::Stream;
use crate::stream::sequence::{Arrival, SequenceStep};
use crate::stream::{StreamLimits, Streams};
use crate::units::Second;
use crate::voice::signalling::Announcement;
use crate::voice::{RtpPacket, Rules};
use crate::wire::merged::Split;
use crate::wire::{self, Datagram};
use seconds::EndCause;
use shard::Shard;
use std::sync::Arc;
use timed_source::{BATCH, Selection, TimedSource};

/// Receives the results of a worker.
pub trait WorkerSink {
    /// Sends a report to the judge; may wait.
    fn report(&mut self, report: WorkerReport);
    /// Takes a stream that has ended.
    fn ended(&mut self, stream: &Stream);
    /// Sees the streams as they are when a second has closed.
    fn second_closed(&mut self, _: &Streams) {}
    /// A policy that replaced the current one since the last call.
    fn new_policy(&mut self) -> Option<Arc<Policy>>;
    /// Whether this worker sends session descriptions to other workers. Not in a replay: there every
    /// worker observes all signalling.
    fn has_peers(&self) -> bool {
        false
    }
    /// Sends an announcement to the peers without waiting. Returns the number of peers that missed it.
    fn send_to_peers(&mut self, _: &Announcement) -> u64 {
        0
    }
    /// The next announcement of a peer, if any.
    fn receive_from_peers(&mut self) -> Option<Announcement> {
        None
    }
}

/// Settings of a worker.
#[derive(Clone, Debug, Default)]
pub struct WorkerSettings {
    /// Rules that recognise voice.
    pub rules: Rules,
    /// Bounds of the stream table.
    pub limits: StreamLimits,
    /// Treatment of mirror copies.
    pub copies: CopyRule,
    /// The address pairs that it counts, if several workers see the same frames.
    pub shard: Shard,
}

/// Turns the frames of one capture queue into seconds.
#[derive(Debug)]
pub struct Worker<O> {
    selection: Selection,
    streams: Streams,
    meter: Meter,
    fragments: FragmentTable,
    attribution: Attribution,
    incomplete: Vec<IncompleteRange>,
    state: WorkerState,
    has_peers: bool,
    sink: O,
}

impl<O: WorkerSink> Worker<O> {
    /// A worker under a policy.
    pub fn new(settings: WorkerSettings, policy: &Policy, sink: O) -> Self {
        let (mut streams, mut meter) = (Streams::new(settings.limits), Meter::new(settings.copies));
        let has_peers = sink.has_peers();
        if has_peers {
            streams.signalling().keep_for_peers();
            meter.keep_sample();
        }
        let selection = Selection {
            rules: settings.rules,
            shard: settings.shard,
        };
        let mut worker = Self {
            selection,
            streams,
            has_peers,
            meter,
            fragments: FragmentTable::default(),
            attribution: Attribution::default(),
            incomplete: Vec::new(),
            state: WorkerState::default(),
            sink,
        };
        worker.adopt(policy);
        worker
    }

    /// Attributes by a policy from now on.
    fn adopt(&mut self, policy: &Policy) {
        let local = policy.origins.local_prefixes();
        self.streams.signalling().set_local_prefixes(local);
        self.attribution
            .replace(policy.origins.clone(), policy.scopes.clone());
    }

    /// Runs until the source ends.
    ///
    /// # Errors
    /// [`CaptureError`] if the source cannot continue; everything before it is reported.
    pub fn run(&mut self, source: &mut impl TimedSource) -> Result<(), CaptureError> {
        loop {
            if self.has_peers {
                self.exchange_announcements();
            }
            let packets = source.next_batch(&self.selection);
            self.count_batch(packets);
            if packets.len() == BATCH {
                continue;
            }
            let step = match source.next() {
                Ok(step) => step,
                Err(error) => {
                    self.end_seconds(self.meter.newest(), EndCause::SourceEnded);
                    return Err(error);
                }
            };
            if let Some(boundary) = step.boundary {
                self.on_boundary(boundary);
            }
            match step.event {
                Event::Frame(frame) => self.count_frame(frame),
                Event::Interface(id, name) => self.name_interface(id, name),
                Event::CaptureGap(gap) => self.note_gap(&gap),
                Event::Idle(_) => {}
                Event::Unknown(id, frames) => self.note_unknown(id, frames),
                Event::End => return Ok(()),
            }
        }
    }

    /// Exchanges session descriptions with the other workers.
    fn exchange_announcements(&mut self) {
        let signalling = self.streams.signalling();
        self.state.announcements_missed += signalling.take_missed();
        for announcement in signalling.take_for_peers() {
            self.state.announcements_missed += self.sink.send_to_peers(&announcement);
        }
        while let Some(announcement) = self.sink.receive_from_peers() {
            signalling.learn(&announcement);
        }
        if self.streams.signalling().has_calls() {
            self.count_calls();
        }
    }

    /// Counts a batch of packets in their order.
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
                let outcome = self.streams.advance_media(packet.key, *summary);
                outcome.and_then(|outcome| self.meter.count_rtp(size, outcome, &self.attribution))
            };
            if let Err(reason) = counted {
                self.meter.discard(second, reason);
            }
        }
    }

    /// Counts a frame, or observes only its signalling, if another worker counts it.
    fn count_frame(&mut self, frame: Frame<'_>) {
        let decoded = wire::decode(frame);
        let split = decoded
            .ok()
            .and_then(|whole| wire::merged::split(&whole, frame.offload));
        if let Some(Split::Packets(packets)) = split {
            return self.count_merged(frame, packets);
        }
        if matches!(decoded, Err(Discard::Fragment))
            && let Some(fragment) = wire::fragment(frame)
        {
            return self.count_fragment(frame, &fragment);
        }
        if !self.selection.shard.owns_decoded(&decoded) {
            return self.observe_signalling(frame, decoded);
        }
        if split.is_some() {
            self.note_unsplit(frame, 0);
        }
        let second = self.count_arrival(frame);
        if let Err(reason) = self.account(frame, decoded) {
            self.meter.discard(second, reason);
        }
    }

    /// Counts that a frame has come; its second.
    fn count_arrival(&mut self, frame: Frame<'_>) -> Second {
        self.state.see(frame.time);
        let second = frame.time.second();
        let arrived = [(frame.interface, frame.length)];
        self.meter
            .count_arrivals(second, arrived, &mut self.streams);
        second
    }

    /// Classifies a frame and counts its packet.
    fn account(
        &mut self,
        frame: Frame<'_>,
        decoded: Result<Datagram<'_>, Discard>,
    ) -> Result<(), Discard> {
        let datagram = decoded.inspect_err(|reason| self.on_fragment(frame, *reason, true))?;
        let packet = self.selection.rules.recognise(&datagram)?;
        if datagram.is_fragment() {
            self.on_fragment(frame, Discard::Fragment, true);
            self.begin_fragments(frame, &packet);
        }
        let outcome = self.streams.advance(&packet);
        let counted = outcome
            .and_then(|outcome| self.meter.count_packet(&packet, outcome, &self.attribution));
        if self.streams.has_findings() {
            self.meter
                .count_findings(&packet, self.streams.take_findings(), &self.attribution);
        }
        if self.streams.signalling().has_calls() {
            self.count_calls();
        }
        counted
    }

    /// Counts what became of calls.
    #[cold]
    fn count_calls(&mut self) {
        let news = self.streams.signalling().take_calls();
        self.meter.count_calls(news, &self.attribution);
    }

    /// Observes the signalling of a frame that another worker counts.
    fn observe_signalling(&mut self, frame: Frame<'_>, decoded: Result<Datagram<'_>, Discard>) {
        match decoded {
            Ok(datagram) => {
                if let Ok(packet) = self.selection.rules.recognise(&datagram) {
                    self.streams.signalling().observe(&packet);
                }
                if datagram.is_fragment() {
                    self.on_fragment(frame, Discard::Fragment, false);
                }
            }
            Err(reason) => self.on_fragment(frame, reason, false),
        }
    }

    /// Passes a fragment to signalling: its datagram may be a SIP message. Counts nothing.
    #[cold]
    fn on_fragment(&mut self, frame: Frame<'_>, reason: Discard, is_counted: bool) {
        if reason == Discard::Fragment
            && let Some(fragment) = wire::fragment(frame)
            && fragment.is_whole()
        {
            let signalling = self.streams.signalling();
            signalling.take_fragment(&fragment, is_counted);
            if signalling.has_calls() {
                self.count_calls();
            }
        }
    }

    fn name_interface(&mut self, id: InterfaceId, name: &str) {
        self.attribution.name_interface(id, name);
        self.state.interfaces = self.attribution.interfaces().to_vec();
    }

    /// Marks every second of a capture gap as incomplete.
    fn note_gap(&mut self, gap: &CaptureGap) {
        let gap = self.selection.shard.own_gap(*gap);
        self.incomplete.push(IncompleteRange {
            first: gap.from.second(),
            last: gap.until.second(),
            at_most: gap.at_most,
        });
        self.streams.note_gap(gap.from, gap.until);
        add_at(&mut self.state.dropped, gap.interface, gap.frames);
        let is_down = gap.cause == GapCause::InterfaceDown;
        add_at(&mut self.state.down, gap.interface, u64::from(is_down));
    }

    /// Counts frames that the kernel's filter truncated because it could not decode them.
    fn note_unknown(&mut self, interface: InterfaceId, frames: u64) {
        add_at(&mut self.state.unknown, interface, frames);
    }

    /// Ends the worker and returns its sink.
    pub fn into_sink(self) -> O {
        self.sink
    }
}

fn add_at(sums: &mut Vec<u64>, interface: InterfaceId, more: u64) {
    let index = usize::from(interface.0);
    if sums.len() <= index {
        sums.resize(index + 1, 0);
    }
    if let Some(sum) = sums.get_mut(index) {
        *sum += more;
    }
}
