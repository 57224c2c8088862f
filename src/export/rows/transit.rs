//! Series of transit: what goes through ASNs, what exclusions cover, and what is judged.

use super::commitments::{add_directions, each_judged};
use super::{flag, number};
use crate::asn::Origin;
use crate::export::Published;
use crate::export::series::Series;
use crate::snapshot::{CommitmentAsnRow, CommitmentRow, Count, Label};
use crate::units::Asn;
use std::collections::BTreeMap;

fn per_asn(published: &Published, series: &mut Series, value: fn(&Count) -> u64) {
    for row in &published.snapshot.transit {
        let asn = row.label.to_string();
        for (direction, count) in [("from", &row.from), ("to", &row.to)] {
            series.add(&[&asn, direction], number(value(count)));
        }
    }
}

pub(crate) fn bytes(published: &Published, series: &mut Series) {
    per_asn(published, series, |count| count.bytes);
}

pub(crate) fn packets(published: &Published, series: &mut Series) {
    per_asn(published, series, |count| count.packets);
}

pub(crate) fn left_out(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.transit_left_out));
}

/// Transit ASNs without a row of their own stand together, as everywhere.
pub(crate) fn covered(published: &Published, series: &mut Series) {
    let rows = &published.snapshot.transit;
    let label = |asn: Asn| {
        let label = Label::Origin(Origin::As(asn));
        let found = rows.binary_search_by(|row| row.label.cmp(&label));
        found.map_or(Label::Other, |_| label)
    };
    each_judged(published, |commitment, row, asn| {
        let mut covered: BTreeMap<Label, bool> = BTreeMap::new();
        for transit in &row.covered {
            let now = row.out_of_sla && row.transit.binary_search(transit).is_ok();
            *covered.entry(label(*transit)).or_default() |= now;
        }
        for (transit, now) in covered {
            series.add(&[&commitment.name, asn, &transit.to_string()], flag(now));
        }
    });
}

fn each_transit(
    published: &Published,
    mut visit: impl FnMut(&CommitmentRow, &CommitmentAsnRow, &str),
) {
    for commitment in &published.snapshot.commitments {
        for row in &commitment.transit {
            visit(commitment, row, &row.asn.to_string());
        }
    }
}

pub(crate) fn share(published: &Published, series: &mut Series) {
    each_transit(published, |commitment, row, asn| {
        add_directions((commitment, asn), &row.share, series, f64::from);
    });
}

pub(crate) fn out_of_sla(published: &Published, series: &mut Series) {
    each_transit(published, |commitment, row, asn| {
        series.add(&[&commitment.name, asn], flag(row.out_of_sla));
    });
}

pub(crate) fn out_of_sla_seconds(published: &Published, series: &mut Series) {
    each_transit(published, |commitment, row, asn| {
        series.add(&[&commitment.name, asn], number(row.out_of_sla_seconds));
    });
}
