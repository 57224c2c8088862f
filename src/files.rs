//! Files that are loaded, at the start and when they have changed: regular ones only, opened
//! without waiting, and read for as long as somebody wants them.
//!
//! A FIFO in place of a table, or a file system that has stopped answering, must not take the
//! daemon with it: what is no file is refused, and what does not end is called off. A [`Load`]
//! belongs to one attempt at loading; it is shared by who reads and who waits.

use std::fs::{File, FileType, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Opens a file that must be a regular one, or a link to one. What was opened is looked at, not
/// what has the name: nothing can take its place in between.
///
/// # Errors
/// What the system says, or what it is instead of a file.
pub fn open(path: &Path) -> io::Result<File> {
    // whoever opens a FIFO waits for its other end, and a terminal may become ours
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let file = match opened {
        // a socket cannot even be opened
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {
            let found = std::fs::metadata(path).ok();
            return Err(found.as_ref().and_then(other_than_file).unwrap_or(error));
        }
        opened => opened?,
    };
    match other_than_file(&file.metadata()?) {
        Some(error) => Err(error),
        None => Ok(file),
    }
}

/// What is wrong with what is no regular file.
fn other_than_file(metadata: &Metadata) -> Option<io::Error> {
    let what = kind(metadata.file_type())?;
    let reason = format!("is {what}, not a regular file");
    Some(io::Error::new(io::ErrorKind::InvalidInput, reason))
}

/// What it is, if no regular file.
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

/// The octets of a regular file of at most so many MiB.
///
/// # Errors
/// As [`open`]; what the system says while reading; that it is larger.
pub fn read(path: &Path, mib: u64) -> io::Result<Vec<u8>> {
    whole(open(path)?, mib)
}

/// All octets of something that has at most so many MiB.
///
/// # Errors
/// What the system says while reading; that there are more.
pub fn whole(input: impl Read, mib: u64) -> io::Result<Vec<u8>> {
    let most = mib << 20;
    let mut octets = Vec::new();
    input.take(most + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > most {
        return Err(io::Error::other(format!("is larger than {mib} MiB")));
    }
    Ok(octets)
}

/// One attempt at loading: which file it is at, and whether anybody still wants it.
#[derive(Debug, Default)]
pub struct Load {
    called_off: AtomicBool,
    at: Mutex<PathBuf>,
}

impl Load {
    /// Notes which file is next.
    pub fn begin(&self, path: &Path) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        path.clone_into(&mut at);
    }

    /// Which file it is at: for whoever has waited too long.
    pub fn at(&self) -> PathBuf {
        let at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.clone()
    }

    /// Nobody wants it any more: what is being read ends at the next occasion.
    pub fn call_off(&self) {
        self.called_off.store(true, Ordering::Relaxed);
    }

    /// Asked between two steps of reading.
    ///
    /// # Errors
    /// That it was called off.
    pub fn goes_on(&self) -> io::Result<()> {
        if self.called_off.load(Ordering::Relaxed) {
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
    fn a_file_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, vec![7; 1 << 20]).unwrap();
        assert_eq!(read(&path, 1).unwrap().len(), 1 << 20);
        fs::write(&path, vec![7; (1 << 20) + 1]).unwrap();
        let error = read(&path, 1).unwrap_err();
        assert_eq!(error.to_string(), "is larger than 1 MiB");
    }
}
