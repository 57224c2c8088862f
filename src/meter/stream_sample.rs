//! A sample of the packets that a worker saw last, by which the judge finds that two workers see the same.
//!
//! One per worker and closed second. It costs a hash for each stream and second, and nothing for a packet.

use crate::stream::record::Stream;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Streams in a sample: those with the lowest hashes, so that two workers choose the same ones.
const MAX_SAMPLE: usize = 256;

/// The newest packets of some streams, by a hash of stream and number that is the same in every worker.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StreamSample(BTreeSet<u64>);

impl StreamSample {
    /// Considers a stream.
    pub fn add(&mut self, stream: &Stream) {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        self.insert(hasher.hash_one((stream.key, stream.last_number())));
    }

    fn insert(&mut self, hash: u64) {
        if self.0.len() < MAX_SAMPLE || self.0.last().is_some_and(|last| hash < *last) {
            self.0.insert(hash);
            if self.0.len() > MAX_SAMPLE {
                self.0.pop_last();
            }
        }
    }

    /// How many packets stand in two or more samples.
    pub fn common<'a>(samples: impl Iterator<Item = &'a Self>) -> u64 {
        let (mut seen, mut common) = (BTreeSet::new(), BTreeSet::new());
        for hash in samples.flat_map(|sample| &sample.0) {
            if !seen.insert(*hash) {
                common.insert(*hash);
            }
        }
        common.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(hashes: impl IntoIterator<Item = u64>) -> StreamSample {
        let mut sample = StreamSample::default();
        hashes.into_iter().for_each(|hash| sample.insert(hash));
        sample
    }

    #[test]
    fn packets_of_two_samples_are_found_however_many_streams_there_are() {
        let spread = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let one = sample((0..10_000).map(spread));
        let other = sample((0..10_000).rev().map(spread));
        assert_eq!(one, other);
        assert_eq!(StreamSample::common([&one, &other, &one].into_iter()), 256);
        let apart = sample((10_000..20_000).map(spread));
        assert_eq!(StreamSample::common([&one, &apart].into_iter()), 0);
        assert_eq!(StreamSample::common(std::iter::once(&one)), 0);
        let half = sample([1, 2, 3]);
        assert_eq!(
            StreamSample::common([&half, &sample([3, 4])].into_iter()),
            1
        );
    }
}
