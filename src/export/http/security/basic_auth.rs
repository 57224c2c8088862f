//! Basic authentication (RFC 7617) against bcrypt hashes.
//!
//! bcrypt is slow by design, so checks are limited. The cost is limited when the file is read. One check
//! runs at a time, and one of each user per client waits, so that a client that guesses passwords does
//! not block others, nor another user behind the same proxy. A known password needs no check: each user
//! has a keyed fingerprint of the last verified one. A reload forgets all fingerprints.
//!
//! Every check takes the same time, whatever the cost of a user's hash and whether there is such a user:
//! time does not tell which names exist.

use super::SecurityError;
use super::file::FileLocation;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use serde_saphyr::Spanned;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// Stands for all names that are none: with the highest cost of all users.
    nobody: Hash,
}

/// The password checks of one client: a permit for each user, and one for all names that are none.
#[derive(Debug, Default)]
pub(in crate::export::http) struct ClientChecks(Mutex<HashMap<Option<String>, Arc<Semaphore>>>);

impl ClientChecks {
    /// The permit of a user; at most as many as there are users, and one.
    fn of(&self, user: Option<&str>) -> Arc<Semaphore> {
        let mut permits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let permit = permits.entry(user.map(str::to_owned));
        Arc::clone(permit.or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}

/// A hash, and its cost: 2^cost rounds.
#[derive(Clone)]
struct Hash {
    text: Arc<str>,
    cost: u32,
}

struct User {
    hash: Hash,
    /// Fingerprint of the last verified password.
    verified: Mutex<Option<[u64; 2]>>,
}

impl Default for BasicAuth {
    fn default() -> Self {
        Self {
            users: BTreeMap::new(),
            check: Arc::new(Semaphore::new(1)),
            keys: [RandomState::new(), RandomState::new()],
            nobody: Hash {
                text: Arc::default(),
                cost: 0,
            },
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
            let hash = Hash {
                text: hash.into(),
                cost,
            };
            if cost > basic_auth.nobody.cost {
                basic_auth.nobody = hash.clone();
            }
            let user = User {
                hash,
                verified: Mutex::default(),
            };
            basic_auth.users.insert(name.to_owned(), user);
        }
        Ok(basic_auth)
    }

    /// Whether there is any user; without one every request is admitted.
    pub(super) fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    /// Whether a request with this `Authorization` is admitted. `client_checks` are the permits of its
    /// client, of which it must hold one before it waits for the check.
    pub(in crate::export::http) async fn admits(
        &self,
        header: Option<&HeaderValue>,
        client_checks: &ClientChecks,
    ) -> bool {
        if !self.has_users() {
            return true;
        }
        let Some((name, password)) = header.and_then(credentials) else {
            return false;
        };
        let known = self.users.get(&name);
        let fingerprint = self
            .keys
            .each_ref()
            .map(|key| key.hash_one((&name, &password)));
        let verified = known.map(|user| &user.verified);
        if verified.is_some_and(|verified| *lock(verified) == Some(fingerprint)) {
            return true;
        }
        let own = client_checks.of(known.map(|_| name.as_str()));
        let Ok(client_permit) = own.acquire_owned().await else {
            return false;
        };
        let Ok(permit) = self.check.clone().acquire_owned().await else {
            return false;
        };
        let hash = known.map_or(&self.nobody, |user| &user.hash).clone();
        let most = self.nobody.cost;
        let check = move || {
            // The permits are held until the check ends, even if the client disconnects.
            let _permits = (client_permit, permit);
            hash.verify(&password, most)
        };
        let is_right = tokio::task::spawn_blocking(check).await.unwrap_or(false);
        if let Some(verified) = verified.filter(|_| is_right) {
            *lock(verified) = Some(fingerprint);
            return true;
        }
        false
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hash {
    /// Whether a password has this hash. Takes as long as a hash of the cost `most` would:
    /// 2^c + (2^c + 2^(c+1) + … + 2^(most−1)) = 2^most rounds.
    fn verify(&self, password: &[u8], most: u32) -> bool {
        let is_right = bcrypt::verify(password, &self.text).unwrap_or(false);
        for cost in self.cost..most {
            let _ = std::hint::black_box(bcrypt::hash_with_salt(password, cost, [0; 16]));
        }
        is_right
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
    fn a_check_takes_the_same_time_for_any_cost_and_for_a_name_that_is_none() {
        let hash = |cost| Hash {
            text: bcrypt::hash("open sesame", cost).unwrap().into(),
            cost,
        };
        // a hash of cost 5 alone takes a thirty-second of it; the shortest of several, as others may run
        let (cheap, dear) = (hash(5), hash(10));
        let took = |hash: &Hash, password: &[u8], is_right: bool| {
            let shortest = (0..9).map(|_| {
                let began = tokio::time::Instant::now();
                assert_eq!(hash.verify(password, 10), is_right);
                began.elapsed()
            });
            shortest.min().unwrap()
        };
        let nobody = took(&dear, b"wrong", false);
        for (hash, password, is_right) in [
            (&cheap, &b"wrong"[..], false),
            (&cheap, b"open sesame", true),
            (&dear, b"open sesame", true),
        ] {
            let known = took(hash, password, is_right);
            let ratio = known.as_secs_f64() / nobody.as_secs_f64();
            assert!((0.25..4.0).contains(&ratio), "{known:?} and {nobody:?}");
        }
    }

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
