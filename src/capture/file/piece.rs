//! The octets that are read at once, and what they were dealt to.

use super::deal::{Deal, Span};
use super::dealt::Dealt;
use std::sync::Arc;

/// Octets read at once: a system call per about 4500 frames of voice. Less is read more slowly; more
/// is out of the second cache before it is looked at (docs/decisions/speed.md).
const PIECE: usize = 1 << 20;

/// Octets of a page. A kernel that copies pages to what begins just behind a page's start, where the
/// allocator puts large blocks, takes twice as long on some processors.
pub(super) const PAGE: usize = 4096;

/// Octets as they were read.
#[derive(Debug)]
pub(super) struct Piece<C> {
    buffer: Vec<u8>,
    /// Where a page of the buffer begins.
    start: usize,
    pub(super) length: usize,
    /// Which seat fills it: its octets are near that one's processor.
    pub(super) seat: usize,
    dealt: Dealt<C>,
}

impl<C> Default for Piece<C> {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            length: 0,
            seat: 0,
            dealt: Dealt::default(),
        }
    }
}

impl<C> Piece<C> {
    /// An empty one, to be filled by this seat.
    pub(super) fn of(seat: usize) -> Self {
        Self {
            seat,
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
    pub(super) fn deal(&mut self, follows: Option<(Arc<dyn Deal<C>>, Span)>, seats: usize) {
        let Some((dealer, span)) = follows else {
            return self.dealt.begin(0);
        };
        let mut dealt = std::mem::take(&mut self.dealt);
        dealt.begin(seats);
        dealer.deal(self.octets(), span, &mut dealt);
        self.dealt = dealt;
    }

    /// What each seat has got of it.
    #[inline]
    pub(super) fn dealt(&self) -> &Dealt<C> {
        &self.dealt
    }

    /// All the room that there is.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer = vec![0; PAGE + PIECE];
            self.start = self.buffer.as_ptr().align_offset(PAGE).min(PAGE);
        }
        let room = self.buffer.get_mut(self.start..self.start + PIECE);
        room.unwrap_or_default()
    }
}
