//! The statistics blocks at the end of a pcapng file, read before its first frame.
//!
//! Capture programs write their drop counters last (draft-ietf-opsawg-pcapng §4.6), after all seconds
//! were judged. A file on disk can be read backwards, because every block repeats its length at its
//! end. So the seconds with drops are marked incomplete before they are judged. A pipe cannot be read
//! backwards; there only the seconds not yet judged are marked.

use super::super::byte_order::ByteOrder;
use super::options::Options;
use super::{BYTE_ORDER_MAGIC, FRAMING, SECTION, STATISTICS};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;

/// Octets read from the end: some hundred statistics blocks.
const TAIL_SIZE: u64 = 64 * 1024;

/// A statistics block that reports drops: its interface, and its time in that interface's ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) struct TrailingStatistics {
    pub(super) interface: u32,
    pub(super) high: u32,
    pub(super) low: u32,
    /// Frames dropped since the capture began.
    pub(super) dropped: u64,
}

/// The statistics blocks at the end of a file that report drops. Empty if the end cannot be read: the
/// regular pass over the file reports the fault.
pub(in super::super) fn read(path: &Path) -> Vec<TrailingStatistics> {
    read_tail(path)
        .map(|(order, tail)| parse_backwards(order, &tail))
        .unwrap_or_default()
}

/// The byte order of the file's first section, and the last octets of the file.
fn read_tail(path: &Path) -> Option<(ByteOrder, Vec<u8>)> {
    let mut file = File::open(path).ok()?;
    let mut head = [0; FRAMING];
    file.read_exact(&mut head).ok()?;
    let [k0, k1, k2, k3, _, _, _, _, m0, m1, m2, m3] = head;
    let mut orders = [ByteOrder::Little, ByteOrder::Big].into_iter();
    let order = orders.find(|order| order.u32([m0, m1, m2, m3]) == BYTE_ORDER_MAGIC)?;
    if [k0, k1, k2, k3] != SECTION {
        return None;
    }
    let size = file.seek(SeekFrom::End(0)).ok()?;
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL_SIZE)))
        .ok()?;
    let mut tail = Vec::new();
    file.take(TAIL_SIZE).read_to_end(&mut tail).ok()?;
    Some((order, tail))
}

/// Parses statistics blocks backwards, up to a block of another type.
fn parse_backwards(order: ByteOrder, mut octets: &[u8]) -> Vec<TrailingStatistics> {
    let mut statistics = Vec::new();
    while let Some((before, block)) = last_block(order, octets) {
        let Some((
            &[
                t0,
                t1,
                t2,
                t3,
                _,
                _,
                _,
                _,
                i0,
                i1,
                i2,
                i3,
                h0,
                h1,
                h2,
                h3,
                l0,
                l1,
                l2,
                l3,
            ],
            rest,
        )) = block.split_first_chunk()
        else {
            break;
        };
        if order.u32([t0, t1, t2, t3]) != STATISTICS {
            break;
        }
        let options = Options::new(order, rest);
        let drops = [ISB_IFDROP, ISB_OSDROP].map(|code| options.number(code).unwrap_or(0));
        let dropped = drops.into_iter().fold(0, u64::saturating_add);
        if dropped > 0 {
            statistics.push(TrailingStatistics {
                interface: order.u32([i0, i1, i2, i3]),
                high: order.u32([h0, h1, h2, h3]),
                low: order.u32([l0, l1, l2, l3]),
                dropped,
            });
        }
        octets = before;
    }
    statistics
}

/// The octets before the last block, and that block without its trailing length.
fn last_block(order: ByteOrder, octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = order.u32(*octets.last_chunk()?) as usize;
    if length < FRAMING || !length.is_multiple_of(4) {
        return None;
    }
    let (before, block) = octets.split_at_checked(octets.len().checked_sub(length)?)?;
    let repeated = block
        .get(4..)
        .and_then(<[u8]>::first_chunk)
        .map(|&length| order.u32(length));
    let body = block.get(..length - 4)?;
    (repeated.map(|again| again as usize) == Some(length)).then_some((before, body))
}
