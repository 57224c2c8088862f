//! The scrape: rows of the metrics table, filled from what was last published, in the shapes of
//! the `prometheus` crate. This file and `series` are that crate's only home.
//!
//! Every scrape builds its families anew and drops them: nothing here keeps a count, so nothing
//! can drift from the snapshot.

use crate::export::Published;
use crate::export::metrics::{Row, TABLE};
use crate::export::series::Series;
use prometheus::proto::MetricFamily;

/// Content-Type of [`encode`]'s text.
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

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
