//! The partition of a chunk: one work queue per reader.

use super::work_queue::WorkQueue;

/// Assigns one record. Call exactly one of its methods. They consume the result directly, because a
/// returned value would be copied through memory.
#[derive(Debug)]
pub struct Assignment<'d, C> {
    partitioned: &'d mut Partitioned<C>,
    offset: u32,
}

impl<'d, C> Assignment<'d, C> {
    pub(super) fn new(partitioned: &'d mut Partitioned<C>, offset: u32) -> Self {
        Self {
            partitioned,
            offset,
        }
    }

    /// One reader, counted from 0, gets the decoded item.
    #[inline]
    pub fn assign(self, reader: usize, item: C) {
        if let Some(queue) = self.partitioned.queues.get_mut(reader) {
            queue.push_item(self.offset, item);
        }
    }

    /// One reader, counted from 0, gets the frame.
    pub fn forward(self, reader: usize) {
        if let Some(queue) = self.partitioned.queues.get_mut(reader) {
            queue.push_frame(self.offset);
        }
    }

    /// All readers get the frame.
    pub fn broadcast(self) {
        self.partitioned.broadcast(self.offset);
    }
}

/// The work queues of a chunk.
#[derive(Debug)]
pub(super) struct Partitioned<C> {
    /// By reader; empty if the chunk is not partitioned.
    queues: Vec<WorkQueue<C>>,
    /// Offset of the first record that does not lie whole in the chunk.
    pub(super) tail: usize,
    /// Records of the file before `tail`.
    pub(super) records: u64,
}

impl<C> Default for Partitioned<C> {
    fn default() -> Self {
        Self {
            queues: Vec::new(),
            tail: 0,
            records: 0,
        }
    }
}

impl<C> Partitioned<C> {
    /// Empties the queues and provides one per reader; with 0 readers the chunk is not partitioned.
    pub(super) fn reset(&mut self, readers: usize) {
        self.queues.resize_with(readers, WorkQueue::new);
        self.queues.iter_mut().for_each(WorkQueue::clear);
    }

    /// The queue of a reader; `None` if the chunk is not partitioned.
    #[inline]
    pub(super) fn queue(&self, reader: usize) -> Option<&WorkQueue<C>> {
        self.queues.get(reader)
    }

    /// Gives a frame to all readers, except those that got it last.
    pub(super) fn broadcast(&mut self, offset: u32) {
        for queue in &mut self.queues {
            if queue.last() != Some(offset) {
                queue.push_frame(offset);
            }
        }
    }
}
