//! Cosignatures: a witness confirms that it has seen a head, and that the head goes on from all that it
//! saw before (C2SP tlog-cosignature).
//!
//! ```text
//! cosignature/v1
//! time 1764190800                when it was seen
//! voice.example/fra-1            the checkpoint, as it is signed by the meter
//! 86400
//! j3SM…=
//! ```
//! is what is signed; the line in the note has time (8 octets, most significant first) and signature.

use super::checkpoint::{NoteSignature, SignedCheckpoint, is_note_name};
use super::key::{PrivateKey, PublicKey};
use super::tree::Hash;
use crate::units::Second;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

/// The algorithm's octet in a key ID (C2SP signed-note, "Signature types").
const COSIGNATURE: u8 = 4;

/// The key of a witness, with its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WitnessKey {
    /// Names the witness.
    pub name: String,
    /// Its public key.
    pub public: PublicKey,
}

impl WitnessKey {
    /// Reads a verifier key: `name+0123abcd+BASE64` (C2SP signed-note, "Verifier keys"). None if it is none
    /// of cosignatures.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, '+');
        let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
        let octets = STANDARD.decode(key).ok()?;
        let public = PublicKey(octets.strip_prefix(&[COSIGNATURE])?.try_into().ok()?);
        let name = name.to_owned();
        let key = is_note_name(&name).then_some(Self { name, public })?;
        (key.id_text() == id).then_some(key)
    }

    /// Writes a verifier key, without a newline.
    pub fn to_text(&self) -> String {
        let octets = [&[COSIGNATURE], &self.public.0[..]].concat();
        format!(
            "{}+{}+{}",
            self.name,
            self.id_text(),
            STANDARD.encode(octets)
        )
    }

    fn id(&self) -> [u8; 4] {
        let octets = [self.name.as_bytes(), b"\n", &[COSIGNATURE], &self.public.0].concat();
        let [a, b, c, d, ..] = Hash::of(&octets).0;
        [a, b, c, d]
    }

    fn id_text(&self) -> String {
        self.id().iter().fold(String::new(), |mut text, octet| {
            // writing to a String cannot fail
            let _ = write!(text, "{octet:02x}");
            text
        })
    }

    /// When the witness has seen a head; none if it has not cosigned it.
    pub fn seen(&self, note: &SignedCheckpoint) -> Option<Second> {
        let own = note.signatures.iter();
        let mut own = own.filter(|line| line.signer == self.name && line.key == self.id());
        own.find_map(|line| {
            let (time, signature) = line.signature.split_first_chunk::<8>()?;
            let time = Second(u64::from_be_bytes(*time));
            let message = message(note, time);
            self.public
                .verifies(message.as_bytes(), signature)
                .then_some(time)
        })
    }
}

/// What is signed.
fn message(note: &SignedCheckpoint, time: Second) -> String {
    format!(
        "cosignature/v1\ntime {}\n{}",
        time.0,
        note.checkpoint.text()
    )
}

/// Adds a witness's line to a head that he has seen at this time.
pub fn cosign(note: &mut SignedCheckpoint, name: &str, key: &PrivateKey, time: Second) {
    let witness = WitnessKey {
        name: name.to_owned(),
        public: key.public(),
    };
    let signature = key.sign(message(note, time).as_bytes());
    note.signatures.push(NoteSignature {
        signer: witness.name.clone(),
        key: witness.id(),
        signature: [&time.0.to_be_bytes()[..], &signature].concat(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::checkpoint::Checkpoint;
    use crate::ledger::key::tests::private_pem;

    fn note() -> SignedCheckpoint {
        let meter = PrivateKey::from_pem(&private_pem(7)).unwrap();
        let checkpoint = Checkpoint {
            origin: "voice.example/fra-1".into(),
            size: 7,
            root: Hash::leaf(b"seven"),
        };
        checkpoint.sign(Some(&meter))
    }

    #[test]
    fn a_cosignature_holds_for_its_head_its_time_its_name_and_its_key() {
        let key = PrivateKey::from_pem(&private_pem(9)).unwrap();
        let witness = |name: &str, public| WitnessKey {
            name: name.into(),
            public,
        };
        let customer = witness("customer.example", key.public());
        let mut seen = note();
        assert_eq!(customer.seen(&seen), None);
        cosign(&mut seen, "customer.example", &key, Second(1_764_190_800));
        let meter = PrivateKey::from_pem(&private_pem(7)).unwrap().public();
        assert!(seen.is_signed_by(meter), "the meter's line stays");
        let again = SignedCheckpoint::from_note(&seen.to_note()).unwrap();
        assert_eq!(customer.seen(&again), Some(Second(1_764_190_800)));
        assert_eq!(witness("other.example", key.public()).seen(&again), None);
        assert_eq!(witness("customer.example", meter).seen(&again), None);
        let mut later = again.clone();
        later.signatures[1].signature[7] += 1;
        assert_eq!(customer.seen(&later), None, "another time");
        let mut larger = again;
        larger.checkpoint.size += 1;
        assert_eq!(customer.seen(&larger), None, "another head");
    }

    #[test]
    fn a_verifier_key_is_read_as_it_is_written_and_nothing_else_is_one() {
        let public = PrivateKey::from_pem(&private_pem(9)).unwrap().public();
        let key = WitnessKey {
            name: "customer.example".into(),
            public,
        };
        let text = key.to_text();
        assert_eq!(WitnessKey::from_text(&(text.clone() + "\n")), Some(key));
        for wrong in [
            String::new(),
            text.replace("customer", "consumer"),
            text.replacen('+', " ", 1),
            text[..text.len() - 4].to_owned(),
            public.to_pem(),
        ] {
            assert_eq!(WitnessKey::from_text(&wrong), None, "{wrong}");
        }
    }
}
