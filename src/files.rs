//! Loading of files, at the start and after a change: regular files only, opened without blocking, with
//! cancellation.
//!
//! A FIFO in place of a table, or a file system that does not respond, must not block the daemon. So
//! anything but a regular file is refused, and a load that does not end is cancelled. A [`Load`]
//! belongs to one attempt; the reading thread and the waiting thread share it.

pub mod digest;
mod packing;
pub mod unpack;
mod zstd;

use std::fs::{File, FileType, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Opens a regular file, or a link to one. The type is checked on the opened file, not on the path, so
/// that it cannot be exchanged in between.
///
/// # Errors
/// The system's error, or the actual type if it is not a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    // opening a FIFO would block, and a terminal could become the controlling one
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let file = match opened {
        // a socket cannot be opened
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {
            let found = std::fs::metadata(path).ok();
            return Err(found.as_ref().and_then(not_regular).unwrap_or(error));
        }
        opened => opened?,
    };
    match not_regular(&file.metadata()?) {
        Some(error) => Err(error),
        None => Ok(file),
    }
}

/// The error for anything but a regular file.
fn not_regular(metadata: &Metadata) -> Option<io::Error> {
    let what = kind(metadata.file_type())?;
    let reason = format!("is {what}, not a regular file");
    Some(io::Error::new(io::ErrorKind::InvalidInput, reason))
}

/// The file type in words; `None` for a regular file.
fn kind(found: FileType) -> Option<&'static str> {
    if found.is_file() {
        return None;
    }
    Some(if found.is_fifo() {
        "a FIFO"
    } else if found.is_dir() {
        "a directory"
    } else if found.is_socket() {
        "a socket"
    } else if found.is_char_device() || found.is_block_device() {
        "a device"
    } else {
        "something else"
    })
}

/// Reads a regular file of at most `mib` MiB.
///
/// # Errors
/// As [`open`]; the system's read error; an error if the file is larger.
pub fn read(path: &Path, mib: u64) -> io::Result<Vec<u8>> {
    read_all(open(path)?, mib)
}

/// Reads at most `mib` MiB to the end.
///
/// # Errors
/// The system's read error; an error if there are more octets.
pub fn read_all(input: impl Read, mib: u64) -> io::Result<Vec<u8>> {
    limited(input, mib << 20, || format!("{mib} MiB"))
}

/// Reads a regular file of at most so many octets.
///
/// # Errors
/// As [`open`]; the system's read error; an error if the file is larger.
pub fn read_small(path: &Path, at_most: u64) -> io::Result<Vec<u8>> {
    limited(open(path)?, at_most, || format!("{at_most} octets"))
}

/// The same of a text in UTF-8.
///
/// # Errors
/// As [`read_small`]; an error if it is none.
pub fn read_text(path: &Path, at_most: u64) -> io::Result<String> {
    let text = String::from_utf8(read_small(path, at_most)?);
    text.map_err(|_| io::Error::other("is no UTF-8"))
}

fn limited(input: impl Read, limit: u64, shown: impl Fn() -> String) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    input.take(limit + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > limit {
        return Err(io::Error::other(format!("is larger than {}", shown())));
    }
    Ok(octets)
}

/// One attempt at loading: the current file, and whether it was cancelled.
#[derive(Debug, Default)]
pub struct Load {
    cancelled: AtomicBool,
    current: Mutex<PathBuf>,
}

impl Load {
    /// Records the file that is read next.
    pub fn begin(&self, path: &Path) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        path.clone_into(&mut current);
    }

    /// The current file, for the error at the deadline.
    pub fn current(&self) -> PathBuf {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// Cancels the load: reading ends at the next check.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Checks for cancellation; called between two steps of reading.
    ///
    /// # Errors
    /// An error if the load was cancelled.
    pub fn check_cancelled(&self) -> io::Result<()> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(io::Error::other("loading was called off"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    #[test]
    fn only_a_regular_file_or_a_link_to_one_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "text").unwrap();
        symlink(at("file"), at("link")).unwrap();
        for name in ["file", "link"] {
            assert_eq!(read(&at(name), 1).unwrap(), b"text", "{name}");
        }
        assert!(
            Command::new("mkfifo")
                .arg(at("fifo"))
                .status()
                .unwrap()
                .success()
        );
        symlink(at("fifo"), at("link to a fifo")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        for (path, what) in [
            (at("fifo"), "a FIFO"),
            (at("link to a fifo"), "a FIFO"),
            (at("socket"), "a socket"),
            (folder.path().into(), "a directory"),
            ("/dev/zero".into(), "a device"),
        ] {
            let error = read(&path, 1).unwrap_err().to_string();
            assert_eq!(error, format!("is {what}, not a regular file"), "{path:?}");
        }
        let missing = open(&at("nowhere")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_is_read_up_to_its_size_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, vec![7; 1 << 20]).unwrap();
        assert_eq!(read(&path, 1).unwrap().len(), 1 << 20);
        fs::write(&path, vec![7; (1 << 20) + 1]).unwrap();
        let error = read(&path, 1).unwrap_err();
        assert_eq!(error.to_string(), "is larger than 1 MiB");
    }
}
