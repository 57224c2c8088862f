//! `asnmeter report`: what a ledger says of a period.

use super::print;
use crate::app::AppError;
use crate::app::requests::{Asked, ask};
use crate::config::checked::Config;
use crate::events;
use crate::ledger::leaf::{CommitmentTerms, Leaf, RevisionLeaf};
use crate::ledger::tree::Hash;
use crate::report::model::Report;
use crate::report::period::{Period, ReportZone};
use crate::report::{self, ReportRequest, csv, html, json, text};
use crate::units::Second;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(super) struct ReportArguments {
    /// The ledgers' directories; each is reported by itself
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// A month in the time zone, as 2026-11
    #[arg(long, value_name = "MONTH", required_unless_present = "from", conflicts_with_all = ["from", "until"])]
    month: Option<String>,
    /// The first second: 2026-11-25T21:00:00+01:00, or in the time zone 2026-11-25T21:00 or 2026-11-25
    #[arg(long, value_name = "TIME", requires = "until")]
    from: Option<String>,
    /// The second behind the last
    #[arg(long, value_name = "TIME", requires = "from")]
    until: Option<String>,
    /// Only the contract of this name
    #[arg(long, value_name = "NAME")]
    commitment: Option<String>,
    /// Judge the same leaves under the contracts of this configuration too, and show both
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
    /// With --with: enter into the ledger that the period was judged again, and by what
    #[arg(long, requires = "with")]
    record: bool,
    /// With --record, where no meter writes a signed ledger: its private key
    #[arg(long, value_name = "FILE", requires = "record")]
    key: Option<PathBuf>,
    /// The contract's time zone, of the tz database
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// What to print
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum ReportFormat {
    /// For a terminal, 100 columns
    Text,
    /// One line for each contract, ASN and measure
    Csv,
    /// One document, a stable interface
    Json,
    /// One file that prints on A4
    Html,
}

/// Verifies, and prints what the ledgers say.
pub(super) fn run(arguments: &ReportArguments) -> Result<(), AppError> {
    let zone = ReportZone::new(&arguments.time_zone)?;
    let period = match (&arguments.month, &arguments.from, &arguments.until) {
        (Some(month), _, _) => Period::month(month, &zone)?,
        (None, from, until) => {
            let second = |text: &Option<String>| zone.second(text.as_deref().unwrap_or_default());
            Period::new(second(from)?, second(until)?)?
        }
    };
    let with = arguments.with.as_deref().map(Config::load).transpose()?;
    let with = with.map_or_else(Vec::new, |config| config.commitments);
    if arguments.with.is_some() && with.is_empty() {
        let reason = "--with: the configuration has no [[commitment]]";
        return Err(AppError::Refused(reason.into()));
    }
    let policy: Vec<_> = with.iter().map(CommitmentTerms::from).collect();
    let request = ReportRequest {
        period,
        zone,
        commitment: arguments.commitment.clone(),
        with,
    };
    let report = report::report(&arguments.directories, &request)?;
    if arguments.record {
        let key = arguments.key.as_deref();
        record(&arguments.directories, key, (&report, period), &policy)?;
    }
    print(|out| match arguments.format {
        ReportFormat::Text => text::write(out, &report),
        ReportFormat::Csv => csv::write(out, &report),
        ReportFormat::Json => json::write(out, &report),
        ReportFormat::Html => html::write(out, &report),
    })
}

/// Enters the revision into each ledger.
fn record(
    directories: &[PathBuf],
    key: Option<&Path>,
    (report, period): (&Report, Period),
    policy: &[CommitmentTerms],
) -> Result<(), AppError> {
    for (directory, ledger) in directories.iter().zip(&report.ledgers) {
        let commitments = serde_json::to_vec(&ledger.commitments);
        let commitments = commitments.map_err(|error| AppError::System {
            what: "writing the document",
            source: error.into(),
        })?;
        let leaf = Leaf::Revision(RevisionLeaf {
            entered: Second::default(),
            policy: policy.to_vec(),
            from: period.from,
            until: period.until.previous(),
            sha256: Hash::of(&commitments).to_string(),
        });
        match ask(directory, &leaf, key)? {
            Asked::Entered(leaf) => events::revision(directory, &"entered", &leaf.to_line()),
            Asked::Known => events::revision(directory, &"known", &"it was entered before"),
            Asked::Waits(why) => events::revision(directory, &"requested", &why),
        }
    }
    Ok(())
}
