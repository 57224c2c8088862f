//! Decides who announces a prefix when the peers of a collector do not agree.
//!
//! The origin that most peers see, then the lowest that is not for private use; of its paths the one
//! that most peers see, then the shortest, then the lowest. A peer counts once for what it says, however
//! often it says it. A route without a path is an internal peer's own.
//! Lives for one prefix. Refuses more routes than peers can have.

use crate::asn::numbers;
use crate::asn::path::{self, Hop, PathSegment};
use crate::units::Asn;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Hops and routes of one prefix together: 65535 peers (RFC 6396 §4.3.1) with usual paths. A bound
/// against packed files, not a measured limit.
const MAX_WEIGHT: usize = 1 << 20;

/// A route as it was announced: what is kept of it, once for all prefixes it is announced for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::asn) struct AnnouncedPath {
    origin: Option<Asn>,
    path: Vec<Hop>,
    /// The origin is one of a set.
    of_set: bool,
}

impl AnnouncedPath {
    /// What is kept of a path from a peer; `own` numbers are left out of it. An empty one is of a route
    /// that the AS of an `internal` peer originates (RFC 4271 §5.1.2); from any other peer it says
    /// nothing.
    pub(in crate::asn) fn from_peer(
        segments: &[PathSegment],
        internal: Option<Asn>,
        own: &HashSet<Asn>,
    ) -> Self {
        match internal {
            Some(peer) if segments.iter().all(|segment| segment.asns().is_empty()) => {
                Self::new(&[PathSegment::Sequence(vec![peer])], own)
            }
            _ => Self::new(segments, own),
        }
    }

    /// What is kept of a path.
    pub(in crate::asn) fn new(segments: &[PathSegment], own: &HashSet<Asn>) -> Self {
        let mut announced = segments.iter().rev();
        let last = announced.find(|segment| !segment.asns().is_empty());
        let (origin, of_set) = match last {
            Some(PathSegment::Sequence(sequence)) => (sequence.last().copied(), false),
            // as with prefix lists: the first of those that it can be
            Some(PathSegment::Set(set)) => {
                let somebodys = set.iter().copied();
                let somebodys = somebodys.filter(|asn| numbers::is_assignable(*asn));
                let first = somebodys.min_by_key(|asn| numbers::precedence(*asn));
                (first, true)
            }
            None => (None, false),
        };
        Self {
            origin: origin.filter(|asn| numbers::is_assignable(*asn)),
            path: path::kept(segments, own),
            of_set,
        }
    }

    /// The origin; none where its number is not assignable.
    pub(in crate::asn) fn origin(&self) -> Option<Asn> {
        self.origin
    }

    /// The path to it.
    pub(in crate::asn) fn path(&self) -> &[Hop] {
        &self.path
    }

    /// Whether its origin is one of a set.
    pub(in crate::asn) fn is_of_set(&self) -> bool {
        self.of_set
    }

    /// What it takes to remember it, in hops.
    pub(in crate::asn) fn weight(&self) -> usize {
        self.path.len() + 1
    }
}

/// A voter, and what tells it from others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(in crate::asn) enum Voter {
    /// A peer by its number in a file.
    Number(u32),
    /// A BGP speaker at the other end of a session: its address, AS and BGP identifier.
    Peer(IpAddr, Asn, u32),
    /// A router that tells its own choice (RFC 9069), by its address and BGP identifier.
    Router(IpAddr, u32),
    /// One that has no identifier, by its connection.
    Connection(u32),
}

/// One voter's route to a prefix.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::asn) struct Candidate {
    pub(in crate::asn) announced: Arc<AnnouncedPath>,
    pub(in crate::asn) voter: Voter,
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
        if route.announced.origin.is_some() {
            self.weight += route.announced.weight();
            self.routes.push(route);
        }
        if self.weight > MAX_WEIGHT {
            return Err("has too many routes to one prefix".into());
        }
        Ok(())
    }

    /// The routes to each origin that is named, by number.
    pub(in crate::asn) fn origins(&mut self) -> impl Iterator<Item = &[Candidate]> + Clone {
        self.routes.sort_unstable();
        self.routes.dedup();
        let same_origin =
            |one: &Candidate, other: &Candidate| one.announced.origin == other.announced.origin;
        self.routes.chunk_by(same_origin)
    }

    /// Counts the votes.
    pub(in crate::asn) fn result(&mut self) -> VoteResult {
        let origins = self.origins();
        let several = origins.clone().nth(1).is_some();
        let won = origins.min_by_key(|routes| {
            let origin = routes.first().and_then(|route| route.announced.origin);
            (
                Reverse(voters(routes).len()),
                origin.map(numbers::precedence),
            )
        });
        let Some((announced, _)) = best_path(won.unwrap_or_default()) else {
            return VoteResult::default();
        };
        VoteResult {
            origin: announced.origin,
            path: announced.path.clone(),
            several,
            of_set: announced.of_set,
        }
    }
}

/// Of sorted routes to one origin the one that stands, and how many voters see its path.
pub(in crate::asn) fn best_path(routes: &[Candidate]) -> Option<(&AnnouncedPath, usize)> {
    let paths = routes.chunk_by(|one, other| one.announced.path == other.announced.path);
    let paths =
        paths.filter_map(|routes| Some((&*routes.first()?.announced, voters(routes).len())));
    // of equal minima `min_by_key` takes the first: the lowest
    paths.min_by_key(|(announced, seen)| (Reverse(*seen), path::length(&announced.path)))
}

/// The voters for these routes, each once.
pub(in crate::asn) fn voters(routes: &[Candidate]) -> Vec<Voter> {
    let mut voters: Vec<Voter> = routes.iter().map(|route| route.voter).collect();
    voters.sort_unstable();
    voters.dedup();
    voters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(peer: u32, segments: &[PathSegment]) -> Candidate {
        let announced = AnnouncedPath::new(segments, &HashSet::new()).into();
        let voter = Voter::Number(peer);
        Candidate { announced, voter }
    }

    /// Votes, each a peer and its path; the outcome as text: origin, path.
    fn result(votes: &[(u32, &[u32])]) -> (u32, Vec<Hop>, bool) {
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
            // a number for private use does not win for being lower
            (
                &[(1, &[1, 64999]), (2, &[2, 65540])],
                65540,
                &[2, 65540],
                true,
            ),
            (
                &[(1, &[1, 4_200_000_007]), (2, &[2, 64512])],
                64512,
                &[2, 64512],
                true,
            ),
            (
                &[(1, &[1, 64999]), (2, &[2, 64999]), (3, &[3, 65540])],
                64999,
                &[1, 64999],
                true,
            ),
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
    fn a_route_without_a_path_is_an_internal_peers_own() {
        let own = HashSet::from([Asn(64496)]);
        let empty = [PathSegment::Sequence(Vec::new())];
        for (segments, peer, origin, path) in [
            (&[][..], 64496, 64496, &[][..]),
            (&empty, 64500, 64500, &[64500]),
            // AS 0 is nobody's peer
            (&[], 0, 0, &[0]),
        ] {
            let announced = AnnouncedPath::from_peer(segments, Some(Asn(peer)), &own);
            assert_eq!(announced.origin.unwrap_or_default(), Asn(origin));
            assert_eq!(announced.path, hops(path));
        }
        assert_eq!(AnnouncedPath::from_peer(&[], None, &own).origin, None);
        let path = [PathSegment::Sequence(vec![Asn(64501)])];
        let announced = AnnouncedPath::from_peer(&path, Some(Asn(64500)), &own);
        assert_eq!(announced.origin, Some(Asn(64501)));
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
