//! A fleet's two ends: the thread by which a probe publishes its ledger, and `asnmeter fleet`, which adds what
//! the probes count.

mod daemon;

pub use daemon::run;

use super::evidence::{self, RunningLedger};
use super::observer_pair::ObserverPair;
use super::{AppError, current_thread_runtime, policy};
use crate::clock;
use crate::config::checked::{Config, FleetProbe, FleetRole, FleetSettings};
use crate::events;
use crate::files::Load;
use crate::fleet::Subjects;
use crate::fleet::feed::ProbeFeed;
use crate::fleet::follow::LedgerProgress;
use crate::fleet::judge::FleetJudge;
use crate::fleet::nats::{NatsConnection, NatsServers};
use crate::fleet::publish::{ProbeNotice, ProbeSettings, Publisher};
use crate::fleet::seconds::Fleet;
use crate::fleet::{read, totals};
use crate::judge::Judge;
use crate::ledger::amended::MAX_PENDING;
use crate::ledger::leaf::Mode;
use crate::ledger::settler::Settler;
use crate::sla::policy::Policy;
use crate::snapshot::Snapshot;
use crate::snapshot::fleet::ProbeStatus;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// At a stop a live probe goes on publishing for so long; the rest it publishes at the next start.
const FAREWELL: Duration = Duration::from_secs(2);

/// A replay waits for the servers as long as they take something in this time.
const STANDSTILL: Duration = Duration::from_secs(30);

/// The thread that publishes.
#[derive(Debug)]
pub(super) struct FleetThread {
    thread: JoinHandle<bool>,
    status: Arc<ProbeStatus>,
    totals: Arc<Mutex<Vec<String>>>,
}

impl FleetThread {
    /// How it stands.
    pub(super) fn status(&self) -> Arc<ProbeStatus> {
        self.status.clone()
    }

    /// What a replay has counted in all; to be said before its ledger is over.
    pub(super) fn set_totals(&self, judge: &Judge) {
        let totals = self.totals.lock();
        *totals.unwrap_or_else(PoisonError::into_inner) = totals::lines(judge);
    }

    /// Waits until the servers have everything, or take nothing any more. The ledger must be over.
    ///
    /// # Errors
    /// [`AppError::FleetUndelivered`].
    pub(super) fn finish(self) -> Result<(), AppError> {
        let delivered = self.thread.join();
        if delivered.map_err(|_| AppError::Panicked("fleet"))? {
            return Ok(());
        }
        Err(AppError::FleetUndelivered {
            acknowledged: self.status.acknowledged.load(Ordering::Relaxed),
            written: self.status.written.load(Ordering::Relaxed),
        })
    }
}

/// Whether a configuration is that of a probe.
pub(super) fn is_probe(config: &Config) -> bool {
    let role = config.fleet.as_ref().map(|fleet| &fleet.role);
    matches!(role, Some(FleetRole::Probe(_)))
}

/// Begins to publish the ledger of a daemon, if its configuration makes it a probe.
///
/// # Errors
/// [`AppError`]: it keeps no ledger, or its key cannot be read.
pub(super) fn begin(
    config: &Config,
    path: &Path,
    directory: Option<&Path>,
    kept: Option<&RunningLedger>,
) -> Result<Option<FleetThread>, AppError> {
    let reason = match &config.fleet {
        Some(FleetSettings {
            role: FleetRole::Aggregator { .. },
            ..
        }) => Some("[fleet] names probes: that is for asnmeter fleet"),
        Some(_) if directory.is_none() => {
            Some("[fleet] publishes the ledger, and [evidence] names no directory for one")
        }
        _ => None,
    };
    if let Some(reason) = reason {
        return Err(AppError::Incomplete {
            path: path.to_owned(),
            reason,
        });
    }
    start(config, (directory, kept), false)
}

/// The same of a replay.
///
/// # Errors
/// [`AppError`]: its key cannot be read.
pub(super) fn begin_replay(
    config: &Config,
    directory: Option<&Path>,
    kept: Option<&RunningLedger>,
) -> Result<Option<FleetThread>, AppError> {
    start(config, (directory, kept), true)
}

fn start(
    config: &Config,
    (directory, kept): (Option<&Path>, Option<&RunningLedger>),
    is_replay: bool,
) -> Result<Option<FleetThread>, AppError> {
    let (Some(fleet), Some(directory), Some(kept)) = (&config.fleet, directory, kept) else {
        return Ok(None);
    };
    let FleetRole::Probe(probe) = &fleet.role else {
        return Ok(None);
    };
    let key = config.evidence.key.as_deref();
    let totals = Arc::<Mutex<Vec<String>>>::default();
    let settings = ProbeSettings {
        servers: servers(fleet, probe),
        subjects: Subjects::new(&fleet.name),
        probe: probe.clone(),
        ledger: directory.to_owned(),
        origin: config.evidence.origin.clone(),
        key: key.map(evidence::read_key).transpose()?,
        clock_error: if is_replay {
            // time is that of its packets
            || Some(Duration::ZERO)
        } else {
            clock::uncertainty
        },
        is_replay,
        totals: totals.clone(),
    };
    let status = Arc::<ProbeStatus>::default();
    let (known, progress) = (status.clone(), kept.progress.clone());
    let run = move || publish(settings, progress, &known, is_replay);
    let thread = std::thread::Builder::new().name("fleet".into()).spawn(run);
    let thread = thread.map_err(|source| AppError::System {
        what: "starting a thread",
        source,
    })?;
    Ok(Some(FleetThread {
        thread,
        status,
        totals,
    }))
}

/// Publishes until everything is delivered, or nothing goes on any more.
fn publish(
    settings: ProbeSettings,
    progress: watch::Receiver<LedgerProgress>,
    status: &Arc<ProbeStatus>,
    is_replay: bool,
) -> bool {
    let Ok(runtime) = current_thread_runtime() else {
        return false;
    };
    let ended = progress.clone();
    let mut publisher = Publisher::new(settings, progress, status.clone(), log_notice);
    runtime.block_on(async {
        tokio::select! {
            () = publisher.run() => true,
            () = out_of_patience(ended, status, is_replay) => false,
        }
    })
}

/// Waits until the ledger is over and nothing is to be expected any more.
async fn out_of_patience(
    mut progress: watch::Receiver<LedgerProgress>,
    status: &ProbeStatus,
    is_replay: bool,
) {
    // an error: it is over all the more
    let _ = progress.wait_for(|progress| progress.is_over).await;
    if !is_replay {
        return sleep(FAREWELL).await;
    }
    loop {
        let before = status.acknowledged.load(Ordering::Relaxed);
        sleep(STANDSTILL).await;
        if status.acknowledged.load(Ordering::Relaxed) == before {
            return;
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the publisher calls it with a value"
)]
fn log_notice(notice: ProbeNotice<'_>) {
    match notice {
        ProbeNotice::GoesOn(leaves) => events::fleet_publishes(leaves),
        ProbeNotice::Failed(error) => events::fleet_waits(error),
        ProbeNotice::Foreign => events::fleet_foreign(),
    }
}

fn servers(fleet: &FleetSettings, name: &str) -> NatsServers {
    NatsServers {
        addresses: fleet.servers.clone(),
        credentials: fleet.credentials.clone(),
        tls_required: fleet.tls.required,
        ca: fleet.tls.ca.clone(),
        identity: fleet.tls.identity.clone(),
        name: format!("asnmeter {name}"),
    }
}

/// Command line flags that override the configuration.
#[derive(Clone, Debug, Default)]
pub struct AggregatorFlags {
    /// `--web.listen-address`
    pub listen_address: Option<SocketAddr>,
    /// `--web.config.file`
    pub config_file: Option<PathBuf>,
    /// `--evidence`: where the ledger is kept.
    pub evidence: Option<PathBuf>,
}

/// An aggregator's configuration.
struct Aggregator {
    config: Config,
    settings: FleetSettings,
    probes: Vec<FleetProbe>,
    patience: Duration,
}

impl Aggregator {
    fn load(path: &Path) -> Result<Self, AppError> {
        let config = Config::load(path)?;
        let incomplete = |reason| AppError::Incomplete {
            path: path.to_owned(),
            reason,
        };
        let settings = config.fleet.clone();
        let settings = settings.ok_or_else(|| incomplete("[fleet] is missing"))?;
        let FleetRole::Aggregator { probes, patience } = settings.role.clone() else {
            return Err(incomplete(
                "[fleet] names no probes, but makes this meter one",
            ));
        };
        if config.commitments.is_empty() {
            return Err(incomplete(
                "no [[commitment]] says what the fleet is judged by",
            ));
        }
        Ok(Self {
            config,
            settings,
            probes,
            patience,
        })
    }

    fn fleet(&self, max_asns: usize) -> Result<(Fleet, Arc<Policy>), AppError> {
        let policy = Arc::new(policy(&self.config, None, &Load::default())?);
        let feed = |probe: &FleetProbe| ProbeFeed::new(&probe.name, &self.settings.name, probe.key);
        let feeds: Vec<_> = self.probes.iter().map(feed).collect();
        let names: Vec<Arc<str>> = feeds.iter().map(|feed| feed.name().clone()).collect();
        for probe in self.probes.iter().filter(|probe| probe.key.is_none()) {
            events::fleet_unsigned(&probe.name);
        }
        let fleet = Fleet {
            feeds,
            judge: FleetJudge::new(policy.clone(), &names, max_asns)
                .with_windows(self.config.voice.max_asns as usize),
        };
        Ok((fleet, policy))
    }

    fn start_ledger(&self, directory: &Path, can_wait: bool) -> Result<RunningLedger, AppError> {
        let names = self
            .probes
            .iter()
            .map(|probe| evidence::unhashed_source(&probe.name));
        evidence::start_ledger(
            directory,
            (Mode::Fleet, can_wait),
            names.collect(),
            &self.config,
        )
    }
}

/// Judges what the probes have published until each of them has stopped.
///
/// # Errors
/// [`AppError`]; [`AppError::FleetTimeout`] names the probes that were waited for too long.
pub fn judge_once(
    path: &Path,
    flags: &AggregatorFlags,
    patience: Option<Duration>,
) -> Result<Snapshot, AppError> {
    let aggregator = Aggregator::load(path)?;
    let (mut fleet, _) = aggregator.fleet(usize::MAX)?;
    let directory = flags.evidence.clone();
    let mut kept = directory
        .map(|path| aggregator.start_ledger(&path, true))
        .transpose()?;
    let runtime = current_thread_runtime()?;
    let mut settler = Settler::new(MAX_PENDING);
    let recorder = kept.as_mut().map(|kept| &mut kept.recorder);
    let mut evidence = ObserverPair(recorder, Some(&mut settler));
    let totals = runtime.block_on(async {
        let settings = &aggregator.settings;
        let servers = servers(settings, "fleet");
        let link = NatsConnection::connect(&servers, Subjects::new(&settings.name)).await?;
        let all = read::judge_once(&link, &mut fleet, &mut evidence, events::fleet_notice);
        let is_done = match patience {
            None => {
                all.await;
                true
            }
            Some(patience) => timeout(patience, all).await.is_ok(),
        };
        if is_done {
            return Ok(read::totals(&link, &fleet).await?);
        }
        let waiting = fleet.feeds.iter().filter(|feed| !feed.is_stopped());
        let waiting: Vec<_> = waiting.map(|feed| feed.name().to_string()).collect();
        Err(AppError::FleetTimeout(waiting.join(", ")))
    })?;
    for notice in fleet.judge.take_notices() {
        events::out_of_sla(&notice);
    }
    for state in fleet.judge.probes() {
        for (commitment, key) in &state.differs {
            events::fleet_differs(&state.name, commitment, key);
        }
    }
    if let Some(RunningLedger {
        recorder, thread, ..
    }) = kept
    {
        drop(recorder);
        thread.finish()?;
    }
    let mut snapshot = fleet.judge.snapshot();
    totals.complete(&mut snapshot);
    settler.finish().fill(&mut snapshot);
    Ok(snapshot)
}
