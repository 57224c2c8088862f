//! Frame sources: a live ring, pnet's portable channel, capture files, synthetic calls.
//!
//! One worker owns one source for as long as it runs. A source returns events in capture order. The
//! pipeline runs the same loop for every source. A source discards nothing and decodes nothing. It
//! reports the time ranges that it did not see completely as [`CaptureGap`].

pub mod file;
pub mod host;
mod live;
pub mod pnet;
pub mod ring;
pub mod synthetic;

use crate::frame::{Frame, InterfaceId};
use crate::units::Timestamp;
use std::path::PathBuf;

/// Why a time range was not captured completely.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum GapCause {
    /// The kernel, or the program that wrote the capture file, dropped frames.
    Dropped,
    /// The interface did not exist or was down.
    InterfaceDown,
    /// The capture began inside a second.
    Started,
    /// Nobody captured: between two capture files.
    NotCaptured,
}

/// A time range that the source did not capture completely. Every second that it touches is
/// incomplete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CaptureGap {
    /// Start of the range, inclusive.
    pub from: Timestamp,
    /// End of the range, inclusive.
    pub until: Timestamp,
    /// Frames known to be missing, each in one gap; 0 if the source cannot count them.
    pub frames: u64,
    /// Of the frames of this range so many are missing at most; none if the source cannot tell.
    pub at_most: Option<u64>,
    /// The interface that lost them.
    pub interface: InterfaceId,
    /// Why they are missing.
    pub cause: GapCause,
}

/// One event of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// A captured frame.
    Frame(Frame<'a>),
    /// The name of an interface. Comes before its first frame, and again if it is renamed.
    Interface(InterfaceId, &'a str),
    /// No frame captured before this time will follow. Live sources only.
    Idle(Timestamp),
    /// A time range that was not captured completely.
    CaptureGap(CaptureGap),
    /// Number of further frames of an interface that the kernel's filter truncated because it could
    /// not decode them.
    Unknown(InterfaceId, u64),
    /// No event follows.
    End,
}

/// A source of frames.
pub trait FrameSource {
    /// The next event. A live source returns after its poll interval (100 ms) at the latest.
    /// Do not call it again after [`Event::End`] or an error.
    ///
    /// # Errors
    /// [`CaptureError`] if the source cannot continue.
    fn next(&mut self) -> Result<Event<'_>, CaptureError>;

    /// Offers buffered frames to `sink`, in order, until it refuses one. [`Self::next`] returns the
    /// refused frame next. Any other event, and a frame that needs a slower check, ends the burst too
    /// and is left to [`Self::next`]. The method exists for speed only.
    fn burst(&mut self, _sink: &mut impl BurstSink)
    where
        Self: Sized,
    {
    }
}

/// Receives the frames of a burst. A trait and not a closure, because the work for each frame must
/// be inlined into the loop of each source, and only a method can carry that attribute.
pub trait BurstSink {
    /// Accepts a frame, or refuses it and returns `false`.
    fn offer(&mut self, frame: &Frame<'_>) -> bool;
}

/// Why a source cannot be opened or cannot continue. The text names what failed.
#[derive(thiserror::Error, Debug)]
pub enum CaptureError {
    /// A capture file that does not exist: exit code 69.
    #[error("{}: {source}", path.display())]
    NoFile {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Reading a capture file failed.
    #[error("{}: {source}", path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not a capture, or is damaged at an offset.
    #[error("{}: {reason}", path.display())]
    Format {
        /// Path of the file.
        path: PathBuf,
        /// The fault and its offset.
        reason: String,
    },
    /// No such interface: exit code 69.
    #[error("interface {interface}: no such interface; there are: {}", present.join(", "))]
    NoInterface {
        /// Its name as configured.
        interface: String,
        /// The interfaces that exist.
        present: Vec<String>,
    },
    /// No permission: exit code 77. The text names the missing capability.
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
        /// Name of the call.
        call: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
}
