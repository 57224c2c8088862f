//! The composition root: the only module that starts threads and tasks, and the only one that knows
//! every other module. It connects sources to workers, workers to the judge, and the judge to the
//! export, in this order, and stops them in the same order.
//!
//! Nothing is measured here.

mod background;
pub mod check;
pub mod demo;
mod endpoint;
mod evidence;
pub mod fleet;
mod hep;
mod history;
mod judge_thread;
pub mod live;
mod local_check;
mod observer_pair;
mod privileges;
mod reload;
pub mod replay;
pub mod requests;
mod routers;
mod running;
mod sandbox;
mod shared_policy;
mod signals;
mod source;
mod stream_row;
mod systemd;
mod unseen_log;
pub mod witness;
mod worker_sink;
mod worst_streams;

use crate::asn::{self, CacheUse, LoadError, Origins};
use crate::attribution::scopes::ScopePlan;
use crate::capture::CaptureError;
use crate::clock;
use crate::config::ConfigError;
use crate::config::checked::Config;
use crate::events;
use crate::export::http::HttpError;
use crate::export::{DaemonState, SourceRow};
use crate::files::Load;
use crate::ledger::directory::LedgerError;
use crate::ledger::key::KeyError;
use crate::ledger::verify::VerifyError;
use crate::meter::CopyRule;
use crate::pipeline::WorkerSettings;
use crate::pipeline::shard::Shard;
use crate::report::ReportError;
use crate::report::period::PeriodError;
use crate::sla::policy::Policy;
use crate::stream::StreamLimits;
use crate::voice::Rules;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Version of the program, from Cargo.toml.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit of the build; `unknown` if the build did not provide it.
pub const REVISION: &str = env!("ASNMETER_REVISION");

/// Why a command failed. The text is one line.
#[derive(thiserror::Error, Debug)]
pub enum AppError {
    /// The configuration is missing or invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An ASN source cannot be loaded.
    #[error("asn source {0}")]
    Asn(#[from] LoadError),
    /// A capture source failed.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The web endpoint failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The ledger cannot be opened or written.
    #[error("ledger {0}")]
    Ledger(#[from] LedgerError),
    /// The key that would sign the ledger cannot be used.
    #[error("{}: {error}", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What is wrong with it.
        error: KeyError,
    },
    /// A replay would write into a ledger that has leaves already.
    #[error("ledger {}: has leaves already; a replay writes into a new directory", .0.display())]
    LedgerInUse(PathBuf),
    /// A file holds no checkpoint.
    #[error("{}: is no checkpoint of a ledger", .0.display())]
    NoCheckpoint(PathBuf),
    /// A file holds no key of a witness.
    #[error("{}: is no verifier key of a witness (name+hash+key)", .0.display())]
    NoWitness(PathBuf),
    /// A ledger does not hold.
    #[error("{0}")]
    Verify(#[from] VerifyError),
    /// The head of another's ledger was not taken.
    #[error("witness: {0}")]
    Follow(#[from] witness::FollowError),
    /// The time that a report should be about.
    #[error("{0}")]
    Period(#[from] PeriodError),
    /// Of a ledger no report can be made.
    #[error("{0}")]
    Report(#[from] ReportError),
    /// The request cannot be entered into the ledger: why.
    #[error("{0}")]
    Refused(String),
    /// A file that the command line or the configuration names cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A result cannot be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Threads, signals or the runtime cannot be set up.
    #[error("{what}: {source}")]
    System {
        /// The operation that failed.
        what: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
    /// The listen address of a BMP source, or of mirrored signalling, cannot be bound.
    #[error("{what} {address}: {source}")]
    Listen {
        /// Who would listen there: `asn source`, or a key.
        what: &'static str,
        /// The address.
        address: std::net::SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// The kernel does not check the signatures of routers: it has no TCP-MD5, or does not take a key.
    #[error(
        "asn.bmp_keys: {routers}: TCP-MD5: {}",
        routers::signature_refusal(source)
    )]
    Signature {
        /// The routers whose key it is.
        routers: crate::units::Prefix,
        /// The system's error.
        source: std::io::Error,
    },
    /// The configuration lacks a key that the daemon needs: exit code 78.
    #[error("{}: {reason}", path.display())]
    Incomplete {
        /// The configuration file.
        path: PathBuf,
        /// What is missing.
        reason: &'static str,
    },
    /// A fleet was waited for too long. Holds the probes that it waited for.
    #[error("fleet: after the time that --timeout gives still waiting for {0}")]
    FleetTimeout(String),
    /// The stream did not take all leaves of a replay.
    #[error(
        "fleet: only {acknowledged} of {written} leaves were taken by the servers; all of the verdicts are printed"
    )]
    FleetUndelivered {
        /// Leaves that it has.
        acknowledged: u64,
        /// Leaves of the replay.
        written: u64,
    },
    /// The servers of a fleet cannot be used.
    #[error("fleet: {0}")]
    Fleet(#[from] crate::fleet::nats::NatsError),
    /// `config check` has found errors; this is the last of them, on one line.
    #[error("{line}")]
    Unfit {
        /// `FILE:LINE: key: reason`
        line: String,
        /// The exit code of all.
        exit_code: u8,
    },
    /// A command that needs an ASN table was given none: exit code 78.
    #[error(
        "no ASN table: name one with --source FILE, or a configuration that does with --config FILE"
    )]
    NoTable,
    /// A replay was interrupted; what it printed is what was judged until then. Exit code 130.
    #[error(
        "interrupted: what was judged until then is printed, the rest of the captures was not read"
    )]
    Interrupted,
    /// Reading the files took longer than the deadline.
    #[error("{}: still being read after {seconds} s: not waited for any longer", path.display())]
    Overdue {
        /// The file that was being read.
        path: PathBuf,
        /// The deadline in seconds.
        seconds: u64,
    },
    /// Too many threads hang in a file system, so no further file is read. Holds their number.
    #[error("{0} earlier attempts still wait for their files")]
    Hanging(usize),
    /// A capture thread or the judge panicked: a bug.
    #[error("internal error: the {0} has stopped")]
    Panicked(&'static str),
}

impl AppError {
    /// A file that cannot be read.
    pub(crate) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }

    /// The exit code (sysexits.h, as docs/INSTALL.md lists them).
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => 69,
            Self::Config(ConfigError::NoFile { .. })
            | Self::Asn(LoadError::NoFile { .. })
            | Self::Overdue { .. }
            | Self::Hanging(_)
            | Self::Capture(CaptureError::NoFile { .. } | CaptureError::NoInterface { .. }) => 69,
            Self::Http(HttpError::Security(error)) => {
                if error.is_missing() {
                    69
                } else {
                    78
                }
            }
            Self::Capture(CaptureError::Permission { .. }) => 77,
            Self::Follow(error) => error.exit_code(),
            Self::Unfit { exit_code, .. } => *exit_code,
            // As a shell says of a process that SIGINT ended.
            Self::Interrupted => 130,
            Self::Period(_) | Self::Refused(_) => 2,
            Self::Config(_)
            | Self::Asn(_)
            | Self::Incomplete { .. }
            | Self::NoTable
            | Self::Key { .. }
            | Self::LedgerInUse(_)
            | Self::Ledger(LedgerError::OtherMeter { .. } | LedgerError::OtherKey(_)) => 78,
            Self::Capture(_)
            | Self::Http(HttpError::Bind { .. })
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Ledger(_)
            | Self::Verify(_)
            | Self::Report(_)
            | Self::NoCheckpoint(_)
            | Self::FleetTimeout(_)
            | Self::FleetUndelivered { .. }
            | Self::Fleet(_)
            | Self::NoWitness(_)
            | Self::System { .. }
            | Self::Listen { .. }
            | Self::Signature { .. }
            | Self::Panicked(_) => 1,
        }
    }
}

/// Loads the ASN sources of a configuration. If it names no cache, the cache is the directory that
/// systemd created for the service (systemd.exec(5), `CacheDirectory=`).
///
/// # Errors
/// [`LoadError`] for the first source that cannot be loaded.
pub fn origins(config: &Config) -> Result<Origins, LoadError> {
    load_origins(config, None, &Load::default())
}

/// As [`origins`]. Also fails if a source has lost too many prefixes since `previous`, and once `load`
/// is cancelled.
fn load_origins(
    config: &Config,
    previous: Option<&Origins>,
    load: &Load,
) -> Result<Origins, LoadError> {
    let settings = with_cache(&config.asn);
    let origins = Origins::load(&settings, previous, load, clock::now)?;
    for source in origins.sources() {
        if let CacheUse::Failed(why) = source.cache {
            events::cache_failed(source.name, why);
        }
    }
    Ok(origins)
}

/// The settings with a cache directory, if the configuration or systemd names one.
fn with_cache(settings: &asn::OriginSettings) -> asn::OriginSettings {
    let mut settings = settings.clone();
    if settings.cache.is_none() {
        let directories = std::env::var_os("CACHE_DIRECTORY");
        // separated by colons
        let first = directories
            .as_ref()
            .and_then(|directories| std::env::split_paths(directories).next());
        settings.cache = first.filter(|path| path.is_absolute());
    }
    settings
}

/// Loads the policy of a configuration. Reuses the unchanged parts of `previous`.
fn policy(config: &Config, previous: Option<&Policy>, load: &Load) -> Result<Policy, LoadError> {
    let origins = load_origins(config, previous.map(|policy| &*policy.origins), load)?;
    let commitments = config.commitments.clone();
    let wanted = commitments.iter().map(|one| &one.scope);
    let scopes = match previous {
        Some(policy) => ScopePlan::new(wanted, &policy.scopes),
        None => ScopePlan::new(wanted, &ScopePlan::default()),
    };
    Ok(Policy {
        commitments,
        scopes: scopes.into(),
        origins: Arc::new(origins),
        silence_share: config.voice.silence_share,
    })
}

/// The worker settings of a configuration.
fn settings(config: &Config) -> WorkerSettings {
    let voice = &config.voice;
    WorkerSettings {
        rules: Rules {
            ports: voice.ports.clone(),
            prefixes: voice.prefixes.clone(),
            sip_ports: voice.sip_ports.clone(),
        },
        limits: StreamLimits {
            max_streams: voice.max_streams,
            timeout: voice.stream_timeout,
            silence_limit: voice.silence_limit,
        },
        copies: if config.capture.deduplicate {
            CopyRule::Discarded
        } else {
            CopyRule::Counted
        },
        shard: Shard::default(),
    }
}

/// The state of the daemon under a policy.
fn daemon_state(policy: &Policy, config_ok: bool) -> DaemonState {
    let sources = policy.origins.sources().map(|source| SourceRow {
        name: source.name.clone(),
        prefixes: source.prefixes as u64,
        loaded: source.loaded,
        built: source.provenance.built,
        written: source.written,
        ..SourceRow::default()
    });
    DaemonState {
        sources: sources.collect(),
        config_ok,
        version: VERSION.into(),
        revision: REVISION.into(),
        ..DaemonState::default()
    }
}

/// A runtime on this thread alone: for commands, and for threads that wait for the network.
fn current_thread_runtime() -> Result<Runtime, AppError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(|source| AppError::System {
        what: "starting the runtime",
        source,
    })
}
