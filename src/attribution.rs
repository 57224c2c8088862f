//! Whose a packet is and which commitments it counts in: asked once per stream, and again after
//! a reload.

pub mod scopes;
pub mod transit;

use crate::asn::{Dissent, Origin, Origins, PathId, Route};
use crate::frame::InterfaceId;
use crate::units::Address;
use crate::voice::CapturePoint;
use scopes::{ScopeMask, ScopePlan};
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;
use transit::{KnownTransit, Transit};

/// Who talks to whom, over whom, under which scopes: the key of everything counted in a second.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PairKey {
    /// The scopes that match.
    pub scopes: ScopeMask,
    /// Origin of the source address.
    pub src: Origin,
    /// Origin of the destination address.
    pub dst: Origin,
    /// What lies between.
    pub transit: Transit,
}

impl PairKey {
    /// Nobody, not yet asked for.
    pub const UNKNOWN: Self = Self {
        scopes: ScopeMask(0),
        src: Origin::UNKNOWN,
        dst: Origin::UNKNOWN,
        transit: Transit::NONE,
    };
}

/// What a stream belongs to; shared by all streams that belong alike.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Attributed {
    /// Who talks to whom.
    pub pair: PairKey,
    /// Which sources say otherwise of one end at least.
    pub dissent: Dissent,
}

/// Different ones that are shared at a time; beyond that sharing begins anew. A guess.
const MAX_SHARED: usize = 65_536;

/// The tables in force, with the names of one worker's interfaces.
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
    /// New tables; every stream asks again.
    pub fn replace(&mut self, origins: Arc<Origins>, scopes: Arc<ScopePlan>) {
        self.origins = origins;
        self.scopes = scopes;
        self.known.clear();
        self.shared.get_mut().clear();
        self.generation = self.generation.wrapping_add(1);
    }

    /// An interface gets its name.
    pub fn name_interface(&mut self, id: InterfaceId, name: &str) {
        let place = usize::from(id.0);
        if place >= self.interfaces.len() {
            self.interfaces.resize_with(place + 1, Arc::default);
        }
        if let Some(entry) = self.interfaces.get_mut(place) {
            *entry = name.into();
        }
        self.generation = self.generation.wrapping_add(1);
    }

    /// Counts the changes; never 0 once there are tables.
    #[inline]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Who talks to whom, under which scopes.
    pub fn pair(&self, src: Address, dst: Address, capture_point: CapturePoint) -> PairKey {
        self.resolve(src, dst, capture_point).0
    }

    /// Who talks to whom, under which scopes; and which sources say otherwise of one end at least.
    pub fn resolve(
        &self,
        src: Address,
        dst: Address,
        capture_point: CapturePoint,
    ) -> (PairKey, Dissent) {
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
        (pair, Dissent(from.dissent.0 | to.dissent.0))
    }

    /// The same for a stream, which keeps it.
    pub fn attribute(
        &self,
        src: Address,
        dst: Address,
        capture_point: CapturePoint,
    ) -> Arc<Attributed> {
        let (pair, dissent) = self.resolve(src, dst, capture_point);
        let attributed = Attributed { pair, dissent };
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

    /// Names of the interfaces, by number.
    pub fn interfaces(&self) -> &[Arc<str>] {
        &self.interfaces
    }
}

/// The path that leads to somebody else; within our own network there is no transit.
fn path(route: &Route) -> PathId {
    match route.origin {
        Origin::As(_) => route.path,
        Origin::Local => PathId::default(),
    }
}
