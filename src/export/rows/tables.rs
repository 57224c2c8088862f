//! Rows of the bounded tables: how full each one is.

use super::number;
use crate::export::Published;
use crate::export::series::Series;
use crate::units::occupancy::{BoundedTable, Occupancy};

fn each(published: &Published, series: &mut Series, value: impl Fn(&Occupancy) -> u64) {
    for (table, occupancy) in BoundedTable::ALL.iter().zip(&published.snapshot.tables) {
        series.add(&[table.as_str()], number(value(occupancy)));
    }
}

pub(crate) fn entries(published: &Published, series: &mut Series) {
    each(published, series, |occupancy| occupancy.entries);
}

pub(crate) fn limit(published: &Published, series: &mut Series) {
    each(published, series, |occupancy| occupancy.limit);
}

pub(crate) fn refused(published: &Published, series: &mut Series) {
    each(published, series, |occupancy| occupancy.refused);
}
