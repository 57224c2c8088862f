//! `asnmeter config check`: prints what was found, errors and warnings apart.

use super::{Format, print};
use crate::app::AppError;
use crate::app::check::{CheckReport, ConfigFinding, Purpose, Severity, check};
use crate::config::Config;
use crate::events;
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(super) struct CheckArguments {
    /// Configuration file
    file: PathBuf,
    /// Leave the interfaces out: a replay and a reload have nothing to do with them
    #[arg(long)]
    no_interfaces: bool,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Warnings go to standard output, errors to standard error, one line each; JSON has both.
pub(super) fn run(arguments: &CheckArguments) -> Result<(), AppError> {
    let CheckArguments {
        file,
        no_interfaces,
        format,
    } = arguments;
    let purpose = if *no_interfaces {
        Purpose::Tables
    } else {
        Purpose::Run
    };
    let loaded = Config::load(file).map_err(AppError::from);
    let report = match &loaded {
        Ok(config) => check(config, purpose),
        Err(error) => CheckReport::refused(error),
    };
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|one| Line::new(file, one))
        .collect();
    let (errors, warnings): (Vec<&Line>, Vec<&Line>) = findings
        .iter()
        .partition(|line| line.severity == Severity::Error);
    let (commitments, prefixes) = (report.commitments, report.prefixes);
    let is_ok = errors.is_empty();
    print(|out| match format {
        Format::Json => {
            let document = Document {
                file: file.display().to_string(),
                ok: is_ok,
                commitments,
                prefixes,
                errors: &errors,
                warnings: &warnings,
            };
            serde_json::to_writer_pretty(&mut *out, &document)?;
            writeln!(out)
        }
        Format::Text => {
            if is_ok {
                let (contracts, networks) = (
                    events::counted(commitments as u64, "commitment", "commitments"),
                    events::counted(prefixes, "prefix", "prefixes"),
                );
                writeln!(out, "{}: ok, {contracts}, {networks}", file.display())?;
            }
            warnings
                .iter()
                .try_for_each(|line| writeln!(out, "warning: {}", line.text))
        }
    })?;
    let Some((last, others)) = errors.split_last() else {
        return Ok(());
    };
    for line in others {
        events::failed(&line.text);
    }
    Err(AppError::Unfit {
        line: last.text.clone(),
        exit_code: report.exit_code(),
    })
}

#[derive(Serialize)]
struct Document<'a> {
    file: String,
    ok: bool,
    commitments: usize,
    prefixes: u64,
    errors: &'a [&'a Line],
    warnings: &'a [&'a Line],
}

/// A finding with its place in the file.
#[derive(Serialize)]
struct Line {
    #[serde(skip)]
    severity: Severity,
    #[serde(skip_serializing_if = "str::is_empty")]
    key: &'static str,
    #[serde(rename = "line", skip_serializing_if = "Option::is_none")]
    number: Option<usize>,
    message: String,
    #[serde(skip)]
    text: String,
}

impl Line {
    fn new(file: &Path, finding: &ConfigFinding) -> Self {
        let ConfigFinding {
            severity,
            key,
            message,
            ..
        } = finding;
        let line = Some(key).filter(|key| !key.is_empty());
        let line = line.and_then(|key| Config::line_of(file, key));
        let file = file.display();
        let text = match (*key, line) {
            ("", _) => message.clone(),
            (key, None) => format!("{file}: {key}: {message}"),
            (key, Some(line)) => format!("{file}:{line}: {key}: {message}"),
        };
        Self {
            severity: *severity,
            key,
            number: line,
            message: message.clone(),
            text,
        }
    }
}
