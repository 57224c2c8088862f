//! `asnmeter fleet`: what several meters count together.

use super::{page, print};
use crate::app::AppError;
use crate::app::fleet::{self, AggregatorFlags};
use crate::config::listen_address;
use crate::export::{json, text};
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What to aggregate.
#[derive(Args, Debug)]
pub(super) struct FleetArguments {
    /// Configuration file with [fleet], its probes, and the contracts that hold for all
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Judge what the probes have published until each of them has stopped, print it and end
    #[arg(long)]
    once: bool,
    /// With --once: wait no longer than this, and fail
    #[arg(long, value_name = "TIME", requires = "once", value_parser = duration)]
    timeout: Option<Duration>,
    /// With --once: what to print
    #[arg(long, value_enum, default_value_t = FleetFormat::Json)]
    format: FleetFormat,
    /// Keep the ledger in this directory instead of where the file says
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    /// Listen here instead of where the file says
    #[arg(long = "web.listen-address", value_name = "ADDRESS", value_parser = listen_address)]
    listen_address: Option<SocketAddr>,
    /// TLS, client certificates and passwords: a file in the form of Prometheus' exporter-toolkit
    #[arg(long = "web.config.file", value_name = "FILE")]
    web_config: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum FleetFormat {
    /// One document, a stable interface
    Json,
    /// A table for people
    Text,
}

/// A time as in the configuration; a number alone is in seconds.
fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

pub(super) fn run(arguments: &FleetArguments) -> Result<(), AppError> {
    let flags = AggregatorFlags {
        listen_address: arguments.listen_address,
        config_file: arguments.web_config.clone(),
        evidence: arguments.evidence.clone(),
    };
    if !arguments.once {
        return fleet::run(&arguments.config, flags);
    }
    let snapshot = fleet::judge_once(&arguments.config, &flags, arguments.timeout)?;
    print(|out| match arguments.format {
        FleetFormat::Json => json::write_fleet(out, &snapshot),
        FleetFormat::Text => text::write_replay(out, &snapshot, &[], page()),
    })
}
