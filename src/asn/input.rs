//! Files of sources as they come: plain, gzip or bzip2, told apart by their first octets and not by
//! their names; and text from them line by line.
//!
//! Lives while one file is read. Refuses lines without end, and text that unpacks to more than any
//! table has.

use super::notation;
use super::source::LoadError;
use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Take};
use std::path::Path;

/// The first octets of a gzip member (RFC 1952 §2.3.1).
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// The first octets of a bzip2 stream: `BZ`, and `h` for the only method there is.
const BZIP2_MAGIC: &[u8] = b"BZh";

/// Octets read at once: a guess, larger reads were not faster.
const BUFFER: usize = 1 << 16;

/// Octets of a line. A guess with room to spare: prefix, number and name need a tenth of it.
const MAX_LINE: usize = 4096;

/// Octets of a text, unpacked. A guess with room to spare: `location dump` of 2022 has 128 MiB,
/// but a small gzip file can unpack to anything.
const MAX_TEXT: u64 = 1 << 30;

/// Opens a file and unpacks it on the way.
///
/// # Errors
/// [`LoadError`] where the file is not there or can not be read.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>, LoadError> {
    let file = File::open(path).map_err(|error| LoadError::read(path, error))?;
    let mut file = BufReader::with_capacity(BUFFER, file);
    let head = file
        .fill_buf()
        .map_err(|error| LoadError::read(path, error))?;
    Ok(if head.starts_with(GZIP_MAGIC) {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)))
    } else if head.starts_with(BZIP2_MAGIC) {
        Box::new(BufReader::with_capacity(BUFFER, MultiBzDecoder::new(file)))
    } else {
        Box::new(file)
    })
}

/// The lines of a text, with their numbers for messages.
pub(super) struct Lines<'a, R> {
    path: &'a Path,
    input: Take<R>,
    line: Vec<u8>,
    number: u64,
}

impl<'a, R: BufRead> Lines<'a, R> {
    /// `path` is for messages.
    pub(super) fn new(path: &'a Path, input: R) -> Self {
        Self {
            path,
            input: input.take(MAX_TEXT),
            line: Vec::new(),
            number: 0,
        }
    }

    /// Reads the next line into place; `false` at the end.
    pub(super) fn advance(&mut self) -> Result<bool, LoadError> {
        self.line.clear();
        self.number += 1;
        let longest = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        let octets = (&mut self.input)
            .take(longest)
            .read_until(b'\n', &mut self.line)
            .map_err(|error| LoadError::read(self.path, error))?;
        if octets == MAX_LINE && !self.line.ends_with(b"\n") {
            let text = String::from_utf8_lossy(&self.line);
            return Err(self.wrong(&text, "is too long for a line"));
        }
        if octets == 0 && self.input.limit() == 0 {
            let reason = "is larger than 1 GiB unpacked";
            return Err(LoadError::format(self.path, reason));
        }
        Ok(octets != 0)
    }

    /// The line in place, without blanks around it.
    pub(super) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.line.trim_ascii())
    }

    /// What is wrong with a value in the line in place.
    pub(super) fn wrong(&self, value: &str, reason: &str) -> LoadError {
        LoadError::Line {
            path: self.path.into(),
            line: self.number,
            value: notation::excerpt(value),
            reason: reason.into(),
        }
    }
}
