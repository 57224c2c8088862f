//! Detects by the first octets of a file how it is packed.
//!
//! No state. A routing table in MRT begins with a time of four octets, which may be those of anything:
//! so as many octets are compared as a format has that are always the same.

/// A way of packing files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Packing {
    /// RFC 1952.
    Gzip,
    /// bzip2.
    Bzip2,
    /// The .xz file format 1.2.
    Xz,
    /// RFC 8878.
    Zstd,
    /// Something else that is no table: what it is, and what to do.
    Other(&'static str),
}

/// First octets, and what begins with them.
const MAGICS: [(&[u8], Packing); 12] = [
    // deflate is the only method there is (RFC 1952 §2.3.1)
    (b"\x1f\x8b\x08", Packing::Gzip),
    (b"\xfd7zXZ\0", Packing::Xz),
    (b"\x28\xb5\x2f\xfd", Packing::Zstd),
    (
        b"PK\x03\x04",
        Packing::Other("a ZIP archive: unpack it first"),
    ),
    (
        b"7z\xbc\xaf\x27\x1c",
        Packing::Other("a 7-Zip archive: unpack it first"),
    ),
    (
        b"Rar!\x1a\x07",
        Packing::Other("a RAR archive: unpack it first"),
    ),
    (
        b"LZIP\x01",
        Packing::Other("packed with lzip: unpack it first"),
    ),
    (
        b"\x1f\x9d\x90",
        Packing::Other("packed with compress: unpack it first"),
    ),
    (
        b"\x04\x22\x4d\x18",
        Packing::Other("packed with LZ4: unpack it first"),
    ),
    (
        b"\x89LZO\0\r\n\x1a\n",
        Packing::Other("packed with lzop: unpack it first"),
    ),
    (
        b"<!DOCTYPE",
        Packing::Other("an HTML page: was it downloaded correctly?"),
    ),
    (
        b"<html",
        Packing::Other("an HTML page: was it downloaded correctly?"),
    ),
];

/// bzip2 begins with `BZh`, a digit, and a block (the digits of pi) or its end (of the root of pi).
const BZIP2_BLOCKS: [&[u8]; 2] = [b"1AY&SY", b"\x17rE8P\x90"];

/// Place and text of the magic of a tar archive (POSIX ustar).
const TAR: (usize, &[u8]) = (257, b"ustar");

/// Where a skippable frame of zstd has its magic number, but for the lowest four bits (RFC 8878 §3.1.2).
const SKIPPABLE: &[u8] = b"\x2a\x4d\x18";

impl Packing {
    /// How a file that begins with these octets is packed; none if it is not, as far as is known.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let bzip2 = head
            .strip_prefix(b"BZh")
            .and_then(|rest| rest.split_first());
        if bzip2.is_some_and(|(level, rest)| {
            level.is_ascii_digit() && BZIP2_BLOCKS.iter().any(|block| rest.starts_with(block))
        }) {
            return Some(Self::Bzip2);
        }
        if matches!(head, [0x50..=0x5f, rest @ ..] if rest.starts_with(SKIPPABLE)) {
            return Some(Self::Zstd);
        }
        let (place, tar) = TAR;
        if head.get(place..).is_some_and(|rest| rest.starts_with(tar)) {
            return Some(Self::Other("a tar archive: unpack it first"));
        }
        // type and subtype of MRT (RFC 6396 §2) behind its time
        let is_mrt = matches!(head, [_, _, _, _, 0, 11..=17, 0, ..]);
        let mut magics = MAGICS.iter();
        let found = magics.find(|(magic, _)| head.starts_with(magic));
        let found = found.map(|(_, packing)| *packing);
        found.filter(|packing| !(is_mrt && matches!(packing, Self::Other(_))))
    }

    /// What it is, for messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Other(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packing_is_told_by_octets_that_nothing_else_has() {
        let mut tar = vec![b'a'; 300];
        tar[257..262].copy_from_slice(b"ustar");
        for (head, name) in [
            (&b"\x1f\x8b\x08\x00"[..], Some("gzip")),
            (b"BZh91AY&SY", Some("bzip2")),
            (b"BZh1\x17rE8P\x90", Some("bzip2")),
            (b"\xfd7zXZ\0\0", Some("xz")),
            (b"\x28\xb5\x2f\xfd", Some("zstd")),
            (b"\x5a\x2a\x4d\x18\x01\0\0\0", Some("zstd")),
            (b"PK\x03\x04\x14\0", Some("a ZIP archive: unpack it first")),
            (&tar, Some("a tar archive: unpack it first")),
            // times of MRT that look like something else, of 2005, 2012 and 2015
            (b"BZh9\0\x0d\0\x01", None),
            (b"PK\x03\x04\0\x0d\0\x01", None),
            (b"Rar!\0\x0c\0\x01", None),
            (b"192.0.2.0/24 64500", None),
            (b"BZ", None),
            (b"", None),
        ] {
            assert_eq!(Packing::of(head).map(Packing::name), name, "{head:?}");
        }
    }
}
