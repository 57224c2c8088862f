//! The only place that reads a clock or waits. Packet time is the only time of the measurement
//! (MODEL §2.1); clocks serve the live sources, the operator's log and waiting.
//!
//! Owns nothing but the moment of its first use; lives as long as the process.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the file that the rest is sent to"
)]

use crate::units::Timestamp;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

/// The time of day, UTC. It may step: for durations there is [`uptime`].
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::default().plus(since_epoch)
}

/// Time since this was first asked; never steps and never goes back.
pub fn uptime() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Waits; the thread sleeps.
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
