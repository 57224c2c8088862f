//! What a probe signs after each second: how many leaves its ledger has, the root of their tree, and up
//! to which second they are all there. A signed note with extension lines (C2SP tlog-checkpoint).
//!
//! ```text
//! voice.example/fra-1                    origin of its ledger
//! 86400                                  leaves
//! j3SM…=                                 root, in base64
//! fleet voice-eu fra-1                   whose name it publishes under
//! rules 1                                by which rules it counts
//! through 2026-11-25T21:17:24Z           all leaves up to this second are among them
//! clock 1200000                          its clock is right to so many nanoseconds; - is not known
//! totals 4f1c…                           where it has stopped: SHA-256 of what it counted in all
//!
//! — voice.example/fra-1 eoTu…=
//! ```

use crate::ledger::checkpoint::{MAX_NOTE, NoteSignature, is_note_name};
use crate::ledger::key::{PrivateKey, PublicKey};
use crate::ledger::tree::Hash;
use crate::units::Second;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;
use std::time::Duration;

/// A clock that may be wrong by more is not certain: a tenth of the smallest window.
pub const CERTAIN_WITHIN: Duration = Duration::from_millis(100);

/// The head of a probe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Names the ledger.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
    /// The fleet.
    pub fleet: String,
    /// The probe.
    pub probe: String,
    /// By which rules it counts.
    pub rules: u32,
    /// All leaves up to this second are among them; none before the first.
    pub through: Option<Second>,
    /// How wrong its clock may be; none: nobody knows. A replay has no clock, and says 0.
    pub clock_error: Option<Duration>,
    /// Where it has stopped: the hash of its totals.
    pub totals: Option<Hash>,
}

impl Head {
    /// The text that is signed, with the newline at its end.
    pub fn text(&self) -> String {
        let root = STANDARD.encode(self.root.0);
        let through = self.through.map(|second| second.to_string());
        let clock = self.clock_error.map(|error| error.as_nanos().to_string());
        let unknown = || "-".to_owned();
        let mut text = format!(
            "{}\n{}\n{root}\nfleet {} {}\nrules {}\nthrough {}\nclock {}\n",
            self.origin,
            self.size,
            self.fleet,
            self.probe,
            self.rules,
            through.unwrap_or_else(unknown),
            clock.unwrap_or_else(unknown),
        );
        if let Some(totals) = self.totals {
            // writing to a String cannot fail
            let _ = writeln!(text, "totals {totals}");
        }
        text
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
        let (fleet, probe) = value("fleet")?.split_once(' ')?;
        let (rules, through, clock) = (value("rules")?, value("through")?, value("clock")?);
        let through = match through {
            "-" => None,
            second => Some(Second::from_rfc3339(second)?),
        };
        let clock_error = match clock {
            "-" => None,
            nanos => Some(Duration::from_nanos(nanos.parse().ok()?)),
        };
        let totals = match lines.next() {
            None => None,
            Some(line) => Some(Hash::from_hex(line.strip_prefix("totals ")?)?),
        };
        let head = Self {
            origin: origin.to_owned(),
            size: size.parse().ok()?,
            root: Hash(STANDARD.decode(root).ok()?.try_into().ok()?),
            fleet: fleet.to_owned(),
            probe: probe.to_owned(),
            rules: rules.parse().ok()?,
            through,
            clock_error,
            totals,
        };
        // one way to write it
        (is_note_name(origin) && head.text() == text).then_some(head)
    }

    /// The note, signed with a key, if there is one.
    pub fn to_note(&self, key: Option<&PrivateKey>) -> String {
        let mut note = self.text();
        let signature = key.map(|key| NoteSignature {
            signer: self.origin.clone(),
            key: key.public().id(&self.origin),
            signature: key.sign(note.as_bytes()),
        });
        note.push('\n');
        if let Some(signature) = signature {
            note.push_str(&signature.to_line());
        }
        note
    }

    /// Reads a note, signed with this key, if there is one.
    ///
    /// # Errors
    /// [`HeadError`].
    pub fn from_note(note: &str, key: Option<PublicKey>) -> Result<Self, HeadError> {
        let (text, signatures) = parts(note).ok_or(HeadError::Form)?;
        let head = Self::from_text(text).ok_or(HeadError::Form)?;
        let Some(key) = key else {
            return Ok(head);
        };
        let id = key.id(&head.origin);
        let mut own = signatures.lines().filter_map(NoteSignature::from_line);
        let is_signed = own.any(|signed| {
            signed.signer == head.origin
                && signed.key == id
                && key.verifies(text.as_bytes(), &signed.signature)
        });
        if is_signed {
            Ok(head)
        } else {
            Err(HeadError::Signature)
        }
    }

    /// Whether its clock is too uncertain to be relied on.
    pub fn is_clock_uncertain(&self) -> bool {
        self.clock_error.is_none_or(|error| error > CERTAIN_WITHIN)
    }
}

/// The text of a note, and the lines of its signatures.
fn parts(note: &str) -> Option<(&str, &str)> {
    if note.len() > MAX_NOTE {
        return None;
    }
    let end = note.find("\n\n")?;
    let (text, signatures) = note.split_at_checked(end + 1)?;
    Some((text, signatures.strip_prefix('\n')?))
}

/// Why a head is none.
#[derive(thiserror::Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeadError {
    /// It is not written as a head is.
    #[error("is no head")]
    Form,
    /// The key that was named has not signed it.
    #[error("is not signed by the probe's key")]
    Signature,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::key::tests::private_pem;

    fn head() -> Head {
        Head {
            origin: "voice.example/fra-1".into(),
            size: 7,
            root: Hash::of(b"root"),
            fleet: "voice-eu".into(),
            probe: "fra-1".into(),
            rules: 1,
            through: Some(Second(1_700_000_000)),
            clock_error: Some(Duration::from_millis(3)),
            totals: None,
        }
    }

    #[test]
    fn a_head_is_read_as_it_is_written_and_only_under_its_key() {
        let key = PrivateKey::from_pem(&private_pem(7)).unwrap();
        let other = PrivateKey::from_pem(&private_pem(8)).unwrap().public();
        let unknown = Head {
            through: None,
            clock_error: None,
            totals: Some(Hash::of(b"totals")),
            ..head()
        };
        for head in [head(), unknown] {
            let note = head.to_note(Some(&key));
            assert_eq!(Head::from_note(&note, Some(key.public())), Ok(head.clone()));
            assert_eq!(Head::from_note(&note, None), Ok(head.clone()));
            assert_eq!(
                Head::from_note(&note, Some(other)),
                Err(HeadError::Signature)
            );
            let unsigned = head.to_note(None);
            assert_eq!(
                Head::from_note(&unsigned, Some(key.public())),
                Err(HeadError::Signature)
            );
            let raised = note.replace("\n7\n", "\n8\n");
            assert_eq!(
                Head::from_note(&raised, Some(key.public())),
                Err(HeadError::Signature)
            );
        }
    }

    #[test]
    fn what_is_written_otherwise_is_no_head() {
        let note = head().to_note(None);
        let cases = [
            String::new(),
            note.replace("\n7\n", "\n07\n"),
            note.replace("rules 1", "rules  1"),
            note.replace("through ", "thru "),
            note.replace("clock 3000000", "clock 3000000\nmore 1"),
            note.trim_end().to_owned(),
        ];
        for wrong in cases {
            assert_eq!(
                Head::from_note(&wrong, None),
                Err(HeadError::Form),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_clock_is_uncertain_beyond_100_ms_or_where_nobody_knows() {
        let uncertain = |clock_error| {
            Head {
                clock_error,
                ..head()
            }
            .is_clock_uncertain()
        };
        assert!(!uncertain(Some(Duration::ZERO)) && !uncertain(Some(CERTAIN_WITHIN)));
        assert!(uncertain(None) && uncertain(Some(CERTAIN_WITHIN + Duration::from_nanos(1))));
    }
}
