//! What changed in a period, in the order of the ledger, as far as there is room to list it.

use super::MAX_CHANGES;
use super::model::{Change, ChangeKind};
use super::period::{Period, ReportZone};
use crate::ledger::leaf::{RevisionLeaf, StartLeaf, TableLeaf, TableTerms};
use crate::units::Second;

/// The changes of one ledger.
#[derive(Debug)]
pub(super) struct Changes {
    period: Period,
    zone: ReportZone,
    listed: Vec<Change>,
    left_out: u64,
    tables: Vec<TableTerms>,
}

impl Changes {
    /// None yet.
    pub(super) const fn new(period: Period, zone: ReportZone) -> Self {
        Self {
            period,
            zone,
            listed: Vec::new(),
            left_out: 0,
            tables: Vec::new(),
        }
    }

    /// Those that are listed, and how many are not.
    pub(super) fn into_parts(self) -> (Vec<Change>, u64) {
        (self.listed, self.left_out)
    }

    /// Something changed with a second.
    pub(super) fn note(&mut self, second: u64, what: ChangeKind) {
        if self.period.contains(second) {
            self.list(second, what);
        }
    }

    fn list(&mut self, second: u64, what: ChangeKind) {
        if self.listed.len() < MAX_CHANGES {
            let second = self.zone.text(Second(second));
            self.listed.push(Change { second, what });
        } else {
            self.left_out += 1;
        }
    }

    /// The meter started.
    pub(super) fn start(&mut self, start: &StartLeaf) {
        let what = ChangeKind::Start {
            version: start.version.clone(),
            revision: start.revision.clone(),
            rules: start.rules,
        };
        self.note(start.time.0, what);
    }

    /// What routers announce changes all the time: that is not listed.
    pub(super) fn table(&mut self, table: &TableLeaf) {
        let files = table.sources.iter().filter(|source| source.kind != "bmp");
        let files: Vec<_> = files.cloned().collect();
        if files != self.tables {
            self.tables.clone_from(&files);
            self.note(table.second.0, ChangeKind::Table { sources: files });
        }
    }

    /// Some of the period was judged again, whenever that was entered.
    pub(super) fn revision(&mut self, leaf: &RevisionLeaf) {
        if leaf.until < self.period.from || leaf.from >= self.period.until {
            return;
        }
        let what = ChangeKind::Revision {
            from: self.zone.text(leaf.from),
            until: self.zone.text(leaf.until.next()),
            policy: leaf.policy.clone(),
            sha256: leaf.sha256.clone(),
        };
        self.list(leaf.entered.0, what);
    }
}
