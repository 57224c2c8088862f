//! What a worker's loop takes: an event, and the boundary between seconds that lies before it.

use crate::capture::{CaptureError, Event, Frame, FrameSource};
use crate::pipeline::pace::{Boundary, Pace};

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
            Event::Interface(..) | Event::Unseen(_) => None,
        };
        Ok(Step {
            boundary,
            turn: Turn::Own(event),
        })
    }
}
