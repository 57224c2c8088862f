//! Partitions a classic pcap file: walks its records and assigns each one.

use super::partition::{Partition, RecordScan, RecordSpan};
use super::partitioned::{Assignment, Partitioned};
use super::pcap::{HEADER, Pcap, RECORD};
use crate::frame::Frame;
use std::hint::black_box;
use std::time::Duration;

/// The first frame of each interval of packet time is broadcast, so that every reader knows the time.
/// Intervals start at whole tenths of a UTC second; whatever readers do by time must do so too.
pub const BROADCAST_INTERVAL: Duration = Duration::from_nanos(BROADCAST_INTERVAL_NANOS);
const BROADCAST_INTERVAL_NANOS: u64 = 100_000_000;

/// Records by which a header is prefetched: each header is needed before the next can be found.
const PREFETCH_RECORDS: usize = 8;

/// The partitioner of one file.
pub(super) struct PcapPartitioner<F> {
    pcap: Pcap,
    assign_frame: F,
}

impl<F> PcapPartitioner<F> {
    /// The partitioner of a file that starts with these octets, and the start of its scan; `None` if
    /// the file cannot be partitioned.
    pub(super) fn new(octets: &[u8], assign_frame: F) -> Option<(Self, RecordScan)> {
        let form = Pcap::magic(*octets.first_chunk()?)?;
        let pcap = Pcap::new(form, octets.first_chunk()?).ok()?;
        let scan = RecordScan {
            to_next_record: HEADER,
            ..RecordScan::default()
        };
        pcap.is_partitionable()
            .then_some((Self { pcap, assign_frame }, scan))
    }

    /// Offset of the first record that starts in a chunk; continues the scan of the chunk before.
    fn first_record(&self, octets: &[u8], scan: &mut RecordScan) -> Option<usize> {
        if scan.partial_header.is_empty() {
            return Some(scan.to_next_record);
        }
        let missing = RECORD - scan.partial_header.len();
        scan.partial_header
            .extend_from_slice(octets.get(..missing)?);
        let captured = self.pcap.captured(scan.partial_header.first_chunk()?)?;
        scan.partial_header.clear();
        scan.records += 1;
        Some(missing + captured)
    }

    /// Keeps the state for the record that crosses the end of a chunk.
    fn save_partial(&self, rest: &[u8], scan: &mut RecordScan) -> Option<()> {
        if let Some(header) = rest.first_chunk() {
            let record = RECORD + self.pcap.captured(header)?;
            scan.to_next_record = record - rest.len();
            scan.records += 1;
        } else {
            scan.to_next_record = 0;
            scan.partial_header.extend_from_slice(rest);
        }
        Some(())
    }
}

impl<C, F: Fn(&Frame<'_>, Assignment<'_, C>) + Send + Sync> Partition<C> for PcapPartitioner<F> {
    fn scan_records(&self, octets: &[u8], scan: &mut RecordScan) -> Option<RecordSpan> {
        let begin = self.first_record(octets, scan)?;
        let Some(mut rest) = octets.get(begin..) else {
            // The record is longer than the chunk.
            scan.to_next_record = begin - octets.len();
            return Some(RecordSpan {
                begin: octets.len(),
                end: octets.len(),
                records: scan.records,
            });
        };
        let mut records = scan.records;
        while let Some(header) = rest.first_chunk() {
            let record = RECORD + self.pcap.captured(header)?;
            // Most records have equal lengths, so this prefetches the header of a later one.
            black_box(rest.get(PREFETCH_RECORDS * record).copied());
            let Some(following) = rest.get(record..) else {
                break;
            };
            rest = following;
            records += 1;
        }
        scan.records = records;
        let end = octets.len() - rest.len();
        self.save_partial(rest, scan)?;
        Some(RecordSpan {
            begin,
            end,
            records,
        })
    }

    fn partition(&self, octets: &[u8], span: RecordSpan, partitioned: &mut Partitioned<C>) {
        let octets = octets.get(..span.end).unwrap_or_default();
        let mut rest = octets.get(span.begin..).unwrap_or_default();
        let mut time_order = TimeOrder::START;
        let mut previous = None;
        while let Some((frame, following)) = self.pcap.record(rest) {
            #[expect(clippy::cast_possible_truncation, reason = "a chunk is far smaller")]
            let offset = (octets.len() - rest.len()) as u32;
            if time_order.is_in_order(frame.time.as_nanos()) {
                (self.assign_frame)(&frame, Assignment::new(partitioned, offset));
            } else {
                // All readers then know the same newest time before this frame.
                if let Some(previous) = previous {
                    partitioned.broadcast(previous);
                }
                partitioned.broadcast(offset);
            }
            previous = Some(offset);
            rest = following;
        }
        // All readers decode the record that crosses the boundary, and it may be earlier.
        if let Some(previous) = previous {
            partitioned.broadcast(previous);
        }
        (partitioned.tail, partitioned.records) = (octets.len(), span.records);
    }
}

/// Frames at the start of a chunk, and behind a frame that is out of order, that every reader gets: the
/// frame after one that is behind tells whether the clock was set.
const SHOWN_TO_ALL: u32 = 2;

/// Tells whether a frame is in order of time and in the current broadcast interval.
#[derive(Clone, Copy)]
struct TimeOrder {
    /// Time of the previous frame, and the end of its interval, in nanoseconds.
    last: u64,
    until: u64,
    /// Frames to come that every reader gets.
    shown_to_all: u32,
}

impl TimeOrder {
    /// Before the first frame of a chunk, which may be behind the chunk before.
    const START: Self = Self {
        last: 0,
        until: 0,
        shown_to_all: SHOWN_TO_ALL,
    };

    /// Whether a frame is not earlier than the previous one, in the same interval, and none that every
    /// reader gets.
    #[inline]
    fn is_in_order(&mut self, time: u64) -> bool {
        let is_in_order = time >= self.last && time < self.until && self.shown_to_all == 0;
        if !is_in_order {
            self.show_to_all(time);
        }
        self.last = time;
        is_in_order
    }

    #[cold]
    fn show_to_all(&mut self, time: u64) {
        self.shown_to_all = if time < self.last {
            SHOWN_TO_ALL - 1
        } else {
            self.shown_to_all.saturating_sub(1)
        };
        self.until = (time / BROADCAST_INTERVAL_NANOS + 1).saturating_mul(BROADCAST_INTERVAL_NANOS);
    }
}
