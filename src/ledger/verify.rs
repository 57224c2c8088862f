//! Verifies a ledger as the other side of the contract would: does everything hold that it says?
//!
//! Checked are the form and the order of all leaves, the tree over them, every checkpoint with its
//! signature, the continuity of days and minutes, and whether verdicts and intervals follow. Nothing is
//! believed but the leaves themselves; a directory that is being written is read as far as it is sealed.
//!
//! Minutes are unpacked and read side by side (`ahead`); tree, checkpoints and judge follow them one after
//! the other (`reading`), since each rests on all that was before.

mod ahead;
mod reading;
mod signers;

use super::checkpoint::{SignedCheckpoint, read_notes};
use super::cosignature::WitnessKey;
use super::directory::{LedgerDirectory, LedgerError, LedgerFile};
use super::identity;
use super::key::PublicKey;
use super::leaf::Leaf;
use super::read::days;
use super::recovery;
use super::rejudge::{LeafJudge, RejudgeCounts};
use crate::units::Second;
use ahead::{DayPart, MAX_AHEAD};
use reading::{Expected, Reading};
use signers::Signers;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// What must hold of every leaf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Requirement {
    /// A checkpoint that covers it is signed by the key.
    Signed,
    /// A checkpoint that was kept elsewhere covers it.
    Witnessed,
}

/// What is asked of a ledger.
#[derive(Clone, Debug, Default)]
pub struct VerifyRequest {
    /// The key that must have signed; without one that of the ledger itself.
    pub key: Option<PublicKey>,
    /// Heads that the other side kept.
    pub heads: Vec<(PathBuf, SignedCheckpoint)>,
    /// Who must have cosigned each of these; any of them.
    pub witnesses: Vec<WitnessKey>,
    /// What must hold of every leaf.
    pub require: Option<Requirement>,
    /// First and last UTC day that are read, as `2026-11-25`; all without it.
    pub days: Option<(String, String)>,
    /// Threads that read minutes; without it as many as there are processors. Whatever it is, the answer
    /// is the same.
    pub jobs: Option<NonZeroUsize>,
    /// Where to look how far it is.
    pub progress: Arc<VerifyProgress>,
}

/// How far a ledger is verified: octets of its day files. Whoever verifies writes, a progress bar reads.
#[derive(Debug, Default)]
pub struct VerifyProgress {
    read: AtomicU64,
    total: AtomicU64,
}

impl VerifyProgress {
    // Relaxed: only displayed, no other memory depends on it.
    fn add(&self, octets: u64) {
        self.read.fetch_add(octets, Ordering::Relaxed);
    }

    fn expect(&self, octets: u64) {
        self.total.fetch_add(octets, Ordering::Relaxed);
    }

    /// Octets read so far.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Octets of all days that are read; 0 until that is known.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

/// How much of a ledger is held by what.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// Names the meter.
    pub origin: String,
    /// Leaves that were read, from the first day on that is there.
    pub leaves: u64,
    /// The number of the first of these.
    pub first_leaf: u64,
    /// First and last second that leaves speak of.
    pub seconds: Option<(Second, Second)>,
    /// Checkpoints, all of which hold.
    pub checkpoints: u64,
    /// Leaves that a checkpoint covers: the size of the last one.
    pub sealed: u64,
    /// Leaves up to the last checkpoint that the key has signed.
    pub signed: u64,
    /// Leaves up to the largest head that the other side kept.
    pub witnessed: u64,
    /// The last checkpoint.
    pub head: Option<SignedCheckpoint>,
    /// Leaves of each kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// The key that signs at the end.
    pub key: Option<PublicKey>,
    /// How often it has changed.
    pub key_changes: u64,
    /// What of verdicts and intervals was judged again.
    pub rejudged: RejudgeCounts,
}

/// What does not hold.
#[derive(thiserror::Error, Debug)]
pub enum VerifyError {
    /// It cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A leaf.
    #[error("{}: leaf {number}: {reason}", path.display())]
    Leaf {
        /// The file.
        path: PathBuf,
        /// Its number since the ledger began.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Less is held than was asked for.
    #[error("of {size} leaves only the first {held} are covered by {by}")]
    NotHeld {
        /// All leaves.
        size: u64,
        /// Those that are held.
        held: u64,
        /// What should hold them.
        by: &'static str,
    },
    /// A checkpoint.
    #[error("{}: the checkpoint of {size} leaves: {reason}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// Verifies the ledger in a directory.
///
/// # Errors
/// [`VerifyError`]: the first thing that does not hold.
pub fn verify(path: &Path, request: &VerifyRequest) -> Result<Verified, VerifyError> {
    verify_each(path, request, &mut |_, _| {})
}

/// As [`verify`], and hands over each leaf with its number. What it hands over holds only once all of it
/// is verified.
///
/// # Errors
/// [`VerifyError`]: the first thing that does not hold.
pub fn verify_each(
    path: &Path,
    request: &VerifyRequest,
    each: &mut dyn FnMut(u64, &Leaf),
) -> Result<Verified, VerifyError> {
    let directory = LedgerDirectory::new(path);
    let origin = identity::origin(&directory)?;
    let signers = Signers::of(&directory, &origin, request.key)?;
    let mut reading = Reading {
        checkpoints: checkpoints(&directory, &origin, &request.heads)?,
        tree: None,
        signers,
        day: String::new(),
        is_first: true,
        witnesses: &request.witnesses,
        judge: LeafJudge::default(),
        has_later_days: false,
        may_skip_days: request.days.is_some(),
        each,
        verified: Verified {
            origin,
            ..Verified::default()
        },
    };
    let (parts, behind) = parts(&directory, request.days.as_ref())?;
    reading.has_later_days = behind.is_some();
    for part in &parts {
        // One that has gone meanwhile is an error when it is read.
        let octets = fs::metadata(&part.path).map_or(0, |known| known.len());
        request.progress.expect(octets);
    }
    let jobs = request
        .jobs
        .or_else(|| thread::available_parallelism().ok());
    let jobs = jobs.unwrap_or(NonZeroUsize::MIN);
    ahead::each_minute(
        &parts,
        (jobs, MAX_AHEAD),
        &request.progress,
        &mut |part, minute| reading.take_minute(part, minute),
    )?;
    let rejudged = reading.judge.finish();
    reading.verified.rejudged = rejudged.map_err(|fault| VerifyError::Leaf {
        path: parts.last().map_or(path, |part| &part.path).to_owned(),
        number: fault.number,
        reason: fault.reason,
    })?;
    if let Some(behind) = behind {
        reading.check_next_day(&behind)?;
    }
    reading.finish(request.require)
}

/// The parts of the days that are read, and the first of the days behind them.
fn parts(
    directory: &LedgerDirectory,
    read: Option<&(String, String)>,
) -> Result<(Vec<DayPart>, Option<DayPart>), VerifyError> {
    let all = days(directory)?.into_iter().flat_map(|(day, parts)| {
        parts.into_iter().map(move |path| DayPart {
            day: day.clone(),
            path,
        })
    });
    let Some((first, last)) = read else {
        return Ok((all.collect(), None));
    };
    let (before, behind): (Vec<_>, Vec<_>) = all.partition(|part| part.day <= *last);
    let parts = before.into_iter().filter(|part| part.day >= *first);
    Ok((parts.collect(), behind.into_iter().next()))
}

/// All checkpoints of a ledger and all heads that were kept elsewhere, by size.
fn checkpoints(
    directory: &LedgerDirectory,
    origin: &str,
    heads: &[(PathBuf, SignedCheckpoint)],
) -> Result<VecDeque<Expected>, VerifyError> {
    let mut all = Vec::new();
    for file in directory.files()? {
        if !matches!(file, LedgerFile::Notes(_)) {
            continue;
        }
        let path = directory.file(&file.name());
        let octets = directory.read(&file.name(), recovery::MAX_NOTES)?;
        let damaged = || LedgerError::damaged(&path, "holds something else than checkpoints");
        let text = std::str::from_utf8(&octets).map_err(|_| damaged())?;
        let notes = read_notes(text);
        if notes.last().map_or(0, |(_, end)| *end) != text.len() {
            return Err(damaged().into());
        }
        all.extend(notes.into_iter().map(|(note, _)| Expected {
            path: path.clone(),
            note,
            is_witness: false,
        }));
    }
    let kept = heads.iter().map(|(path, note)| Expected {
        path: path.clone(),
        note: note.clone(),
        is_witness: true,
    });
    all.extend(kept);
    if let Some(other) = all.iter().find(|one| one.note.checkpoint.origin != origin) {
        let theirs = &other.note.checkpoint.origin;
        return Err(other.failed(format!("is of {theirs:?}, the ledger of {origin:?}")));
    }
    all.sort_by_key(|one| one.note.checkpoint.size);
    Ok(all.into())
}
