//! The events of a ring: frames, idle times and capture gaps.
#![forbid(unsafe_code)]

use super::block::{BlockFrame, BlockFrames};
use super::filter::{Media, UNKNOWN_LENGTH};
use super::{Failure, Ring, RingSettings, Wake};
use crate::capture::live::watch::{InterfaceState, InterfaceWatch};
use crate::capture::live::{self, POLL, REOPEN_INTERVAL};
use crate::capture::{BurstSink, CaptureError, Event, FrameSource};
use crate::clock;
use crate::frame::{Frame, InterfaceId, LinkType};
use crate::units::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Interval of checks of drop counter and interface.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// A frame older than this is not in an open block any more: twice [`super::RETIRE_TIMEOUT`], and about
/// as much again for a late timer or receive queue.
pub(super) const SETTLE_TIME: Duration = Duration::from_millis(250);

/// Whether the source captures or drains.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Running,
    /// Asked to stop: returns the frames that have arrived. Ends at this uptime or after this many blocks.
    Draining {
        until: Duration,
        blocks: usize,
    },
}

/// What a source has, without waiting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Supply {
    /// A block of frames, the current one from now on.
    Block,
    /// Events only.
    Events,
    Nothing,
    /// Nothing any more, after the events that are queued.
    Ended,
}

/// A source of the frames of one live interface.
///
/// Frames have the kernel's receive time in nanoseconds. A VLAN tag that the kernel removed is in
/// [`crate::frame::Frame::vlan`]. Packets that were merged by GRO, or not segmented yet, arrive as one long
/// frame: [`crate::frame::Frame::offload`].
pub struct RingSource {
    name: String,
    id: InterfaceId,
    settings: RingSettings,
    /// Frames of unknown format, not reported yet.
    unknown: u64,
    /// What the filter does with media: truncates it, until a frame that held several packets was truncated.
    media: Media,
    stop: Arc<AtomicBool>,
    ring: Ring,
    link: LinkType,
    /// Number of the current block.
    block: usize,
    /// The remaining frames of the current block; `None` while the kernel owns it.
    frames: Option<BlockFrames>,
    /// Whether the interface event was returned.
    name_reported: bool,
    /// Events to return before the next frame.
    events: VecDeque<Event<'static>>,
    watch: InterfaceWatch,
    /// Whether the socket reported an error since the last check.
    error: bool,
    /// Uptime of the next check.
    next_check: Duration,
    /// Uptime of the next attempt to open a missing interface.
    next_open: Option<Duration>,
    phase: Phase,
}

impl RingSource {
    /// Captures on `interface`, which must exist and may be down, as `id`. Setting `stop` ends the
    /// source: for about a quarter of a second it returns the frames that arrived before, then
    /// [`Event::End`].
    ///
    /// # Errors
    /// [`CaptureError::NoInterface`], [`CaptureError::Permission`] or [`CaptureError::System`].
    pub fn open(
        interface: &str,
        id: InterfaceId,
        settings: RingSettings,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, CaptureError> {
        let ring = Ring::open(interface, &settings)
            .map_err(|(call, error)| live::failed(interface, call, error))?;
        let now = clock::now();
        let uptime = clock::uptime();
        Ok(Self {
            name: interface.to_owned(),
            id,
            settings,
            unknown: 0,
            media: Media::Cut,
            stop,
            link: live::link_type(ring.interface.hardware),
            block: 0,
            frames: None,
            name_reported: false,
            events: live::started(id, now)
                .map(Event::CaptureGap)
                .into_iter()
                .collect(),
            watch: InterfaceWatch::new(id, now, ring.interface.running),
            error: false,
            next_check: uptime + CHECK_INTERVAL,
            next_open: None,
            phase: Phase::Running,
            ring,
        })
    }

    /// The next frame of the current block; returns a finished block to the kernel.
    #[inline]
    pub(super) fn advance(&mut self) -> Option<BlockFrame> {
        let frames = self.frames.as_mut()?;
        if let Some(block) = self.ring.block(self.block)
            && let Some(found) = frames.next(block)
        {
            return Some(found);
        }
        self.ring.release(self.block);
        self.frames = None;
        self.block = (self.block + 1) % self.ring.blocks().max(1);
        None
    }

    /// A frame that [`Self::advance`] has found.
    #[inline]
    pub(super) fn taken(&mut self, found: BlockFrame) -> Result<Frame<'_>, CaptureError> {
        if found.is_merged_and_cut() && self.media == Media::Cut {
            self.pass_whole()?;
        }
        let block = self.ring.block(self.block).unwrap_or_default();
        let frame = found.frame(block, self.link, self.id);
        self.unknown += u64::from(self.settings.cut_for.is_some() && is_unknown(&frame));
        Ok(frame)
    }

    /// Offers the frames of the current block to `sink`, in order, as long as their times are `within`;
    /// whether the sink refused one.
    #[inline]
    pub(super) fn offer_while(
        &mut self,
        within: impl Fn(Timestamp) -> bool,
        sink: &mut impl BurstSink,
    ) -> bool {
        let Some(frames) = &mut self.frames else {
            return false;
        };
        let block = self.ring.block(self.block).unwrap_or_default();
        loop {
            let mut next = *frames;
            let Some(found) = next.next(block) else {
                return false;
            };
            if !within(found.time()) {
                return false;
            }
            if !sink.offer(&found.frame(block, self.link, self.id)) {
                return true;
            }
            *frames = next;
        }
    }

    /// The ring, to be waited for.
    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// The next frame of the current block, which stays the next one.
    #[inline]
    pub(super) fn peek(&self) -> Option<BlockFrame> {
        let mut frames = self.frames?;
        frames.next(self.ring.block(self.block)?)
    }

    /// Whether an event is to be returned before the next block.
    pub(super) fn has_event(&self) -> bool {
        !self.name_reported || !self.events.is_empty()
    }

    /// The next event that is no frame; its name comes first.
    pub(super) fn pop_event(&mut self) -> Option<Event<'_>> {
        if !std::mem::replace(&mut self.name_reported, true) {
            return Some(Event::Interface(self.id, &self.name));
        }
        self.events.pop_front()
    }

    /// Checks the interface if it is time, then takes the next block or waits for it.
    fn next_block(&mut self) -> Result<(), CaptureError> {
        match self.supply()? {
            Supply::Block | Supply::Events => Ok(()),
            Supply::Nothing => self.wait(),
            Supply::Ended => {
                self.events.push_back(Event::End);
                Ok(())
            }
        }
    }

    /// Checks the interface if it is time, then takes the next block if there is one. Does not wait.
    pub(super) fn supply(&mut self) -> Result<Supply, CaptureError> {
        let uptime = clock::uptime();
        if uptime >= self.next_check {
            self.next_check = uptime + CHECK_INTERVAL;
            self.check_interface()?;
            if !self.events.is_empty() {
                return Ok(Supply::Events);
            }
        }
        if self.stop.load(Ordering::Relaxed) && matches!(self.phase, Phase::Running) {
            self.phase = Phase::Draining {
                until: uptime + SETTLE_TIME,
                blocks: self.ring.blocks(),
            };
        }
        if let Phase::Draining { blocks: 0, .. } = self.phase {
            return self.end();
        }
        if let Some(block) = self.ring.block(self.block) {
            self.frames = Some(BlockFrames::new(block, self.ring.vnet));
            if let Phase::Draining { blocks, .. } = &mut self.phase {
                *blocks -= 1;
            }
            return Ok(Supply::Block);
        }
        if let Phase::Draining { until, .. } = self.phase
            && uptime >= until
        {
            return self.end();
        }
        Ok(Supply::Nothing)
    }

    /// Waits for a block; queues an idle event if none comes.
    fn wait(&mut self) -> Result<(), CaptureError> {
        match self.ring.wait(POLL) {
            Ok(wake) => self.woken(wake),
            Err(failure) => return Err(self.failed(failure)),
        }
        if let Some(time) = self.quiet_until(clock::now()) {
            self.events.push_back(Event::Idle(time));
        }
        Ok(())
    }

    /// Notes why a wait ended.
    pub(super) fn woken(&mut self, wake: Wake) {
        self.error |= wake == Wake::SocketError;
    }

    /// The time before which no further frame comes, if there is no block. The clock has to be read before
    /// the call: a block that appears later holds only later frames.
    pub(super) fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        let is_empty = self.ring.block(self.block).is_none();
        is_empty.then(|| now.minus(SETTLE_TIME))
    }

    /// Reads the drop counter and the interface's state, and reopens a recreated interface.
    fn check_interface(&mut self) -> Result<(), CaptureError> {
        let found = self.ring.lookup(&self.name);
        let same = found.filter(|found| found.index == self.ring.interface.index);
        let up = same.is_some_and(|found| found.running) && !std::mem::take(&mut self.error);
        let dropped = self
            .ring
            .dropped()
            .map_err(|failure| self.failed(failure))?;
        let time = clock::now();
        let state = InterfaceState { time, dropped, up };
        self.events
            .extend(self.watch.update(state).map(Event::CaptureGap));
        let unknown = std::mem::take(&mut self.unknown);
        if unknown > 0 {
            self.events.push_back(Event::Unknown(self.id, unknown));
        }
        if same.is_some() {
            self.next_open = None;
        } else if self.ring.block(self.block).is_none() {
            self.reopen();
        }
        Ok(())
    }

    /// Reopens an interface that was removed or recreated, with one attempt per second. The first attempt
    /// waits a second too, so that the old ring is empty by then.
    fn reopen(&mut self) {
        let uptime = clock::uptime();
        if uptime < *self.next_open.get_or_insert(uptime + REOPEN_INTERVAL) {
            return;
        }
        self.next_open = Some(uptime + REOPEN_INTERVAL);
        // A failed attempt needs no report: the gaps of the missing interface continue.
        match Ring::open(&self.name, &self.settings) {
            Ok(ring) => {
                self.link = live::link_type(ring.interface.hardware);
                self.media = Media::Cut;
                self.ring = ring;
                self.block = 0;
            }
            // Another queue joins the group first, at once.
            Err((_, error)) if error.raw_os_error() == Some(libc::EAGAIN) => {
                self.next_open = Some(uptime);
            }
            Err(_) => {}
        }
    }

    /// Lets media pass whole from now on.
    #[cold]
    fn pass_whole(&mut self) -> Result<(), CaptureError> {
        self.media = Media::Whole;
        self.ring
            .set_filter(&self.settings, self.media)
            .map_err(|failure| self.failed(failure))
    }

    /// Queues the drops up to now: the last events.
    fn end(&mut self) -> Result<Supply, CaptureError> {
        self.check_interface()?;
        Ok(Supply::Ended)
    }

    pub(super) fn failed(&self, (call, error): Failure) -> CaptureError {
        live::failed(&self.name, call, error)
    }
}

/// Whether the filter truncated a frame because it did not know its format.
fn is_unknown(frame: &Frame<'_>) -> bool {
    frame.octets.len() == UNKNOWN_LENGTH as usize && frame.length > UNKNOWN_LENGTH
}

impl FrameSource for RingSource {
    #[inline]
    fn burst(&mut self, sink: &mut impl BurstSink) {
        if !self.has_event() {
            self.offer_while(|_| true, sink);
        }
    }

    #[inline]
    fn next(&mut self) -> Result<Event<'_>, CaptureError> {
        loop {
            if let Some(found) = self.advance() {
                return Ok(Event::Frame(self.taken(found)?));
            }
            if self.has_event() {
                break;
            }
            self.next_block()?;
        }
        Ok(self.pop_event().unwrap_or(Event::End))
    }
}
