//! The report that both sides of a contract sign: what a ledger says of a period.
//!
//! It reads ledgers and nothing else: [`report`] follows the leaves day by day while
//! [`crate::ledger::verify`] checks them, so that no figure is printed of a ledger that does not hold.
//! [`model`] is what it says; [`text`], [`csv`], [`json`] and [`html`] write it. docs/REPORT.md says what
//! each figure means.

pub mod csv;
pub mod history;
pub mod html;
pub mod json;
pub mod model;
pub mod period;
pub mod seconds;
pub mod text;

mod asn_account;
mod changes;
mod commitment_account;
mod comparison;
mod corrected;
mod coverage;
mod credit;
mod entries;
mod ledger_account;
mod maintenance;
mod minute_file;
mod minutes;
mod rejudging;
mod room;
mod sums;
mod tables;
mod terms_in_force;
mod verdict_seconds;
mod window;
mod words;

use crate::ledger::leaf::Leaf;
use crate::ledger::verify::{VerifyError, VerifyRequest, verify_each};
use crate::sla::commitment::Commitment;
use corrected::CorrectedPolicy;
use entries::Entries;
use ledger_account::LedgerAccount;
use model::{LedgerReport, Report};
use period::{Period, ReportZone};
use rejudging::{Rejudging, Rejudgings};
use std::path::{Path, PathBuf};
use std::thread;

/// Changes of contracts and tables that a report lists.
pub const MAX_CHANGES: usize = 500;

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportRequest {
    /// The period.
    pub period: Period,
    /// The contract's time zone.
    pub zone: ReportZone,
    /// Only the contract of this name.
    pub commitment: Option<String>,
    /// Contracts by which the same leaves are judged too, in place of those of the same names.
    pub with: Vec<Commitment>,
}

/// Why there is no report.
#[derive(thiserror::Error, Debug)]
pub enum ReportError {
    /// The ledger does not hold.
    #[error("no report of what does not hold: {0}")]
    Verify(#[from] VerifyError),
    /// A leaf says what no report can be made of.
    #[error("{}: leaf {number}: {reason}", path.display())]
    Leaf {
        /// The ledger.
        path: PathBuf,
        /// The leaf's number.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing in it is about the period.
    #[error("{}: has no second from {} until {}", path.display(), period.from, period.until)]
    Nothing {
        /// The ledger.
        path: PathBuf,
        /// The period.
        period: Period,
    },
    /// It cannot be answered.
    #[error("{}: {reason}", path.display())]
    Unanswered {
        /// The ledger.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Reports what ledgers say of a period, each by itself.
///
/// # Errors
/// [`ReportError`]: the first ledger that does not hold or says nothing of the period.
pub fn report(directories: &[PathBuf], request: &ReportRequest) -> Result<Report, ReportError> {
    let mut ledgers = Vec::new();
    for path in directories {
        ledgers.push(ledger(path, request)?);
    }
    let (zone, period) = (&request.zone, request.period);
    let mut report = Report {
        time_zone: zone.name().to_owned(),
        from: zone.text(period.from),
        until: zone.text(period.until),
        period_s: period.seconds(),
        ledgers,
    };
    credit::set(&mut report);
    Ok(report)
}

fn ledger(path: &Path, request: &ReportRequest) -> Result<LedgerReport, ReportError> {
    let mut entered = entries::expected(path, request)?;
    // What the index did not know of is found on the way: then once more with it.
    for _ in 0..2 {
        let (report, found) = follow(path, request, &entered)?;
        if entered.with(&found) {
            continue;
        }
        return Ok(report);
    }
    Err(ReportError::Unanswered {
        path: path.to_owned(),
        reason: "what was entered changes while it is read".into(),
    })
}

/// Follows the leaves of a period once; what was entered on the way.
fn follow(
    path: &Path,
    request: &ReportRequest,
    entered: &Entries,
) -> Result<(LedgerReport, Vec<Leaf>), ReportError> {
    let period = request.period;
    let verify = VerifyRequest {
        days: Some(entries::days(period)),
        ..VerifyRequest::default()
    };
    let account = || LedgerAccount::new(request, entered.exclusions());
    let mut given = account();
    let mut ways = vec![Rejudging::new(account(), true, None)];
    if !request.with.is_empty() {
        let corrected = || Some(CorrectedPolicy::new(&request.with));
        ways.push(Rejudging::new(account(), false, corrected()));
        ways.push(Rejudging::new(account(), true, corrected()));
    }
    let (mut failed, mut found) = (None, Vec::new());
    let (verified, judged) = thread::scope(|scope| {
        let mut courses = Rejudgings::default();
        let threads = ways.into_iter().map(|way| {
            let leaves = courses.add();
            scope.spawn(move || way.run(&leaves))
        });
        let threads: Vec<_> = threads.collect();
        let verified = verify_each(path, &verify, &mut |number, leaf| {
            if matches!(leaf, Leaf::Exclusion(_) | Leaf::Revision(_)) {
                found.push(leaf.clone());
            }
            if failed.is_none() {
                failed = given.take(leaf).err().map(|reason| (number, reason));
            }
            courses.take(number, leaf);
        });
        courses.finish();
        let judged = threads.into_iter().map(|thread| {
            let panicked = |_| Err((0, "the judge has stopped".to_owned()));
            thread.join().unwrap_or_else(panicked)
        });
        (verified, judged.collect::<Vec<_>>())
    });
    let verified = verified?;
    let path = || path.to_owned();
    let leaf = |(number, reason)| ReportError::Leaf {
        path: path(),
        number,
        reason,
    };
    if let Some(failed) = failed {
        return Err(leaf(failed));
    }
    let unanswered = |reason| ReportError::Unanswered {
        path: path(),
        reason,
    };
    for revision in entered.revisions() {
        given.revised(revision);
    }
    let report = given.finish(&verified).map_err(unanswered)?;
    let mut report = report.ok_or_else(|| ReportError::Nothing {
        path: path(),
        period,
    })?;
    let judged: Result<Vec<_>, _> = judged.into_iter().map(|one| one.map_err(leaf)).collect();
    comparison::set(&mut report, judged?, &verified).map_err(unanswered)?;
    Ok((report, found))
}
