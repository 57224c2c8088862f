//! The composition root: the only place that starts threads and tasks, and the only one that
//! knows every room. It wires sources to workers, workers to the judge, the judge to what is
//! shown, in that order, and takes them down in the same.
//!
//! Nothing is measured here.

mod background;
pub mod demo;
mod endpoint;
mod judge_thread;
pub mod live;
pub mod replay;
mod routers;
mod shared_policy;
mod signals;
mod source;
mod systemd;
mod tables;
mod worker_sink;

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
use crate::meter::CopyRule;
use crate::pipeline::WorkerSettings;
use crate::pipeline::shard::Shard;
use crate::sla::policy::Policy;
use crate::stream::StreamLimits;
use crate::voice::Rules;
use std::path::PathBuf;
use std::sync::Arc;

/// Version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from, `unknown` where nobody said.
pub const REVISION: &str = env!("ASNMETER_REVISION");

/// Why a command could not do its work. One line.
#[derive(thiserror::Error, Debug)]
pub enum AppError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An ASN source.
    #[error("asn source {0}")]
    Asn(#[from] LoadError),
    /// A capture source.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The web endpoint.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A file of results.
    #[error("{}: {source}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Threads, signals or the runtime.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// An address to listen at for routers cannot be had.
    #[error("asn source {address}: {source}")]
    Listen {
        /// Which address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The daemon needs something that the configuration does not say: exit code 78.
    #[error("{}: {reason}", path.display())]
    Incomplete {
        /// The configuration file.
        path: PathBuf,
        /// What is missing.
        reason: &'static str,
    },
    /// Files that cannot be read to their end in time.
    #[error("{}: still being read after {seconds} s: not waited for any longer", path.display())]
    Overdue {
        /// The file that was being read.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// So many threads wait for files that do not come that no more are read.
    #[error("{0} earlier attempts still wait for their files")]
    Hanging(usize),
    /// A capture thread or the judge has panicked: a defect of ours.
    #[error("internal error: the {0} has stopped")]
    Panicked(&'static str),
}

impl AppError {
    /// The exit code (sysexits.h, as docs/INSTALL.md lists them).
    pub fn exit_code(&self) -> u8 {
        match self {
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
            Self::Config(_) | Self::Asn(_) | Self::Incomplete { .. } => 78,
            Self::Capture(_)
            | Self::Http(HttpError::Bind { .. })
            | Self::Write { .. }
            | Self::System { .. }
            | Self::Listen { .. }
            | Self::Panicked(_) => 1,
        }
    }
}

/// Where origins come from, as a configuration says; where it names no cache, the directory that
/// systemd made for the service (systemd.exec(5), `CacheDirectory=`).
///
/// # Errors
/// [`LoadError`] for the first source that cannot be loaded.
pub fn origins(config: &Config) -> Result<Origins, LoadError> {
    renewed(config, None, &Load::default())
}

/// The same; also an error where a source has lost too much since `previous`, and once `load` is
/// called off.
fn renewed(config: &Config, previous: Option<&Origins>, load: &Load) -> Result<Origins, LoadError> {
    let settings = with_cache(&config.asn);
    let origins = Origins::load(&settings, previous, load, clock::now)?;
    for source in origins.sources() {
        if let CacheUse::Failed(why) = source.cache {
            events::cache_failed(source.name, why);
        }
    }
    Ok(origins)
}

/// The settings with a cache, if anybody names one.
fn with_cache(settings: &asn::OriginSettings) -> asn::OriginSettings {
    let mut settings = settings.clone();
    if settings.cache.is_none() {
        let made = std::env::var_os("CACHE_DIRECTORY");
        // several are apart by colons
        let first = made
            .as_ref()
            .and_then(|made| std::env::split_paths(made).next());
        settings.cache = first.filter(|path| path.is_absolute());
    }
    settings
}

/// What a configuration says the judge and the workers are to hold to; of `previous` is kept what
/// has not changed.
fn policy(config: &Config, previous: Option<&Policy>, load: &Load) -> Result<Policy, LoadError> {
    let origins = renewed(config, previous.map(|policy| &*policy.origins), load)?;
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
    })
}

/// What a configuration says a worker is to do.
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
        },
        copies: if config.capture.deduplicate {
            CopyRule::TakenOut
        } else {
            CopyRule::Counted
        },
        shard: Shard::default(),
    }
}

/// How the daemon stands, under some terms.
fn standing(policy: &Policy, config_ok: bool) -> DaemonState {
    let sources = policy.origins.sources().map(|source| SourceRow {
        name: source.name.clone(),
        prefixes: source.prefixes as u64,
        loaded: source.loaded,
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

/// Loads all that a configuration names, as `config check` does; the number of prefixes.
///
/// # Errors
/// [`AppError`] for the first thing that is not as it should be.
pub fn check(config: &Config) -> Result<u64, AppError> {
    let load = Load::default();
    let policy = policy(config, None, &load)?;
    let security = endpoint::read(config.web.config_file.as_deref(), &load)?;
    endpoint::remark(&security);
    Ok(policy
        .origins
        .sources()
        .map(|source| source.prefixes as u64)
        .sum())
}
