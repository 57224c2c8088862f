//! Rows about the ledger: none where none is kept.

use super::number;
use crate::export::series::Series;
use crate::export::{EvidenceStatus, Published};
use std::sync::atomic::Ordering;

fn add(published: &Published, series: &mut Series, value: impl Fn(&EvidenceStatus) -> u64) {
    if let Some(evidence) = &published.evidence {
        series.add(&[], number(value(evidence)));
    }
}

pub(crate) fn evidence_failed(published: &Published, series: &mut Series) {
    add(published, series, |it| {
        it.failed.load(Ordering::Relaxed).into()
    });
}

pub(crate) fn evidence_leaves(published: &Published, series: &mut Series) {
    add(published, series, |it| it.size.load(Ordering::Relaxed));
}

pub(crate) fn evidence_root(published: &Published, series: &mut Series) {
    add(published, series, |it| it.root.load(Ordering::Relaxed));
}

pub(crate) fn evidence_sealed(published: &Published, series: &mut Series) {
    let evidence = published.evidence.as_deref();
    let sealed = evidence.map_or(0, |it| it.sealed.load(Ordering::Relaxed));
    if sealed > 0 {
        series.add(&[], number(sealed));
    }
}

pub(crate) fn evidence_unwritten(published: &Published, series: &mut Series) {
    add(published, series, |it| it.unwritten.load(Ordering::Relaxed));
}
