//! Rows of reloads, and of the sandbox.

use super::{Published, Series, flag, number};
use crate::units::{NANOS_PER_SECOND, Timestamp};

pub(crate) fn successful(published: &Published, series: &mut Series) {
    series.add(&[], flag(published.daemon.config_ok));
}

pub(crate) fn last_success(published: &Published, series: &mut Series) {
    moment(published.daemon.config_read, series);
}

pub(crate) fn began(published: &Published, series: &mut Series) {
    moment(published.daemon.reload_began, series);
}

pub(crate) fn confined(published: &Published, series: &mut Series) {
    if let Some(is_confined) = published.is_confined {
        series.add(&[], flag(is_confined));
    }
}

/// Whole seconds: a double does not hold nanoseconds since 1970.
fn moment(moment: Option<Timestamp>, series: &mut Series) {
    if let Some(moment) = moment {
        series.add(&[], number(moment.as_nanos() / NANOS_PER_SECOND));
    }
}
