//! Dealing: what is told of a frame at a glance is written on a card for the reader that it is for, and
//! none has to look at the frame any more. What cannot be told is shown to one reader or to all.
//!
//! Whoever reads a piece of the tape deals it, once for all. What lies across two pieces, and a piece
//! that is not dealt, everybody looks at.

use super::partitioned::Partitioned;

/// Deals the pieces of one file.
pub(super) trait Partition<C>: Send + Sync {
    /// Goes along the records of the next piece, which is quickly done: what can be dealt of it. `None`
    /// where that cannot be told, of this piece and of all behind it.
    fn scan_records(&self, octets: &[u8], scan: &mut RecordScan) -> Option<RecordSpan>;

    /// Deals a piece; others may be dealt at the same time.
    fn partition(&self, octets: &[u8], span: RecordSpan, partitioned: &mut Partitioned<C>);
}

/// How far the records of a file have been gone along.
#[derive(Debug, Default)]
pub(super) struct RecordScan {
    /// Octets from the beginning of the next piece to that of the next record.
    pub(super) ahead: usize,
    /// What the pieces before have of that record's header.
    pub(super) begun: Vec<u8>,
    /// Records so far.
    pub(super) records: u64,
}

/// The records that lie whole in a piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordSpan {
    /// Where the first of them begins, and where the last ends.
    pub(super) begin: usize,
    pub(super) end: usize,
    /// Records of the file up to there.
    pub(super) records: u64,
}
