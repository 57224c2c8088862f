//! The table of open connections, and which one is closed when a limit is reached.
//!
//! The rule: **a new connection displaces the one that has waited longest for a whole request; a
//! connection that is being answered is never displaced.** At the limit of a client the rule applies to
//! the connections of that client, at the limit of the listener to all. So a client that leaves
//! requests incomplete or connections idle displaces its own connections first. If all candidates are
//! being answered, the new connection is refused. A connection waits from its start, before any
//! handshake, and again once hyper has the whole answer: a slow reader counts as waiting.
//!
//! A client is an IPv4 address, or an IPv6 network of 64 bits, the smallest that a subscriber gets
//! (RFC 6177). Its event streams are limited too, and it has one password check of each user at a
//! time.

use super::HttpLimits;
use super::security::ClientChecks;
use crate::export::HttpRefusals;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, oneshot, watch};

/// A client: its connections are limited together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Client(IpAddr);

impl Client {
    /// The client of an address. A mapped IPv4 address is the IPv4 address (RFC 4291 §2.5.5.2).
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << 64);
                Self(Ipv6Addr::from_bits(network).into())
            }
            address @ IpAddr::V4(_) => Self(address),
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(out),
            IpAddr::V6(network) => write!(out, "{network}/64"),
        }
    }
}

/// A new connection reached a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitReached {
    /// The client of the new connection.
    pub client: Client,
    /// Number of open connections: of the client, or of all.
    pub connections: usize,
    /// Whether the client's own limit was reached.
    pub is_share: bool,
}

/// State that the connections of one client share.
#[derive(Debug)]
pub(super) struct ClientShare {
    pub(super) client: Client,
    /// Permits for further event streams.
    pub(super) listeners: Arc<Semaphore>,
    /// Its password checks: a client that guesses passwords waits for its own.
    pub(super) password_checks: ClientChecks,
}

/// All open connections, with their limits and counters.
pub(super) struct ConnectionTable {
    limits: HttpLimits,
    refused: Arc<HttpRefusals>,
    limit_reached: watch::Sender<Option<LimitReached>>,
    table: Mutex<ClientTable>,
}

/// The open connections by number: at most [`HttpLimits::connections`], so a linear search is cheap
/// compared to a connection.
#[derive(Default)]
struct ClientTable {
    open: BTreeMap<u64, OpenConnection>,
    /// The last number given, to a connection or a wait. Waits are ordered by their numbers.
    last_number: u64,
}

struct OpenConnection {
    share: Arc<ClientShare>,
    /// Number of its wait for a whole request; `None` while it is being answered.
    wait: Option<u64>,
    /// Dropped with this entry, which ends the connection.
    _keep: oneshot::Sender<()>,
}

impl ClientTable {
    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn of(&self, client: Client) -> impl Iterator<Item = &OpenConnection> {
        let open = self.open.values();
        open.filter(move |open| open.share.client == client)
    }

    /// Removes the connection that has waited longest, of this client if one is given. Returns whether
    /// there was one.
    fn displace(&mut self, client: Option<Client>) -> bool {
        let may = |open: &OpenConnection| client.is_none_or(|client| open.share.client == client);
        let waiting = self.open.iter().filter(|(_, open)| may(open));
        let waiting = waiting.filter_map(|(number, open)| Some((open.wait?, *number)));
        let longest = waiting.min().map(|(_, number)| number);
        longest.is_some_and(|number| self.open.remove(&number).is_some())
    }
}

impl ConnectionTable {
    /// An empty table.
    pub(super) fn new(
        limits: HttpLimits,
        refused: Arc<HttpRefusals>,
        limit_reached: watch::Sender<Option<LimitReached>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            limits,
            refused,
            limit_reached,
            table: Mutex::default(),
        })
    }

    /// Closes the connection that has waited longest for a whole request, if any waits.
    pub(super) fn make_room(&self) {
        if self.table().displace(None) {
            self.refused.displaced.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn table(&self) -> MutexGuard<'_, ClientTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a connection from an address. The receiver fails once the connection is displaced. `None` if
    /// the connection is refused. Counts displaced and refused connections, and reports the client.
    pub(super) fn admit(
        self: &Arc<Self>,
        address: IpAddr,
    ) -> Option<(Arc<Connection>, oneshot::Receiver<()>)> {
        let client = Client::of(address);
        let mut table = self.table();
        let (own, all) = (table.of(client).count(), table.open.len());
        let is_share = own >= self.limits.client_connections;
        if is_share || all >= self.limits.connections {
            self.limit_reached.send_replace(Some(LimitReached {
                client,
                connections: if is_share { own } else { all },
                is_share,
            }));
            let has_room = table.displace(is_share.then_some(client));
            let counter = if has_room {
                &self.refused.displaced
            } else {
                &self.refused.connections
            };
            counter.fetch_add(1, Ordering::Relaxed);
            if !has_room {
                return None;
            }
        }
        let known = table.of(client).next().map(|open| open.share.clone());
        let share = known.unwrap_or_else(|| {
            Arc::new(ClientShare {
                client,
                listeners: Arc::new(Semaphore::new(self.limits.client_listeners)),
                password_checks: ClientChecks::default(),
            })
        });
        let (keep, displaced) = oneshot::channel();
        let (number, wait) = (table.next_number(), table.next_number());
        let open = OpenConnection {
            share: share.clone(),
            wait: Some(wait),
            _keep: keep,
        };
        table.open.insert(number, open);
        drop(table);
        let table = self.clone();
        let connection = Connection {
            table,
            number,
            share,
        };
        Some((Arc::new(connection), displaced))
    }
}

/// An admitted connection. Dropping it removes its entry.
pub(super) struct Connection {
    table: Arc<ConnectionTable>,
    number: u64,
    pub(super) share: Arc<ClientShare>,
}

impl Connection {
    /// Number of the wait for a whole request; `None` while the connection is being answered.
    pub(super) fn wait(&self) -> Option<u64> {
        self.table.table().open.get(&self.number)?.wait
    }

    /// Marks the connection as being answered until the result is dropped.
    pub(super) fn answer(self: &Arc<Self>) -> Answering {
        self.set_wait(|_| None);
        Answering(self.clone())
    }

    /// Counts a head that exceeded its deadline.
    pub(super) fn count_slow(&self) {
        self.table.refused.slow.fetch_add(1, Ordering::Relaxed);
    }

    fn set_wait(&self, wait: impl FnOnce(&mut ClientTable) -> Option<u64>) {
        let mut table = self.table.table();
        let wait = wait(&mut table);
        if let Some(open) = table.open.get_mut(&self.number) {
            open.wait = wait;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.table.table().open.remove(&self.number);
    }
}

/// Marks a connection as being answered.
pub(super) struct Answering(Arc<Connection>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.set_wait(|table| Some(table.next_number()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(connections: usize, client_connections: usize) -> Arc<ConnectionTable> {
        let limits = HttpLimits {
            connections,
            client_connections,
            ..HttpLimits::default()
        };
        ConnectionTable::new(limits, Arc::default(), watch::channel(None).0)
    }

    type Admission = (Arc<Connection>, oneshot::Receiver<()>);

    fn admit(table: &Arc<ConnectionTable>, address: &str) -> Option<Admission> {
        table.admit(address.parse().unwrap())
    }

    fn is_displaced((_, displaced): &mut Admission) -> bool {
        displaced.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network_of_64_bits() {
        let client = |address: &str| Client::of(address.parse().unwrap()).to_string();
        assert_eq!(client("192.0.2.1"), "192.0.2.1");
        assert_eq!(client("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(client("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(client("::1"), "::/64");
    }

    #[test]
    fn beyond_its_limit_a_client_displaces_only_its_own_connections() {
        let table = table(9, 2);
        let mut other = admit(&table, "192.0.2.9").unwrap();
        let mut first = admit(&table, "192.0.2.1").unwrap();
        let mut second = admit(&table, "192.0.2.1").unwrap();
        assert!(!is_displaced(&mut first));
        let mut third = admit(&table, "192.0.2.1").unwrap();
        assert!(is_displaced(&mut first) && !is_displaced(&mut second));
        // Dropping a displaced connection removes no other entry.
        drop(first);
        assert_eq!(table.table().open.len(), 3);
        let _fourth = admit(&table, "192.0.2.1").unwrap();
        assert!(is_displaced(&mut second) && !is_displaced(&mut third));
        assert!(!is_displaced(&mut other));
    }

    #[test]
    fn in_a_full_table_the_longest_waiting_connection_of_any_client_is_displaced() {
        let table = table(2, 2);
        let mut first = admit(&table, "192.0.2.1").unwrap();
        let mut second = admit(&table, "192.0.2.2").unwrap();
        drop(first.0.answer());
        let _third = admit(&table, "192.0.2.3").unwrap();
        assert!(
            is_displaced(&mut second),
            "the first has sent a request since"
        );
        assert!(!is_displaced(&mut first));
        assert_eq!(table.refused.displaced.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_connection_that_is_being_answered_is_not_displaced() {
        let table = table(2, 1);
        let mut first = admit(&table, "192.0.2.1").unwrap();
        let answering = first.0.answer();
        assert!(admit(&table, "192.0.2.1").is_none());
        let second = admit(&table, "192.0.2.2").unwrap();
        let other = second.0.answer();
        assert!(admit(&table, "192.0.2.3").is_none());
        assert_eq!(table.refused.connections.load(Ordering::Relaxed), 2);
        drop(answering);
        assert!(admit(&table, "192.0.2.3").is_some());
        assert!(is_displaced(&mut first));
        drop(other);
    }

    #[test]
    fn shared_state_lives_as_long_as_a_connection_of_its_client() {
        let table = table(9, 9);
        let first = admit(&table, "192.0.2.1").unwrap();
        let second = admit(&table, "192.0.2.1").unwrap();
        assert!(Arc::ptr_eq(&first.0.share, &second.0.share));
        let share = Arc::downgrade(&first.0.share);
        drop((first, second));
        assert!(share.upgrade().is_none());
    }

    /// In random order of admissions and answers the limits hold, and no answered connection is displaced.
    #[test]
    fn random_connections_never_exceed_a_bound() {
        use proptest::prelude::*;
        let steps = proptest::collection::vec((0..4_u8, 0..3_u8, 0..8_usize), 0..200);
        proptest!(|(steps in steps)| {
            let table = table(6, 3);
            let mut connections: Vec<(u8, Admission)> = Vec::new();
            let mut answers: Vec<(u64, Answering)> = Vec::new();
            for (what, client, index) in steps {
                match what {
                    0 | 1 => connections.extend(
                        admit(&table, &format!("192.0.2.{client}")).map(|admit| (client, admit)),
                    ),
                    2 if index < connections.len() => {
                        let (_, (connection, _)) = &connections[index];
                        if connection.wait().is_some() {
                            answers.push((connection.number, connection.answer()));
                        }
                    }
                    _ if index < answers.len() => drop(answers.swap_remove(index)),
                    _ => {}
                }
                for (_, admit) in &mut connections {
                    let answered = answers.iter().any(|(number, _)| *number == admit.0.number);
                    prop_assert!(!(answered && is_displaced(admit)), "cut off in its answer");
                }
                connections.retain_mut(|(_, admit)| !is_displaced(admit));
                prop_assert_eq!(connections.len(), table.table().open.len());
                prop_assert!(connections.len() <= 6);
                for client in 0..3 {
                    prop_assert!(connections.iter().filter(|(of, _)| *of == client).count() <= 3);
                }
            }
        });
    }
}
