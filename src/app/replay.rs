//! `asnmeter replay`: capture files through the same loop as live frames.

use super::outlet::{Lane, Listing};
use super::terms::Board;
use super::{AppError, court, settings, terms};
use crate::capture::CaptureError;
use crate::capture::file::{FileSource, Progress};
use crate::config::checked::Config;
use crate::export::seconds::SecondsFile;
use crate::judge::Judge;
use crate::judge::assembly::Pacing;
use crate::pipeline::Worker;
use crate::pipeline::shard::{Shard, Shards, shards};
use crate::pipeline::steps::{Paced, StepSource};
use crate::snapshot::evidence::Evidence;
use crate::snapshot::{Snapshot, StreamRow};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, Scope, ScopedJoinHandle};

/// What to replay.
#[derive(Clone, Debug)]
pub struct Request {
    /// Capture files; `-` is standard input.
    pub captures: Vec<PathBuf>,
    /// The configuration; the default one judges nothing.
    pub config: Config,
    /// Where to write every judged second.
    pub seconds: Option<PathBuf>,
    /// Worker threads, at least 1.
    pub workers: usize,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The state after the last second.
    pub snapshot: Snapshot,
    /// Every stream.
    pub streams: Vec<StreamRow>,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

/// Replays; `watch` is given the progress once reading begins.
///
/// # Errors
/// [`AppError`]: nothing is written to standard output then.
pub fn replay(request: &Request, watch: impl FnOnce(Arc<Progress>)) -> Result<Outcome, AppError> {
    let mut source = FileSource::open(&request.captures)?;
    if request.workers > 1 {
        source.read_ahead()?;
    }
    let terms = Arc::new(terms(&request.config, None)?);
    let path = request.seconds.clone().unwrap_or_default();
    let failed = |source| AppError::Write {
        path: path.clone(),
        source,
    };
    let mut seconds = request
        .seconds
        .as_deref()
        .map(SecondsFile::create)
        .transpose()
        .map_err(failed)?;
    let mut nobody = ();
    let evidence: &mut (dyn Evidence + Send) = match &mut seconds {
        Some(file) => file,
        None => &mut nobody,
    };
    watch(source.progress());
    let board = Board::new(terms.clone());
    let judge = Judge::new(terms, usize::MAX, &[]);
    let mut source = Paced::new(source);
    let (judge, listings) = run(request, &board, judge, &mut source, evidence)?;
    if let Some(file) = seconds {
        file.finish().map_err(failed)?;
    }
    let mut warnings = source.source().warnings().to_vec();
    let left_out: u64 = listings.iter().map(|listing| listing.left_out).sum();
    if left_out > 0 {
        warnings.push(format!("{left_out} streams are counted but not listed"));
    }
    let streams = listings
        .into_iter()
        .flat_map(|listing| listing.rows)
        .collect();
    Ok(Outcome {
        snapshot: judge.snapshot(),
        streams,
        warnings,
    })
}

fn run(
    request: &Request,
    board: &Arc<Board>,
    judge: Judge,
    source: &mut Paced<FileSource>,
    evidence: &mut (dyn Evidence + Send),
) -> Result<(Judge, Vec<Listing>), AppError> {
    let workers = request.workers.max(1);
    let (senders, receivers) = court::channels(workers);
    let terms = board.reader();
    let new_worker = |sender| {
        let lane = Lane::new(sender, board.reader(), true);
        Worker::new(settings(&request.config), &board.current(), lane)
    };
    thread::scope(|scope| {
        let judge = scope.spawn(move || {
            court::sit(judge, terms, &receivers, Pacing::Together, evidence, |_| {})
        });
        let mut ready: Vec<_> = senders.into_iter().map(new_worker).collect();
        let (read, listings) = match ready.pop() {
            Some(only) if ready.is_empty() => {
                let (read, listing) = drive(only, source);
                (read, vec![listing])
            }
            last => {
                let (hand_out, ends) = shards(workers, settings(&request.config).rules);
                let all = ready.into_iter().chain(last);
                let running: Vec<_> = all
                    .zip(ends)
                    .map(|(worker, end)| start(scope, worker, end))
                    .collect();
                distribute(hand_out, source, running)?
            }
        };
        let judge = judge.join().map_err(|_| AppError::Panicked("judge"))?;
        read?;
        Ok((judge, listings))
    })
}

type Driven = (Result<(), CaptureError>, Listing);

/// Runs a worker to its end.
fn drive(mut worker: Worker<Lane>, source: &mut impl StepSource) -> Driven {
    let result = worker.run(source);
    (result, worker.into_outlet().into_listing())
}

fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    worker: Worker<Lane>,
    mut end: Shard,
) -> ScopedJoinHandle<'scope, Driven> {
    scope.spawn(move || drive(worker, &mut end))
}

/// Reads on this thread and waits for the workers.
fn distribute(
    hand_out: Shards,
    source: &mut Paced<FileSource>,
    running: Vec<ScopedJoinHandle<'_, Driven>>,
) -> Result<(Result<(), CaptureError>, Vec<Listing>), AppError> {
    let mut read = hand_out.distribute(source);
    let mut listings = Vec::new();
    for worker in running {
        let (result, listing) = worker.join().map_err(|_| AppError::Panicked("worker"))?;
        read = read.and(result);
        listings.push(listing);
    }
    Ok((read, listings))
}
