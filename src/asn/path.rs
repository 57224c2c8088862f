//! AS paths: what is kept of them, and a store in which equal paths stand once.
//!
//! A path is kept as the route to an address reads: without prepends, without confederation
//! segments (RFC 5065: the inside of one AS), without our own numbers, an AS_SET as the set it is.
//! The store belongs to one source and lives as long as it. It refuses nothing; what it may hold is
//! bounded by [`SourceBuilder`](super::source_builder::SourceBuilder).

use super::octets::{OctetReader, OctetWriter};
use crate::units::Asn;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher;

/// A step of a path, for people and for output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PathStep {
    /// One AS.
    As(Asn),
    /// An AS_SET (RFC 4271 §4.3): one or more of these, in unknown order; ascending here.
    Set(Vec<Asn>),
}

/// `64500`, `{64501,64502}`.
impl fmt::Display for PathStep {
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

impl Hop {
    fn octets(self) -> (u8, u32) {
        match self {
            Self::As(asn) => (0, asn.0),
            Self::Set(asn) => (1, asn.0),
            Self::Member(asn) => (2, asn.0),
        }
    }

    fn of(kind: u8, asn: Asn) -> Option<Self> {
        match kind {
            0 => Some(Self::As(asn)),
            1 => Some(Self::Set(asn)),
            2 => Some(Self::Member(asn)),
            _ => None,
        }
    }
}

/// A segment of a path as it was announced, without those of confederations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum PathSegment {
    /// AS_SEQUENCE.
    Sequence(Vec<Asn>),
    /// AS_SET.
    Set(Vec<Asn>),
}

impl PathSegment {
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
pub(super) fn kept(segments: &[PathSegment], own: &HashSet<Asn>) -> Vec<Hop> {
    let mut hops = Vec::new();
    for segment in segments {
        match segment {
            PathSegment::Sequence(sequence) => {
                for asn in sequence.iter().filter(|asn| !own.contains(asn)) {
                    if hops.last() != Some(&Hop::As(*asn)) {
                        hops.push(Hop::As(*asn));
                    }
                }
            }
            PathSegment::Set(set) => {
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

/// Which path of one store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(super) struct PathIndex(u32);

impl PathIndex {
    /// The path without steps: unknown.
    pub(super) const NONE: Self = Self(0);

    /// The place as a number.
    pub(super) fn number(self) -> u32 {
        self.0
    }
}

/// Lists end to end, each by its place; the one at place 0 is empty.
#[derive(Clone, Debug)]
struct Lists<T> {
    /// Where each ends; it begins where the one before ends.
    ends: Vec<u32>,
    all: Vec<T>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self {
            ends: vec![0],
            all: Vec::new(),
        }
    }
}

impl<T> Lists<T> {
    fn get(&self, place: PathIndex) -> &[T] {
        let end = |place: u32| self.ends.get(place as usize).copied().unwrap_or(0) as usize;
        let start = place.0.checked_sub(1).map_or(0, end);
        self.all.get(start..end(place.0)).unwrap_or(&[])
    }

    fn push(&mut self, list: impl IntoIterator<Item = T>) -> PathIndex {
        self.all.extend(list);
        // both fit: the hops of a source are bounded far below
        let place = PathIndex(u32::try_from(self.ends.len()).unwrap_or(u32::MAX));
        let end = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.ends.push(end);
        place
    }

    fn shrink(&mut self) {
        self.ends.shrink_to_fit();
        self.all.shrink_to_fit();
    }
}

/// Paths, each once, and beside each what is transit on it.
#[derive(Clone, Debug, Default)]
pub(super) struct PathTable {
    hops: Lists<Hop>,
    transit: Lists<Asn>,
}

impl PathTable {
    /// A path's steps, from the nearest to the origin.
    pub(super) fn steps(&self, place: PathIndex) -> Vec<PathStep> {
        let mut steps: Vec<PathStep> = Vec::new();
        for hop in self.hops.get(place) {
            match (*hop, steps.last_mut()) {
                (Hop::As(asn), _) => steps.push(PathStep::As(asn)),
                (Hop::Member(asn), Some(PathStep::Set(set))) => set.push(asn),
                (Hop::Set(asn) | Hop::Member(asn), _) => steps.push(PathStep::Set(vec![asn])),
            }
        }
        steps
    }

    /// The ASNs between us and the origin, ascending, each once.
    pub(super) fn transit(&self, place: PathIndex) -> &[Asn] {
        self.transit.get(place)
    }

    /// Different paths, the empty one not counted.
    pub(super) fn len(&self) -> usize {
        self.hops.ends.len() - 1
    }
}

/// In a compiled source: what is transit follows from the hops.
impl PathTable {
    /// Appends it.
    pub(super) fn write(&self, sink: &mut OctetWriter) {
        sink.list(self.hops.ends.iter().copied());
        sink.list(self.hops.all.iter().map(|hop| hop.octets().0));
        sink.list(self.hops.all.iter().map(|hop| hop.octets().1));
    }

    /// Reads what [`write`](Self::write) wrote; none where a path does not end behind the one
    /// before it.
    pub(super) fn read(scan: &mut OctetReader<'_>) -> Option<Self> {
        let ends = scan.list::<u32>()?;
        let (kinds, numbers) = (scan.list::<u8>()?, scan.list::<u32>()?);
        if kinds.len() != numbers.len() || ends.first() != Some(&0) {
            return None;
        }
        let hops = kinds.into_iter().zip(numbers);
        let hops: Vec<Hop> = hops
            .map(|(kind, number)| Hop::of(kind, Asn(number)))
            .collect::<Option<_>>()?;
        let mut paths = Self::default();
        for end in ends.windows(2) {
            let [from, to] = *end else {
                return None;
            };
            let path = hops.get(from as usize..to as usize)?;
            if path.is_empty() {
                return None;
            }
            paths.transit.push(transit(path));
        }
        paths.hops = Lists { ends, all: hops };
        paths.transit.shrink();
        Some(paths)
    }

    /// The place with this number, if there is a path.
    pub(super) fn known(&self, place: u32) -> Option<PathIndex> {
        ((place as usize) < self.hops.ends.len()).then_some(PathIndex(place))
    }
}

/// What is transit on a path: all but its last step. Members of a set between are all taken for
/// transit, since one of them was.
fn transit(hops: &[Hop]) -> Vec<Asn> {
    let last = hops.iter().rposition(|hop| !matches!(hop, Hop::Member(_)));
    let (between, origin) = hops.split_at(last.unwrap_or(0));
    let number = |hop: &Hop| match hop {
        Hop::As(asn) | Hop::Set(asn) | Hop::Member(asn) => *asn,
    };
    let origin: Vec<Asn> = origin.iter().map(number).collect();
    let between = between.iter().map(number);
    let mut transit: Vec<Asn> = between.filter(|asn| !origin.contains(asn)).collect();
    transit.sort_unstable();
    transit.dedup();
    transit
}

/// Paths on their way into a store.
#[derive(Debug, Default)]
pub(super) struct Interner {
    paths: PathTable,
    seen: HashTable<PathIndex>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    /// The path with these hops, new or known.
    pub(super) fn place(&mut self, hops: &[Hop]) -> PathIndex {
        if hops.is_empty() {
            return PathIndex::NONE;
        }
        let Self {
            paths:
                PathTable {
                    hops: known,
                    transit: between,
                },
            seen,
            hasher,
        } = self;
        let hash = hasher.hash_one(hops);
        if let Some(place) = seen.find(hash, |place| known.get(*place) == hops) {
            return *place;
        }
        let place = known.push(hops.iter().copied());
        between.push(transit(hops));
        seen.insert_unique(hash, place, |place| hasher.hash_one(known.get(*place)));
        place
    }

    /// The hops of a path.
    pub(super) fn path(&self, place: PathIndex) -> &[Hop] {
        self.paths.hops.get(place)
    }

    /// Hops stored so far.
    pub(super) fn hops(&self) -> usize {
        self.paths.hops.all.len()
    }

    /// Whether there is no path yet.
    pub(super) fn is_empty(&self) -> bool {
        self.paths.len() == 0
    }

    /// The store.
    pub(super) fn finish(mut self) -> PathTable {
        self.paths.hops.shrink();
        self.paths.transit.shrink();
        self.paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asns(numbers: &[u32]) -> Vec<Asn> {
        numbers.iter().copied().map(Asn).collect()
    }

    fn shown(steps: &[PathStep]) -> String {
        let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
        steps.join(" ")
    }

    fn kept_and_shown(segments: &[PathSegment], own: &[u32]) -> String {
        let own = asns(own).into_iter().collect();
        let mut interner = Interner::default();
        let place = interner.place(&kept(segments, &own));
        shown(&interner.finish().steps(place))
    }

    #[test]
    fn prepends_and_own_numbers_go_and_sets_stay() {
        let sequence = |numbers: &[u32]| PathSegment::Sequence(asns(numbers));
        let set = |numbers: &[u32]| PathSegment::Set(asns(numbers));
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
        let places: Vec<PathIndex> = (0..1000)
            .map(|number| interner.place(&path(number)))
            .collect();
        let again: Vec<PathIndex> = (0..1000)
            .map(|number| interner.place(&path(number)))
            .collect();
        assert_eq!(places, again);
        assert_eq!(interner.place(&[]), PathIndex::NONE);
        let paths = interner.finish();
        assert_eq!((paths.len(), paths.hops.all.len()), (1000, 2000));
        for (number, place) in (0..).zip(places) {
            assert_eq!(paths.hops.get(place), path(number));
        }
        assert_eq!(paths.steps(PathIndex::NONE), []);
        assert_eq!(paths.transit(PathIndex::NONE), []);
    }

    #[test]
    fn transit_is_what_lies_between_us_and_the_origin() {
        let [one, two, three] = [1, 2, 3].map(|number| Hop::As(Asn(number)));
        let set = [Hop::Set(Asn(4)), Hop::Member(Asn(5))];
        for (hops, between) in [
            (vec![], &[][..]),
            (vec![one], &[]),
            (vec![three, two, one], &[2, 3]),
            (vec![three, two, three, one], &[2, 3]),
            // an origin that stands in its own path is no transit
            (vec![one, two, one], &[2]),
            ([vec![one], set.to_vec()].concat(), &[1]),
            ([vec![two], set.to_vec(), vec![one]].concat(), &[2, 4, 5]),
            (set.to_vec(), &[]),
        ] {
            assert_eq!(transit(&hops), asns(between), "{hops:?}");
        }
    }
}
