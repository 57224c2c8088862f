//! What one step through a capture file gives, in either format.

use crate::capture::{Frame, InterfaceId, LinkType, Unseen};
use crate::units::Timestamp;

use super::reader::Reader;

/// Longest frame believed, in octets: libpcap's MAXIMUM_SNAPLEN. A longer one means that the
/// file is damaged and that what follows would be guesswork.
pub(super) const MAX_FRAME: u32 = 262_144;

/// A frame by its place in the reader's buffer, so that finding it does not hold a borrow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
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

impl Found {
    #[inline]
    pub(super) fn frame(self, reader: &Reader) -> Frame<'_> {
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

/// One step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Frame(Found),
    /// Frames are missing before this one.
    FrameAfter(Unseen, Found),
    Unseen(Unseen),
    Interface(InterfaceId),
    /// The file ends inside the record that begins at this offset.
    Cut {
        offset: u64,
    },
    End,
}

/// Why there is no next step. The file's name is added by the source.
#[derive(Debug)]
pub(super) enum Fault {
    Read(std::io::Error),
    Format(String),
}

impl Fault {
    /// Something in the file that can not be, with where and what it is.
    #[cold]
    pub(super) fn format(offset: u64, found: impl std::fmt::Display) -> Self {
        Self::Format(format!("damaged at offset {offset}: {found}"))
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Read(error)
    }
}
