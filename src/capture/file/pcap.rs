//! Classic pcap (draft-ietf-opsawg-pcap): a header of 24 octets, then records.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +---------------------------------------------------------------+    +------------------------+
//! |                          Magic Number                         |    |  Timestamp (Seconds)   |
//! +---------------------------------------------------------------+    +------------------------+
//! |         Major Version         |         Minor Version         |    |  Timestamp (µs or ns)  |
//! +---------------------------------------------------------------+    +------------------------+
//! |                     Reserved1, Reserved2                      |    | Captured Packet Length |
//! +---------------------------------------------------------------+    +------------------------+
//! |                            SnapLen                            |    | Original Packet Length |
//! +---------------------------------------------------------------+    +------------------------+
//! | FCS |f|                   |             LinkType              |    /      Packet Data       /
//! +---------------------------------------------------------------+    +------------------------+
//! ```
//!
//! In the modified form of Kuznetzov, which FRITZ!Box routers write, the header of a record has
//! 8 octets more: interface, protocol and direction (libpcap sf-pcap.c).

use super::byte_order::ByteOrder;
use super::reader::Reader;
use super::step::{FoundFrame, MAX_FRAME, NonFrame, ReadStep};
use crate::capture::BurstSink;
use crate::frame::{Frame, InterfaceId, LinkType, Offload};
use crate::units::{NANOS_PER_SECOND, Timestamp};

/// Octets of the file header.
pub(super) const HEADER: usize = 24;
/// Octets of a record's header.
pub(super) const RECORD: usize = 16;

/// Up to this minor version, 2.3, the two lengths may be in reverse order (libpcap sf-pcap.c).
const LAST_SWAPPED_MINOR: u16 = 3;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;

/// Octets that the modified form has between the header of a record and its packet.
const MODIFIED_MORE: usize = 8;

/// The variant of a file: byte order and unit of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Form {
    order: ByteOrder,
    /// Nanoseconds in the unit of the second timestamp word.
    unit: u64,
    /// Octets between the header of a record and its packet.
    more: usize,
}

/// A classic capture after its header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pcap {
    order: ByteOrder,
    link: LinkType,
    unit: u64,
    more: usize,
    minor: u16,
    /// Whether the interface event was returned.
    interface_reported: bool,
}

impl Pcap {
    /// The variant of a magic number; `None` if it is not pcap.
    pub(super) fn magic(octets: [u8; 4]) -> Option<Form> {
        let orders = [ByteOrder::Little, ByteOrder::Big].into_iter();
        let mut forms = orders.filter_map(|order| {
            let (unit, more) = match order.u32(octets) {
                MICROSECONDS => (1000, 0),
                NANOSECONDS => (1, 0),
                MODIFIED => (1000, MODIFIED_MORE),
                _ => return None,
            };
            Some(Form { order, unit, more })
        });
        forms.next()
    }

    /// Parses the file header; the caller has checked the magic number.
    pub(super) fn new(form: Form, header: &[u8; HEADER]) -> Result<Self, Box<NonFrame>> {
        let Form { order, unit, more } = form;
        let &[_, _, _, _, j0, j1, n0, n1, .., l0, l1, l2, l3] = header;
        let (major, minor) = (order.u16([j0, j1]), order.u16([n0, n1]));
        if major != 2 {
            return NonFrame::damaged(4, format_args!("pcap version {major}.{minor}"));
        }
        // The upper half describes the frame check sequence.
        let link = LinkType::from_registry(order.u32([l0, l1, l2, l3]) & 0xffff);
        Ok(Self {
            order,
            link,
            unit,
            more,
            minor,
            interface_reported: false,
        })
    }

    /// Offers whole buffered records to `sink`. Returns the number of accepted frames.
    #[inline]
    pub(super) fn burst(&self, reader: &mut Reader<impl Sized>, sink: &mut impl BurstSink) -> u64 {
        let available = reader.available();
        let (mut ahead, mut taken) = (available, 0);
        while self.interface_reported
            && self.more == 0
            && let Some((frame, rest)) = self.record(ahead)
            && sink.offer(&frame)
        {
            ahead = rest;
            taken += 1;
        }
        reader.consume(available.len() - ahead.len());
        taken
    }

    /// The first record and the octets behind it; `None` if the record is incomplete or implausible. Not
    /// for the modified variant.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call per frame costs too much")]
    pub(super) fn record<'a>(&self, octets: &'a [u8]) -> Option<(Frame<'a>, &'a [u8])> {
        let (header, rest) = octets.split_first_chunk()?;
        let [seconds, fraction, captured, length] = self.order.words(header);
        let (octets, rest) = rest.split_at_checked(captured as usize)?;
        let time = u64::from(seconds) * NANOS_PER_SECOND + u64::from(fraction) * self.unit;
        let frame = Frame {
            time: Timestamp::from_nanos(time),
            link: self.link,
            octets,
            length,
            interface: InterfaceId(0),
            vlan: None,
            offload: Offload::Unknown,
        };
        (captured <= length && captured <= MAX_FRAME).then_some((frame, rest))
    }

    /// Whether the file can be partitioned: Ethernet frames, with both lengths in the usual order, and no
    /// modified record header.
    pub(super) fn is_partitionable(&self) -> bool {
        self.link == LinkType::Ethernet && self.minor > LAST_SWAPPED_MINOR && self.more == 0
    }

    /// Captured length of the record with this header; `None` if the lengths are implausible.
    #[inline]
    pub(super) fn captured(&self, header: &[u8; RECORD]) -> Option<usize> {
        let [_, _, captured, length] = self.order.words(header);
        (captured <= length && captured <= MAX_FRAME).then_some(captured as usize)
    }

    /// Reads the next record.
    #[inline]
    pub(super) fn step(
        &mut self,
        reader: &mut Reader<impl Sized>,
        found: &mut FoundFrame,
    ) -> ReadStep {
        if !self.interface_reported {
            self.interface_reported = true;
            return Err(Box::new(NonFrame::Interface(InterfaceId(0))));
        }
        reader.seek();
        let header = RECORD + self.more;
        if !reader.ensure(header)? {
            return Self::at_end(reader);
        }
        let Some(record) = reader.available().first_chunk() else {
            return Self::at_end(reader);
        };
        let [seconds, fraction, mut captured, mut length] = self.order.words(record);
        if captured > length && self.minor <= LAST_SWAPPED_MINOR {
            (captured, length) = (length, captured);
        }
        if captured > MAX_FRAME {
            return NonFrame::damaged(
                reader.offset(),
                format_args!("record of {captured} octets, at most {MAX_FRAME} are possible"),
            );
        }
        if !reader.ensure(header + captured as usize)? {
            return Self::at_end(reader);
        }
        let start = reader.start() + header;
        reader.consume(header + captured as usize);
        reader.drop_consumed();
        let time = u64::from(seconds) * NANOS_PER_SECOND + u64::from(fraction) * self.unit;
        *found = FoundFrame {
            time: Timestamp::from_nanos(time),
            link: self.link,
            interface: InterfaceId(0),
            length,
            start,
            captured,
        };
        Ok(())
    }

    #[cold]
    fn at_end(reader: &Reader<impl Sized>) -> ReadStep {
        Err(Box::new(match reader.available() {
            [] => NonFrame::End,
            _ => NonFrame::Cut(reader.offset()),
        }))
    }
}
