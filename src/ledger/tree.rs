//! The Merkle tree over all leaves (RFC 6962 §2.1, RFC 9162 §2.1), kept as the rightmost row of each
//! level of its tiles (C2SP tlog-tiles): all that an appending writer needs.
//!
//! Pure. A level has 256 times as many leaves below each hash as the one before it.

use crate::files::digest::sha256;
use ring::digest::{Context, SHA256, digest};
use std::{fmt, io};

/// Hashes in a full tile.
pub const TILE_WIDTH: usize = 256;

/// A SHA-256 hash of a leaf or of a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of octets, without any prefix.
    pub fn of(octets: &[u8]) -> Self {
        Self::from_digest(digest(&SHA256, octets).as_ref())
    }

    /// SHA-256(0x00 ‖ leaf): RFC 6962 §2.1.
    pub fn leaf(line: &[u8]) -> Self {
        Self::joined(&[&[0], line])
    }

    /// SHA-256(0x01 ‖ left ‖ right): RFC 6962 §2.1.
    pub fn node(left: Self, right: Self) -> Self {
        Self::joined(&[&[1], &left.0, &right.0])
    }

    /// The hash of all octets of a reader.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn read(from: impl io::Read) -> io::Result<Self> {
        sha256(from, None).map(Self)
    }

    fn joined(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        Self::from_digest(context.finish().as_ref())
    }

    fn from_digest(digest: &[u8]) -> Self {
        let mut hash = [0; 32];
        for (to, from) in hash.iter_mut().zip(digest) {
            *to = *from;
        }
        Self(hash)
    }

    /// Reads the 64 hexadecimal digits that [`fmt::Display`] writes.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let mut hash = [0; 32];
        if digits.len() != 2 * hash.len() {
            return None;
        }
        for (octet, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            let is_lower = pair
                .bytes()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
            *octet = u8::from_str_radix(pair, 16).ok().filter(|_| is_lower)?;
        }
        Some(Self(hash))
    }
}

/// In hexadecimal, lower case.
impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|octet| write!(out, "{octet:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A tile that has become full.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FullTile {
    /// Its level: 0 holds leaf hashes.
    pub level: usize,
    /// Its place in the level.
    pub number: u64,
    /// Its 256 hashes.
    pub hashes: Vec<Hash>,
}

/// A tree that leaves are appended to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    size: u64,
    /// Of each level the hashes that do not fill a tile yet; fewer than [`TILE_WIDTH`] each.
    rows: Vec<Vec<Hash>>,
}

impl Tree {
    /// A tree of `size` leaves with these rightmost rows, from level 0 on. None if they cannot be
    /// those of so many leaves.
    pub fn from_rows(size: u64, rows: Vec<Vec<Hash>>) -> Option<Self> {
        let fits =
            (0..rows.len()).all(|level| rows.get(level).map(Vec::len) == Some(width(size, level)));
        (fits && width_above(size, rows.len()) == 0).then_some(Self { size, rows })
    }

    /// Leaves in it.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends the hash of a leaf. Tiles that become full leave the tree.
    pub fn push(&mut self, leaf: Hash) -> Vec<FullTile> {
        self.size += 1;
        let mut full = Vec::new();
        let mut next = Some(leaf);
        let mut level = 0;
        while let Some(hash) = next {
            if self.rows.len() <= level {
                self.rows.push(Vec::new());
            }
            let Some(row) = self.rows.get_mut(level) else {
                break;
            };
            row.push(hash);
            if row.len() < TILE_WIDTH {
                break;
            }
            let hashes = std::mem::take(row);
            next = perfect(&hashes);
            full.push(FullTile {
                level,
                number: (self.size >> (8 * (level + 1))) - 1,
                hashes,
            });
            level += 1;
        }
        full
    }

    /// The rightmost row of each level, from level 0 on, with its tile's number; rows without a hash
    /// are left out.
    pub fn rows(&self) -> impl Iterator<Item = (usize, u64, &[Hash])> + '_ {
        let each = self.rows.iter().enumerate();
        let each = each.filter(|(_, row)| !row.is_empty());
        each.map(|(level, row)| (level, self.size >> (8 * (level + 1)), &**row))
    }

    /// The compact range of all leaves: the roots of the perfect subtrees that cover them, the
    /// largest first. One for each bit that is set in [`Self::size`].
    pub fn compact_range(&self) -> Vec<Hash> {
        let mut roots = Vec::new();
        for row in self.rows.iter().rev() {
            let mut rest = &**row;
            for bits in (0..8).rev() {
                let width = 1 << bits;
                if rest.len() >= width {
                    let (first, others) = rest.split_at(width);
                    roots.extend(perfect(first));
                    rest = others;
                }
            }
        }
        roots
    }

    /// The root (RFC 6962 §2.1); of no leaves SHA-256 of nothing.
    pub fn root(&self) -> Hash {
        root_of(&self.compact_range())
    }
}

/// The root of a tree whose compact range is this one, the largest subtree first.
pub fn root_of(compact_range: &[Hash]) -> Hash {
    let mut smallest_first = compact_range.iter().rev().copied();
    let last = smallest_first.next();
    last.map_or_else(
        || Hash::of(&[]),
        |last| smallest_first.fold(last, |right, left| Hash::node(left, right)),
    )
}

/// A tree that goes on from a compact range: roots only, no tiles.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CompactTree {
    size: u64,
    /// Roots of perfect subtrees, the largest first.
    roots: Vec<Hash>,
}

impl CompactTree {
    /// A tree of `size` leaves; none if it has not so many subtrees.
    pub fn new(size: u64, compact_range: Vec<Hash>) -> Option<Self> {
        let fits = size.count_ones() as usize == compact_range.len();
        fits.then_some(Self {
            size,
            roots: compact_range,
        })
    }

    /// Leaves in it.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends the hash of a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut root = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                root = Hash::node(left, root);
            }
        }
        self.roots.push(root);
        self.size += 1;
    }

    /// The roots of its perfect subtrees, the largest first.
    pub fn compact_range(&self) -> &[Hash] {
        &self.roots
    }

    /// The root.
    pub fn root(&self) -> Hash {
        root_of(&self.roots)
    }
}

/// The root of 2^n hashes; none of no hashes.
pub(super) fn perfect(hashes: &[Hash]) -> Option<Hash> {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(Hash::node(*left, *right)),
                _ => None,
            })
            .collect();
    }
    level.first().copied()
}

/// Hashes in the rightmost tile of a level that is not full.
fn width(size: u64, level: usize) -> usize {
    let below = u32::try_from(8 * level).ok();
    let hashes = below.and_then(|bits| size.checked_shr(bits)).unwrap_or(0);
    usize::from(hashes.to_le_bytes()[0])
}

/// Hashes of a level and all above it.
fn width_above(size: u64, level: usize) -> u64 {
    let below = u32::try_from(8 * level).ok();
    below.and_then(|bits| size.checked_shr(bits)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 6962 §2.1, word for word: the model.
    fn defined_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::of(&[]),
            [one] => *one,
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(half);
                Hash::node(defined_root(left), defined_root(right))
            }
        }
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|n| Hash::leaf(&n.to_le_bytes())).collect()
    }

    #[test]
    fn hashes_are_those_of_rfc_6962() {
        // printf '' | sha256sum; printf '\0' | sha256sum
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Tree::default().root().to_string(), empty);
        let leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(Hash::leaf(b"").to_string(), leaf);
        assert_eq!(Hash::from_hex(leaf), Some(Hash::leaf(b"")));
        for wrong in ["", "6e34", &leaf.to_uppercase(), &leaf.replace('6', "+")] {
            assert_eq!(Hash::from_hex(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_tree_has_the_root_of_the_definition_however_it_is_kept(count in 0_usize..1500) {
            let leaves = leaves(count);
            let (mut tree, mut compact) = (Tree::default(), CompactTree::default());
            let mut full = Vec::new();
            for leaf in &leaves {
                full.extend(tree.push(*leaf));
                compact.push(*leaf);
            }
            let root = defined_root(&leaves);
            prop_assert_eq!(tree.root(), root);
            prop_assert_eq!(compact.root(), root);
            prop_assert_eq!(&tree.compact_range()[..], compact.compact_range());
            let again = CompactTree::new(count as u64, tree.compact_range());
            prop_assert_eq!(again, Some(compact));
            let rows = tree.rows.clone();
            prop_assert_eq!(Tree::from_rows(count as u64, rows), Some(tree.clone()));
            for tile in full {
                prop_assert_eq!(tile.level, 0);
                let first = TILE_WIDTH * usize::try_from(tile.number).unwrap();
                prop_assert_eq!(&tile.hashes[..], &leaves[first..first + TILE_WIDTH]);
            }
        }
    }

    #[test]
    fn a_full_tile_is_one_hash_of_the_level_above() {
        let mut tree = Tree::default();
        let mut full = Vec::new();
        for leaf in leaves(TILE_WIDTH * TILE_WIDTH) {
            full.extend(tree.push(leaf));
        }
        let above: Vec<_> = full.iter().filter(|tile| tile.level == 1).collect();
        assert_eq!(above.len(), 1);
        assert_eq!(above[0].number, 0);
        let below: Vec<_> = full.iter().filter(|tile| tile.level == 0).collect();
        assert_eq!(below.len(), TILE_WIDTH);
        for (hash, tile) in above[0].hashes.iter().zip(below) {
            assert_eq!(Some(*hash), perfect(&tile.hashes));
        }
        assert_eq!(tree.rows().count(), 1, "one hash of the third level");
        assert_eq!(tree.root(), tree.rows().next().unwrap().2[0]);
    }

    #[test]
    fn rows_that_do_not_fit_the_size_are_no_tree() {
        assert!(Tree::from_rows(2, vec![leaves(2)]).is_some());
        assert!(Tree::from_rows(3, vec![leaves(2)]).is_none());
        assert!(Tree::from_rows(256, vec![leaves(0)]).is_none());
        assert!(Tree::from_rows(256, vec![leaves(0), leaves(1)]).is_some());
        assert!(CompactTree::new(3, leaves(1)).is_none());
    }
}
