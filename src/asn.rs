//! Address to origin: which autonomous system announces an address, asked once per stream.
//!
//! `app` builds an [`Origins`] from the configured sources and shares it read-only; a reload
//! builds a new one aside. Nothing here knows of packets. A source that can not be read whole is
//! refused, and with it the new [`Origins`]: the caller keeps the old.

pub mod mmdb;
pub mod notation;
pub mod prefixes;
mod source;
pub mod table;

use crate::units::{Address, Asn, Prefix, Timestamp};
use source::InMemory;
pub use source::{Counts, LoadError, Source};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use table::Table;

/// Whose an address is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Origin {
    /// Our own (`local_prefixes`, `own`): counted, never judged.
    Local,
    /// The autonomous system that announces it; [`Asn::NONE`] if none does: counted, never judged.
    As(Asn),
}

impl Origin {
    /// No source has the address.
    pub const UNKNOWN: Self = Self::As(Asn::NONE);

    /// Whether a commitment judges this origin.
    pub fn is_judged(self) -> bool {
        matches!(self, Self::As(asn) if asn != Asn::NONE)
    }
}

/// `local`, or the number.
impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => out.write_str("local"),
            Self::As(asn) => asn.fmt(out),
        }
    }
}

/// The sources in order of precedence, and what is ours. Immutable.
#[derive(Debug, Default)]
pub struct Origins {
    local: Table,
    own: HashSet<Asn>,
    sources: Vec<InMemory>,
}

impl Origins {
    /// Reads every source. Default routes are left out everywhere: they would attribute every
    /// address. `now` is shown as the time of loading.
    ///
    /// # Errors
    /// The first source that can not be loaded, with file, line and value.
    pub fn load(
        sources: &[Source],
        local: &[Prefix],
        own: &[Asn],
        now: Timestamp,
    ) -> Result<Self, LoadError> {
        let mut ours = table::Builder::default();
        for prefix in local.iter().filter(|prefix| !prefix.is_default()) {
            ours.insert(*prefix, 0);
        }
        let sources = sources.iter().map(|source| InMemory::load(source, now));
        Ok(Self {
            local: ours.build(),
            own: own.iter().copied().collect(),
            sources: sources.collect::<Result<_, _>>()?,
        })
    }

    /// A table that is written in the program, for the demo.
    pub fn built_in(
        name: &str,
        rows: impl IntoIterator<Item = (Prefix, Asn, &'static str)>,
        local: &[Prefix],
        now: Timestamp,
    ) -> Self {
        let mut ours = table::Builder::default();
        for prefix in local {
            ours.insert(*prefix, 0);
        }
        let sources = vec![InMemory::listed(name, rows, now)];
        Self {
            local: ours.build(),
            own: HashSet::new(),
            sources,
        }
    }

    /// Whose an address is: ours by prefix, else what the first source says that has a prefix
    /// for it, however long or short that is.
    pub fn origin(&self, address: Address) -> Origin {
        if self.local.lookup(address).is_some() {
            return Origin::Local;
        }
        let mut answers = self
            .sources
            .iter()
            .filter_map(|source| source.table.lookup(address));
        answers
            .next()
            .map_or(Origin::UNKNOWN, |number| self.of(Asn(number)))
    }

    fn of(&self, asn: Asn) -> Origin {
        if self.own.contains(&asn) {
            Origin::Local
        } else {
            Origin::As(asn)
        }
    }

    /// The name of an ASN in the first source that has one: untrusted text without control
    /// characters, at most 128 characters.
    pub fn name(&self, asn: Asn) -> Option<&Arc<str>> {
        self.sources
            .iter()
            .find_map(|source| source.names.get(&asn))
    }

    /// Whose an address is and why, for people.
    pub fn explain(&self, address: Address) -> Lookup {
        let answer = |source: &InMemory| {
            let (prefix, number) = source.table.explain(address)?;
            Some(Answer {
                source: Arc::clone(&source.name),
                asn: Asn(number),
                prefix,
            })
        };
        let mut others: Vec<Answer> = self.sources.iter().filter_map(answer).collect();
        let (origin, asn, prefix, source) = if let Some((prefix, _)) = self.local.explain(address) {
            (
                Origin::Local,
                None,
                Some(prefix),
                Some("local_prefixes".into()),
            )
        } else if others.is_empty() {
            (Origin::UNKNOWN, None, None, None)
        } else {
            let first = others.remove(0);
            (
                self.of(first.asn),
                Some(first.asn),
                Some(first.prefix),
                Some(first.source),
            )
        };
        Lookup {
            address,
            origin,
            asn,
            prefix,
            name: asn.and_then(|asn| self.name(asn)).cloned(),
            source,
            path: Vec::new(),
            others,
        }
    }

    /// The sources in order of precedence.
    pub fn sources(&self) -> impl Iterator<Item = SourceState<'_>> {
        self.sources.iter().map(|source| SourceState {
            name: &source.name,
            kind: source.kind,
            prefixes: source.table.prefixes(),
            names: source.names.len(),
            counts: source.counts,
            loaded: source.loaded,
        })
    }
}

/// Whose an address is and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lookup {
    /// The address asked for.
    pub address: Address,
    /// What its packets are counted under.
    pub origin: Origin,
    /// The ASN that the deciding source gives; none where `local_prefixes` decides or nobody.
    pub asn: Option<Asn>,
    /// The prefix that decided.
    pub prefix: Option<Prefix>,
    /// The name of `asn`, untrusted text.
    pub name: Option<Arc<str>>,
    /// Which source decided: its file, or `local_prefixes`.
    pub source: Option<Arc<str>>,
    /// The ASNs to reach it. Empty: no source gives paths yet.
    pub path: Vec<Asn>,
    /// What the sources say that did not decide, in order.
    pub others: Vec<Answer>,
}

/// What one source says of an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Which source: its file.
    pub source: Arc<str>,
    /// Who announces the prefix.
    pub asn: Asn,
    /// The longest prefix that holds the address.
    pub prefix: Prefix,
}

/// How a source stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceState<'a> {
    /// Its file.
    pub name: &'a Arc<str>,
    /// The key it is configured with: `prefixes`, `mmdb`.
    pub kind: &'static str,
    /// Different prefixes in use.
    pub prefixes: usize,
    /// ASNs with a name.
    pub names: usize,
    /// What was left out or decided.
    pub counts: Counts,
    /// When it was loaded.
    pub loaded: Timestamp,
}

#[cfg(test)]
mod tests;
