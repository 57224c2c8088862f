//! Checks that a tree goes on from a smaller one, by their tiles (RFC 6962 §2.1.2 proves the same by
//! single nodes): at most two tiles of each level, whatever the sizes.
//!
//! Pure. The tiles that hold the right edge of the smaller tree are shown to stand in the larger one, and
//! to give the smaller one's root.

use super::checkpoint::Checkpoint;
use super::tree::{Hash, TILE_WIDTH, Tree, perfect};
use std::collections::BTreeMap;

/// Levels of a tree of 2^64 leaves.
const LEVELS: u32 = 8;

/// A tile of a tree (C2SP tlog-tiles), with as many hashes as the tree has in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TileName {
    /// Its level: 0 holds leaf hashes.
    pub level: u32,
    /// Its place in the level.
    pub number: u64,
    /// Hashes in it: 1 to 256.
    pub width: usize,
}

/// The hashes of tiles.
pub type Tiles = BTreeMap<TileName, Vec<Hash>>;

/// Why a tree does not go on from another, or why that is not known.
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inconsistency {
    /// The tiles are not those of the new head: nothing is shown by them.
    #[error("the tiles are not those of its new head")]
    Unproven,
    /// They are, and the old head is of another tree: leaves were changed.
    #[error("it does not go on from the head that it had before: leaves were changed or taken out")]
    Fork,
}

impl TileName {
    /// The tile at a place of a tree of this size; none where the tree has no hash there.
    fn of(level: u32, number: u64, size: u64) -> Option<Self> {
        let hashes = (size >> (8 * level)).checked_sub(number << 8)?;
        let width = usize::try_from(hashes)
            .unwrap_or(TILE_WIDTH)
            .min(TILE_WIDTH);
        (width > 0).then_some(Self {
            level,
            number,
            width,
        })
    }

    /// The one in which the right edge of the first `edge` leaves lies, in a tree of this size.
    fn edge(level: u32, edge: u64, size: u64) -> Option<Self> {
        Self::of(level, (edge >> (8 * level)) >> 8, size)
    }

    /// Its path in C2SP tlog-tiles: `tile/0/x001/067.p/3`.
    pub fn path(self) -> String {
        let mut path = format!("{:03}", self.number % 1000);
        let mut rest = self.number / 1000;
        while rest > 0 {
            path = format!("x{:03}/{path}", rest % 1000);
            rest /= 1000;
        }
        let part = match self.width {
            TILE_WIDTH => String::new(),
            width => format!(".p/{width}"),
        };
        format!("tile/{}/{path}{part}", self.level)
    }
}

/// The tiles of the larger tree that show whether it goes on from the smaller one.
pub fn tiles_for(old_size: u64, new_size: u64) -> Vec<TileName> {
    let levels = (0..LEVELS).take_while(|level| new_size >> (8 * level) > 0);
    let each = levels
        .flat_map(|level| [old_size, new_size].map(|edge| TileName::edge(level, edge, new_size)));
    let mut tiles: Vec<_> = each.flatten().collect();
    tiles.sort_unstable();
    tiles.dedup();
    tiles
}

/// Whether the tree of a new head goes on from that of an old one, by the tiles of [`tiles_for`].
///
/// # Errors
/// [`Inconsistency`].
pub fn check(old: &Checkpoint, new: &Checkpoint, tiles: &Tiles) -> Result<(), Inconsistency> {
    let (m, n) = (old.size, new.size);
    if m == n {
        return if old.root == new.root {
            Ok(())
        } else {
            Err(Inconsistency::Fork)
        };
    }
    if m > n {
        return Err(Inconsistency::Fork);
    }
    let found = |name: TileName| tiles.get(&name).filter(|hashes| hashes.len() == name.width);
    if edge_tree(n, n, &found).map(|tree| tree.root()) != Some(new.root) {
        return Err(Inconsistency::Unproven);
    }
    // The tiles of the old edge stand in the new tree: each is one of its edge, or a hash of the one above.
    for level in (0..LEVELS).take_while(|level| n >> (8 * level) > 0) {
        let Some(tile) = TileName::edge(level, m, n) else {
            continue;
        };
        if Some(tile) == TileName::edge(level, n, n) {
            continue;
        }
        let above = TileName::edge(level + 1, m, n).and_then(found);
        let place = usize::from(tile.number.to_le_bytes()[0]);
        let stands = above.and_then(|hashes| hashes.get(place));
        let is = found(tile).and_then(|hashes| perfect(hashes));
        if is.is_none() || is.as_ref() != stands {
            return Err(Inconsistency::Unproven);
        }
    }
    match edge_tree(m, n, &found) {
        _ if m == 0 => Ok(()),
        Some(tree) if tree.root() == old.root => Ok(()),
        Some(_) => Err(Inconsistency::Fork),
        None => Err(Inconsistency::Unproven),
    }
}

/// The tree of the first `edge` leaves, from tiles of one of `size` leaves.
fn edge_tree<'a>(
    edge: u64,
    size: u64,
    found: &impl Fn(TileName) -> Option<&'a Vec<Hash>>,
) -> Option<Tree> {
    let mut rows = Vec::new();
    for level in (0..LEVELS).take_while(|level| edge >> (8 * level) > 0) {
        let width = usize::from((edge >> (8 * level)).to_le_bytes()[0]);
        let row = match width {
            0 => Vec::new(),
            width => found(TileName::edge(level, edge, size)?)?
                .get(..width)?
                .to_vec(),
        };
        rows.push(row);
    }
    Tree::from_rows(edge, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All rows of a tree: of each level the hashes of whole subtrees.
    fn rows(leaves: &[Hash]) -> Vec<Vec<Hash>> {
        let mut rows = vec![leaves.to_vec()];
        while let Some(below) = rows.last().filter(|row| row.len() >= TILE_WIDTH) {
            let next = below.chunks_exact(TILE_WIDTH).filter_map(perfect).collect();
            rows.push(next);
        }
        rows
    }

    fn tiles(rows: &[Vec<Hash>], names: &[TileName]) -> Tiles {
        let hashes = |name: &TileName| {
            let first = usize::try_from(name.number).unwrap() * TILE_WIDTH;
            rows[name.level as usize][first..first + name.width].to_vec()
        };
        names.iter().map(|name| (*name, hashes(name))).collect()
    }

    fn head(leaves: &[Hash]) -> Checkpoint {
        let mut tree = Tree::default();
        for leaf in leaves {
            tree.push(*leaf);
        }
        Checkpoint {
            origin: "voice.example".into(),
            size: leaves.len() as u64,
            root: tree.root(),
        }
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|n| Hash::leaf(&n.to_le_bytes())).collect()
    }

    /// Sizes around the edges of tiles, of three levels.
    fn size() -> impl Strategy<Value = usize> {
        prop_oneof![
            0_usize..3,
            250_usize..260,
            500_usize..520,
            65_500_usize..65_560,
            0_usize..66_500
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_tree_goes_on_from_each_smaller_one_and_from_no_other(one in size(), other in size(), changed: prop::sample::Index) {
            let (m, n) = (one.min(other), one.max(other));
            let honest = leaves(n);
            let (old, new) = (head(&honest[..m]), head(&honest));
            let names = tiles_for(m as u64, n as u64);
            prop_assert!(names.len() <= 6);
            let mut shown = tiles(&rows(&honest), &names);
            prop_assert_eq!(check(&old, &new, &shown), Ok(()));
            if m > 0 {
                let mut forged = honest.clone();
                let place = changed.index(m);
                forged[place] = Hash::leaf(b"another");
                let forged_head = head(&forged);
                let theirs = tiles(&rows(&forged), &names);
                prop_assert_eq!(check(&old, &forged_head, &theirs), Err(Inconsistency::Fork));
                if m < n {
                    prop_assert_eq!(check(&new, &old, &shown), Err(Inconsistency::Fork), "rolled back");
                    prop_assert_eq!(check(&old, &forged_head, &shown), Err(Inconsistency::Unproven));
                }
            }
            if m < n {
                let which = names[changed.index(names.len())];
                shown.get_mut(&which).unwrap()[0] = Hash::of(b"damaged");
                prop_assert!(check(&old, &new, &shown).is_err());
                shown.remove(&which);
                prop_assert!(check(&old, &new, &shown).is_err());
            }
        }
    }

    #[test]
    fn a_tile_is_named_as_tlog_tiles_names_it() {
        let name = |level, number, width| {
            TileName {
                level,
                number,
                width,
            }
            .path()
        };
        assert_eq!(name(0, 0, 256), "tile/0/000");
        assert_eq!(name(1, 1_234_067, 256), "tile/1/x001/x234/067");
        assert_eq!(name(0, 67, 3), "tile/0/067.p/3");
    }
}
