//! The result of one step through a capture file, in either format.

use crate::capture::CaptureGap;
use crate::frame::{Frame, InterfaceId, LinkType, Offload};
use crate::units::Timestamp;

use super::reader::Reader;

/// Longest plausible frame, in octets: libpcap's MAXIMUM_SNAPLEN. A longer one means that the file is
/// damaged, and that the octets behind it cannot be trusted.
pub(super) const MAX_FRAME: u32 = 262_144;

/// A frame by its index in the reader's buffer, so that it holds no borrow.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundFrame {
    pub(super) time: Timestamp,
    pub(super) link: LinkType,
    pub(super) interface: InterfaceId,
    /// Octets on the wire.
    pub(super) length: u32,
    /// Index of the first octet: [`Reader::start`].
    pub(super) start: usize,
    /// Octets captured.
    pub(super) captured: u32,
}

impl FoundFrame {
    /// The value before the first frame.
    pub(super) const NONE: Self = Self {
        time: Timestamp::from_nanos(0),
        link: LinkType::Ethernet,
        interface: InterfaceId(0),
        length: 0,
        start: 0,
        captured: 0,
    };

    #[inline]
    pub(super) fn frame(self, reader: &Reader<impl Sized>) -> Frame<'_> {
        Frame {
            time: self.time,
            link: self.link,
            octets: reader.slice(self.start, self.captured as usize),
            // A wire length below the captured length is an error of the program that wrote the file.
            length: self.length.max(self.captured),
            interface: self.interface,
            vlan: None,
            offload: Offload::Unknown,
        }
    }
}

/// One step through a file: `Ok` if a frame was written to the caller's [`FoundFrame`], or the
/// [`NonFrame`] that was found instead. Frames are passed by reference and the rest in a box, because
/// copying a large enum through the layers cost more than the rest of a step.
pub(super) type ReadStep = Result<(), Box<NonFrame>>;

/// Anything but a frame.
#[derive(Debug)]
pub(super) enum NonFrame {
    /// A capture gap; with `true`, a frame follows and was written to the [`FoundFrame`].
    CaptureGap(CaptureGap, bool),
    Interface(InterfaceId),
    /// The file ends inside the record that starts at this offset.
    Cut(u64),
    End,
    /// Reading failed.
    Read(std::io::Error),
    /// The file is not a capture, or is damaged.
    Format(String),
}

impl NonFrame {
    /// Damage at an offset of the file, with what was found there.
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
