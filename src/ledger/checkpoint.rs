//! A checkpoint: how many leaves a ledger has, and the root of their tree, as a signed note (C2SP
//! tlog-checkpoint, signed-note).
//!
//! ```text
//! voice.example/fra-1            origin
//! 86400                          size
//! j3SM…=                         root, in base64
//!                                an empty line, then the signatures, if there are any
//! — voice.example/fra-1 eoTu…=   signer, and base64 of key ID ‖ signature
//! ```

use super::key::{PrivateKey, PublicKey};
use super::tree::Hash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Octets of a note that are read at most; witnesses' signatures are some 100 octets each.
pub const MAX_NOTE: usize = 64 << 10;

/// Octets of a signer's name at most: C2SP sets no bound.
const MAX_NAME: usize = 255;

/// The text of a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Names the meter.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
}

/// A line of a note that signs its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteSignature {
    /// Who signed.
    pub signer: String,
    /// Which key.
    pub key: [u8; 4],
    /// The signature.
    pub signature: Vec<u8>,
}

/// A checkpoint with its signatures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedCheckpoint {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// Its signatures; none where there is no key.
    pub signatures: Vec<NoteSignature>,
}

/// Whether a name can stand in a note: not empty, no white space, no `+` (C2SP signed-note).
pub fn is_note_name(name: &str) -> bool {
    let allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(allowed)
}

impl Checkpoint {
    /// The text that is signed, with the newline at its end.
    pub fn text(&self) -> String {
        let root = STANDARD.encode(self.root.0);
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let root = STANDARD.decode(root).ok()?.try_into().ok()?;
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: size.parse().ok()?,
            root: Hash(root),
        };
        // one way to write it, and no lines that we do not know
        (is_note_name(origin) && checkpoint.text() == text).then_some(checkpoint)
    }

    /// The note, signed with a key, if there is one.
    pub fn sign(self, key: Option<&PrivateKey>) -> SignedCheckpoint {
        let signature = key.map(|key| NoteSignature {
            signer: self.origin.clone(),
            key: key.public().id(&self.origin),
            signature: key.sign(self.text().as_bytes()),
        });
        SignedCheckpoint {
            checkpoint: self,
            signatures: signature.into_iter().collect(),
        }
    }
}

impl SignedCheckpoint {
    /// The note's text, with its signatures.
    pub fn to_note(&self) -> String {
        let mut note = self.checkpoint.text();
        note.push('\n');
        for signed in &self.signatures {
            note.push_str(&signed.to_line());
        }
        note
    }

    /// Reads a note. None if it is none, or not written as [`Self::to_note`] writes it.
    pub fn from_note(note: &str) -> Option<Self> {
        if note.len() > MAX_NOTE {
            return None;
        }
        let end = note.find("\n\n")?;
        let (text, signatures) = note.split_at_checked(end + 1)?;
        let signatures = signatures.strip_prefix('\n')?.lines();
        let signatures: Option<Vec<_>> = signatures.map(NoteSignature::from_line).collect();
        let signed = Self {
            checkpoint: Checkpoint::from_text(text)?,
            signatures: signatures?,
        };
        (signed.to_note() == note).then_some(signed)
    }

    /// Whether a key has signed it under the name of its origin.
    pub fn is_signed_by(&self, key: PublicKey) -> bool {
        let origin = &self.checkpoint.origin;
        let id = key.id(origin);
        let text = self.checkpoint.text();
        let own = self.signatures.iter();
        let mut own = own.filter(|signed| signed.signer == *origin && signed.key == id);
        own.any(|signed| key.verifies(text.as_bytes(), &signed.signature))
    }
}

impl NoteSignature {
    /// The line, with its newline.
    pub fn to_line(&self) -> String {
        let octets = [&self.key[..], &self.signature].concat();
        format!("— {} {}\n", self.signer, STANDARD.encode(octets))
    }

    /// Reads a line.
    pub fn from_line(line: &str) -> Option<Self> {
        let (signer, signature) = line.strip_prefix("— ")?.split_once(' ')?;
        let octets = STANDARD.decode(signature).ok()?;
        let (key, signature) = octets.split_first_chunk::<4>()?;
        is_note_name(signer).then(|| Self {
            signer: signer.to_owned(),
            key: *key,
            signature: signature.to_vec(),
        })
    }
}

/// The notes of a file, one after the other, each with the octet behind it: up to the first that is
/// damaged or cut off. Two notes have an empty line between them.
pub fn read_notes(text: &str) -> Vec<(SignedCheckpoint, usize)> {
    let (mut notes, mut start) = (Vec::new(), 0);
    while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
        // text, empty line, signatures, empty line
        let Some(body) = rest.find("\n\n").map(|end| end + 2) else {
            break;
        };
        let signatures = rest.get(body..).unwrap_or_default();
        let length = if signatures.starts_with('\n') {
            0
        } else {
            match signatures.find("\n\n") {
                Some(end) => end + 1,
                None => break,
            }
        };
        let note = rest
            .get(..body + length)
            .and_then(SignedCheckpoint::from_note);
        let Some(note) = note else { break };
        start += body + length + 1;
        notes.push((note, start));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::key::tests::private_pem;
    use proptest::prelude::*;

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint {
            origin: "voice.example/fra-1".into(),
            size,
            root: Hash::leaf(&size.to_le_bytes()),
        }
    }

    fn key() -> PrivateKey {
        PrivateKey::from_pem(&private_pem(7)).unwrap()
    }

    #[test]
    fn a_note_is_read_as_it_is_written_and_verifies_under_its_key() {
        let other = PrivateKey::from_pem(&private_pem(8)).unwrap();
        let signed = checkpoint(7).sign(Some(&key()));
        let note = signed.to_note();
        assert!(note.starts_with("voice.example/fra-1\n7\n"), "{note}");
        assert!(note.contains("\n\n— voice.example/fra-1 "), "{note}");
        assert_eq!(SignedCheckpoint::from_note(&note), Some(signed.clone()));
        assert!(signed.is_signed_by(key().public()));
        assert!(!signed.is_signed_by(other.public()));
        let mut raised = signed.clone();
        raised.checkpoint.size += 1;
        assert!(!raised.is_signed_by(key().public()), "one more leaf");
        let unsigned = checkpoint(7).sign(None);
        assert_eq!(
            SignedCheckpoint::from_note(&unsigned.to_note()),
            Some(unsigned)
        );
    }

    #[test]
    fn what_is_written_otherwise_is_no_note() {
        let note = checkpoint(7).sign(Some(&key())).to_note();
        let cases = [
            String::new(),
            note.replace("\n7\n", "\n07\n"),
            note.replace("\n7\n", "\n7\nanother line\n"),
            note.replace("— ", "- "),
            note.trim_end().to_owned(),
            note.replace("voice.example/fra-1 ", "voice.example/fra+1 "),
        ];
        for wrong in cases {
            assert_eq!(SignedCheckpoint::from_note(&wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_file_of_notes_is_read_up_to_where_it_is_cut(
            count in 0_u64..5, is_signed: bool, cut in 0_usize..2000,
        ) {
            let key = is_signed.then(key);
            let each = (0..count).map(|size| checkpoint(size).sign(key.as_ref()));
            let text: String = each.map(|note| note.to_note() + "\n").collect();
            let whole = read_notes(&text);
            prop_assert_eq!(whole.len() as u64, count);
            prop_assert_eq!(whole.last().map_or(0, |last| last.1), text.len());
            let mut cut = cut.min(text.len());
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            let expected = whole.iter().filter(|(_, end)| *end <= cut).count();
            let read = read_notes(&text[..cut]);
            prop_assert_eq!(&read[..], &whole[..expected]);
        }
    }
}
