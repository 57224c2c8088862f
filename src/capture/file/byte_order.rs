//! Byte order of a capture file. Both formats use the byte order of the capturing machine and
//! mark it with a magic number.

/// A byte order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    #[inline]
    pub(super) const fn u16(self, octets: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(octets),
            Self::Big => u16::from_be_bytes(octets),
        }
    }

    #[inline]
    pub(super) const fn u32(self, octets: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(octets),
            Self::Big => u32::from_be_bytes(octets),
        }
    }

    #[inline]
    pub(super) const fn u64(self, octets: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(octets),
            Self::Big => u64::from_be_bytes(octets),
        }
    }

    /// Sixteen octets as four 32-bit words.
    #[inline]
    #[expect(
        clippy::many_single_char_names,
        reason = "sixteen octets have no better names"
    )]
    pub(super) const fn words(self, octets: &[u8; 16]) -> [u32; 4] {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *octets;
        [
            self.u32([a, b, c, d]),
            self.u32([e, f, g, h]),
            self.u32([i, j, k, l]),
            self.u32([m, n, o, p]),
        ]
    }
}
