//! What people entered about a period, whenever they did. The ledger's index says on which days to look; what
//! counts is what is found there and verified.

use super::period::Period;
use super::{ReportError, ReportRequest};
use crate::ledger::directory::LedgerDirectory;
use crate::ledger::leaf::{ExclusionLeaf, Leaf, RevisionLeaf};
use crate::ledger::requests;
use crate::ledger::verify::{VerifyError, VerifyRequest, verify_each};
use crate::units::Second;
use std::collections::BTreeSet;
use std::path::Path;

/// Seconds before a period whose leaves are read too: the longest window.
const BEFORE: u64 = 3600;

/// Seconds behind a period whose leaves are read too: as long as amendments may come.
const BEHIND: u64 = 3660;

/// Days outside of a period that are read for what was entered on them.
pub(super) const MAX_ENTRY_DAYS: usize = 62;

/// Entries about a period, in the order of the ledger.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Those on days that are not read anyhow.
    elsewhere: Vec<Leaf>,
    /// Those on the days of the period.
    inside: Vec<Leaf>,
}

/// The UTC days that are read for a period, the first and the last.
pub(super) fn days(period: Period) -> (String, String) {
    let first = Second(period.from.0.saturating_sub(BEFORE));
    let last = Second(period.until.0.saturating_add(BEHIND));
    (first.day(), last.day())
}

/// Whether an entry is about some of a period.
fn is_about(leaf: &Leaf, period: Period) -> bool {
    let (from, until) = match leaf {
        Leaf::Exclusion(leaf) => (leaf.from, leaf.until),
        Leaf::Revision(leaf) => (leaf.from, leaf.until),
        _ => return false,
    };
    until >= period.from && from < period.until
}

/// What the index expects about a period; on other days than those of the period it is looked for.
pub(super) fn expected(path: &Path, request: &ReportRequest) -> Result<Entries, ReportError> {
    let period = request.period;
    let index = requests::index(&LedgerDirectory::new(path)).map_err(VerifyError::from)?;
    let (first, last) = days(period);
    let mut entries = Entries::default();
    let mut others = BTreeSet::new();
    for (day, leaf) in index {
        if !is_about(&leaf, period) {
            continue;
        }
        if day < first || day > last {
            others.insert(day);
        } else {
            entries.inside.push(leaf);
        }
    }
    if others.len() > MAX_ENTRY_DAYS {
        return Err(ReportError::Unanswered {
            path: path.to_owned(),
            reason: format!(
                "something about the period was entered on {} days outside of it, and {MAX_ENTRY_DAYS} are read at most: ask for a shorter period",
                others.len()
            ),
        });
    }
    for day in others {
        let verify = VerifyRequest {
            days: Some((day.clone(), day)),
            ..VerifyRequest::default()
        };
        verify_each(path, &verify, &mut |_, leaf| {
            if is_about(leaf, period) {
                entries.elsewhere.push(leaf.clone());
            }
        })?;
    }
    Ok(entries)
}

impl Entries {
    /// Takes what was found on the days of the period; whether that is something else than was expected.
    pub(super) fn with(&mut self, found: &[Leaf]) -> bool {
        let is_other = self.inside != found;
        self.inside = found.to_vec();
        is_other
    }

    fn all(&self) -> impl Iterator<Item = &Leaf> {
        self.elsewhere.iter().chain(&self.inside)
    }

    /// Announced maintenance.
    pub(super) fn exclusions(&self) -> Vec<ExclusionLeaf> {
        let each = self.all().filter_map(|leaf| match leaf {
            Leaf::Exclusion(leaf) => Some(leaf.clone()),
            _ => None,
        });
        each.collect()
    }

    /// Revisions that were entered on other days than those of the period.
    pub(super) fn revisions(&self) -> impl Iterator<Item = &RevisionLeaf> {
        self.elsewhere.iter().filter_map(|leaf| match leaf {
            Leaf::Revision(leaf) => Some(leaf),
            _ => None,
        })
    }
}
