//! All sources in order of precedence, and the origin that they give to an address.

use super::loaded_source::LoadedSource;
use super::path::PathStep;
use super::source::{LoadError, Source};
use super::source_builder::BuiltIn;
use super::table::{PrefixTable, PrefixTableBuilder};
use super::{DisagreeingSources, Origin, OriginSettings, PathId, Route};
use crate::files::Load;
use crate::units::{Address, Asn, Prefix, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;

/// The sources in order of precedence, and what is ours. Immutable.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    pub(super) local: Arc<PrefixTable>,
    local_prefixes: Arc<[Prefix]>,
    own: HashSet<Asn>,
    pub(super) sources: Vec<Arc<LoadedSource>>,
}

/// One source as it was loaded again, or as routers have said it: to be put into [`Origins`].
#[derive(Clone, Debug)]
pub struct SourceTable(pub(super) Arc<LoadedSource>);

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
        let mut ours = PrefixTableBuilder::default();
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

    pub(super) fn find(&self, source: &Source) -> Option<&Arc<LoadedSource>> {
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
        let mut ours = PrefixTableBuilder::default();
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

    pub(super) fn of(&self, asn: Asn) -> Origin {
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
}
