//! Keeps the heads of another meter's ledger for a witness: every one that it has seen, each going on
//! from the one before.
//!
//! | file | what |
//! |---|---|
//! | `witness.notes` | the heads, with the witness's cosignature if he has a key; one empty line after each |
//! | `meter.pub` | the meter's key, as it was given or seen first |
//! | `witness.vkey` | the key by which cosignatures are verified |
//! | `fork-N.notes` | two heads that exclude each other: the proof |
//!
//! One writer, who holds the lock. Nothing is ever removed.

use super::checkpoint::{SignedCheckpoint, read_notes};
use super::consistency::{self, Inconsistency, Tiles};
use super::cosignature::{WitnessKey, cosign};
use super::directory::{LedgerDirectory, LedgerError};
use super::key::{PrivateKey, PublicKey};
use crate::units::Second;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Octets of a witness's heads that are read: a year of minutes with two signatures each has 200 MiB.
const MAX_HEADS: u64 = 1 << 30;

/// Octets of a key that are read.
const MAX_PEM: u64 = 1 << 12;

/// Files of proof at most: a meter that shows two trees is not asked again.
const MAX_FORKS: u32 = 1000;

/// The key that cosigns, and its name.
#[derive(Debug)]
pub struct Cosigner {
    /// Names the witness.
    pub name: String,
    /// Its key.
    pub key: PrivateKey,
}

/// Why a head is not taken.
#[derive(thiserror::Error, Debug)]
pub enum WitnessError {
    /// What the witness keeps cannot be read or written.
    #[error(transparent)]
    Kept(#[from] LedgerError),
    /// The head is no head of this meter.
    #[error("the head of {size} leaves {reason}")]
    Refused {
        /// Its size.
        size: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The tiles show nothing.
    #[error("the head of {0} leaves is not proven: its tiles are not those of its tree")]
    Unproven(u64),
    /// Two heads exclude each other.
    #[error(
        "FORK: the meter signed {old} leaves and then {new} that do not go on from them; both heads are kept in {}",
        proof.display()
    )]
    Fork {
        /// The size of the head that was kept.
        old: u64,
        /// The size of the new one.
        new: u64,
        /// Where both are.
        proof: PathBuf,
    },
}

/// A witness of one meter.
#[derive(Debug)]
pub struct Witness {
    directory: LedgerDirectory,
    cosigner: Option<Cosigner>,
    meter: Option<PublicKey>,
    head: Option<SignedCheckpoint>,
    _lock: File,
}

impl Witness {
    /// Goes on with what a directory keeps, or begins. `meter` is the key of the meter, where it is known.
    ///
    /// # Errors
    /// [`LedgerError`]: what is kept cannot be used, or another process does.
    pub fn open(
        path: &Path,
        cosigner: Option<Cosigner>,
        meter: Option<PublicKey>,
    ) -> Result<Self, LedgerError> {
        let directory = LedgerDirectory::new(path);
        directory.create()?;
        let lock_file = directory.file("lock");
        let lock = directory.open(
            &lock_file,
            OpenOptions::new().write(true).create(true).truncate(false),
        )?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LedgerError::Locked(path.to_owned())),
            Err(TryLockError::Error(source)) => {
                return Err(LedgerError::system(&lock_file)(source));
            }
        }
        let mut witness = Self {
            head: last_head(&directory)?,
            directory,
            cosigner,
            meter: None,
            _lock: lock,
        };
        witness.meter = witness.kept_key()?;
        if let Some(given) = meter {
            witness.keep_key(given)?;
        }
        if let Some(cosigner) = &witness.cosigner {
            let key = WitnessKey {
                name: cosigner.name.clone(),
                public: cosigner.key.public(),
            };
            let text = key.to_text() + "\n";
            let path = witness.directory.file("witness.vkey");
            witness.directory.replace(&path, text.as_bytes())?;
        }
        Ok(witness)
    }

    /// The last head that was taken.
    pub fn head(&self) -> Option<&SignedCheckpoint> {
        self.head.as_ref()
    }

    /// The meter's key, once it is known.
    pub fn meter_key(&self) -> Option<PublicKey> {
        self.meter
    }

    fn kept_key(&self) -> Result<Option<PublicKey>, LedgerError> {
        let path = self.directory.file("meter.pub");
        if !path.exists() {
            return Ok(None);
        }
        let octets = self.directory.read("meter.pub", MAX_PEM)?;
        let key = PublicKey::from_pem(&String::from_utf8_lossy(&octets));
        key.map(Some)
            .map_err(|error| LedgerError::damaged(&path, error.to_string()))
    }

    /// Keeps the meter's key.
    ///
    /// # Errors
    /// The system's error.
    pub fn keep_key(&mut self, key: PublicKey) -> Result<(), LedgerError> {
        self.meter = Some(key);
        let path = self.directory.file("meter.pub");
        self.directory.replace(&path, key.to_pem().as_bytes())
    }

    /// Takes a head that the meter shows, with the tiles of [`consistency::tiles_for`]; whether it is a new one.
    ///
    /// # Errors
    /// [`WitnessError`]. Of a fork both heads are kept first.
    pub fn take(
        &mut self,
        note: &SignedCheckpoint,
        tiles: &Tiles,
        now: Second,
    ) -> Result<bool, WitnessError> {
        let size = note.checkpoint.size;
        let refused = |reason: String| WitnessError::Refused { size, reason };
        if self.meter.is_some_and(|key| !note.is_signed_by(key)) {
            return Err(refused("is not signed by the meter's key".into()));
        }
        if let Some(head) = &self.head {
            let (ours, theirs) = (&head.checkpoint, &note.checkpoint);
            if ours.origin != theirs.origin {
                return Err(refused(format!(
                    "is of {:?}, not of {:?}",
                    theirs.origin, ours.origin
                )));
            }
            match consistency::check(ours, theirs, tiles) {
                Ok(()) if ours.size == theirs.size => return Ok(false),
                Ok(()) => {}
                Err(Inconsistency::Unproven) => return Err(WitnessError::Unproven(size)),
                Err(Inconsistency::Fork) => {
                    let (old, proof) = (ours.size, self.keep_fork(head, note)?);
                    return Err(WitnessError::Fork {
                        old,
                        new: size,
                        proof,
                    });
                }
            }
        }
        let mut own = note.clone();
        // who else has cosigned it is his affair
        own.signatures
            .retain(|line| line.signer == own.checkpoint.origin);
        if let Some(cosigner) = &self.cosigner {
            cosign(&mut own, &cosigner.name, &cosigner.key, now);
        }
        self.append("witness.notes", &[&own])?;
        self.head = Some(own);
        Ok(true)
    }

    fn keep_fork(
        &self,
        old: &SignedCheckpoint,
        new: &SignedCheckpoint,
    ) -> Result<PathBuf, LedgerError> {
        let names = (1..MAX_FORKS).map(|number| format!("fork-{number}.notes"));
        let is_same = |name: &str| {
            let kept = self.directory.read(name, MAX_HEADS).unwrap_or_default();
            kept == text(&[old, new]).as_bytes()
        };
        for name in names {
            let path = self.directory.file(&name);
            if !path.exists() {
                self.append(&name, &[old, new])?;
                return Ok(path);
            }
            if is_same(&name) {
                return Ok(path);
            }
        }
        Ok(self.directory.path().to_owned())
    }

    fn append(&self, name: &str, notes: &[&SignedCheckpoint]) -> Result<(), LedgerError> {
        let path = self.directory.file(name);
        let is_new = !path.exists();
        let mut file = self
            .directory
            .open(&path, OpenOptions::new().append(true).create(true))?;
        let written = file
            .write_all(text(notes).as_bytes())
            .and_then(|()| file.sync_data());
        written.map_err(LedgerError::system(&path))?;
        if is_new {
            self.directory.sync()?;
        }
        Ok(())
    }
}

fn text(notes: &[&SignedCheckpoint]) -> String {
    notes.iter().map(|note| note.to_note() + "\n").collect()
}

/// The last head that is kept. What was half written when the witness was killed is cut off.
fn last_head(directory: &LedgerDirectory) -> Result<Option<SignedCheckpoint>, LedgerError> {
    let path = directory.file("witness.notes");
    if !path.exists() {
        return Ok(None);
    }
    let octets = directory.read("witness.notes", MAX_HEADS)?;
    let text = String::from_utf8(octets).map_err(|_| LedgerError::damaged(&path, "is no text"))?;
    let mut notes = read_notes(&text);
    let end = notes.last().map_or(0, |(_, end)| *end);
    if end < text.len() {
        if text
            .get(end..)
            .is_some_and(|rest| rest.contains("\n\n\n") || rest.matches("\n\n").count() > 1)
        {
            return Err(LedgerError::damaged(
                &path,
                "holds something else than heads",
            ));
        }
        let file = directory.open(&path, OpenOptions::new().write(true))?;
        let cut = file.set_len(end as u64).and_then(|()| file.sync_all());
        cut.map_err(LedgerError::system(&path))?;
    }
    Ok(notes.pop().map(|(note, _)| note))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::checkpoint::Checkpoint;
    use crate::ledger::consistency::{TileName, tiles_for};
    use crate::ledger::key::tests::private_pem;
    use crate::ledger::tree::{Hash, Tree};

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_pem(&private_pem(seed)).unwrap()
    }

    /// A head over so many leaves, all of this word, and its tile.
    fn head(size: usize, word: &str, seed: u8) -> (SignedCheckpoint, Vec<Hash>) {
        let leaves: Vec<_> = (0..size)
            .map(|n| Hash::leaf(format!("{word}{n}").as_bytes()))
            .collect();
        let mut tree = Tree::default();
        for leaf in &leaves {
            tree.push(*leaf);
        }
        let checkpoint = Checkpoint {
            origin: "voice.example/fra-1".into(),
            size: size as u64,
            root: tree.root(),
        };
        (checkpoint.sign(Some(&key(seed))), leaves)
    }

    fn take(
        witness: &mut Witness,
        (note, leaves): &(SignedCheckpoint, Vec<Hash>),
    ) -> Result<bool, WitnessError> {
        let old = witness.head().map_or(0, |head| head.checkpoint.size);
        let names = tiles_for(old, note.checkpoint.size);
        let tiles = names
            .into_iter()
            .map(|name: TileName| (name, leaves[..name.width].to_vec()));
        witness.take(note, &tiles.collect(), Second(1_764_190_800))
    }

    fn open(folder: &Path) -> Witness {
        let cosigner = Cosigner {
            name: "customer.example".into(),
            key: key(9),
        };
        Witness::open(folder, Some(cosigner), Some(key(7).public())).unwrap()
    }

    #[test]
    fn heads_that_go_on_are_kept_and_cosigned_and_a_fork_leaves_both_heads() {
        let folder = tempfile::tempdir().unwrap();
        let mut witness = open(folder.path());
        assert!(take(&mut witness, &head(3, "a", 7)).unwrap());
        assert!(
            !take(&mut witness, &head(3, "a", 7)).unwrap(),
            "seen already"
        );
        assert!(take(&mut witness, &head(90, "a", 7)).unwrap());
        let other = take(&mut witness, &head(91, "a", 8)).unwrap_err();
        assert!(
            matches!(other, WitnessError::Refused { size: 91, .. }),
            "{other}"
        );
        drop(witness);
        // killed within a line, and started again
        let path = folder.path().join("witness.notes");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.clone() + "voice.example/fra-1\n91\n").unwrap();
        let mut witness = open(folder.path());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        let customer = std::fs::read_to_string(folder.path().join("witness.vkey")).unwrap();
        let customer = WitnessKey::from_text(&customer).unwrap();
        let kept = read_notes(&text);
        assert_eq!(kept.len(), 2);
        for (note, _) in &kept {
            assert_eq!(customer.seen(note), Some(Second(1_764_190_800)));
        }
        for (size, word) in [(90, "b"), (200, "b"), (50, "a")] {
            let error = take(&mut witness, &head(size, word, 7)).unwrap_err();
            let WitnessError::Fork { old: 90, proof, .. } = error else {
                panic!("{error}")
            };
            let both = read_notes(&std::fs::read_to_string(proof).unwrap());
            let sizes: Vec<_> = both.iter().map(|(note, _)| note.checkpoint.size).collect();
            assert_eq!(sizes, [90, size as u64]);
        }
        // the same again is no further proof
        take(&mut witness, &head(90, "b", 7)).unwrap_err();
        assert!(!folder.path().join("fork-4.notes").exists());
        assert!(
            take(&mut witness, &head(91, "a", 7)).unwrap(),
            "the honest tree goes on"
        );
        let second = Witness::open(folder.path(), None, None);
        assert!(matches!(second, Err(LedgerError::Locked(_))));
    }

    #[test]
    fn tiles_that_are_not_of_the_head_prove_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut witness = open(folder.path());
        take(&mut witness, &head(3, "a", 7)).unwrap();
        let (note, _) = head(90, "a", 7);
        let (_, others) = head(90, "b", 7);
        let error = take(&mut witness, &(note, others)).unwrap_err();
        assert!(matches!(error, WitnessError::Unproven(90)), "{error}");
        assert!(!folder.path().join("fork-1.notes").exists());
    }
}
