//! Recovers a ledger at the start: cuts its files back to the last checkpoint, and keeps the open minute
//! as far as its lines are whole (docs/EVIDENCE.md §5).

use super::checkpoint::{SignedCheckpoint, read_notes};
use super::directory::{LedgerDirectory, LedgerError, LedgerFile};
use super::identity::MAX_SMALL;
use super::leaf::{Leaf, MAX_LINE};
use super::read::{PartReader, days};
use super::tiles;
use super::tree::{Hash, Tree};
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};

/// The place of the last checkpoint.
const SEALED: &str = "sealed.json";

/// Octets of a day's checkpoints at most: 1440 of 64 KiB each.
pub(super) const MAX_NOTES: u64 = 1440 << 16;
/// Octets of an open minute at most.
pub(super) const MAX_OPEN_FILE: u64 = 1 << 30;

/// Where the last sealed minute ends: checked, not trusted, and it may be missing.
#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
pub(super) struct SealedPlace {
    pub(super) size: u64,
    pub(super) file: String,
    pub(super) octets: u64,
}

impl SealedPlace {
    pub(super) fn write(&self, directory: &LedgerDirectory) -> Result<(), LedgerError> {
        // strings and integers: nothing in it can fail
        let text = serde_json::to_string(self).unwrap_or_default();
        directory.replace(&directory.file(SEALED), text.as_bytes())
    }

    fn read(directory: &LedgerDirectory) -> Option<Self> {
        let octets = directory.read(SEALED, MAX_SMALL).ok()?;
        serde_json::from_slice(&octets).ok()
    }
}

/// What a writer goes on with.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// All sealed leaves.
    pub(super) tree: Tree,
    /// The last checkpoint.
    pub(super) head: Option<SignedCheckpoint>,
    /// The day whose file is written, and its part.
    pub(super) day: Option<(String, u32)>,
    /// Octets of that part.
    pub(super) sealed_octets: u64,
    /// The lines of the open minute.
    pub(super) lines: String,
    /// Which minute this is.
    pub(super) minute: Option<u64>,
}

/// Finds where to go on.
pub(super) fn recover(directory: &LedgerDirectory) -> Result<Recovered, LedgerError> {
    let head = last_checkpoint(directory)?;
    let size = head.as_ref().map_or(0, |head| head.checkpoint.size);
    let mut recovered = match &head {
        Some(head) => sealed(directory, head)?,
        None => Recovered::default(),
    };
    recovered.head = head;
    remove_unsealed(directory, recovered.day.as_ref())?;
    open_minute(directory, size, &mut recovered)?;
    Ok(recovered)
}

/// The last whole checkpoint; what is behind it in its file is cut off.
fn last_checkpoint(directory: &LedgerDirectory) -> Result<Option<SignedCheckpoint>, LedgerError> {
    let files = directory.files()?.into_iter().rev();
    for file in files.filter(|file| matches!(file, LedgerFile::Notes(_))) {
        let name = file.name();
        let path = directory.file(&name);
        let octets = directory.read(&name, MAX_NOTES)?;
        let text = String::from_utf8_lossy(&octets);
        let notes = read_notes(&text);
        let end = notes.last().map_or(0, |(_, end)| *end);
        if end < octets.len() {
            let file = directory.open(&path, OpenOptions::new().write(true))?;
            let cut = file.set_len(end as u64).and_then(|()| file.sync_data());
            cut.map_err(LedgerError::system(&path))?;
        }
        if let Some((last, _)) = notes.into_iter().next_back() {
            return Ok(Some(last));
        }
    }
    Ok(None)
}

/// The tree of a checkpoint, and the place where its last minute ends.
fn sealed(directory: &LedgerDirectory, head: &SignedCheckpoint) -> Result<Recovered, LedgerError> {
    let (size, root) = (head.checkpoint.size, head.checkpoint.root);
    let place = SealedPlace::read(directory).filter(|place| place.size == size);
    let part = place.as_ref().and_then(|place| {
        let file = LedgerFile::from_name(&place.file)?;
        let length = fs::metadata(directory.file(&place.file)).ok()?.len();
        match file {
            LedgerFile::Leaves(day, part) if length >= place.octets => Some((day, part)),
            _ => None,
        }
    });
    let tree = tiles::read_tree(directory, size, root);
    if let (Some(tree), Some(place), Some(day)) = (tree, place, part) {
        return Ok(Recovered {
            tree,
            day: Some(day),
            sealed_octets: place.octets,
            ..Recovered::default()
        });
    }
    rebuilt(directory, size, root)
}

/// The same from the leaves: all of them, so that the tiles can be written again.
fn rebuilt(directory: &LedgerDirectory, size: u64, root: Hash) -> Result<Recovered, LedgerError> {
    let mut tree = Tree::default();
    let mut found = None;
    for (day, parts) in days(directory)? {
        for (number, path) in (0..).zip(parts) {
            let mut part = PartReader::open(&path)?;
            while tree.size() < size
                && let Some(minute) = part.next_minute()?
            {
                for line in minute.lines() {
                    for tile in tree.push(Hash::leaf(line.as_bytes())) {
                        tiles::write_full(directory, &tile)?;
                    }
                }
                found = Some((day.clone(), number, minute.end));
            }
        }
    }
    if tree.size() != size || tree.root() != root {
        let reason = format!(
            "tiles or sealed.json are missing or damaged, and the leaves that are there do not make up the last checkpoint, of {size} leaves"
        );
        return Err(LedgerError::damaged(directory.path(), reason));
    }
    tiles::write_partial(directory, &tree)?;
    let sealed_octets = found.as_ref().map_or(0, |(_, _, end)| *end);
    Ok(Recovered {
        tree,
        day: found.map(|(day, part, _)| (day, part)),
        sealed_octets,
        ..Recovered::default()
    })
}

/// Removes parts behind the last that is sealed: no checkpoint covers them, and their leaves stand in
/// the open minute.
fn remove_unsealed(
    directory: &LedgerDirectory,
    sealed: Option<&(String, u32)>,
) -> Result<(), LedgerError> {
    for file in directory.files()? {
        if let LedgerFile::Leaves(day, part) = &file
            && sealed.is_none_or(|(last, of_it)| (last, of_it) < (day, part))
        {
            let path = directory.file(&file.name());
            fs::remove_file(&path).map_err(LedgerError::system(&path))?;
        }
    }
    Ok(())
}

/// Reads the open minute behind the last checkpoint, as far as its lines are whole.
fn open_minute(
    directory: &LedgerDirectory,
    size: u64,
    recovered: &mut Recovered,
) -> Result<(), LedgerError> {
    for file in directory.files()? {
        let LedgerFile::Open(first) = file else {
            continue;
        };
        let name = file.name();
        if first > size {
            let reason = format!("begins behind the last checkpoint, of {size} leaves");
            return Err(LedgerError::damaged(&directory.file(&name), reason));
        }
        if first < size {
            continue;
        }
        let octets = directory.read(&name, MAX_OPEN_FILE)?;
        let text = String::from_utf8_lossy(&octets);
        for line in text.split_inclusive('\n') {
            let Some(whole) = line
                .strip_suffix('\n')
                .filter(|line| line.len() <= MAX_LINE)
            else {
                break;
            };
            let Ok(leaf) = Leaf::from_line(whole) else {
                break;
            };
            if let Leaf::Day(day) = &leaf {
                (recovered.day, recovered.sealed_octets) = (Some((day.day.clone(), 0)), 0);
            }
            if let Some(second) = leaf.second() {
                recovered.minute = Some(second.0 / 60);
            }
            recovered.lines.push_str(line);
        }
    }
    Ok(())
}

/// Removes files of open minutes that are sealed.
pub(super) fn remove_older(directory: &LedgerDirectory, size: u64) -> Result<(), LedgerError> {
    for file in directory.files()? {
        if matches!(file, LedgerFile::Open(first) if first < size) {
            let path = directory.file(&file.name());
            fs::remove_file(&path).map_err(LedgerError::system(&path))?;
        }
    }
    Ok(())
}
