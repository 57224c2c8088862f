//! asnmeter: voice traffic per autonomous system against committed data rates, with proof.
//!
//! The modules, in the order in which a frame passes them. The main path is [`pipeline::Worker`].
//!
//! [`capture`] returns frames: from a live ring, from pnet's channel, from capture files, or synthetic.
//! It reports the time ranges that it did not capture completely.
//!
//! [`wire`] decodes a frame through tags and tunnels to the innermost datagram, and parses the protocols
//! of voice.
//!
//! [`voice`] recognises voice and its class, and keeps the facts that signalling announces.
//!
//! [`asn`] maps an address to its origin ASN; [`attribution`] adds transit ASNs and scopes. Both are
//! used once per stream.
//!
//! [`stream`] proves streams and tracks them: loss, jitter, round trips, the far end's reports.
//!
//! [`meter`] counts what a worker captured, per second and per pair of origins.
//!
//! [`sla`] is the contract and its arithmetic: pure, in integers. [`judge`] applies it to the seconds of
//! all workers, and keeps windows, intervals and totals.
//!
//! [`ledger`] keeps what the verdicts rest on, as evidence; [`report`] says what it holds of a period.
//!
//! [`snapshot`] is what the judge publishes; [`export`] shows it, and reads nothing else.
//!
//! Around them: [`units`] and [`discard`] are shared vocabulary, [`clock`] is the only module that reads a
//! clock, [`files`] opens files, [`config`] parses the configuration, [`events`] is the operator's log,
//! [`app`] composes everything, and [`cli`] is the command line.

pub mod app;
pub mod asn;
pub mod attribution;
pub mod capture;
#[cfg(test)]
#[path = "../tests/support/captures.rs"]
mod captures;
pub mod cli;
pub mod clock;
pub mod config;
pub mod discard;
pub mod events;
pub mod export;
pub mod files;
pub mod fleet;
pub mod frame;
pub mod judge;
pub mod ledger;
pub mod meter;
pub mod pipeline;
pub mod report;
pub mod sla;
pub mod snapshot;
pub mod stream;
pub mod units;
pub mod voice;
pub mod wire;
