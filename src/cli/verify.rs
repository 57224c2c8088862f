//! `asnmeter verify`: checks that everything in a ledger holds.

use super::progress::ReadingBar;
use super::{Format, print};
use crate::app::AppError;
use crate::files;
use crate::ledger::checkpoint::{MAX_NOTE, SignedCheckpoint, read_notes};
use crate::ledger::cosignature::WitnessKey;
use crate::ledger::key::PublicKey;
use crate::ledger::leaf::RULES;
use crate::ledger::rejudge::RejudgeCounts;
use crate::ledger::verify::{Requirement, Verified, VerifyRequest, verify};
use crate::report::period::ReportZone;
use crate::units::Second;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Args, Debug)]
pub(super) struct VerifyArguments {
    /// The ledger's directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The public key that must have signed (PEM), instead of the one in the ledger
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Checkpoints that were kept elsewhere: the ledger must go on from each
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// Who must have cosigned these: the file witness.vkey of a witness
    #[arg(long = "witness", value_name = "FILE")]
    witnesses: Vec<PathBuf>,
    /// Only the days from the one with this second on: 2026-11-25T21:00:00Z, or in the time zone
    /// 2026-11-25T21:00 or 2026-11-25
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only the days up to the one with the second before this one
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Of --from and --until
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// Threads that read leaves, without it one for each processor; the answer is the same for any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: Option<u8>,
    /// What must hold of every leaf
    #[arg(long, value_enum)]
    require: Option<Require>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Require {
    /// A checkpoint that covers it is signed by the key
    Signed,
    /// A checkpoint that was kept elsewhere covers it
    Witnessed,
}

/// Verifies, and prints what holds.
pub(super) fn run(arguments: &VerifyArguments) -> Result<(), AppError> {
    let key = arguments.key.as_deref().map(read_key).transpose()?;
    let heads = arguments.checkpoints.iter();
    let heads: Result<Vec<_>, AppError> = heads.map(|path| read_heads(path)).collect();
    let witnesses = arguments.witnesses.iter();
    let witnesses: Result<Vec<_>, AppError> = witnesses
        .map(|path| {
            let key = WitnessKey::from_text(&read(path)?);
            key.ok_or_else(|| AppError::NoWitness(path.clone()))
        })
        .collect();
    let request = VerifyRequest {
        key,
        heads: heads?.into_iter().flatten().collect(),
        witnesses: witnesses?,
        require: arguments.require.map(|what| match what {
            Require::Signed => Requirement::Signed,
            Require::Witnessed => Requirement::Witnessed,
        }),
        days: days(arguments)?,
        jobs: arguments
            .jobs
            .and_then(|jobs| NonZeroUsize::new(jobs.into())),
        progress: Arc::default(),
    };
    let (bar, progress) = (ReadingBar::default(), request.progress.clone());
    bar.start(move || (progress.read(), Some(progress.total())));
    let verified = verify(&arguments.directory, &request);
    bar.finish();
    let verified = verified?;
    if let (Some((first, last)), 0) = (&request.days, verified.leaves) {
        return Err(AppError::Refused(format!(
            "{}: has none of the days from {first} to {last}",
            arguments.directory.display()
        )));
    }
    print(|out| match arguments.format {
        Format::Text => write_text(out, &verified),
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &Answer::from(&verified))?;
            out.write_all(b"\n")
        }
    })
}

/// The first and the last UTC day that are asked for; none: all.
fn days(arguments: &VerifyArguments) -> Result<Option<(String, String)>, AppError> {
    let zone = ReportZone::new(&arguments.time_zone)?;
    let second = |text: &Option<String>| text.as_deref().map(|text| zone.second(text)).transpose();
    let period = match (second(&arguments.from)?, second(&arguments.until)?) {
        (None, None) => return Ok(None),
        (from, until) => (from.unwrap_or_default(), until.unwrap_or(Second(u64::MAX))),
    };
    if period.0 >= period.1 {
        return Err(AppError::Refused("--until is not behind --from".into()));
    }
    let last = arguments.until.as_ref().map(|_| period.1.previous().day());
    Ok(Some((
        period.0.day(),
        last.unwrap_or_else(|| "9999-99-99".into()),
    )))
}

/// Reads a small text file.
fn read(path: &Path) -> Result<String, AppError> {
    files::read_text(path, MAX_NOTE as u64).map_err(AppError::read(path))
}

fn read_key(path: &Path) -> Result<PublicKey, AppError> {
    PublicKey::from_pem(&read(path)?).map_err(|error| AppError::Key {
        path: path.to_owned(),
        error,
    })
}

/// The checkpoints in a file: one, or several with an empty line after each, as a `.notes` file has them.
fn read_heads(path: &Path) -> Result<Vec<(PathBuf, SignedCheckpoint)>, AppError> {
    let text = files::read_text(path, MAX_HEADS).map_err(AppError::read(path))?;
    // However many empty lines whoever kept them has put at the end; an unsigned note ends with one.
    let whole = ["\n\n", "\n\n\n"].into_iter().find_map(|end| {
        let text = text.trim_end_matches('\n').to_owned() + end;
        let notes = read_notes(&text);
        let is_all = notes.last().is_some_and(|(_, end)| *end == text.len());
        is_all.then_some(notes)
    });
    let notes = whole.ok_or_else(|| AppError::NoCheckpoint(path.to_owned()))?;
    let heads = notes.into_iter().map(|(note, _)| (path.to_owned(), note));
    Ok(heads.collect())
}

/// Octets of a file of checkpoints at most: a year of days, or a day of minutes, with some witnesses each.
const MAX_HEADS: u64 = 64 << 20;

/// `--format json`.
#[derive(Serialize)]
struct Answer<'a> {
    origin: &'a str,
    first_leaf: u64,
    leaves: u64,
    from: Option<String>,
    until: Option<String>,
    checkpoints: u64,
    sealed: u64,
    signed: u64,
    witnessed: u64,
    root: Option<String>,
    key: Option<String>,
    key_changes: u64,
    kinds: &'a BTreeMap<&'static str, u64>,
    verdicts_recomputed: u64,
    intervals_recomputed: u64,
    taken_as_recorded: u64,
    by_other_rules: u64,
}

impl<'a> From<&'a Verified> for Answer<'a> {
    fn from(of: &'a Verified) -> Self {
        Self {
            origin: &of.origin,
            first_leaf: of.first_leaf,
            leaves: of.leaves,
            from: of.seconds.map(|(first, _)| first.to_string()),
            until: of.seconds.map(|(_, last)| last.to_string()),
            checkpoints: of.checkpoints,
            sealed: of.sealed,
            signed: of.signed,
            witnessed: of.witnessed,
            root: of
                .head
                .as_ref()
                .map(|head| head.checkpoint.root.to_string()),
            key: of.key.map(PublicKey::to_base64),
            key_changes: of.key_changes,
            kinds: &of.kinds,
            verdicts_recomputed: of.rejudged.verdicts,
            intervals_recomputed: of.rejudged.intervals,
            taken_as_recorded: of.rejudged.taken,
            by_other_rules: of.rejudged.other_rules.map_or(0, |(leaves, _)| leaves),
        }
    }
}

fn write_text(out: &mut dyn Write, verified: &Verified) -> io::Result<()> {
    let end = verified.first_leaf + verified.leaves;
    writeln!(out, "ledger of {}", verified.origin)?;
    let held = match verified.sealed {
        0 => "no checkpoint seals any of them".to_owned(),
        sealed if sealed >= end => "each as it was when it was sealed".to_owned(),
        sealed => format!(
            "those up to {} as they were when they were sealed, those behind are sealed by no checkpoint",
            sealed - 1
        ),
    };
    if verified.leaves > 0 {
        let (first, last) = (verified.first_leaf, end.saturating_sub(1));
        writeln!(out, "leaves {first} to {last}: {held}")?;
    }
    if let Some((first, last)) = verified.seconds {
        writeln!(out, "seconds {first} to {last}")?;
    }
    let each = [
        ("sealed by a checkpoint", verified.sealed),
        ("signed", verified.signed),
        (
            "held by a checkpoint that was kept elsewhere",
            verified.witnessed,
        ),
    ];
    for (how, size) in each {
        match size {
            0 => writeln!(out, "none {how}")?,
            size => writeln!(out, "up to leaf {} {how}", size - 1)?,
        }
    }
    if let (Some(key), changes @ 1..) = (verified.key, verified.key_changes) {
        let key = key.to_base64();
        writeln!(
            out,
            "the key changed {changes} times, each signed by both: {key}"
        )?;
    }
    let kinds = verified.kinds.iter();
    let kinds: Vec<_> = kinds
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    writeln!(out, "{}", kinds.join(", "))?;
    let RejudgeCounts {
        verdicts,
        intervals,
        taken,
        other_rules,
    } = verified.rejudged;
    writeln!(
        out,
        "{verdicts} verdicts and {intervals} intervals judged again: each is as recorded"
    )?;
    if taken > 0 {
        writeln!(
            out,
            "{taken} taken as recorded: seconds that they rest on are not in the ledger"
        )?;
    }
    if let Some((leaves, rules)) = other_rules {
        writeln!(
            out,
            "{leaves} not judged again: they are by rules {rules}, and this version knows rules {RULES}"
        )?;
    }
    Ok(())
}
