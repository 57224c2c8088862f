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
use crate::frame::{Frame, InterfaceId, LinkType};
use crate::units::{NANOS_PER_SECOND, Timestamp};

/// Octets of the file header.
pub(super) const HEADER: usize = 24;
/// Octets of a record's header.
pub(super) const RECORD: usize = 16;

/// Up to this version, 2.3, the two lengths may stand the other way round (libpcap sf-pcap.c).
const SWAPPED: u16 = 3;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;

/// Octets that the modified form has between the header of a record and its packet.
const MODIFIED_MORE: usize = 8;

/// What a magic number says of a file.
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
    named: bool,
}

impl Pcap {
    /// What a magic number says; `None` if it is none of pcap's.
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

    /// Reads the file header after its magic number.
    pub(super) fn new(form: Form, header: &[u8; HEADER]) -> Result<Self, Box<NonFrame>> {
        let Form { order, unit, more } = form;
        let &[_, _, _, _, j0, j1, n0, n1, .., l0, l1, l2, l3] = header;
        let (major, minor) = (order.u16([j0, j1]), order.u16([n0, n1]));
        if major != 2 {
            return NonFrame::damaged(4, format_args!("pcap version {major}.{minor}"));
        }
        // The upper half holds the length of the frame check sequence.
        let link = LinkType::from_registry(order.u32([l0, l1, l2, l3]) & 0xffff);
        Ok(Self {
            order,
            link,
            unit,
            more,
            minor,
            named: false,
        })
    }

    /// Offers whole records that are at hand; how many were taken.
    #[inline]
    pub(super) fn burst(&self, reader: &mut Reader<impl Sized>, taker: &mut impl BurstSink) -> u64 {
        let at_hand = reader.ahead();
        let (mut ahead, mut taken) = (at_hand, 0);
        while self.named
            && self.more == 0
            && let Some((frame, rest)) = self.record(ahead)
            && taker.offer(&frame)
        {
            ahead = rest;
            taken += 1;
        }
        reader.consume(at_hand.len() - ahead.len());
        taken
    }

    /// The record that begins here, if all of it is there and nothing is odd about it; and what is
    /// behind it. Not for the modified form.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a frame is not worth a call")]
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
        };
        (captured <= length && captured <= MAX_FRAME).then_some((frame, rest))
    }

    /// Whether its records are what they seem to be, and may be plain voice.
    pub(super) fn is_plain(&self) -> bool {
        self.link == LinkType::Ethernet && self.minor > SWAPPED && self.more == 0
    }

    /// Octets captured of the record with this header; `None` if something is odd about them.
    #[inline]
    pub(super) fn captured(&self, header: &[u8; RECORD]) -> Option<usize> {
        let [_, _, captured, length] = self.order.words(header);
        (captured <= length && captured <= MAX_FRAME).then_some(captured as usize)
    }

    /// The next record.
    #[inline]
    pub(super) fn step(
        &mut self,
        reader: &mut Reader<impl Sized>,
        found: &mut FoundFrame,
    ) -> ReadStep {
        if !self.named {
            self.named = true;
            return Err(Box::new(NonFrame::Interface(InterfaceId(0))));
        }
        reader.seek();
        let header = RECORD + self.more;
        if !reader.want(header)? {
            return Self::tail(reader);
        }
        let Some(record) = reader.ahead().first_chunk() else {
            return Self::tail(reader);
        };
        let [seconds, fraction, mut captured, mut length] = self.order.words(record);
        if captured > length && self.minor <= SWAPPED {
            (captured, length) = (length, captured);
        }
        if captured > MAX_FRAME {
            return NonFrame::damaged(
                reader.offset(),
                format_args!("record of {captured} octets, at most {MAX_FRAME} are possible"),
            );
        }
        if !reader.want(header + captured as usize)? {
            return Self::tail(reader);
        }
        let place = reader.place() + header;
        reader.consume(header + captured as usize);
        reader.pass();
        let time = u64::from(seconds) * NANOS_PER_SECOND + u64::from(fraction) * self.unit;
        *found = FoundFrame {
            time: Timestamp::from_nanos(time),
            link: self.link,
            interface: InterfaceId(0),
            length,
            place,
            captured,
        };
        Ok(())
    }

    #[cold]
    fn tail(reader: &Reader<impl Sized>) -> ReadStep {
        Err(Box::new(match reader.ahead() {
            [] => NonFrame::End,
            _ => NonFrame::Cut(reader.offset()),
        }))
    }
}
