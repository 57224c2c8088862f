//! `asnmeter run`: the daemon.
//!
//! Start: configuration, tables, listener, sources; only when all of them stand does anything
//! run. Stop: sources, workers, judge, then the web endpoint.

use super::background::{BackgroundLoads, DEADLINE};
use super::endpoint::{self, WebEndpoint};
use super::shared_policy::SharedPolicy;
use super::signals::Signals;
use super::source::LiveSource;
use super::tables::{self, DaemonFiles, Ended, Tables};
use super::worker_sink::{ChannelSink, peer_channels};
use super::{AppError, judge_thread, policy, settings, standing, systemd};
use crate::capture::CaptureError;
use crate::capture::pnet::PnetSource;
use crate::capture::ring::{self, RingSource};
use crate::config::checked::{Backend, Config};
use crate::events;
use crate::export::{Published, http};
use crate::files::Load;
use crate::frame::InterfaceId;
use crate::judge::Judge;
use crate::judge::assembly::StepDetection;
use crate::pipeline::timed_source::ClockedSource;
use crate::pipeline::{Worker, WorkerSettings};
use crate::sla::policy::Policy;
use crate::snapshot::Snapshot;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior};

/// Captures, judges and serves until a signal ends it.
///
/// # Errors
/// [`AppError`]: before the start nothing has run; afterwards a source or the endpoint has failed.
pub fn run(path: &Path, flags: WebFlags) -> Result<(), AppError> {
    block_on(daemon(path, flags))
}

/// Runs on this thread; what is still being read at the end is not waited for.
pub(super) fn block_on(daemon: impl Future<Output = Result<(), AppError>>) -> Result<(), AppError> {
    let failed = |source| AppError::System {
        what: "starting the runtime",
        source,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let result = runtime.block_on(daemon);
    runtime.shutdown_background();
    result
}

async fn daemon(path: &Path, flags: WebFlags) -> Result<(), AppError> {
    let mut signals = Signals::new()?;
    let readers = BackgroundLoads::default();
    let (from, web) = (path.to_owned(), flags.config_file);
    let mut reading = readers.begin(DEADLINE, move |load| first(&from, web, load))?;
    let read = tokio::select! {
        read = reading.ended() => read?,
        signal = signals.stop.requested() => {
            events::stopping(signal);
            return Ok(());
        }
    };
    let (config, policy, endpoint) = read;
    let listener = endpoint.bind(flags.listen_address.unwrap_or(config.web.listen_address))?;
    let stop = Arc::new(AtomicBool::new(false));
    let sources = open(&config, &stop)?;
    events::started(&config.capture.interfaces, &listener.url());
    let running = Running::start(&settings(&config), policy.into(), sources, stop, &config)?;
    let written = DaemonFiles {
        path,
        config,
        endpoint,
        readers,
    };
    running.supervise(listener, Some(written), signals).await
}

/// Reads everything for the first time.
fn first(
    path: &Path,
    web: Option<PathBuf>,
    load: &Load,
) -> Result<(Config, Policy, WebEndpoint), AppError> {
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
    Ok((config, policy, WebEndpoint::new(web, security)))
}

/// What the command line says of the endpoint: wins over the file.
#[derive(Clone, Debug, Default)]
pub struct WebFlags {
    /// `--web.listen-address`
    pub listen_address: Option<SocketAddr>,
    /// `--web.config.file`
    pub config_file: Option<PathBuf>,
}

/// Opens every interface, with all its queues, or none.
fn open(config: &Config, stop: &Arc<AtomicBool>) -> Result<Vec<LiveSource>, CaptureError> {
    let (capture, id) = (&config.capture, InterfaceId(0));
    let mut sources = Vec::new();
    for name in &capture.interfaces {
        if capture.backend == Backend::Pnet {
            let pnet = PnetSource::open(name, id, capture.promiscuous, stop.clone())?;
            sources.push(LiveSource::Pnet(Box::new(pnet)));
            continue;
        }
        let ring = ring::RingSettings {
            mib: capture.ring_mib,
            promiscuous: capture.promiscuous,
            cut_for: capture.cut_payload.then(|| config.voice.sip_ports.clone()),
            group: (capture.queues > 1).then(Arc::default),
        };
        for _ in 0..capture.queues {
            let source = RingSource::open(name, id, ring.clone(), stop.clone())?;
            sources.push(LiveSource::Ring(Box::new(source)));
        }
    }
    Ok(sources)
}

/// Binds this thread to a processor.
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
    /// How each worker ended.
    ended: mpsc::UnboundedReceiver<Result<(), CaptureError>>,
}

impl Running {
    /// Starts judge and workers.
    pub(super) fn start(
        settings: &WorkerSettings,
        policy: Arc<Policy>,
        sources: Vec<LiveSource>,
        stop: Arc<AtomicBool>,
        config: &Config,
    ) -> Result<Self, AppError> {
        let thread = |name: &str| std::thread::Builder::new().name(name.into());
        let failed = |source| AppError::System {
            what: "starting a thread",
            source,
        };
        let published = Published {
            standing: standing(&policy, true).into(),
            ..Published::default()
        };
        let (published, _) = watch::channel(published);
        let shared_policy = SharedPolicy::new(policy.clone());
        let judge = Judge::new(policy, config.export.max_asns as usize, &config.export.asns);
        let (senders, receivers) = judge_thread::channels(sources.len());
        let circles = peer_channels(sources.len());
        let (reader, shown) = (shared_policy.reader(), published.clone());
        let judge = thread("judge").spawn(move || {
            judge_thread::run(
                judge,
                reader,
                &receivers,
                StepDetection::Apart,
                &mut (),
                |judge| {
                    let snapshot = Arc::new(judge.snapshot());
                    shown.send_modify(|published| published.snapshot = snapshot);
                },
            );
        });
        let judge = judge.map_err(failed)?;
        let (tell, ended) = mpsc::unbounded_channel();
        let mut workers = Vec::new();
        let queues = sources.into_iter().zip(senders).zip(circles);
        for (place, ((source, sender), peer_channels)) in queues.enumerate() {
            let sink = ChannelSink::new(sender, shared_policy.reader(), false).among(peer_channels);
            let mut worker = Worker::new(settings.clone(), &shared_policy.current(), sink);
            let tell = tell.clone();
            let cpus = &config.capture.cpus;
            let cpu = cpus.get(place % cpus.len().max(1)).copied();
            let run = move || {
                pin(cpu);
                let result = worker.run(&mut ClockedSource::new(source));
                // Nobody listens any more only when the daemon ends anyway.
                let _ = tell.send(result);
            };
            workers.push(
                thread(&format!("worker {place}"))
                    .spawn(run)
                    .map_err(failed)?,
            );
        }
        Ok(Self {
            shared_policy,
            stop,
            published,
            workers,
            judge,
            ended,
        })
    }

    /// Serves until a signal or a failure, then takes everything down. `reload` is what SIGHUP
    /// reads again.
    pub(super) async fn supervise(
        mut self,
        listener: http::HttpServer,
        reload: Option<DaemonFiles<'_>>,
        mut signals: Signals,
    ) -> Result<(), AppError> {
        let mut tables = match reload {
            Some(written) => {
                let (shared_policy, published) =
                    (self.shared_policy.clone(), self.published.clone());
                Some(Tables::new(written, shared_policy, published).await?)
            }
            None => None,
        };
        let (mut look, mut ask) = (interval(tables::LOOK), interval(tables::ASK));
        let (farewell, mut requested) = watch::channel(());
        let shutdown = async move {
            let _ = requested.changed().await;
        };
        self.published
            .send_modify(|published| published.refused = listener.refused());
        let crowded = tokio::spawn(endpoint::log_crowding(listener.crowded()));
        let watched = tokio::spawn(systemd::notify_states(self.published.subscribe()));
        let mut server = tokio::spawn(http::serve(listener, self.published.subscribe(), shutdown));
        systemd::ready();
        let result = loop {
            tokio::select! {
                signal = signals.stop.requested() => { events::stopping(signal); break Ok(()) }
                _ = signals.hangup.recv() => if let Some(tables) = &mut tables {
                    tables.reload().await;
                },
                ended = ended(&mut tables) => if let Some(tables) = &mut tables {
                    tables.apply(ended).await;
                },
                _ = look.tick() => if let Some(tables) = &mut tables { tables.check_files() },
                _ = ask.tick() => if let Some(tables) = &mut tables { tables.ask_routers().await },
                served = &mut server => break match served {
                    Ok(result) => result.map_err(AppError::from),
                    Err(_) => Err(AppError::Panicked("web endpoint")),
                },
                ended = self.ended.recv() => break match ended {
                    Some(Ok(())) => Err(AppError::Panicked("capture")),
                    Some(Err(error)) => Err(error.into()),
                    None => Err(AppError::Panicked("worker")),
                },
            }
        };
        systemd::stopping();
        // calls off what is being read
        drop(tables);
        self.stop.store(true, Ordering::Relaxed);
        let threads = self.workers.into_iter().chain([self.judge]);
        let joined = tokio::task::spawn_blocking(move || {
            threads.map(JoinHandle::join).all(|ended| ended.is_ok())
        });
        let all_well = joined.await.unwrap_or(false);
        stopped(&self.published.borrow().snapshot);
        watched.abort();
        crowded.abort();
        drop(farewell);
        if !server.is_finished() {
            let _ = server.await;
        }
        result.and(if all_well {
            Ok(())
        } else {
            Err(AppError::Panicked("judge"))
        })
    }
}

/// Waits for what is being read.
async fn ended(tables: &mut Option<Tables>) -> Ended {
    match tables {
        Some(tables) => tables.ended().await,
        None => std::future::pending().await,
    }
}

/// Ticks that are let go of while something else took its time.
fn interval(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Says what the last state was: nothing of it is kept.
fn stopped(snapshot: &Snapshot) {
    let capture = &snapshot.capture;
    let dropped = capture.interfaces.iter().map(|one| one.dropped).sum();
    let judged = snapshot.judged.unwrap_or_default();
    events::stopped(&judged, capture.frames, dropped);
}
