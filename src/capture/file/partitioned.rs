//! What was dealt of a piece, and to whom.

use super::work_queue::WorkQueue;

/// A record that is dealt just now: exactly one of its methods is to be called. They take what there is
/// to say, because a value handed back would go through memory.
#[derive(Debug)]
pub struct Assignment<'d, C> {
    partitioned: &'d mut Partitioned<C>,
    place: u32,
}

impl<'d, C> Assignment<'d, C> {
    pub(super) fn new(partitioned: &'d mut Partitioned<C>, place: u32) -> Self {
        Self { partitioned, place }
    }

    /// One reader has to know of it, counted from 0, and the card says all of it.
    #[inline]
    pub fn assign(self, reader: usize, item: C) {
        if let Some(queue) = self.partitioned.queues.get_mut(reader) {
            queue.assign(self.place, item);
        }
    }

    /// One reader has to look at it.
    pub fn show(self, reader: usize) {
        if let Some(queue) = self.partitioned.queues.get_mut(reader) {
            queue.show(self.place);
        }
    }

    /// All readers have to look at it.
    pub fn show_all(self) {
        self.partitioned.show_all(self.place);
    }
}

/// What each reader has got of a piece.
#[derive(Debug)]
pub(super) struct Partitioned<C> {
    /// By reader; nobody's where the piece is not dealt.
    queues: Vec<WorkQueue<C>>,
    /// Where the first record begins that does not lie whole in the piece.
    pub(super) tail: usize,
    /// Records of the file before that one.
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
    /// Takes everything back, to deal to so many readers; to none: it is not dealt.
    pub(super) fn begin(&mut self, readers: usize) {
        self.queues.resize_with(readers, WorkQueue::new);
        self.queues.iter_mut().for_each(WorkQueue::clear);
    }

    /// What this reader has got; `None` where it has to look at everything.
    #[inline]
    pub(super) fn queue(&self, reader: usize) -> Option<&WorkQueue<C>> {
        self.queues.get(reader)
    }

    /// Shows a record to all readers that do not have it as the last yet.
    pub(super) fn show_all(&mut self, place: u32) {
        for queue in &mut self.queues {
            if queue.last() != Some(place) {
                queue.show(place);
            }
        }
    }
}
