//! The composition root: the only place that starts threads and tasks, and the only one that
//! knows every room. It wires sources to workers, workers to the judge, the judge to what is
//! shown, in that order, and takes them down in the same.
//!
//! Nothing is measured here.

mod court;
pub mod demo;
pub mod live;
mod outlet;
pub mod replay;
mod source;
mod terms;

use crate::asn::{LoadError, Origins};
use crate::attribution::scopes::ScopePlan;
use crate::capture::CaptureError;
use crate::clock;
use crate::config::ConfigError;
use crate::config::checked::Config;
use crate::export::http::HttpError;
use crate::export::{SourceRow, Standing};
use crate::meter::Copies;
use crate::pipeline::Settings;
use crate::sla::terms::Terms;
use crate::stream::Limits;
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
    /// The daemon needs something that the configuration does not say: exit code 78.
    #[error("{}: {reason}", path.display())]
    Incomplete {
        /// The configuration file.
        path: PathBuf,
        /// What is missing.
        reason: &'static str,
    },
    /// A capture thread or the judge has panicked: a defect of ours.
    #[error("internal error: the {0} has stopped")]
    Panicked(&'static str),
}

impl AppError {
    /// The exit code (sysexits.h, as DESIGN lists them).
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(ConfigError::NoFile { .. })
            | Self::Asn(LoadError::NoFile { .. })
            | Self::Capture(CaptureError::NoFile { .. } | CaptureError::NoInterface { .. }) => 69,
            Self::Capture(CaptureError::Permission { .. }) => 77,
            Self::Config(_) | Self::Asn(_) | Self::Incomplete { .. } => 78,
            Self::Capture(_)
            | Self::Http(_)
            | Self::Write { .. }
            | Self::System { .. }
            | Self::Panicked(_) => 1,
        }
    }
}

/// What a configuration says the judge and the workers are to hold to.
fn terms(config: &Config, previous: &ScopePlan) -> Result<Terms, LoadError> {
    let asn = &config.asn;
    let origins = Origins::load(&asn.sources, &asn.local_prefixes, &asn.own, clock::now)?;
    let commitments = config.commitments.clone();
    let scopes = ScopePlan::new(commitments.iter().map(|one| &one.scope), previous).into();
    Ok(Terms {
        commitments,
        scopes,
        origins: Arc::new(origins),
    })
}

/// What a configuration says a worker is to do.
fn settings(config: &Config) -> Settings {
    let voice = &config.voice;
    Settings {
        rules: Rules {
            ports: voice.ports.clone(),
            prefixes: voice.prefixes.clone(),
            sip_ports: voice.sip_ports.clone(),
        },
        limits: Limits {
            max_streams: voice.max_streams,
            timeout: voice.stream_timeout,
        },
        copies: if config.capture.deduplicate {
            Copies::TakenOut
        } else {
            Copies::Counted
        },
    }
}

/// How the daemon stands, under some terms.
fn standing(terms: &Terms, config_ok: bool) -> Standing {
    let sources = terms.origins.sources().map(|source| SourceRow {
        name: source.name.clone(),
        prefixes: source.prefixes as u64,
        loaded: Some(source.loaded),
    });
    Standing {
        sources: sources.collect(),
        config_ok,
        version: VERSION.into(),
        revision: REVISION.into(),
    }
}

/// Loads all that a configuration names, as `config check` does; the number of prefixes.
///
/// # Errors
/// [`AppError`] for the first thing that is not as it should be.
pub fn check(config: &Config) -> Result<u64, AppError> {
    let terms = terms(config, &ScopePlan::default())?;
    Ok(terms
        .origins
        .sources()
        .map(|source| source.prefixes as u64)
        .sum())
}
