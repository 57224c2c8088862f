//! `asnmeter evidence witness`: keeps the heads of another's ledger.

use crate::app::AppError;
use crate::app::witness::{WitnessRequest, follow};
use crate::export::http::fetch::RemoteMeter;
use crate::files;
use crate::ledger::checkpoint::is_note_name;
use crate::ledger::key::{PrivateKey, PublicKey};
use crate::ledger::witness::Cosigner;
use clap::Args;
use clap::error::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Octets of a key or password file that are read at most.
const MAX_SECRET: u64 = 1 << 12;

/// MiB of trusted certificates that are read at most.
const MAX_ROOTS_MIB: u64 = 8;

/// Where Debian keeps the certificates that it trusts (package ca-certificates).
const ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

#[derive(Args, Debug)]
pub(super) struct WitnessArguments {
    /// The meter: https://meter.example:10179
    #[arg(value_name = "URL")]
    url: String,
    /// Where its heads are kept: one directory for each meter
    #[arg(long, value_name = "DIR")]
    directory: PathBuf,
    /// The private key (PEM) that cosigns each head
    #[arg(long, value_name = "FILE", requires = "name")]
    key: Option<PathBuf>,
    /// The name under which it cosigns: customer.example/witness
    #[arg(long, value_name = "NAME", requires = "key")]
    name: Option<String>,
    /// The public key of the meter (PEM); otherwise the one that it shows first
    #[arg(long, value_name = "FILE")]
    meter_key: Option<PathBuf>,
    /// The user to log in as
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// A file with the password
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// The certificates that are trusted (PEM)
    #[arg(long, value_name = "FILE", default_value = ROOTS)]
    ca: PathBuf,
    /// Write metrics here, for node_exporter's textfile collector: name it NAME.prom
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Ask once: exit 0 if the head goes on from all that were seen
    #[arg(long)]
    once: bool,
    /// Seconds between two questions
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    interval: u32,
}

/// Follows the meter.
pub(super) fn run(arguments: &WitnessArguments) -> Result<(), AppError> {
    let is_tls = arguments.url.starts_with("https:");
    let roots = if is_tls {
        let read = files::read(&arguments.ca, MAX_ROOTS_MIB);
        Some(read.map_err(AppError::read(&arguments.ca))?)
    } else {
        None
    };
    let password = arguments.password_file.as_deref().map(read).transpose()?;
    let password = password
        .as_deref()
        .map(|text| text.trim_end_matches(['\r', '\n']));
    let login = arguments.user.as_deref().zip(password);
    let remote = RemoteMeter::new(&arguments.url, roots.as_deref(), login);
    let cosigner = arguments
        .key
        .as_deref()
        .zip(arguments.name.as_deref())
        .map(|(path, name)| {
            if !is_note_name(name) {
                use clap::CommandFactory;
                let reason = "--name: no white space and no + may be in it, and at most 255 octets";
                super::Cli::command()
                    .error(ErrorKind::ValueValidation, reason)
                    .exit();
            }
            let key = PrivateKey::from_pem(&read(path)?);
            Ok::<_, AppError>(Cosigner {
                name: name.to_owned(),
                key: key.map_err(|error| AppError::Key {
                    path: path.to_owned(),
                    error,
                })?,
            })
        });
    let meter_key = arguments.meter_key.as_deref().map(|path| {
        PublicKey::from_pem(&read(path)?).map_err(|error| AppError::Key {
            path: path.to_owned(),
            error,
        })
    });
    follow(WitnessRequest {
        remote: remote.map_err(crate::app::witness::FollowError::from)?,
        directory: arguments.directory.clone(),
        cosigner: cosigner.transpose()?,
        meter_key: meter_key.transpose()?,
        metrics: arguments.metrics.clone(),
        once: arguments.once,
        interval: Duration::from_secs(arguments.interval.into()),
    })
}

fn read(path: &Path) -> Result<String, AppError> {
    files::read_text(path, MAX_SECRET).map_err(AppError::read(path))
}
