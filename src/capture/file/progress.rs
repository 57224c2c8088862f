//! The progress of a replay, and its end before the files' end. The reader updates it once per read;
//! the progress bar polls it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Octets read, and octets in all; whether to read on. Shared; lives as long as its last user.
#[derive(Debug, Default)]
pub struct ReadProgress {
    read: AtomicU64,
    total: Option<u64>,
    stopped: AtomicBool,
    follows: AtomicBool,
}

impl ReadProgress {
    pub(super) fn new(total: Option<u64>) -> Self {
        Self {
            read: AtomicU64::new(0),
            total,
            ..Self::default()
        }
    }

    /// Ends the input where it is: nothing more is read, as if the current file ended and no other
    /// followed. Every reader ends at the same octet.
    pub fn stop(&self) {
        // Relaxed: tells nothing but itself.
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Waits for more at the end of a file that grows, until [`Self::stop`].
    pub fn follow(&self) {
        self.follows.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_following(&self) -> bool {
        self.follows.load(Ordering::Relaxed) && !self.is_stopped()
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
