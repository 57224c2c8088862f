//! Where frames come from: a live ring, pnet's portable channel, capture files, synthetic calls.
//!
//! One worker owns one source for as long as it runs. A source gives events in the order in which
//! it has them; the pipeline's loop is the same for all of them. A source refuses nothing and
//! decodes nothing: what it could not see it reports as [`CaptureGap`].

pub mod file;
mod live;
pub mod pnet;
pub mod ring;
pub mod synthetic;

use crate::frame::{Frame, InterfaceId};
use crate::units::Timestamp;
use std::path::PathBuf;

/// Why a stretch of time was not seen whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum GapCause {
    /// The kernel, or whoever wrote the capture file, dropped frames.
    Dropped,
    /// The interface was not there or not up.
    InterfaceDown,
    /// The capture began inside a second.
    Started,
}

/// A stretch of time that the source did not see whole; every second it touches is tainted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CaptureGap {
    /// First moment that may be incomplete.
    pub from: Timestamp,
    /// Last moment that may be incomplete.
    pub until: Timestamp,
    /// Frames known to be missing (0 if the source cannot count them).
    pub frames: u64,
    /// Where.
    pub interface: InterfaceId,
    /// Why.
    pub cause: GapCause,
}

/// What a source has next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// An interface gets its name, before its first frame (and again if it is renamed).
    Interface(InterfaceId, &'a str),
    /// Nothing has come up to this moment and nothing from before it will: live sources only.
    Idle(Timestamp),
    /// Something was missed.
    CaptureGap(CaptureGap),
    /// So many frames more of an interface were cut because the kernel's filter did not know what
    /// is in them.
    Unknown(InterfaceId, u64),
    /// There will be nothing more.
    End,
}

/// A source of frames.
pub trait FrameSource {
    /// The next event; a live source returns at the latest after its poll interval (100 ms).
    /// After [`Event::End`] or an error it is not called again.
    ///
    /// # Errors
    /// [`CaptureError`] where the source cannot go on.
    fn next(&mut self) -> Result<Event<'_>, CaptureError>;

    /// Offers the frames at hand to `taker`, one after the other, as long as it takes them; the
    /// first that it does not take is the next to come. What is not a frame, and whatever needs a
    /// second look, ends the burst and is left to [`Self::next`]: this is for speed alone.
    fn burst(&mut self, _taker: &mut impl BurstSink)
    where
        Self: Sized,
    {
    }
}

/// Who frames are offered to. Not a closure: what is done for each frame belongs inside the loop
/// of each source, and only of a method can that be asked.
pub trait BurstSink {
    /// Takes a frame, or leaves it.
    fn offer(&mut self, frame: &Frame<'_>) -> bool;
}

/// Why a source cannot be opened or cannot go on. The text names the thing that failed.
#[derive(thiserror::Error, Debug)]
pub enum CaptureError {
    /// A capture file or directory entry that is not there: exit code 69.
    #[error("{}: {source}", path.display())]
    NoFile {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Reading failed in the middle.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a capture, or goes wrong at an offset.
    #[error("{}: {reason}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with its offset.
        reason: String,
    },
    /// No such interface: exit code 69.
    #[error("interface {interface}: no such interface; there are: {}", present.join(", "))]
    NoInterface {
        /// Its name as configured.
        interface: String,
        /// The interfaces there are.
        present: Vec<String>,
    },
    /// Not allowed: exit code 77. Names the capability.
    #[error("interface {interface}: no permission to capture, CAP_NET_RAW is needed")]
    Permission {
        /// Its name as configured.
        interface: String,
    },
    /// A system call failed.
    #[error("interface {interface}: {call}: {source}")]
    System {
        /// Its name as configured.
        interface: String,
        /// Which call.
        call: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}
