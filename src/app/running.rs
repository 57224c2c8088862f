//! The threads of a running meter: starts judge and workers, serves until a signal or a failure, and stops
//! them in order.

use super::evidence::{EvidenceThread, RunningLedger};
use super::fleet::FleetThread;
use super::observer_pair::ObserverPair;
use super::reload::{self, DaemonFiles, LoadResult, Reloader};
use super::sandbox::Sandbox;
use super::shared_policy::SharedPolicy;
use super::signals::Signals;
use super::source::LiveSource;
use super::unseen_log::{UnseenLog, UnseenNotice};
use super::worker_sink::{ChannelSink, mirrored_channels, peer_channels};
use super::worst_streams::{self, StreamsCollector};
use super::{AppError, daemon_state, endpoint, history, judge_thread, local_check, systemd};
use crate::capture::CaptureError;
use crate::config::checked::Config;
use crate::events;
use crate::export::questions::Answerers;
use crate::export::{HepStatus, Published, http};
use crate::judge::Judge;
use crate::judge::assembly::StepDetection;
use crate::ledger::settled;
use crate::ledger::settler::Settler;
use crate::pipeline::timed_source::ClockedSource;
use crate::pipeline::{Worker, WorkerSettings};
use crate::sla::policy::Policy;
use crate::snapshot::Snapshot;
use crate::snapshot::evidence::JudgementObserver;
use crate::voice::signalling::Announcement;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior};

/// Counts of an ASN in a second that wait to be settled at most: an hour of 100 ASNs all the time, some
/// 110 MiB. With more they wait less long.
pub(super) const MAX_SETTLING: usize = 360_000;

/// Binds this thread to a processor, if one is configured.
fn pin(cpu: Option<u16>) {
    let Some(cpu) = cpu else { return };
    let mut only = CpuSet::new();
    only.set(cpu.into());
    if let Err(error) = sched_setaffinity(None, &only) {
        events::not_pinned(cpu, &error.into());
    }
}

/// The threads of a running meter.
pub(super) struct Running {
    shared_policy: Arc<SharedPolicy>,
    stop: Arc<AtomicBool>,
    published: watch::Sender<Published>,
    workers: Vec<JoinHandle<()>>,
    judge: JoinHandle<()>,
    ledger: Option<EvidenceThread>,
    streams: StreamsCollector,
    fleet: Option<FleetThread>,
    /// The result of each worker that has ended.
    results: mpsc::UnboundedReceiver<Result<(), CaptureError>>,
    /// Where mirrored signalling goes, and what becomes of it; nothing where none is listened for.
    pub(super) mirrored: Vec<SyncSender<Announcement>>,
    pub(super) hep: Option<Arc<HepStatus>>,
}

/// A thread could not be started.
fn not_started(source: std::io::Error) -> AppError {
    AppError::System {
        what: "starting a thread",
        source,
    }
}

impl Running {
    /// Starts judge and workers.
    pub(super) fn start(
        settings: &WorkerSettings,
        policy: Arc<Policy>,
        sources: Vec<LiveSource>,
        stop: Arc<AtomicBool>,
        config: &Config,
        kept: Option<RunningLedger>,
    ) -> Result<Self, AppError> {
        let thread = |name: &str| std::thread::Builder::new().name(name.into());
        let hep: Option<Arc<HepStatus>> = config.hep.listen.map(|_| Arc::default());
        let (asking, streams, readers) = worst_streams::channels(sources.len());
        let ledger = kept.as_ref().map(|kept| kept.directory.as_path());
        let answerers = Answerers {
            history: ledger.map(history::answer_from).transpose()?,
            streams: config.export.streams.then_some(asking),
        };
        let (published, _) = watch::channel(Published {
            hep: hep.clone(),
            answerers,
            daemon: daemon_state(&policy, true).into(),
            evidence: kept.as_ref().map(|kept| kept.status.clone()),
            ..Published::default()
        });
        let shared_policy = SharedPolicy::new(policy.clone());
        let mut judge = Judge::new(policy, config.export.max_asns as usize, &config.export.asns)
            .with_windows(config.voice.max_asns as usize);
        let (senders, receivers) = judge_thread::channels(sources.len());
        let (peers, mirrored) = if hep.is_some() {
            mirrored_channels(sources.len())
        } else {
            (peer_channels(sources.len()), Vec::new())
        };
        let (reader, shown) = (shared_policy.reader(), published.clone());
        let (recorder, ledger) = match kept {
            Some(kept) => {
                kept.resumed
                    .into_iter()
                    .for_each(|before| judge.resume(before));
                (Some(kept.recorder), Some(kept.thread))
            }
            None => (None, None),
        };
        let judge = thread("judge").spawn(move || {
            let mut recorder = recorder;
            let mut settler = Settler::new(MAX_SETTLING);
            let shared = settler.shared();
            let evidence: &mut dyn JudgementObserver =
                &mut ObserverPair(recorder.as_mut(), Some(&mut settler));
            let mut unseen_log = UnseenLog::default();
            judge_thread::run(
                judge,
                reader,
                &receivers,
                StepDetection::Apart,
                evidence,
                |judge| {
                    let mut snapshot = judge.snapshot();
                    settled::fill(&shared, &mut snapshot);
                    let snapshot = Arc::new(snapshot);
                    let notices = unseen_log.update(&snapshot);
                    notices.iter().for_each(UnseenNotice::log);
                    shown.send_modify(|published| published.snapshot = snapshot);
                },
            );
        });
        let judge = judge.map_err(not_started)?;
        let (result_sender, results) = mpsc::unbounded_channel();
        let mut workers = Vec::new();
        let has_local = !config.asn.local_prefixes.is_empty();
        let checks = local_check::for_workers(sources.len());
        let queues = sources.into_iter().zip(senders).zip(peers);
        let queues = queues.zip(readers.into_iter().zip(checks));
        for (index, (((source, sender), peer_channels), (reader, check))) in queues.enumerate() {
            let sink = ChannelSink::new(sender, shared_policy.reader(), false)
                .with_peers(peer_channels)
                .with_streams(config.export.streams.then_some(reader))
                .with_local_check(has_local.then_some(check));
            let mut worker = Worker::new(settings.clone(), &shared_policy.current(), sink);
            let result_sender = result_sender.clone();
            let cpus = &config.capture.cpus;
            let cpu = cpus.get(index % cpus.len().max(1)).copied();
            let run = move || {
                pin(cpu);
                let result = worker.run(&mut ClockedSource::new(source));
                // Fails only if the daemon is ending.
                let _ = result_sender.send(result);
            };
            workers.push(
                thread(&format!("worker {index}"))
                    .spawn(run)
                    .map_err(not_started)?,
            );
        }
        Ok(Self {
            shared_policy,
            stop,
            published,
            workers,
            judge,
            ledger,
            streams,
            fleet: None,
            results,
            mirrored,
            hep,
        })
    }

    /// Shows whether the kernel holds the program to a sandbox.
    pub(super) fn confined_to(&self, sandbox: &Sandbox) {
        let is_confined = sandbox.is_enforced();
        self.published
            .send_modify(|published| published.is_confined = Some(is_confined));
    }

    /// Publishes the ledger to a fleet as well.
    pub(super) fn publish(&mut self, fleet: Option<FleetThread>) {
        if let Some(fleet) = fleet {
            let status = fleet.status();
            self.published
                .send_modify(|published| published.probe = Some(status));
            self.fleet = Some(fleet);
        }
    }

    /// Serves until a signal or a failure, then stops everything. SIGHUP reloads `files`, if there are
    /// any.
    pub(super) async fn supervise(
        mut self,
        listener: http::HttpServer,
        files: Option<DaemonFiles<'_>>,
        mut signals: Signals,
    ) -> Result<(), AppError> {
        let mut reloader = match files {
            Some(files) => {
                let (shared_policy, published) =
                    (self.shared_policy.clone(), self.published.clone());
                Some(Reloader::new(files, shared_policy, published).await)
            }
            None => None,
        };
        let mut file_check = interval(reload::FILE_INTERVAL);
        let mut router_check = interval(reload::ROUTER_INTERVAL);
        let (shutdown_sender, mut requested) = watch::channel(());
        let shutdown = async move {
            let _ = requested.changed().await;
        };
        self.published
            .send_modify(|published| published.refused = listener.refused());
        let streams = tokio::spawn(self.streams.run());
        let refusals = tokio::spawn(endpoint::log_refusals(
            listener.last_refused(),
            listener.refused(),
        ));
        let watched = tokio::spawn(systemd::notify_states(self.published.subscribe()));
        let mut server = tokio::spawn(http::serve(listener, self.published.subscribe(), shutdown));
        systemd::ready();
        let result = loop {
            tokio::select! {
                signal = signals.stop.requested() => { events::stopping(signal); break Ok(()) }
                _ = signals.hangup.recv() => if let Some(reloader) = &mut reloader {
                    reloader.reload().await;
                },
                result = load_ended(&mut reloader) => if let Some(reloader) = &mut reloader {
                    reloader.apply(result).await;
                },
                _ = file_check.tick() => if let Some(reloader) = &mut reloader {
                    reloader.check_files();
                },
                _ = router_check.tick() => if let Some(reloader) = &mut reloader {
                    reloader.check_routers().await;
                },
                served = &mut server => break match served {
                    Ok(result) => result.map_err(AppError::from),
                    Err(_) => Err(AppError::Panicked("web endpoint")),
                },
                ended = self.results.recv() => break match ended {
                    Some(Ok(())) => Err(AppError::Panicked("capture")),
                    Some(Err(error)) => Err(error.into()),
                    None => Err(AppError::Panicked("worker")),
                },
            }
        };
        systemd::stopping();
        // cancels the current load
        drop(reloader);
        self.stop.store(true, Ordering::Relaxed);
        let threads = self.workers.into_iter().chain([self.judge]);
        let (ledger, fleet) = (self.ledger, self.fleet);
        let joined = tokio::task::spawn_blocking(move || {
            let all = threads.map(JoinHandle::join).all(|ended| ended.is_ok());
            // the judge has told its last second
            let sealed = ledger.map_or(Ok(()), EvidenceThread::finish);
            // what it could not publish it will at the next start
            if let Some(fleet) = fleet {
                drop(fleet.finish());
            }
            (all, sealed)
        });
        let (all_joined, sealed) = joined.await.unwrap_or((false, Ok(())));
        stopped(&self.published.borrow().snapshot);
        watched.abort();
        refusals.abort();
        streams.abort();
        drop(shutdown_sender);
        if !server.is_finished() {
            let _ = server.await;
        }
        result.and(sealed).and(if all_joined {
            Ok(())
        } else {
            Err(AppError::Panicked("judge"))
        })
    }
}

/// Waits for the current load; for ever without one.
async fn load_ended(reloader: &mut Option<Reloader>) -> LoadResult {
    match reloader {
        Some(reloader) => reloader.load_ended().await,
        None => std::future::pending().await,
    }
}

/// An interval that skips missed ticks.
fn interval(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Logs the last state before the end.
fn stopped(snapshot: &Snapshot) {
    let capture = &snapshot.capture;
    let dropped = capture.interfaces.iter().map(|one| one.dropped).sum();
    let judged = snapshot.judged.unwrap_or_default();
    events::stopped(&judged, capture.frames, dropped);
}
