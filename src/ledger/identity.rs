//! Says which meter a ledger belongs to: its name and its public key; and locks it against a second
//! writer.

use super::directory::{LedgerDirectory, LedgerError};
use super::key::PublicKey;
use super::leaf::FORMAT;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};

/// The file that names the ledger.
const IDENTITY: &str = "ledger.json";
/// The public key.
pub(super) const KEY: &str = "ledger.pub";
/// The file whose lock the writer holds.
const LOCK: &str = "lock";

/// Octets of a small file that are read at most.
pub(super) const MAX_SMALL: u64 = 1 << 16;

/// `ledger.json`.
#[derive(Serialize, Deserialize, PartialEq, Eq, Debug)]
struct Identity {
    origin: String,
    format: u32,
}

/// Takes the lock of a ledger.
pub(super) fn lock(directory: &LedgerDirectory) -> Result<File, LedgerError> {
    let path = directory.file(LOCK);
    let file = directory.open(
        &path,
        OpenOptions::new().write(true).create(true).truncate(false),
    )?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LedgerError::Locked(directory.path().to_owned())),
        Err(TryLockError::Error(error)) => Err(LedgerError::system(&path)(error)),
    }
}

/// Checks that a ledger is that of the meter with this origin; begins one where there is nothing.
pub(super) fn identify(directory: &LedgerDirectory, ours: &str) -> Result<(), LedgerError> {
    let path = directory.file(IDENTITY);
    if path.exists() {
        let origin = origin(directory)?;
        if origin != ours {
            return Err(LedgerError::OtherMeter {
                path: directory.path().to_owned(),
                theirs: origin,
                ours: ours.to_owned(),
            });
        }
    } else {
        let entries =
            fs::read_dir(directory.path()).map_err(LedgerError::system(directory.path()))?;
        if entries.flatten().any(|entry| entry.file_name() != LOCK) {
            return Err(LedgerError::NotALedger(directory.path().to_owned()));
        }
        let identity = Identity {
            origin: ours.to_owned(),
            format: FORMAT,
        };
        // strings and integers: nothing in it can fail
        let text = serde_json::to_string(&identity).unwrap_or_default();
        directory.replace(&path, text.as_bytes())?;
    }
    Ok(())
}

/// Writes the public key.
pub(super) fn set_key(directory: &LedgerDirectory, key: PublicKey) -> Result<(), LedgerError> {
    directory.replace(&directory.file(KEY), key.to_pem().as_bytes())
}

/// The origin of a ledger.
///
/// # Errors
/// [`LedgerError`]: there is none, or it is of a form that this version does not know.
pub fn origin(directory: &LedgerDirectory) -> Result<String, LedgerError> {
    let path = directory.file(IDENTITY);
    let octets = directory.read(IDENTITY, MAX_SMALL)?;
    let identity: Identity = serde_json::from_slice(&octets)
        .map_err(|error| LedgerError::damaged(&path, error.to_string()))?;
    if identity.format == FORMAT {
        Ok(identity.origin)
    } else {
        let reason = format!("format {} is not known, only {FORMAT}", identity.format);
        Err(LedgerError::damaged(&path, reason))
    }
}

/// The public key of a ledger as PEM; none where it is unsigned.
///
/// # Errors
/// The system's error.
pub fn public_key_pem(directory: &LedgerDirectory) -> Result<Option<String>, LedgerError> {
    if !directory.file(KEY).exists() {
        return Ok(None);
    }
    let path = directory.file(KEY);
    let text = crate::files::read_text(&path, MAX_SMALL);
    text.map(Some).map_err(LedgerError::system(&path))
}
