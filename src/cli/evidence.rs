//! `asnmeter evidence`: what a ledger holds.

use super::print;
use super::witness::WitnessArguments;
use crate::app::AppError;
use crate::ledger::select::LeafFilter;
use crate::ledger::verify::{VerifyRequest, verify_each};
use crate::report::period::ReportZone;
use crate::units::Second;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(super) enum EvidenceCommand {
    /// Print the leaves as they are, one line each
    Show(ShowArguments),
    /// Keep the heads of another's ledger, as far as each goes on from those before
    Witness(Box<WitnessArguments>),
}

#[derive(Args, Debug)]
pub(super) struct ShowArguments {
    /// The ledger's directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Only what is about this second or a later one: 2026-11-25T21:00:00Z, or in the time zone
    /// 2026-11-25T21:00 or 2026-11-25
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only what is about a second before this one
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only what is about the contract of this name, or about all
    #[arg(long, value_name = "NAME")]
    commitment: Option<String>,
    /// Only what names this ASN
    #[arg(long, value_name = "ASN")]
    asn: Option<u32>,
    /// Of --from and --until
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
}

/// Runs the command.
pub(super) fn run(command: &EvidenceCommand) -> Result<(), AppError> {
    match command {
        EvidenceCommand::Show(arguments) => show(arguments),
        EvidenceCommand::Witness(arguments) => super::witness::run(arguments),
    }
}

/// Prints leaves while they are verified: where the ledger does not hold, the error says from where on.
fn show(arguments: &ShowArguments) -> Result<(), AppError> {
    let zone = ReportZone::new(&arguments.time_zone)?;
    let second = |text: &Option<String>| text.as_deref().map(|text| zone.second(text)).transpose();
    let filter = LeafFilter {
        from: second(&arguments.from)?,
        until: second(&arguments.until)?,
        commitment: arguments.commitment.clone(),
        asn: arguments.asn,
    };
    let day = |second: Option<Second>, otherwise: &str| {
        second.map_or_else(|| otherwise.to_owned(), Second::day)
    };
    let is_part = filter.from.is_some() || filter.until.is_some();
    let request = VerifyRequest {
        // what is told late stands on the day after
        days: is_part.then(|| {
            let until = filter
                .until
                .map(|until| Second(until.0.saturating_add(3600)));
            (day(filter.from, "0000-00-00"), day(until, "9999-99-99"))
        }),
        ..VerifyRequest::default()
    };
    let mut verified = Ok(());
    print(|out| {
        let mut written = Ok(());
        let read = verify_each(&arguments.directory, &request, &mut |_, leaf| {
            if written.is_ok() && filter.takes(leaf) {
                written = writeln!(out, "{}", leaf.to_line());
            }
        });
        verified = read.map(|_| ());
        written
    })?;
    Ok(verified?)
}
