//! The connections of a BMP source, and who gives way at a bound.
//!
//! The rule, as that of the web endpoint: **a new connection displaces the one that has waited longest
//! without a whole message; one that has said something is never displaced.** At the share of an
//! address the rule applies to the connections of that address, at the bound of the source to all. If
//! all of them have said something, the new one is refused.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Most routers connected to one source. A guess.
const MAX_ROUTERS: usize = 64;

/// Of these of one address: a router, its earlier connections that nobody has closed yet, and a few
/// routers behind one address. A guess.
const MAX_OF_ADDRESS: usize = 8;

/// The bound that a connection has reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bound {
    /// Of all routers of the source.
    All,
    /// Of those of one address.
    Address,
}

/// The connections of one source.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<PlaceTable>);

#[derive(Debug, Default)]
struct PlaceTable {
    open: BTreeMap<u64, OpenPlace>,
    last_number: u64,
}

#[derive(Debug)]
struct OpenPlace {
    address: IpAddr,
    has_spoken: Arc<AtomicBool>,
    /// Dropped with this entry, which ends the connection.
    _keep: oneshot::Sender<()>,
}

/// A connection's place; dropping it frees it.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    has_spoken: Arc<AtomicBool>,
}

impl Place {
    /// Its router has sent a whole message: it is not displaced any more.
    pub(super) fn has_spoken(&self) {
        self.has_spoken.store(true, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.table().open.remove(&self.number);
    }
}

/// A place that was given.
pub(super) struct Admitted {
    pub(super) place: Place,
    /// Fails once the connection is displaced.
    pub(super) displaced: oneshot::Receiver<()>,
    /// The bound at which another connection had to give way, if one had.
    pub(super) reached: Option<Bound>,
}

impl Places {
    fn table(&self) -> MutexGuard<'_, PlaceTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from an address.
    ///
    /// # Errors
    /// The bound at which nobody gives way.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Admitted, Bound> {
        let address = address.to_canonical();
        let mut table = self.table();
        let of_address = table.open.values().filter(|open| open.address == address);
        let reached = if of_address.count() >= MAX_OF_ADDRESS {
            Some(Bound::Address)
        } else {
            (table.open.len() >= MAX_ROUTERS).then_some(Bound::All)
        };
        if let Some(bound) = reached {
            let may_go = |open: &OpenPlace| {
                let is_silent = !open.has_spoken.load(Ordering::Relaxed);
                is_silent && (bound == Bound::All || open.address == address)
            };
            // numbers are given in order of time
            let longest = table.open.iter().find(|(_, open)| may_go(open));
            let number = longest.map(|(number, _)| *number).ok_or(bound)?;
            table.open.remove(&number);
        }
        table.last_number += 1;
        let (number, has_spoken) = (table.last_number, Arc::<AtomicBool>::default());
        let (keep, displaced) = oneshot::channel();
        let open = OpenPlace {
            address,
            has_spoken: has_spoken.clone(),
            _keep: keep,
        };
        table.open.insert(number, open);
        drop(table);
        Ok(Admitted {
            place: Place {
                places: self.clone(),
                number,
                has_spoken,
            },
            displaced,
            reached,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneshot::error::TryRecvError;

    fn admit(places: &Arc<Places>, last: usize) -> Result<Admitted, Bound> {
        places.admit(format!("192.0.2.{last}").parse().unwrap())
    }

    fn is_displaced(admitted: &mut Admitted) -> bool {
        admitted.displaced.try_recv() == Err(TryRecvError::Closed)
    }

    #[test]
    fn beyond_its_share_an_address_displaces_its_own_silent_connections_only() {
        let places = Arc::<Places>::default();
        let mut other = admit(&places, 9).unwrap();
        let mut own: Vec<Admitted> = (0..MAX_OF_ADDRESS)
            .map(|_| admit(&places, 1).unwrap())
            .collect();
        own[0].place.has_spoken();
        let next = admit(&places, 1).unwrap();
        assert_eq!(next.reached, Some(Bound::Address));
        let gone: Vec<bool> = own.iter_mut().map(is_displaced).collect();
        assert_eq!(gone.iter().filter(|gone| **gone).count(), 1);
        assert!(gone[1] && !is_displaced(&mut other));
        for one in &own {
            one.place.has_spoken();
        }
        next.place.has_spoken();
        assert_eq!(admit(&places, 1).err(), Some(Bound::Address));
        // a displaced one frees no place of others
        drop(own.remove(1));
        assert_eq!(admit(&places, 1).err(), Some(Bound::Address));
        drop(own.remove(0));
        assert_eq!(admit(&places, 1).unwrap().reached, None);
    }

    #[test]
    fn in_a_full_table_the_longest_silent_connection_of_any_address_goes() {
        let places = Arc::<Places>::default();
        let mut all: Vec<Admitted> = (0..MAX_ROUTERS)
            .map(|number| admit(&places, number).unwrap())
            .collect();
        for one in all.iter().skip(2) {
            one.place.has_spoken();
        }
        let next = admit(&places, 200).unwrap();
        assert_eq!(next.reached, Some(Bound::All));
        assert!(is_displaced(&mut all[0]) && !is_displaced(&mut all[1]));
        next.place.has_spoken();
        all[1].place.has_spoken();
        assert_eq!(admit(&places, 201).err(), Some(Bound::All));
    }
}
