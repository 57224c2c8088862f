//! One ASN source: a file, read once into a table, names and counts.
//!
//! Owned by [`Origins`](super::Origins). What a source may hold is bounded, so that no file can
//! take all memory.

use super::announced::{Announced, Collector};
use super::mrt::Verdict;
use super::path::{Hop, Place};
use super::prefixes::Announcers;
use super::table::{Builder, Table};
use super::{location, mmdb, mrt, numbers, prefixes};
use crate::units::{Address, Asn, Prefix, Timestamp};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Where a source is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// A prefix list.
    Prefixes(PathBuf),
    /// A MaxMind-format database.
    Mmdb(PathBuf),
    /// What `location dump` prints.
    Location(PathBuf),
    /// A routing table in MRT.
    Mrt(PathBuf),
}

impl Source {
    /// The key it is configured with.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Prefixes(_) => "prefixes",
            Self::Mmdb(_) => "mmdb",
            Self::Location(_) => "location",
            Self::Mrt(_) => "mrt",
        }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Prefixes(path) | Self::Mmdb(path) | Self::Location(path) | Self::Mrt(path) => {
                path
            }
        }
    }

    /// Its name in messages and in the `source` label: the path.
    pub fn name(&self) -> String {
        self.path().display().to_string()
    }
}

/// Why a source can not be loaded. One line, names the file, and line and value where it has them.
#[derive(thiserror::Error, Debug)]
pub enum LoadError {
    /// The file is not there: exit code 69.
    #[error("{}: {source}", path.display())]
    NoFile {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Opening or reading failed, or it is not valid gzip.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of a list is wrong.
    #[error("{}:{line}: {value} {reason}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What stands there, cut to one short line.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file as a whole is wrong.
    #[error("{}: {reason}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl LoadError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        let path = path.into();
        if source.kind() == io::ErrorKind::NotFound {
            Self::NoFile { path, source }
        } else {
            Self::Read { path, source }
        }
    }

    pub(super) fn format(path: &Path, reason: &str) -> Self {
        Self::Format {
            path: path.into(),
            reason: reason.into(),
        }
    }
}

/// What was left out of a source, or decided for it: for the operator to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Rows with a prefix or a range; prefixes of a routing table.
    pub rows: u64,
    /// Of these, nobody's: AS 0, `None`, a network or record without a number, a route without
    /// path, and the numbers that are nobody's (23456, 65535).
    pub without_origin: u64,
    /// Prefixes left out because they are default routes.
    pub default_routes: u64,
    /// Rows that name several ASNs: the lowest stands. Prefixes of a routing table that peers see
    /// with different origins (MOAS): the one that most of them see stands, then the lowest.
    pub several_origins: u64,
    /// Prefixes of a routing table whose path ends in an AS_SET: the lowest of it stands.
    pub as_sets: u64,
    /// Prefixes that came again with another ASN or path: the first stands.
    pub conflicts: u64,
    /// Records of a routing table's file that hold no unicast routes.
    pub passed_over: u64,
}

/// Prefixes of a source: the full table is 1.2 million (2026), 16 times as much is no table.
const MAX_PREFIXES: usize = 1 << 24;

/// Hops of a source's paths: a table of 2026 has some 5 million, and each is eight octets. A guess.
const MAX_HOPS: usize = 1 << 26;

/// Characters of a name kept: what a table on a page can show. A guess.
const MAX_NAME: usize = 128;

/// What a file gives while it is read.
#[derive(Debug, Default)]
pub(super) struct Listed {
    table: Builder,
    announced: Collector,
    names: HashMap<Asn, Arc<str>>,
    counts: Counts,
}

impl Listed {
    /// Takes a row: the prefixes it stands for, who announces them, and their name.
    pub(super) fn row(&mut self, prefixes: &[Prefix], by: Announcers, name: Option<&str>) {
        self.counts.rows += 1;
        self.counts.several_origins += u64::from(by.several);
        let origin = self.somebody(Some(by.lowest));
        for prefix in prefixes {
            self.insert(*prefix, origin, &[]);
        }
        if let Some(name) = name
            && let Some(origin) = origin
            && !by.several
        {
            self.name(origin, name);
        }
    }

    /// Takes a network and who announces it, if anybody does.
    pub(super) fn network(&mut self, prefix: Prefix, by: Option<Asn>) {
        self.counts.rows += 1;
        let origin = self.somebody(by);
        self.insert(prefix, origin, &[]);
    }

    /// Takes what the peers of a collector say of a prefix.
    pub(super) fn voted(&mut self, prefix: Prefix, verdict: &Verdict) {
        self.counts.rows += 1;
        self.counts.several_origins += u64::from(verdict.several);
        self.counts.as_sets += u64::from(verdict.of_set);
        let origin = self.somebody(verdict.origin);
        self.insert(prefix, origin, &verdict.path);
    }

    /// Takes the name of an ASN; the first that can be shown stays.
    pub(super) fn name(&mut self, asn: Asn, name: &str) {
        if let Entry::Vacant(vacant) = self.names.entry(asn)
            && let Some(name) = readable(name)
        {
            vacant.insert(name);
        }
    }

    /// Counts a record that holds nothing for the table.
    pub(super) fn passed_over(&mut self) {
        self.counts.passed_over += 1;
    }

    fn somebody(&mut self, origin: Option<Asn>) -> Option<Asn> {
        let origin = origin.filter(|asn| numbers::is_somebodys(*asn));
        self.counts.without_origin += u64::from(origin.is_none());
        origin
    }

    /// Nobody's prefix is not left out but leaves a gap, or its addresses would be those of whoever
    /// announces a shorter one.
    fn insert(&mut self, prefix: Prefix, origin: Option<Asn>, path: &[Hop]) {
        match origin {
            _ if prefix.is_default() => self.counts.default_routes += 1,
            Some(origin) => {
                let value = self.announced.value(origin, path);
                self.table.insert(prefix, value);
            }
            None => self.table.insert_gap(prefix),
        }
    }

    /// Whether no prefix was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.announced.is_empty()
    }

    /// Refuses what can not be a table of prefixes any more.
    pub(super) fn bounded(&self, path: &Path) -> Result<(), LoadError> {
        if self.table.len() > MAX_PREFIXES {
            return Err(LoadError::format(path, "has more than 16777216 prefixes"));
        }
        if self.announced.hops() > MAX_HOPS {
            let reason = "has more than 67108864 different hops in its paths";
            return Err(LoadError::format(path, reason));
        }
        Ok(())
    }

    /// The source in memory.
    fn finish(mut self, name: &str, kind: &'static str, loaded: Loaded) -> InMemory {
        let table = self.table.build();
        self.counts.conflicts = table.conflicts();
        self.names.shrink_to_fit();
        InMemory {
            name: name.into(),
            kind,
            table,
            announced: self.announced.finish(),
            names: self.names,
            counts: self.counts,
            loaded,
        }
    }
}

/// A name as it can be shown: without control characters, cut; none if nothing is left.
fn readable(name: &str) -> Option<Arc<str>> {
    let name = name.trim();
    if name.starts_with('#') {
        return None;
    }
    let shown = name.chars().filter(|c| !c.is_control()).take(MAX_NAME);
    let shown: String = shown.collect();
    (!shown.is_empty()).then(|| shown.into())
}

/// When a source was loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Loaded {
    /// When its file was last written, as the file system tells.
    pub(super) written: Option<Timestamp>,
    /// When reading began.
    pub(super) begun: Timestamp,
    /// When it was in memory.
    pub(super) done: Timestamp,
}

/// A source in memory.
#[derive(Debug)]
pub(super) struct InMemory {
    pub(super) name: Arc<str>,
    pub(super) kind: &'static str,
    pub(super) table: Table,
    pub(super) announced: Announced,
    pub(super) names: HashMap<Asn, Arc<str>>,
    pub(super) counts: Counts,
    pub(super) loaded: Loaded,
}

impl InMemory {
    /// Reads a source's file. `now` tells the time of day.
    pub(super) fn load(
        source: &Source,
        own: &HashSet<Asn>,
        now: impl Fn() -> Timestamp,
    ) -> Result<Self, LoadError> {
        let begun = now();
        let listed = match source {
            Source::Prefixes(path) => prefixes::load(path),
            Source::Mmdb(path) => mmdb::load(path),
            Source::Location(path) => location::load(path),
            Source::Mrt(path) => mrt::load(path, own),
        }?;
        let loaded = Loaded {
            written: written(source.path()),
            begun,
            done: begun,
        };
        let mut source = listed.finish(&source.name(), source.kind(), loaded);
        source.loaded.done = now();
        Ok(source)
    }

    /// Who announces an address, as this source has it.
    pub(super) fn origin(&self, address: Address) -> Option<Asn> {
        self.announced.origin(self.table.lookup(address)?)
    }

    /// Who announces an address, and which path leads there.
    pub(super) fn route(&self, address: Address) -> Option<(Asn, Place)> {
        let value = self.table.lookup(address)?;
        Some((self.announced.origin(value)?, self.announced.place(value)))
    }

    /// A source that was never a file.
    pub(super) fn listed(
        name: &str,
        rows: impl IntoIterator<Item = (Prefix, Asn, &'static str)>,
        now: Timestamp,
    ) -> Self {
        let mut listed = Listed::default();
        for (prefix, asn, name) in rows {
            listed.row(
                &[prefix],
                Announcers {
                    lowest: asn,
                    several: false,
                },
                Some(name),
            );
        }
        let loaded = Loaded {
            written: None,
            begun: now,
            done: now,
        };
        listed.finish(name, "built-in", loaded)
    }
}

/// When a file was last written; none where the system does not say.
fn written(path: &Path) -> Option<Timestamp> {
    let modified = std::fs::metadata(path).ok()?.modified().ok()?;
    let since_epoch = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Timestamp::default().plus(since_epoch))
}

#[cfg(test)]
impl Listed {
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn names(&self) -> HashMap<Asn, Arc<str>> {
        self.names.clone()
    }

    /// The prefixes taken, IPv4 first, with their origins; 0 where there is a gap.
    pub(super) fn entries(&self) -> Vec<(Prefix, u32)> {
        let origin = |value| self.announced.origin(value).map_or(0, |asn| asn.0);
        let entries = self.table.entries().into_iter();
        entries
            .map(|(prefix, value)| (prefix, origin(value)))
            .collect()
    }

    pub(super) fn loaded(self) -> InMemory {
        self.finish("a test", "test", Loaded::default())
    }
}
