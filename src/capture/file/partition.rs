//! Partitioning of chunks among readers. A plain RTP frame is decoded once, into an item for the reader
//! that counts it. Any other frame is forwarded to one reader or broadcast to all, as it is.
//!
//! The thread that reads a chunk partitions it for all readers. Every reader decodes the records that
//! cross a chunk boundary, and all records of a chunk that is not partitioned.

use super::partitioned::Partitioned;

/// Partitions the chunks of one file.
pub(super) trait Partition<C>: Send + Sync {
    /// Walks the record headers of the next chunk and returns the records that lie whole in it. `None`
    /// if a header is implausible: then neither this chunk nor any later one is partitioned. This is
    /// quick and done under the input's lock.
    fn scan_records(&self, octets: &[u8], scan: &mut RecordScan) -> Option<RecordSpan>;

    /// Assigns the records of a chunk. Other chunks may be partitioned at the same time.
    fn partition(&self, octets: &[u8], span: RecordSpan, partitioned: &mut Partitioned<C>);
}

/// State of the scan between two chunks of a file.
#[derive(Debug, Default)]
pub(super) struct RecordScan {
    /// Octets from the start of the next chunk to the next record.
    pub(super) to_next_record: usize,
    /// Octets of that record's header that the chunks before contain.
    pub(super) partial_header: Vec<u8>,
    /// Records scanned so far.
    pub(super) records: u64,
}

/// The records that lie whole in a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordSpan {
    /// Offset in the chunk where the first of them starts, and where the last ends.
    pub(super) begin: usize,
    pub(super) end: usize,
    /// Records of the file up to `end`.
    pub(super) records: u64,
}
