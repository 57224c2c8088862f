//! Who announces a prefix when the peers of a collector do not agree.
//!
//! The origin that most peers see, then the lowest; of its paths the one that most peers see, then
//! the shortest, then the lowest. A peer counts once for what it says, however often it says it.
//! Lives for one prefix. Refuses more routes than peers can have.

use crate::asn::numbers;
use crate::asn::path::{self, Hop, PathSegment};
use crate::units::Asn;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

/// Hops and routes of one prefix together: 65535 peers (RFC 6396 §4.3.1) with usual paths. A bound
/// against packed files, not a measured limit.
const MAX_WEIGHT: usize = 1 << 20;

/// A route as it was announced: what is kept of it, once for all prefixes it is announced for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::asn) struct HeardPath {
    origin: Option<Asn>,
    path: Vec<Hop>,
    /// The origin is one of a set.
    of_set: bool,
}

impl HeardPath {
    /// What is kept of a path.
    pub(in crate::asn) fn new(segments: &[PathSegment], own: &HashSet<Asn>) -> Self {
        let mut announced = segments.iter().rev();
        let last = announced.find(|segment| !segment.asns().is_empty());
        let (origin, of_set) = match last {
            Some(PathSegment::Sequence(sequence)) => (sequence.last().copied(), false),
            // as with prefix lists: the lowest of those that it can be
            Some(PathSegment::Set(set)) => {
                let somebodys = set.iter().filter(|asn| numbers::is_assignable(**asn));
                (somebodys.min().copied(), true)
            }
            None => (None, false),
        };
        Self {
            origin: origin.filter(|asn| numbers::is_assignable(*asn)),
            path: path::kept(segments, own),
            of_set,
        }
    }

    /// What it takes to remember it, in hops.
    pub(in crate::asn) fn weight(&self) -> usize {
        self.path.len() + 1
    }
}

/// What one peer says of a prefix. `peer` tells one peer from another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::asn) struct Candidate {
    pub(in crate::asn) heard: Arc<HeardPath>,
    pub(in crate::asn) peer: u128,
}

/// The routes to one prefix.
#[derive(Debug, Default)]
pub(in crate::asn) struct Vote {
    routes: Vec<Candidate>,
    weight: usize,
}

/// How a vote ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::asn) struct VoteResult {
    /// The origin; none where no peer names one that can be somebody's.
    pub(in crate::asn) origin: Option<Asn>,
    /// A path to it.
    pub(in crate::asn) path: Vec<Hop>,
    /// Peers see different origins (MOAS).
    pub(in crate::asn) several: bool,
    /// The path ends in a set, and the origin is the lowest of it.
    pub(in crate::asn) of_set: bool,
}

impl Vote {
    /// Takes a route; one without origin has no vote.
    pub(in crate::asn) fn add(&mut self, route: Candidate) -> Result<(), String> {
        if route.heard.origin.is_some() {
            self.weight += route.heard.weight();
            self.routes.push(route);
        }
        if self.weight > MAX_WEIGHT {
            return Err("has too many routes to one prefix".into());
        }
        Ok(())
    }

    /// Counts the votes.
    pub(in crate::asn) fn result(&mut self) -> VoteResult {
        self.routes.sort_unstable();
        self.routes.dedup();
        let mut origins = self
            .routes
            .chunk_by(|one, other| one.heard.origin == other.heard.origin);
        let several = origins.clone().count() > 1;
        // of equal maxima `max_by_key` takes the last, `min_by_key` the first: the lowest
        let won = origins.by_ref().min_by_key(|routes| Reverse(peers(routes)));
        let paths = won
            .unwrap_or_default()
            .chunk_by(|one, other| one.heard.path == other.heard.path);
        let path = paths.min_by_key(|routes| {
            let length = routes
                .first()
                .map_or(0, |route| path::length(&route.heard.path));
            (Reverse(peers(routes)), length)
        });
        let Some(route) = path.and_then(<[Candidate]>::first) else {
            return VoteResult::default();
        };
        VoteResult {
            origin: route.heard.origin,
            path: route.heard.path.clone(),
            several,
            of_set: route.heard.of_set,
        }
    }
}

/// How many peers these routes are from.
fn peers(routes: &[Candidate]) -> usize {
    let mut peers: Vec<u128> = routes.iter().map(|route| route.peer).collect();
    peers.sort_unstable();
    peers.dedup();
    peers.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(peer: u128, segments: &[PathSegment]) -> Candidate {
        let heard = HeardPath::new(segments, &HashSet::new()).into();
        Candidate { heard, peer }
    }

    /// Votes, each a peer and its path; the outcome as text: origin, path.
    fn result(votes: &[(u128, &[u32])]) -> (u32, Vec<Hop>, bool) {
        let mut vote = Vote::default();
        for (peer, path) in votes {
            let path = path.iter().copied().map(Asn).collect();
            vote.add(route(*peer, &[PathSegment::Sequence(path)]))
                .unwrap();
        }
        let verdict = vote.result();
        (
            verdict.origin.unwrap_or_default().0,
            verdict.path,
            verdict.several,
        )
    }

    fn hops(path: &[u32]) -> Vec<Hop> {
        path.iter().map(|number| Hop::As(Asn(*number))).collect()
    }

    #[test]
    fn most_peers_decide_then_the_lowest_origin() {
        for (votes, origin, path, several) in [
            (&[(1, &[5, 9][..])][..], 9, &[5, 9][..], false),
            (
                &[(1, &[1, 8]), (2, &[2, 9]), (3, &[3, 9])],
                9,
                &[2, 9],
                true,
            ),
            (&[(1, &[1, 9]), (2, &[2, 8])], 8, &[2, 8], true),
            // one peer with two paths (ADD-PATH) has one vote
            (
                &[(1, &[1, 9]), (1, &[2, 9]), (2, &[2, 8])],
                8,
                &[2, 8],
                true,
            ),
            // the same route twice, as in a file with two tables
            (&[(1, &[1, 9]), (1, &[1, 9])], 9, &[1, 9], false),
            // AS_TRANS and nobody have no vote
            (
                &[(1, &[1, 23456]), (2, &[1, 23456]), (3, &[3, 9]), (4, &[])],
                9,
                &[3, 9],
                false,
            ),
            (&[(1, &[]), (2, &[1, 0])], 0, &[], false),
        ] {
            assert_eq!(result(votes), (origin, hops(path), several), "{votes:?}");
        }
    }

    #[test]
    fn of_an_origins_paths_most_peers_decide_then_the_shortest_then_the_lowest() {
        for (votes, path) in [
            (
                &[(1, &[7, 9][..]), (2, &[1, 2, 9]), (3, &[1, 2, 9])][..],
                &[1, 2, 9][..],
            ),
            (&[(1, &[1, 2, 9]), (2, &[7, 9])], &[7, 9]),
            (&[(1, &[7, 9]), (2, &[6, 9])], &[6, 9]),
            // prepends do not make a path longer
            (&[(1, &[6, 9, 9, 9]), (2, &[7, 9])], &[6, 9]),
        ] {
            assert_eq!(result(votes).1, hops(path), "{votes:?}");
        }
    }

    #[test]
    fn the_origin_of_a_set_is_its_lowest_number_that_can_be_somebodys() {
        let set = [0, 65535, 64501, 64500].map(Asn).to_vec();
        let segments = [PathSegment::Sequence(vec![Asn(1)]), PathSegment::Set(set)];
        let mut vote = Vote::default();
        vote.add(route(1, &segments)).unwrap();
        let verdict = vote.result();
        assert_eq!((verdict.origin, verdict.of_set), (Some(Asn(64500)), true));
    }

    #[test]
    fn routes_to_one_prefix_are_bounded() {
        let mut vote = Vote::default();
        let path = PathSegment::Sequence((1..=1000).map(Asn).collect());
        let mut added = 0;
        while vote.add(route(added, std::slice::from_ref(&path))).is_ok() {
            added += 1;
        }
        assert_eq!(added, 1047);
    }
}
