//! Basic authentication (RFC 7617) against bcrypt hashes.
//!
//! bcrypt is slow by design, so checks are limited. The cost is limited when the file is read. One check
//! runs at a time, and one per client waits, so that a client that guesses passwords does not block
//! others. A known password needs no check: each user has a keyed fingerprint of the last verified one.
//! A reload forgets all fingerprints.

use super::SecurityError;
use super::file::FileLocation;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Highest accepted cost: about a second of one processor. Each step doubles the time; bcrypt's own
/// limit of 31 would take days.
const MAX_COST: u32 = 14;

/// The users and their hashes; without users every request is admitted.
pub(in crate::export::http) struct BasicAuth {
    users: BTreeMap<String, User>,
    /// Permit for the check: one at a time, so that guessing clients do not occupy every processor.
    check: Arc<Semaphore>,
    /// Random keys of the fingerprints, new with each file, so that no collision can be constructed.
    keys: [RandomState; 2],
}

struct User {
    hash: Arc<str>,
    /// Fingerprint of the last verified password.
    verified: Mutex<Option<[u64; 2]>>,
}

impl Default for BasicAuth {
    fn default() -> Self {
        Self {
            users: BTreeMap::new(),
            check: Arc::new(Semaphore::new(1)),
            keys: [RandomState::new(), RandomState::new()],
        }
    }
}

impl BasicAuth {
    /// Takes users and their hashes from the file.
    pub(super) fn new<'a>(
        users: impl Iterator<Item = (&'a str, &'a Spanned<String>)>,
        location: &FileLocation<'_>,
    ) -> Result<Self, SecurityError> {
        let mut basic_auth = Self::default();
        for (name, written) in users {
            let wrong = |reason: &str| {
                location.invalid(written, &format!("basic_auth_users: {name:?}: {reason}"))
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
                verified: Mutex::default(),
            };
            basic_auth.users.insert(name.to_owned(), user);
        }
        Ok(basic_auth)
    }

    /// Whether a request with this `Authorization` is admitted. `client_check` is the permit of its client,
    /// which it must hold before it waits for the check.
    pub(in crate::export::http) async fn admits(
        &self,
        header: Option<&HeaderValue>,
        client_check: &Arc<Semaphore>,
    ) -> bool {
        // An unknown user takes as long as a known one, so that timing does not reveal user names.
        let Some(any_user) = self.users.values().next() else {
            return true;
        };
        let Some((name, password)) = header.and_then(credentials) else {
            return false;
        };
        let known = self.users.get(&name);
        let user = known.unwrap_or(any_user);
        let fingerprint = self
            .keys
            .each_ref()
            .map(|key| key.hash_one((&name, &password)));
        if known.is_some()
            && *user.verified.lock().unwrap_or_else(PoisonError::into_inner) == Some(fingerprint)
        {
            return true;
        }
        let Ok(client_permit) = client_check.clone().acquire_owned().await else {
            return false;
        };
        let Ok(permit) = self.check.clone().acquire_owned().await else {
            return false;
        };
        let hash = user.hash.clone();
        let check = move || {
            // The permits are held until the check ends, even if the client disconnects.
            let _permits = (client_permit, permit);
            bcrypt::verify(password, &hash).unwrap_or(false)
        };
        let is_right = tokio::task::spawn_blocking(check).await.unwrap_or(false);
        if is_right && known.is_some() {
            *user.verified.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
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
