//! The one writer of a ledger: appends leaves, seals each minute, begins each day.
//!
//! Order of writing (docs/EVIDENCE.md §4): a second's leaves with one write and one fdatasync; at the
//! end of a minute its gzip member, the tiles, the checkpoint, the next open file. A line that could
//! not be written whole is taken back. A file whose fdatasync has failed is never written again.

mod append_file;
mod entries;

use super::checkpoint::{Checkpoint, SignedCheckpoint};
use super::directory::{LedgerDirectory, LedgerError, LedgerFile};
use super::identity;
use super::key::{PrivateKey, PublicKey};
use super::key_change;
use super::leaf::{CountingTerms, DayLeaf, KeyLeaf, Leaf};
use super::record::SecondLeaves;
use super::recovery::{self, Recovered};
use super::rejudge::ResumedJudge;
use super::requests::{self, RequestNames};
use super::resume::{self, ResumeError};
use super::tiles;
use super::tree::{Hash, Tree};
use crate::units::Second;
use append_file::AppendFile;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Octets of an open minute at most; a minute that becomes larger is sealed early.
const MAX_OPEN: usize = 256 << 20;

/// When what is written is made lasting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// After each second: live.
    EachSecond,
    /// After each minute: a replay can be run again.
    EachMinute,
}

/// How a ledger is kept.
#[derive(Debug)]
pub struct LedgerSettings {
    /// Names the meter in every checkpoint.
    pub origin: String,
    /// Signs; none: the ledger is unsigned.
    pub key: Option<PrivateKey>,
    /// When what is written is made lasting.
    pub durability: Durability,
}

/// The writer of a ledger. The lock is held as long as it lives.
#[derive(Debug)]
pub struct LedgerWriter {
    directory: LedgerDirectory,
    settings: LedgerSettings,
    _lock: File,
    /// All sealed leaves.
    tree: Tree,
    /// The last checkpoint.
    head: Option<SignedCheckpoint>,
    /// The day whose file is written, and its part.
    day: Option<(String, u32)>,
    /// Octets of the part that belong to sealed minutes.
    sealed_octets: u64,
    /// The part must not be written any more.
    part_failed: bool,
    open: Option<AppendFile>,
    /// The lines of the open minute.
    lines: String,
    /// How many these are.
    open_leaves: u64,
    minute: Option<u64>,
    /// What people have entered.
    entered: Vec<Leaf>,
    reported: RequestNames,
    /// A change to our key, until its leaf is written.
    key_change: Option<KeyLeaf>,
}

impl LedgerWriter {
    /// Opens a ledger, or begins one in a directory that is empty or not there, after cutting off what
    /// was not written whole.
    ///
    /// # Errors
    /// [`LedgerError`]: another writer, another meter's, another key's, a damaged ledger, or what the system says.
    pub fn open(path: &Path, settings: LedgerSettings) -> Result<Self, LedgerError> {
        let directory = LedgerDirectory::new(path);
        directory.create()?;
        let lock = identity::lock(&directory)?;
        identity::identify(&directory, &settings.origin)?;
        let key = settings.key.as_ref().map(PrivateKey::public);
        let mut change = match key {
            Some(key) => key_change::needed(&directory, &settings.origin, key)?,
            None => None,
        };
        let Recovered {
            tree,
            head,
            day,
            sealed_octets,
            lines,
            minute,
        } = recovery::recover(&directory)?;
        if let Some(key) = key {
            if let Some(change) = &change {
                if !lines.is_empty() {
                    return Err(LedgerError::Unsealed(directory.path().to_owned()));
                }
                key_change::begin(&directory, &settings.origin, change)?;
                identity::set_key(&directory, key)?;
            } else {
                change = key_change::unwritten(&directory, key, head.as_ref(), &lines)?;
            }
        }
        let mut writer = Self {
            directory,
            settings,
            _lock: lock,
            tree,
            head,
            day,
            sealed_octets,
            part_failed: false,
            open: None,
            open_leaves: lines.lines().count() as u64,
            lines,
            minute,
            entered: Vec::new(),
            reported: RequestNames::default(),
            key_change: change,
        };
        writer.begin_open_file()?;
        requests::prepare(&writer.directory)?;
        writer.recover_entered()?;
        Ok(writer)
    }

    /// Leaves that are sealed.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Leaves that are written, sealed or not.
    pub fn written(&self) -> u64 {
        self.tree.size() + self.open_leaves
    }

    /// Whether nothing at all is in it.
    pub fn is_new(&self) -> bool {
        self.tree.size() == 0 && self.lines.is_empty()
    }

    /// What a meter of these settings goes on with; nothing in a new ledger.
    ///
    /// # Errors
    /// [`ResumeError`]: why windows begin anew.
    pub fn resume(&self, counting: &CountingTerms) -> Result<Option<ResumedJudge>, ResumeError> {
        resume::resume(&self.directory, &self.lines, counting)
    }

    /// The last checkpoint, if there is one.
    pub fn head(&self) -> Option<&SignedCheckpoint> {
        self.head.as_ref()
    }

    /// The key that it signs with.
    pub fn public_key(&self) -> Option<PublicKey> {
        self.settings.key.as_ref().map(PrivateKey::public)
    }

    /// Appends the leaves of a second. The first second of another minute seals the one before.
    ///
    /// # Errors
    /// [`LedgerError`]: nothing of these leaves is in the ledger. The writer can go on.
    pub fn append(&mut self, second: &SecondLeaves) -> Result<(), LedgerError> {
        let minute = second.second.0 / 60;
        if self.minute != Some(minute) || self.lines.len() > MAX_OPEN {
            self.seal()?;
        }
        if second.leaves.is_empty() {
            return Ok(());
        }
        let day = second.second.day();
        // A day never goes back, whatever the clock does.
        let is_next = self.day.as_ref().is_none_or(|(known, _)| *known < day);
        let mut lines = String::new();
        if is_next {
            push_line(&mut lines, &self.day_leaf(&day));
        }
        let key = self.key_change.as_ref().map(|key| key.at(second.second));
        let key = key.map(Leaf::Key);
        let is_start = |leaf: &&Leaf| matches!(leaf, Leaf::Start(_));
        let starts = second.leaves.iter().take_while(is_start);
        let rest = second.leaves.iter().skip_while(is_start);
        let leaves = || starts.clone().chain(&key).chain(rest.clone());
        leaves().for_each(|leaf| push_line(&mut lines, leaf));
        let count = leaves().count() as u64;
        self.write_open(&lines)?;
        self.key_change = None;
        if is_next {
            (self.day, self.sealed_octets, self.part_failed) = (Some((day, 0)), 0, false);
        }
        self.lines.push_str(&lines);
        self.open_leaves += count + u64::from(is_next);
        self.minute = Some(minute);
        Ok(())
    }

    fn day_leaf(&self, day: &str) -> Leaf {
        let hashes = self.tree.compact_range();
        Leaf::Day(DayLeaf {
            day: day.to_owned(),
            size: self.tree.size(),
            hashes: hashes.iter().map(ToString::to_string).collect(),
        })
    }

    /// Writes lines into the open file. After an fdatasync that failed nobody knows what of the file is
    /// on the disk: it is left alone, and what it held is sealed from memory.
    fn write_open(&mut self, lines: &str) -> Result<(), LedgerError> {
        if self.open.is_none() {
            self.seal()?;
        }
        if self.open.is_none() {
            self.begin_open_file()?;
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.append(lines.as_bytes())?;
        if self.settings.durability == Durability::EachSecond
            && let Err(error) = open.sync()
        {
            self.open = None;
            return Err(error);
        }
        Ok(())
    }

    /// Seals the open minute: from here on it cannot be changed unnoticed.
    ///
    /// # Errors
    /// [`LedgerError`]: the minute stays open, and can be sealed later.
    pub fn seal(&mut self) -> Result<(), LedgerError> {
        let Some((day, part)) = self.day.clone().filter(|_| !self.lines.is_empty()) else {
            return Ok(());
        };
        let part = if self.part_failed {
            let next = self.leave_part(&day, part)?;
            (self.day, self.sealed_octets, self.part_failed) =
                (Some((day.clone(), next)), 0, false);
            next
        } else {
            part
        };
        let member = pack(&self.lines).map_err(LedgerError::system(self.directory.path()))?;
        let name = LedgerFile::Leaves(day.clone(), part).name();
        let mut leaves = AppendFile::open(&self.directory, &name, self.sealed_octets)?;
        leaves.append(&member)?;
        if let Err(error) = leaves.sync() {
            self.part_failed = true;
            return Err(error);
        }
        if self.sealed_octets == 0 {
            self.directory.sync()?;
        }
        let (mut tree, mut full) = (self.tree.clone(), Vec::new());
        for line in self.lines.lines() {
            full.extend(tree.push(Hash::leaf(line.as_bytes())));
        }
        for tile in &full {
            tiles::write_full(&self.directory, tile)?;
        }
        tiles::write_partial(&self.directory, &tree)?;
        let checkpoint = Checkpoint {
            origin: self.settings.origin.clone(),
            size: tree.size(),
            root: tree.root(),
        };
        let signed = checkpoint.sign(self.settings.key.as_ref());
        self.append_note(&day, &signed)?;
        // From here on the minute is sealed.
        (self.tree, self.head, self.sealed_octets) = (tree, Some(signed), leaves.length);
        self.lines.clear();
        self.open_leaves = 0;
        let place = recovery::SealedPlace {
            size: self.tree.size(),
            file: name,
            octets: self.sealed_octets,
        };
        place.write(&self.directory)?;
        self.begin_open_file()
    }

    /// Leaves a part whose fdatasync has failed; the number of the next one. What is behind its sealed minutes is
    /// written again there, and must not be read twice.
    fn leave_part(&self, day: &str, part: u32) -> Result<u32, LedgerError> {
        let path = self
            .directory
            .file(&LedgerFile::Leaves(day.to_owned(), part).name());
        let failed = LedgerError::system(&path);
        if self.sealed_octets == 0 {
            // nothing of it is sealed: a new file takes its place
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(part),
            };
        }
        let file = self.directory.open(&path, OpenOptions::new().write(true))?;
        file.set_len(self.sealed_octets).map_err(failed)?;
        // what is sealed was on the disk before; whether the rest is gone there shows at the next start
        let _ = file.sync_all();
        Ok(part + 1)
    }

    fn append_note(&self, day: &str, signed: &SignedCheckpoint) -> Result<(), LedgerError> {
        let name = LedgerFile::Notes(day.to_owned()).name();
        let path = self.directory.file(&name);
        let length = std::fs::metadata(&path).map_or(0, |known| known.len());
        let mut notes = AppendFile::open(&self.directory, &name, length)?;
        notes.append(format!("{}\n", signed.to_note()).as_bytes())?;
        if let Err(error) = notes.sync() {
            // Whether it is there is found out at the next start; here it is not.
            let _ = notes.file.set_len(length);
            return Err(error);
        }
        if length == 0 {
            self.directory.sync()?;
        }
        Ok(())
    }

    /// Begins the file of the next open minute, with the lines that are open, and removes older ones.
    fn begin_open_file(&mut self) -> Result<(), LedgerError> {
        self.open = None;
        let name = LedgerFile::Open(self.tree.size()).name();
        // As a whole: whoever is killed meanwhile still has the lines that were there.
        let path = self.directory.file(&name);
        self.directory.replace(&path, self.lines.as_bytes())?;
        self.directory.sync()?;
        let length = self.lines.len() as u64;
        self.open = Some(AppendFile::open(&self.directory, &name, length)?);
        recovery::remove_older(&self.directory, self.tree.size())
    }

    /// Appends a last second, and seals.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn close(mut self, last: &SecondLeaves) -> Result<Option<SignedCheckpoint>, LedgerError> {
        self.append(last)?;
        self.seal()?;
        Ok(self.head)
    }

    /// Removes the leaves of days before this one. Checkpoints and tiles stay.
    ///
    /// # Errors
    /// The system's error.
    pub fn forget_before(&self, first: Second) -> Result<(), LedgerError> {
        let first = first.day();
        for file in self.directory.files()? {
            if let LedgerFile::Leaves(day, _) = &file
                && *day < first
                && self.day.as_ref().is_some_and(|(current, _)| day < current)
            {
                let path = self.directory.file(&file.name());
                std::fs::remove_file(&path).map_err(LedgerError::system(&path))?;
            }
        }
        Ok(())
    }
}

fn push_line(lines: &mut String, leaf: &Leaf) {
    lines.push_str(&leaf.to_line());
    lines.push('\n');
}

/// One gzip member, the same for the same lines: without a name or a time.
fn pack(lines: &str) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(lines.as_bytes())?;
    encoder.finish()
}
