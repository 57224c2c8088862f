//! Rows of the commitments, and of each ASN under one: share, out of SLA, silence, verdicts.

use super::{flag, number};
use crate::asn::Origin;
use crate::export::Published;
use crate::export::series::Series;
use crate::sla::direction::Directions;
use crate::sla::measure::Measure;
use crate::sla::{IndeterminateReason, Verdict};
use crate::snapshot::{CommitmentAsnRow, CommitmentRow, GuaranteeRow, Label, Snapshot};

pub(crate) fn committed_rate(published: &Published, series: &mut Series) {
    for row in &published.snapshot.commitments {
        series.add(&[&row.name], row.committed_rate.bytes_per_second());
    }
}

pub(crate) fn threshold(published: &Published, series: &mut Series) {
    for row in &published.snapshot.commitments {
        series.add(&[&row.name], row.threshold.as_f64());
    }
}

pub(crate) fn window(published: &Published, series: &mut Series) {
    for row in &published.snapshot.commitments {
        series.add(&[&row.name], f64::from(row.window_seconds));
    }
}

/// The limit of a measure, where one is guaranteed.
pub(crate) fn guaranteed(measure: Measure, published: &Published, series: &mut Series) {
    for row in &published.snapshot.commitments {
        if let Some(guaranteed) = row.guarantee.get(measure) {
            series.add(&[&row.name], guaranteed.limit());
        }
    }
}

pub(crate) fn commitment_info(published: &Published, series: &mut Series) {
    for row in &published.snapshot.commitments {
        let labels = [&*row.name, row.direction.as_str(), row.layer.as_str()];
        series.add(&labels, 1.0);
    }
}

/// Whether an ASN under a commitment has series of its own.
fn is_shown(snapshot: &Snapshot, row: &CommitmentAsnRow) -> bool {
    let label = Label::Origin(Origin::As(row.asn));
    row.out_of_sla
        || row.out_of_sla_seconds > 0
        || snapshot
            .asns
            .binary_search_by(|asn| asn.label.cmp(&label))
            .is_ok()
}

pub(super) fn each_judged(
    published: &Published,
    mut visit: impl FnMut(&CommitmentRow, &CommitmentAsnRow, &str),
) {
    for commitment in &published.snapshot.commitments {
        for row in &commitment.asns {
            if is_shown(&published.snapshot, row) {
                visit(commitment, row, &row.asn.to_string());
            }
        }
    }
}

/// One series per direction that is shown.
pub(super) fn add_directions<T: Copy>(
    (terms, asn): (&CommitmentRow, &str),
    values: &Directions<T>,
    series: &mut Series,
    value: impl Fn(T) -> f64,
) {
    for (direction, one) in values.of(terms.direction.shown()) {
        series.add(&[&terms.name, asn, direction.as_str()], value(*one));
    }
}

pub(crate) fn share(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        add_directions((commitment, asn), &row.share, series, f64::from);
    });
}

pub(crate) fn window_bytes(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        add_directions((commitment, asn), &row.window_bytes, series, number);
    });
}

pub(crate) fn confirmed_window_bytes(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        let bytes = &row.confirmed_window_bytes;
        add_directions((commitment, asn), bytes, series, number);
    });
}

pub(crate) fn unconfirmed_excess(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        series.add(&[&commitment.name, asn], flag(row.unconfirmed_excess));
    });
}

pub(crate) fn unconfirmed_excess_seconds(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        let seconds = row.unconfirmed_excess_seconds;
        series.add(&[&commitment.name, asn], number(seconds));
    });
}

pub(crate) fn out_of_sla(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        series.add(&[&commitment.name, asn], flag(row.out_of_sla));
    });
}

pub(crate) fn out_of_sla_seconds(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        series.add(&[&commitment.name, asn], number(row.out_of_sla_seconds));
    });
}

pub(crate) fn silent_streams(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        series.add(&[&commitment.name, asn], number(row.silence.silent));
    });
}

pub(crate) fn outage_streams(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        let streams = row.silence.outage.map_or(0, |outage| outage.streams);
        series.add(&[&commitment.name, asn], number(streams));
    });
}

pub(crate) fn tap_gap(published: &Published, series: &mut Series) {
    for commitment in &published.snapshot.commitments {
        let seconds = number(commitment.tap_gap_seconds);
        series.add(&[&commitment.name], seconds);
    }
}

pub(crate) fn unjudged_silence(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        series.add(&[&commitment.name, asn], number(row.silence.unjudged));
    });
}

/// One series per guarantee that exists and per word that is said of it.
fn per_guarantee<const N: usize>(
    published: &Published,
    series: &mut Series,
    values: impl Fn(&GuaranteeRow) -> [(&'static str, f64); N],
) {
    each_judged(published, |commitment, row, asn| {
        for (measure, guarantee) in row.guarantees.iter() {
            for (word, value) in guarantee.iter().flat_map(&values) {
                let labels = [&*commitment.name, asn, measure.as_str(), word];
                series.add(&labels, value);
            }
        }
    });
}

pub(crate) fn verdict(published: &Published, series: &mut Series) {
    per_guarantee(published, series, |guarantee| {
        Verdict::ALL.map(|it| (it.as_str(), flag(guarantee.verdict == Some(it))))
    });
}

pub(crate) fn verdict_seconds(published: &Published, series: &mut Series) {
    per_guarantee(published, series, |guarantee| {
        Verdict::ALL.map(|it| (it.as_str(), number(guarantee.seconds_of(it))))
    });
}

pub(crate) fn settled_seconds(published: &Published, series: &mut Series) {
    per_guarantee(published, series, |guarantee| {
        let settled = guarantee.settled.unwrap_or_default();
        let of = |it: Verdict| settled.get(it as usize).copied().unwrap_or(0);
        Verdict::ALL.map(|it| (it.as_str(), number(of(it))))
    });
}

pub(crate) fn indeterminate_seconds(published: &Published, series: &mut Series) {
    per_guarantee(published, series, |guarantee| {
        IndeterminateReason::ALL.map(|it| (it.as_str(), number(guarantee.indeterminate_for(it))))
    });
}
