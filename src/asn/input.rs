//! Opens the files of sources, packed or not, and reads text line by line.
//!
//! Lives while one file is read. Refuses lines without end, and text that unpacks to more than any table
//! has.

use super::notation;
use super::source::LoadError;
use crate::files::unpack::unpacking;
use crate::files::{self, Load};
use std::io::{BufRead, Read, Take};
use std::path::Path;

/// Octets of a line. A guess with room to spare: prefix, number and name need a tenth of it.
const MAX_LINE: usize = 4096;

/// Octets of a text, unpacked. A guess with room to spare: `location dump` of 2022 has 128 MiB,
/// but a small gzip file can unpack to anything.
const MAX_TEXT: u64 = 1 << 30;

/// The mark of byte order that some editors write at the head of a text in UTF-8.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The same of UTF-16, in either order.
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// Opens a file and unpacks it on the way, for as long as it is wanted.
///
/// # Errors
/// [`LoadError`] where the file is not there, is no regular file or cannot be read, and where it is
/// packed in a way that is not read here.
pub(super) fn open<'a>(path: &Path, load: &'a Load) -> Result<Box<dyn BufRead + 'a>, LoadError> {
    let failed = |error| LoadError::read(path, error);
    let file = unpacking(files::open(path).map_err(failed)?, Some(load)).map_err(failed)?;
    Ok(file)
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
        if self.number == 1 {
            if UTF16_MARKS.iter().any(|mark| self.line.starts_with(mark)) {
                let reason = "is text in UTF-16 (byte order mark): save it as UTF-8";
                return Err(LoadError::format(self.path, reason));
            }
            if self.line.starts_with(UTF8_MARK) {
                self.line.drain(..UTF8_MARK.len());
            }
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

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
