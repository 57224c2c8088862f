//! Sets what the other ways of judging say beside what was given.

use super::corrected::CorrectedPolicy;
use super::model::{CommitmentReport, LedgerReport, ReportRow, WithReport};
use super::rejudging::RejudgedAccount;
use super::sums::all;
use crate::ledger::verify::Verified;
use std::collections::BTreeMap;

/// Takes, in this order: settled; with another contract; the same settled.
///
/// # Errors
/// As the accounts; a contract that is asked for and is not there.
pub(super) fn set(
    report: &mut LedgerReport,
    judged: Vec<RejudgedAccount>,
    verified: &Verified,
) -> Result<(), String> {
    let mut judged = judged.into_iter();
    let Some(settled) = judged.next().filter(|one| !one.has_other_rules) else {
        return Ok(());
    };
    report.settled_late = Some(settled.late);
    let commitments = settled.account.finish(verified)?;
    let commitments = commitments.map_or_else(Vec::new, |report| report.commitments);
    settle(&mut report.commitments, commitments);
    let (Some(with), Some(with_settled)) = (judged.next(), judged.next()) else {
        return Ok(());
    };
    let Some(corrected) = with.corrected else {
        return Ok(());
    };
    let commitments = with.account.finish(verified)?;
    let mut commitments = commitments.map_or_else(Vec::new, |report| report.commitments);
    let settled = with_settled.account.finish(verified)?;
    settle(
        &mut commitments,
        settled.map_or_else(Vec::new, |report| report.commitments),
    );
    compare(report, commitments, &corrected)
}

/// Takes the seconds of rows as they are settled.
fn settle(given: &mut [CommitmentReport], settled: Vec<CommitmentReport>) {
    for settled in settled {
        let Some(given) = given.iter_mut().find(|one| one.name == settled.name) else {
            continue;
        };
        let mut rows: BTreeMap<_, _> = settled.asns.into_iter().map(|row| (row.asn, row)).collect();
        let beside = |row: &mut ReportRow, settled: ReportRow| {
            row.settled = settled.given;
            row.settled_without_maintenance = settled.given_without_maintenance;
            row.settled_without_retroactive = settled.given_without_retroactive;
        };
        for row in &mut given.asns {
            if let Some(settled) = rows.remove(&row.asn) {
                beside(row, settled);
            }
        }
        let sums = all(&given.asns, 0);
        given.all.settled = sums.settled;
        given.all.settled_without_maintenance = sums.settled_without_maintenance;
        given.all.settled_without_retroactive = sums.settled_without_retroactive;
    }
}

fn compare(
    report: &mut LedgerReport,
    commitments: Vec<CommitmentReport>,
    corrected: &CorrectedPolicy,
) -> Result<(), String> {
    let is_there = |name: &String| report.commitments.iter().any(|one| one.name == *name);
    if !corrected.names().any(is_there) {
        let known: Vec<_> = report
            .commitments
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        return Err(format!(
            "no commitment of the other contract is in the report; there are: {}",
            known.join(", ")
        ));
    }
    for other in commitments {
        let known = report.commitments.iter_mut();
        let known = known.into_iter().find(|one| one.name == other.name);
        let (Some(known), Some((terms, unanswered))) = (known, corrected.judged(&other.name))
        else {
            continue;
        };
        known.with = Some(WithReport {
            terms,
            unanswered,
            guaranteed_s: other.guaranteed_s,
            asns: other.asns,
            all: other.all,
        });
    }
    Ok(())
}
