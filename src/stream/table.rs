//! Streams by number and by key: a slab with a hash index beside it. Numbers of streams that are
//! gone are given again.

use crate::stream::record::Stream;
use crate::voice::stream_key::StreamKey;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// No stream has this number: the table is full before.
const NOBODY: u32 = u32::MAX;

/// The streams of one worker.
#[derive(Debug, Default)]
pub(super) struct StreamTable {
    /// Keyed at random: whoever sends cannot choose which streams collide.
    hasher: DefaultHashBuilder,
    index: HashTable<u32>,
    streams: Vec<Option<Stream>>,
    free: Vec<u32>,
}

impl StreamTable {
    /// For so many streams. Their room is reserved at once, where the system has it to promise: it
    /// gives memory page by page as streams come, and what never moves leaves no holes behind.
    pub(super) fn for_streams(most: u32) -> Self {
        let mut table = Self::default();
        // Where it does not, the room grows.
        let _ = table.streams.try_reserve_exact(most as usize);
        table
    }

    /// The numbers that these keys may have, a guess each ([`NOBODY`] where there is none), and their
    /// streams brought near.
    ///
    /// A packet waits for its stream's place in memory far longer than all else takes. Waits that
    /// do not depend on each other overlap, if so little stands between them that the processor
    /// sees several at once: hence one short loop for each step, over all keys.
    #[inline]
    pub(super) fn prefetch<'k, const N: usize>(
        &self,
        keys: impl ExactSizeIterator<Item = &'k StreamKey>,
    ) -> [u32; N] {
        let (mut hashes, mut guesses) = ([0; N], [NOBODY; N]);
        let count = keys.len();
        for (hash, key) in hashes.iter_mut().zip(keys) {
            *hash = self.hasher.hash_one(key);
        }
        let hashes = hashes.get(..count).unwrap_or(&hashes);
        for (guess, hash) in guesses.iter_mut().zip(hashes) {
            *guess = *self.index.find(*hash, |_| true).unwrap_or(&NOBODY);
        }
        self.prefetch_known(guesses.get(..count).unwrap_or(&guesses));
        guesses
    }

    /// Streams brought near, by their numbers.
    #[inline]
    fn prefetch_known(&self, numbers: &[u32]) {
        for number in numbers {
            if let Some(stream) = self.get(*number) {
                stream.prefetch();
            }
        }
    }

    /// Streams brought near, by their numbers, with all that is theirs.
    pub(super) fn prefetch_whole(&self, numbers: &[u32]) {
        self.prefetch_known(numbers);
        for number in numbers {
            if let Some(stream) = self.get(*number) {
                stream.prefetch_cold();
            }
        }
    }

    /// The number of a stream.
    pub(super) fn find(&self, key: &StreamKey) -> Option<u32> {
        let same = |index: &u32| self.get(*index).is_some_and(|stream| stream.key == *key);
        self.index.find(self.hasher.hash_one(key), same).copied()
    }

    /// A stream by its number.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&Stream> {
        self.streams.get(index as usize)?.as_ref()
    }

    /// A stream by its number, to be changed.
    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Stream> {
        self.streams.get_mut(index as usize)?.as_mut()
    }

    /// Puts a stream in, whose key is not there yet; its number.
    pub(super) fn insert(&mut self, stream: Stream) -> Option<u32> {
        let hash = self.hasher.hash_one(stream.key);
        let index = match self.free.pop() {
            Some(index) => index,
            None => u32::try_from(self.streams.len()).ok()?,
        };
        match self.streams.get_mut(index as usize) {
            Some(place) => *place = Some(stream),
            None => self.streams.push(Some(stream)),
        }
        let (streams, hasher) = (&self.streams, &self.hasher);
        let hash_of = |index: &u32| {
            let stream = streams.get(*index as usize).and_then(Option::as_ref);
            stream.map_or(0, |stream| hasher.hash_one(stream.key))
        };
        self.index.insert_unique(hash, index, hash_of);
        Some(index)
    }

    /// Takes a stream out.
    pub(super) fn remove(&mut self, index: u32) -> Option<Stream> {
        let stream = self.streams.get_mut(index as usize)?.take()?;
        let hash = self.hasher.hash_one(stream.key);
        if let Ok(entry) = self.index.find_entry(hash, |known| *known == index) {
            entry.remove();
        }
        self.free.push(index);
        Some(stream)
    }

    /// Every number that a stream has or had.
    pub(super) fn numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.streams.len()).unwrap_or(u32::MAX)
    }

    /// Streams in it.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }
}
