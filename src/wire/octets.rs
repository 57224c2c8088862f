//! The remaining octets of a frame: those captured, and their number on the wire.
//!
//! The parsers of `wire` take and return this pair. So a header that the capture truncated
//! ([`Discard::Truncated`]) is told from one that was never sent ([`Discard::Malformed`]). Borrows from
//! the frame.

use crate::discard::Discard;

/// Captured octets and their number on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ByteReader<'a> {
    captured: &'a [u8],
    /// At least `captured.len()`.
    length: usize,
}

impl<'a> ByteReader<'a> {
    /// Captured octets with a wire length of at least `captured.len()`.
    #[inline]
    pub(super) fn new(captured: &'a [u8], length: usize) -> Self {
        Self {
            captured,
            length: length.max(captured.len()),
        }
    }

    /// The captured octets.
    #[inline]
    pub(super) fn captured(self) -> &'a [u8] {
        self.captured
    }

    /// Number of octets on the wire.
    #[inline]
    pub(super) fn length(self) -> usize {
        self.length
    }

    /// The reason why a header of `needed` octets is missing.
    #[inline]
    pub(super) fn missing(self, needed: usize) -> Discard {
        if self.length < needed {
            Discard::Malformed
        } else {
            Discard::Truncated
        }
    }

    /// The first `N` octets.
    #[inline]
    pub(super) fn header<const N: usize>(self) -> Result<&'a [u8; N], Discard> {
        self.captured.first_chunk().ok_or_else(|| self.missing(N))
    }

    /// The octets after the first `count`, which must have been captured.
    #[inline]
    pub(super) fn skip(self, count: usize) -> Result<Self, Discard> {
        match self.captured.get(count..) {
            Some(captured) => Ok(Self {
                captured,
                length: self.length - count,
            }),
            None => Err(self.missing(count)),
        }
    }

    /// The first `length` octets; the rest is padding or a trailer.
    #[inline]
    pub(super) fn limit(self, length: usize) -> Self {
        Self {
            captured: self.captured.get(..length).unwrap_or(self.captured),
            length: self.length.min(length),
        }
    }

    /// The same octets with a larger wire length: the rest is in later fragments.
    #[inline]
    pub(super) fn extend(self, length: usize) -> Self {
        Self::new(self.captured, self.length.max(length))
    }
}

/// The first `N` 32-bit words, in network order.
#[inline(always)]
#[expect(clippy::inline_always, reason = "one load for each word")]
pub(super) fn words<const N: usize>(octets: &[u8]) -> Option<[u32; N]> {
    let words = octets.as_chunks().0.first_chunk()?;
    Some(words.map(u32::from_be_bytes))
}

/// The lower 16 bits of a word.
#[inline]
pub(super) const fn lower(word: u32) -> u16 {
    (word & 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_header_is_truncated_and_a_short_one_malformed() {
        let cut = ByteReader::new(&[0; 10], 60);
        assert_eq!(cut.header::<20>(), Err(Discard::Truncated));
        assert_eq!(cut.header::<61>(), Err(Discard::Malformed));
        assert_eq!(cut.skip(11), Err(Discard::Truncated));
        assert_eq!(cut.skip(10).map(ByteReader::length), Ok(50));
    }

    #[test]
    fn a_limit_never_grows_and_a_wire_length_is_at_least_the_captured_length() {
        let octets = ByteReader::new(&[0; 10], 4);
        assert_eq!(octets.length(), 10);
        assert_eq!(octets.limit(6).captured().len(), 6);
        assert_eq!(octets.limit(60), octets);
        assert_eq!(octets.extend(60).limit(20).length(), 20);
    }
}
