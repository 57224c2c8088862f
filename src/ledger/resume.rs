//! What a meter goes on with after a stop: windows, open intervals and verdicts, judged again from
//! the last days of its ledger.

use super::directory::{LedgerDirectory, LedgerError};
use super::leaf::{CountingTerms, Leaf};
use super::read::{PartReader, days};
use super::rejudge::{LeafFault, LeafJudge, ResumedJudge};
use std::path::PathBuf;

/// Days that are read at most. An interval that is open and began before them makes windows begin anew.
pub const MAX_DAYS: usize = 32;

/// Why windows begin anew.
#[derive(thiserror::Error, Debug)]
pub enum ResumeError {
    /// It cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A line of it does not hold.
    #[error("leaf {}: {}", .0.number, .0.reason)]
    LeafFault(LeafFault),
    /// What is counted is not what was counted.
    #[error("other settings of what is counted")]
    Counting,
    /// The last days do not have it.
    #[error("the last {MAX_DAYS} days do not tell the windows")]
    Unknown,
}

/// Reads the last days of a ledger, and the lines of its open minute. Nothing where it is empty.
///
/// # Errors
/// [`ResumeError`].
pub fn resume(
    directory: &LedgerDirectory,
    open_lines: &str,
    counting: &CountingTerms,
) -> Result<Option<ResumedJudge>, ResumeError> {
    let days: Vec<Vec<PathBuf>> = days(directory)?
        .into_iter()
        .map(|(_, parts)| parts)
        .collect();
    if days.is_empty() && open_lines.is_empty() {
        return Ok(None);
    }
    let earliest = days.len().saturating_sub(MAX_DAYS);
    for first in (earliest..days.len().max(1)).rev() {
        let judge = read(days.get(first..).unwrap_or_default(), open_lines)?;
        if judge.counting() != Some(counting) {
            return Err(ResumeError::Counting);
        }
        if let Some(resumed) = judge.resume() {
            return Ok(Some(resumed));
        }
    }
    Err(ResumeError::Unknown)
}

/// Judges the leaves of some days.
fn read(days: &[Vec<PathBuf>], open_lines: &str) -> Result<LeafJudge, ResumeError> {
    let (mut judge, mut number) = (LeafJudge::default(), 0);
    let mut take = |line: &str| {
        let fault = |reason| ResumeError::LeafFault(LeafFault { number, reason });
        let leaf = Leaf::from_line(line).map_err(|error| fault(error.to_string()))?;
        if let Leaf::Day(day) = &leaf {
            number = day.size;
        }
        judge.take(number, leaf).map_err(ResumeError::LeafFault)?;
        number += 1;
        Ok::<_, ResumeError>(())
    };
    for part in days.iter().flatten() {
        let mut part = PartReader::open(part)?;
        while let Some(minute) = part.next_minute()? {
            minute.lines().try_for_each(&mut take)?;
        }
    }
    open_lines.lines().try_for_each(&mut take)?;
    judge.finish().map_err(ResumeError::LeafFault)?;
    Ok(judge)
}
