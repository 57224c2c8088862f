//! The progress of a replay. The reader updates it once per read; the progress bar polls it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Octets read, and octets in all. Shared; lives as long as its last user.
#[derive(Debug, Default)]
pub struct ReadProgress {
    read: AtomicU64,
    total: Option<u64>,
}

impl ReadProgress {
    pub(super) fn new(total: Option<u64>) -> Self {
        Self {
            read: AtomicU64::new(0),
            total,
        }
    }

    pub(super) fn add(&self, octets: usize) {
        // Relaxed: only displayed, no other memory depends on it.
        self.read.fetch_add(octets as u64, Ordering::Relaxed);
    }

    /// Octets read so far, of all files.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Octets of all files together; `None` if one of them is a pipe.
    pub const fn total(&self) -> Option<u64> {
        self.total
    }
}
