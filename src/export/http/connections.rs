//! Who has a place at the listener, and who gives way to a newcomer.
//!
//! One rule: **nobody who is being answered gives way; of the others, who has been without a whole
//! request the longest does.** It holds among the connections of one client once these are its
//! share, and among all once every place is taken. So a client that keeps requests half sent, or
//! connections idle, loses these to its own next ones and never takes a place from another; where all
//! that could give way are being answered, the newcomer is refused. Waiting begins with the
//! connection, before any handshake, and again when hyper has the whole answer: who reads slowly is
//! no longer being answered.
//!
//! A client is an IPv4 address, or an IPv6 network of 64 bits, the least that a subscriber is given
//! (RFC 6177). It has a share of the event streams too, and one password is checked at a time.

use super::HttpLimits;
use crate::export::Refused;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, oneshot, watch};

/// Whose connections count together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Client(IpAddr);

impl Client {
    /// Whose an address is. A mapped IPv4 address is the IPv4 address (RFC 4291 §2.5.5.2).
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

/// A newcomer found no free place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crowded {
    /// Whose connection it was.
    pub client: Client,
    /// So many connections there were: the client's own, or all.
    pub connections: usize,
    /// They were the client's own share.
    pub is_share: bool,
}

/// What the connections of one client share.
#[derive(Debug)]
pub(super) struct ClientShare {
    client: Client,
    /// A permit for each more of its event streams.
    pub(super) listeners: Arc<Semaphore>,
    /// Who guesses passwords waits for its own guesses.
    pub(super) turn: Arc<Semaphore>,
}

/// Every place.
pub(super) struct ConnectionTable {
    limits: HttpLimits,
    refused: Arc<Refused>,
    crowded: watch::Sender<Option<Crowded>>,
    table: Mutex<ClientTable>,
}

/// The places that are taken, by number: at most [`HttpLimits::connections`], so a walk over them is
/// nothing beside the connection that it is for.
#[derive(Default)]
struct ClientTable {
    taken: BTreeMap<u64, OpenConnection>,
    /// Numbers places, and tells which wait began first.
    next: u64,
}

struct OpenConnection {
    share: Arc<ClientShare>,
    /// Which wait for a whole request it is in; none while it is being answered.
    wait: Option<u64>,
    /// Dropped with the place.
    _keep: oneshot::Sender<()>,
}

impl ClientTable {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn of(&self, client: Client) -> impl Iterator<Item = &OpenConnection> {
        let taken = self.taken.values();
        taken.filter(move |taken| taken.share.client == client)
    }

    /// Takes the place of who has waited the longest; of this client, if one is given.
    fn displace(&mut self, client: Option<Client>) -> bool {
        let may = |taken: &OpenConnection| client.is_none_or(|client| taken.share.client == client);
        let waiting = self.taken.iter().filter(|(_, taken)| may(taken));
        let waiting = waiting.filter_map(|(number, taken)| Some((taken.wait?, *number)));
        let longest = waiting.min().map(|(_, number)| number);
        longest.is_some_and(|number| self.taken.remove(&number).is_some())
    }
}

impl ConnectionTable {
    /// None taken yet.
    pub(super) fn new(
        limits: HttpLimits,
        refused: Arc<Refused>,
        crowded: watch::Sender<Option<Crowded>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            limits,
            refused,
            crowded,
            table: Mutex::default(),
        })
    }

    fn table(&self) -> MutexGuard<'_, ClientTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from an address, and what fails once it has to give way; `None`
    /// where it is refused. Counts, and tells who crowds.
    pub(super) fn admit(
        self: &Arc<Self>,
        address: IpAddr,
    ) -> Option<(Arc<Connection>, oneshot::Receiver<()>)> {
        let client = Client::of(address);
        let mut table = self.table();
        let (own, all) = (table.of(client).count(), table.taken.len());
        let is_share = own >= self.limits.client_connections;
        if is_share || all >= self.limits.connections {
            self.crowded.send_replace(Some(Crowded {
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
        let known = table.of(client).next().map(|taken| taken.share.clone());
        let share = known.unwrap_or_else(|| {
            Arc::new(ClientShare {
                client,
                listeners: Arc::new(Semaphore::new(self.limits.client_listeners)),
                turn: Arc::new(Semaphore::new(1)),
            })
        });
        let (keep, displaced) = oneshot::channel();
        let (number, wait) = (table.number(), table.number());
        let taken = OpenConnection {
            share: share.clone(),
            wait: Some(wait),
            _keep: keep,
        };
        table.taken.insert(number, taken);
        drop(table);
        let places = self.clone();
        let place = Connection {
            places,
            number,
            share,
        };
        Some((Arc::new(place), displaced))
    }
}

/// The place of one connection; free again when it is dropped.
pub(super) struct Connection {
    places: Arc<ConnectionTable>,
    number: u64,
    pub(super) share: Arc<ClientShare>,
}

impl Connection {
    /// Which wait for a whole request the connection is in; none while it is being answered.
    pub(super) fn wait(&self) -> Option<u64> {
        self.places.table().taken.get(&self.number)?.wait
    }

    /// A whole request is there: nobody takes the place before this is dropped.
    pub(super) fn answer(self: &Arc<Self>) -> Answering {
        self.set(|_| None);
        Answering(self.clone())
    }

    /// A head did not come in time.
    pub(super) fn count_slow(&self) {
        self.places.refused.slow.fetch_add(1, Ordering::Relaxed);
    }

    fn set(&self, wait: impl FnOnce(&mut ClientTable) -> Option<u64>) {
        let mut table = self.places.table();
        let wait = wait(&mut table);
        if let Some(taken) = table.taken.get_mut(&self.number) {
            taken.wait = wait;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.places.table().taken.remove(&self.number);
    }
}

/// Lives as long as an answer is made and handed over.
pub(super) struct Answering(Arc<Connection>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.set(|table| Some(table.number()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections: usize, client_connections: usize) -> Arc<ConnectionTable> {
        let limits = HttpLimits {
            connections,
            client_connections,
            ..HttpLimits::default()
        };
        ConnectionTable::new(limits, Arc::default(), watch::channel(None).0)
    }

    type Admission = (Arc<Connection>, oneshot::Receiver<()>);

    fn admit(places: &Arc<ConnectionTable>, address: &str) -> Option<Admission> {
        places.admit(address.parse().unwrap())
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
    fn beyond_its_share_a_client_displaces_its_own_and_nobody_elses() {
        let places = places(9, 2);
        let mut other = admit(&places, "192.0.2.9").unwrap();
        let mut first = admit(&places, "192.0.2.1").unwrap();
        let mut second = admit(&places, "192.0.2.1").unwrap();
        assert!(!is_displaced(&mut first));
        let mut third = admit(&places, "192.0.2.1").unwrap();
        assert!(is_displaced(&mut first) && !is_displaced(&mut second));
        // What was displaced and goes frees nobody's place.
        drop(first);
        assert_eq!(places.table().taken.len(), 3);
        let _fourth = admit(&places, "192.0.2.1").unwrap();
        assert!(is_displaced(&mut second) && !is_displaced(&mut third));
        assert!(!is_displaced(&mut other));
    }

    #[test]
    fn in_a_full_table_whoever_waits_the_longest_gives_way_whosever_it_is() {
        let places = places(2, 2);
        let mut first = admit(&places, "192.0.2.1").unwrap();
        let mut second = admit(&places, "192.0.2.2").unwrap();
        drop(first.0.answer());
        let _third = admit(&places, "192.0.2.3").unwrap();
        assert!(is_displaced(&mut second), "the first has asked since");
        assert!(!is_displaced(&mut first));
        assert_eq!(places.refused.displaced.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn nobody_who_is_being_answered_gives_way() {
        let places = places(2, 1);
        let mut first = admit(&places, "192.0.2.1").unwrap();
        let answering = first.0.answer();
        assert!(admit(&places, "192.0.2.1").is_none());
        let second = admit(&places, "192.0.2.2").unwrap();
        let other = second.0.answer();
        assert!(admit(&places, "192.0.2.3").is_none());
        assert_eq!(places.refused.connections.load(Ordering::Relaxed), 2);
        drop(answering);
        assert!(admit(&places, "192.0.2.3").is_some());
        assert!(is_displaced(&mut first));
        drop(other);
    }

    #[test]
    fn a_share_lives_as_long_as_a_connection_of_its_client() {
        let places = places(9, 9);
        let first = admit(&places, "192.0.2.1").unwrap();
        let second = admit(&places, "192.0.2.1").unwrap();
        assert!(Arc::ptr_eq(&first.0.share, &second.0.share));
        let share = Arc::downgrade(&first.0.share);
        drop((first, second));
        assert!(share.upgrade().is_none());
    }

    /// Whatever comes in whatever order: the bounds hold, and who gave way had waited the longest.
    #[test]
    fn random_connections_never_exceed_a_bound() {
        use proptest::prelude::*;
        let steps = proptest::collection::vec((0..4_u8, 0..3_u8, 0..8_usize), 0..200);
        proptest!(|(steps in steps)| {
            let places = places(6, 3);
            let mut seats: Vec<(u8, Admission)> = Vec::new();
            let mut answers: Vec<(u64, Answering)> = Vec::new();
            for (what, client, place) in steps {
                match what {
                    0 | 1 => seats.extend(
                        admit(&places, &format!("192.0.2.{client}")).map(|admit| (client, admit)),
                    ),
                    2 if place < seats.len() => {
                        let (_, (place, _)) = &seats[place];
                        if place.wait().is_some() {
                            answers.push((place.number, place.answer()));
                        }
                    }
                    _ if place < answers.len() => drop(answers.swap_remove(place)),
                    _ => {}
                }
                for (_, admit) in &mut seats {
                    let answered = answers.iter().any(|(number, _)| *number == admit.0.number);
                    prop_assert!(!(answered && is_displaced(admit)), "cut off in its answer");
                }
                seats.retain_mut(|(_, admit)| !is_displaced(admit));
                prop_assert_eq!(seats.len(), places.table().taken.len());
                prop_assert!(seats.len() <= 6);
                for client in 0..3 {
                    prop_assert!(seats.iter().filter(|(of, _)| *of == client).count() <= 3);
                }
            }
        });
    }
}
