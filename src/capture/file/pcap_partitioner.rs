//! Deals a classic pcap: goes along its records, and tells of each who has to know of it.

use super::partition::{Partition, RecordScan, RecordSpan};
use super::partitioned::{Assignment, Partitioned};
use super::pcap::{HEADER, Pcap, RECORD};
use crate::frame::Frame;
use std::hint::black_box;
use std::time::Duration;

/// All readers are shown the first frame of each such stretch of packet time, by which they know the
/// time: what they do with it begins and ends at whole tenths of a second.
pub const SHOWN_EVERY: Duration = Duration::from_nanos(SHOWN_EVERY_NANOS);
const SHOWN_EVERY_NANOS: u64 = 100_000_000;

/// Records looked ahead, while their headers are waited for one after the other.
const AHEAD: usize = 8;

/// The dealer of one file.
pub(super) struct PcapPartitioner<F> {
    pcap: Pcap,
    whose: F,
}

impl<F> PcapPartitioner<F> {
    /// For a file that begins with these octets, and the way along it; `None` for one that cannot be
    /// dealt.
    pub(super) fn new(octets: &[u8], whose: F) -> Option<(Self, RecordScan)> {
        let form = Pcap::magic(*octets.first_chunk()?)?;
        let pcap = Pcap::new(form, octets.first_chunk()?).ok()?;
        let scan = RecordScan {
            ahead: HEADER,
            ..RecordScan::default()
        };
        pcap.is_plain().then_some((Self { pcap, whose }, scan))
    }

    /// Where the first record begins that does so in a piece.
    fn enter(&self, octets: &[u8], scan: &mut RecordScan) -> Option<usize> {
        if scan.begun.is_empty() {
            return Some(scan.ahead);
        }
        let missing = RECORD - scan.begun.len();
        scan.begun.extend_from_slice(octets.get(..missing)?);
        let captured = self.pcap.captured(scan.begun.first_chunk()?)?;
        scan.begun.clear();
        scan.records += 1;
        Some(missing + captured)
    }

    /// Remembers what begins at the end of a piece.
    fn leave(&self, rest: &[u8], scan: &mut RecordScan) -> Option<()> {
        if let Some(header) = rest.first_chunk() {
            let record = RECORD + self.pcap.captured(header)?;
            scan.ahead = record - rest.len();
            scan.records += 1;
        } else {
            scan.ahead = 0;
            scan.begun.extend_from_slice(rest);
        }
        Some(())
    }
}

impl<C, F: Fn(&Frame<'_>, Assignment<'_, C>) + Send + Sync> Partition<C> for PcapPartitioner<F> {
    fn scan_records(&self, octets: &[u8], scan: &mut RecordScan) -> Option<RecordSpan> {
        let begin = self.enter(octets, scan)?;
        let Some(mut rest) = octets.get(begin..) else {
            // One record is longer than the piece.
            scan.ahead = begin - octets.len();
            return Some(RecordSpan {
                begin: octets.len(),
                end: octets.len(),
                records: scan.records,
            });
        };
        let mut records = scan.records;
        while let Some(header) = rest.first_chunk() {
            let record = RECORD + self.pcap.captured(header)?;
            // Most are as long as the one before: the header of one further on is fetched meanwhile.
            black_box(rest.get(AHEAD * record).copied());
            let Some(behind) = rest.get(record..) else {
                break;
            };
            rest = behind;
            records += 1;
        }
        scan.records = records;
        let end = octets.len() - rest.len();
        self.leave(rest, scan)?;
        Some(RecordSpan {
            begin,
            end,
            records,
        })
    }

    fn partition(&self, octets: &[u8], span: RecordSpan, partitioned: &mut Partitioned<C>) {
        let octets = octets.get(..span.end).unwrap_or_default();
        let mut rest = octets.get(span.begin..).unwrap_or_default();
        let mut order = Order::default();
        let mut before = None;
        while let Some((frame, behind)) = self.pcap.record(rest) {
            #[expect(clippy::cast_possible_truncation, reason = "a piece is far smaller")]
            let place = (octets.len() - rest.len()) as u32;
            if order.follows(frame.time.as_nanos()) {
                (self.whose)(&frame, Assignment::new(partitioned, place));
            } else {
                // All know the same newest time when they come to it.
                if let Some(before) = before {
                    partitioned.show_all(before);
                }
                partitioned.show_all(place);
            }
            before = Some(place);
            rest = behind;
        }
        // What lies across comes next, and may be earlier.
        if let Some(before) = before {
            partitioned.show_all(before);
        }
        (partitioned.tail, partitioned.records) = (octets.len(), span.records);
    }
}

/// Whether frames come in order of time.
#[derive(Clone, Copy, Default)]
struct Order {
    /// Time of the one before, and the end of its stretch, in nanoseconds.
    last: u64,
    until: u64,
}

impl Order {
    /// Whether a frame is not earlier than the one before, and of the same stretch.
    #[inline]
    fn follows(&mut self, time: u64) -> bool {
        let follows = time >= self.last && time < self.until;
        self.last = time;
        if !follows {
            self.until = (time / SHOWN_EVERY_NANOS + 1).saturating_mul(SHOWN_EVERY_NANOS);
        }
        follows
    }
}
