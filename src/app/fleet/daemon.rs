//! `asnmeter fleet`: the aggregator that goes on. One thread reads, judges and publishes what is shown; the
//! ledger has its own; this one serves.

use super::{Aggregator, AggregatorFlags, servers};
use crate::app::endpoint::{self, WebEndpoint};
use crate::app::evidence::RunningLedger;
use crate::app::live::{block_on, keep_thread};
use crate::app::observer_pair::ObserverPair;
use crate::app::running::MAX_SETTLING;
use crate::app::sandbox::Sandbox;
use crate::app::signals::Signals;
use crate::app::{AppError, current_thread_runtime, daemon_state, systemd};
use crate::clock;
use crate::events;
use crate::export::{DaemonState, Published, http};
use crate::files::Load;
use crate::fleet::Subjects;
use crate::fleet::aggregate::{AggregateSettings, aggregate};
use crate::fleet::nats::{NatsConnection, ReadFrom};
use crate::fleet::seconds::Fleet;
use crate::ledger::directory::LedgerDirectory;
use crate::ledger::settled::SharedSettled;
use crate::ledger::settler::Settler;
use crate::sla::commitment::MAX_WINDOW;
use crate::snapshot::evidence::JudgementObserver;
use crate::snapshot::fleet::FleetProbeRow;
use crate::units::Second;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{oneshot, watch};

/// How far back the first message may lie, before the day begins that windows reach into: clocks differ.
const SLACK: u64 = 60;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Adds, judges and serves until a signal ends it.
///
/// # Errors
/// [`AppError`]: the start failed and nothing has run, or something failed later.
pub fn run(path: &Path, flags: AggregatorFlags) -> Result<(), AppError> {
    block_on(daemon(path, flags))
}

async fn daemon(path: &Path, flags: AggregatorFlags) -> Result<(), AppError> {
    let mut signals = Signals::new()?;
    let aggregator = Aggregator::load(path)?;
    let config = &aggregator.config;
    let web = flags.config_file.or(config.web.config_file.clone());
    let security = endpoint::read(web.as_deref(), &Load::default())?;
    endpoint::remark(&security);
    let endpoint = WebEndpoint::new(web, config.web.hosts.clone(), security);
    let listener = endpoint.bind(flags.listen_address.unwrap_or(config.web.listen_address))?;
    let (fleet, policy) = aggregator.fleet(config.export.max_asns as usize)?;
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
    let mut sandbox = Sandbox::new(config, files, directory.as_deref());
    sandbox.enter();
    keep_thread().await;
    let kept = directory
        .map(|path| aggregator.start_ledger(&path, false))
        .transpose()?;
    let servers = servers(&aggregator.settings, "fleet");
    let link = NatsConnection::connect(&servers, Subjects::new(&aggregator.settings.name)).await?;
    let published = Published {
        daemon: DaemonState {
            config_read: Some(clock::now()),
            ..daemon_state(&policy, true)
        }
        .into(),
        evidence: kept.as_ref().map(|kept| kept.status.clone()),
        refused: listener.refused(),
        is_confined: Some(sandbox.is_enforced()),
        ..Published::default()
    };
    let (published, _) = watch::channel(published);
    events::fleet_started(
        &aggregator.settings.name,
        fleet.feeds.len(),
        &listener.url(),
    );
    let (stop, stopped) = oneshot::channel();
    let judging = judge(&aggregator, (fleet, kept, link), published.clone(), stopped)?;
    let (shutdown, mut requested) = watch::channel(());
    let refusals = tokio::spawn(endpoint::log_refusals(
        listener.last_refused(),
        listener.refused(),
    ));
    let watched = tokio::spawn(systemd::notify_states(published.subscribe()));
    let mut server = tokio::spawn(http::serve(listener, published.subscribe(), async move {
        let _ = requested.changed().await;
    }));
    systemd::ready();
    let result = loop {
        tokio::select! {
            signal = signals.stop.requested() => {
                events::stopping(signal);
                break Ok(());
            }
            _ = signals.hangup.recv() => events::fleet_needs_restart(),
            served = &mut server => break match served {
                Ok(result) => result.map_err(AppError::from),
                Err(_) => Err(AppError::Panicked("web endpoint")),
            },
        }
    };
    systemd::stopping();
    // gone only where the thread is
    let _ = stop.send(());
    let sealed = tokio::task::spawn_blocking(move || judging.join()).await;
    let sealed = match sealed {
        Ok(Ok(sealed)) => sealed,
        Ok(Err(_)) | Err(_) => Err(AppError::Panicked("fleet")),
    };
    watched.abort();
    refusals.abort();
    drop(shutdown);
    if !server.is_finished() {
        let _ = server.await;
    }
    result.and(sealed)
}

/// Begins to judge, in a thread of its own.
fn judge(
    aggregator: &Aggregator,
    (mut fleet, kept, link): (Fleet, Option<RunningLedger>, NatsConnection),
    published: watch::Sender<Published>,
    stopped: oneshot::Receiver<()>,
) -> Result<JoinHandle<Result<(), AppError>>, AppError> {
    let now = clock::now().second();
    let mut first = now;
    let (mut recorder, mut ledger) = (None, None);
    if let Some(kept) = kept {
        if let Some(judge) = kept.resumed {
            first = judge.judged().unwrap_or(now).min(now);
            fleet.judge.resume(judge);
        }
        if let Some((last, parts)) = kept.made_of {
            for part in &parts {
                fleet.judge.restore_progress(&part.probe, part.leaves, last);
            }
        }
        (recorder, ledger) = (Some(kept.recorder), Some(kept.thread));
    }
    let day = first.0.saturating_sub(MAX_WINDOW) / DAY * DAY;
    let settings = AggregateSettings {
        patience: aggregator.patience,
        now: || clock::now().second(),
        start: ReadFrom::Time(Second(day.saturating_sub(SLACK))),
        report: events::fleet_notice,
    };
    let failed = |source| AppError::System {
        what: "starting a thread",
        source,
    };
    let runtime = current_thread_runtime()?;
    let run = move || {
        let mut settler = Settler::new(MAX_SETTLING);
        if let Some(judged) = fleet.judge.judged() {
            // It knows nothing of what was before a restart.
            settler.restarted(judged.next(), None);
        }
        let mut shown = Shown {
            settled: settler.shared(),
            ..Shown::default()
        };
        let evidence: &mut (dyn JudgementObserver + Send) =
            &mut ObserverPair(recorder.as_mut(), Some(&mut settler));
        runtime.block_on(async {
            tokio::select! {
                () = aggregate(&link, &mut fleet, settings, evidence, |fleet| {
                    shown.show(fleet, &published);
                }) => {}
                // an error: whoever would stop it is gone
                _ = stopped => {}
            }
        });
        drop(recorder);
        ledger.map_or(Ok(()), crate::app::evidence::EvidenceThread::finish)
    };
    let thread = std::thread::Builder::new().name("judge".into());
    thread.spawn(run).map_err(failed)
}

/// What was shown last.
#[derive(Default)]
struct Shown {
    judged: Option<Second>,
    rows: Arc<Vec<FleetProbeRow>>,
    settled: SharedSettled,
}

impl Shown {
    fn show(&mut self, fleet: &mut Fleet, published: &watch::Sender<Published>) {
        for notice in fleet.judge.take_notices() {
            events::out_of_sla(&notice);
        }
        let rows = Arc::new(fleet.rows());
        if *rows != *self.rows {
            self.log(&rows);
            self.rows = rows.clone();
            published.send_modify(|published| published.fleet = rows);
        }
        let judged = fleet.judge.judged();
        if judged != self.judged {
            self.judged = judged;
            let mut snapshot = fleet.judge.snapshot();
            let known = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
            known.fill(&mut snapshot);
            drop(known);
            let snapshot = Arc::new(snapshot);
            published.send_modify(|published| published.snapshot = snapshot);
        }
    }

    /// What has changed with a probe.
    fn log(&self, rows: &[FleetProbeRow]) {
        for row in rows {
            let old = self.rows.iter().find(|old| old.name == row.name);
            if old.map(|old| old.absence) != Some(row.absence) {
                match row.absence {
                    Some(absence) => events::fleet_absent(&row.name, absence),
                    None if old.is_some_and(|old| old.absence.is_some()) => {
                        events::fleet_present(&row.name);
                    }
                    None => {}
                }
            }
            for (commitment, key) in &row.differs {
                let was = old.and_then(|old| old.differs.get(commitment));
                if was != Some(key) && *key != crate::fleet::judge::NO_POLICY {
                    events::fleet_differs(&row.name, commitment, key);
                }
            }
        }
    }
}
