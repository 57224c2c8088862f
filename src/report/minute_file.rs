//! The files of the index of minutes: `minutes/2026-11-25.jsonl`, a line for each contract and ASN of a day.
//!
//! They follow from the leaves, are written as a whole, and may be removed at any time.

use super::minutes::HistorySums;
use crate::ledger::directory::{LedgerDirectory, LedgerError};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::PathBuf;

/// Octets of a line that are read at most: 1440 minutes of 29 numbers, and intervals of 200 octets each.
const MAX_MINUTES_LINE: u64 = 32 << 20;

/// The version of the form: a file of another one is made again.
const FORM: u32 = 1;

/// What a day was for one ASN under one contract; without a number: for any that has no line.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct AsnDay {
    pub(super) commitment: String,
    pub(super) asn: Option<u32>,
    pub(super) minutes: Vec<(u64, HistorySums)>,
    pub(super) intervals: Vec<PastInterval>,
}

impl AsnDay {
    /// Nothing happened.
    pub(super) fn new(commitment: &str, asn: Option<u32>) -> Self {
        Self {
            commitment: commitment.to_owned(),
            asn,
            minutes: Vec::new(),
            intervals: Vec::new(),
        }
    }
}

/// A time out of SLA that has ended, and what it was over.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(super) struct PastInterval {
    pub(super) direction: String,
    pub(super) from: u64,
    /// Behind the last second.
    pub(super) until: u64,
    pub(super) peak_share: f64,
    pub(super) committed_bps: u64,
    pub(super) threshold: f64,
    pub(super) window_s: u32,
}

/// A line. Each minute is its number, then its sums.
#[derive(Serialize, Deserialize)]
struct Line {
    commitment: String,
    asn: Option<u32>,
    minutes: Vec<(u64, Vec<i64>)>,
    intervals: Vec<PastInterval>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    minutes: u32,
}

fn path(directory: &LedgerDirectory, day: &str) -> PathBuf {
    directory.file("minutes").join(format!("{day}.jsonl"))
}

/// Whether there is one of a day, in this form.
pub(super) fn is_there(directory: &LedgerDirectory, day: &str) -> bool {
    let mut head = String::new();
    let opened = crate::files::open(&path(directory, day));
    let read = opened.and_then(|file| BufReader::new(file.take(64)).read_line(&mut head));
    read.is_ok() && serde_json::from_str::<Head>(&head).is_ok_and(|head| head.minutes == FORM)
}

/// Writes that of a day.
pub(super) fn write(
    directory: &LedgerDirectory,
    day: &str,
    rows: &[AsnDay],
) -> Result<(), LedgerError> {
    let mut text = format!("{{\"minutes\":{FORM}}}\n");
    for row in rows {
        let minutes = row.minutes.iter();
        let line = Line {
            commitment: row.commitment.clone(),
            asn: row.asn,
            minutes: minutes
                .map(|(minute, sums)| (*minute, sums.to_numbers()))
                .collect(),
            intervals: row.intervals.clone(),
        };
        // strings, numbers and lists: nothing in it can fail
        text.push_str(&serde_json::to_string(&line).unwrap_or_default());
        text.push('\n');
    }
    directory.replace(&path(directory, day), text.as_bytes())
}

/// Reads what a day was for an ASN; none where there is no file of it.
pub(super) fn read(
    directory: &LedgerDirectory,
    day: &str,
    commitment: &str,
    asn: u32,
) -> Result<Option<AsnDay>, LedgerError> {
    let path = path(directory, day);
    let file = match crate::files::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(LedgerError::system(&path))?,
    };
    let name = serde_json::to_string(commitment).unwrap_or_default();
    let begins = |asn: &str| format!("{{\"commitment\":{name},\"asn\":{asn},");
    let (own, absent) = (begins(&asn.to_string()), begins("null"));
    let mut file = BufReader::with_capacity(1 << 18, file);
    let (mut line, mut found) = (Vec::new(), None);
    loop {
        line.clear();
        let mut bounded = (&mut file).take(MAX_MINUTES_LINE);
        let read = bounded.read_until(b'\n', &mut line);
        if read.map_err(LedgerError::system(&path))? == 0 {
            break;
        }
        if line.starts_with(own.as_bytes()) {
            found = Some(parsed(&line));
            break;
        }
        if line.starts_with(absent.as_bytes()) {
            found = Some(parsed(&line));
        }
    }
    match found {
        None => Ok(Some(AsnDay::new(commitment, Some(asn)))),
        Some(Some(row)) => Ok(Some(row)),
        Some(None) => Err(LedgerError::damaged(
            &path,
            "is no index of minutes: remove it",
        )),
    }
}

fn parsed(line: &[u8]) -> Option<AsnDay> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let minutes = line.minutes.iter();
    let minutes =
        minutes.map(|(minute, numbers)| Some((*minute, HistorySums::from_numbers(numbers)?)));
    Some(AsnDay {
        commitment: line.commitment,
        asn: line.asn,
        minutes: minutes.collect::<Option<_>>()?,
        intervals: line.intervals,
    })
}

/// Removes those of days before one.
pub(super) fn forget_before(directory: &LedgerDirectory, day: &str) -> Result<(), LedgerError> {
    let folder = directory.file("minutes");
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(LedgerError::system(&folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(LedgerError::system(&folder))?;
        let name = entry.file_name();
        let of_day = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
        if of_day.is_some_and(|of_day| of_day.len() == day.len() && of_day < day) {
            fs::remove_file(entry.path()).map_err(LedgerError::system(&entry.path()))?;
        }
    }
    Ok(())
}
