//! Rows about a fleet: of a probe its publishing, of an aggregator its probes; none elsewhere.

use super::{flag, number};
use crate::export::Published;
use crate::export::series::Series;
use crate::snapshot::fleet::{FleetProbeRow, ProbeStatus};
use std::sync::atomic::Ordering;

fn own(published: &Published, series: &mut Series, value: impl Fn(&ProbeStatus) -> Option<u64>) {
    if let Some(value) = published.probe.as_deref().and_then(value) {
        series.add(&[], number(value));
    }
}

pub(crate) fn connected(published: &Published, series: &mut Series) {
    own(published, series, |it| {
        Some(it.connected.load(Ordering::Relaxed).into())
    });
}

pub(crate) fn acknowledged(published: &Published, series: &mut Series) {
    own(published, series, |it| {
        Some(it.acknowledged.load(Ordering::Relaxed))
    });
}

pub(crate) fn lag(published: &Published, series: &mut Series) {
    own(published, series, |it| {
        let written = it.written.load(Ordering::Relaxed);
        Some(written.saturating_sub(it.acknowledged.load(Ordering::Relaxed)))
    });
}

pub(crate) fn published_through(published: &Published, series: &mut Series) {
    own(published, series, |it| {
        let through = it.through.load(Ordering::Relaxed);
        (through > 0).then_some(through)
    });
}

pub(crate) fn again(published: &Published, series: &mut Series) {
    own(published, series, |it| {
        Some(it.again.load(Ordering::Relaxed))
    });
}

pub(crate) fn failures(published: &Published, series: &mut Series) {
    own(published, series, |it| {
        Some(it.failures.load(Ordering::Relaxed))
    });
}

fn each(published: &Published, mut visit: impl FnMut(&FleetProbeRow)) {
    published.fleet.iter().for_each(&mut visit);
}

pub(crate) fn probe_signed(published: &Published, series: &mut Series) {
    each(published, |row| {
        series.add(&[&row.name], flag(row.is_signed));
    });
}

pub(crate) fn probe_through(published: &Published, series: &mut Series) {
    each(published, |row| {
        if let Some(through) = row.through {
            series.add(&[&row.name], number(through.0));
        }
    });
}

pub(crate) fn probe_verified(published: &Published, series: &mut Series) {
    each(published, |row| {
        series.add(&[&row.name], number(row.verified));
    });
}

pub(crate) fn probe_absent(published: &Published, series: &mut Series) {
    each(published, |row| {
        if let Some(absence) = row.absence {
            series.add(&[&row.name, absence], 1.0);
        }
    });
}

pub(crate) fn probe_absent_seconds(published: &Published, series: &mut Series) {
    each(published, |row| {
        series.add(&[&row.name], number(row.absent_seconds));
    });
}

pub(crate) fn probe_differs(published: &Published, series: &mut Series) {
    each(published, |row| {
        for (commitment, key) in &row.differs {
            series.add(&[&row.name, commitment, key], 1.0);
        }
    });
}

pub(crate) fn probe_refused_messages(published: &Published, series: &mut Series) {
    each(published, |row| {
        series.add(&[&row.name], number(row.refused_messages));
    });
}

pub(crate) fn probe_refused_leaves(published: &Published, series: &mut Series) {
    each(published, |row| {
        series.add(&[&row.name], number(row.refused_leaves));
    });
}
