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
mod lookup;
pub mod mmdb;
mod mrt;
mod names;
pub mod notation;
mod numbers;
mod octets;
mod origin_paths;
mod origins;
mod path;
pub mod prefixes;
mod source;
mod source_builder;
pub mod table;
mod vote;
pub mod watch;

use crate::units::{Asn, Prefix, Ratio};
pub use loaded_source::CacheUse;
pub use lookup::{Lookup, LookupAnswer, SourceState};
pub use origins::{Origins, SourceTable};
use path::PathIndex;
pub use path::PathStep;
pub use source::{Counts, LoadError, Provenance, Source};
pub use source_builder::BuiltIn;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

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
    /// Sources that name another origin.
    pub disagreeing: DisagreeingSources,
}

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

#[cfg(test)]
mod tests;
