//! What one step through a capture file gives, in either format.

use crate::capture::CaptureGap;
use crate::frame::{Frame, InterfaceId, LinkType};
use crate::units::Timestamp;

use super::reader::Reader;

/// Longest frame believed, in octets: libpcap's MAXIMUM_SNAPLEN. A longer one means that the
/// file is damaged and that what follows would be guesswork.
pub(super) const MAX_FRAME: u32 = 262_144;

/// A frame by its place in the reader's buffer, so that finding it does not hold a borrow.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundFrame {
    pub(super) time: Timestamp,
    pub(super) link: LinkType,
    pub(super) interface: InterfaceId,
    /// Octets on the wire.
    pub(super) length: u32,
    /// Place of the first octet: [`Reader::place`].
    pub(super) place: usize,
    /// Octets captured.
    pub(super) captured: u32,
}

impl FoundFrame {
    /// Before the first frame.
    pub(super) const NONE: Self = Self {
        time: Timestamp::from_nanos(0),
        link: LinkType::Ethernet,
        interface: InterfaceId(0),
        length: 0,
        place: 0,
        captured: 0,
    };

    #[inline]
    pub(super) fn frame(self, reader: &Reader<impl Sized>) -> Frame<'_> {
        Frame {
            time: self.time,
            link: self.link,
            octets: reader.at(self.place, self.captured as usize),
            // A length below what was captured is the writer's mistake.
            length: self.length.max(self.captured),
            interface: self.interface,
            vlan: None,
        }
    }
}

/// One step through a file: a frame, which then stands in the [`FoundFrame`] that was handed in, or
/// what stands between frames. Frames come by reference and the rest in a box, because copying a
/// large enum from layer to layer cost more than all the rest of a step.
pub(super) type ReadStep = Result<(), Box<NonFrame>>;

/// What stands between frames.
#[derive(Debug)]
pub(super) enum NonFrame {
    /// Something was missed; with `true` a frame was found behind it.
    CaptureGap(CaptureGap, bool),
    Interface(InterfaceId),
    /// The file ends inside the record that begins at this offset.
    Cut(u64),
    End,
    /// Reading failed.
    Read(std::io::Error),
    /// The file is no capture, or damaged.
    Format(String),
}

impl NonFrame {
    /// Something in the file that cannot be, with where and what it is.
    #[cold]
    pub(super) fn damaged<T>(offset: u64, found: impl std::fmt::Display) -> Result<T, Box<Self>> {
        let reason = format!("damaged at offset {offset}: {found}");
        Err(Box::new(Self::Format(reason)))
    }
}

impl From<std::io::Error> for Box<NonFrame> {
    fn from(error: std::io::Error) -> Self {
        Box::new(NonFrame::Read(error))
    }
}
