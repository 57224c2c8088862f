//! Reads a ledger while it is written: each leaf once, in its order, from any of them on.
//!
//! What is sealed comes from the day's files, what is not from the file of the open minute, no further
//! than the writer says that it has written. It never holds up the writer.

use crate::ledger::directory::{LedgerDirectory, LedgerError, LedgerFile};
use crate::ledger::leaf::{DayLeaf, Leaf};
use crate::ledger::read::{PartReader, days};
use crate::ledger::tree::{CompactTree, Hash};
use crate::units::Second;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How far the writer of a ledger is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LedgerProgress {
    /// Leaves that are sealed.
    pub sealed: u64,
    /// Leaves that are written.
    pub written: u64,
    /// All leaves up to this second are written.
    pub through: Option<Second>,
    /// Nothing more comes.
    pub is_over: bool,
}

/// Where the next leaf comes from.
#[derive(Debug, Default)]
enum Place {
    /// To be looked for.
    #[default]
    Unknown,
    /// Parts of a day, the lines of a minute of it that are still to come.
    Sealed {
        parts: VecDeque<PathBuf>,
        reader: PartReader,
        minute: VecDeque<String>,
    },
    /// The file of an open minute.
    Open { file: File, offset: u64 },
}

/// Reads a ledger from a leaf on.
#[derive(Debug)]
pub struct LedgerFollower {
    directory: LedgerDirectory,
    /// Of all leaves before the next one.
    tree: CompactTree,
    place: Place,
    /// The number of the newest day leaf that was read.
    day: u64,
}

impl LedgerFollower {
    /// Of the ledger in a directory, from leaf `at` on, or from the newest day's first.
    ///
    /// # Errors
    /// [`LedgerError`]: it cannot be read, or the day of that leaf is gone.
    pub fn open(
        path: &Path,
        at: Option<u64>,
        progress: LedgerProgress,
    ) -> Result<Self, LedgerError> {
        let mut follower = Self {
            directory: LedgerDirectory::new(path),
            tree: CompactTree::default(),
            place: Place::Unknown,
            day: 0,
        };
        follower.begin(at, progress)?;
        while let Some(at) = at
            && follower.tree.size() < at
        {
            let most = usize::try_from(at - follower.tree.size()).unwrap_or(usize::MAX);
            if follower.lines(progress, most, usize::MAX)?.is_empty() {
                let reason = format!("ends before leaf {at}");
                return Err(LedgerError::damaged(path, reason));
            }
        }
        Ok(follower)
    }

    /// The number of the next leaf.
    pub fn next(&self) -> u64 {
        self.tree.size()
    }

    /// The number of the newest day leaf that it has read or begun with.
    pub fn day(&self) -> u64 {
        self.day
    }

    /// The tree of all leaves before the next one.
    pub fn tree(&self) -> &CompactTree {
        &self.tree
    }

    /// The next leaves, as lines without newlines: up to so many octets, but one at least. None where nothing
    /// more is written yet.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn read(
        &mut self,
        progress: LedgerProgress,
        most_octets: usize,
    ) -> Result<Vec<String>, LedgerError> {
        self.lines(progress, usize::MAX, most_octets)
    }

    fn lines(
        &mut self,
        progress: LedgerProgress,
        most: usize,
        most_octets: usize,
    ) -> Result<Vec<String>, LedgerError> {
        let (mut lines, mut octets) = (Vec::new(), 0);
        while lines.len() < most && self.tree.size() < progress.written {
            let Some(line) = self.peek(progress)? else {
                break;
            };
            if !lines.is_empty() && octets + line.len() + 1 > most_octets {
                break;
            }
            octets += line.len() + 1;
            self.accept(&line);
            lines.push(line);
        }
        Ok(lines)
    }

    fn accept(&mut self, line: &str) {
        match &mut self.place {
            Place::Sealed { minute, .. } => {
                minute.pop_front();
            }
            Place::Open { offset, .. } => *offset += line.len() as u64 + 1,
            Place::Unknown => {}
        }
        if line.starts_with(r#"{"kind":"day""#) {
            self.day = self.tree.size();
        }
        self.tree.push(Hash::leaf(line.as_bytes()));
    }

    /// The next line, which stays the next one.
    fn peek(&mut self, progress: LedgerProgress) -> Result<Option<String>, LedgerError> {
        // through the rest of a part, the next part, the open file, another open file
        for _ in 0..MAX_STEPS {
            match &mut self.place {
                Place::Sealed {
                    parts,
                    reader,
                    minute,
                } => {
                    if let Some(line) = minute.front() {
                        return Ok(Some(line.clone()));
                    }
                    if self.tree.size() >= progress.sealed {
                        self.place = Place::Unknown;
                    } else if let Some(next) = reader.next_minute()? {
                        minute.extend(next.lines().map(str::to_owned));
                    } else if let Some(part) = parts.pop_front() {
                        *reader = PartReader::open(&part)?;
                    } else {
                        self.place = Place::Unknown;
                    }
                }
                Place::Open { file, offset } => {
                    let line = line_at(file, *offset);
                    let line = line.map_err(LedgerError::system(self.directory.path()))?;
                    if line.is_some() {
                        return Ok(line);
                    }
                    self.place = Place::Unknown;
                }
                Place::Unknown => {
                    if !self.find(progress)? {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Finds where the next leaf is; false if it has just moved.
    fn find(&mut self, progress: LedgerProgress) -> Result<bool, LedgerError> {
        let next = self.tree.size();
        if next >= progress.sealed {
            return self.find_open(next);
        }
        let (day, place) = self.newest_day(Some(next))?;
        let skipped = next - day.size;
        self.place = place;
        for _ in 0..skipped {
            let Some(_) = self.peek_sealed()? else {
                return Ok(false);
            };
            if let Place::Sealed { minute, .. } = &mut self.place {
                minute.pop_front();
            }
        }
        Ok(true)
    }

    /// The next line of a day's files, whatever its number is.
    fn peek_sealed(&mut self) -> Result<Option<String>, LedgerError> {
        loop {
            let Place::Sealed {
                parts,
                reader,
                minute,
            } = &mut self.place
            else {
                return Ok(None);
            };
            if let Some(line) = minute.front() {
                return Ok(Some(line.clone()));
            }
            if let Some(next) = reader.next_minute()? {
                minute.extend(next.lines().map(str::to_owned));
            } else if let Some(part) = parts.pop_front() {
                *reader = PartReader::open(&part)?;
            } else {
                return Ok(None);
            }
        }
    }

    fn find_open(&mut self, next: u64) -> Result<bool, LedgerError> {
        let Some((first, file)) = self.open_file(next)? else {
            return Ok(false);
        };
        let (mut file, mut offset) = (file, 0);
        for _ in first..next {
            let line = line_at(&mut file, offset);
            let line = line.map_err(LedgerError::system(self.directory.path()))?;
            let Some(line) = line else { return Ok(false) };
            offset += line.len() as u64 + 1;
        }
        self.place = Place::Open { file, offset };
        Ok(true)
    }

    /// The newest open file that begins at a leaf or before it, with the number of its first.
    fn open_file(&self, next: u64) -> Result<Option<(u64, File)>, LedgerError> {
        let files = self.directory.files()?.into_iter();
        let open = files.filter_map(|file| match file {
            LedgerFile::Open(first) if first <= next => Some(first),
            _ => None,
        });
        let Some(first) = open.max() else {
            return Ok(None);
        };
        let path = self.directory.file(&LedgerFile::Open(first).name());
        match File::open(&path) {
            Ok(file) => Ok(Some((first, file))),
            // sealed just now
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LedgerError::system(&path)(error)),
        }
    }

    /// Begins with the day of a leaf.
    fn begin(&mut self, at: Option<u64>, progress: LedgerProgress) -> Result<(), LedgerError> {
        if progress.written == 0 {
            return Ok(());
        }
        // A day that has begun in the open minute is not sealed yet.
        if at.is_none_or(|at| at >= progress.sealed)
            && let Some((_, mut file)) = self.open_file(progress.sealed)?
            && let Ok(Some(line)) = line_at(&mut file, 0)
            && let Ok(Leaf::Day(day)) = Leaf::from_line(&line)
        {
            self.tree = self.tree_before(&day)?;
            self.day = day.size;
            self.place = Place::Open { file, offset: 0 };
            return Ok(());
        }
        let (day, place) = self.newest_day(at)?;
        self.tree = self.tree_before(&day)?;
        (self.place, self.day) = (place, day.size);
        Ok(())
    }

    /// The newest day that begins at a leaf or before it, and its place.
    fn newest_day(&self, at: Option<u64>) -> Result<(DayLeaf, Place), LedgerError> {
        for (_, parts) in days(&self.directory)?.into_iter().rev() {
            let mut parts: VecDeque<_> = parts.into();
            let Some(path) = parts.pop_front() else {
                continue;
            };
            let mut reader = PartReader::open(&path)?;
            let minute = reader.next_minute()?.unwrap_or_default();
            let minute: VecDeque<String> = minute.lines().map(str::to_owned).collect();
            let first = minute.front().map(|line| Leaf::from_line(line));
            let Some(Ok(Leaf::Day(day))) = first else {
                let reason = "does not begin with a day leaf";
                return Err(LedgerError::damaged(&path, reason));
            };
            if at.is_none_or(|at| day.size <= at) {
                let place = Place::Sealed {
                    parts,
                    reader,
                    minute,
                };
                return Ok((day, place));
            }
        }
        let reason = "has no leaves of that day any more";
        Err(LedgerError::damaged(self.directory.path(), reason))
    }

    fn tree_before(&self, day: &DayLeaf) -> Result<CompactTree, LedgerError> {
        let hashes: Option<Vec<_>> = day.hashes.iter().map(|text| Hash::from_hex(text)).collect();
        let tree = hashes.and_then(|hashes| CompactTree::new(day.size, hashes));
        let damaged = || {
            let reason = "a day leaf does not say a compact range";
            LedgerError::damaged(self.directory.path(), reason)
        };
        tree.ok_or_else(damaged)
    }
}

/// Changes of place on the way to one line at most: parts of a day that end, and open files.
const MAX_STEPS: usize = 1 << 16;

/// Octets that are read at once.
const CHUNK: usize = 1 << 16;

/// The whole line at an octet of a file; none if there is none yet.
fn line_at(file: &mut File, offset: u64) -> std::io::Result<Option<String>> {
    file.seek(SeekFrom::Start(offset))?;
    let (mut line, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    loop {
        let read = file.read(&mut chunk)?;
        let new = chunk.get(..read).unwrap_or_default();
        if let Some(end) = new.iter().position(|octet| *octet == b'\n') {
            line.extend_from_slice(new.get(..end).unwrap_or_default());
            return Ok(String::from_utf8(line).ok());
        }
        if read == 0 {
            return Ok(None);
        }
        line.extend_from_slice(new);
    }
}
