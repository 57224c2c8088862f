//! All outputs: metrics, page, JSON, text. Everything here reads a [`Snapshot`] and its [`DaemonState`]
//! and nothing else, so whoever scrapes never touches the capture.
//!
//! `app` owns the sending end of a `tokio::sync::watch` channel of [`Published`]; everything here
//! borrows what it last sent. Names come from ASN tables: they are untrusted text, and each
//! output escapes them in its own way.

pub mod collector;
pub mod csv;
pub mod http;
pub mod json;
pub mod loss_path;
mod measures;
pub mod metrics;
pub mod page;
pub mod process;
pub mod questions;
mod rows;
pub mod seconds;
mod series;
pub mod text;

use crate::asn::bmp;
use crate::snapshot::Snapshot;
use crate::snapshot::fleet::{FleetProbeRow, ProbeStatus};
use crate::units::Timestamp;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

/// What is shown: the judge's state and the daemon's own.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// What the judge last published.
    pub snapshot: Arc<Snapshot>,
    /// What `app` knows of the daemon itself.
    pub daemon: Arc<DaemonState>,
    /// Whom the endpoint turned away. Counts on; shown as it stands when a state is rendered.
    pub refused: Arc<HttpRefusals>,
    /// How the ledger stands, if one is kept; shown as it does when a state is rendered.
    pub evidence: Option<Arc<EvidenceStatus>>,
    /// What became of mirrored signalling, where it is listened for; as [`Self::refused`].
    pub hep: Option<Arc<HepStatus>>,
    /// Who answers what is not in all this.
    pub answerers: questions::Answerers,
    /// How publishing to a fleet stands, in a probe; the same.
    pub probe: Option<Arc<ProbeStatus>>,
    /// The probes of the fleet, in an aggregator.
    pub fleet: Arc<Vec<FleetProbeRow>>,
    /// Whether the kernel holds the program to the files that its configuration names; none: it was not
    /// asked to.
    pub is_confined: Option<bool>,
}

/// Packets of mirrored signalling (HEP) since the start, each under one of the first five.
#[derive(Debug, Default)]
pub struct HepStatus {
    /// Messages that were passed to all workers.
    pub taken: AtomicU64,
    /// From an address that is not allowed.
    pub foreign: AtomicU64,
    /// No HEP of version 3, or not whole.
    pub malformed: AtomicU64,
    /// They say nothing of a call or its media.
    pub other: AtomicU64,
    /// A worker was too far behind.
    pub dropped: AtomicU64,
    /// Besides: their time was too far from ours, and was not used.
    pub clock_differs: AtomicU64,
}

/// How the ledger stands.
#[derive(Debug, Default)]
pub struct EvidenceStatus {
    /// The last second could not be written.
    pub failed: AtomicBool,
    /// Sealed leaves.
    pub size: AtomicU64,
    /// The first 48 bits of the root over these.
    pub root: AtomicU64,
    /// The second that sealed them; 0 before the first.
    pub sealed: AtomicU64,
    /// Seconds that could not be written since the start.
    pub unwritten: AtomicU64,
    /// Its directory.
    pub directory: PathBuf,
    /// The last checkpoint, as a note; empty before the first.
    pub checkpoint: Mutex<Arc<str>>,
}

/// Clients and requests that the HTTP endpoint refused since the start.
#[derive(Debug, Default)]
pub struct HttpRefusals {
    /// Connections beyond a limit, while all others were being answered.
    pub connections: AtomicU64,
    /// Connections closed without a whole request to make room for others.
    pub displaced: AtomicU64,
    /// Connections closed since the head of a request took too long.
    pub slow: AtomicU64,
    /// TLS handshakes that failed or took too long.
    pub handshakes: AtomicU64,
    /// Requests without a name and password that are right.
    pub credentials: AtomicU64,
    /// Requests for a name that is none of this endpoint's.
    pub hosts: AtomicU64,
    /// Requests beyond the rate that the web configuration sets.
    pub rate: AtomicU64,
}

/// The state of the daemon itself, beside the measurements.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DaemonState {
    /// The ASN sources, in order of precedence.
    pub sources: Vec<SourceRow>,
    /// Whether the last attempt to read the configuration was successful.
    pub config_ok: bool,
    /// When the configuration in force was read; none where there is no file.
    pub config_read: Option<Timestamp>,
    /// When the reload that runs began; none while none does.
    pub reload_began: Option<Timestamp>,
    /// Version of the program.
    pub version: Arc<str>,
    /// Commit it was built from; `unknown` where nobody said.
    pub revision: Arc<str>,
}

/// One ASN source.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceRow {
    /// Its name: the path as configured. The `source` label, so unique.
    pub name: Arc<str>,
    /// Prefixes in it.
    pub prefixes: u64,
    /// When it was loaded; none while it is not.
    pub loaded: Option<Timestamp>,
    /// When its data was built, as it says itself, or its router last said something; none where nothing
    /// says it.
    pub built: Option<Timestamp>,
    /// When its file was written, or its router last said something.
    pub written: Option<Timestamp>,
    /// Times that it could not be loaded again since the start.
    pub failures: u64,
    /// Routers, peers and routes, where it is a BMP source.
    pub bmp: Option<bmp::State>,
}

impl Published {
    /// Whether there is something true to show: every ASN source is loaded and a second judged.
    pub fn is_ready(&self) -> bool {
        self.snapshot.judged.is_some() && self.daemon.sources.iter().all(|s| s.loaded.is_some())
    }
}
