//! pcapng (draft-ietf-opsawg-pcapng): sections of blocks, each with interfaces of its own.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +---------------------------------------------------------------+
//! |                          Block Type                           |
//! +---------------------------------------------------------------+
//! |                      Block Total Length                       |
//! +---------------------------------------------------------------+
//! /               Block Body, padded to four octets               /
//! +---------------------------------------------------------------+
//! |                      Block Total Length                       |
//! +---------------------------------------------------------------+
//! ```
//!
//! Name resolution, custom and unknown blocks are skipped. Frames of Simple Packet Blocks have no
//! time: they get the time of the frame before them.

mod interface;
mod options;
mod packet;
mod trailing;

use self::interface::Interface;
use self::options::Options;
pub(super) use self::trailing::TrailingStatistics;
use super::byte_order::ByteOrder;
use super::names::InterfaceNames;
use super::reader::Reader;
use super::step::{FoundFrame, NonFrame, ReadStep};
use crate::capture::CaptureGap;
use crate::units::Timestamp;
use std::path::Path;

/// Block type of a section header, the same in both byte orders.
pub(super) const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const SECTION_TYPE: u32 = u32::from_be_bytes(SECTION);
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Octets of type, length and repeated length.
const FRAMING: usize = 12;
/// Longest block read as a whole, in octets: libpcap's bound of 16 MiB.
const MAX_BLOCK: usize = 16 << 20;
/// Most interfaces in a section: the number of ids.
const MAX_INTERFACES: usize = 65_535;

/// The reading state of a pcapng file, between two blocks.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: ByteOrder,
    interfaces: Vec<Interface>,
    /// Time of the first frame of this section.
    first: Option<Timestamp>,
    /// Time of the last frame of this file.
    last: Timestamp,
    /// Drops reported at the end of the file; empty after the first frame.
    trailing: Vec<TrailingStatistics>,
    /// Frames without a time.
    pub(super) timeless: u64,
    /// Interfaces whose name did not fit into the table of names.
    pub(super) nameless: u64,
}

impl Pcapng {
    /// A file before its first block, with the drops that its end reports.
    pub(super) const fn new(trailing: Vec<TrailingStatistics>) -> Self {
        Self {
            trailing,
            order: ByteOrder::Little,
            interfaces: Vec::new(),
            first: None,
            last: Timestamp::from_nanos(0),
            timeless: 0,
            nameless: 0,
        }
    }

    /// Reads up to the next frame or event.
    #[inline]
    pub(super) fn step(
        &mut self,
        reader: &mut Reader<impl Sized>,
        names: &mut InterfaceNames,
        found: &mut FoundFrame,
    ) -> ReadStep {
        loop {
            let offset = reader.offset();
            if !reader.ensure(FRAMING)? {
                return Err(Box::new(match reader.available() {
                    [] => NonFrame::End,
                    _ => NonFrame::Cut(offset),
                }));
            }
            let Some(&[t0, t1, t2, t3, l0, l1, l2, l3, m0, m1, m2, m3]) =
                reader.available().first_chunk::<FRAMING>()
            else {
                return Err(Box::new(NonFrame::Cut(offset)));
            };
            if [t0, t1, t2, t3] == SECTION {
                self.begin_section(offset, [m0, m1, m2, m3])?;
            }
            let kind = self.order.u32([t0, t1, t2, t3]);
            let length = self.order.u32([l0, l1, l2, l3]) as usize;
            if length < FRAMING || !length.is_multiple_of(4) {
                let found = format_args!("block of type {kind:#x} with length {length}");
                return NonFrame::damaged(offset, found);
            }
            match kind {
                INTERFACE | OBSOLETE_PACKET | SIMPLE_PACKET | STATISTICS | ENHANCED_PACKET => {}
                _ => {
                    if !self.skip_block(reader, kind, length, offset)? {
                        return Err(Box::new(NonFrame::Cut(offset)));
                    }
                    continue;
                }
            }
            if length > MAX_BLOCK {
                let found = format_args!(
                    "block of type {kind:#x} with {length} octets, at most {MAX_BLOCK} are possible"
                );
                return NonFrame::damaged(offset, found);
            }
            if !reader.ensure(length)? {
                return Err(Box::new(NonFrame::Cut(offset)));
            }
            let start = reader.start();
            let block = reader.slice(start, length);
            if block.last_chunk() != Some(&[l0, l1, l2, l3]) {
                return Self::length_mismatch(offset, kind, length);
            }
            let block = block.get(..length - 4).unwrap_or_default();
            let outcome = match kind {
                ENHANCED_PACKET | OBSOLETE_PACKET => self.packet(kind, block, start, offset, found),
                SIMPLE_PACKET => self.simple_packet(block, start, offset, found),
                STATISTICS => {
                    let gap = self.statistics(block);
                    reader.consume(length);
                    let Some(gap) = gap else { continue };
                    return Err(Box::new(NonFrame::CaptureGap(gap, false)));
                }
                _ => self.interface(block, offset, names),
            };
            reader.consume(length);
            return outcome;
        }
    }

    /// A section header: resets byte order and interfaces (§4.1). Its version is in the eight octets
    /// after the magic and has always been 1.0 or 1.2.
    #[cold]
    fn begin_section(&mut self, offset: u64, magic: [u8; 4]) -> ReadStep {
        let mut orders = [ByteOrder::Little, ByteOrder::Big].into_iter();
        let Some(order) = orders.find(|order| order.u32(magic) == BYTE_ORDER_MAGIC) else {
            let found = format_args!("section with byte-order magic {magic:02x?}");
            return NonFrame::damaged(offset, found);
        };
        self.order = order;
        self.interfaces.clear();
        self.first = None;
        Ok(())
    }

    /// Skips a block of any length without buffering it; `false` if the file ends in it.
    #[cold]
    fn skip_block(
        &self,
        reader: &mut Reader<impl Sized>,
        kind: u32,
        length: usize,
        offset: u64,
    ) -> Result<bool, Box<NonFrame>> {
        if kind == SECTION_TYPE {
            self.check_version(reader, offset)?;
        }
        if !reader.skip(length - 4)? || !reader.ensure(4)? {
            return Ok(false);
        }
        let end = reader.available().first_chunk();
        let again = end.map(|&end| self.order.u32(end));
        if again.map(|again| again as usize) != Some(length) {
            return Self::length_mismatch(offset, kind, length);
        }
        reader.consume(4);
        Ok(true)
    }

    fn check_version(&self, reader: &mut Reader<impl Sized>, offset: u64) -> ReadStep {
        if !reader.ensure(16)? {
            return Ok(());
        }
        let header = reader.available().first_chunk::<16>();
        let major = header.map(|&[.., j0, j1, _, _]| self.order.u16([j0, j1]));
        match major {
            Some(1) | None => Ok(()),
            Some(major) => {
                NonFrame::damaged(offset, format_args!("section of pcapng version {major}"))
            }
        }
    }

    /// The drops that the end of a file reports.
    pub(super) fn trailing_statistics(path: &Path) -> Vec<TrailingStatistics> {
        trailing::read(path)
    }

    /// An Interface Statistics Block (§4.6). A malformed one is ignored, so that no frame is lost.
    fn statistics(&mut self, block: &[u8]) -> Option<CaptureGap> {
        let (&[.., i0, i1, i2, i3, h0, h1, h2, h3, l0, l1, l2, l3], options) =
            block.split_first_chunk::<20>()?;
        let number = self.order.u32([i0, i1, i2, i3]);
        let interface = self.interfaces.get_mut(number as usize)?;
        let time = interface.time(
            self.order.u32([h0, h1, h2, h3]),
            self.order.u32([l0, l1, l2, l3]),
        );
        let options = Options::new(self.order, options);
        interface.statistics(time, &options, self.first)
    }

    /// An Interface Description Block (§4.2).
    fn interface(&mut self, block: &[u8], offset: u64, names: &mut InterfaceNames) -> ReadStep {
        let body = block.get(8..).unwrap_or_default();
        let Some((interface, named)) = Interface::parse(self.order, body, names) else {
            return NonFrame::damaged(offset, "interface description without a link type");
        };
        if self.interfaces.len() >= MAX_INTERFACES {
            let found = format_args!("more than {MAX_INTERFACES} interfaces in a section");
            return NonFrame::damaged(offset, found);
        }
        self.nameless += u64::from(!named);
        self.interfaces.push(interface);
        Err(Box::new(NonFrame::Interface(interface.id)))
    }

    #[cold]
    fn length_mismatch<T>(offset: u64, kind: u32, length: usize) -> Result<T, Box<NonFrame>> {
        let found =
            format_args!("block of type {kind:#x} whose lengths differ: {length} at its head");
        NonFrame::damaged(offset, found)
    }
}
