//! The command line: arguments, output and exit codes.
//!
//! Flags override the file. Results go to standard output, everything else to standard error;
//! exit codes are those of docs/INSTALL.md.

mod asn;
mod check;
mod evidence;
mod fleet;
mod key;
mod progress;
mod report;
mod verify;
mod witness;

use crate::app::live::{self, RunFlags};
use crate::app::replay::{ReplayOutcome, ReplayRequest, replay, stop_on_signal};
use crate::app::requests::EntryOutcome;
use crate::app::{AppError, demo};
use crate::config::checked::Config;
use crate::config::listen_address;
use crate::events;
use crate::export::{csv, json, text};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Voice traffic per autonomous system against committed data rates, with proof.
#[derive(Parser, Debug)]
#[command(name = "asnmeter", version = LONG_VERSION, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Capture live and serve metrics, page and JSON: the daemon
    Run {
        /// Configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Listen here instead of where the file says
        #[arg(long = "web.listen-address", value_name = "ADDRESS", value_parser = listen_address)]
        listen_address: Option<SocketAddr>,
        /// TLS, client certificates and passwords: a file in the form of Prometheus' exporter-toolkit
        #[arg(long = "web.config.file", value_name = "FILE")]
        web_config: Option<PathBuf>,
        /// Keep the ledger in this directory instead of where the file says
        #[arg(long, value_name = "DIR")]
        evidence: Option<PathBuf>,
        /// Started as root: become this user, who has to be able to read and write what the configuration names
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Judge capture files: what the daemon would have said
    Replay {
        /// pcap or pcapng files in any order; - is standard input
        #[arg(required = true, value_name = "CAPTURE")]
        captures: Vec<PathBuf>,
        /// Configuration file; without one, streams are listed and nothing is judged
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// What to print
        #[arg(long, value_enum, default_value_t = ReplayFormat::Text)]
        format: ReplayFormat,
        /// Write one JSON line per judged second, commitment, ASN and direction
        #[arg(long, value_name = "FILE")]
        seconds: Option<PathBuf>,
        /// Keep a ledger of all that the verdicts rest on, in a new directory
        #[arg(long, value_name = "DIR")]
        evidence: Option<PathBuf>,
        /// Worker threads; the output is the same for any number
        #[arg(long, value_name = "N", default_value_t = 1,
              value_parser = clap::value_parser!(u8).range(1..=64))]
        workers: u8,
        /// Wait for more at the end of a capture file that grows; Ctrl-C ends it and prints the report
        #[arg(long)]
        follow: bool,
    },
    /// Synthetic calls with a dozen networks in real time: nothing to configure, no privileges
    Demo {
        /// Listen here
        #[arg(
            long = "web.listen-address",
            value_name = "ADDRESS",
            value_parser = listen_address,
            default_value = "127.0.0.1:10179"
        )]
        listen_address: SocketAddr,
        /// Keep a ledger in this directory
        #[arg(long, value_name = "DIR")]
        evidence: Option<PathBuf>,
    },
    /// Add what the probes of a fleet count under one contract, and judge it
    Fleet(fleet::FleetArguments),
    /// Does everything hold that a ledger says?
    Verify(verify::VerifyArguments),
    /// Look into a ledger
    Evidence {
        #[command(subcommand)]
        command: evidence::EvidenceCommand,
    },
    /// What a ledger says of a month: the page that both sides of a contract sign
    Report(report::ReportArguments),
    /// Print or check a configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Ask the ASN table
    Asn {
        #[command(subcommand)]
        command: asn::AsnCommand,
    },
}

#[derive(Subcommand, Debug)]
enum ConfigCommand {
    /// Print the default configuration, every key explained
    Default,
    /// Check a configuration and everything that it names: what `run` would meet
    Check(check::CheckArguments),
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Format {
    /// A table for people
    Text,
    /// One document, a stable interface
    Json,
}

/// How a replay is printed.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum ReplayFormat {
    /// Tables for people, as wide as the terminal
    Text,
    /// One document, a stable interface
    Json,
    /// A line for each contract, ASN and measure
    Csv,
}

/// Columns that a terminal must have at least to be folded for.
const NARROWEST: usize = 60;

/// The columns of a page: the terminal's, or what fits a sheet.
fn page() -> usize {
    let terminal = terminal_size::terminal_size_of(io::stdout());
    terminal.map_or(text::PAGE, |(width, _)| usize::from(width.0).max(NARROWEST))
}

/// The version for `--version`.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("ASNMETER_REVISION"),
    ")"
);

/// The clap command, for manual pages and completions.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command of the process arguments.
pub fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            events::failed(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<(), AppError> {
    match command {
        Command::Run {
            config,
            listen_address,
            web_config,
            evidence,
            user,
        } => live::run(
            &config,
            RunFlags {
                listen_address,
                config_file: web_config,
                evidence,
                user,
            },
        ),
        Command::Replay {
            captures,
            config,
            format,
            seconds,
            evidence,
            workers,
            follow,
        } => {
            if follow && !matches!(captures.as_slice(), [one] if one.as_os_str() != "-") {
                let reason = "--follow takes one capture file, and no standard input";
                Cli::command()
                    .error(ErrorKind::ArgumentConflict, reason)
                    .exit();
            }
            let config = config.map_or(Ok(Config::default()), |path| Config::load(&path))?;
            let request = ReplayRequest {
                captures,
                config,
                seconds,
                evidence,
                workers: workers.into(),
                follow,
            };
            let shown = progress::ReadingBar::default();
            let mut handled = Ok(());
            let outcome = replay(&request, |progress| {
                handled = stop_on_signal(progress.clone());
                shown.start(move || (progress.read(), progress.total()));
            });
            shown.finish();
            handled?;
            print_replay(outcome?, format)
        }
        Command::Demo {
            listen_address,
            evidence,
        } => demo::run(listen_address, evidence),
        Command::Fleet(arguments) => fleet::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Evidence { command } => evidence::run(&command),
        Command::Report(arguments) => report::run(&arguments),
        Command::Config {
            command: ConfigCommand::Default,
        } => print(|out| out.write_all(Config::default_text().as_bytes())),
        Command::Config {
            command: ConfigCommand::Check(arguments),
        } => check::run(&arguments),
        Command::Asn { command } => asn::run(command),
    }
}

/// Says what became of an entry that was asked for.
fn print_entry_outcome(outcome: &EntryOutcome) -> Result<(), AppError> {
    print(|out| match outcome {
        EntryOutcome::Entered(leaf) => writeln!(out, "entered: {}", leaf.to_line()),
        EntryOutcome::Known => writeln!(out, "nothing to do: this was entered before"),
        EntryOutcome::Waits(why) => writeln!(out, "requested: {why}"),
    })
}

fn print_replay(outcome: ReplayOutcome, format: ReplayFormat) -> Result<(), AppError> {
    for warning in &outcome.warnings {
        events::warning_logged(warning);
    }
    let ReplayOutcome {
        snapshot,
        streams,
        interrupted,
        undelivered,
        ..
    } = outcome;
    print(|out| match format {
        ReplayFormat::Text => text::write_replay(out, &snapshot, &streams, page()),
        ReplayFormat::Csv => csv::write_replay(out, &snapshot),
        ReplayFormat::Json => json::write_replay(out, &snapshot, &streams),
    })?;
    if interrupted {
        return Err(AppError::Interrupted);
    }
    undelivered.map_or(Ok(()), Err)
}

/// Writes to standard output; a closed pipe is not an error.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), AppError> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(AppError::Write {
            path: "standard output".into(),
            source: error,
        }),
        Ok(()) | Err(_) => Ok(()),
    }
}
