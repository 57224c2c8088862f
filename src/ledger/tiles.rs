//! Tiles of hashes on disk (C2SP tlog-tiles): all that a proof about any two sizes of the tree needs.
//!
//! They follow from the leaves: what is missing is written again at the next start.

use super::directory::{LedgerDirectory, LedgerError};
use super::tree::{FullTile, Hash, TILE_WIDTH, Tree};
use std::fs;
use std::path::Path;

/// Levels of a tree of 2^64 leaves.
const MAX_LEVELS: usize = 8;

fn octets(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// Writes a tile that has become full.
///
/// # Errors
/// The system's error.
pub fn write_full(directory: &LedgerDirectory, tile: &FullTile) -> Result<(), LedgerError> {
    let path = directory.tile(tile.level, tile.number, TILE_WIDTH);
    directory.replace(&path, &octets(&tile.hashes))?;
    remove_partial(directory, tile.level, tile.number, TILE_WIDTH);
    Ok(())
}

/// Writes the rightmost tile of each level, as far as it is filled.
///
/// # Errors
/// The system's error.
pub fn write_partial(directory: &LedgerDirectory, tree: &Tree) -> Result<(), LedgerError> {
    for (level, number, hashes) in tree.rows() {
        directory.replace(
            &directory.tile(level, number, hashes.len()),
            &octets(hashes),
        )?;
        remove_partial(directory, level, number, hashes.len());
    }
    Ok(())
}

/// Removes tiles with fewer hashes at the same place: the one that is wider has all of them. What
/// cannot be removed does no harm.
fn remove_partial(directory: &LedgerDirectory, level: usize, number: u64, width: usize) {
    let one = directory.tile(level, number, 1);
    let Some(folder) = one.parent() else { return };
    if width == TILE_WIDTH {
        let _ = fs::remove_dir_all(folder);
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let known: Option<usize> = name.to_str().and_then(|name| name.parse().ok());
        if known.is_some_and(|known| known < width) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Reads the tree of so many leaves. None if a tile is missing, or is not what it should be.
pub fn read_tree(directory: &LedgerDirectory, size: u64, root: Hash) -> Option<Tree> {
    let mut rows = Vec::new();
    for level in 0..MAX_LEVELS {
        let bits = u32::try_from(8 * level).ok()?;
        let hashes = size >> bits;
        if hashes == 0 {
            break;
        }
        let width = usize::from(hashes.to_le_bytes()[0]);
        let row = if width == 0 {
            Vec::new()
        } else {
            read(&directory.tile(level, hashes >> 8, width), width)?
        };
        rows.push(row);
    }
    let tree = Tree::from_rows(size, rows)?;
    (tree.root() == root).then_some(tree)
}

fn read(path: &Path, width: usize) -> Option<Vec<Hash>> {
    let octets = fs::read(path).ok()?;
    let (hashes, rest) = octets.as_chunks::<32>();
    let is_whole = rest.is_empty() && hashes.len() == width;
    is_whole.then(|| hashes.iter().copied().map(Hash).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_as_it_was_written_whatever_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let directory = LedgerDirectory::new(folder.path());
        let mut tree = Tree::default();
        for n in 0_u64..70_000 {
            for full in tree.push(Hash::leaf(&n.to_le_bytes())) {
                if full.level > 0 || n > 69_000 {
                    write_full(&directory, &full).unwrap();
                }
            }
            if [0, 254, 255, 256, 65_535, 65_536, 69_999].contains(&n) {
                write_partial(&directory, &tree).unwrap();
                let read = read_tree(&directory, n + 1, tree.root());
                assert_eq!(read.as_ref(), Some(&tree), "{n}");
                assert_eq!(read_tree(&directory, n + 1, Hash::of(&[])), None);
            }
        }
        let level = fs::read_dir(folder.path().join("tiles/0")).unwrap();
        let partial = level
            .flatten()
            .filter(|entry| entry.path().extension().is_some());
        for folder in partial {
            assert_eq!(
                fs::read_dir(folder.path()).unwrap().count(),
                1,
                "{folder:?}"
            );
        }
        fs::remove_dir_all(folder.path().join("tiles/1")).unwrap();
        assert_eq!(read_tree(&directory, 70_000, tree.root()), None);
    }
}
