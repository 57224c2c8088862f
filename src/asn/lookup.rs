//! What people are told: of an address its origin and why, of each source how it stands.

use super::loaded_source::{CacheUse, LoadedSource};
use super::path::PathStep;
use super::source::{Counts, Provenance};
use super::{Origin, Origins};
use crate::units::{Address, Asn, Prefix, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// The origin of an address and why.
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
    /// The ASNs to reach it, from the nearest to its origin, without prepends, confederations and
    /// own numbers. Empty where the source has no paths (all but `mrt`).
    pub path: Vec<PathStep>,
    /// What the sources say that did not decide, in order.
    pub others: Vec<LookupAnswer>,
}

/// The answer of one source for an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookupAnswer {
    /// Which source: its file.
    pub source: Arc<str>,
    /// Who announces the prefix.
    pub asn: Asn,
    /// The longest prefix that holds the address.
    pub prefix: Prefix,
    /// The path to it, as in [`Lookup::path`].
    pub path: Vec<PathStep>,
}

/// How a source stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceState<'a> {
    /// Its file.
    pub name: &'a Arc<str>,
    /// The key it is configured with: `prefixes`, `mmdb`, `location`, `mrt`.
    pub kind: &'static str,
    /// Different prefixes in use.
    pub prefixes: usize,
    /// ASNs with a name.
    pub names: usize,
    /// Different AS paths.
    pub paths: usize,
    /// What was left out or decided.
    pub counts: Counts,
    /// Which data it holds.
    pub provenance: Provenance,
    /// When its file was last written, as the file system tells; none for a built-in table.
    pub written: Option<Timestamp>,
    /// When it was loaded; none for a router that has said nothing yet.
    pub loaded: Option<Timestamp>,
    /// How long loading took.
    pub took: Duration,
    /// What the cache did for it.
    pub cache: &'a CacheUse,
}

impl Origins {
    /// The origin of an address and why, for people.
    pub fn explain(&self, address: Address) -> Lookup {
        let answer = |source: &Arc<LoadedSource>| {
            let (prefix, value) = source.table.explain(address)?;
            Some(LookupAnswer {
                source: Arc::clone(&source.name),
                asn: source.announced.origin(value)?,
                prefix,
                path: source.announced.steps(value),
            })
        };
        let mut others: Vec<LookupAnswer> = self.sources.iter().filter_map(answer).collect();
        let mut lookup = Lookup {
            address,
            origin: Origin::UNKNOWN,
            asn: None,
            prefix: None,
            name: None,
            source: None,
            path: Vec::new(),
            others: Vec::new(),
        };
        if let Some((prefix, _)) = self.local.explain(address) {
            lookup.origin = Origin::Local;
            lookup.prefix = Some(prefix);
            lookup.source = Some("local_prefixes".into());
        } else if !others.is_empty() {
            let first = others.remove(0);
            lookup.origin = self.of(first.asn);
            lookup.asn = Some(first.asn);
            lookup.prefix = Some(first.prefix);
            lookup.name = self.name(first.asn).map(Arc::from);
            lookup.source = Some(first.source);
            lookup.path = first.path;
        }
        lookup.others = others;
        lookup
    }

    /// The sources in order of precedence.
    pub fn sources(&self) -> impl Iterator<Item = SourceState<'_>> {
        self.sources.iter().map(|source| SourceState {
            name: &source.name,
            kind: source.kind,
            prefixes: source.table.prefixes(),
            names: source.names.len(),
            paths: source.announced.paths().len(),
            counts: source.counts,
            provenance: source.provenance,
            written: source.loaded.written,
            loaded: source.loaded.done,
            took: (source.loaded.done)
                .map_or(Duration::ZERO, |done| done.since(source.loaded.begun)),
            cache: &source.cache,
        })
    }
}
