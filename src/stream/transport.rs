//! Which transport pairs carry audio, so that the RTCP beside it is known for what it is.

use crate::units::Endpoint;
use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::BuildHasher;

/// Transport pairs with their number of audio streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Transports {
    /// Keyed at random: whoever sends cannot choose which pairs are taken for the same.
    hasher: DefaultHashBuilder,
    /// By the hash of the pair, a fifth of its size; two of 100,000 are the same once in 10^9 runs.
    audio: HashMap<u64, u32>,
}

impl Transports {
    /// An audio stream begins between these two.
    pub(super) fn add(&mut self, src: Endpoint, dst: Endpoint) {
        *self.audio.entry(self.hash(src, dst)).or_default() += 1;
    }

    /// An audio stream between these two has ended.
    pub(super) fn remove(&mut self, src: Endpoint, dst: Endpoint) {
        let pair = self.hash(src, dst);
        if let Some(streams) = self.audio.get_mut(&pair) {
            *streams -= 1;
            if *streams == 0 {
                self.audio.remove(&pair);
            }
        }
    }

    /// Whether RTCP between these two belongs to audio: on the same pair (RFC 5761), or on the
    /// next higher port of one end or of both (RFC 3550 §11).
    pub(super) fn carry_audio(&self, src: Endpoint, dst: Endpoint) -> bool {
        let below = |end: Endpoint| Endpoint {
            port: end.port.wrapping_sub(1),
            ..end
        };
        [
            (src, dst),
            (below(src), below(dst)),
            (below(src), dst),
            (src, below(dst)),
        ]
        .into_iter()
        .any(|(src, dst)| self.audio.contains_key(&self.hash(src, dst)))
    }

    /// The same for both directions.
    fn hash(&self, src: Endpoint, dst: Endpoint) -> u64 {
        self.hasher.hash_one((src.min(dst), src.max(dst)))
    }
}
