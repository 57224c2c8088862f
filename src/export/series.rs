//! The series of one metric in the shapes of the `prometheus` crate: what a row of the table is
//! filled into.

use crate::snapshot::{BUCKET_BOUNDS_SECONDS, Distribution};
use crate::voice::signalling::CallDurations;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricKind {
    /// Only grows while the daemon runs.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Samples by upper bound; appears with its first sample.
    Histogram,
}

impl MetricKind {
    /// The word in the exposition format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The series of one row.
pub(crate) struct Series {
    kind: MetricKind,
    labels: &'static [&'static str],
    metrics: Vec<Metric>,
}

impl Series {
    /// None yet, of a metric with these label names.
    pub(crate) const fn new(kind: MetricKind, labels: &'static [&'static str]) -> Self {
        Self {
            kind,
            labels,
            metrics: Vec::new(),
        }
    }

    /// One sample. `labels` are the values of the row's label names, in that order.
    pub(crate) fn add(&mut self, labels: &[&str], value: f64) {
        let mut metric = Metric::from_label(self.pairs(labels));
        match self.kind {
            MetricKind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            MetricKind::Gauge | MetricKind::Histogram => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        self.metrics.push(metric);
    }

    /// One histogram; nothing while it has no sample.
    pub(crate) fn add_distribution(&mut self, labels: &[&str], samples: &Distribution) {
        let counts = samples.buckets.iter().copied();
        let buckets = BUCKET_BOUNDS_SECONDS.into_iter().zip(counts);
        self.add_buckets(labels, buckets, (samples.count, samples.sum_seconds));
    }

    /// One histogram of durations of calls; nothing while it has no sample.
    pub(crate) fn add_durations(&mut self, labels: &[&str], durations: &CallDurations) {
        let sum = std::time::Duration::from_millis(durations.sum_millis);
        let of = (durations.count, sum.as_secs_f64());
        self.add_buckets(labels, durations.cumulative(), of);
    }

    /// One histogram, by upper bounds, ascending, and how many samples are up to each; how many there are in
    /// all, and their sum. Nothing while there is none.
    pub(crate) fn add_buckets(
        &mut self,
        labels: &[&str],
        buckets: impl Iterator<Item = (f64, u64)>,
        (count, sum): (u64, f64),
    ) {
        if count == 0 {
            return;
        }
        let bucket = |(bound, count)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(count);
            bucket
        };
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.map(bucket).collect());
        histogram.set_sample_count(count);
        histogram.set_sample_sum(sum);
        let mut metric = Metric::from_label(self.pairs(labels));
        metric.set_histogram(histogram);
        self.metrics.push(metric);
    }

    /// All of them, without name and help; none where there is no series.
    pub(crate) fn family(self) -> Option<MetricFamily> {
        if self.metrics.is_empty() {
            return None;
        }
        let mut family = MetricFamily::default();
        family.set_field_type(match self.kind {
            MetricKind::Counter => MetricType::COUNTER,
            MetricKind::Gauge => MetricType::GAUGE,
            MetricKind::Histogram => MetricType::HISTOGRAM,
        });
        family.set_metric(self.metrics);
        Some(family)
    }

    fn pairs(&self, values: &[&str]) -> Vec<LabelPair> {
        debug_assert_eq!(self.labels.len(), values.len(), "{:?}", self.labels);
        let pair = |(name, value): (&&str, &&str)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        };
        self.labels.iter().zip(values).map(pair).collect()
    }
}
