//! The thread that writes a ledger: appends what comes, enters what people ask for, and says how far it is.

use super::{Unwritten, note_unwritten};
use crate::events;
use crate::export::EvidenceStatus;
use crate::fleet::follow::LedgerProgress;
use crate::ledger::checkpoint::SignedCheckpoint;
use crate::ledger::directory::LedgerError;
use crate::ledger::leaf::{GapLeaf, GapReason, Leaf, StopLeaf};
use crate::ledger::record::SecondLeaves;
use crate::ledger::requests::RequestOutcome;
use crate::ledger::writer::LedgerWriter;
use crate::units::Second;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};
use tokio::sync::watch;

/// Seconds between two log lines about the same failure.
const FAILURE_INTERVAL: u64 = 60;

/// What the thread owns.
pub(super) struct LedgerKeeper {
    pub(super) writer: LedgerWriter,
    /// How many whole days are kept; none: all.
    pub(super) days: Option<u32>,
    pub(super) forgotten_before: String,
    pub(super) unwritten: Unwritten,
    pub(super) status: Arc<EvidenceStatus>,
    /// The second of the last log line about a failure.
    pub(super) logged: Option<Second>,
    /// The second of the last one about requests that cannot be taken.
    pub(super) request_failed: Option<Second>,
    /// The day of the last log line about the head.
    pub(super) head_logged: String,
    /// The first failure ends it.
    pub(super) must_hold: bool,
    /// Who reads what is written.
    pub(super) progress: watch::Sender<LedgerProgress>,
    /// The last second that is not written, until a gap says so.
    pub(super) held: Option<Second>,
}

impl LedgerKeeper {
    pub(super) fn run(mut self, receiver: &Receiver<SecondLeaves>) -> Result<(), LedgerError> {
        let mut last = None;
        for leaves in receiver {
            last = Some(leaves.second);
            if let Err(error) = self.writer.append(&leaves) {
                if self.must_hold {
                    return Err(error);
                }
                self.failed(leaves.second, &error);
                continue;
            }
            self.written(leaves.second);
            self.publish_progress(&leaves);
        }
        let Some(second) = last else {
            self.progress
                .send_modify(|progress| progress.is_over = true);
            return Ok(());
        };
        let unwritten = self
            .unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // The judge does not come to tell of this gap any more.
        let gap = unwritten.map(|(from, until)| Leaf::Gap(GapLeaf::unwritten(second, from, until)));
        let stop = Leaf::Stop(StopLeaf { time: second });
        let leaves = SecondLeaves {
            second,
            leaves: gap.into_iter().chain([stop]).collect(),
        };
        let closed = self.writer.close(&leaves);
        let before = *self.progress.borrow();
        let sealed = match &closed {
            Ok(Some(head)) => head.checkpoint.size,
            Ok(None) | Err(_) => before.sealed,
        };
        // where the last second could not be written its gap is a leaf of this one
        self.progress.send_replace(LedgerProgress {
            sealed,
            written: before.written.max(sealed),
            through: if closed.is_ok() {
                before.through.max(Some(second))
            } else {
                before.through
            },
            is_over: true,
        });
        closed.map(drop)
    }

    /// Tells how far it is written; not beyond a second that is not, until its gap is.
    fn publish_progress(&mut self, leaves: &SecondLeaves) {
        let is_gap = |held: Second| {
            leaves.leaves.iter().any(|leaf| {
                matches!(leaf, Leaf::Gap(gap) if gap.why == GapReason::Disk && gap.until >= held)
            })
        };
        self.held = self.held.filter(|held| !is_gap(*held));
        let before = self.progress.borrow().through;
        self.progress.send_replace(LedgerProgress {
            sealed: self.writer.size(),
            written: self.writer.written(),
            through: match self.held {
                None => before.max(Some(leaves.second)),
                Some(_) => before,
            },
            is_over: false,
        });
    }

    /// Enters what people ask for. A replay's ledger is new: nobody asks anything of it yet.
    fn take_requests(&mut self, second: Second) {
        if self.must_hold {
            return;
        }
        match self.writer.take_requests(second) {
            Ok(outcomes) => {
                for (name, outcome) in outcomes {
                    match outcome {
                        RequestOutcome::Entered(leaf) => {
                            events::request_entered(&name, &leaf.to_line());
                        }
                        RequestOutcome::Known => events::request_known(&name),
                        RequestOutcome::Refused(reason) => events::request_refused(&name, &reason),
                    }
                }
            }
            Err(error) => {
                let is_new = self
                    .request_failed
                    .is_none_or(|failed| second.0.saturating_sub(failed.0) >= FAILURE_INTERVAL);
                if is_new {
                    self.request_failed = Some(second);
                    events::request_refused("requests", &error);
                }
            }
        }
    }

    fn written(&mut self, second: Second) {
        self.take_requests(second);
        if self.status.failed.swap(false, Ordering::Relaxed) {
            events::evidence_resumed(second);
            self.logged = None;
        }
        if self.status.size.load(Ordering::Relaxed) != self.writer.size() {
            publish_head(&self.status, &self.writer);
            self.status.sealed.store(second.0, Ordering::Relaxed);
            let day = second.day();
            if let Some(head) = self.writer.head()
                && self.head_logged != day
            {
                self.head_logged = day;
                events::evidence_head(head.checkpoint.size, &head.checkpoint.root);
            }
        }
        let Some(days) = self.days else { return };
        let first = Second(second.0.saturating_sub(u64::from(days) * 86_400));
        if first.day() != self.forgotten_before {
            self.forgotten_before = first.day();
            if let Err(error) = self.writer.forget_before(first) {
                events::evidence_failed(second, &error);
            }
        }
    }

    fn failed(&mut self, second: Second, error: &LedgerError) {
        note_unwritten(&self.unwritten, second);
        self.held = self.held.max(Some(second));
        self.status.failed.store(true, Ordering::Relaxed);
        self.status.unwritten.fetch_add(1, Ordering::Relaxed);
        let is_new = self
            .logged
            .is_none_or(|logged| second.0.saturating_sub(logged.0) >= FAILURE_INTERVAL);
        if is_new {
            self.logged = Some(second);
            events::evidence_failed(second, error);
        }
    }
}

pub(super) fn publish_head(status: &EvidenceStatus, writer: &LedgerWriter) {
    status.size.store(writer.size(), Ordering::Relaxed);
    let root = writer.head().map(|head| head.checkpoint.root.0);
    let [first, ..] = *root.unwrap_or_default().as_chunks::<8>().0 else {
        return;
    };
    // what a double holds exactly
    let root = u64::from_be_bytes(first) >> 16;
    status.root.store(root, Ordering::Relaxed);
    let note = writer
        .head()
        .map(SignedCheckpoint::to_note)
        .unwrap_or_default();
    let known = status.checkpoint.lock();
    *known.unwrap_or_else(PoisonError::into_inner) = note.into();
}
