//! How a fleet stands: what a probe has published, and what an aggregator knows of each probe.

use crate::units::Second;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// How a probe's publishing stands; shown as it does when it is asked for.
#[derive(Debug, Default)]
pub struct ProbeStatus {
    /// Whether there is a connection to the servers.
    pub connected: AtomicBool,
    /// Leaves of its ledger that are written.
    pub written: AtomicU64,
    /// Leaves that the stream has.
    pub acknowledged: AtomicU64,
    /// The last second of which the stream has all leaves; 0 before the first.
    pub through: AtomicU64,
    /// Leaves that were published again.
    pub again: AtomicU64,
    /// Messages that failed: refused, or without an answer.
    pub failures: AtomicU64,
}

/// One probe, as an aggregator knows it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FleetProbeRow {
    /// Its name.
    pub name: Arc<str>,
    /// Whether its heads have to be signed by a key that we know.
    pub is_signed: bool,
    /// Leaves that its heads vouch for.
    pub verified: u64,
    /// The last second of which all leaves have come.
    pub through: Option<Second>,
    /// Why it was missing in the last second judged.
    pub absence: Option<&'static str>,
    /// Seconds in which it was.
    pub absent_seconds: u64,
    /// Contracts of ours that are others there, and the key that differs.
    pub differs: BTreeMap<Arc<str>, &'static str>,
    /// Messages of its name that do not hold: forged, differing, unreadable.
    pub refused_messages: u64,
    /// Leaves that found no room, and were asked for again.
    pub refused_leaves: u64,
}
