//! A chunk: the octets of one read, and their partition among the readers.

use super::partition::{Partition, RecordSpan};
use super::partitioned::Partitioned;
use std::sync::Arc;

/// Octets of a chunk: one system call per about 4500 voice frames. Smaller chunks read more slowly; a
/// larger one has left the L2 cache before it is decoded (docs/decisions/speed.md).
const CHUNK_SIZE: usize = 1 << 20;

/// Octets of a page. The allocator places large blocks just behind the start of a page. Copying to
/// such an address takes the kernel twice as long on some processors, so the buffer is aligned.
pub(super) const PAGE: usize = 4096;

/// The octets of one read.
#[derive(Debug)]
pub(super) struct Chunk<C> {
    buffer: Vec<u8>,
    /// Index of the first page boundary in the buffer.
    start: usize,
    pub(super) length: usize,
    /// Index of the cursor that fills it: the octets are in the cache of its processor.
    pub(super) cursor: usize,
    partitioned: Partitioned<C>,
}

impl<C> Default for Chunk<C> {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            length: 0,
            cursor: 0,
            partitioned: Partitioned::default(),
        }
    }
}

impl<C> Chunk<C> {
    /// An empty chunk, to be filled by this cursor.
    pub(super) fn new(cursor: usize) -> Self {
        Self {
            cursor,
            ..Self::default()
        }
    }

    /// The octets read.
    #[inline]
    pub(super) fn octets(&self) -> &[u8] {
        let octets = self.buffer.get(self.start..self.start + self.length);
        octets.unwrap_or_default()
    }

    /// Partitions the chunk among `cursors` readers, if the file has a partitioner.
    pub(super) fn partition(
        &mut self,
        plan: Option<(Arc<dyn Partition<C>>, RecordSpan)>,
        cursors: usize,
    ) {
        let Some((partitioner, span)) = plan else {
            return self.partitioned.reset(0);
        };
        let mut partitioned = std::mem::take(&mut self.partitioned);
        partitioned.reset(cursors);
        partitioner.partition(self.octets(), span, &mut partitioned);
        self.partitioned = partitioned;
    }

    /// The partition of the chunk.
    #[inline]
    pub(super) fn partitioned(&self) -> &Partitioned<C> {
        &self.partitioned
    }

    /// The whole buffer, to be filled. Allocated at the first call.
    pub(super) fn buffer_mut(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer = vec![0; PAGE + CHUNK_SIZE];
            self.start = self.buffer.as_ptr().align_offset(PAGE).min(PAGE);
        }
        let buffer = self.buffer.get_mut(self.start..self.start + CHUNK_SIZE);
        buffer.unwrap_or_default()
    }
}
