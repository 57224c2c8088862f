//! `asnmeter replay`: capture files through the same loop as live frames.

use super::shared_policy::SharedPolicy;
use super::worker_sink::{ChannelSink, StreamList};
use super::{AppError, judge_thread, policy, settings};
use crate::capture::CaptureError;
use crate::capture::file::{FileSource, ReadProgress};
use crate::config::checked::Config;
use crate::export::seconds::SecondsFile;
use crate::files::Load;
use crate::judge::Judge;
use crate::judge::assembly::StepDetection;
use crate::pipeline::partitioned::{PartitionedSource, partitioner};
use crate::pipeline::shard::Shard;
use crate::pipeline::{Worker, WorkerSettings};
use crate::snapshot::evidence::Evidence;
use crate::snapshot::{Snapshot, StreamRow};
use crate::voice::RtpPacket;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

/// What to replay.
#[derive(Clone, Debug)]
pub struct ReplayRequest {
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
pub struct ReplayOutcome {
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
pub fn replay(
    request: &ReplayRequest,
    watch: impl FnOnce(Arc<ReadProgress>),
) -> Result<ReplayOutcome, AppError> {
    let whose = partitioner(request.workers, settings(&request.config).rules);
    let sources = FileSource::open_for(request.workers, &request.captures, whose)?;
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
    let mut nobody = ();
    let evidence: &mut (dyn Evidence + Send) = match &mut seconds {
        Some(file) => file,
        None => &mut nobody,
    };
    if let Some(source) = sources.first() {
        watch(source.progress());
    }
    let shared_policy = SharedPolicy::new(policy.clone());
    let judge = Judge::new(policy, usize::MAX, &[]);
    let (judge, stream_lists, mut warnings) =
        run(request, &shared_policy, judge, sources, evidence)?;
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
    Ok(ReplayOutcome {
        snapshot: judge.snapshot(),
        streams,
        warnings,
    })
}

type Run = (Judge, Vec<StreamList>, Vec<String>);

/// Runs a worker for each source, the first of them on this thread, and the judge.
fn run(
    request: &ReplayRequest,
    shared_policy: &Arc<SharedPolicy>,
    judge: Judge,
    sources: Vec<FileSource<RtpPacket>>,
    evidence: &mut (dyn Evidence + Send),
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
            .map(|(worker, source)| scope.spawn(|| drive(worker, source)))
            .collect();
        let first = ready.pop().map(|(worker, source)| drive(worker, source));
        let others = others
            .into_iter()
            .map(|worker| worker.join().map_err(|_| AppError::Panicked("worker")));
        let all: Vec<_> = first.into_iter().map(Ok).chain(others).collect();
        let judge = judge.join().map_err(|_| AppError::Panicked("judge"))?;
        let (mut stream_lists, mut warnings) = (Vec::new(), Vec::new());
        for driven in all {
            let (stream_list, remarks) = driven??;
            stream_lists.push(stream_list);
            // They have all read the same.
            warnings = remarks;
        }
        Ok((judge, stream_lists, warnings))
    })
}

/// Runs a worker to its end: its streams, and what is to be said about the files.
fn drive(
    mut worker: Worker<ChannelSink>,
    source: FileSource<RtpPacket>,
) -> Result<(StreamList, Vec<String>), CaptureError> {
    let mut source = PartitionedSource::new(source);
    worker.run(&mut source)?;
    let remarks = source.source().warnings().to_vec();
    Ok((worker.into_sink().into_stream_list(), remarks))
}
