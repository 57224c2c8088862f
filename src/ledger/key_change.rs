//! Changes of the key that signs a ledger (docs/EVIDENCE.md §3.2): the old key names the new one, and the
//! new one the old one, so that whoever knows either knows both.
//!
//! `keys.jsonl` has all changes, the oldest first, and is kept when the days of their leaves are removed.

use super::checkpoint::SignedCheckpoint;
use super::directory::{LedgerDirectory, LedgerError};
use super::identity;
use super::key::{PrivateKey, PublicKey};
use super::leaf::{KeyLeaf, Leaf};
use super::requests;
use crate::units::Second;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The file with all changes.
const CHANGES: &str = "keys.jsonl";

/// Changes of a ledger's key at most: one a day for some years.
pub const MAX_KEY_CHANGES: usize = 1000;

/// Octets of the file at most: a change has some 450.
const MAX_CHANGES_FILE: u64 = 1 << 20;

impl KeyLeaf {
    /// A change that both keys sign, at no time yet.
    pub fn signed(origin: &str, old: &PrivateKey, new: &PrivateKey) -> Self {
        let (before, public) = (old.public().to_base64(), new.public().to_base64());
        let text = text(origin, &before, &public);
        Self {
            time: Second::default(),
            signature: STANDARD.encode(old.sign(text.as_bytes())),
            confirmation: STANDARD.encode(new.sign(text.as_bytes())),
            before,
            public,
        }
    }

    /// The old and the new key; none where one of them has not signed it for this ledger.
    pub fn keys(&self, origin: &str) -> Option<(PublicKey, PublicKey)> {
        let key = |text: &str| PublicKey::from_base64(text).filter(|key| key.to_base64() == text);
        let (old, new) = (key(&self.before)?, key(&self.public)?);
        let text = text(origin, &self.before, &self.public);
        let has_signed = |key: PublicKey, signature: &str| {
            let signature = STANDARD.decode(signature).unwrap_or_default();
            key.verifies(text.as_bytes(), &signature)
        };
        let is_signed = has_signed(old, &self.signature) && has_signed(new, &self.confirmation);
        (is_signed && old != new).then_some((old, new))
    }

    /// The same at a time.
    #[must_use]
    pub fn at(&self, time: Second) -> Self {
        Self {
            time,
            ..self.clone()
        }
    }
}

/// What both keys sign.
fn text(origin: &str, before: &str, public: &str) -> String {
    format!("asnmeter key change\n{origin}\n{before}\n{public}\n")
}

/// The public key of a ledger; none where it is unsigned.
///
/// # Errors
/// The system's error, or that it is none.
pub fn current(directory: &LedgerDirectory) -> Result<Option<PublicKey>, LedgerError> {
    let Some(pem) = identity::public_key_pem(directory)? else {
        return Ok(None);
    };
    let key = PublicKey::from_pem(&pem);
    let damaged = |error: super::key::KeyError| {
        LedgerError::damaged(&directory.file("ledger.pub"), error.to_string())
    };
    key.map(Some).map_err(damaged)
}

/// All public keys of a ledger, the oldest first: none where it is unsigned.
///
/// # Errors
/// The system's error, or that what is there does not lead to the current key.
pub fn keys(directory: &LedgerDirectory, origin: &str) -> Result<Vec<PublicKey>, LedgerError> {
    let Some(current) = current(directory)? else {
        return Ok(Vec::new());
    };
    let changes = changes(directory, origin)?;
    let first = changes.first().map(|(_, (old, _))| *old);
    let later = changes.iter().map(|(_, (_, new))| *new);
    let mut keys: Vec<_> = first.into_iter().chain(later).collect();
    match keys.iter().rposition(|key| *key == current) {
        // what is behind was not begun
        Some(place) => keys.truncate(place + 1),
        None if keys.is_empty() => keys.push(current),
        None => return Err(unlinked(directory)),
    }
    Ok(keys)
}

/// The changes in the file, each with its keys.
type Changes = Vec<(KeyLeaf, (PublicKey, PublicKey))>;

fn changes(directory: &LedgerDirectory, origin: &str) -> Result<Changes, LedgerError> {
    let path = directory.file(CHANGES);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let octets = directory.read(CHANGES, MAX_CHANGES_FILE)?;
    let damaged = |reason: String| LedgerError::damaged(&path, reason);
    let text = std::str::from_utf8(&octets).map_err(|_| damaged("no UTF-8".into()))?;
    let mut changes: Changes = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Ok(Leaf::Key(change)) = Leaf::from_line(line) else {
            return Err(damaged(format!("line {number} is no change of a key")));
        };
        let keys = change.keys(origin);
        let keys =
            keys.ok_or_else(|| damaged(format!("line {number} is not signed by both keys")))?;
        if changes.last().is_some_and(|(_, (_, new))| *new != keys.0) {
            return Err(damaged(format!(
                "line {number} does not go on from the one before"
            )));
        }
        changes.push((change, keys));
    }
    if changes.len() > MAX_KEY_CHANGES {
        return Err(damaged(format!("more than {MAX_KEY_CHANGES} changes")));
    }
    Ok(changes)
}

fn unlinked(directory: &LedgerDirectory) -> LedgerError {
    LedgerError::damaged(
        &directory.file(CHANGES),
        "does not lead to the key in ledger.pub",
    )
}

/// The change to a key that is requested.
fn requested(
    directory: &LedgerDirectory,
    origin: &str,
    (old, new): (PublicKey, PublicKey),
) -> Result<Option<KeyLeaf>, LedgerError> {
    let changes = requests::pending(directory)?.into_iter();
    let mut changes = changes.filter_map(|(_, leaf)| match leaf {
        Ok(Leaf::Key(change)) => Some(change),
        Ok(_) | Err(_) => None,
    });
    Ok(changes.find(|change| change.keys(origin) == Some((old, new))))
}

/// The change that the key of whoever writes makes necessary: none where it is the ledger's, or becomes
/// the first one of an unsigned ledger.
///
/// # Errors
/// What the system says; [`LedgerError::OtherKey`] where nobody has asked for that change.
pub(super) fn needed(
    directory: &LedgerDirectory,
    origin: &str,
    ours: PublicKey,
) -> Result<Option<KeyLeaf>, LedgerError> {
    match current(directory)? {
        None => identity::set_key(directory, ours).map(|()| None),
        Some(theirs) if theirs == ours => Ok(None),
        Some(theirs) => {
            let change = requested(directory, origin, (theirs, ours))?;
            let change = change.ok_or_else(|| LedgerError::OtherKey(directory.file(identity::KEY)));
            change.map(Some)
        }
    }
}

/// From here on the new key is the ledger's: first in the list of changes, then in `ledger.pub`. The
/// leaf follows with the next second; [`unwritten`] finds what is between.
///
/// # Errors
/// The system's error, or that there are too many changes.
pub(super) fn begin(
    directory: &LedgerDirectory,
    origin: &str,
    change: &KeyLeaf,
) -> Result<(), LedgerError> {
    let known = keys(directory, origin)?.len().saturating_sub(1);
    if known >= MAX_KEY_CHANGES {
        let reason = format!("has {MAX_KEY_CHANGES} changes: begin a new ledger");
        return Err(LedgerError::damaged(&directory.file(CHANGES), reason));
    }
    let changes = changes(directory, origin)?.into_iter().take(known);
    let lines = changes.map(|(change, _)| change).chain([change.clone()]);
    let lines: String = lines
        .map(|change| Leaf::Key(change).to_line() + "\n")
        .collect();
    directory.replace(&directory.file(CHANGES), lines.as_bytes())?;
    directory.sync()
}

/// The change whose leaf is not written yet: the last checkpoint is by the old key, and no line behind it says
/// that there is another one.
///
/// # Errors
/// The system's error.
pub(super) fn unwritten(
    directory: &LedgerDirectory,
    key: PublicKey,
    head: Option<&SignedCheckpoint>,
    open_lines: &str,
) -> Result<Option<KeyLeaf>, LedgerError> {
    let Some(head) = head.filter(|head| !head.signatures.is_empty() && !head.is_signed_by(key))
    else {
        return Ok(None);
    };
    let mut open = open_lines.lines().map(Leaf::from_line);
    if open.any(|leaf| matches!(leaf, Ok(Leaf::Key(leaf)) if leaf.public == key.to_base64())) {
        return Ok(None);
    }
    let changes = changes(directory, &head.checkpoint.origin)?;
    let last = changes.into_iter().rev().find(|(_, (_, new))| *new == key);
    Ok(last
        .filter(|(_, (old, _))| head.is_signed_by(*old))
        .map(|(change, _)| change))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::key::tests::private_pem;

    #[test]
    fn a_change_holds_for_its_ledger_and_its_two_keys_only() {
        let key = |seed| PrivateKey::from_pem(&private_pem(seed)).unwrap();
        let (old, new) = (key(7), key(8));
        let change = KeyLeaf::signed("voice.example", &old, &new);
        let both = Some((old.public(), new.public()));
        assert_eq!(change.keys("voice.example"), both);
        assert_eq!(change.at(Second(9)).keys("voice.example"), both);
        assert_eq!(change.keys("voice.exampl"), None);
        let other = KeyLeaf::signed("voice.example", &key(9), &new);
        let changes: [fn(&mut KeyLeaf, &KeyLeaf); 5] = [
            |change, other| change.before.clone_from(&other.before),
            |change, other| change.public.clone_from(&other.before),
            |change, other| change.signature.clone_from(&other.signature),
            |change, other| change.confirmation.clone_from(&other.signature),
            |change, _| std::mem::swap(&mut change.before, &mut change.public),
        ];
        for forge in changes {
            let mut forged = change.clone();
            forge(&mut forged, &other);
            assert_eq!(forged.keys("voice.example"), None, "{forged:?}");
        }
        assert_eq!(
            KeyLeaf::signed("voice.example", &old, &old).keys("voice.example"),
            None
        );
    }
}
