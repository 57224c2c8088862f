//! Series of calls, where their signalling is seen, and of one-way streams.

use super::{each_asn, number};
use crate::export::Published;
use crate::export::series::Series;
use crate::snapshot::{AsnRow, CallTotals};
use crate::voice::signalling::{CallDurations, CallOutcome};
use std::sync::atomic::Ordering;

/// Outcomes that have a series from the first call on: an increase from nothing is none to Prometheus.
const ALWAYS: [&str; 6] = ["2xx", "408", "500", "503", "504", "none"];

fn each_direction(published: &Published, mut visit: impl FnMut(&CallTotals, &str, &str)) {
    each_asn(published, |row: &AsnRow, asn| {
        for (calls, direction) in row.calls.iter().zip(["from", "to"]) {
            if *calls != CallTotals::default() {
                visit(calls, asn, direction);
            }
        }
    });
}

pub(crate) fn requests(published: &Published, series: &mut Series) {
    each_direction(published, |calls, asn, direction| {
        series.add(&[asn, direction], number(calls.counts.attempts));
    });
}

pub(crate) fn outcomes(published: &Published, series: &mut Series) {
    each_direction(published, |calls, asn, direction| {
        for outcome in CallOutcome::all() {
            let (word, count) = (outcome.as_str(), calls.counts.of(outcome));
            if count > 0 || ALWAYS.contains(&word) {
                series.add(&[asn, direction, word], number(count));
            }
        }
    });
}

fn durations(published: &Published, series: &mut Series, of: fn(&CallTotals) -> &CallDurations) {
    each_direction(published, |calls, asn, direction| {
        series.add_durations(&[asn, direction], of(calls));
    });
}

pub(crate) fn request_delay(published: &Published, series: &mut Series) {
    durations(published, series, |calls| &calls.counts.request_delay);
}

pub(crate) fn session_duration(published: &Published, series: &mut Series) {
    durations(published, series, |calls| &calls.counts.session_duration);
}

pub(crate) fn one_way_streams(published: &Published, series: &mut Series) {
    each_direction(published, |calls, asn, direction| {
        series.add(&[asn, direction], number(calls.one_way_streams));
    });
}

pub(crate) fn one_way_seconds(published: &Published, series: &mut Series) {
    each_direction(published, |calls, asn, direction| {
        series.add(&[asn, direction], number(calls.one_way_seconds));
    });
}

pub(crate) fn refused(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.calls_refused));
}

pub(crate) fn received_expected(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        series.add(&[asn], number(row.received.shown().expected));
    });
}

pub(crate) fn received_lost(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        series.add(&[asn], number(row.received.shown().lost));
    });
}

pub(crate) fn hep_packets(published: &Published, series: &mut Series) {
    let Some(hep) = &published.hep else { return };
    let outcomes = [
        ("taken", &hep.taken),
        ("foreign", &hep.foreign),
        ("malformed", &hep.malformed),
        ("other", &hep.other),
        ("dropped", &hep.dropped),
    ];
    for (outcome, packets) in outcomes {
        series.add(&[outcome], number(packets.load(Ordering::Relaxed)));
    }
}

pub(crate) fn hep_clock_differs(published: &Published, series: &mut Series) {
    if let Some(hep) = &published.hep {
        series.add(&[], number(hep.clock_differs.load(Ordering::Relaxed)));
    }
}
