//! AS paths: what is kept of them, and a store in which equal paths stand once.
//!
//! A path is kept as the route to an address reads: without prepends, without confederation
//! segments (RFC 5065: the inside of one AS), without our own numbers, an AS_SET as the set it is.
//! The store belongs to one source and lives as long as it. It refuses nothing; what it may hold is
//! bounded by [`Listed`](super::source::Listed).

use crate::units::Asn;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher;

/// A step of a path, for people and for output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// One AS.
    As(Asn),
    /// An AS_SET (RFC 4271 §4.3): one or more of these, in unknown order; ascending here.
    Set(Vec<Asn>),
}

/// `64500`, `{64501,64502}`.
impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::As(asn) => asn.fmt(out),
            Self::Set(set) => {
                for (place, asn) in set.iter().enumerate() {
                    write!(out, "{}{asn}", if place == 0 { '{' } else { ',' })?;
                }
                out.write_str("}")
            }
        }
    }
}

/// A number in a path as it is stored: eight octets, whole paths lie side by side.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Hop {
    /// One AS.
    As(Asn),
    /// The first of a set.
    Set(Asn),
    /// Another of the set before it.
    Member(Asn),
}

/// A segment of a path as it was announced, without those of confederations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Segment {
    /// AS_SEQUENCE.
    Sequence(Vec<Asn>),
    /// AS_SET.
    Set(Vec<Asn>),
}

impl Segment {
    /// The numbers in it.
    pub(super) fn asns(&self) -> &[Asn] {
        match self {
            Self::Sequence(asns) | Self::Set(asns) => asns,
        }
    }
}

/// Steps of a path: a set is one, as in BGP's own choice (RFC 4271 §9.1.2.2).
pub(super) fn length(path: &[Hop]) -> usize {
    let steps = path.iter().filter(|hop| !matches!(hop, Hop::Member(_)));
    steps.count()
}

/// What is kept of a path.
pub(super) fn kept(segments: &[Segment], own: &HashSet<Asn>) -> Vec<Hop> {
    let mut hops = Vec::new();
    for segment in segments {
        match segment {
            Segment::Sequence(sequence) => {
                for asn in sequence.iter().filter(|asn| !own.contains(asn)) {
                    if hops.last() != Some(&Hop::As(*asn)) {
                        hops.push(Hop::As(*asn));
                    }
                }
            }
            Segment::Set(set) => {
                let mut set: Vec<Asn> = set
                    .iter()
                    .filter(|asn| !own.contains(asn))
                    .copied()
                    .collect();
                set.sort_unstable();
                set.dedup();
                let mut set = set.into_iter();
                hops.extend(set.next().map(Hop::Set));
                hops.extend(set.map(Hop::Member));
            }
        }
    }
    hops
}

/// Which path of a store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(super) struct PathId(u32);

impl PathId {
    /// The path without steps: unknown.
    pub(super) const NONE: Self = Self(0);
}

/// Paths, each once, end to end.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    /// Where each path ends in `hops`; it begins where the one before ends. The first is empty.
    ends: Vec<u32>,
    hops: Vec<Hop>,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            ends: vec![0],
            hops: Vec::new(),
        }
    }
}

impl Paths {
    fn hops(&self, id: PathId) -> &[Hop] {
        let end = |place: u32| self.ends.get(place as usize).copied().unwrap_or(0) as usize;
        let start = id.0.checked_sub(1).map_or(0, end);
        self.hops.get(start..end(id.0)).unwrap_or(&[])
    }

    /// A path's steps, from the nearest to the origin.
    pub(super) fn steps(&self, id: PathId) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for hop in self.hops(id) {
            match (*hop, steps.last_mut()) {
                (Hop::As(asn), _) => steps.push(Step::As(asn)),
                (Hop::Member(asn), Some(Step::Set(set))) => set.push(asn),
                (Hop::Set(asn) | Hop::Member(asn), _) => steps.push(Step::Set(vec![asn])),
            }
        }
        steps
    }

    /// Different paths, the empty one not counted.
    pub(super) fn len(&self) -> usize {
        self.ends.len() - 1
    }
}

/// Paths on their way into a store.
#[derive(Debug, Default)]
pub(super) struct Interner {
    paths: Paths,
    seen: HashTable<PathId>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    /// The path with these hops, new or known.
    pub(super) fn id(&mut self, hops: &[Hop]) -> PathId {
        if hops.is_empty() {
            return PathId::NONE;
        }
        let Self {
            paths,
            seen,
            hasher,
        } = self;
        let hash = hasher.hash_one(hops);
        if let Some(known) = seen.find(hash, |known| paths.hops(*known) == hops) {
            return *known;
        }
        paths.hops.extend_from_slice(hops);
        // both fit: the hops of a source are bounded far below
        let id = PathId(u32::try_from(paths.ends.len()).unwrap_or(u32::MAX));
        let end = u32::try_from(paths.hops.len()).unwrap_or(u32::MAX);
        paths.ends.push(end);
        seen.insert_unique(hash, id, |known| hasher.hash_one(paths.hops(*known)));
        id
    }

    /// Hops stored so far.
    pub(super) fn hops(&self) -> usize {
        self.paths.hops.len()
    }

    /// The store.
    pub(super) fn finish(mut self) -> Paths {
        self.paths.ends.shrink_to_fit();
        self.paths.hops.shrink_to_fit();
        self.paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asns(numbers: &[u32]) -> Vec<Asn> {
        numbers.iter().copied().map(Asn).collect()
    }

    fn shown(steps: &[Step]) -> String {
        let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
        steps.join(" ")
    }

    fn kept_and_shown(segments: &[Segment], own: &[u32]) -> String {
        let own = asns(own).into_iter().collect();
        let mut interner = Interner::default();
        let id = interner.id(&kept(segments, &own));
        shown(&interner.finish().steps(id))
    }

    #[test]
    fn prepends_and_own_numbers_go_and_sets_stay() {
        let sequence = |numbers: &[u32]| Segment::Sequence(asns(numbers));
        let set = |numbers: &[u32]| Segment::Set(asns(numbers));
        for (segments, own, path) in [
            (vec![sequence(&[1, 1, 2, 3, 3, 3])], &[][..], "1 2 3"),
            (vec![sequence(&[1, 2, 1])], &[], "1 2 1"),
            (vec![sequence(&[1, 2]), sequence(&[2, 3])], &[], "1 2 3"),
            (vec![sequence(&[9, 1, 9, 1, 2])], &[9], "1 2"),
            (vec![sequence(&[1]), set(&[3, 2, 3])], &[], "1 {2,3}"),
            (vec![set(&[2]), set(&[2, 4])], &[], "{2} {2,4}"),
            (vec![sequence(&[1]), set(&[9]), sequence(&[1])], &[9], "1"),
            (vec![set(&[])], &[], ""),
            (vec![], &[], ""),
        ] {
            assert_eq!(kept_and_shown(&segments, own), path, "{segments:?}");
        }
    }

    #[test]
    fn equal_paths_stand_once_and_each_is_found_again() {
        let mut interner = Interner::default();
        let path = |number: u32| vec![Hop::As(Asn(number % 7)), Hop::Set(Asn(number))];
        let ids: Vec<PathId> = (0..1000).map(|number| interner.id(&path(number))).collect();
        let again: Vec<PathId> = (0..1000).map(|number| interner.id(&path(number))).collect();
        assert_eq!(ids, again);
        assert_eq!(interner.id(&[]), PathId::NONE);
        let paths = interner.finish();
        assert_eq!((paths.len(), paths.hops.len()), (1000, 2000));
        for (number, id) in (0..).zip(ids) {
            assert_eq!(paths.hops(id), path(number));
        }
        assert_eq!(paths.steps(PathId::NONE), []);
    }
}
