//! Sums over the rows of a contract.

use super::asn_account::{AsnAccount, mean_share_ppm};
use super::model::{DirectionRow, GivenByMeasure, Peak, ReportRow};
use super::seconds::GivenSeconds;
use super::verdict_seconds::SecondSums;
use crate::sla::measure::Measure;

/// The seconds of an account, by measure.
pub(super) fn by_measure(
    account: &AsnAccount,
    of: impl Fn(&SecondSums) -> GivenSeconds,
) -> GivenByMeasure {
    let each = Measure::ALL.iter().zip(account.seconds().sums());
    each.map(|(measure, sums)| (measure.as_str(), of(sums)))
        .collect()
}

/// The sums over ASNs.
pub(super) fn all(asns: &[ReportRow], allowed_bits: u128) -> ReportRow {
    let mut all = ReportRow::default();
    for row in asns {
        for (sum, one) in [(&mut all.from, &row.from), (&mut all.to, &row.to)] {
            add_direction(sum, one);
        }
        for (sum, one) in [
            (&mut all.latency, &row.latency),
            (&mut all.jitter, &row.jitter),
        ] {
            sum.samples = sum.samples.saturating_add(one.samples);
            sum.over = sum.over.saturating_add(one.over);
            sum.maybe_over = sum.maybe_over.saturating_add(one.maybe_over);
        }
        all.out_of_sla_s += row.out_of_sla_s;
        all.intervals += row.intervals;
        for (sums, seconds) in all.seconds_mut().into_iter().zip(row.seconds()) {
            for (measure, given) in seconds {
                sums.entry(measure).or_default().add(given);
            }
        }
        for (largest, one) in [
            (&mut all.peak, &row.peak),
            (&mut all.confirmed_peak, &row.confirmed_peak),
        ] {
            let share = |peak: &Option<Peak>| peak.as_ref().map_or(0, |peak| peak.share_ppm);
            if share(one) > share(largest) {
                largest.clone_from(one);
            }
        }
    }
    for direction in [&mut all.from, &mut all.to] {
        direction.mean_share_ppm = mean_share_ppm(direction.bytes, allowed_bits);
        direction.mean_confirmed_ppm = mean_share_ppm(direction.confirmed_bytes, allowed_bits);
    }
    all
}

fn add_direction(sum: &mut DirectionRow, one: &DirectionRow) {
    sum.bytes = sum.bytes.saturating_add(one.bytes);
    sum.confirmed_bytes = sum.confirmed_bytes.saturating_add(one.confirmed_bytes);
    sum.expected = sum.expected.saturating_add(one.expected);
    sum.lost = sum.lost.saturating_add(one.lost);
    sum.maybe_lost = sum.maybe_lost.saturating_add(one.maybe_lost);
}
