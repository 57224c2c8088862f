//! Ed25519 keys (RFC 8032): a private key as `openssl genpkey -algorithm ed25519` writes it (PEM with
//! PKCS #8, RFC 8410), a public key as `openssl pkey -pubout` does.

use super::tree::Hash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::fmt;

/// A `SubjectPublicKeyInfo` of Ed25519 up to the key itself (RFC 8410 §4).
const PUBLIC_HEAD: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// A `PrivateKeyInfo` of Ed25519 up to the seed (RFC 8410 §7), as openssl writes it.
const PRIVATE_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The algorithm's octet in a key ID (C2SP signed-note, "Signature types").
const NOTE_ED25519: u8 = 1;

/// Why a key cannot be used.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
pub enum KeyError {
    /// No PEM block of this kind.
    #[error("holds no PEM block \"{0}\"")]
    NoBlock(&'static str),
    /// The block is no base64.
    #[error("the PEM block is damaged")]
    Damaged,
    /// Not a key of this algorithm.
    #[error("is not an Ed25519 key (openssl genpkey -algorithm ed25519)")]
    OtherAlgorithm,
}

/// A public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Reads `BEGIN PUBLIC KEY`.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let octets = pem(text, "PUBLIC KEY")?;
        let key = octets.strip_prefix(&PUBLIC_HEAD);
        let key = key.and_then(|key| key.try_into().ok());
        key.map(Self).ok_or(KeyError::OtherAlgorithm)
    }

    /// Reads base64: what stands between the lines of `BEGIN PUBLIC KEY`, or the key's 32 octets alone.
    pub fn from_base64(text: &str) -> Option<Self> {
        let octets = STANDARD.decode(text).ok()?;
        let key = octets.strip_prefix(&PUBLIC_HEAD).unwrap_or(&octets);
        key.try_into().ok().map(Self)
    }

    /// Writes `BEGIN PUBLIC KEY`.
    pub fn to_pem(self) -> String {
        let text = self.to_base64();
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    /// Its `SubjectPublicKeyInfo` in base64: the line between those of `BEGIN PUBLIC KEY`.
    pub fn to_base64(self) -> String {
        STANDARD.encode([&PUBLIC_HEAD[..], &self.0].concat())
    }

    /// SHA-256 of its `SubjectPublicKeyInfo`: `openssl pkey -pubin -outform DER | sha256sum`.
    pub fn fingerprint(self) -> Hash {
        Hash::of(&[&PUBLIC_HEAD[..], &self.0].concat())
    }

    /// The key as a verifier of notes has it (C2SP signed-note, "Verifier keys").
    pub fn to_verifier(self, signer: &str) -> String {
        let id: String = self.id(signer).map(|octet| format!("{octet:02x}")).concat();
        let key = STANDARD.encode([&[NOTE_ED25519], &self.0[..]].concat());
        format!("{signer}+{id}+{key}")
    }

    /// The four octets that name it in a note of this signer (C2SP signed-note, "Verifier keys").
    pub fn id(self, signer: &str) -> [u8; 4] {
        let octets = [signer.as_bytes(), b"\n", &[NOTE_ED25519], &self.0].concat();
        let [a, b, c, d, ..] = Hash::of(&octets).0;
        [a, b, c, d]
    }

    /// Whether a signature over a message is its own.
    pub fn verifies(self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        key.verify(message, signature).is_ok()
    }
}

/// In base64.
impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&STANDARD.encode(self.0))
    }
}

/// A private key. It is never written anywhere.
pub struct PrivateKey(Ed25519KeyPair);

impl PrivateKey {
    /// Reads `BEGIN PRIVATE KEY`.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let octets = pem(text, "PRIVATE KEY")?;
        // openssl writes PKCS #8 version 1, without the public key
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&octets);
        key.map(Self).map_err(|_| KeyError::OtherAlgorithm)
    }

    /// Its public key.
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(self.0.public_key().as_ref()) {
            *to = *from;
        }
        PublicKey(key)
    }

    /// Signs a message: 64 octets.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// Without the key.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PrivateKey({:?})", self.public())
    }
}

/// A new private key by the system's random numbers, as `openssl genpkey -algorithm ed25519` writes it; none
/// where the system has none.
pub fn new_private_pem() -> Option<String> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).ok()?;
    let text = STANDARD.encode([&PRIVATE_HEAD[..], &seed].concat());
    Some(format!(
        "-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"
    ))
}

/// The octets of the first PEM block of a kind (RFC 7468).
fn pem(text: &str, kind: &'static str) -> Result<Vec<u8>, KeyError> {
    let (begin, end) = (
        format!("-----BEGIN {kind}-----"),
        format!("-----END {kind}-----"),
    );
    let rest = text.split_once(&begin).ok_or(KeyError::NoBlock(kind))?.1;
    let block = rest.split_once(&end).ok_or(KeyError::NoBlock(kind))?.0;
    let block: String = block.split_whitespace().collect();
    STANDARD.decode(block).map_err(|_| KeyError::Damaged)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A private key of a seed that everybody knows.
    pub(crate) fn private_pem(seed: u8) -> String {
        let text = STANDARD.encode([&PRIVATE_HEAD[..], &[seed; 32]].concat());
        format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
    }

    #[test]
    fn a_key_pair_signs_and_verifies_and_its_public_half_is_written_as_it_is_read() {
        let private = PrivateKey::from_pem(&private_pem(7)).unwrap();
        let public = private.public();
        assert_eq!(PublicKey::from_pem(&public.to_pem()), Ok(public));
        let signature = private.sign(b"text");
        assert!(public.verifies(b"text", &signature));
        assert!(!public.verifies(b"texT", &signature));
        assert!(!public.verifies(b"text", &signature[1..]));
        let other = PrivateKey::from_pem(&private_pem(8)).unwrap().public();
        assert!(!other.verifies(b"text", &signature));
        assert_ne!(public.id("voice.example"), other.id("voice.example"));
        assert_ne!(public.id("voice.example"), public.id("voice.exampl"));
        assert!(!format!("{private:?}").contains("BwcHBw"));
    }

    #[test]
    fn what_is_no_key_is_refused_with_a_reason() {
        let public = PrivateKey::from_pem(&private_pem(7)).unwrap().public();
        let block =
            |text| format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----");
        let cases = [
            (String::new(), KeyError::NoBlock("PRIVATE KEY")),
            (public.to_pem(), KeyError::NoBlock("PRIVATE KEY")),
            (block("!"), KeyError::Damaged),
            (block("AAAA"), KeyError::OtherAlgorithm),
        ];
        for (text, error) in cases {
            assert_eq!(PrivateKey::from_pem(&text).err(), Some(error), "{text}");
        }
    }
}
