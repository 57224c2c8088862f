//! Which key must have signed a checkpoint.

use super::super::checkpoint::SignedCheckpoint;
use super::super::directory::{LedgerDirectory, LedgerError};
use super::super::key::PublicKey;
use super::super::key_change;
use super::super::leaf::KeyLeaf;

/// The keys of a ledger on the way through its leaves.
#[derive(Debug)]
pub(super) struct Signers {
    /// The oldest first; none: it is unsigned.
    keys: Vec<PublicKey>,
    /// The one that signs here.
    at: usize,
    /// Leaves say that it is this one; before the first change in what is left of a ledger it may be a later one.
    is_certain: bool,
}

impl Signers {
    /// The keys of a ledger, one of which the other side has. Of another key than these nothing is known
    /// but that it must have signed.
    pub(super) fn of(
        directory: &LedgerDirectory,
        origin: &str,
        given: Option<PublicKey>,
    ) -> Result<Self, LedgerError> {
        let keys = match (key_change::keys(directory, origin), given) {
            (Ok(keys), Some(given)) if !keys.contains(&given) => vec![given],
            (Err(_), Some(given)) => vec![given],
            (keys, _) => keys?,
        };
        Ok(Self {
            keys,
            at: 0,
            is_certain: false,
        })
    }

    /// The first leaf that is read has this number.
    pub(super) fn begin(&mut self, first: u64) {
        self.is_certain |= first == 0;
    }

    /// The key that signs here.
    pub(super) fn current(&self) -> Option<PublicKey> {
        self.keys.get(self.at).copied()
    }

    /// A change of the key.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn change(&mut self, change: &KeyLeaf, origin: &str) -> Result<(), String> {
        let keys = change.keys(origin);
        let (old, new) = keys.ok_or("is not signed by both keys")?;
        let rest = self.keys.get(self.at..).unwrap_or_default();
        let place = rest.iter().position(|key| *key == old);
        let place = place.filter(|place| *place == 0 || !self.is_certain);
        let place = place.ok_or("is a change of another key than that which signs")?;
        self.at += place + 1;
        match self.keys.get(self.at) {
            Some(key) if *key == new => {}
            Some(_) => return Err("changes to another key than keys.jsonl does".into()),
            None => self.keys.push(new),
        }
        self.is_certain = true;
        Ok(())
    }

    /// Whether a checkpoint is signed by the key that signs here; one without any signature is not.
    ///
    /// # Errors
    /// Why its signature does not hold.
    pub(super) fn check(&mut self, note: &SignedCheckpoint) -> Result<bool, String> {
        let rest = self.keys.get(self.at..).unwrap_or_default();
        if note.signatures.is_empty() || rest.is_empty() {
            return Ok(false);
        }
        let place = rest.iter().position(|key| note.is_signed_by(*key));
        let place = place.filter(|place| *place == 0 || !self.is_certain);
        self.at += place.ok_or("is not signed by the key")?;
        Ok(true)
    }
}
