//! Frames, silence and what was missed, from a ring: the loop of a live worker.
#![forbid(unsafe_code)]

use super::block::{BlockFrame, Walk};
use super::filter::UNKNOWN;
use super::{Failure, Ring, RingSettings, Wake};
use crate::capture::live::watch::{InterfaceState, InterfaceWatch};
use crate::capture::live::{self, POLL, REOPEN};
use crate::capture::{BurstSink, CaptureError, Event, FrameSource};
use crate::clock;
use crate::frame::{Frame, InterfaceId, LinkType};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Between two looks at drop counters and interface.
const LOOK: Duration = Duration::from_millis(100);
/// A frame older than this is in no open block any more: twice [`super::RETIRE`], and as much
/// again for a timer or a receive queue that runs late.
const SETTLED: Duration = Duration::from_millis(250);

/// Whether the source still captures.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Running,
    /// Asked to stop: gives what has arrived, ends at this uptime or after so many blocks.
    Draining {
        until: Duration,
        blocks: usize,
    },
}

/// A source of the frames of one live interface.
///
/// Frames have the kernel's receive time in nanoseconds. VLAN tags the kernel took out come back
/// in [`crate::frame::Frame::vlan`]. What a network card merged (GRO) comes as one long frame.
pub struct RingSource {
    name: String,
    id: InterfaceId,
    settings: RingSettings,
    /// Frames that the filter did not know, since they were last told.
    unknown: u64,
    stop: Arc<AtomicBool>,
    ring: Ring,
    link: LinkType,
    /// The block to be read next or being read.
    block: usize,
    /// Where we are in it, once it is ours.
    walk: Option<Walk>,
    named: bool,
    /// What is to be told before the next frame.
    queue: VecDeque<Event<'static>>,
    watch: InterfaceWatch,
    /// Whether the socket reported an error since the last look.
    error: bool,
    /// Uptime of the next look.
    next_look: Duration,
    /// Uptime of the next attempt to open an interface that is not there.
    next_open: Option<Duration>,
    phase: Phase,
}

impl RingSource {
    /// Captures on `interface`, which may be down but must be there, as `id`. Setting `stop` ends the source: within about a quarter of a
    /// second it gives what arrived before, then [`Event::End`].
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
            stop,
            link: live::link_type(ring.interface.hardware),
            block: 0,
            walk: None,
            named: false,
            queue: live::started(id, now)
                .map(Event::CaptureGap)
                .into_iter()
                .collect(),
            watch: InterfaceWatch::new(id, now, ring.interface.running),
            error: false,
            next_look: uptime + LOOK,
            next_open: None,
            phase: Phase::Running,
            ring,
        })
    }

    /// The next frame of the current block; gives a block that is done back to the kernel.
    #[inline]
    fn advance(&mut self) -> Option<BlockFrame> {
        let walk = self.walk.as_mut()?;
        if let Some(block) = self.ring.block(self.block)
            && let Some(found) = walk.next(block)
        {
            return Some(found);
        }
        self.ring.release(self.block);
        self.walk = None;
        self.block = (self.block + 1) % self.ring.blocks().max(1);
        None
    }

    /// Between two blocks: looks around if it is time, then takes the next block or waits for it.
    fn between_blocks(&mut self) -> Result<(), CaptureError> {
        let uptime = clock::uptime();
        if uptime >= self.next_look {
            self.next_look = uptime + LOOK;
            self.check_interface()?;
            if !self.queue.is_empty() {
                return Ok(());
            }
        }
        if self.stop.load(Ordering::Relaxed) && matches!(self.phase, Phase::Running) {
            self.phase = Phase::Draining {
                until: uptime + SETTLED,
                blocks: self.ring.blocks(),
            };
        }
        if let Phase::Draining { blocks: 0, .. } = self.phase {
            return self.end();
        }
        if let Some(block) = self.ring.block(self.block) {
            self.walk = Some(Walk::new(block));
            if let Phase::Draining { blocks, .. } = &mut self.phase {
                *blocks -= 1;
            }
            return Ok(());
        }
        if let Phase::Draining { until, .. } = self.phase
            && uptime >= until
        {
            return self.end();
        }
        self.wait()
    }

    /// Waits for a block; tells how far the silence reaches if none comes.
    fn wait(&mut self) -> Result<(), CaptureError> {
        match self.ring.wait(POLL) {
            Ok(Wake::Calm) => {}
            Ok(Wake::Error) => self.error = true,
            Err(failure) => return Err(self.failed(failure)),
        }
        // The clock first: a block that appears after this reading holds later frames only.
        let now = clock::now();
        if self.ring.block(self.block).is_none() {
            self.queue.push_back(Event::Idle(now.minus(SETTLED)));
        }
        Ok(())
    }

    /// Reads the drop counter and the interface's state, and reopens what has come back.
    fn check_interface(&mut self) -> Result<(), CaptureError> {
        let found = self.ring.lookup(&self.name);
        let same = found.filter(|found| found.index == self.ring.interface.index);
        let up = same.is_some_and(|found| found.running) && !std::mem::take(&mut self.error);
        let dropped = self
            .ring
            .dropped()
            .map_err(|failure| self.failed(failure))?;
        let time = clock::now();
        let check_interface = InterfaceState { time, dropped, up };
        self.queue
            .extend(self.watch.look(check_interface).map(Event::CaptureGap));
        let unknown = std::mem::take(&mut self.unknown);
        if unknown > 0 {
            self.queue.push_back(Event::Unknown(self.id, unknown));
        }
        if same.is_some() {
            self.next_open = None;
        } else if self.ring.block(self.block).is_none() {
            self.reopen();
        }
        Ok(())
    }

    /// The interface went away, or another one has its name now: tries once a second. It waits a
    /// second before the first attempt too, so that the old ring has given all it had.
    fn reopen(&mut self) {
        let uptime = clock::uptime();
        if uptime < *self.next_open.get_or_insert(uptime + REOPEN) {
            return;
        }
        self.next_open = Some(uptime + REOPEN);
        // An attempt that fails is told by the stretches that go on: the interface is down.
        if let Ok(ring) = Ring::open(&self.name, &self.settings) {
            self.link = live::link_type(ring.interface.hardware);
            self.ring = ring;
            self.block = 0;
        }
    }

    /// The last words: what was dropped up to now.
    fn end(&mut self) -> Result<(), CaptureError> {
        self.check_interface()?;
        self.queue.push_back(Event::End);
        Ok(())
    }

    fn failed(&self, (call, error): Failure) -> CaptureError {
        live::failed(&self.name, call, error)
    }
}

/// Whether the filter cut a frame because it did not know what is in it.
fn is_unknown(frame: &Frame<'_>) -> bool {
    frame.octets.len() == UNKNOWN as usize && frame.length > UNKNOWN
}

impl FrameSource for RingSource {
    #[inline]
    fn burst(&mut self, taker: &mut impl BurstSink) {
        let (Some(walk), true, true) = (&mut self.walk, self.named, self.queue.is_empty()) else {
            return;
        };
        let block = self.ring.block(self.block).unwrap_or_default();
        loop {
            let mut next = *walk;
            let Some(found) = next.next(block) else {
                return;
            };
            if !taker.offer(&found.frame(block, self.link, self.id)) {
                return;
            }
            *walk = next;
        }
    }

    #[inline]
    fn next(&mut self) -> Result<Event<'_>, CaptureError> {
        loop {
            if let Some(found) = self.advance() {
                let block = self.ring.block(self.block).unwrap_or_default();
                let frame = found.frame(block, self.link, self.id);
                self.unknown += u64::from(self.settings.cut_for.is_some() && is_unknown(&frame));
                return Ok(Event::Frame(frame));
            }
            if !self.named {
                self.named = true;
                return Ok(Event::Interface(self.id, &self.name));
            }
            if let Some(event) = self.queue.pop_front() {
                return Ok(event);
            }
            self.between_blocks()?;
        }
    }
}
