//! What makes a stream: one SSRC from one transport address to another.

use crate::units::{Address, Endpoint};
use std::hash::{Hash, Hasher};

/// A stream's key, 40 octets: it is read for every packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct StreamKey {
    src: Address,
    dst: Address,
    /// Ports of `src` and `dst`, and the SSRC, from the top.
    rest: u64,
}

impl StreamKey {
    /// Who sends, to whom, and the synchronization source (RFC 3550 §3).
    #[inline]
    pub const fn new(src: Endpoint, dst: Endpoint, ssrc: u32) -> Self {
        Self {
            src: src.address,
            dst: dst.address,
            rest: (src.port as u64) << 48 | (dst.port as u64) << 32 | ssrc as u64,
        }
    }

    /// Who sends.
    pub const fn src(&self) -> Endpoint {
        let [p1, p0, ..] = self.rest.to_be_bytes();
        Endpoint {
            address: self.src,
            port: u16::from_be_bytes([p1, p0]),
        }
    }

    /// To whom.
    pub const fn dst(&self) -> Endpoint {
        let [_, _, p1, p0, ..] = self.rest.to_be_bytes();
        Endpoint {
            address: self.dst,
            port: u16::from_be_bytes([p1, p0]),
        }
    }

    /// The synchronization source (RFC 3550 §3).
    pub const fn ssrc(&self) -> u32 {
        let [_, _, _, _, s3, s2, s1, s0] = self.rest.to_be_bytes();
        u32::from_be_bytes([s3, s2, s1, s0])
    }
}

/// Whole words only: a hasher takes them faster than ports one by one.
impl Hash for StreamKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ([s1, s0], [d1, d0]) = (self.src.halves(), self.dst.halves());
        for word in [s1, s0, d1, d0, self.rest] {
            state.write_u64(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_back_what_it_was_made_of() {
        let end = |octet, port| Endpoint {
            address: Address::v6([octet; 16]),
            port,
        };
        let key = StreamKey::new(end(1, 0x1234), end(2, 0xfedc), 0xdead_beef);
        assert_eq!(key.src(), end(1, 0x1234));
        assert_eq!(key.dst(), end(2, 0xfedc));
        assert_eq!(key.ssrc(), 0xdead_beef);
    }
}
