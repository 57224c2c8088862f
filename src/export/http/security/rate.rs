//! A bound on requests of all clients together, as exporter-toolkit has it: a bucket that is full of
//! tokens at the start, of which each request takes one, and that gets one back in each interval.

use super::SecurityError;
use super::file::{FileLocation, RateLimit};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Units of a duration as Go writes it, in nanoseconds.
const UNITS: [(&str, f64); 7] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// The bucket.
pub(super) struct TokenBucket {
    interval: Duration,
    burst: u32,
    /// When the bucket would be full again without further requests.
    full: Mutex<Option<Instant>>,
}

impl TokenBucket {
    /// What a file says; none where it sets no bound.
    pub(super) fn new(
        written: &RateLimit,
        location: &FileLocation<'_>,
    ) -> Result<Option<Self>, SecurityError> {
        let Some(interval) = &written.interval else {
            return match &written.burst {
                Some(burst) => Err(location.invalid(burst, "rate_limit.burst: needs an interval")),
                None => Ok(None),
            };
        };
        let length = duration(&interval.value).ok_or_else(|| {
            let reason = format!(
                "rate_limit.interval: {:?} is not a duration",
                interval.value
            );
            location.invalid(interval, &reason)
        })?;
        if length.is_zero() {
            return Ok(None);
        }
        let burst = written.burst.as_ref();
        let tokens = burst.and_then(|burst| u32::try_from(burst.value).ok());
        let Some(tokens) = tokens.filter(|tokens| *tokens > 0) else {
            let reason = "rate_limit.burst: has to be at least 1, or nobody is ever answered";
            return Err(burst.map_or_else(
                || location.missing(reason),
                |it| location.invalid(it, reason),
            ));
        };
        Ok(Some(Self {
            interval: length,
            burst: tokens,
            full: Mutex::default(),
        }))
    }

    /// Whether a request that comes now may be answered.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = full.map_or(now, |full| full.max(now));
        let taken = begin.saturating_duration_since(now);
        // so many intervals may be owed: the bucket is empty then
        let admits = taken <= self.interval * (self.burst - 1);
        if admits {
            *full = Some(begin + self.interval);
        }
        admits
    }
}

/// A duration as Go writes it: `1s`, `1m30s`, `1.5h`, `0`.
fn duration(text: &str) -> Option<Duration> {
    let (mut rest, mut nanos) = (text.trim(), 0.0);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|it: char| !it.is_ascii_digit() && it != '.')?;
        let (number, behind) = rest.split_at(end);
        let unit = behind.find(|it: char| it.is_ascii_digit() || it == '.');
        let (unit, behind) = behind.split_at(unit.unwrap_or(behind.len()));
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
        nanos += number.parse::<f64>().ok()? * factor;
        rest = behind;
    }
    // a day between two requests is no bound on a rate any more
    let most = Duration::from_secs(86_400);
    let length = Duration::try_from_secs_f64(nanos / 1e9).ok()?;
    (length <= most).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, millis) in [
            ("0", Some(0)),
            ("0s", Some(0)),
            ("1s", Some(1000)),
            ("250ms", Some(250)),
            ("1m30s", Some(90_000)),
            ("1.5h", Some(5_400_000)),
            ("24h", Some(86_400_000)),
            ("25h", None),
            ("", None),
            ("1", None),
            ("-1s", None),
            ("s", None),
            ("1 s", None),
            ("1e3s", None),
        ] {
            let read = duration(text).map(|it| it.as_millis());
            assert_eq!(read, millis, "{text:?}");
        }
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let interval = Duration::from_secs(10);
        let rate = TokenBucket {
            interval,
            burst: 3,
            full: Mutex::default(),
        };
        let begin = Instant::now();
        let at = |second| begin + Duration::from_secs(second);
        let admitted = |second| (0..10).filter(|_| rate.admits(at(second))).count();
        assert_eq!([0, 9, 10, 30, 1000].map(admitted), [3, 0, 1, 2, 3]);
    }
}
