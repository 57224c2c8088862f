//! Rows about the ledger: none where none is kept.

use super::number;
use crate::export::series::Series;
use crate::export::{EvidenceStatus, Published};
use std::sync::atomic::Ordering;

fn add(published: &Published, series: &mut Series, value: impl Fn(&EvidenceStatus) -> u64) {
    let evidence = &published.evidence;
    if evidence.is_kept.load(Ordering::Relaxed) {
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
    if published.evidence.sealed.load(Ordering::Relaxed) > 0 {
        add(published, series, |it| it.sealed.load(Ordering::Relaxed));
    }
}

pub(crate) fn evidence_unwritten(published: &Published, series: &mut Series) {
    add(published, series, |it| it.unwritten.load(Ordering::Relaxed));
}
