//! The key of a stream: source and destination transport address, and SSRC.

use crate::units::{Address, Endpoint};
use std::hash::{Hash, Hasher};

/// The key of a stream. 40 octets, kept small because it is read for every packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct StreamKey {
    src: Address,
    dst: Address,
    /// Port of `src` (upper 16 bits), port of `dst`, and SSRC (lower 32 bits).
    rest: u64,
}

impl StreamKey {
    /// A key of source, destination and synchronization source (RFC 3550 §3).
    #[inline]
    pub const fn new(src: Endpoint, dst: Endpoint, ssrc: u32) -> Self {
        Self {
            src: src.address,
            dst: dst.address,
            rest: (src.port as u64) << 48 | (dst.port as u64) << 32 | ssrc as u64,
        }
    }

    /// Source address and port.
    pub const fn src(&self) -> Endpoint {
        let [p1, p0, ..] = self.rest.to_be_bytes();
        Endpoint {
            address: self.src,
            port: u16::from_be_bytes([p1, p0]),
        }
    }

    /// Destination address and port.
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

/// Hashes whole words, which is faster than field by field.
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
    fn a_key_returns_its_parts() {
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
