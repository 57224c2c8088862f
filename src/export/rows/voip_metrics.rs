//! Series of what receivers say that they hear (RTCP XR).

use super::{each_asn, number};
use crate::export::Published;
use crate::export::series::Series;
use crate::stream::reports::voip_counts::{VoipCounts, VoipMetric};

fn each_direction(published: &Published, mut visit: impl FnMut(&VoipCounts, &str, &str)) {
    each_asn(published, |row, asn| {
        let both = row.voip_metrics.iter().flat_map(|both| both.iter());
        for (counts, direction) in both
            .zip(["from", "to"])
            .filter(|(counts, _)| counts.blocks > 0)
        {
            visit(counts, asn, direction);
        }
    });
}

pub(crate) fn blocks(published: &Published, series: &mut Series) {
    each_direction(published, |counts, asn, direction| {
        series.add(&[asn, direction], number(counts.blocks));
    });
}

/// Quantities of one unit, each under the word of its label.
fn quantities(published: &Published, series: &mut Series, of: [(VoipMetric, &str); 2]) {
    each_direction(published, |counts, asn, direction| {
        for (metric, samples) in counts.each() {
            let known = of.iter().find(|(known, _)| *known == metric);
            if let Some((_, kind)) = known.filter(|_| samples.count > 0) {
                let sum = number(samples.sum) / f64::from(metric.steps_per_unit());
                let buckets = samples.cumulative(metric);
                series.add_buckets(&[asn, direction, kind], buckets, (samples.count, sum));
            }
        }
    });
}

pub(crate) fn ratios(published: &Published, series: &mut Series) {
    let of = [
        (VoipMetric::LossRate, "lost"),
        (VoipMetric::DiscardRate, "discarded"),
    ];
    quantities(published, series, of);
}

pub(crate) fn delays(published: &Published, series: &mut Series) {
    let of = [
        (VoipMetric::RoundTrip, "round_trip"),
        (VoipMetric::EndSystemDelay, "end_system"),
    ];
    quantities(published, series, of);
}

pub(crate) fn scores(published: &Published, series: &mut Series) {
    let of = [(VoipMetric::MosLq, "lq"), (VoipMetric::MosCq, "cq")];
    quantities(published, series, of);
}
