//! Files of sources as they come: plain or packed with gzip, bzip2, xz or zstd, told apart by their first
//! octets and not by their names; and text from them line by line.
//!
//! Lives while one file is read. Refuses lines without end, text that unpacks to more than any table
//! has, and whatever unpacks to more times its own size than any table does.

mod packing;
mod zstd;

use super::notation;
use super::source::LoadError;
use crate::files::{self, Load};
use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use packing::Packing;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Take};
use std::path::Path;
use std::rc::Rc;
use zstd::Frames;

/// Octets read at once: a guess, larger reads were not faster.
const BUFFER: usize = 1 << 16;

/// Octets of a line. A guess with room to spare: prefix, number and name need a tenth of it.
const MAX_LINE: usize = 4096;

/// Octets of a text, unpacked. A guess with room to spare: `location dump` of 2022 has 128 MiB,
/// but a small gzip file can unpack to anything.
const MAX_TEXT: u64 = 1 << 30;

/// Times its own size that a file may unpack to. Prefix lists do 6 times, routing tables 8 to 15,
/// bombs of zeros 1000 times (gzip) to a million (bzip2).
const MAX_RATIO: u64 = 100;

/// Octets that any file may unpack to: the first block of bzip2 alone is 900 kB of anything.
const FREE: u64 = 1 << 24;

/// KiB that unpacking may take: what `zstd --ultra -22` and `xz -9` have written takes 128 and 65 MiB.
const MAX_WINDOW_KIB: u32 = 129 << 10;

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
    unpacking(files::open(path).map_err(failed)?, load).map_err(failed)
}

/// Unpacks what is packed.
fn unpacking<'a>(input: impl Read + 'a, load: &'a Load) -> io::Result<Box<dyn BufRead + 'a>> {
    let octets = Rc::new(Cell::new(0));
    let packed = Packed {
        input,
        load,
        octets: Rc::clone(&octets),
    };
    let mut file = BufReader::with_capacity(BUFFER, packed);
    let Some(packing) = Packing::of(file.fill_buf()?) else {
        return Ok(Box::new(file));
    };
    let decoder: Box<dyn Read + 'a> = match packing {
        Packing::Gzip => Box::new(MultiGzDecoder::new(file)),
        Packing::Bzip2 => Box::new(MultiBzDecoder::new(file)),
        Packing::Xz => Box::new(XzReader::new_mem_limit(file, true, MAX_WINDOW_KIB)),
        Packing::Zstd => Box::new(Frames::new(file, u64::from(MAX_WINDOW_KIB) << 10)),
        Packing::Other(what) => return Err(io::Error::other(format!("is {what}"))),
    };
    let unpacked = Unpacked {
        decoder,
        packing,
        load,
        packed: octets,
        octets: 0,
        failed: false,
    };
    let mut file = BufReader::with_capacity(BUFFER, unpacked);
    if let Some(inner) = Packing::of(file.fill_buf()?) {
        let reason = format!("has, within {}: {}", packing.name(), inner.name());
        return Err(io::Error::other(reason));
    }
    Ok(Box::new(file))
}

/// A file as it lies on the disk.
struct Packed<'a, R = File> {
    input: R,
    load: &'a Load,
    /// Octets read so far.
    octets: Rc<Cell<u64>>,
}

impl<R: Read> Read for Packed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.load.check_cancelled()?;
        let octets = self.input.read(buffer)?;
        self.octets.set(self.octets.get() + octets as u64);
        Ok(octets)
    }
}

/// What comes out of a file, as long as there is no more of it than a table can be.
struct Unpacked<'a> {
    decoder: Box<dyn Read + 'a>,
    packing: Packing,
    load: &'a Load,
    /// Octets of the file read so far.
    packed: Rc<Cell<u64>>,
    /// Octets that came out so far.
    octets: u64,
    /// What has failed once is not asked again.
    failed: bool,
}

impl Unpacked<'_> {
    fn unpack(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = self.decoder.read(buffer);
        // who has called it off is told that, and not how the decoder took it
        self.load.check_cancelled()?;
        let octets = octets.map_err(|error| {
            let reason = format!("{}: {error}", self.packing.name());
            io::Error::new(error.kind(), reason)
        })?;
        // a little of a bomb is read once, and then unpacks for an hour
        self.octets += octets as u64;
        if self.octets > FREE && self.octets / MAX_RATIO > self.packed.get() {
            let reason = format!("unpacks to more than {MAX_RATIO} times its size: no table does");
            return Err(io::Error::other(reason));
        }
        Ok(octets)
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.failed {
            return Err(io::Error::other("was not unpacked to its end"));
        }
        let unpacked = self.unpack(buffer);
        self.failed = unpacked.is_err();
        unpacked
    }
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
