//! The blocks of a pcapng file that hold frames: enhanced, simple and obsolete packet blocks.

use super::options::Options;
use super::{ENHANCED_PACKET, Pcapng, TrailingStatistics};
use crate::capture::file::reader::Reader;
use crate::capture::file::step::{FoundFrame, MAX_FRAME, NonFrame, ReadStep};
use crate::capture::{BurstSink, CaptureGap, GapCause};
use crate::frame::{Frame, InterfaceId, Offload};
use crate::units::Timestamp;

const EPB_DROPCOUNT: u16 = 4;
/// An obsolete packet's drop count that means "not known".
const DROPS_UNKNOWN: u16 = u16::MAX;
/// Octets before the frame in enhanced and obsolete packets, type and length included.
const PACKET_HEADER: usize = 28;

impl Pcapng {
    /// Offers the frames of buffered Enhanced Packet Blocks that are whole, have no options and are not
    /// the first of their section. Returns the number of accepted frames.
    #[inline]
    pub(in crate::capture::file) fn burst(
        &mut self,
        reader: &mut Reader<impl Sized>,
        sink: &mut impl BurstSink,
    ) -> u64 {
        let available = reader.available();
        let (mut ahead, mut taken) = (available, 0);
        while self.first.is_some() {
            let Some((head, rest)) = ahead.split_first_chunk::<PACKET_HEADER>() else {
                break;
            };
            let &[
                t0,
                t1,
                t2,
                t3,
                l0,
                l1,
                l2,
                l3,
                i0,
                i1,
                i2,
                i3,
                ref words @ ..,
            ] = head;
            let [high, low, captured, length] = self.order.words(words);
            let room = (captured as usize).next_multiple_of(4);
            let Some((body, rest)) = rest.split_at_checked(room + 4) else {
                break;
            };
            let (Some(octets), Some((padded, end))) =
                (body.get(..captured as usize), body.split_last_chunk())
            else {
                break;
            };
            let block = PACKET_HEADER + padded.len() + 4;
            let number = self.order.u32([i0, i1, i2, i3]) as usize;
            let Some(interface) = self.interfaces.get_mut(number) else {
                break;
            };
            let time = interface.time(high, low);
            let frame = Frame {
                time,
                link: interface.link,
                octets,
                length: length.max(captured),
                interface: interface.id,
                vlan: None,
                offload: Offload::Unknown,
            };
            if self.order.u32([t0, t1, t2, t3]) != ENHANCED_PACKET
                || self.order.u32([l0, l1, l2, l3]) as usize != block
                || *end != [l0, l1, l2, l3]
                || captured > MAX_FRAME
                || !sink.offer(&frame)
            {
                break;
            }
            interface.last = Some(time);
            self.last = time;
            ahead = rest;
            taken += 1;
        }
        reader.consume(available.len() - ahead.len());
        taken
    }

    /// An Enhanced Packet Block (§4.3) or an obsolete Packet Block (§A.1): they differ in the
    /// use of the first word.
    #[inline]
    pub(super) fn packet(
        &mut self,
        kind: u32,
        block: &[u8],
        start: usize,
        offset: u64,
        found: &mut FoundFrame,
    ) -> ReadStep {
        let Some((&[_, _, _, _, _, _, _, _, i0, i1, i2, i3, ref words @ ..], rest)) =
            block.split_first_chunk::<PACKET_HEADER>()
        else {
            let octets = block.len() + 4;
            return NonFrame::damaged(offset, format_args!("packet block of {octets} octets"));
        };
        let [high, low, captured, length] = self.order.words(words);
        let (number, mut drops) = if kind == ENHANCED_PACKET {
            (self.order.u32([i0, i1, i2, i3]), 0)
        } else {
            let drops = match self.order.u16([i2, i3]) {
                DROPS_UNKNOWN => 0,
                drops => u64::from(drops),
            };
            (u32::from(self.order.u16([i0, i1])), drops)
        };
        let Some(interface) = self.interfaces.get_mut(number as usize) else {
            let found = format_args!("frame of interface {number}, which is not described");
            return NonFrame::damaged(offset, found);
        };
        if captured > MAX_FRAME || captured as usize > rest.len() {
            let room = rest.len();
            let found = format_args!(
                "frame of {captured} octets in a block with room for {room}, at most {MAX_FRAME} are possible"
            );
            return NonFrame::damaged(offset, found);
        }
        let options = rest.get((captured as usize).next_multiple_of(4)..);
        if let Some(options @ [_, ..]) = options
            && kind == ENHANCED_PACKET
        {
            let dropped = Options::new(self.order, options).number(EPB_DROPCOUNT);
            drops = dropped.unwrap_or(0);
        }
        let time = interface.time(high, low);
        let gap = (drops > 0).then(|| interface.dropped_before(drops, time));
        let id = interface.id;
        interface.last = Some(time);
        *found = FoundFrame {
            time,
            link: interface.link,
            interface: interface.id,
            length,
            start: start + PACKET_HEADER,
            captured,
        };
        self.last = time;
        let gap = match self.first.replace(self.first.unwrap_or(time)) {
            None if !self.trailing.is_empty() => self.trailing_gap(id, time, gap),
            _ => gap,
        };
        match gap {
            None => Ok(()),
            Some(gap) => Err(Box::new(NonFrame::CaptureGap(gap, true))),
        }
    }

    /// The gap of the drops that the end of the file reports: from the first frame to the time of those
    /// statistics. Their number is reported when the statistics are read.
    #[cold]
    fn trailing_gap(
        &mut self,
        id: InterfaceId,
        from: Timestamp,
        known: Option<CaptureGap>,
    ) -> Option<CaptureGap> {
        let trailing = std::mem::take(&mut self.trailing);
        let time = |statistics: &TrailingStatistics| {
            let interface = self.interfaces.get(statistics.interface as usize)?;
            Some(interface.time(statistics.high, statistics.low))
        };
        let last = trailing.iter().filter_map(time).max();
        let until = last.filter(|until| *until > from);
        let Some(until) = until else { return known };
        let frames = known.map_or(0, |gap| gap.frames);
        let dropped = trailing.iter().map(|statistics| statistics.dropped);
        let at_most = dropped.fold(frames, u64::saturating_add);
        let from = known.map_or(from, |gap| gap.from.min(from));
        Some(CaptureGap {
            from,
            until,
            frames,
            at_most: Some(at_most),
            interface: id,
            cause: GapCause::Dropped,
        })
    }

    /// A Simple Packet Block (§4.4): of interface 0, without time and captured length.
    pub(super) fn simple_packet(
        &mut self,
        block: &[u8],
        start: usize,
        offset: u64,
        found: &mut FoundFrame,
    ) -> ReadStep {
        const HEADER: usize = 12;
        let Some((&[.., l0, l1, l2, l3], rest)) = block.split_first_chunk::<HEADER>() else {
            return NonFrame::damaged(offset, "simple packet block without a length");
        };
        let Some(interface) = self.interfaces.first() else {
            return NonFrame::damaged(offset, "simple packet block before any interface");
        };
        let length = self.order.u32([l0, l1, l2, l3]);
        let limit = match interface.snaplen {
            0 => length,
            snaplen => length.min(snaplen),
        };
        let captured = u32::try_from(rest.len()).map_or(limit, |room| limit.min(room));
        if captured > MAX_FRAME {
            let found =
                format_args!("frame of {captured} octets, at most {MAX_FRAME} are possible");
            return NonFrame::damaged(offset, found);
        }
        self.timeless += 1;
        self.first = self.first.or(Some(self.last));
        *found = FoundFrame {
            time: self.last,
            link: interface.link,
            interface: interface.id,
            length,
            start: start + HEADER,
            captured,
        };
        Ok(())
    }
}
