//! `asnmeter replay`: capture files through the same loop as live frames.

use super::outlet::{Lane, Listing};
use super::terms::Board;
use super::{AppError, court, settings, terms};
use crate::capture::CaptureError;
use crate::capture::file::{FileSource, Progress};
use crate::config::checked::Config;
use crate::export::seconds::SecondsFile;
use crate::files::Load;
use crate::judge::Judge;
use crate::judge::assembly::Pacing;
use crate::pipeline::dealt::{Dealt, dealer};
use crate::pipeline::share::Share;
use crate::pipeline::{Settings, Worker};
use crate::snapshot::evidence::Evidence;
use crate::snapshot::{Snapshot, StreamRow};
use crate::voice::Glanced;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

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
    let whose = dealer(request.workers, settings(&request.config).rules);
    let sources = FileSource::open_for(request.workers, &request.captures, whose)?;
    let terms = Arc::new(terms(&request.config, None, &Load::default())?);
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
    if let Some(source) = sources.first() {
        watch(source.progress());
    }
    let board = Board::new(terms.clone());
    let judge = Judge::new(terms, usize::MAX, &[]);
    let (judge, listings, mut warnings) = run(request, &board, judge, sources, evidence)?;
    if let Some(file) = seconds {
        file.finish().map_err(failed)?;
    }
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

type Run = (Judge, Vec<Listing>, Vec<String>);

/// Runs a worker for each source, the first of them on this thread, and the judge.
fn run(
    request: &Request,
    board: &Arc<Board>,
    judge: Judge,
    sources: Vec<FileSource<Glanced>>,
    evidence: &mut (dyn Evidence + Send),
) -> Result<Run, AppError> {
    let count = sources.len();
    let (senders, receivers) = court::channels(count);
    let terms = board.reader();
    let workers = Share::split(count).zip(senders).map(|(share, sender)| {
        let settings = Settings {
            share,
            ..settings(&request.config)
        };
        let lane = Lane::new(sender, board.reader(), true);
        Worker::new(settings, &board.current(), lane)
    });
    thread::scope(|scope| {
        let judge = scope.spawn(move || {
            court::sit(judge, terms, &receivers, Pacing::Together, evidence, |_| {})
        });
        let mut ready: Vec<_> = workers.zip(sources).collect();
        let others: Vec<_> = ready
            .drain(1..)
            .map(|(worker, source)| scope.spawn(|| drive(worker, source)))
            .collect();
        let first = ready.pop().map(|(worker, source)| drive(worker, source));
        let others = others
            .into_iter()
            .map(|worker| worker.join().map_err(|_| AppError::Panicked("worker")));
        let all: Vec<_> = first.into_iter().map(Ok).chain(others).collect();
        let judge = judge.join().map_err(|_| AppError::Panicked("judge"))?;
        let (mut listings, mut warnings) = (Vec::new(), Vec::new());
        for driven in all {
            let (listing, remarks) = driven??;
            listings.push(listing);
            // They have all read the same.
            warnings = remarks;
        }
        Ok((judge, listings, warnings))
    })
}

/// Runs a worker to its end: its streams, and what is to be said about the files.
fn drive(
    mut worker: Worker<Lane>,
    source: FileSource<Glanced>,
) -> Result<(Listing, Vec<String>), CaptureError> {
    let mut source = Dealt::new(source);
    worker.run(&mut source)?;
    let remarks = source.source().warnings().to_vec();
    Ok((worker.into_outlet().into_listing(), remarks))
}
