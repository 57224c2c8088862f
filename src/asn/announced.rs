//! What a prefix is announced with: its origin and the path to it. The tables' values are places
//! in a list of these, so that a lookup stays one search and one read.
//!
//! Belongs to one source and lives as long as it.

use super::path::{Hop, Interner, PathId, Paths, Step};
use crate::units::Asn;
use std::collections::HashMap;

/// An origin and a path to it.
type Pair = (Asn, PathId);

/// Pairs of origin and path, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Announced {
    pairs: Vec<Pair>,
    paths: Paths,
}

impl Announced {
    /// Who announces what has this value.
    pub(super) fn origin(&self, value: u32) -> Option<Asn> {
        self.pairs.get(value as usize).map(|(origin, _)| *origin)
    }

    /// The path to it, from the nearest AS to the origin; empty where the source has no paths.
    pub(super) fn path(&self, value: u32) -> Vec<Step> {
        let pair = self.pairs.get(value as usize);
        pair.map_or_else(Vec::new, |(_, path)| self.paths.steps(*path))
    }

    /// Different paths.
    pub(super) fn paths(&self) -> usize {
        self.paths.len()
    }
}

/// Pairs on their way into the list.
#[derive(Debug, Default)]
pub(super) struct Collector {
    pairs: Vec<Pair>,
    places: HashMap<Pair, u32>,
    paths: Interner,
}

impl Collector {
    /// The value for an origin and a path: equal ones have the same.
    pub(super) fn value(&mut self, origin: Asn, path: &[Hop]) -> u32 {
        let pair = (origin, self.paths.id(path));
        let pairs = &mut self.pairs;
        *self.places.entry(pair).or_insert_with(|| {
            pairs.push(pair);
            // fits: there are not more of them than prefixes, and these are bounded
            u32::try_from(pairs.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// Whether there is none yet.
    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Hops of all paths together.
    pub(super) fn hops(&self) -> usize {
        self.paths.hops()
    }

    #[cfg(test)]
    pub(super) fn origin(&self, value: u32) -> Option<Asn> {
        self.pairs.get(value as usize).map(|(origin, _)| *origin)
    }

    /// The list.
    pub(super) fn finish(mut self) -> Announced {
        self.pairs.shrink_to_fit();
        Announced {
            pairs: self.pairs,
            paths: self.paths.finish(),
        }
    }
}
