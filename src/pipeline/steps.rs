//! What a worker's loop takes: an event, and the boundary between seconds that lies before it.

use crate::capture::{CaptureError, Event, Frame, FrameSource, Take};
use crate::pipeline::pace::{Boundary, Pace};
use crate::voice::{Glanced, Rules};

/// One turn of the loop.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Crossed before the event.
    pub boundary: Option<Boundary>,
    /// What comes.
    pub turn: Turn<'a>,
}

/// What comes to a worker.
#[derive(Clone, Copy, Debug)]
pub enum Turn<'a> {
    /// An event of its own.
    Own(Event<'a>),
    /// A frame that another worker counts: it may be signalling, which all must hear.
    Overheard(Frame<'a>),
}

/// Where steps come from: a source with a pace of its own, or a reader that hands them out.
pub trait StepSource {
    /// The next step; after [`Event::End`] it is not called again.
    ///
    /// # Errors
    /// [`CaptureError`] where the source can not go on.
    fn next(&mut self) -> Result<Step<'_>, CaptureError>;

    /// Gathers the plain voice that is at hand, as far as there is room for it and nothing else
    /// comes in between; the rest is left to [`Self::next`].
    fn gather(&mut self, rules: &Rules, waiting: &mut Waiting);
}

/// Packets whose streams are looked up together: as many waits for memory as a processor of today
/// keeps in flight, and few enough to stay in its first cache.
pub const TOGETHER: usize = 32;

/// Packets of plain voice that wait to be counted together.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    packets: [Glanced; TOGETHER],
    filled: usize,
}

impl Waiting {
    /// Whether there is room for another.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.filled < TOGETHER
    }

    /// Takes a packet; one that finds no room is lost, so ask first.
    #[inline]
    pub fn push(&mut self, packet: Glanced) {
        if let Some(place) = self.packets.get_mut(self.filled) {
            *place = packet;
            self.filled += 1;
        }
    }

    /// The packets, in their order.
    #[inline]
    pub fn packets(&self) -> &[Glanced] {
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
pub struct Paced<S> {
    source: S,
    pace: Pace,
}

impl<S: FrameSource> Paced<S> {
    /// Paces a source.
    pub fn new(source: S) -> Self {
        Self {
            source,
            pace: Pace::default(),
        }
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.source
    }
}

impl<S: FrameSource> StepSource for Paced<S> {
    #[inline]
    fn next(&mut self) -> Result<Step<'_>, CaptureError> {
        let event = self.source.next()?;
        let boundary = match &event {
            Event::Frame(frame) => self.pace.frame(frame.time),
            Event::Idle(now) => self.pace.idle(*now),
            Event::End => self.pace.end(),
            Event::Interface(..) | Event::Unseen(_) | Event::Unknown(..) => None,
        };
        Ok(Step {
            boundary,
            turn: Turn::Own(event),
        })
    }

    #[inline]
    fn gather(&mut self, rules: &Rules, waiting: &mut Waiting) {
        let pace = &mut self.pace;
        self.source.burst(&mut Gathering {
            rules,
            pace,
            waiting,
        });
    }
}

/// Takes plain voice of one second, as far as there is room for it.
struct Gathering<'a> {
    rules: &'a Rules,
    pace: &'a mut Pace,
    waiting: &'a mut Waiting,
}

impl Take for Gathering<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a frame is not worth a call")]
    fn take(&mut self, frame: &Frame<'_>) -> bool {
        if !self.waiting.has_room() {
            return false;
        }
        let Some(packet) = self.rules.glance(frame) else {
            return false;
        };
        let follows = self.pace.follows(frame.time);
        if follows {
            self.waiting.push(packet);
        }
        follows
    }
}
