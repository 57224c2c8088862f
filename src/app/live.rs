//! `asnmeter run`: the daemon.
//!
//! Start order: configuration, tables, listener, sources; the threads start only when all of these are
//! ready. Stop order: sources, workers, judge, web endpoint.

use super::background::{BackgroundLoads, DEADLINE};
use super::endpoint::{self, WebEndpoint};
use super::reload::DaemonFiles;
use super::routers::{self, RouterKey};
use super::running::Running;
use super::sandbox::Sandbox;
use super::signals::Signals;
use super::{AppError, check, evidence, fleet, hep, policy, privileges, settings, source};
use crate::config::checked::Config;
use crate::events;
use crate::files::Load;
use crate::ledger::directory::LedgerDirectory;
use crate::ledger::leaf::Mode;
use crate::sla::policy::Policy;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

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
    let sources = source::open(&config, &stop)?;
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
