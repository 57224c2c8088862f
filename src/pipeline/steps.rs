//! What a worker's loop takes: an event, and the boundary between seconds that lies before it.

use crate::capture::{CaptureError, Event, Frame, FrameSource, Take};
use crate::pipeline::pace::{Boundary, Pace};
use crate::pipeline::share::Share;
use crate::voice::{Glanced, Rules};
use crate::wire::media::{self, Glance, Ip, Plain};

/// One turn of the loop.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Crossed before the event.
    pub boundary: Option<Boundary>,
    /// What comes.
    pub event: Event<'a>,
}

/// What a worker takes notice of.
#[derive(Clone, Debug, Default)]
pub struct Interest {
    /// What is taken for voice.
    pub rules: Rules,
    /// Whose it must be.
    pub share: Share,
}

/// Where steps come from.
pub trait StepSource {
    /// The next step; after [`Event::End`] it is not called again.
    ///
    /// # Errors
    /// [`CaptureError`] where the source can not go on.
    fn next(&mut self) -> Result<Step<'_>, CaptureError>;

    /// The plain voice of interest that comes next: at most [`TOGETHER`] packets, all of one second and
    /// in order of time, and nothing in between; the rest is left to [`Self::next`].
    fn gather(&mut self, interest: &Interest) -> &[Glanced];
}

/// Packets whose streams are looked up together: as many waits for memory as a processor of today
/// keeps in flight, and few enough to stay in its first cache.
pub const TOGETHER: usize = 32;

/// Packets of plain voice that wait to be counted together: all of one second.
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
    waiting: Waiting,
}

impl<S: FrameSource> Paced<S> {
    /// Paces a source.
    pub fn new(source: S) -> Self {
        Self {
            source,
            pace: Pace::default(),
            waiting: Waiting::default(),
        }
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The source, and the time as far as it has been told.
    pub(super) fn parts(&mut self) -> (&mut S, &mut Pace) {
        (&mut self.source, &mut self.pace)
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
        Ok(Step { boundary, event })
    }

    #[inline]
    fn gather(&mut self, interest: &Interest) -> &[Glanced] {
        self.waiting.clear();
        self.source.burst(&mut Gathering {
            interest,
            pace: &mut self.pace,
            waiting: &mut self.waiting,
        });
        self.waiting.packets()
    }
}

/// Takes plain voice of one second, as far as there is room for it; passes over that of others.
struct Gathering<'a> {
    interest: &'a Interest,
    pace: &'a mut Pace,
    waiting: &'a mut Waiting,
}

impl Gathering<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a frame is not worth a call")]
    fn take_plain(&mut self, frame: &Frame<'_>, plain: &Plain<'_, impl Ip>) -> bool {
        let Interest { rules, share } = self.interest;
        if !share.has(plain.ends()) {
            // Signalling is heard by all.
            return !rules.is_sip_port(plain.ends()) && self.pace.follows(frame.time);
        }
        let Some(packet) = rules.glance(frame, plain) else {
            return false;
        };
        let follows = self.pace.follows(frame.time);
        if follows {
            self.waiting.push(packet);
        }
        follows
    }
}

impl Take for Gathering<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a frame is not worth a call")]
    fn take(&mut self, frame: &Frame<'_>) -> bool {
        if !self.waiting.has_room() {
            return false;
        }
        match media::glance(frame) {
            Some(Glance::V4(plain)) => self.take_plain(frame, &plain),
            Some(Glance::V6(plain)) => self.take_plain(frame, &plain),
            None => false,
        }
    }
}
