//! Reads the leaves of a ledger, day after day, part after part, minute after minute.
//!
//! A minute is one gzip member (RFC 1952 §2.2). Every bound of what is read is a constant: a ledger
//! comes from the other side.

use super::directory::{LedgerDirectory, LedgerError, LedgerFile};
use super::leaf::MAX_LINE;
use flate2::bufread::GzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Octets of a minute, unpacked, that are read at most: some 4,000 ASNs in 10 commitments.
pub const MAX_MINUTE: u64 = 1 << 30;

/// A minute: its lines, and where it ends in its file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SealedMinute {
    /// The lines of its leaves, each with its newline.
    pub text: String,
    /// The octet of the file behind it.
    pub end: u64,
}

impl SealedMinute {
    /// Its lines, without newlines.
    pub fn lines(&self) -> impl Iterator<Item = &str> + '_ {
        self.text.lines()
    }
}

/// The minutes of one part of a day.
#[derive(Debug)]
pub struct PartReader {
    path: PathBuf,
    file: BufReader<File>,
}

impl PartReader {
    /// Opens a part.
    ///
    /// # Errors
    /// The system's error.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let file = crate::files::open(path).map_err(LedgerError::system(path))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufReader::with_capacity(1 << 18, file),
        })
    }

    /// Opens a part, and goes on behind a minute that ends at this octet.
    ///
    /// # Errors
    /// The system's error.
    pub fn open_at(path: &Path, octet: u64) -> Result<Self, LedgerError> {
        let mut part = Self::open(path)?;
        let sought = part.file.seek(SeekFrom::Start(octet));
        sought.map_err(LedgerError::system(path))?;
        Ok(part)
    }

    /// The next minute; none at the end of the file.
    ///
    /// # Errors
    /// The system's error, or that what follows is no whole gzip member with whole lines.
    pub fn next_minute(&mut self) -> Result<Option<SealedMinute>, LedgerError> {
        let failed = || LedgerError::system(&self.path);
        if self.file.fill_buf().map_err(failed())?.is_empty() {
            return Ok(None);
        }
        let start = self.file.stream_position().map_err(failed())?;
        let damaged =
            |what: &str| LedgerError::damaged(&self.path, format!("at octet {start}: {what}"));
        let mut octets = Vec::new();
        let mut member = GzDecoder::new(&mut self.file).take(MAX_MINUTE + 1);
        member
            .read_to_end(&mut octets)
            .map_err(|error| damaged(&error.to_string()))?;
        if octets.len() as u64 > MAX_MINUTE {
            return Err(damaged("a minute of more than a GiB"));
        }
        let text = String::from_utf8(octets).map_err(|_| damaged("no UTF-8"))?;
        if !text.ends_with('\n') || text.lines().any(|line| line.len() > MAX_LINE) {
            return Err(damaged("no whole lines"));
        }
        let end = self.file.stream_position().map_err(failed())?;
        Ok(Some(SealedMinute { text, end }))
    }
}

/// The days of a ledger, each with the paths of its parts in order.
///
/// # Errors
/// What the system says, or a part that is missing.
pub fn days(directory: &LedgerDirectory) -> Result<Vec<(String, Vec<PathBuf>)>, LedgerError> {
    let mut days: Vec<(String, Vec<PathBuf>)> = Vec::new();
    for file in directory.files()? {
        let LedgerFile::Leaves(day, part) = &file else {
            continue;
        };
        let path = directory.file(&file.name());
        match days.last_mut() {
            Some((known, parts)) if known == day => parts.push(path.clone()),
            _ => days.push((day.clone(), vec![path.clone()])),
        }
        let count = days.last().map_or(0, |(_, parts)| parts.len());
        if u32::try_from(count).ok() != part.checked_add(1) {
            return Err(LedgerError::damaged(&path, "a part before it is missing"));
        }
    }
    Ok(days)
}
