//! The only module that reads a clock or sleeps. The measurement uses packet time only (MODEL §2.1);
//! clocks serve the live sources, the operator's log and timeouts.
//!
//! Keeps only the time of its first use, for the life of the process.
#![expect(
    clippy::disallowed_methods,
    reason = "the only file where these are allowed"
)]

use crate::units::Timestamp;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

/// The wall clock, UTC. It may step: use [`uptime`] for durations.
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::default().plus(since_epoch)
}

/// Monotonic time since the first call.
pub fn uptime() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// How wrong the wall clock may be by what the kernel knows (adjtimex(2), `maxerror`); none where it does not
/// say.
#[expect(unsafe_code, reason = "no library that we have reads it")]
pub fn uncertainty() -> Option<Duration> {
    // SAFETY: all octets 0 are a valid `timex`: integers only. With `modes` 0 nothing is set.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is that of a `timex` of our own, which lives until the call returns.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    let micros = u64::try_from(timex.maxerror).ok()?;
    (state >= 0).then_some(Duration::from_micros(micros))
}

/// Blocks the thread.
pub fn wait(duration: Duration) {
    std::thread::sleep(duration);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_never_goes_back() {
        let readings: Vec<Duration> = (0..1000).map(|_| uptime()).collect();
        assert!(readings.is_sorted());
    }

    #[test]
    fn now_is_after_this_was_written() {
        let written = Timestamp::from_nanos(1_750_000_000_000_000_000);
        assert!(now() > written, "{}", now());
    }

    #[test]
    fn a_wait_takes_its_time() {
        let before = uptime();
        wait(Duration::from_millis(2));
        assert!(uptime().saturating_sub(before) >= Duration::from_millis(2));
    }
}
