//! All routes of a feed by prefix, in shards: whatever looks at every route does so one shard at a
//! time, and whoever waits for the feed gets it in between.
//!
//! Owned by the [`Feed`](super::Feed). Bounded by what it takes to remember them. A peer that leaves
//! is only marked: its routes have no vote from then on, and go when their shard is next looked at.

use super::preference::{self, PeerId, RouteSource};
use crate::asn::vote::{AnnouncedPath, Candidate, Vote, VoteResult};
use crate::units::Prefix;
use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;

/// Hops and routes together: a whole table of four peers has some 30 million. A guess.
const MAX_WEIGHT: usize = 1 << 26;

/// Routes to one prefix: each peer's, and those with path identifiers. A guess.
const MAX_OF_PREFIX: usize = 1 << 14;

/// Shards: at the bound of all routes one has 8192 of them at most, which takes some milliseconds.
pub(super) const SHARDS: usize = 1 << 12;

/// Which route to a prefix: the peer, and its path identifier (RFC 7911).
type Key = (PeerId, u32);

/// A number of routes, and what it takes to remember them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct RouteTotals {
    routes: usize,
    weight: usize,
}

impl RouteTotals {
    fn add(&mut self, announced: &AnnouncedPath) {
        self.routes += 1;
        self.weight += announced.weight();
    }

    fn take(&mut self, announced: &AnnouncedPath) {
        self.routes -= 1;
        self.weight -= announced.weight();
    }
}

/// The prefixes with the same hash.
#[derive(Debug, Default)]
struct RouteShard {
    by_prefix: HashMap<Prefix, Vec<(Key, Arc<AnnouncedPath>)>>,
    /// Departures of peers whose routes have been removed from here.
    swept: u64,
}

/// Routes by prefix.
#[derive(Debug)]
pub(super) struct Routes {
    shards: Vec<RouteShard>,
    hasher: DefaultHashBuilder,
    /// Of each peer that is there.
    peers: HashMap<PeerId, RouteTotals>,
    /// Routes of peers that have left, as far as they are not removed yet.
    left: HashMap<PeerId, RouteTotals>,
    departures: u64,
    /// The shard to look at next where room is needed.
    next: usize,
    /// Of all peers that are there.
    count: usize,
    /// Of all routes in memory.
    weight: usize,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RouteShard::default()).collect(),
            hasher: DefaultHashBuilder::default(),
            peers: HashMap::default(),
            left: HashMap::default(),
            departures: 0,
            next: 0,
            count: 0,
            weight: 0,
        }
    }
}

impl Routes {
    /// In which shard a prefix is.
    fn place(&self, prefix: Prefix) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "any of its bits will do")]
        let hash = self.hasher.hash_one(prefix) as usize;
        hash % SHARDS
    }

    /// Takes a route in place of the one with its key. Whether that is news; none where there is no
    /// room: then nothing is known of that key any more, since what was is not true.
    pub(super) fn insert(
        &mut self,
        prefix: Prefix,
        key: Key,
        announced: &Arc<AnnouncedPath>,
    ) -> Option<bool> {
        let place = self.place(prefix);
        let known = self.shards.get(place)?.by_prefix.get(&prefix);
        let known = known.and_then(|routes| routes.iter().find(|(other, _)| *other == key));
        if known.is_some_and(|(_, known)| known == announced) {
            return Some(false);
        }
        self.remove(prefix, key);
        if self.weight + announced.weight() > MAX_WEIGHT {
            // who has left makes room, a shard for each who comes
            self.sweep(self.next);
            self.next = (self.next + 1) % SHARDS;
        }
        if self.weight + announced.weight() > MAX_WEIGHT {
            return None;
        }
        let shard = self.shards.get_mut(place)?;
        let routes = shard.by_prefix.entry(prefix).or_default();
        if routes.len() >= MAX_OF_PREFIX {
            return None;
        }
        routes.push((key, announced.clone()));
        self.peers.entry(key.0).or_default().add(announced);
        self.count += 1;
        self.weight += announced.weight();
        Some(true)
    }

    /// Drops a route; whether it was there.
    pub(super) fn remove(&mut self, prefix: Prefix, key: Key) -> bool {
        let place = self.place(prefix);
        let Some(shard) = self.shards.get_mut(place) else {
            return false;
        };
        let Some(routes) = shard.by_prefix.get_mut(&prefix) else {
            return false;
        };
        let Some(place) = routes.iter().position(|(other, _)| *other == key) else {
            return false;
        };
        let (_, announced) = routes.swap_remove(place);
        if routes.is_empty() {
            shard.by_prefix.remove(&prefix);
        }
        if let Some(sum) = self.peers.get_mut(&key.0) {
            sum.take(&announced);
        }
        self.count -= 1;
        self.weight -= announced.weight();
        true
    }

    /// Drops all routes of a peer to a prefix, whatever their path identifiers; whether there were any.
    pub(super) fn remove_all(&mut self, prefix: Prefix, peer: PeerId) -> bool {
        let place = self.place(prefix);
        let shard = self.shards.get(place);
        let routes = shard.and_then(|shard| shard.by_prefix.get(&prefix));
        let keys = routes.into_iter().flatten().map(|(key, _)| *key);
        let keys: Vec<Key> = keys.filter(|(of, _)| *of == peer).collect();
        let mut were = false;
        for key in keys {
            were |= self.remove(prefix, key);
        }
        were
    }

    /// A peer's routes are none any more; whether there were any. Looks at no route: a peer's number
    /// is never given again, so that what is left of it is told from what comes.
    pub(super) fn forget(&mut self, peer: PeerId) -> bool {
        let Some(sum) = self.peers.remove(&peer).filter(|sum| sum.routes > 0) else {
            return false;
        };
        self.left.insert(peer, sum);
        self.count -= sum.routes;
        self.departures += 1;
        true
    }

    /// Frees the routes in a shard of all peers that have left.
    fn sweep(&mut self, place: usize) {
        let Some(shard) = self.shards.get_mut(place) else {
            return;
        };
        if shard.swept == self.departures {
            return;
        }
        shard.swept = self.departures;
        let (left, weight) = (&mut self.left, &mut self.weight);
        shard.by_prefix.retain(|_, routes| {
            routes.retain(|((peer, _), announced)| {
                let Some(sum) = left.get_mut(peer) else {
                    return true;
                };
                sum.take(announced);
                *weight -= announced.weight();
                if sum.routes == 0 {
                    left.remove(peer);
                }
                false
            });
            !routes.is_empty()
        });
        if shard.by_prefix.len() < shard.by_prefix.capacity() / 4 {
            shard.by_prefix.shrink_to_fit();
        }
    }

    /// Routes of the peers that are there.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The vote on every prefix of a shard, in no order, and whether all of it could be counted.
    /// `source` tells who says a route; none where that is over.
    pub(super) fn votes(
        &mut self,
        place: usize,
        source: impl Fn(PeerId) -> Option<RouteSource>,
        mut add_voted: impl FnMut(Prefix, &VoteResult, bool),
    ) {
        self.sweep(place);
        let shard = self.shards.get(place);
        for (prefix, routes) in shard.iter().flat_map(|shard| &shard.by_prefix) {
            let routes = routes.iter();
            let of_voters = routes
                .filter_map(|((peer, _), announced)| Some((source(*peer)?, Arc::clone(announced))));
            let mut counting: Vec<_> = of_voters.collect();
            preference::keep_preferred(&mut counting);
            let (mut vote, mut is_whole) = (Vote::default(), true);
            for (source, announced) in counting {
                let voter = source.voter;
                if vote.add(Candidate { announced, voter }).is_err() {
                    // more than can be counted: those counted decide
                    is_whole = false;
                    break;
                }
            }
            add_voted(*prefix, &vote.result(), is_whole);
        }
    }
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
