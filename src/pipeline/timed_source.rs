//! The input of a worker's loop: events, each with the boundary of seconds before it.

use crate::capture::{BurstSink, CaptureError, Event, FrameSource};
use crate::frame::Frame;
use crate::pipeline::packet_clock::{Boundary, PacketClock};
use crate::pipeline::shard::Shard;
use crate::voice::{RtpPacket, Rules};
use crate::wire::plain::{self, Ip, PlainDatagram, PlainUdp};

/// An event with its boundary.
#[derive(Clone, Copy, Debug)]
pub struct TimedEvent<'a> {
    /// The boundary between the previous event and this one, if any.
    pub boundary: Option<Boundary>,
    /// The event.
    pub event: Event<'a>,
}

/// Selects the packets that a worker counts.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Rules that recognise voice.
    pub rules: Rules,
    /// The address pairs that the worker counts.
    pub shard: Shard,
}

/// A source of events with boundaries.
pub trait TimedSource {
    /// The next event. Do not call it again after [`Event::End`].
    ///
    /// # Errors
    /// [`CaptureError`] if the source cannot continue.
    fn next(&mut self) -> Result<TimedEvent<'_>, CaptureError>;

    /// The next plain RTP packets of the selection: at most [`BATCH`], of one second and in order of time.
    /// Stops before any other event, which is left to [`Self::next`].
    fn next_batch(&mut self, selection: &Selection) -> &[RtpPacket];
}

/// Packets of a batch: about as many as a current processor has memory loads in flight, and few enough
/// for its L1 cache.
pub const BATCH: usize = 32;

/// Plain RTP packets of one second, to be counted together.
#[derive(Clone, Debug, Default)]
pub struct PacketBatch {
    packets: [RtpPacket; BATCH],
    filled: usize,
}

impl PacketBatch {
    /// Whether there is room for another.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.filled < BATCH
    }

    /// Appends a packet. A full batch drops it, so check [`Self::has_room`] first.
    #[inline]
    pub fn push(&mut self, packet: RtpPacket) {
        if let Some(slot) = self.packets.get_mut(self.filled) {
            *slot = packet;
            self.filled += 1;
        }
    }

    /// The packets, in their order.
    #[inline]
    pub fn packets(&self) -> &[RtpPacket] {
        self.packets.get(..self.filled).unwrap_or_default()
    }

    /// Removes all packets.
    #[inline]
    pub fn clear(&mut self) {
        self.filled = 0;
    }
}

/// A frame source with a packet clock.
#[derive(Debug)]
pub struct ClockedSource<S> {
    source: S,
    packet_clock: PacketClock,
    batch: PacketBatch,
}

impl<S: FrameSource> ClockedSource<S> {
    /// Adds a packet clock to a source.
    pub fn new(source: S) -> Self {
        Self {
            source,
            packet_clock: PacketClock::default(),
            batch: PacketBatch::default(),
        }
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The source and its packet clock.
    pub(super) fn source_and_clock(&mut self) -> (&mut S, &mut PacketClock) {
        (&mut self.source, &mut self.packet_clock)
    }
}

impl<S: FrameSource> TimedSource for ClockedSource<S> {
    #[inline]
    fn next(&mut self) -> Result<TimedEvent<'_>, CaptureError> {
        let event = self.source.next()?;
        let boundary = match &event {
            Event::Frame(frame) => self.packet_clock.on_frame(frame.time, frame.interface),
            Event::Idle(now) => self.packet_clock.on_idle(*now),
            Event::End => self.packet_clock.on_end(),
            Event::Interface(..) | Event::CaptureGap(_) | Event::Unknown(..) => None,
        };
        Ok(TimedEvent { boundary, event })
    }

    #[inline]
    fn next_batch(&mut self, selection: &Selection) -> &[RtpPacket] {
        self.batch.clear();
        self.source.burst(&mut BatchCollector {
            selection,
            packet_clock: &mut self.packet_clock,
            batch: &mut self.batch,
        });
        self.batch.packets()
    }
}

/// Collects plain RTP packets of one second into a batch, and skips those of other workers.
struct BatchCollector<'a> {
    selection: &'a Selection,
    packet_clock: &'a mut PacketClock,
    batch: &'a mut PacketBatch,
}

impl BatchCollector<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call per frame costs too much")]
    fn take_plain(&mut self, frame: &Frame<'_>, plain: &PlainUdp<'_, impl Ip>) -> bool {
        let Selection { rules, shard } = self.selection;
        if !shard.owns(plain.ends()) {
            // Every worker observes signalling.
            return !rules.is_sip_port(plain.ends())
                && self.packet_clock.try_advance(frame.time, frame.interface);
        }
        let Some(packet) = rules.recognise_plain(frame, plain) else {
            return false;
        };
        let advances = self.packet_clock.try_advance(frame.time, frame.interface);
        if advances {
            self.batch.push(packet);
        }
        advances
    }
}

impl BurstSink for BatchCollector<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call per frame costs too much")]
    fn offer(&mut self, frame: &Frame<'_>) -> bool {
        if !self.batch.has_room() {
            return false;
        }
        match plain::decode_plain(frame) {
            Some(PlainDatagram::V4(plain)) => self.take_plain(frame, &plain),
            Some(PlainDatagram::V6(plain)) => self.take_plain(frame, &plain),
            None => false,
        }
    }
}
