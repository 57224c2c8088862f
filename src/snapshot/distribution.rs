//! A distribution of durations for export: an HDR histogram with 2 digits (cumulative, never
//! reset) and the fixed buckets that Prometheus reads. Verdicts never use it: they count.

use hdrhistogram::Histogram;
use std::time::Duration;

/// A distribution of durations, ready for export.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    /// Samples.
    pub count: u64,
    /// Their sum in seconds.
    pub sum_seconds: f64,
    /// Samples up to and including each bound of [`BUCKET_BOUNDS_SECONDS`], cumulative.
    pub buckets: Vec<u64>,
    /// Median in milliseconds.
    pub p50_ms: f64,
    /// 95th percentile in milliseconds.
    pub p95_ms: f64,
    /// Largest, in milliseconds.
    pub max_ms: f64,
}

/// Upper bounds of the exported buckets, in seconds: from below any LAN to beyond any call.
/// 150 and 400 ms are the limits of ITU-T G.114.
pub const BUCKET_BOUNDS_SECONDS: [f64; 14] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 1.0,
];

/// The same in nanoseconds.
const BUCKET_BOUNDS_NANOS: [u64; BUCKET_BOUNDS_SECONDS.len()] = [
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    30_000_000,
    50_000_000,
    75_000_000,
    100_000_000,
    150_000_000,
    200_000_000,
    300_000_000,
    400_000_000,
    1_000_000_000,
];

/// Significant digits: within 1 %, at most 20 KiB for values up to an hour.
const DIGITS: u8 = 2;

/// Durations beyond this are recorded as this: no round trip of a call takes a minute.
const LONGEST: Duration = Duration::from_secs(60);

/// Samples to be added to others.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DurationSamples {
    /// Microseconds, to two digits, and how many samples.
    pub micros: Vec<(u64, u64)>,
    /// Samples up to each bound of [`BUCKET_BOUNDS_SECONDS`], not cumulative.
    pub buckets: Vec<u64>,
    /// Their sum in nanoseconds.
    pub sum_nanos: u64,
    /// The largest in nanoseconds.
    pub max_nanos: u64,
}

/// A growing distribution.
#[derive(Clone, Debug)]
pub struct DurationHistogram {
    /// In microseconds; grows with its largest value.
    histogram: Option<Histogram<u64>>,
    /// Samples up to each bound, not cumulative.
    buckets: [u64; BUCKET_BOUNDS_SECONDS.len()],
    count: u64,
    sum_nanos: u128,
    max: Duration,
}

impl Default for DurationHistogram {
    fn default() -> Self {
        Self {
            histogram: Histogram::new(DIGITS).ok(),
            buckets: [0; BUCKET_BOUNDS_SECONDS.len()],
            count: 0,
            sum_nanos: 0,
            max: Duration::ZERO,
        }
    }
}

impl DurationHistogram {
    /// Adds a sample.
    pub fn record(&mut self, sample: Duration) {
        let sample = sample.min(LONGEST);
        let nanos = u64::try_from(sample.as_nanos()).unwrap_or(u64::MAX);
        let mut buckets = self.buckets.iter_mut().zip(BUCKET_BOUNDS_NANOS);
        if let Some((bucket, _)) = buckets.find(|(_, bound)| nanos <= *bound) {
            *bucket += 1;
        }
        if let Some(histogram) = &mut self.histogram {
            // Grows as needed; bounded by LONGEST, so it cannot fail.
            let _ = histogram.record(nanos / 1000);
        }
        self.count += 1;
        self.sum_nanos += u128::from(nanos);
        self.max = self.max.max(sample);
    }

    /// All samples, to be added to others.
    pub fn samples(&self) -> DurationSamples {
        let recorded = self.histogram.iter().flat_map(Histogram::iter_recorded);
        DurationSamples {
            micros: recorded
                .map(|one| (one.value_iterated_to(), one.count_at_value()))
                .collect(),
            buckets: self.buckets.to_vec(),
            sum_nanos: u64::try_from(self.sum_nanos).unwrap_or(u64::MAX),
            max_nanos: u64::try_from(self.max.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// Adds samples of another one. Beyond [`LONGEST`] they are recorded as this.
    pub fn add(&mut self, samples: &DurationSamples) {
        let longest = u64::try_from(LONGEST.as_micros()).unwrap_or(u64::MAX);
        for (micros, count) in &samples.micros {
            if let Some(histogram) = &mut self.histogram {
                // grows as needed; bounded by LONGEST, so it cannot fail
                let _ = histogram.record_n((*micros).min(longest), *count);
            }
            self.count += count;
        }
        for (bucket, more) in self.buckets.iter_mut().zip(&samples.buckets) {
            *bucket += more;
        }
        self.sum_nanos += u128::from(samples.sum_nanos);
        self.max = self
            .max
            .max(Duration::from_nanos(samples.max_nanos).min(LONGEST));
    }

    /// The state now; none before the first sample.
    #[expect(
        clippy::cast_precision_loss,
        reason = "for display; verdicts never use it"
    )]
    pub fn snapshot(&self) -> Option<Distribution> {
        if self.count == 0 {
            return None;
        }
        let max_ms = self.max.as_secs_f64() * 1e3;
        let quantile_ms = |quantile| {
            let micros = self
                .histogram
                .as_ref()
                .map_or(0, |all| all.value_at_quantile(quantile));
            // A bucket's upper end may lie above the largest sample in it.
            (micros as f64 / 1e3).min(max_ms)
        };
        let mut below = 0;
        let cumulative = self.buckets.iter().map(|bucket| {
            below += bucket;
            below
        });
        let buckets = cumulative.collect();
        Some(Distribution {
            count: self.count,
            sum_seconds: self.sum_nanos as f64 / 1e9,
            buckets,
            p50_ms: quantile_ms(0.5),
            p95_ms: quantile_ms(0.95),
            max_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_of_buckets_are_the_same_in_both_units() {
        for (nanos, seconds) in BUCKET_BOUNDS_NANOS.into_iter().zip(BUCKET_BOUNDS_SECONDS) {
            assert_eq!(
                Duration::from_nanos(nanos),
                Duration::from_secs_f64(seconds)
            );
        }
    }

    #[test]
    fn no_quantile_is_beyond_the_largest_sample() {
        for micros in [1, 999, 40_001, 150_300, 1_130_700, 59_999_999] {
            let mut durations = DurationHistogram::default();
            durations.record(Duration::from_micros(micros));
            let shown = durations.snapshot().unwrap();
            assert!(
                shown.p50_ms <= shown.max_ms && shown.p95_ms <= shown.max_ms,
                "{micros}"
            );
        }
    }

    #[test]
    fn quantiles_are_within_two_digits_and_buckets_are_cumulative() {
        let mut durations = DurationHistogram::default();
        assert!(
            durations.snapshot().is_none(),
            "no histogram before its first sample"
        );
        (1..=1000).for_each(|millis| durations.record(Duration::from_millis(millis)));
        let shown = durations.snapshot().unwrap();
        assert!((shown.p50_ms - 500.0).abs() < 5.0 && (shown.p95_ms - 950.0).abs() < 9.5);
        assert!((shown.max_ms - 1000.0).abs() < 1e-9 && (shown.sum_seconds - 500.5).abs() < 1e-9);
        let at = |bound: f64| {
            let place = BUCKET_BOUNDS_SECONDS
                .iter()
                .position(|known| *known >= bound)
                .unwrap();
            shown.buckets[place]
        };
        assert_eq!(
            (at(0.001), at(0.15), at(1.0), shown.count),
            (1, 150, 1000, 1000)
        );
    }
}
