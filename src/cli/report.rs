//! `asnmeter report`: what a ledger says of a period.

use super::print;
use crate::app::AppError;
use crate::report::period::{Period, ReportZone};
use crate::report::{self, ReportRequest, csv, html, json, text};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

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
    let request = ReportRequest {
        period,
        zone,
        commitment: arguments.commitment.clone(),
        with: Vec::new(),
    };
    let report = report::report(&arguments.directories, &request)?;
    print(|out| match arguments.format {
        ReportFormat::Text => text::write(out, &report),
        ReportFormat::Csv => csv::write(out, &report),
        ReportFormat::Json => json::write(out, &report),
        ReportFormat::Html => html::write(out, &report),
    })
}
