//! `asnmeter evidence`: what a ledger holds, and what people enter into it.

use super::key::KeyCommand;
use super::witness::WitnessArguments;
use super::{print, print_entry_outcome};
use crate::app::AppError;
use crate::app::requests::ask;
use crate::ledger::leaf::{ExclusionLeaf, Leaf};
use crate::ledger::select::LeafFilter;
use crate::ledger::verify::{VerifyRequest, verify_each};
use crate::report::period::{Period, ReportZone};
use crate::units::Second;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(super) enum EvidenceCommand {
    /// Print the leaves as they are, one line each
    Show(ShowArguments),
    /// Keep the heads of another's ledger, as far as each goes on from those before
    Witness(Box<WitnessArguments>),
    /// Announce maintenance: the report shows its seconds apart, verdicts stand
    Exclude(ExcludeArguments),
    /// Keys that sign a ledger: make one, show one, change to another one
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
}

#[derive(Args, Debug)]
pub(super) struct ExcludeArguments {
    /// The ledger's directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The first second: 2026-11-25T21:00:00Z, or in the time zone 2026-11-25T21:00 or 2026-11-25
    #[arg(long, value_name = "TIME")]
    from: String,
    /// The second behind the last
    #[arg(long, value_name = "TIME")]
    until: String,
    /// The contract
    #[arg(long, value_name = "NAME")]
    commitment: String,
    /// Why, in words; it stands in the report
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Only this ASN, and each other that is named; without it all
    #[arg(long = "asn", value_name = "ASN")]
    asns: Vec<u32>,
    /// Of --from and --until
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// Where no meter writes a signed ledger: its private key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
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
        EvidenceCommand::Exclude(arguments) => exclude(arguments),
        EvidenceCommand::Key { command } => super::key::run(command),
    }
}

fn exclude(arguments: &ExcludeArguments) -> Result<(), AppError> {
    let zone = ReportZone::new(&arguments.time_zone)?;
    let period = Period::new(
        zone.second(&arguments.from)?,
        zone.second(&arguments.until)?,
    )?;
    let mut asns = arguments.asns.clone();
    asns.sort_unstable();
    asns.dedup();
    let leaf = Leaf::Exclusion(ExclusionLeaf {
        entered: Second::default(),
        from: period.from,
        until: period.until.previous(),
        commitment: arguments.commitment.clone(),
        reason: arguments.reason.clone(),
        asns,
    });
    let outcome = ask(&arguments.directory, &leaf, arguments.key.as_deref())?;
    print_entry_outcome(&outcome)
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
