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
mod commitment_account;
mod ledger_account;
mod minute_file;
mod minutes;
mod tables;
mod words;

use crate::ledger::verify::{VerifyError, VerifyRequest, verify_each};
use crate::units::Second;
use ledger_account::LedgerAccount;
use model::Report;
use period::{Period, ReportZone};
use std::path::{Path, PathBuf};

/// Changes of contracts and tables that a report lists.
pub const MAX_CHANGES: usize = 500;

/// ASNs under all contracts of a report.
pub const MAX_ROWS: usize = 20_000;

/// Rates of 5 minutes that are kept: 24 octets each.
pub const MAX_RATES: usize = 20_000_000;

/// Seconds before a period whose leaves are read too: the longest window.
const BEFORE: u64 = 3600;

/// Seconds behind a period whose leaves are read too: what comes late is an amendment.
const BEHIND: u64 = 60;

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportRequest {
    /// The period.
    pub period: Period,
    /// The contract's time zone.
    pub zone: ReportZone,
    /// Only the contract of this name.
    pub commitment: Option<String>,
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
    Ok(Report {
        time_zone: zone.name().to_owned(),
        from: zone.text(period.from),
        until: zone.text(period.until),
        period_s: period.seconds(),
        ledgers,
    })
}

fn ledger(path: &Path, request: &ReportRequest) -> Result<model::LedgerReport, ReportError> {
    let period = request.period;
    let first = Second(period.from.0.saturating_sub(BEFORE));
    let last = Second(period.until.0.saturating_add(BEHIND));
    let verify = VerifyRequest {
        days: Some((first.day(), last.day())),
        ..VerifyRequest::default()
    };
    let mut account = LedgerAccount::new(period, request.zone.clone(), request.commitment.clone());
    let mut failed = None;
    let verified = verify_each(path, &verify, &mut |number, leaf| {
        if failed.is_none() {
            failed = account.take(leaf).err().map(|reason| (number, reason));
        }
    })?;
    if let Some((number, reason)) = failed {
        let path = path.to_owned();
        return Err(ReportError::Leaf {
            path,
            number,
            reason,
        });
    }
    let path = path.to_owned();
    match account.finish(&verified) {
        Ok(Some(report)) => Ok(report),
        Ok(None) => Err(ReportError::Nothing { path, period }),
        Err(reason) => Err(ReportError::Unanswered { path, reason }),
    }
}
