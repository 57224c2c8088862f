//! Rows of the traffic of each ASN: octets, packets, loss, jitter, round trips.

use super::{each_asn, number};
use crate::export::Published;
use crate::export::series::Series;
use crate::snapshot::{Count, DirectionTotals, Label};
use crate::stream::booking::LossReason;
use crate::stream::rtt::method::RttMethod;
use crate::voice::class::Class;
use std::collections::BTreeMap;

fn per_class(published: &Published, series: &mut Series, value: fn(&Count) -> u64) {
    each_asn(published, |row, asn| {
        for (direction, totals) in [("from", &row.from), ("to", &row.to)] {
            for (class, count) in Class::ALL.iter().zip(&totals.classes) {
                series.add(&[asn, direction, class.as_str()], number(value(count)));
            }
        }
    });
}

pub(crate) fn voice_bytes(published: &Published, series: &mut Series) {
    per_class(published, series, |count| count.bytes);
}

pub(crate) fn voice_packets(published: &Published, series: &mut Series) {
    per_class(published, series, |count| count.packets);
}

pub(crate) fn confirmed_bytes(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.confirmed_bytes);
}

fn per_direction(published: &Published, series: &mut Series, value: fn(&DirectionTotals) -> u64) {
    each_asn(published, |row, asn| {
        series.add(&[asn, "from"], number(value(&row.from)));
        series.add(&[asn, "to"], number(value(&row.to)));
    });
}

pub(crate) fn rtp_expected(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.counters.loss.expected);
}

pub(crate) fn rtp_lost(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.counters.loss.lost);
}

pub(crate) fn rtp_maybe_lost(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.counters.loss.maybe_lost);
}

pub(crate) fn rtp_excused(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        for (direction, totals) in [("from", &row.from), ("to", &row.to)] {
            for (excuse, packets) in LossReason::ALL.iter().zip(totals.counters.excused) {
                series.add(&[asn, direction, excuse.as_str()], number(packets));
            }
            series.add(&[asn, direction, "late"], number(totals.late));
        }
    });
}

pub(crate) fn rtp_duplicates(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.duplicates);
}

pub(crate) fn rtp_reordered(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.reordered);
}

pub(crate) fn rtp_late(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.late);
}

pub(crate) fn rtp_unfollowed(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.unfollowed);
}

pub(crate) fn reported_expected(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        series.add(&[asn], number(row.reported.shown().expected));
    });
}

pub(crate) fn reported_lost(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        series.add(&[asn], number(row.reported.shown().lost));
    });
}

pub(crate) fn jitter(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        if let Some(samples) = &row.jitter {
            series.add_distribution(&[asn], samples);
        }
    });
}

pub(crate) fn round_trips(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        for (method, samples) in RttMethod::ALL.iter().zip(&row.round_trips) {
            if let Some(samples) = samples {
                series.add_distribution(&[asn, method.as_str()], samples);
            }
        }
    });
}

pub(crate) fn streams(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        series.add(&[asn], number(row.streams));
    });
}

pub(crate) fn asn_info(published: &Published, series: &mut Series) {
    let origins = published.snapshot.asns.iter();
    let origins = origins.map(|row| (row.label, &row.name));
    let transit = published.snapshot.transit.iter();
    let transit = transit.map(|row| (row.label, &row.name));
    // Once for an ASN that is both: it has one name.
    let names: BTreeMap<Label, _> = origins.chain(transit).collect();
    for (label, name) in names {
        if let Some(name) = name {
            series.add(&[&label.to_string(), name], 1.0);
        }
    }
}
