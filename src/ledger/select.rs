//! Selects leaves by time, contract and ASN.

use super::directory::{LedgerDirectory, LedgerError, LedgerFile};
use super::leaf::{CountedLeaf, Leaf};
use super::read::{PartReader, days};
use super::recovery::MAX_OPEN_FILE;
use crate::units::Second;
use std::collections::BTreeSet;

/// What is in force on the last day of a ledger.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LastDay {
    /// The names of the contracts that were in force on it.
    pub contracts: BTreeSet<String>,
    /// The last second that a leaf is of.
    pub last: Option<Second>,
}

/// Reads the last day of a ledger, and its open minute; nothing is verified.
///
/// # Errors
/// What the system says, or a file that is damaged.
pub fn last_day(directory: &LedgerDirectory) -> Result<LastDay, LedgerError> {
    let mut day = LastDay::default();
    let newest = days(directory)?.pop();
    for part in newest.into_iter().flat_map(|(_, parts)| parts) {
        let mut part = PartReader::open(&part)?;
        while let Some(minute) = part.next_minute()? {
            day.note(&minute.text);
        }
    }
    for file in directory.files()? {
        if matches!(file, LedgerFile::Open(_)) {
            let octets = directory.read(&file.name(), MAX_OPEN_FILE)?;
            day.note(&String::from_utf8_lossy(&octets));
        }
    }
    Ok(day)
}

impl LastDay {
    fn note(&mut self, lines: &str) {
        for line in lines.lines() {
            if line.starts_with(r#"{"kind":"policy""#)
                && let Ok(Leaf::Policy(policy)) = Leaf::from_line(line)
            {
                let names = policy.commitments.into_iter().map(|terms| terms.name);
                self.contracts.extend(names);
            }
        }
        let leaves = lines.lines().rev().map(Leaf::from_line);
        let last = leaves.filter_map(Result::ok).find_map(|leaf| leaf.second());
        self.last = last.or(self.last);
    }
}

/// What a leaf must be about. A field without a value lets every leaf through.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LeafFilter {
    /// The first second.
    pub from: Option<Second>,
    /// The second behind the last.
    pub until: Option<Second>,
    /// A contract; leaves that name none are about all.
    pub commitment: Option<String>,
    /// An ASN; only leaves that name it.
    pub asn: Option<u32>,
}

impl LeafFilter {
    /// Whether a leaf is one of these.
    pub fn takes(&self, leaf: &Leaf) -> bool {
        self.takes_time(leaf) && self.takes_commitment(leaf) && self.takes_asn(leaf)
    }

    fn takes_time(&self, leaf: &Leaf) -> bool {
        let (first, last) = match leaf {
            Leaf::Gap(gap) => (gap.from, gap.until),
            Leaf::Interval(interval) => (interval.from, interval.until),
            Leaf::Amendment(amendment) => (amendment.amended, amendment.amended),
            Leaf::Exclusion(exclusion) => (exclusion.from, exclusion.until),
            Leaf::Revision(revision) => (revision.from, revision.until),
            // It says what went before, whatever is asked for.
            Leaf::Day(_) => return self == &Self::default(),
            other => match other.second() {
                Some(second) => (second, second),
                None => return true,
            },
        };
        self.from.is_none_or(|from| last >= from) && self.until.is_none_or(|until| first < until)
    }

    fn takes_commitment(&self, leaf: &Leaf) -> bool {
        let named = match leaf {
            Leaf::Second(leaf) => Some(&leaf.commitment),
            Leaf::Amendment(leaf) => Some(&leaf.commitment),
            Leaf::Interval(leaf) => Some(&leaf.commitment),
            Leaf::Verdict(leaf) => Some(&leaf.commitment),
            Leaf::Gap(leaf) => leaf.commitment.as_ref(),
            Leaf::Exclusion(leaf) => Some(&leaf.commitment),
            Leaf::Start(_)
            | Leaf::Day(_)
            | Leaf::Key(_)
            | Leaf::Policy(_)
            | Leaf::Table(_)
            | Leaf::Revision(_)
            | Leaf::Stop(_) => None,
        };
        let asked = self.commitment.as_ref();
        named.is_none_or(|named| asked.is_none_or(|asked| asked == named))
    }

    fn takes_asn(&self, leaf: &Leaf) -> bool {
        let Some(asn) = self.asn else { return true };
        let has = |asns: &[CountedLeaf]| asns.iter().any(|counted| counted.asn == Some(asn));
        match leaf {
            Leaf::Second(leaf) => has(&leaf.asns),
            Leaf::Amendment(leaf) => has(&leaf.asns),
            Leaf::Interval(leaf) => leaf.asn == asn,
            Leaf::Verdict(leaf) => leaf.asn == asn,
            Leaf::Exclusion(leaf) => leaf.asns.is_empty() || leaf.asns.contains(&asn),
            Leaf::Revision(_)
            | Leaf::Start(_)
            | Leaf::Day(_)
            | Leaf::Key(_)
            | Leaf::Policy(_)
            | Leaf::Table(_)
            | Leaf::Gap(_)
            | Leaf::Stop(_) => false,
        }
    }
}
