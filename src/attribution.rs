//! Attribution: origins, transit ASNs and scopes of an address pair. Looked up once per stream, and again
//! after a reload.

pub mod scopes;
pub mod transit;

use crate::asn::{DisagreeingSources, Origin, Origins, PathId, Route};
use crate::frame::InterfaceId;
use crate::units::Address;
use crate::voice::CapturePoint;
use scopes::{ScopeMask, ScopePlan};
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;
use transit::{KnownTransit, Transit};

/// Origins, transit ASNs and scopes of an address pair: the key of all counts of a second.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PairKey {
    /// The scopes that match.
    pub scopes: ScopeMask,
    /// Origin of the source address.
    pub src: Origin,
    /// Origin of the destination address.
    pub dst: Origin,
    /// Transit ASNs between them.
    pub transit: Transit,
}

impl PairKey {
    /// The key before the lookup.
    pub const UNKNOWN: Self = Self {
        scopes: ScopeMask(0),
        src: Origin::UNKNOWN,
        dst: Origin::UNKNOWN,
        transit: Transit::NONE,
    };
}

/// The attribution of a stream; shared by all streams with equal values.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Attributed {
    /// The pair.
    pub pair: PairKey,
    /// The ASN sources that disagree about at least one address.
    pub disagreeing: DisagreeingSources,
}

/// Most attributions kept for sharing; beyond that the set is cleared. A guess.
const MAX_SHARED: usize = 65_536;

/// The tables in force and the interface names of one worker.
#[derive(Clone, Debug, Default)]
pub struct Attribution {
    generation: u32,
    origins: Arc<Origins>,
    scopes: Arc<ScopePlan>,
    interfaces: Vec<Arc<str>>,
    known: KnownTransit,
    shared: RefCell<HashSet<Arc<Attributed>>>,
}

impl Attribution {
    /// Replaces the tables; every stream is looked up again.
    pub fn replace(&mut self, origins: Arc<Origins>, scopes: Arc<ScopePlan>) {
        self.origins = origins;
        self.scopes = scopes;
        self.known.clear();
        self.shared.get_mut().clear();
        self.generation = self.generation.wrapping_add(1);
    }

    /// Sets the name of an interface.
    pub fn name_interface(&mut self, id: InterfaceId, name: &str) {
        let index = usize::from(id.0);
        if index >= self.interfaces.len() {
            self.interfaces.resize_with(index + 1, Arc::default);
        }
        if let Some(entry) = self.interfaces.get_mut(index) {
            *entry = name.into();
        }
        self.generation = self.generation.wrapping_add(1);
    }

    /// Number of changes; never 0 once tables are set.
    #[inline]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Looks up the pair key of two addresses.
    pub fn pair(&self, src: Address, dst: Address, capture_point: CapturePoint) -> PairKey {
        self.resolve(src, dst, capture_point).0
    }

    /// Looks up the pair key, and the sources that disagree about at least one address.
    pub fn resolve(
        &self,
        src: Address,
        dst: Address,
        capture_point: CapturePoint,
    ) -> (PairKey, DisagreeingSources) {
        let interface = self
            .interfaces
            .get(usize::from(capture_point.interface.0))
            .map_or("", |name| name.as_ref());
        let (from, to) = (self.origins.route(src), self.origins.route(dst));
        let paths = [path(&from), path(&to)];
        let pair = PairKey {
            scopes: self
                .scopes
                .matching(src, dst, interface, capture_point.vlans),
            src: from.origin,
            dst: to.origin,
            transit: self.known.on(paths, |path| self.origins.transit(path)),
        };
        (
            pair,
            DisagreeingSources(from.disagreeing.0 | to.disagreeing.0),
        )
    }

    /// Looks up the attribution of a stream, shared with equal ones.
    pub fn attribute(
        &self,
        src: Address,
        dst: Address,
        capture_point: CapturePoint,
    ) -> Arc<Attributed> {
        let (pair, disagreeing) = self.resolve(src, dst, capture_point);
        let attributed = Attributed { pair, disagreeing };
        let mut shared = self.shared.borrow_mut();
        if let Some(known) = shared.get(&attributed) {
            return known.clone();
        }
        if shared.len() >= MAX_SHARED {
            shared.clear();
        }
        let attributed = Arc::new(attributed);
        shared.insert(attributed.clone());
        attributed
    }

    /// Names of the ASN sources, in order of precedence.
    pub fn sources(&self) -> impl Iterator<Item = &Arc<str>> {
        self.origins.sources().map(|source| source.name)
    }

    /// The scopes in force.
    pub fn scopes(&self) -> &Arc<ScopePlan> {
        &self.scopes
    }

    /// Names of the interfaces, by id.
    pub fn interfaces(&self) -> &[Arc<str>] {
        &self.interfaces
    }
}

/// The path to another network; the local network has no transit.
fn path(route: &Route) -> PathId {
    match route.origin {
        Origin::As(_) => route.path,
        Origin::Local => PathId::default(),
    }
}
