//! One ASN source in memory: a table, names and counts, and how they came there.
//!
//! Owned by the [`Origins`](super::Origins) that have it: a new generation shares what has not
//! changed. Immutable.

use super::cache::{self, CacheKey, CompiledSource};
use super::names::AsnNames;
use super::origin_paths::OriginPaths;
use super::path::PathIndex;
use super::source::{Counts, LoadError, Provenance, Source};
use super::source_builder::{BuiltIn, SourceBuilder};
use super::table::PrefixTable;
use super::{location, mmdb, mrt, prefixes};
use crate::files::digest::sha256;
use crate::files::{self, Load};
use crate::units::{Address, Asn, Ratio, Timestamp};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// When a source was loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Loaded {
    /// When its file was last written, as the file system tells; when the router last said
    /// something.
    pub(super) written: Option<Timestamp>,
    /// When reading began.
    pub(super) begun: Timestamp,
    /// When it was in memory; none for a router that has said nothing yet.
    pub(super) done: Option<Timestamp>,
}

/// What the cache did for a source.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum CacheUse {
    /// There is none.
    #[default]
    Unused,
    /// The source was read from it.
    Read,
    /// The source was kept in it.
    Written,
    /// The source could not be kept in it: why.
    Failed(String),
}

/// A source in memory.
#[derive(Debug)]
pub(super) struct LoadedSource {
    pub(super) name: Arc<str>,
    pub(super) kind: &'static str,
    pub(super) table: PrefixTable,
    pub(super) announced: OriginPaths,
    pub(super) names: AsnNames,
    pub(super) counts: Counts,
    pub(super) provenance: Provenance,
    pub(super) loaded: Loaded,
    pub(super) cache: CacheUse,
    /// The state of the file that it is from; none where that is not known.
    pub(super) key: Option<CacheKey>,
}

impl LoadedSource {
    /// Makes the table of what was read.
    pub(super) fn new(
        name: &str,
        kind: &'static str,
        read: CompiledSource,
        loaded: Loaded,
    ) -> Self {
        Self {
            name: name.into(),
            kind,
            table: read.prefixes.build(),
            announced: read.announced,
            names: read.names,
            counts: read.counts,
            provenance: read.provenance,
            loaded,
            cache: CacheUse::Unused,
            key: None,
        }
    }

    /// Reads a source's file, or what the cache has of it. `now` tells the time of day.
    pub(super) fn load(
        source: &Source,
        own: &HashSet<Asn>,
        directory: Option<&Path>,
        load: &Load,
        now: impl Fn() -> Timestamp,
    ) -> Result<Self, LoadError> {
        let begun = now();
        let mut key = CacheKey::new(source, own);
        let place = directory.zip(key.as_ref());
        let kept = place.and_then(|(directory, key)| cache::read(directory, source, key));
        let (read, cache) = if let Some(read) = kept {
            (read, CacheUse::Read)
        } else {
            let mut read = read(source, own, load)?;
            let sha256 = source.path().map(|path| hash(path, load)).transpose()?;
            // what was written to meanwhile is neither the old file nor the new
            key = key.filter(|key| CacheKey::new(source, own).as_ref() == Some(key));
            read.provenance.sha256 = sha256.filter(|_| key.is_some());
            let cache = match directory.zip(key.as_ref()) {
                None => CacheUse::Unused,
                Some((directory, key)) => match cache::write(directory, source, key, &read) {
                    Ok(()) => CacheUse::Written,
                    Err(error) => CacheUse::Failed(format!("{}: {error}", directory.display())),
                },
            };
            (read, cache)
        };
        let loaded = Loaded {
            written: source.path().and_then(written),
            begun,
            done: None,
        };
        let mut loaded = Self::new(&source.name(), source.kind(), read, loaded);
        (loaded.cache, loaded.key) = (cache, key);
        // a router is still to come
        loaded.loaded.done = source.path().map(|_| now());
        Ok(loaded)
    }

    /// Whether reading the source again would give the same.
    pub(super) fn is_still(&self, source: &Source, own: &HashSet<Asn>) -> bool {
        match source {
            Source::Bmp(_) => true,
            _ => self.key.is_some() && self.key == CacheKey::new(source, own),
        }
    }

    /// Refuses a table that has lost more of its prefixes than it may.
    pub(super) fn is_plausible_after(&self, before: &Self, share: Ratio) -> Result<(), LoadError> {
        let (before, after) = (before.table.prefixes(), self.table.prefixes());
        let lost = before.saturating_sub(after) as u128;
        if lost * 1_000_000 > before as u128 * u128::from(share.ppm()) {
            return Err(LoadError::Shrank {
                name: self.name.to_string(),
                before,
                after,
                share: share.as_f64() * 100.0,
            });
        }
        Ok(())
    }

    /// Who announces an address, as this source has it.
    #[inline]
    pub(super) fn origin(&self, address: Address) -> Option<Asn> {
        self.announced.origin(self.table.lookup(address)?)
    }

    /// Who announces an address, and which path leads there.
    pub(super) fn route(&self, address: Address) -> Option<(Asn, PathIndex)> {
        let value = self.table.lookup(address)?;
        Some((self.announced.origin(value)?, self.announced.place(value)))
    }

    /// A source that was never a file.
    pub(super) fn listed(
        name: &str,
        rows: impl IntoIterator<Item = impl Into<BuiltIn>>,
        now: Timestamp,
    ) -> Self {
        let mut listed = SourceBuilder::default();
        for row in rows {
            listed.built_in(&row.into());
        }
        let loaded = Loaded {
            written: None,
            begun: now,
            done: Some(now),
        };
        Self::new(name, "built-in", listed.finish(), loaded)
    }
}

/// Reads a source's file.
fn read(source: &Source, own: &HashSet<Asn>, load: &Load) -> Result<CompiledSource, LoadError> {
    let listed = match source {
        Source::Prefixes(path) => prefixes::load(path, load),
        Source::Mmdb(path) => mmdb::load(path, load),
        Source::Location(path) => location::load(path, load),
        Source::Mrt(path) => return mrt::load(path, own, load),
        // nothing is known before a router has connected
        Source::Bmp(_) => Ok(SourceBuilder::default()),
    }?;
    Ok(listed.finish())
}

/// The SHA-256 of a file as it stands.
fn hash(path: &Path, load: &Load) -> Result<[u8; 32], LoadError> {
    let hash = files::open(path).and_then(|file| sha256(file, Some(load)));
    hash.map_err(|error| LoadError::read(path, error))
}

/// When a file was last written; none where the system does not say.
fn written(path: &Path) -> Option<Timestamp> {
    let modified = std::fs::metadata(path).ok()?.modified().ok()?;
    let since_epoch = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Timestamp::default().plus(since_epoch))
}

#[cfg(test)]
impl SourceBuilder {
    pub(super) fn loaded(self) -> LoadedSource {
        LoadedSource::new("a test", "test", self.finish(), Loaded::default())
    }
}
