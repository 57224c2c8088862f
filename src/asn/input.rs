//! Files of sources as they come: plain, gzip or bzip2, told apart by their first octets and not by
//! their names; and text from them line by line.
//!
//! Lives while one file is read. Refuses lines without end, text that unpacks to more than any table
//! has, and whatever unpacks to more times its own size than any table does.

use super::notation;
use super::source::LoadError;
use crate::files::{self, Load};
use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Take};
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

/// Times its own size that a file may unpack to. Prefix lists do 6 times, routing tables 8 to 15,
/// bombs of zeros 1000 times (gzip) to a million (bzip2).
const MAX_RATIO: u64 = 100;

/// Octets that any file may unpack to: the first block of bzip2 alone is 900 kB of anything.
const FREE: u64 = 1 << 24;

/// Opens a file and unpacks it on the way, for as long as it is wanted.
///
/// # Errors
/// [`LoadError`] where the file is not there, is no regular file or cannot be read.
pub(super) fn open<'a>(path: &Path, load: &'a Load) -> Result<Box<dyn BufRead + 'a>, LoadError> {
    let failed = |error| LoadError::read(path, error);
    let file = Packed::open(path, load).map_err(failed)?;
    let mut file = BufReader::with_capacity(BUFFER, file);
    let head = file.fill_buf().map_err(failed)?;
    Ok(if head.starts_with(GZIP_MAGIC) {
        let unpacked = Unpacked::new(MultiGzDecoder::new(file));
        Box::new(BufReader::with_capacity(BUFFER, unpacked))
    } else if head.starts_with(BZIP2_MAGIC) {
        let unpacked = Unpacked::new(MultiBzDecoder::new(file));
        Box::new(BufReader::with_capacity(BUFFER, unpacked))
    } else {
        Box::new(file)
    })
}

/// A file as it lies on the disk.
pub(super) struct Packed<'a, R = File> {
    input: R,
    load: &'a Load,
    /// Octets read so far.
    octets: u64,
}

impl<'a> Packed<'a> {
    /// Opens a regular file.
    pub(super) fn open(path: &Path, load: &'a Load) -> io::Result<Self> {
        files::open(path).map(|file| Self::new(file, load))
    }
}

impl<'a, R> Packed<'a, R> {
    fn new(input: R, load: &'a Load) -> Self {
        Self {
            input,
            load,
            octets: 0,
        }
    }
}

impl<R: Read> Read for Packed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.load.check_cancelled()?;
        let octets = self.input.read(buffer)?;
        self.octets += octets as u64;
        Ok(octets)
    }
}

/// What unpacks a file.
trait Decoder: Read {
    /// The file.
    fn packed(&self) -> (&Load, u64);
}

impl<R: Read> Decoder for MultiGzDecoder<BufReader<Packed<'_, R>>> {
    fn packed(&self) -> (&Load, u64) {
        let packed = self.get_ref().get_ref();
        (packed.load, packed.octets)
    }
}

impl<R: Read> Decoder for MultiBzDecoder<BufReader<Packed<'_, R>>> {
    fn packed(&self) -> (&Load, u64) {
        let packed = self.get_ref().get_ref();
        (packed.load, packed.octets)
    }
}

/// What comes out of a file, as long as there is no more of it than a table can be.
struct Unpacked<D> {
    decoder: D,
    /// Octets that came out so far.
    octets: u64,
}

impl<D: Decoder> Unpacked<D> {
    fn new(decoder: D) -> Self {
        Self { decoder, octets: 0 }
    }
}

impl<D: Decoder> Read for Unpacked<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = self.decoder.read(buffer)?;
        self.octets += octets as u64;
        let (load, packed) = self.decoder.packed();
        // a little of a bomb is read once, and then unpacks for an hour
        load.check_cancelled()?;
        if self.octets > FREE && self.octets / MAX_RATIO > packed {
            let reason = format!("unpacks to more than {MAX_RATIO} times its size: no table does");
            return Err(io::Error::other(reason));
        }
        Ok(octets)
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
