//! What one reader was dealt.

/// What one reader has got of a piece, in the order of its records.
#[derive(Debug)]
pub(super) struct WorkQueue<C> {
    items: Vec<C>,
    /// Where the record of each card begins.
    places: Vec<u32>,
    shown: Vec<Shown>,
}

/// A record to be looked at.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// Where it begins.
    place: u32,
    /// So many cards come before it.
    items: u32,
}

/// How far a reader has come in its hand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct QueuePosition {
    items: usize,
    shown: usize,
}

impl<C> WorkQueue<C> {
    /// A card, for the record that begins here.
    #[inline]
    pub(super) fn assign(&mut self, place: u32, item: C) {
        self.items.push(item);
        self.places.push(place);
    }

    /// A record to be looked at.
    pub(super) fn show(&mut self, place: u32) {
        let items = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.shown.push(Shown { place, items });
    }

    /// Nothing.
    pub(super) fn new() -> Self {
        Self {
            items: Vec::new(),
            places: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// Takes everything back.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.places.clear();
        self.shown.clear();
    }

    /// Where the last record begins that was dealt to it.
    pub(super) fn last(&self) -> Option<u32> {
        let shown = self.shown.last().map(|shown| shown.place);
        shown.max(self.places.last().copied())
    }

    /// The cards before the next record to be looked at.
    #[inline]
    pub(super) fn items(&self, position: QueuePosition) -> &[C] {
        let until = match self.shown.get(position.shown) {
            Some(shown) => shown.items as usize,
            None => self.items.len(),
        };
        self.items.get(position.items..until).unwrap_or_default()
    }

    /// Where the next record begins that has a card or is to be looked at, and the position behind it;
    /// `None` after the last.
    pub(super) fn next(&self, mut position: QueuePosition) -> Option<(usize, QueuePosition)> {
        let place = if self.items(position).is_empty() {
            position.shown += 1;
            self.shown.get(position.shown - 1)?.place
        } else {
            position.items += 1;
            *self.places.get(position.items - 1)?
        };
        Some((place as usize, position))
    }
}

impl QueuePosition {
    /// So many cards more are behind.
    #[inline]
    pub(super) fn skip(&mut self, items: usize) {
        self.items += items;
    }
}
