//! What one reader was dealt.

/// What one reader has got of a piece, in the order of its records.
#[derive(Debug)]
pub(super) struct Hand<C> {
    cards: Vec<C>,
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
    cards: u32,
}

/// How far a reader has come in its hand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    cards: usize,
    shown: usize,
}

impl<C> Hand<C> {
    /// A card, for the record that begins here.
    #[inline]
    pub(super) fn tell(&mut self, place: u32, card: C) {
        self.cards.push(card);
        self.places.push(place);
    }

    /// A record to be looked at.
    pub(super) fn show(&mut self, place: u32) {
        let cards = u32::try_from(self.cards.len()).unwrap_or(u32::MAX);
        self.shown.push(Shown { place, cards });
    }

    /// Nothing.
    pub(super) fn new() -> Self {
        Self {
            cards: Vec::new(),
            places: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// Takes everything back.
    pub(super) fn clear(&mut self) {
        self.cards.clear();
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
    pub(super) fn cards(&self, position: Position) -> &[C] {
        let until = match self.shown.get(position.shown) {
            Some(shown) => shown.cards as usize,
            None => self.cards.len(),
        };
        self.cards.get(position.cards..until).unwrap_or_default()
    }

    /// Where the next record begins that has a card or is to be looked at, and the position behind it;
    /// `None` after the last.
    pub(super) fn next(&self, mut position: Position) -> Option<(usize, Position)> {
        let place = if self.cards(position).is_empty() {
            position.shown += 1;
            self.shown.get(position.shown - 1)?.place
        } else {
            position.cards += 1;
            *self.places.get(position.cards - 1)?
        };
        Some((place as usize, position))
    }
}

impl Position {
    /// So many cards more are behind.
    #[inline]
    pub(super) fn take(&mut self, cards: usize) {
        self.cards += cards;
    }
}
