//! Chooses which routes to a prefix have a vote: those of a live connection before those of a lost one,
//! then what the router uses before what it has merely received, then the newest.
//!
//! No state.

use crate::asn::vote::{AnnouncedPath, Voter};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What of a peer's routes a router shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum View {
    /// As the peer has sent them.
    PrePolicy,
    /// As the router's policy leaves them.
    PostPolicy,
    /// The router's own choice (RFC 9069).
    LocRib,
}

/// The number of a view of a peer and of one address family.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct PeerId(pub(super) u32);

#[cfg(test)]
impl PeerId {
    pub(super) fn numbered(number: u32) -> Self {
        Self(number)
    }
}

/// Where a route was heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RouteSource {
    /// The voter that it counts for.
    pub(super) voter: Voter,
    /// The connection over which it came.
    pub(super) router: u32,
    pub(super) view: View,
    /// The connection is there still.
    pub(super) is_current: bool,
    /// A number that is higher for what began later.
    pub(super) id: PeerId,
}

/// Leaves of the routes to one prefix those that count. Where a router tells its own choice, what its
/// peers said before its policy does not; of what one voter says, what stands over a connection that is
/// there does, then what its router uses, then what it has said last.
pub(super) fn keep_preferred(routes: &mut Vec<(RouteSource, Arc<AnnouncedPath>)>) {
    if routes.len() < 2 {
        return;
    }
    let choices = routes.iter().filter(|(it, _)| it.view == View::LocRib);
    let choosing: BTreeSet<u32> = choices.map(|(it, _)| it.router).collect();
    if !choosing.is_empty() {
        routes.retain(|(it, _)| it.view != View::PrePolicy || !choosing.contains(&it.router));
    }
    let rank = |it: &RouteSource| (it.is_current, it.view, it.id);
    routes.sort_by_key(|(it, _)| (it.voter, Reverse(rank(it))));
    let mut best = None;
    routes.retain(|(it, _)| {
        let first = *best.get_or_insert(*it);
        if first.voter == it.voter {
            return rank(&first) == rank(it);
        }
        best = Some(*it);
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn::path::PathSegment;
    use crate::units::Asn;
    use std::collections::HashSet;

    /// Voter, router, view, whether it is there still, when it began; and the origin said.
    type TestRoute = (u32, u32, View, bool, u32, u32);

    fn counting(said: &[TestRoute]) -> Vec<u32> {
        let mut routes: Vec<_> = said
            .iter()
            .map(|&(voter, router, view, is_current, id, origin)| {
                let source = RouteSource {
                    voter: Voter::Number(voter),
                    router,
                    view,
                    is_current,
                    id: PeerId::numbered(id),
                };
                let path = [PathSegment::Sequence(vec![Asn(origin)])];
                (source, Arc::new(AnnouncedPath::new(&path, &HashSet::new())))
            })
            .collect();
        keep_preferred(&mut routes);
        let origins = routes
            .iter()
            .filter_map(|(_, announced)| announced.origin());
        let mut origins: Vec<u32> = origins.map(|asn| asn.0).collect();
        origins.sort_unstable();
        origins
    }

    #[test]
    fn what_a_router_uses_counts_before_what_it_has_heard() {
        use View::{LocRib, PostPolicy, PrePolicy};
        for (said, origins) in [
            (&[(1, 1, PrePolicy, true, 1, 7)][..], &[7][..]),
            (
                &[
                    (1, 1, PrePolicy, true, 1, 7),
                    (1, 1, PostPolicy, true, 2, 8),
                ],
                &[8],
            ),
            // the other way round, and another peer that has one view only
            (
                &[
                    (1, 1, PostPolicy, true, 1, 7),
                    (1, 1, PrePolicy, true, 2, 8),
                    (2, 1, PrePolicy, true, 3, 9),
                ],
                &[7, 9],
            ),
            // a choice counts before all that the same router has heard, and not of another's
            (
                &[
                    (1, 1, PrePolicy, true, 1, 7),
                    (2, 1, PostPolicy, true, 2, 8),
                    (3, 2, PrePolicy, true, 3, 9),
                    (4, 1, LocRib, true, 4, 10),
                ],
                &[8, 9, 10],
            ),
            // several paths of one peer (RFC 7911)
            (
                &[(1, 1, PrePolicy, true, 1, 7), (1, 1, PrePolicy, true, 1, 8)],
                &[7, 8],
            ),
        ] {
            assert_eq!(counting(said), origins, "{said:?}");
        }
    }

    #[test]
    fn what_is_said_now_counts_before_what_was_said_once() {
        use View::{LocRib, PostPolicy, PrePolicy};
        for (said, origins) in [
            (
                &[
                    (1, 1, PrePolicy, false, 1, 7),
                    (1, 2, PrePolicy, true, 2, 8),
                ][..],
                &[8][..],
            ),
            // also where less is shown of it now
            (
                &[
                    (1, 1, PostPolicy, false, 1, 7),
                    (1, 2, PrePolicy, true, 2, 8),
                ],
                &[8],
            ),
            (
                &[(1, 1, LocRib, false, 1, 7), (1, 2, LocRib, false, 2, 8)],
                &[8],
            ),
            // a connection that nobody has noticed to be dead
            (
                &[(1, 2, PrePolicy, true, 2, 8), (1, 1, PrePolicy, true, 1, 7)],
                &[8],
            ),
        ] {
            assert_eq!(counting(said), origins, "{said:?}");
        }
    }
}
