//! Which step of a contract's credit was reached: between two values where some seconds are indeterminate.

use super::model::{
    CommitmentReport, CreditByMeasure, CreditRow, GivenByMeasure, Report, ReportRow,
};
use super::seconds::GivenSeconds;
use crate::ledger::leaf::CreditTerms;

/// One, in millionths.
const WHOLE: u128 = 1_000_000;

/// The steps of a contract in the period; none where it has none, or others for a part of it.
pub(super) fn steps(of: &CommitmentReport) -> Option<&[CreditTerms]> {
    let mut versions = of.versions.iter().map(|version| &version.terms.credit);
    let first = versions.next()?;
    let is_same = versions.all(|other| other == first);
    (is_same && !first.is_empty()).then_some(first)
}

/// Whether the steps were others for a part of the period: then nobody can say which holds.
pub(super) fn changes(of: &CommitmentReport) -> bool {
    let steps = of.versions.windows(2);
    steps.into_iter().any(|pair| match pair {
        [one, next] => one.terms.credit != next.terms.credit,
        _ => false,
    })
}

/// Says for each row what is credited by its settled seconds; by those that were given where nothing is settled.
pub(super) fn set(report: &mut Report) {
    for commitment in report
        .ledgers
        .iter_mut()
        .flat_map(|ledger| &mut ledger.commitments)
    {
        if let Some(with) = &mut commitment.with {
            let steps = with.terms.credit.clone();
            let rows = with.asns.iter_mut().chain([&mut with.all]);
            rows.for_each(|row| set_row(row, &steps));
        }
        let Some(steps) = steps(commitment).map(<[_]>::to_vec) else {
            continue;
        };
        let rows = commitment.asns.iter_mut().chain([&mut commitment.all]);
        rows.for_each(|row| set_row(row, &steps));
    }
}

fn set_row(row: &mut ReportRow, steps: &[CreditTerms]) {
    if steps.is_empty() {
        return;
    }
    let is_settled = !row.settled.is_empty();
    let of = |settled: &GivenByMeasure, given: &GivenByMeasure| {
        by_measure(steps, if is_settled { settled } else { given })
    };
    row.credit = of(&row.settled, &row.given);
    row.credit_without_maintenance = of(
        &row.settled_without_maintenance,
        &row.given_without_maintenance,
    );
    row.credit_without_retroactive = of(
        &row.settled_without_retroactive,
        &row.given_without_retroactive,
    );
}

fn by_measure(steps: &[CreditTerms], seconds: &GivenByMeasure) -> CreditByMeasure {
    let each = seconds.iter();
    each.filter_map(|(measure, seconds)| Some((*measure, credit(steps, seconds)?)))
        .collect()
}

/// A second that is indeterminate may have been met, missed, void or silent: the share of those met among those met
/// and missed lies between that with all of them missed and that with all of them met. None where no
/// second can have been either.
fn credit(steps: &[CreditTerms], seconds: &GivenSeconds) -> Option<CreditRow> {
    let least = u128::from(seconds.met_s);
    let most = least + u128::from(seconds.indeterminate_s);
    let all = most + u128::from(seconds.missed_s);
    if all == 0 {
        return None;
    }
    let credited = |met: u128| {
        let reached = steps.iter();
        let reached = reached.filter(|step| met * WHOLE < u128::from(step.below) * all);
        reached
            .map(|step| u64::from(step.credit))
            .max()
            .unwrap_or(0)
    };
    let ppm = |share: u128| u64::try_from(share).unwrap_or(u64::MAX);
    Some(CreditRow {
        kept_at_least_ppm: ppm(least * WHOLE / all),
        kept_at_most_ppm: ppm((most * WHOLE).div_ceil(all)),
        credit_at_least_ppm: credited(most),
        credit_at_most_ppm: credited(least),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [CreditTerms; 2] = [
        CreditTerms {
            below: 999_000,
            credit: 50_000,
        },
        CreditTerms {
            below: 990_000,
            credit: 100_000,
        },
    ];

    fn said(met_s: u64, missed_s: u64, indeterminate_s: u64) -> Option<[u64; 4]> {
        let seconds = GivenSeconds {
            met_s,
            missed_s,
            indeterminate_s,
            void_s: 1 << 40,
            silent_s: 7,
        };
        credit(&STEPS, &seconds).map(|row| {
            let CreditRow {
                kept_at_least_ppm,
                kept_at_most_ppm,
                credit_at_least_ppm,
                credit_at_most_ppm,
            } = row;
            [
                kept_at_least_ppm,
                kept_at_most_ppm,
                credit_at_least_ppm,
                credit_at_most_ppm,
            ]
        })
    }

    #[test]
    fn a_step_is_reached_strictly_below_its_share_and_void_and_silent_seconds_do_not_count() {
        let cases = [
            ((0, 0, 0), None),
            ((1000, 0, 0), Some([1_000_000, 1_000_000, 0, 0])),
            ((999, 1, 0), Some([999_000, 999_000, 0, 0])),
            ((998_999, 1001, 0), Some([998_999, 998_999, 50_000, 50_000])),
            ((990, 10, 0), Some([990_000, 990_000, 50_000, 50_000])),
            ((0, 1, 0), Some([0, 0, 100_000, 100_000])),
            // rounded away from what is certain, and compared exactly
            ((2, 1, 0), Some([666_666, 666_667, 100_000, 100_000])),
            ((2_997_001, 2_999, 1), Some([999_000, 999_001, 0, 0])),
        ];
        for ((met, missed, open), known) in cases {
            assert_eq!(said(met, missed, open), known, "{met} {missed} {open}");
        }
    }

    #[test]
    fn indeterminate_seconds_leave_a_range_that_holds_whatever_they_were() {
        for (met, missed, open) in [
            (995_u64, 0_u64, 5_u64),
            (980, 5, 15),
            (0, 0, 10),
            (10, 3, 7),
        ] {
            let [_, _, least, most] = said(met, missed, open).unwrap();
            for were_met in 0..=open {
                for were_missed in 0..=open - were_met {
                    let known = said(met + were_met, missed + were_missed, 0);
                    let credit = known.map_or(least, |known| known[2]);
                    assert!((least..=most).contains(&credit), "{met} {missed} {open}");
                }
            }
        }
    }
}
