//! One ASN source: a file, read once into a table, names and counts.
//!
//! Owned by [`Origins`](super::Origins). What a source may hold is bounded, so that no file can
//! take all memory.

use super::prefixes::Announcers;
use super::table::{Builder, Table};
use super::{mmdb, prefixes};
use crate::units::{Asn, Prefix, Timestamp};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a source is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// A prefix list.
    Prefixes(PathBuf),
    /// A MaxMind-format database.
    Mmdb(PathBuf),
}

impl Source {
    /// The key it is configured with.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Prefixes(_) => "prefixes",
            Self::Mmdb(_) => "mmdb",
        }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Prefixes(path) | Self::Mmdb(path) => path,
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
    /// Rows with a prefix or a range.
    pub rows: u64,
    /// Of these, left out: AS 0, `None`, a database record without a number.
    pub without_origin: u64,
    /// Prefixes left out because they are default routes.
    pub default_routes: u64,
    /// Rows that name several ASNs: the lowest stands.
    pub several_origins: u64,
    /// Prefixes that came again with another ASN: the first stands.
    pub conflicts: u64,
}

/// Prefixes of a source: the full table is 1.2 million (2026), 16 times as much is no table.
const MAX_PREFIXES: usize = 1 << 24;

/// Characters of a name kept: what a table on a page can show. A guess.
const MAX_NAME: usize = 128;

/// What a file gives while it is read.
#[derive(Debug, Default)]
pub(super) struct Listed {
    table: Builder,
    names: HashMap<Asn, Arc<str>>,
    counts: Counts,
}

impl Listed {
    /// Takes a row: the prefixes it stands for, who announces them, and their name.
    pub(super) fn row(&mut self, prefixes: &[Prefix], by: Announcers, name: Option<&str>) {
        self.counts.rows += 1;
        self.counts.several_origins += u64::from(by.several);
        // the last number is never assigned (RFC 7300)
        if by.lowest == Asn::NONE || by.lowest.0 == u32::MAX {
            self.counts.without_origin += 1;
            return;
        }
        for prefix in prefixes {
            if prefix.is_default() {
                self.counts.default_routes += 1;
            } else {
                self.table.insert(*prefix, by.lowest.0);
            }
        }
        if let Some(name) = name
            && !by.several
            && let Entry::Vacant(vacant) = self.names.entry(by.lowest)
            && let Some(name) = readable(name)
        {
            vacant.insert(name);
        }
    }

    /// Whether no prefix was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Refuses what can not be a table of prefixes any more.
    pub(super) fn bounded(&self, path: &Path) -> Result<(), LoadError> {
        if self.table.len() > MAX_PREFIXES {
            return Err(LoadError::format(path, "has more than 16777216 prefixes"));
        }
        Ok(())
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

/// A source in memory.
#[derive(Debug)]
pub(super) struct InMemory {
    pub(super) name: Arc<str>,
    pub(super) kind: &'static str,
    pub(super) table: Table,
    pub(super) names: HashMap<Asn, Arc<str>>,
    pub(super) counts: Counts,
    pub(super) loaded: Timestamp,
}

impl InMemory {
    /// Reads a source's file.
    pub(super) fn load(source: &Source, now: Timestamp) -> Result<Self, LoadError> {
        let listed = match source {
            Source::Prefixes(path) => prefixes::load(path),
            Source::Mmdb(path) => mmdb::load(path),
        }?;
        let table = listed.table.build();
        let counts = Counts {
            conflicts: table.conflicts(),
            ..listed.counts
        };
        Ok(Self {
            name: source.name().into(),
            kind: source.kind(),
            table,
            names: listed.names,
            counts,
            loaded: now,
        })
    }
}

impl InMemory {
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
        let (table, names, counts) = (listed.table.build(), listed.names, listed.counts);
        Self {
            name: name.into(),
            kind: "built-in",
            table,
            names,
            counts,
            loaded: now,
        }
    }
}

#[cfg(test)]
impl Listed {
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn names(&self) -> HashMap<Asn, Arc<str>> {
        self.names.clone()
    }

    pub(super) fn table(&self) -> &Builder {
        &self.table
    }

    pub(super) fn build(self) -> Table {
        self.table.build()
    }
}
