//! The state and the counters of a BMP source, for output.
//!
//! Plain values.

use crate::units::Timestamp;

/// Messages and routes, by what became of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BmpStats {
    /// Route Monitoring, taken.
    pub routes: u64,
    /// Peer Up.
    pub peers_up: u64,
    /// Peer Down.
    pub peers_down: u64,
    /// Initiation, Termination, statistics, mirrored messages, and views that do not count.
    pub passed_over: u64,
    /// Could not be read, whole or in part.
    pub malformed: u64,
    /// Routes and peers beyond the bounds.
    pub refused: u64,
}

/// Connections of routers that were refused or closed, by reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RouterRefusals {
    /// Their address is none of those allowed.
    pub address: u64,
    /// They were one too many, of all routers.
    pub limit: u64,
    /// They were one too many of their address.
    pub share: u64,
    /// A message took too long, or none came.
    pub slow: u64,
}

/// What a source of this kind is like at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// Routers connected.
    pub routers: usize,
    /// Their peers, and those of routers that have gone not long ago.
    pub peers: usize,
    /// Routes of all peers.
    pub routes: usize,
    /// What came so far.
    pub stats: BmpStats,
    /// Connections refused or closed so far.
    pub refused_connections: RouterRefusals,
    /// When a message last came from a router.
    pub last: Option<Timestamp>,
}
