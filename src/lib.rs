//! asnmeter: voice traffic per autonomous system against committed data rates, with proof.

pub mod app;
pub mod asn;
pub mod attribution;
pub mod capture;
pub mod cli;
pub mod clock;
pub mod config;
pub mod discard;
pub mod events;
pub mod export;
pub mod judge;
pub mod meter;
pub mod pipeline;
pub mod sla;
pub mod snapshot;
pub mod stream;
pub mod units;
pub mod voice;
pub mod wire;
