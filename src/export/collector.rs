//! The scrape: rows of the metrics table, filled from what was last published, in the shapes of
//! the `prometheus` crate. This file and [`super::rows`] are that crate's only home.
//!
//! Every scrape builds its families anew and drops them: nothing here keeps a count, so nothing
//! can drift from the snapshot.

use crate::export::Published;
use crate::export::metrics::{Kind, Row, TABLE};
use crate::snapshot::BUCKET_BOUNDS_SECONDS;
use crate::snapshot::Distribution;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use std::collections::HashMap;
use tokio::sync::watch;

/// Content-Type of [`encode`]'s text.
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The series of one row.
pub(crate) struct Series {
    row: &'static Row,
    metrics: Vec<Metric>,
}

impl Series {
    /// One sample. `labels` are the values of the row's label names, in that order.
    pub(crate) fn add(&mut self, labels: &[&str], value: f64) {
        let mut metric = Metric::from_label(self.pairs(labels));
        match self.row.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            Kind::Gauge | Kind::Histogram => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        self.metrics.push(metric);
    }

    /// One histogram; nothing while it has no sample.
    pub(crate) fn add_distribution(&mut self, labels: &[&str], samples: &Distribution) {
        if samples.count == 0 {
            return;
        }
        let bucket = |(bound, count): (f64, u64)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(count);
            bucket
        };
        let counts = samples.buckets.iter().copied();
        let mut histogram = Histogram::default();
        histogram.set_bucket(
            BUCKET_BOUNDS_SECONDS
                .into_iter()
                .zip(counts)
                .map(bucket)
                .collect(),
        );
        histogram.set_sample_count(samples.count);
        histogram.set_sample_sum(samples.sum_seconds);
        let mut metric = Metric::from_label(self.pairs(labels));
        metric.set_histogram(histogram);
        self.metrics.push(metric);
    }

    fn pairs(&self, values: &[&str]) -> Vec<LabelPair> {
        debug_assert_eq!(self.row.labels.len(), values.len(), "{}", self.row.name);
        let pair = |(name, value): (&&str, &&str)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        };
        self.row.labels.iter().zip(values).map(pair).collect()
    }
}

/// All families that have a series, in the order of the table.
pub fn families(published: &Published) -> Vec<MetricFamily> {
    TABLE
        .iter()
        .filter_map(|row| family(row, published))
        .collect()
}

fn family(row: &'static Row, published: &Published) -> Option<MetricFamily> {
    let mut series = Series {
        row,
        metrics: Vec::new(),
    };
    (row.fill)(published, &mut series);
    if series.metrics.is_empty() {
        return None;
    }
    let mut family = MetricFamily::default();
    family.set_name(row.name.to_owned());
    family.set_help(row.help.to_owned());
    family.set_field_type(match row.kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge => MetricType::GAUGE,
        Kind::Histogram => MetricType::HISTOGRAM,
    });
    family.set_metric(series.metrics);
    Some(family)
}

/// The whole scrape as text (exposition format 0.0.4), rows in the order of the table, ASNs in
/// the order of the snapshot. One family is alive at a time.
///
/// # Errors
/// What the encoder refuses; no snapshot is known to make it.
pub fn encode(published: &Published) -> Result<String, prometheus::Error> {
    let mut text = String::new();
    for family in TABLE.iter().filter_map(|row| family(row, published)) {
        prometheus::TextEncoder.encode_utf8(&[family], &mut text)?;
    }
    Ok(text)
}

/// The same for a `prometheus::Registry`, for programs that have one.
pub struct SnapshotCollector {
    published: watch::Receiver<Published>,
    descriptions: Vec<Desc>,
}

impl SnapshotCollector {
    /// Collects from what `published` last received.
    ///
    /// # Errors
    /// A row of the table with a name that Prometheus does not allow.
    pub fn new(published: watch::Receiver<Published>) -> Result<Self, prometheus::Error> {
        let describe = |row: &Row| {
            let labels = row.labels.iter().map(|label| (*label).to_owned()).collect();
            Desc::new(
                row.name.to_owned(),
                row.help.to_owned(),
                labels,
                HashMap::new(),
            )
        };
        let descriptions = TABLE.iter().map(describe).collect::<Result<_, _>>()?;
        Ok(Self {
            published,
            descriptions,
        })
    }
}

impl Collector for SnapshotCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let published = self.published.borrow().clone();
        families(&published)
    }
}
