//! asnmeter: voice traffic per autonomous system against committed data rates, with proof.
//!
//! This is the map, in the order in which a frame goes through the house. The main path itself is
//! [`pipeline::Worker`].
//!
//! [`capture`] gives frames: from a live ring, from pnet's channel, from capture files, or made up.
//! What it could not see it says.
//!
//! [`wire`] takes a frame apart, through tags and tunnels, down to the innermost datagram, and
//! reads the formats that voice comes in.
//!
//! [`voice`] tells whether a datagram is voice and of which class, and listens to what signalling
//! announces.
//!
//! [`asn`] knows whose an address is; [`attribution`] adds which commitments it concerns. Both are
//! asked once per stream.
//!
//! [`stream`] proves streams and follows them: loss, jitter, round trips, the far end's reports.
//!
//! [`meter`] counts, second by second and pair by pair, what a worker saw.
//!
//! [`sla`] is the contract and its arithmetic: pure, in integers. [`judge`] holds the seconds of
//! all workers against it, and keeps windows, intervals and totals.
//!
//! [`snapshot`] is what the judge publishes; [`export`] shows it, and sees nothing else.
//!
//! Around them: [`units`] and [`discard`] are the words that all share, [`clock`] is the only one
//! who looks at a watch, [`files`] opens what is loaded, [`config`] reads what the operator wrote, [`events`] is the operator's log,
//! [`app`] puts everything together, and [`cli`] is the door.

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
pub mod frame;
pub mod judge;
pub mod meter;
pub mod pipeline;
pub mod sla;
pub mod snapshot;
pub mod stream;
pub mod units;
pub mod voice;
pub mod wire;
