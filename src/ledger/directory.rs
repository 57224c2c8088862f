//! The files of a ledger and their names (docs/EVIDENCE.md §1).

use super::tree::TILE_WIDTH;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Permissions of a ledger's directories.
const DIRECTORY_MODE: u32 = 0o750;

/// Permissions of its files.
const FILE_MODE: u32 = 0o640;

/// Why a ledger cannot be opened, read or written.
#[derive(thiserror::Error, Debug)]
pub enum LedgerError {
    /// The system's error.
    #[error("{}: {source}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another process writes it.
    #[error("{}: is being written by another process", .0.display())]
    Locked(PathBuf),
    /// A directory with something else in it.
    #[error("{}: is neither empty nor a ledger: there is no ledger.json in it", .0.display())]
    NotALedger(PathBuf),
    /// Another meter's.
    #[error("{}: is the ledger of {theirs:?}, not of {ours:?}", path.display())]
    OtherMeter {
        /// Its directory.
        path: PathBuf,
        /// The meter that it belongs to.
        theirs: String,
        /// Who asks.
        ours: String,
    },
    /// A key that the ledger was not begun with.
    #[error("{}: holds another key than the configured one", .0.display())]
    OtherKey(PathBuf),
    /// Another key shall sign it, and the old one has not sealed the open minute.
    #[error(
        "{}: its last minute is not sealed by the old key: start with that once more and stop, or `asnmeter evidence key change`",
        .0.display()
    )]
    Unsealed(PathBuf),
    /// Something in it does not hold.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl LedgerError {
    /// An error of the system for a file.
    pub fn system(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::System { path, source }
    }

    /// Something that does not hold.
    pub fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

/// A ledger's directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerDirectory {
    path: PathBuf,
}

/// What an entry of the directory is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LedgerFile {
    /// A part of a day's leaves: day and number.
    Leaves(String, u32),
    /// A day's checkpoints.
    Notes(String),
    /// The minute that is open: the number of its first leaf.
    Open(u64),
}

impl LedgerFile {
    /// What a file of this name is; none if it is none of these.
    pub fn from_name(name: &str) -> Option<Self> {
        if let Some(first) = name.strip_prefix("open-") {
            let first = first.strip_suffix(".jsonl")?.parse().ok()?;
            return Some(Self::Open(first)).filter(|file| file.name() == name);
        }
        let (day, rest) = name.split_at_checked("2026-11-25".len())?;
        let is_day = day.bytes().enumerate().all(|(place, octet)| match place {
            4 | 7 => octet == b'-',
            _ => octet.is_ascii_digit(),
        });
        let file = match rest {
            ".notes" => Self::Notes(day.to_owned()),
            ".jsonl.gz" => Self::Leaves(day.to_owned(), 0),
            _ => {
                let part = rest.strip_prefix('.')?.strip_suffix(".jsonl.gz")?;
                Self::Leaves(day.to_owned(), part.parse().ok()?)
            }
        };
        Some(file).filter(|file| is_day && file.name() == name)
    }

    /// Its name.
    pub fn name(&self) -> String {
        match self {
            Self::Leaves(day, 0) => format!("{day}.jsonl.gz"),
            Self::Leaves(day, part) => format!("{day}.{part}.jsonl.gz"),
            Self::Notes(day) => format!("{day}.notes"),
            Self::Open(first) => format!("open-{first}.jsonl"),
        }
    }
}

impl LedgerDirectory {
    /// A directory, whether it is there or not.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Creates it, and those above it.
    ///
    /// # Errors
    /// The system's error.
    pub fn create(&self) -> Result<(), LedgerError> {
        let mut builder = DirBuilder::new();
        let built = builder
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(&self.path);
        built.map_err(LedgerError::system(&self.path))
    }

    /// Whether it is there or could be created, as [`LedgerDirectory::create`] would. Leaves nothing behind: it
    /// makes another directory beside the first that is missing, and takes it away again.
    ///
    /// # Errors
    /// The system's error; or it is no directory.
    pub fn could_be_created(&self) -> io::Result<()> {
        match fs::metadata(&self.path) {
            Ok(found) if found.is_dir() => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        let path = std::path::absolute(&self.path)?;
        let above = path.ancestors().find(|above| above.exists());
        let name = format!(".asnmeter-check-{}", std::process::id());
        let probe = above.unwrap_or(Path::new("/")).join(name);
        fs::create_dir(&probe)?;
        fs::remove_dir(&probe)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A tile of hashes (C2SP tlog-tiles), `hashes` of them.
    pub fn tile(&self, level: usize, number: u64, hashes: usize) -> PathBuf {
        let mut groups = vec![format!("{:03}", number % 1000)];
        let mut rest = number / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.push(format!("tiles/{level}"));
        groups.reverse();
        let mut name = groups.join("/");
        if hashes < TILE_WIDTH {
            name.push_str(".p/");
            name.push_str(&hashes.to_string());
        }
        self.path.join(name)
    }

    /// Everything in it that is named as a ledger's file, sorted.
    ///
    /// # Errors
    /// The system's error.
    pub fn files(&self) -> Result<Vec<LedgerFile>, LedgerError> {
        let failed = || LedgerError::system(&self.path);
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed())? {
            let name = entry.map_err(failed())?.file_name();
            files.extend(name.to_str().and_then(LedgerFile::from_name));
        }
        files.sort();
        Ok(files)
    }

    /// Reads a small file.
    ///
    /// # Errors
    /// The system's error, or that it is larger.
    pub fn read(&self, name: &str, at_most: u64) -> Result<Vec<u8>, LedgerError> {
        let path = self.file(name);
        crate::files::read_small(&path, at_most).map_err(LedgerError::system(&path))
    }

    /// Writes a file as a whole: what was there stays until all of it is written.
    ///
    /// # Errors
    /// The system's error.
    pub fn replace(&self, path: &Path, octets: &[u8]) -> Result<(), LedgerError> {
        let failed = || LedgerError::system(path);
        if let Some(folder) = path.parent() {
            let mut builder = DirBuilder::new();
            let built = builder.recursive(true).mode(DIRECTORY_MODE).create(folder);
            built.map_err(failed())?;
        }
        let aside = path.with_extension("new");
        let mut file = self.open(
            &aside,
            OpenOptions::new().write(true).create(true).truncate(true),
        )?;
        let written = file.write_all(octets).and_then(|()| file.sync_data());
        let renamed = written.and_then(|()| fs::rename(&aside, path));
        renamed.map_err(failed())
    }

    /// Opens a file with the ledger's permissions.
    ///
    /// # Errors
    /// The system's error.
    pub fn open(&self, path: &Path, options: &mut OpenOptions) -> Result<File, LedgerError> {
        let opened = options.mode(FILE_MODE).open(path);
        opened.map_err(LedgerError::system(path))
    }

    /// Makes lasting which files are in it.
    ///
    /// # Errors
    /// The system's error.
    pub fn sync(&self) -> Result<(), LedgerError> {
        let synced = File::open(&self.path).and_then(|directory| directory.sync_all());
        synced.map_err(LedgerError::system(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_name_says_and_nothing_else_is_one() {
        let day = || "2026-11-25".to_owned();
        let files = [
            ("2026-11-25.jsonl.gz", LedgerFile::Leaves(day(), 0)),
            ("2026-11-25.12.jsonl.gz", LedgerFile::Leaves(day(), 12)),
            ("2026-11-25.notes", LedgerFile::Notes(day())),
            ("open-7.jsonl", LedgerFile::Open(7)),
        ];
        for (name, file) in files {
            assert_eq!(LedgerFile::from_name(name), Some(file.clone()), "{name}");
            assert_eq!(file.name(), name);
        }
        let others = [
            "",
            "lock",
            "open-.jsonl",
            "open-07.jsonl",
            "2026-11-25.0.jsonl.gz",
            "2026-11-25.01.jsonl.gz",
            "2026-11-25.jsonl",
            "2026/11-25.notes",
            "2026-11-2é.notes",
        ];
        for name in others {
            assert_eq!(LedgerFile::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn tiles_are_named_as_tlog_tiles_names_them() {
        let directory = LedgerDirectory::new(Path::new("d"));
        let tile = |level, number, hashes| {
            let path = directory.tile(level, number, hashes);
            path.to_str().unwrap().to_owned()
        };
        assert_eq!(tile(0, 0, 256), "d/tiles/0/000");
        assert_eq!(tile(1, 1_234_067, 256), "d/tiles/1/x001/x234/067");
        assert_eq!(tile(0, 67, 3), "d/tiles/0/067.p/3");
    }
}
