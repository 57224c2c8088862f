//! All routes of a feed by prefix.
//!
//! Owned by the [`Feed`](super::Feed). Bounded by what it takes to remember them.

use super::peers::PeerId;
use crate::asn::vote::{Heard, Route, Verdict, Vote};
use crate::units::Prefix;
use hashbrown::HashMap;
use std::sync::Arc;

/// Hops and routes together: a whole table of four peers has some 30 million. A guess.
const MAX_WEIGHT: usize = 1 << 26;

/// Which route to a prefix: who says it, and which of its routes it is.
type Key = (PeerId, u32);

/// Routes by prefix.
#[derive(Debug, Default)]
pub(super) struct Routes {
    by_prefix: HashMap<Prefix, Vec<(Key, Arc<Heard>)>>,
    count: usize,
    weight: usize,
}

impl Routes {
    /// Takes a route in place of the one with its key. Whether that is news; none where there is no
    /// room: then nothing is known of that key any more, since what was is not true.
    pub(super) fn insert(&mut self, prefix: Prefix, key: Key, heard: &Arc<Heard>) -> Option<bool> {
        let known = self.by_prefix.get(&prefix);
        let known = known.and_then(|routes| routes.iter().find(|(other, _)| *other == key));
        if known.is_some_and(|(_, known)| known == heard) {
            return Some(false);
        }
        self.remove(prefix, key);
        if self.weight + heard.weight() > MAX_WEIGHT {
            return None;
        }
        let routes = self.by_prefix.entry(prefix).or_default();
        routes.push((key, heard.clone()));
        self.count += 1;
        self.weight += heard.weight();
        Some(true)
    }

    /// Drops a route; whether it was there.
    pub(super) fn remove(&mut self, prefix: Prefix, key: Key) -> bool {
        let Some(routes) = self.by_prefix.get_mut(&prefix) else {
            return false;
        };
        let Some(place) = routes.iter().position(|(other, _)| *other == key) else {
            return false;
        };
        let (_, heard) = routes.swap_remove(place);
        if routes.is_empty() {
            self.by_prefix.remove(&prefix);
        }
        self.count -= 1;
        self.weight -= heard.weight();
        true
    }

    /// Drops all routes of a peer; whether there were any. Looks at every route.
    pub(super) fn forget(&mut self, peer: PeerId) -> bool {
        let before = self.count;
        let (count, weight) = (&mut self.count, &mut self.weight);
        self.by_prefix.retain(|_, routes| {
            routes.retain(|((of, _), heard)| {
                let stays = *of != peer;
                if !stays {
                    *count -= 1;
                    *weight -= heard.weight();
                }
                stays
            });
            !routes.is_empty()
        });
        before != self.count
    }

    /// Routes.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The vote on every prefix, in no order. `voter` tells whose vote a peer's is.
    pub(super) fn votes(
        &self,
        voter: impl Fn(PeerId) -> u128,
        mut voted: impl FnMut(Prefix, &Verdict),
    ) {
        for (prefix, routes) in &self.by_prefix {
            let mut vote = Vote::default();
            for ((peer, _), heard) in routes {
                let route = Route {
                    heard: heard.clone(),
                    peer: voter(*peer),
                };
                if vote.add(route).is_err() {
                    // more than can be counted: those counted decide
                    break;
                }
            }
            voted(*prefix, &vote.result());
        }
    }
}
