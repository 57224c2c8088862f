//! The scrape: rows of the metrics table, filled from what was last published, in the shapes of
//! the `prometheus` crate. This file and `series` are that crate's only home.
//!
//! Every scrape builds its families anew and drops them: nothing here keeps a count, so nothing
//! can drift from the snapshot.

use crate::export::Published;
use crate::export::metrics::{Row, TABLE};
use crate::export::series::Series;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use std::collections::HashMap;
use tokio::sync::watch;

/// Content-Type of [`encode`]'s text.
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All families that have a series, in the order of the table.
pub fn families(published: &Published) -> Vec<MetricFamily> {
    TABLE
        .iter()
        .filter_map(|row| family(row, published))
        .collect()
}

fn family(row: &Row, published: &Published) -> Option<MetricFamily> {
    let mut series = Series::new(row.kind, row.labels);
    (row.fill)(published, &mut series);
    let mut family = series.family()?;
    family.set_name(row.name.to_owned());
    family.set_help(row.help.to_owned());
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
