//! A file to which whole writes are appended, or nothing of them.

use crate::ledger::directory::{LedgerDirectory, LedgerError};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

/// A file that is only appended to.
#[derive(Debug)]
pub(super) struct AppendFile {
    path: PathBuf,
    pub(super) file: File,
    pub(super) length: u64,
}

impl AppendFile {
    pub(super) fn open(
        directory: &LedgerDirectory,
        name: &str,
        length: u64,
    ) -> Result<Self, LedgerError> {
        let path = directory.file(name);
        let file = directory.open(&path, OpenOptions::new().append(true).create(true))?;
        let opened = Self { path, file, length };
        // what is behind was not whole
        opened
            .file
            .set_len(length)
            .map_err(LedgerError::system(&opened.path))?;
        Ok(opened)
    }

    /// Appends all octets, or none: what was written of them is taken back.
    pub(super) fn append(&mut self, octets: &[u8]) -> Result<(), LedgerError> {
        if let Err(error) = self.file.write_all(octets) {
            self.file
                .set_len(self.length)
                .map_err(LedgerError::system(&self.path))?;
            return Err(LedgerError::system(&self.path)(error));
        }
        self.length += octets.len() as u64;
        Ok(())
    }

    pub(super) fn sync(&self) -> Result<(), LedgerError> {
        self.file
            .sync_data()
            .map_err(LedgerError::system(&self.path))
    }
}
