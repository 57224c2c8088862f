//! Address to origin: which autonomous system announces an address, asked once per stream.
//!
//! `app` builds an [`Origins`] from the configured sources and shares it read-only; a reload
//! builds a new one aside. Nothing here knows of packets.

pub mod mmdb;
pub mod prefixes;
pub mod table;

use crate::units::Asn;
use std::fmt;

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
