//! `asnmeter run`: the daemon.
//!
//! Start order: configuration, tables, listener, sources; the threads start only when all of these are
//! ready. Stop order: sources, workers, judge, web endpoint.

use super::background::{BackgroundLoads, DEADLINE};
use super::endpoint::{self, WebEndpoint};
use super::evidence::{self, EvidenceThread, RunningLedger};
use super::fleet::{self, FleetThread};
use super::observer_pair::ObserverPair;
use super::reload::{self, DaemonFiles, LoadResult, Reloader};
use super::routers::{self, RouterKey};
use super::sandbox::Sandbox;
use super::shared_policy::SharedPolicy;
use super::signals::Signals;
use super::source::LiveSource;
use super::unseen_log::{UnseenLog, UnseenNotice};
use super::worker_sink::{ChannelSink, mirrored_channels, peer_channels};
use super::worst_streams::{self, StreamsCollector};
use super::{
    AppError, check, daemon_state, hep, judge_thread, policy, privileges, settings, systemd,
};
use super::{history, local_check};
use crate::capture::CaptureError;
use crate::capture::pnet::PnetSource;
use crate::capture::ring::{Group, MergedRings, RingSettings, RingSource};
use crate::config::checked::{Backend, Config};
use crate::events;
use crate::export::questions::Answerers;
use crate::export::{HepStatus, Published, http};
use crate::files::Load;
use crate::frame::InterfaceId;
use crate::judge::Judge;
use crate::judge::assembly::StepDetection;
use crate::ledger::directory::LedgerDirectory;
use crate::ledger::leaf::Mode;
use crate::ledger::settled;
use crate::ledger::settler::Settler;
use crate::pipeline::timed_source::ClockedSource;
use crate::pipeline::{Worker, WorkerSettings};
use crate::sla::policy::Policy;
use crate::snapshot::Snapshot;
use crate::snapshot::evidence::JudgementObserver;
use crate::voice::signalling::Announcement;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
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

/// Captures, judges and serves until a signal ends it.
///
/// # Errors
/// [`AppError`]: the start failed and nothing has run, or a source or the endpoint failed later.
pub fn run(path: &Path, flags: RunFlags) -> Result<(), AppError> {
    let kept = privileges::reduce(flags.user.as_deref())?;
    block_on(daemon(path, flags, kept))
}

/// Runs the daemon on this thread. At the end it does not wait for loads in progress.
pub(super) fn block_on(daemon: impl Future<Output = Result<(), AppError>>) -> Result<(), AppError> {
    let failed = |source| AppError::System {
        what: "starting the runtime",
        source,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // The threads of requests wait for the next one: see `keep_thread`.
        .thread_keep_alive(Duration::MAX)
        .build()
        .map_err(failed)?;
    let result = runtime.block_on(daemon);
    runtime.shutdown_background();
    result
}

/// Starts the first thread that works for requests (passwords, the ledger's files), which stays. Where no more
/// threads may be started (`TasksMax`) they wait for it; without one tokio panics. Behind the sandbox: it is
/// confined as the thread that starts it.
pub(super) async fn keep_thread() {
    // It does nothing, so it cannot fail.
    let _ = tokio::task::spawn_blocking(|| ()).await;
}

async fn daemon(
    path: &Path,
    flags: RunFlags,
    capabilities: Option<Vec<String>>,
) -> Result<(), AppError> {
    let mut signals = Signals::new()?;
    let loads = BackgroundLoads::default();
    let (file, web) = (path.to_owned(), flags.config_file);
    let mut first_load = loads.begin(DEADLINE, move |load| load_all(&file, web, load))?;
    let loaded = tokio::select! {
        loaded = first_load.ended() => loaded?,
        signal = signals.stop.requested() => {
            events::stopping(signal);
            return Ok(());
        }
    };
    let (config, policy, endpoint, router_keys) = loaded;
    let listener = endpoint.bind(flags.listen_address.unwrap_or(config.web.listen_address))?;
    let stop = Arc::new(AtomicBool::new(false));
    let bmp_sources = routers::listen(&config.asn, &router_keys).await?;
    let mirror = hep::listen(&config.hep).await?;
    let sources = open(&config, &stop)?;
    for warning in check::interface_warnings(&config) {
        events::warning_logged(&warning);
    }
    if let Some(kept) = capabilities {
        events::privileges_reduced(flags.user.as_deref(), &kept);
    }
    events::started(&config.capture.interfaces, &listener.url());
    let directory = flags.evidence.or(config.evidence.directory.clone());
    if directory.is_none() {
        events::no_evidence();
    }
    if let Some(directory) = &directory {
        // It has to be there before it is all that may be written.
        LedgerDirectory::new(directory).create()?;
    }
    let files = endpoint.files();
    let files = files.iter().map(PathBuf::as_path).chain([path]);
    let mut sandbox = Sandbox::new(&config, files, directory.as_deref());
    sandbox.enter();
    keep_thread().await;
    let names = config.capture.interfaces.iter();
    let interfaces = names.map(|name| evidence::unhashed_source(name)).collect();
    let kept = directory
        .as_deref()
        .map(|path| evidence::start_ledger(path, (Mode::Live, false), interfaces, &config));
    let kept = kept.transpose()?;
    let fleet = fleet::begin(&config, path, directory.as_deref(), kept.as_ref())?;
    let settings = settings(&config);
    let mut running = Running::start(&settings, policy.into(), sources, stop, &config, kept)?;
    if let Some(mirror) = mirror {
        let (workers, status) = (running.mirrored.clone(), running.hep.clone());
        tokio::spawn(mirror.receive(workers, status.unwrap_or_default()));
    }
    running.publish(fleet);
    running.confined_to(&sandbox);
    let files = DaemonFiles {
        path,
        config,
        endpoint,
        loads,
        bmp_sources,
        sandbox,
    };
    running.supervise(listener, Some(files), signals).await
}

/// Loads configuration, policy, security file and the keys of routers at the start.
fn load_all(
    path: &Path,
    web: Option<PathBuf>,
    load: &Load,
) -> Result<(Config, Policy, WebEndpoint, Vec<RouterKey>), AppError> {
    load.begin(path);
    let config = Config::load(path)?;
    if config.capture.interfaces.is_empty() {
        let reason = "[capture] names no interface";
        return Err(AppError::Incomplete {
            path: path.to_owned(),
            reason,
        });
    }
    let policy = policy(&config, None, load)?;
    let web = web.or(config.web.config_file.clone());
    let security = endpoint::read(web.as_deref(), load)?;
    endpoint::remark(&security);
    let hosts = config.web.hosts.clone();
    let keys = routers::read_keys(&config.asn.bmp_keys)?;
    Ok((config, policy, WebEndpoint::new(web, hosts, security), keys))
}

/// Command line flags that override the configuration.
#[derive(Clone, Debug, Default)]
pub struct RunFlags {
    /// `--web.listen-address`
    pub listen_address: Option<SocketAddr>,
    /// `--web.config.file`
    pub config_file: Option<PathBuf>,
    /// `--evidence`: where the ledger is kept.
    pub evidence: Option<PathBuf>,
    /// `--user`: whom the daemon becomes before it does anything else.
    pub user: Option<String>,
}

/// Opens all interfaces with all their queues; one failure fails all. With `capture.deduplicate` one
/// source reads the same queue of every interface.
fn open(config: &Config, stop: &Arc<AtomicBool>) -> Result<Vec<LiveSource>, CaptureError> {
    let capture = &config.capture;
    let queues = usize::try_from(capture.queues).unwrap_or(1);
    let is_merged = capture.merges_interfaces();
    let mut sources = Vec::new();
    let mut merged: Vec<Vec<RingSource>> = Vec::new();
    merged.resize_with(queues, Vec::new);
    for (number, name) in (0..).zip(&capture.interfaces) {
        // A worker counts by its own numbers.
        let id = InterfaceId(if is_merged { number } else { 0 });
        if capture.backend == Backend::Pnet {
            let pnet = PnetSource::open(name, id, capture.promiscuous, stop.clone())?;
            sources.push(LiveSource::Pnet(Box::new(pnet)));
            continue;
        }
        let group: Arc<Group> = Arc::default();
        for (queue, together) in merged.iter_mut().enumerate() {
            let settings = RingSettings {
                mib: capture.ring_mib,
                promiscuous: capture.promiscuous,
                cut_for: capture.cut_payload.then(|| config.voice.sip_ports.clone()),
                queue: (queues > 1).then(|| (group.clone(), queue)),
            };
            let source = RingSource::open(name, id, settings, stop.clone())?;
            if is_merged {
                together.push(source);
            } else {
                sources.push(LiveSource::Ring(Box::new(source)));
            }
        }
    }
    if is_merged {
        let merged = merged.into_iter().map(MergedRings::new);
        sources.extend(merged.map(|rings| LiveSource::Merged(Box::new(rings))));
    }
    Ok(sources)
}

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
    mirrored: Vec<SyncSender<Announcement>>,
    hep: Option<Arc<HepStatus>>,
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
    fn confined_to(&self, sandbox: &Sandbox) {
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

/// Logs the last state; it is not stored.
fn stopped(snapshot: &Snapshot) {
    let capture = &snapshot.capture;
    let dropped = capture.interfaces.iter().map(|one| one.dropped).sum();
    let judged = snapshot.judged.unwrap_or_default();
    events::stopped(&judged, capture.frames, dropped);
}
