//! Reads a ledger as the other side would: does everything hold that it says?
//!
//! Checked are the form and the order of all leaves, the tree over them, every checkpoint with its
//! signature, the continuity of days and minutes, and whether verdicts and intervals follow. Nothing is believed but the leaves themselves; a directory
//! that is being written is read as far as it is sealed.
//!
//! Minutes are unpacked and read side by side (`ahead`); tree, checkpoints and judge follow them one after
//! the other, since each rests on all that was before.

mod ahead;
mod signers;

use super::checkpoint::{SignedCheckpoint, read_notes};
use super::cosignature::WitnessKey;
use super::directory::{LedgerDirectory, LedgerError, LedgerFile};
use super::identity;
use super::key::PublicKey;
use super::leaf::{DayLeaf, Leaf};
use super::read::{PartReader, days};
use super::recovery;
use super::rejudge::{LeafFault, LeafJudge, RejudgeCounts};
use super::tree::{CompactTree, Hash};
use crate::units::Second;
use ahead::{DayPart, MAX_AHEAD, ReadMinute};
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

/// A checkpoint that has to be met on the way through the leaves.
struct Expected {
    path: PathBuf,
    note: SignedCheckpoint,
    is_witness: bool,
}

impl Expected {
    fn failed(&self, reason: impl Into<String>) -> VerifyError {
        VerifyError::Checkpoint {
            path: self.path.clone(),
            size: self.note.checkpoint.size,
            reason: reason.into(),
        }
    }
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
        is_cut: false,
        skips: request.days.is_some(),
        each,
        verified: Verified {
            origin,
            ..Verified::default()
        },
    };
    let (parts, behind) = parts(&directory, request.days.as_ref())?;
    reading.is_cut = behind.is_some();
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
        &mut |part, minute| reading.minute(part, minute),
    )?;
    let rejudged = reading.judge.finish();
    reading.verified.rejudged = rejudged.map_err(|fault| VerifyError::Leaf {
        path: parts.last().map_or(path, |part| &part.path).to_owned(),
        number: fault.number,
        reason: fault.reason,
    })?;
    if let Some(behind) = behind {
        reading.hold_to(&behind)?;
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

/// The state of the way through the leaves.
struct Reading<'a> {
    checkpoints: VecDeque<Expected>,
    /// None before the first leaf.
    tree: Option<CompactTree>,
    signers: Signers,
    /// The day that is read.
    day: String,
    /// The next leaf is the first of its day's file.
    is_first: bool,
    witnesses: &'a [WitnessKey],
    judge: LeafJudge,
    /// Days behind the last one that is read are there.
    is_cut: bool,
    /// Days before the first one that is read may be there.
    skips: bool,
    each: &'a mut dyn FnMut(u64, &Leaf),
    verified: Verified,
}

impl Reading<'_> {
    fn size(&self) -> u64 {
        self.tree.as_ref().map_or(0, CompactTree::size)
    }

    /// Takes the leaves of a minute.
    fn minute(&mut self, part: &DayPart, minute: ReadMinute) -> Result<(), VerifyError> {
        if self.day != part.day {
            self.day.clone_from(&part.day);
            self.is_first = true;
        }
        let failed = |fault: LeafFault| VerifyError::Leaf {
            path: part.path.clone(),
            number: fault.number,
            reason: fault.reason,
        };
        for (leaf, hash) in &minute.leaves {
            let number = self.size();
            let placed = self.place(leaf);
            placed.map_err(|reason| failed(LeafFault { number, reason }))?;
            // the last one of a day that is gone
            self.check_checkpoints()?;
            if let Leaf::Key(change) = leaf {
                let changed = self.signers.change(change, &self.verified.origin);
                changed.map_err(|reason| failed(LeafFault { number, reason }))?;
                self.verified.key_changes += 1;
            }
            self.count(leaf, *hash);
            self.check_checkpoints()?;
        }
        if let Some(reason) = minute.refused {
            let number = self.size();
            return Err(failed(LeafFault { number, reason }));
        }
        // What is judged again is what was sealed.
        let first = self.size() - minute.leaves.len() as u64;
        for (number, (leaf, _)) in (first..).zip(minute.leaves) {
            (self.each)(number, &leaf);
            self.judge.take(number, leaf).map_err(failed)?;
        }
        Ok(())
    }

    /// A day begins with its day leaf, which stands nowhere else. The error says what is wrong.
    fn place(&mut self, leaf: &Leaf) -> Result<(), String> {
        match (leaf, self.is_first) {
            (Leaf::Day(first), true) => {
                let day = self.day.clone();
                self.day(&day, first)?;
            }
            (Leaf::Day(_), false) => return Err("a day begins in the middle of a file".into()),
            (_, true) => return Err("is no day leaf, though the first of its day".into()),
            (_, false) => {}
        }
        self.is_first = false;
        Ok(())
    }

    /// What is read must end as the day behind it says that it did.
    fn hold_to(&mut self, behind: &DayPart) -> Result<(), VerifyError> {
        if self.tree.is_none() {
            return Ok(());
        }
        let Some(minute) = PartReader::open(&behind.path)?.next_minute()? else {
            return Ok(());
        };
        let line = minute.lines().next().unwrap_or_default();
        let held = match Leaf::from_line(line) {
            Ok(Leaf::Day(first)) => self.day(&behind.day, &first),
            Ok(_) => Err("is no day leaf, though the first of its day".into()),
            Err(error) => Err(error.to_string()),
        };
        held.map_err(|reason| VerifyError::Leaf {
            path: behind.path.clone(),
            number: self.size(),
            reason,
        })
    }

    /// Takes a leaf into the tree.
    fn count(&mut self, leaf: &Leaf, hash: Hash) {
        *self.verified.kinds.entry(leaf.kind()).or_default() += 1;
        if let Some(second) = leaf.second() {
            let (first, last) = self.verified.seconds.unwrap_or((second, second));
            self.verified.seconds = Some((first.min(second), last.max(second)));
        }
        self.tree.get_or_insert_default().push(hash);
        self.verified.leaves += 1;
    }

    /// The first leaf of a day says what went before: the leaves of the days before, if they are there.
    fn day(&mut self, day: &str, leaf: &DayLeaf) -> Result<(), String> {
        if leaf.day != day {
            return Err(format!("is of {}, in the file of {day}", leaf.day));
        }
        let hashes: Option<Vec<_>> = leaf
            .hashes
            .iter()
            .map(|text| Hash::from_hex(text))
            .collect();
        let said = hashes.and_then(|hashes| CompactTree::new(leaf.size, hashes));
        let said = said.ok_or("does not say a compact range of so many leaves")?;
        match &self.tree {
            Some(tree) if *tree != said => {
                return Err("says other leaves before it than are there".into());
            }
            Some(_) => {}
            None => {
                self.verified.first_leaf = leaf.size;
                self.signers.begin(leaf.size);
                self.tree = Some(said);
            }
        }
        Ok(())
    }

    /// Holds the checkpoints up to this size against the tree. Of those before the first day that is
    /// there only the signature can be checked: its compact range holds what they said.
    fn check_checkpoints(&mut self) -> Result<(), VerifyError> {
        let size = self.size();
        while let Some(next) = self.checkpoints.front()
            && next.note.checkpoint.size <= size
            && let Some(next) = self.checkpoints.pop_front()
        {
            self.check_checkpoint(next, size)?;
        }
        Ok(())
    }

    fn check_checkpoint(&mut self, next: Expected, size: u64) -> Result<(), VerifyError> {
        let checkpoint = &next.note.checkpoint;
        if checkpoint.size == size {
            let root = self.tree.as_ref().map(CompactTree::root);
            if root != Some(checkpoint.root) {
                let ours = root.map_or_else(String::new, |root| root.to_string());
                let reason = format!("root {} is not that of the leaves, {ours}", checkpoint.root);
                return Err(next.failed(reason));
            }
        }
        let is_signed = self.signers.check(&next.note);
        let is_signed = is_signed.map_err(|reason| next.failed(reason))?;
        let is_cosigned = self
            .witnesses
            .iter()
            .any(|key| key.seen(&next.note).is_some());
        if next.is_witness && !self.witnesses.is_empty() && !is_cosigned {
            return Err(next.failed("is not cosigned by the witness"));
        }
        let verified = &mut self.verified;
        if next.is_witness {
            verified.witnessed = verified.witnessed.max(checkpoint.size);
            return Ok(());
        }
        verified.checkpoints += 1;
        verified.sealed = checkpoint.size;
        if is_signed {
            verified.signed = checkpoint.size;
        }
        verified.head = Some(next.note);
        Ok(())
    }

    fn finish(mut self, require: Option<Requirement>) -> Result<Verified, VerifyError> {
        let size = self.size();
        self.verified.key = self.signers.current();
        // Of a part, checkpoints of what was not read say nothing.
        let is_part = self.is_cut || (self.skips && self.tree.is_none());
        if let Some(next) = self.checkpoints.front()
            && !is_part
        {
            return Err(next.failed(format!("only {size} leaves are there")));
        }
        let (held, by) = match require {
            Some(Requirement::Signed) => (self.verified.signed, "a checkpoint that is signed"),
            Some(Requirement::Witnessed) => (
                self.verified.witnessed,
                "a checkpoint that was kept elsewhere",
            ),
            None => return Ok(self.verified),
        };
        if held < size {
            return Err(VerifyError::NotHeld { size, held, by });
        }
        Ok(self.verified)
    }
}
