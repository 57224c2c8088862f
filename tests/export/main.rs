//! What leaves the house, for a made-up published state: metrics, JSON, text, page, HTTP.
//!
//! Golden files in tests/golden and docs/METRICS.md are rewritten by UPDATE_GOLDEN=1.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails may panic"
)]

mod crowd;
mod example;
mod http;
mod json;
mod metrics;
mod page;
mod text;

#[path = "../support/sockets.rs"]
mod sockets;

use std::path::Path;

/// Compares with a file of the repository, or rewrites it.
fn assert_golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (expected, actual)) in expected.lines().zip(actual.lines()).enumerate() {
        assert_eq!(expected, actual, "{name}:{}", number + 1);
    }
    assert_eq!(expected, actual, "{name}: UPDATE_GOLDEN=1 rewrites it");
}
