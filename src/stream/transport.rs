//! Which transport pairs carry audio, so that the RTCP beside it is known for what it is.

use crate::units::Endpoint;
use hashbrown::HashMap;

/// Transport pairs with their number of audio streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Transports {
    audio: HashMap<(Endpoint, Endpoint), u32>,
}

impl Transports {
    /// An audio stream begins between these two.
    pub(super) fn add(&mut self, src: Endpoint, dst: Endpoint) {
        *self.audio.entry(ordered(src, dst)).or_default() += 1;
    }

    /// An audio stream between these two has ended.
    pub(super) fn remove(&mut self, src: Endpoint, dst: Endpoint) {
        let pair = ordered(src, dst);
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
        .any(|(src, dst)| self.audio.contains_key(&ordered(src, dst)))
    }
}

fn ordered(src: Endpoint, dst: Endpoint) -> (Endpoint, Endpoint) {
    if src <= dst { (src, dst) } else { (dst, src) }
}
