//! `asnmeter replay`: judges capture files with the loop of live capture.

use super::evidence::{self, RunningLedger};
use super::observer_pair::ObserverPair;
use super::shared_policy::SharedPolicy;
use super::signals::Signals;
use super::worker_sink::{ChannelSink, StreamList};
use super::{AppError, current_thread_runtime, fleet, judge_thread, policy, settings};
use crate::capture::CaptureError;
use crate::capture::file::{FileSource, ReadProgress};
use crate::config::checked::Config;
use crate::events;
use crate::export::seconds::SecondsFile;
use crate::files::Load;
use crate::judge::Judge;
use crate::judge::assembly::StepDetection;
use crate::ledger::amended::MAX_PENDING;
use crate::ledger::leaf::Mode;
use crate::ledger::settler::Settler;
use crate::pipeline::partitioned::{PartitionedSource, partitioner};
use crate::pipeline::shard::Shard;
use crate::pipeline::{Worker, WorkerSettings};
use crate::snapshot::evidence::JudgementObserver;
use crate::snapshot::{Snapshot, StreamRow};
use crate::voice::RtpPacket;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// A replay to run.
#[derive(Clone, Debug)]
pub struct ReplayRequest {
    /// Capture files; `-` is standard input.
    pub captures: Vec<PathBuf>,
    /// The configuration; the default one judges nothing.
    pub config: Config,
    /// Where to write every judged second.
    pub seconds: Option<PathBuf>,
    /// Where to keep a ledger; a directory that is empty or not there.
    pub evidence: Option<PathBuf>,
    /// Worker threads, at least 1.
    pub workers: usize,
    /// Whether to wait for more at the end of the last file, which grows.
    pub follow: bool,
}

/// The result of a replay.
#[derive(Debug)]
pub struct ReplayOutcome {
    /// The state after the last second.
    pub snapshot: Snapshot,
    /// Every stream.
    pub streams: Vec<StreamRow>,
    /// Warnings for the operator, one line each.
    pub warnings: Vec<String>,
    /// Whether it was stopped before the end of its files, and not because it followed one.
    pub interrupted: bool,
    /// Why a fleet did not get all of it.
    pub undelivered: Option<AppError>,
}

/// Where the ledger of a replay is kept: where the request says, or aside for as long as it takes to publish it
/// to a fleet.
enum LedgerPlace {
    Nowhere,
    Named(PathBuf),
    Aside(PathBuf),
}

impl LedgerPlace {
    fn new(request: &ReplayRequest) -> Result<Self, AppError> {
        if let Some(path) = &request.evidence {
            return Ok(Self::Named(path.clone()));
        }
        if !fleet::is_probe(&request.config) {
            return Ok(Self::Nowhere);
        }
        let path = std::env::temp_dir().join(format!("asnmeter-fleet-{}", std::process::id()));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|source| AppError::Write {
            path: path.clone(),
            source,
        })?;
        Ok(Self::Aside(path))
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Self::Nowhere => None,
            Self::Named(path) | Self::Aside(path) => Some(path),
        }
    }
}

impl Drop for LedgerPlace {
    fn drop(&mut self) {
        if let Self::Aside(path) = self {
            // what remains is a copy of what was published
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

/// Runs a replay. Calls `watch` with the progress when reading starts.
///
/// # Errors
/// [`AppError`]. Nothing was written to standard output.
pub fn replay(
    request: &ReplayRequest,
    watch: impl FnOnce(Arc<ReadProgress>),
) -> Result<ReplayOutcome, AppError> {
    let assign_frame = partitioner(request.workers, settings(&request.config).rules);
    let sources = FileSource::open_for(request.workers, &request.captures, assign_frame)?;
    let policy = Arc::new(policy(&request.config, None, &Load::default())?);
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
    let directory = LedgerPlace::new(request)?;
    let keep = |directory: &Path| {
        let sources = evidence::capture_sources(&request.captures)?;
        evidence::start_ledger(directory, (Mode::Replay, true), sources, &request.config)
    };
    let mut ledger = directory.path().map(keep).transpose()?;
    let fleet = fleet::begin_replay(&request.config, directory.path(), ledger.as_ref())?;
    let recorder = ledger.as_mut().map(|kept| &mut kept.recorder);
    let mut settler = Settler::new(MAX_PENDING);
    let mut others = ObserverPair(seconds.as_mut(), recorder);
    let mut evidence = ObserverPair(Some(&mut others), Some(&mut settler));
    let progress = sources
        .first()
        .map(FileSource::progress)
        .unwrap_or_default();
    if request.follow {
        progress.follow();
    }
    watch(progress.clone());
    let shared_policy = SharedPolicy::new(policy.clone());
    let judge =
        Judge::new(policy, usize::MAX, &[]).with_windows(request.config.voice.max_asns as usize);
    let (judge, stream_lists, mut warnings) =
        run(request, &shared_policy, judge, sources, &mut evidence)?;
    let refused = judge.windows().refused;
    if refused > 0 {
        warnings.push(format!(
            "{refused} seconds of ASNs found no room (voice.max_asns): they are judged indeterminate"
        ));
    }
    if let Some(fleet) = &fleet {
        fleet.set_totals(&judge);
    }
    if let Some(RunningLedger {
        recorder, thread, ..
    }) = ledger
    {
        drop(recorder);
        thread.finish()?;
    }
    let undelivered = fleet.and_then(|fleet| fleet.finish().err());
    if let Some(file) = seconds {
        file.finish().map_err(failed)?;
    }
    let left_out: u64 = stream_lists
        .iter()
        .map(|stream_list| stream_list.left_out)
        .sum();
    if left_out > 0 {
        warnings.push(format!("{left_out} streams are counted but not listed"));
    }
    let streams = stream_lists
        .into_iter()
        .flat_map(|stream_list| stream_list.rows)
        .collect();
    let mut snapshot = judge.snapshot();
    settler.finish().fill(&mut snapshot);
    Ok(ReplayOutcome {
        snapshot,
        streams,
        warnings,
        interrupted: progress.is_stopped() && !request.follow,
        undelivered,
    })
}

/// Ends a replay at SIGINT or SIGTERM where it is, so that what was judged is printed; a second one
/// ends the process.
///
/// # Errors
/// [`AppError::System`]: the handlers cannot be registered.
pub fn stop_on_signal(progress: Arc<ReadProgress>) -> Result<(), AppError> {
    let failed = |source| AppError::System {
        what: "waiting for signals",
        source,
    };
    let runtime = current_thread_runtime()?;
    let mut signals = {
        let _context = runtime.enter();
        Signals::new()?
    };
    let wait = move || {
        runtime.block_on(async {
            let signal = signals.stop.requested().await;
            events::replay_stopping(signal);
            progress.stop();
            signals.stop.requested().await;
            std::process::exit(i32::from(AppError::Interrupted.exit_code()));
        });
    };
    thread::Builder::new()
        .name("signals".into())
        .spawn(wait)
        .map_err(failed)?;
    Ok(())
}

type Run = (Judge, Vec<StreamList>, Vec<String>);

/// Runs the judge and one worker per source, the first worker on this thread.
fn run(
    request: &ReplayRequest,
    shared_policy: &Arc<SharedPolicy>,
    judge: Judge,
    sources: Vec<FileSource<RtpPacket>>,
    evidence: &mut (dyn JudgementObserver + Send),
) -> Result<Run, AppError> {
    let count = sources.len();
    let (senders, receivers) = judge_thread::channels(count);
    let policy = shared_policy.reader();
    let workers = Shard::split(count).zip(senders).map(|(shard, sender)| {
        let settings = WorkerSettings {
            shard,
            ..settings(&request.config)
        };
        let sink = ChannelSink::new(sender, shared_policy.reader(), true);
        Worker::new(settings, &shared_policy.current(), sink)
    });
    thread::scope(|scope| {
        let judge = scope.spawn(move || {
            judge_thread::run(
                judge,
                policy,
                &receivers,
                StepDetection::Together,
                evidence,
                |_| {},
            )
        });
        let mut ready: Vec<_> = workers.zip(sources).collect();
        let others: Vec<_> = ready
            .drain(1..)
            .map(|(worker, source)| scope.spawn(|| run_worker(worker, source)))
            .collect();
        let first = ready
            .pop()
            .map(|(worker, source)| run_worker(worker, source));
        let others = others
            .into_iter()
            .map(|worker| worker.join().map_err(|_| AppError::Panicked("worker")));
        let all: Vec<_> = first.into_iter().map(Ok).chain(others).collect();
        let judge = judge.join().map_err(|_| AppError::Panicked("judge"))?;
        let (mut stream_lists, mut warnings) = (Vec::new(), Vec::new());
        for result in all {
            let (stream_list, of_files) = result??;
            stream_lists.push(stream_list);
            // Every worker has read the same files.
            warnings = of_files;
        }
        Ok((judge, stream_lists, warnings))
    })
}

/// Runs a worker to its end. Returns its streams and the warnings about the files.
fn run_worker(
    mut worker: Worker<ChannelSink>,
    source: FileSource<RtpPacket>,
) -> Result<(StreamList, Vec<String>), CaptureError> {
    let mut source = PartitionedSource::new(source);
    worker.run(&mut source)?;
    let warnings = source.source().warnings().to_vec();
    Ok((worker.into_sink().into_stream_list(), warnings))
}
