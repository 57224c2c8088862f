//! Stores the origin and the path that prefixes are announced with. The tables' values are places in
//! this list, so that a lookup stays one search and one read.
//!
//! Belongs to one source and lives as long as it.

use super::numbers;
use super::octets::{OctetReader, OctetWriter};
use super::path::{Hop, Interner, PathIndex, PathStep, PathTable};
use crate::units::Asn;
use std::collections::HashMap;

/// Pairs of origin and path, each once. The origins lie apart: they are all that most lookups read.
#[derive(Clone, Debug, Default)]
pub(super) struct OriginPaths {
    origins: Vec<Asn>,
    /// Beside them; empty where no prefix has a path.
    places: Vec<PathIndex>,
    paths: PathTable,
}

impl OriginPaths {
    /// Who announces what has this value.
    pub(super) fn origin(&self, value: u32) -> Option<Asn> {
        self.origins.get(value as usize).copied()
    }

    /// Which path leads to it.
    pub(super) fn place(&self, value: u32) -> PathIndex {
        let place = self.places.get(value as usize);
        place.copied().unwrap_or(PathIndex::NONE)
    }

    /// The paths.
    pub(super) fn paths(&self) -> &PathTable {
        &self.paths
    }

    /// The path to what has this value, from the nearest AS to the origin; empty where the source
    /// has no paths.
    pub(super) fn steps(&self, value: u32) -> Vec<PathStep> {
        self.paths.steps(self.place(value))
    }
}

/// In a compiled source.
impl OriginPaths {
    /// Whether a prefix can have this value.
    pub(super) fn has(&self, value: u32) -> bool {
        (value as usize) < self.origins.len()
    }

    /// Appends it.
    pub(super) fn write(&self, sink: &mut OctetWriter) {
        sink.list(self.origins.iter().map(|origin| origin.0));
        sink.list(self.places.iter().map(|place| place.number()));
        self.paths.write(sink);
    }

    /// Reads what [`write`](Self::write) wrote; none where an origin is nobody, or a path is not
    /// there.
    pub(super) fn read(scan: &mut OctetReader<'_>) -> Option<Self> {
        let origins: Vec<Asn> = scan.list()?.into_iter().map(Asn).collect();
        let places = scan.list::<u32>()?;
        let paths = PathTable::read(scan)?;
        let places = places.into_iter().map(|place| paths.known(place));
        let places: Vec<PathIndex> = places.collect::<Option<_>>()?;
        let beside = places.is_empty() || places.len() == origins.len();
        let somebodys = origins.iter().all(|origin| numbers::is_assignable(*origin));
        (beside && somebodys).then_some(Self {
            origins,
            places,
            paths,
        })
    }
}

/// Pairs on their way into the list.
#[derive(Debug, Default)]
pub(super) struct PathCollector {
    values: HashMap<(Asn, PathIndex), u32>,
    origins: Vec<Asn>,
    places: Vec<PathIndex>,
    paths: Interner,
}

impl PathCollector {
    /// The value for an origin and a path: equal ones have the same.
    pub(super) fn value(&mut self, origin: Asn, path: &[Hop]) -> u32 {
        let place = self.paths.place(path);
        let Self {
            origins, places, ..
        } = self;
        *self.values.entry((origin, place)).or_insert_with(|| {
            origins.push(origin);
            places.push(place);
            // fits: there are not more of them than prefixes, and these are bounded
            u32::try_from(origins.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// The path of a value.
    pub(super) fn path(&self, value: u32) -> &[Hop] {
        let place = self.places.get(value as usize).copied();
        self.paths.path(place.unwrap_or(PathIndex::NONE))
    }

    /// Whether there is none yet.
    pub(super) fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    /// Hops of all paths together.
    pub(super) fn hops(&self) -> usize {
        self.paths.hops()
    }

    #[cfg(test)]
    pub(super) fn origin(&self, value: u32) -> Option<Asn> {
        self.origins.get(value as usize).copied()
    }

    /// The list.
    pub(super) fn finish(mut self) -> OriginPaths {
        if self.paths.is_empty() {
            self.places.clear();
        }
        self.origins.shrink_to_fit();
        self.places.shrink_to_fit();
        OriginPaths {
            origins: self.origins,
            places: self.places,
            paths: self.paths.finish(),
        }
    }
}
