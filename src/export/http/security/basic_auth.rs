//! Basic authentication (RFC 7617) against bcrypt hashes.
//!
//! bcrypt is slow on purpose, so it is bounded: its cost when the file is read, one check at a time
//! and one waiting of each client, so that who guesses keeps nobody else out, and none for a password that has been proved: each user has one place that remembers a keyed
//! fingerprint of the last one. A new file forgets them all.

use super::SecurityError;
use super::file::FilePlace;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// The costliest hash that is taken: about a second of one processor. Each step doubles it, and
/// bcrypt's own limit of 31 would be days.
const MAX_COST: u32 = 14;

/// The door; without users it stands open.
pub(in crate::export::http) struct BasicAuth {
    users: BTreeMap<String, User>,
    /// One check of a password at a time, or clients that guess would take every processor.
    turn: Arc<Semaphore>,
    /// Keys of the fingerprints: drawn anew with each file, so nobody can look for a collision.
    keys: [RandomState; 2],
}

struct User {
    hash: Arc<str>,
    /// The fingerprint of the password that was proved last.
    proved: Mutex<Option<[u64; 2]>>,
}

impl Default for BasicAuth {
    fn default() -> Self {
        Self {
            users: BTreeMap::new(),
            turn: Arc::new(Semaphore::new(1)),
            keys: [RandomState::new(), RandomState::new()],
        }
    }
}

impl BasicAuth {
    /// The door for these users and their hashes.
    pub(super) fn new<'a>(
        users: impl Iterator<Item = (&'a str, &'a Spanned<String>)>,
        place: &FilePlace<'_>,
    ) -> Result<Self, SecurityError> {
        let mut basic_auth = Self::default();
        for (name, written) in users {
            let wrong = |reason: &str| {
                place.wrong(written, &format!("basic_auth_users: {name:?}: {reason}"))
            };
            let hash = written.value.as_str();
            let cost = hash
                .parse::<bcrypt::HashParts>()
                .map_err(|_| wrong("is not a bcrypt hash"))?
                .get_cost();
            if cost > MAX_COST {
                return Err(wrong(&format!("its cost of {cost} is above {MAX_COST}")));
            }
            let user = User {
                hash: hash.into(),
                proved: Mutex::default(),
            };
            basic_auth.users.insert(name.to_owned(), user);
        }
        Ok(basic_auth)
    }

    /// Whether a request with this `Authorization` may come in; `own` is the turn that its client has
    /// to have before it queues for the one at the check.
    pub(in crate::export::http) async fn admits(
        &self,
        header: Option<&HeaderValue>,
        own: &Arc<Semaphore>,
    ) -> bool {
        // Whoever is not known waits as long as one who is: nobody learns which names there are.
        let Some(stranger) = self.users.values().next() else {
            return true;
        };
        let Some((name, password)) = header.and_then(credentials) else {
            return false;
        };
        let known = self.users.get(&name);
        let user = known.unwrap_or(stranger);
        let print = self
            .keys
            .each_ref()
            .map(|key| key.hash_one((&name, &password)));
        if known.is_some()
            && *user.proved.lock().unwrap_or_else(PoisonError::into_inner) == Some(print)
        {
            return true;
        }
        let Ok(own) = own.clone().acquire_owned().await else {
            return false;
        };
        let Ok(turn) = self.turn.clone().acquire_owned().await else {
            return false;
        };
        let hash = user.hash.clone();
        let check = move || {
            // A client that goes away does not give its turns back before the check has ended.
            let _turns = (own, turn);
            bcrypt::verify(password, &hash).unwrap_or(false)
        };
        let is_right = tokio::task::spawn_blocking(check).await.unwrap_or(false);
        if is_right && known.is_some() {
            *user.proved.lock().unwrap_or_else(PoisonError::into_inner) = Some(print);
        }
        is_right && known.is_some()
    }
}

/// Name and password of `Basic <base64 of name:password>`.
fn credentials(header: &HeaderValue) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|octet| *octet == b':')?;
    let (name, password) = decoded.split_at_checked(colon)?;
    let name = std::str::from_utf8(name).ok()?.to_owned();
    Some((name, password.get(1..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_or_refused() {
        let read = |text: &str| credentials(&HeaderValue::from_str(text).unwrap());
        // RFC 7617 §2
        let aladdin = read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert_eq!(aladdin, ("Aladdin".into(), b"open sesame".to_vec()));
        assert_eq!(read("basic Og==").unwrap(), (String::new(), Vec::new()));
        assert_eq!(
            read("bAsIc YTpiOmM=").unwrap(),
            ("a".into(), b"b:c".to_vec())
        );
        for wrong in [
            "",
            "Basic",
            "Basic ",
            "Basic !",
            "Basic QWxhZGRpbg==",
            "Bearer Og==",
            "Basic /zo=",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
