//! What was dealt of a piece, and to whom.

use super::hand::Hand;

/// A record that is dealt just now: exactly one of its methods is to be called. They take what there is
/// to say, because a value handed back would go through memory.
#[derive(Debug)]
pub struct Dealing<'d, C> {
    dealt: &'d mut Dealt<C>,
    place: u32,
}

impl<'d, C> Dealing<'d, C> {
    pub(super) fn new(dealt: &'d mut Dealt<C>, place: u32) -> Self {
        Self { dealt, place }
    }

    /// One reader has to know of it, counted from 0, and the card says all of it.
    #[inline]
    pub fn tell(self, reader: usize, card: C) {
        if let Some(hand) = self.dealt.hands.get_mut(reader) {
            hand.tell(self.place, card);
        }
    }

    /// One reader has to look at it.
    pub fn show(self, reader: usize) {
        if let Some(hand) = self.dealt.hands.get_mut(reader) {
            hand.show(self.place);
        }
    }

    /// All readers have to look at it.
    pub fn show_all(self) {
        self.dealt.show_all(self.place);
    }
}

/// What each reader has got of a piece.
#[derive(Debug)]
pub(super) struct Dealt<C> {
    /// By reader; nobody's where the piece is not dealt.
    hands: Vec<Hand<C>>,
    /// Where the first record begins that does not lie whole in the piece.
    pub(super) tail: usize,
    /// Records of the file before that one.
    pub(super) records: u64,
}

impl<C> Default for Dealt<C> {
    fn default() -> Self {
        Self {
            hands: Vec::new(),
            tail: 0,
            records: 0,
        }
    }
}

impl<C> Dealt<C> {
    /// Takes everything back, to deal to so many readers; to none: it is not dealt.
    pub(super) fn begin(&mut self, readers: usize) {
        self.hands.resize_with(readers, Hand::new);
        self.hands.iter_mut().for_each(Hand::clear);
    }

    /// What this reader has got; `None` where it has to look at everything.
    #[inline]
    pub(super) fn hand(&self, reader: usize) -> Option<&Hand<C>> {
        self.hands.get(reader)
    }

    /// Shows a record to all readers that do not have it as the last yet.
    pub(super) fn show_all(&mut self, place: u32) {
        for hand in &mut self.hands {
            if hand.last() != Some(place) {
                hand.show(place);
            }
        }
    }
}
