//! The connections of a BMP source, and which of them is closed at a bound.
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
pub(super) enum RouterLimit {
    /// Of all routers of the source.
    All,
    /// Connections of one address.
    Address,
}

/// The connections of one source.
#[derive(Debug, Default)]
pub(super) struct RouterConnections(Mutex<RouterTable>);

#[derive(Debug, Default)]
struct RouterTable {
    open: BTreeMap<u64, OpenRouter>,
    last_number: u64,
}

#[derive(Debug)]
struct OpenRouter {
    address: IpAddr,
    has_sent_message: Arc<AtomicBool>,
    /// Dropped with this entry, which ends the connection.
    _keep: oneshot::Sender<()>,
}

/// The room of a connection; dropping it gives the room back.
#[derive(Debug)]
pub(super) struct RouterConnection {
    connections: Arc<RouterConnections>,
    number: u64,
    has_sent_message: Arc<AtomicBool>,
}

impl RouterConnection {
    /// Its router has sent a whole message: it is not displaced any more.
    pub(super) fn note_message(&self) {
        self.has_sent_message.store(true, Ordering::Relaxed);
    }
}

impl Drop for RouterConnection {
    fn drop(&mut self) {
        self.connections.table().open.remove(&self.number);
    }
}

/// A connection that was let in.
pub(super) struct AdmittedRouter {
    pub(super) connection: RouterConnection,
    /// Fails once the connection is displaced.
    pub(super) displaced: oneshot::Receiver<()>,
    /// The bound at which another connection was closed for it, if one was.
    pub(super) reached: Option<RouterLimit>,
}

impl RouterConnections {
    fn table(&self) -> MutexGuard<'_, RouterTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets in a connection from an address.
    ///
    /// # Errors
    /// The bound at which no other connection can be closed.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<AdmittedRouter, RouterLimit> {
        let address = address.to_canonical();
        let mut table = self.table();
        let of_address = table.open.values().filter(|open| open.address == address);
        let reached = if of_address.count() >= MAX_OF_ADDRESS {
            Some(RouterLimit::Address)
        } else {
            (table.open.len() >= MAX_ROUTERS).then_some(RouterLimit::All)
        };
        if let Some(bound) = reached {
            let may_go = |open: &OpenRouter| {
                let is_silent = !open.has_sent_message.load(Ordering::Relaxed);
                is_silent && (bound == RouterLimit::All || open.address == address)
            };
            // numbers are given in order of time
            let longest = table.open.iter().find(|(_, open)| may_go(open));
            let number = longest.map(|(number, _)| *number).ok_or(bound)?;
            table.open.remove(&number);
        }
        table.last_number += 1;
        let (number, has_sent_message) = (table.last_number, Arc::<AtomicBool>::default());
        let (keep, displaced) = oneshot::channel();
        let open = OpenRouter {
            address,
            has_sent_message: has_sent_message.clone(),
            _keep: keep,
        };
        table.open.insert(number, open);
        drop(table);
        Ok(AdmittedRouter {
            connection: RouterConnection {
                connections: self.clone(),
                number,
                has_sent_message,
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

    fn admit(
        connections: &Arc<RouterConnections>,
        last: usize,
    ) -> Result<AdmittedRouter, RouterLimit> {
        connections.admit(format!("192.0.2.{last}").parse().unwrap())
    }

    fn is_displaced(admitted: &mut AdmittedRouter) -> bool {
        admitted.displaced.try_recv() == Err(TryRecvError::Closed)
    }

    #[test]
    fn beyond_its_share_an_address_displaces_its_own_silent_connections_only() {
        let connections = Arc::<RouterConnections>::default();
        let mut other = admit(&connections, 9).unwrap();
        let mut own: Vec<AdmittedRouter> = (0..MAX_OF_ADDRESS)
            .map(|_| admit(&connections, 1).unwrap())
            .collect();
        own[0].connection.note_message();
        let next = admit(&connections, 1).unwrap();
        assert_eq!(next.reached, Some(RouterLimit::Address));
        let gone: Vec<bool> = own.iter_mut().map(is_displaced).collect();
        assert_eq!(gone.iter().filter(|gone| **gone).count(), 1);
        assert!(gone[1] && !is_displaced(&mut other));
        for one in &own {
            one.connection.note_message();
        }
        next.connection.note_message();
        assert_eq!(admit(&connections, 1).err(), Some(RouterLimit::Address));
        // a displaced one frees no room of others
        drop(own.remove(1));
        assert_eq!(admit(&connections, 1).err(), Some(RouterLimit::Address));
        drop(own.remove(0));
        assert_eq!(admit(&connections, 1).unwrap().reached, None);
    }

    #[test]
    fn in_a_full_table_the_longest_silent_connection_of_any_address_goes() {
        let connections = Arc::<RouterConnections>::default();
        let mut all: Vec<AdmittedRouter> = (0..MAX_ROUTERS)
            .map(|number| admit(&connections, number).unwrap())
            .collect();
        for one in all.iter().skip(2) {
            one.connection.note_message();
        }
        let next = admit(&connections, 200).unwrap();
        assert_eq!(next.reached, Some(RouterLimit::All));
        assert!(is_displaced(&mut all[0]) && !is_displaced(&mut all[1]));
        next.connection.note_message();
        all[1].connection.note_message();
        assert_eq!(admit(&connections, 201).err(), Some(RouterLimit::All));
    }
}
