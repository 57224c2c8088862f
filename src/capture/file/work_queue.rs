//! The work queue of one reader for one chunk.

/// The items and frames that one reader gets of a chunk, in the order of their records.
#[derive(Debug)]
pub(super) struct WorkQueue<C> {
    items: Vec<C>,
    /// Offset of each item's record in the chunk, in octets.
    item_offsets: Vec<u32>,
    frames: Vec<QueuedFrame>,
}

/// A record that the reader decodes itself.
#[derive(Clone, Copy, Debug)]
struct QueuedFrame {
    /// Offset in the chunk, in octets.
    offset: u32,
    /// Number of items before it.
    items_before: u32,
}

/// The position of a reader in its queue: items and frames taken so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct QueuePosition {
    items: usize,
    frames: usize,
}

impl<C> WorkQueue<C> {
    /// Appends the item of the record at this offset.
    #[inline]
    pub(super) fn push_item(&mut self, offset: u32, item: C) {
        self.items.push(item);
        self.item_offsets.push(offset);
    }

    /// Appends the record at this offset as a frame.
    pub(super) fn push_frame(&mut self, offset: u32) {
        let items_before = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.frames.push(QueuedFrame {
            offset,
            items_before,
        });
    }

    pub(super) fn new() -> Self {
        Self {
            items: Vec::new(),
            item_offsets: Vec::new(),
            frames: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.item_offsets.clear();
        self.frames.clear();
    }

    /// Offset of the last record in the queue.
    pub(super) fn last(&self) -> Option<u32> {
        let frame = self.frames.last().map(|frame| frame.offset);
        frame.max(self.item_offsets.last().copied())
    }

    /// The items before the next frame.
    #[inline]
    pub(super) fn items(&self, position: QueuePosition) -> &[C] {
        let until = match self.frames.get(position.frames) {
            Some(frame) => frame.items_before as usize,
            None => self.items.len(),
        };
        self.items.get(position.items..until).unwrap_or_default()
    }

    /// Offset of the next record in the queue, and the position behind it; `None` after the last.
    pub(super) fn next(&self, mut position: QueuePosition) -> Option<(usize, QueuePosition)> {
        let offset = if self.items(position).is_empty() {
            position.frames += 1;
            self.frames.get(position.frames - 1)?.offset
        } else {
            position.items += 1;
            *self.item_offsets.get(position.items - 1)?
        };
        Some((offset as usize, position))
    }
}

impl QueuePosition {
    /// Marks `items` further items as taken.
    #[inline]
    pub(super) fn skip(&mut self, items: usize) {
        self.items += items;
    }
}
