//! What the integration tests share: the program as a process, frames with known content, and the
//! real captures. Each test file takes the parts it needs.
#![allow(dead_code, reason = "each test file needs a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

pub(crate) mod captures;
pub(crate) mod cgroup;
pub(crate) mod desk;
pub(crate) mod frames;
pub(crate) mod mrt;
pub(crate) mod netns;
pub(crate) mod program;
pub(crate) mod running;
pub(crate) mod sockets;

/// 2026-01-01 00:00:00 UTC: where made-up captures begin.
pub(crate) const START: u64 = 1_767_225_600;

/// A second of START's capture as the program writes it.
pub(crate) fn rfc3339(second: u64) -> String {
    asnmeter::units::Second(second).to_string()
}
