//! Unpacks files: plain or packed with gzip, bzip2, xz or zstd, told apart by their first octets and not
//! by their names.
//!
//! Lives while one file is read. Refuses whatever unpacks to more times its own size than any table or
//! capture does.

use super::Load;
use super::packing::Packing;
use super::zstd::Frames;
use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Octets read at once: a guess, larger reads were not faster.
const BUFFER: usize = 1 << 16;

/// Times its own size that a file may unpack to. Prefix lists do 6 times, routing tables 8 to 15,
/// captures of one codec 20 to 60, bombs of zeros 1000 times (gzip) to a million (bzip2).
const MAX_RATIO: u64 = 100;

/// Octets that any file may unpack to: the first block of bzip2 alone is 900 kB of anything.
const FREE: u64 = 1 << 24;

/// KiB that unpacking may take: what `zstd --ultra -22` and `xz -9` have written takes 128 and 65 MiB.
const MAX_WINDOW_KIB: u32 = 129 << 10;

/// Unpacks what is packed, for as long as `load` is wanted; without one to the end.
///
/// # Errors
/// The read error of `input`; what it is where it is packed in a way that is not read here. While reading:
/// what is damaged, and whatever unpacks to more times its size than any table or capture does.
pub fn unpacking<'a>(
    input: impl Read + Send + 'a,
    load: Option<&'a Load>,
) -> io::Result<Box<dyn BufRead + Send + 'a>> {
    let octets = Arc::new(AtomicU64::new(0));
    let packed = Packed {
        input,
        load,
        octets: Arc::clone(&octets),
    };
    let mut file = BufReader::with_capacity(BUFFER, packed);
    let Some(packing) = Packing::of(file.fill_buf()?) else {
        return Ok(Box::new(file));
    };
    let decoder: Box<dyn Read + Send + 'a> = match packing {
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

/// Whether a file is packed; `false` where it cannot be read.
pub fn is_packed(path: &Path) -> bool {
    let mut head = [0; 16];
    let read = File::open(path).and_then(|mut file| file.read(&mut head));
    read.is_ok_and(|read| Packing::of(head.get(..read).unwrap_or_default()).is_some())
}

fn check_cancelled(load: Option<&Load>) -> io::Result<()> {
    load.map_or(Ok(()), Load::check_cancelled)
}

/// A file as it lies on the disk.
struct Packed<'a, R = File> {
    input: R,
    load: Option<&'a Load>,
    /// Octets read so far.
    octets: Arc<AtomicU64>,
}

impl<R: Read> Read for Packed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        check_cancelled(self.load)?;
        let octets = self.input.read(buffer)?;
        self.octets.fetch_add(octets as u64, Ordering::Relaxed);
        Ok(octets)
    }
}

/// What comes out of a file, as long as there is no more of it than a table or a capture can be.
struct Unpacked<'a> {
    decoder: Box<dyn Read + Send + 'a>,
    packing: Packing,
    load: Option<&'a Load>,
    /// Octets of the file read so far.
    packed: Arc<AtomicU64>,
    /// Octets that came out so far.
    octets: u64,
    /// What has failed once is not asked again.
    failed: bool,
}

impl Unpacked<'_> {
    fn unpack(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = self.decoder.read(buffer);
        // who has called it off is told that, and not how the decoder took it
        check_cancelled(self.load)?;
        let octets = octets.map_err(|error| {
            let reason = format!("{}: {error}", self.packing.name());
            io::Error::new(error.kind(), reason)
        })?;
        // a little of a bomb is read once, and then unpacks for an hour
        self.octets += octets as u64;
        if self.octets > FREE && self.octets / MAX_RATIO > self.packed.load(Ordering::Relaxed) {
            let reason = format!(
                "unpacks to more than {MAX_RATIO} times its size: no table or capture does"
            );
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

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
