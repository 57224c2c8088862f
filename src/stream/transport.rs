//! Which transport pairs carry audio, so that the RTCP beside it is known for what it is; and which
//! audio streams are between two hosts, where RTCP comes from or goes to other ports (NAT, RFC 3605).

use crate::units::{Address, Endpoint};
use crate::voice::stream_key::StreamKey;
use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::BuildHasher;

/// Transport pairs with their number of audio streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Transports {
    /// Keyed at random: whoever sends cannot choose which pairs are taken for the same.
    hasher: DefaultHashBuilder,
    /// By the hash of the pair, a fifth of its size; two of 100,000 are the same once in 10^9 runs.
    audio: HashMap<u64, u32>,
    /// By the hash of both hosts and the SSRC.
    sources: HashMap<u64, Source>,
}

/// An SSRC from one host to another.
#[derive(Clone, Copy, Debug, Default)]
struct Source {
    /// The stream that began last, and how many there are.
    latest: u32,
    streams: u32,
}

impl Transports {
    /// An audio stream begins.
    pub(super) fn add(&mut self, key: &StreamKey, stream: u32) {
        let (src, dst) = (key.src(), key.dst());
        *self.audio.entry(self.hash(src, dst)).or_default() += 1;
        let source = self.hash_source(src.address, dst.address, key.ssrc());
        let source = self.sources.entry(source).or_default();
        source.latest = stream;
        source.streams += 1;
    }

    /// An audio stream has ended.
    pub(super) fn remove(&mut self, key: &StreamKey) {
        let (src, dst) = (key.src(), key.dst());
        let hash = self.hash_source(src.address, dst.address, key.ssrc());
        if let Some(source) = self.sources.get_mut(&hash) {
            source.streams -= 1;
            if source.streams == 0 {
                self.sources.remove(&hash);
            }
        }
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
        [
            (src, dst),
            (src.below(), dst.below()),
            (src.below(), dst),
            (src, dst.below()),
        ]
        .into_iter()
        .any(|(src, dst)| self.audio.contains_key(&self.hash(src, dst)))
    }

    /// The audio stream of an SSRC from one host to another that began last; it may have ended.
    pub(super) fn source(&self, src: Address, dst: Address, ssrc: u32) -> Option<u32> {
        let hash = self.hash_source(src, dst, ssrc);
        self.sources.get(&hash).map(|source| source.latest)
    }

    /// Whether one audio stream of an SSRC is known between two hosts, and no other.
    pub(super) fn is_only_source(&self, src: Address, dst: Address, ssrc: u32) -> bool {
        let hash = self.hash_source(src, dst, ssrc);
        let source = self.sources.get(&hash);
        source.is_some_and(|source| source.streams == 1)
    }

    fn hash_source(&self, src: Address, dst: Address, ssrc: u32) -> u64 {
        self.hasher.hash_one((src, dst, ssrc))
    }

    /// The same for both directions.
    fn hash(&self, src: Endpoint, dst: Endpoint) -> u64 {
        self.hasher.hash_one((src.min(dst), src.max(dst)))
    }
}
