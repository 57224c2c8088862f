//! What leaves the house: metrics, page, JSON, text. Everything here reads a [`Snapshot`]
//! (`crate::snapshot::Snapshot`) and nothing else.

pub mod collector;
pub mod http;
pub mod json;
pub mod metrics;
pub mod page;
pub mod text;
