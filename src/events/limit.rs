//! How many lines of one event a minute may have: whoever can cause an event cannot fill the log.
//!
//! Lines beyond it are counted, and told with the next line of any event behind that minute. What
//! contracts say (level notice) has no bound here: verdicts do not flap at somebody's will, and each of
//! them counts.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Lines of one event in a minute: what a person reads.
const MAX_LINES: u64 = 30;

/// The minute.
const INTERVAL: Duration = Duration::from_secs(60);

/// Whether a line may be written, and what was left out before it.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Admission {
    pub(super) is_admitted: bool,
    /// Events whose minute is over, with the number of lines left out.
    pub(super) left_out: Vec<(&'static str, u64)>,
}

/// Lines of the current minute of each event.
#[derive(Default)]
struct Limiter(BTreeMap<&'static str, (Duration, u64)>);

impl Limiter {
    fn admit(&mut self, event: &'static str, now: Duration, is_bounded: bool) -> Admission {
        let mut left_out = Vec::new();
        self.0.retain(|event, (since, lines)| {
            let is_over = now.saturating_sub(*since) >= INTERVAL;
            if is_over && *lines > MAX_LINES {
                left_out.push((*event, *lines - MAX_LINES));
            }
            !is_over
        });
        let (_, lines) = self.0.entry(event).or_insert((now, 0));
        *lines += u64::from(is_bounded);
        Admission {
            is_admitted: *lines <= MAX_LINES,
            left_out,
        }
    }
}

/// Counts a line of an event at this uptime.
pub(super) fn admit(event: &'static str, now: Duration, is_bounded: bool) -> Admission {
    static LIMITER: Mutex<Limiter> = Mutex::new(Limiter(BTreeMap::new()));
    let mut limiter = LIMITER.lock().unwrap_or_else(PoisonError::into_inner);
    limiter.admit(event, now, is_bounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_so_many_lines_a_minute_and_the_rest_is_told_behind_it() {
        let mut limiter = Limiter::default();
        let second = Duration::from_secs;
        let mut written = 0;
        for line in 0..1000_u64 {
            let admission = limiter.admit("router_gone", second(line / 20), true);
            written += u64::from(admission.is_admitted);
            assert_eq!(admission.left_out, []);
        }
        assert_eq!(written, MAX_LINES);
        assert!(limiter.admit("reloaded", second(50), true).is_admitted);
        let behind = limiter.admit("reloaded", second(60), true);
        assert!(behind.is_admitted);
        assert_eq!(behind.left_out, [("router_gone", 1000 - MAX_LINES)]);
        assert_eq!(limiter.admit("reloaded", second(61), true).left_out, []);
    }

    #[test]
    fn what_has_no_bound_is_always_written() {
        let mut limiter = Limiter::default();
        let mut admit = || limiter.admit("out_of_sla", Duration::ZERO, false);
        assert!((0..1000).all(|_| admit().is_admitted));
    }
}
