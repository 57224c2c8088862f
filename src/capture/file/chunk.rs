//! The octets that are read at once, and what they were dealt to.

use super::partition::{Partition, RecordSpan};
use super::partitioned::Partitioned;
use std::sync::Arc;

/// Octets read at once: a system call per about 4500 frames of voice. Less is read more slowly; more
/// is out of the second cache before it is looked at (docs/decisions/speed.md).
const CHUNK: usize = 1 << 20;

/// Octets of a page. A kernel that copies pages to what begins just behind a page's start, where the
/// allocator puts large blocks, takes twice as long on some processors.
pub(super) const PAGE: usize = 4096;

/// Octets as they were read.
#[derive(Debug)]
pub(super) struct Chunk<C> {
    buffer: Vec<u8>,
    /// Where a page of the buffer begins.
    start: usize,
    pub(super) length: usize,
    /// Which seat fills it: its octets are near that one's processor.
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
    /// An empty one, to be filled by this seat.
    pub(super) fn of(cursor: usize) -> Self {
        Self {
            cursor,
            ..Self::default()
        }
    }

    /// What was read.
    #[inline]
    pub(super) fn octets(&self) -> &[u8] {
        let octets = self.buffer.get(self.start..self.start + self.length);
        octets.unwrap_or_default()
    }

    /// Deals it to so many seats, if it can be dealt.
    pub(super) fn partition(
        &mut self,
        follows: Option<(Arc<dyn Partition<C>>, RecordSpan)>,
        cursors: usize,
    ) {
        let Some((partitioner, span)) = follows else {
            return self.partitioned.begin(0);
        };
        let mut partitioned = std::mem::take(&mut self.partitioned);
        partitioned.begin(cursors);
        partitioner.partition(self.octets(), span, &mut partitioned);
        self.partitioned = partitioned;
    }

    /// What each seat has got of it.
    #[inline]
    pub(super) fn partitioned(&self) -> &Partitioned<C> {
        &self.partitioned
    }

    /// All the room that there is.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer = vec![0; PAGE + CHUNK];
            self.start = self.buffer.as_ptr().align_offset(PAGE).min(PAGE);
        }
        let room = self.buffer.get_mut(self.start..self.start + CHUNK);
        room.unwrap_or_default()
    }
}
