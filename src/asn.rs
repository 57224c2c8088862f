//! Address to origin: which autonomous system announces an address, asked once per stream.
//!
//! `app` builds an [`Origins`] from the configured sources and shares it read-only; a reload
//! builds a new one aside. Nothing here knows of packets. A source that cannot be read whole is
//! refused, and with it the new [`Origins`]: the caller keeps the old.

pub mod bmp;
mod cache;
mod input;
mod loaded_source;
mod location;
pub mod mmdb;
mod mrt;
mod names;
pub mod notation;
mod numbers;
mod octets;
mod origin_paths;
mod path;
pub mod prefixes;
mod source;
mod source_builder;
pub mod table;
mod vote;
pub mod watch;

use crate::files::Load;
use crate::units::{Address, Asn, Prefix, Ratio, Timestamp};
pub use loaded_source::CacheUse;
use loaded_source::LoadedSource;
use path::PathIndex;
pub use path::PathStep;
pub use source::{Counts, LoadError, Provenance, Source};
pub use source_builder::BuiltIn;
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use table::PrefixTable;

/// The origin of an address.
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

/// Which path of which source. Good for the [`Origins`] that gave it, not for the next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PathId {
    source: u8,
    place: PathIndex,
}

/// Sources that name another origin than the one that decided: bit n is the one at place n in the
/// order of precedence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct DisagreeingSources(pub u16);

/// The origin of an address and the path to it: looked up once per stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// The origin.
    pub origin: Origin,
    /// The path to it; without steps where it is ours, unknown, or its source has no paths.
    pub path: PathId,
    /// Who says otherwise.
    pub disagreeing: DisagreeingSources,
}

/// The sources in order of precedence, and what is ours. Immutable.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    local: Arc<PrefixTable>,
    local_prefixes: Arc<[Prefix]>,
    own: HashSet<Asn>,
    sources: Vec<Arc<LoadedSource>>,
}

/// One source as it was loaded again, or as routers have said it: to be put into [`Origins`].
#[derive(Clone, Debug)]
pub struct SourceTable(Arc<LoadedSource>);

/// Where origins come from, and what is ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginSettings {
    /// Sources in order of precedence.
    pub sources: Vec<Source>,
    /// Our addresses.
    pub local_prefixes: Vec<Prefix>,
    /// Our ASNs.
    pub own: Vec<Asn>,
    /// The directory of compiled sources; none: nothing is kept.
    pub cache: Option<PathBuf>,
    /// The share of its prefixes that a source may lose at a reload; default 20 %.
    pub max_shrink: Ratio,
    /// How long what a router said stays good after it has gone; default 5 minutes.
    pub bmp_stale: Duration,
    /// Where routers may connect from; default: anywhere.
    pub bmp_routers: Vec<Prefix>,
    /// The keys with which routers sign (TCP-MD5, RFC 2385); default: none.
    pub bmp_keys: Vec<BmpKey>,
}

/// The key of some routers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BmpKey {
    /// The routers that must sign with it.
    pub routers: Prefix,
    /// The file in which it stands, on one line.
    pub file: PathBuf,
}

impl Default for OriginSettings {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            local_prefixes: Vec::new(),
            own: Vec::new(),
            cache: None,
            max_shrink: Ratio::from_ppm(200_000),
            bmp_stale: Duration::from_secs(300),
            bmp_routers: Vec::new(),
            bmp_keys: Vec::new(),
        }
    }
}

impl Origins {
    /// Reads every source. Default routes are left out everywhere: they would attribute every
    /// address. Of `previous` is kept what has not changed: files in the same state, and what
    /// routers have said. `now` tells the time of day, for what is shown of the loading.
    ///
    /// # Errors
    /// The first source that cannot be loaded, with file, line and value; or that has lost more of
    /// its prefixes since `previous` than it may. Once `load` is called off, that.
    pub fn load(
        settings: &OriginSettings,
        previous: Option<&Self>,
        load: &Load,
        now: impl Fn() -> Timestamp,
    ) -> Result<Self, LoadError> {
        let own: HashSet<Asn> = settings.own.iter().copied().collect();
        let kept_or_read = |source: &Source| {
            if let Some(path) = source.path() {
                load.begin(path);
            }
            let before = previous.and_then(|origins| origins.find(source));
            match before {
                Some(before) if before.is_still(source, &own) => Ok(Arc::clone(before)),
                _ => {
                    let cache = settings.cache.as_deref();
                    let loaded = LoadedSource::load(source, &own, cache, load, &now)?;
                    if let Some(before) = before {
                        loaded.is_plausible_after(before, settings.max_shrink)?;
                    }
                    Ok(Arc::new(loaded))
                }
            }
        };
        let sources = settings.sources.iter().map(kept_or_read);
        let sources = sources.collect::<Result<_, _>>()?;
        let mut ours = table::PrefixTableBuilder::default();
        let local = &settings.local_prefixes;
        let local: Arc<[Prefix]> = local
            .iter()
            .filter(|prefix| !prefix.is_default())
            .copied()
            .collect();
        for prefix in local.iter() {
            ours.insert(*prefix, 0);
        }
        Ok(Self {
            local: Arc::new(ours.build()),
            local_prefixes: local,
            own,
            sources,
        })
    }

    /// One source loaded again.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn renewed(
        &self,
        settings: &OriginSettings,
        source: &Source,
        load: &Load,
        now: impl Fn() -> Timestamp,
    ) -> Result<SourceTable, LoadError> {
        if let Some(path) = source.path() {
            load.begin(path);
        }
        let cache = settings.cache.as_deref();
        let loaded = LoadedSource::load(source, &self.own, cache, load, now)?;
        if let Some(before) = self.find(source) {
            loaded.is_plausible_after(before, settings.max_shrink)?;
        }
        Ok(SourceTable(Arc::new(loaded)))
    }

    fn find(&self, source: &Source) -> Option<&Arc<LoadedSource>> {
        let (kind, name) = (source.kind(), source.name());
        let mut sources = self.sources.iter();
        sources.find(|it| it.kind == kind && *it.name == *name)
    }

    fn replacing(&self, new: &Arc<LoadedSource>) -> Self {
        let sources = self.sources.iter().map(|source| {
            let is_its = source.kind == new.kind && source.name == new.name;
            Arc::clone(if is_its { new } else { source })
        });
        Self {
            local: Arc::clone(&self.local),
            local_prefixes: Arc::clone(&self.local_prefixes),
            own: self.own.clone(),
            sources: sources.collect(),
        }
    }

    /// The same with another table for the sources of its kind that have its name.
    #[must_use]
    pub fn with(&self, table: &SourceTable) -> Self {
        self.replacing(&table.0)
    }

    /// The same with what routers have said as another generation has it: it was taken while this
    /// one was being loaded.
    #[must_use]
    pub fn with_routers_of(&self, other: &Self) -> Self {
        let routers = other.sources.iter().filter(|source| source.kind == "bmp");
        routers.fold(self.clone(), |origins, router| origins.replacing(router))
    }

    /// A table that is written in the program, for the demo.
    pub fn built_in(
        name: &str,
        rows: impl IntoIterator<Item = impl Into<BuiltIn>>,
        local: &[Prefix],
        now: Timestamp,
    ) -> Self {
        let mut ours = table::PrefixTableBuilder::default();
        for prefix in local {
            ours.insert(*prefix, 0);
        }
        let sources = vec![Arc::new(LoadedSource::listed(name, rows, now))];
        Self {
            local: Arc::new(ours.build()),
            local_prefixes: local.into(),
            own: HashSet::new(),
            sources,
        }
    }

    /// Our addresses; none where none are configured.
    pub fn local_prefixes(&self) -> Arc<[Prefix]> {
        Arc::clone(&self.local_prefixes)
    }

    /// The origin of an address: ours by prefix, else what the first source says that has a prefix
    /// for it, however long or short that is.
    pub fn origin(&self, address: Address) -> Origin {
        if self.local.lookup(address).is_some() {
            return Origin::Local;
        }
        let mut answers = self
            .sources
            .iter()
            .filter_map(|source| source.origin(address));
        answers.next().map_or(Origin::UNKNOWN, |asn| self.of(asn))
    }

    /// [`origin`](Self::origin), with the path to it and with what the other sources say. Asks
    /// every source.
    pub fn route(&self, address: Address) -> Route {
        let mut route = Route {
            origin: Origin::UNKNOWN,
            path: PathId::default(),
            disagreeing: DisagreeingSources::default(),
        };
        if self.local.lookup(address).is_some() {
            route.origin = Origin::Local;
            return route;
        }
        let mut decided = None;
        for (number, source) in (0_u8..).zip(&self.sources) {
            let Some((asn, place)) = source.route(address) else {
                continue;
            };
            match decided {
                None => {
                    decided = Some(asn);
                    route.origin = self.of(asn);
                    route.path = PathId {
                        source: number,
                        place,
                    };
                }
                Some(first) if first != asn => {
                    route.disagreeing.0 |= 1_u16.checked_shl(number.into()).unwrap_or(0);
                }
                Some(_) => {}
            }
        }
        route
    }

    /// A path's steps, from the nearest AS to the origin, without prepends, confederations and own
    /// numbers.
    pub fn path(&self, path: PathId) -> Vec<PathStep> {
        let source = self.sources.get(usize::from(path.source));
        source.map_or_else(Vec::new, |source| {
            source.announced.paths().steps(path.place)
        })
    }

    /// The transit ASNs of a path, ascending, each once: all but the origin; of an AS_SET on the
    /// way every member.
    pub fn transit(&self, path: PathId) -> &[Asn] {
        let source = self.sources.get(usize::from(path.source));
        source.map_or(&[], |source| source.announced.paths().transit(path.place))
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
    pub fn name(&self, asn: Asn) -> Option<&str> {
        self.sources.iter().find_map(|source| source.names.get(asn))
    }

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

/// What one source says of an address.
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
    /// Which data it is.
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

#[cfg(test)]
mod tests;
