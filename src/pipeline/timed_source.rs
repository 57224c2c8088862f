//! What a worker's loop takes: an event, and the boundary between seconds that lies before it.

use crate::capture::{BurstSink, CaptureError, Event, FrameSource};
use crate::frame::Frame;
use crate::pipeline::packet_clock::{Boundary, PacketClock};
use crate::pipeline::shard::Shard;
use crate::voice::{RtpPacket, Rules};
use crate::wire::plain::{self, Ip, PlainDatagram, PlainUdp};

/// One turn of the loop.
#[derive(Clone, Copy, Debug)]
pub struct TimedEvent<'a> {
    /// Crossed before the event.
    pub boundary: Option<Boundary>,
    /// What comes.
    pub event: Event<'a>,
}

/// What a worker takes notice of.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// What is taken for voice.
    pub rules: Rules,
    /// Whose it must be.
    pub shard: Shard,
}

/// Where steps come from.
pub trait TimedSource {
    /// The next step; after [`Event::End`] it is not called again.
    ///
    /// # Errors
    /// [`CaptureError`] where the source cannot go on.
    fn next(&mut self) -> Result<TimedEvent<'_>, CaptureError>;

    /// The plain voice of interest that comes next: at most [`BATCH`] packets, all of one second and
    /// in order of time, and nothing in between; the rest is left to [`Self::next`].
    fn next_batch(&mut self, selection: &Selection) -> &[RtpPacket];
}

/// Packets whose streams are looked up together: as many waits for memory as a processor of today
/// keeps in flight, and few enough to stay in its first cache.
pub const BATCH: usize = 32;

/// Packets of plain voice that wait to be counted together: all of one second.
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

    /// Takes a packet; one that finds no room is lost, so ask first.
    #[inline]
    pub fn push(&mut self, packet: RtpPacket) {
        if let Some(place) = self.packets.get_mut(self.filled) {
            *place = packet;
            self.filled += 1;
        }
    }

    /// The packets, in their order.
    #[inline]
    pub fn packets(&self) -> &[RtpPacket] {
        self.packets.get(..self.filled).unwrap_or_default()
    }

    /// Forgets them.
    #[inline]
    pub fn clear(&mut self) {
        self.filled = 0;
    }
}

/// A frame source whose own frames tell the time.
#[derive(Debug)]
pub struct ClockedSource<S> {
    source: S,
    packet_clock: PacketClock,
    waiting: PacketBatch,
}

impl<S: FrameSource> ClockedSource<S> {
    /// Paces a source.
    pub fn new(source: S) -> Self {
        Self {
            source,
            packet_clock: PacketClock::default(),
            waiting: PacketBatch::default(),
        }
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The source, and the time as far as it has been told.
    pub(super) fn parts(&mut self) -> (&mut S, &mut PacketClock) {
        (&mut self.source, &mut self.packet_clock)
    }
}

impl<S: FrameSource> TimedSource for ClockedSource<S> {
    #[inline]
    fn next(&mut self) -> Result<TimedEvent<'_>, CaptureError> {
        let event = self.source.next()?;
        let boundary = match &event {
            Event::Frame(frame) => self.packet_clock.frame(frame.time),
            Event::Idle(now) => self.packet_clock.idle(*now),
            Event::End => self.packet_clock.end(),
            Event::Interface(..) | Event::CaptureGap(_) | Event::Unknown(..) => None,
        };
        Ok(TimedEvent { boundary, event })
    }

    #[inline]
    fn next_batch(&mut self, selection: &Selection) -> &[RtpPacket] {
        self.waiting.clear();
        self.source.burst(&mut BatchCollector {
            selection,
            packet_clock: &mut self.packet_clock,
            waiting: &mut self.waiting,
        });
        self.waiting.packets()
    }
}

/// Takes plain voice of one second, as far as there is room for it; passes over that of others.
struct BatchCollector<'a> {
    selection: &'a Selection,
    packet_clock: &'a mut PacketClock,
    waiting: &'a mut PacketBatch,
}

impl BatchCollector<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a frame is not worth a call")]
    fn take_plain(&mut self, frame: &Frame<'_>, plain: &PlainUdp<'_, impl Ip>) -> bool {
        let Selection { rules, shard } = self.selection;
        if !shard.owns(plain.ends()) {
            // Signalling is heard by all.
            return !rules.is_sip_port(plain.ends()) && self.packet_clock.follows(frame.time);
        }
        let Some(packet) = rules.recognise_plain(frame, plain) else {
            return false;
        };
        let follows = self.packet_clock.follows(frame.time);
        if follows {
            self.waiting.push(packet);
        }
        follows
    }
}

impl BurstSink for BatchCollector<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a frame is not worth a call")]
    fn offer(&mut self, frame: &Frame<'_>) -> bool {
        if !self.waiting.has_room() {
            return false;
        }
        match plain::decode_plain(frame) {
            Some(PlainDatagram::V4(plain)) => self.take_plain(frame, &plain),
            Some(PlainDatagram::V6(plain)) => self.take_plain(frame, &plain),
            None => false,
        }
    }
}
