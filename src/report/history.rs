//! What happened to an ASN in each minute: the history that the page draws.
//!
//! [`HistoryIndex`] follows the sealed minutes of a ledger that is being written, without verifying it.
//! The present day is kept in memory; each day before it is a file in `minutes/`, which may be removed at any
//! time: it is made again. Owned by one thread, which also answers.

mod answer;
mod request;

use super::ReportRequest;
use super::commitment_account::CommitmentAccount;
use super::ledger_account::LedgerAccount;
use super::minute_file::{self, AsnDay, PastInterval};
use super::minutes::SECONDS_IN_MINUTE;
use super::period::{Period, ReportZone};
use crate::ledger::directory::{LedgerDirectory, LedgerError, LedgerFile};
use crate::ledger::leaf::{IntervalLeaf, Leaf};
use crate::ledger::read::{PartReader, SealedMinute};
use crate::sla::measure::Measure;
use crate::units::Second;
use answer::HistoryAnswer;
pub use request::{HistoryError, HistoryRequest, MAX_STEPS};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Days that are indexed at most. Further ones are in the ledger, and in a report.
pub const MAX_DAYS: u64 = 32;

/// Intervals of the present day that are kept at most.
pub const MAX_PAST_INTERVALS: usize = 100_000;

/// Seconds in a day.
const DAY: u64 = 86_400;

/// Seconds before a day whose leaves are read too: the longest window.
const BEFORE: u64 = 3600;

/// Seconds behind a day before it is written down: what comes late is an amendment.
const BEHIND: u64 = 120;

/// A member that is just being written may be seen in part; so often it is tried again.
const MAX_ATTEMPTS: u32 = 5;

/// Seconds before the last one judged that may still be called not seen.
const UNSETTLED: u64 = 5;

/// The index of a ledger.
#[derive(Debug)]
pub struct HistoryIndex {
    directory: LedgerDirectory,
    account: LedgerAccount,
    /// Those that ended in the days that are in memory.
    intervals: Vec<(String, u32, PastInterval)>,
    /// The first second of which anything is known; none before the first minute.
    known_from: Option<u64>,
    /// The first second of the oldest day that is in memory.
    in_memory_from: u64,
    /// Counts before this second are not needed.
    needed_from: String,
    /// The part that is read: its file, and how far.
    part: Option<(LedgerFile, u64)>,
    reader: Option<PartReader>,
    attempts: u32,
}

impl HistoryIndex {
    /// Of the ledger in a directory. `now` is some second of the present day. Nothing is read yet but what
    /// is there.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path, now: Second) -> Result<Self, HistoryError> {
        let directory = LedgerDirectory::new(path);
        let today = now.0 - now.0 % DAY;
        let oldest = Second(today.saturating_sub((MAX_DAYS - 1) * DAY));
        let mut days = leaf_days(&directory)?;
        days.retain(|day| *day >= oldest.day());
        let is_missing = |day: &&String| !minute_file::is_there(&directory, day);
        let begin = days.iter().find(is_missing).cloned();
        let begin = begin.map_or(Second(today), |day| {
            day_begin(&day).unwrap_or(Second(today))
        });
        let first = first_second(&directory, days.first())?;
        minute_file::forget_before(&directory, &oldest.day())?;
        let period = Period {
            from: begin,
            until: Second(begin.0 + 3660 * DAY),
        };
        let zone =
            ReportZone::new("UTC").map_err(|error| HistoryError::Request(error.to_string()))?;
        let request = ReportRequest {
            period,
            zone,
            commitment: None,
            with: Vec::new(),
        };
        // The last hour of the day before is in the windows of this one.
        let before = Second(begin.0.saturating_sub(BEFORE));
        let starts_at = LedgerFile::Leaves(before.day(), 0);
        Ok(Self {
            directory,
            account: LedgerAccount::of_minutes(&request),
            intervals: Vec::new(),
            known_from: first.map(|first| first.0),
            in_memory_from: begin.0,
            needed_from: before.to_string(),
            part: Some((starts_at, 0)),
            reader: None,
            attempts: 0,
        })
    }

    /// Reads the next sealed minute. Returns whether there was one.
    ///
    /// # Errors
    /// What cannot be read, or does not fit.
    pub fn advance(&mut self) -> Result<bool, HistoryError> {
        loop {
            if self.reader.is_none() && !self.open_part()? {
                return Ok(false);
            }
            let Some(reader) = &mut self.reader else {
                return Ok(false);
            };
            match reader.next_minute() {
                Ok(Some(minute)) => {
                    self.attempts = 0;
                    self.take(&minute)?;
                    return Ok(true);
                }
                Ok(None) => {
                    let Some(next) = self.part_after()? else {
                        return Ok(false);
                    };
                    // What was appended before the next part began.
                    let last = self.reader.as_mut().map(PartReader::next_minute);
                    if let Some(Ok(Some(minute))) = last {
                        self.take(&minute)?;
                        return Ok(true);
                    }
                    self.part = Some((next, 0));
                    self.reader = None;
                }
                Err(error) => {
                    self.reader = None;
                    self.attempts += 1;
                    return if self.attempts < MAX_ATTEMPTS {
                        Ok(false)
                    } else {
                        Err(error.into())
                    };
                }
            }
        }
    }

    /// Opens the part where reading goes on, or the first one behind it. Returns whether there is one.
    fn open_part(&mut self) -> Result<bool, HistoryError> {
        let Some((wanted, octet)) = self.part.clone() else {
            return Ok(false);
        };
        let parts = parts(&self.directory)?;
        let Some(part) = parts.into_iter().find(|part| *part >= wanted) else {
            return Ok(false);
        };
        let octet = if part == wanted { octet } else { 0 };
        let path = self.directory.file(&part.name());
        self.reader = Some(PartReader::open_at(&path, octet)?);
        self.part = Some((part, octet));
        Ok(true)
    }

    fn part_after(&self) -> Result<Option<LedgerFile>, HistoryError> {
        let now = self.part.as_ref().map(|(part, _)| part);
        let parts = parts(&self.directory)?;
        Ok(parts.into_iter().find(|part| Some(part) > now))
    }

    fn take(&mut self, minute: &SealedMinute) -> Result<(), HistoryError> {
        for line in minute.lines() {
            if is_before(line, &self.needed_from) {
                continue;
            }
            self.take_line(line).map_err(|reason| HistoryError::Leaf {
                path: self.path(),
                reason,
            })?;
        }
        if let Some((_, octet)) = &mut self.part {
            *octet = minute.end;
        }
        self.write_days()
    }

    fn path(&self) -> PathBuf {
        let name = self.part.as_ref().map(|(part, _)| part.name());
        self.directory.file(&name.unwrap_or_default())
    }

    fn take_line(&mut self, line: &str) -> Result<(), String> {
        let leaf = Leaf::from_line(line).map_err(|error| error.to_string())?;
        self.known_from = self.known_from.or(leaf.second().map(|first| first.0));
        self.account.take(&leaf)?;
        match leaf {
            Leaf::Interval(interval) if interval.role.is_none() => self.note_interval(&interval),
            _ => {}
        }
        Ok(())
    }

    fn note_interval(&mut self, leaf: &IntervalLeaf) {
        let account = self.account_of(&leaf.commitment);
        let Some((terms, limit)) = account.and_then(CommitmentAccount::terms) else {
            return;
        };
        if leaf.until.0 < self.in_memory_from || self.intervals.len() >= MAX_PAST_INTERVALS {
            return;
        }
        let interval = PastInterval {
            direction: leaf.direction.clone(),
            from: leaf.from.0,
            until: leaf.until.0 + 1,
            peak_share: limit.share(leaf.peak_bytes),
            committed_bps: terms.committed_rate,
            threshold: f64::from(terms.threshold) / 1e6,
            window_s: terms.window,
        };
        let commitment = leaf.commitment.clone();
        self.intervals.push((commitment, leaf.asn, interval));
    }

    fn account_of(&self, name: &str) -> Option<&CommitmentAccount> {
        let mut accounts = self.account.commitments().iter();
        accounts.find(|account| account.name() == name)
    }

    /// Writes down the days that are over, and forgets them.
    fn write_days(&mut self) -> Result<(), HistoryError> {
        while let Some(Second(judged)) = self.account.judged()
            && judged >= self.in_memory_from + DAY + BEHIND
        {
            let (begin, end) = (self.in_memory_from, self.in_memory_from + DAY);
            self.account.count_until(Second(end));
            let day = Second(begin).day();
            if leaf_days(&self.directory)?.contains(&day) {
                let rows = self.rows(begin, end);
                minute_file::write(&self.directory, &day, &rows)?;
                let oldest = Second(end.saturating_sub(MAX_DAYS * DAY));
                minute_file::forget_before(&self.directory, &oldest.day())?;
            }
            self.account.forget_minutes(end / SECONDS_IN_MINUTE);
            self.intervals.retain(|(.., one)| one.until > end);
            self.in_memory_from = end;
        }
        Ok(())
    }

    /// All that is known of a time in memory.
    fn rows(&self, begin: u64, end: u64) -> Vec<AsnDay> {
        let minutes = (begin / SECONDS_IN_MINUTE, end / SECONDS_IN_MINUTE);
        let mut rows: BTreeMap<(String, Option<u32>), AsnDay> = BTreeMap::new();
        for account in self.account.commitments() {
            for (asn, log) in account.minutes() {
                let row = AsnDay {
                    minutes: log.between(minutes.0, minutes.1).into(),
                    intervals: Vec::new(),
                    ..AsnDay::new(account.name(), asn)
                };
                rows.insert((account.name().to_owned(), asn), row);
            }
        }
        for (commitment, asn, interval) in &self.intervals {
            if (begin..=end).contains(&interval.until) {
                let key = (commitment.clone(), Some(*asn));
                let row = rows.entry(key);
                let row = row.or_insert_with(|| AsnDay::new(commitment, Some(*asn)));
                row.intervals.push(interval.clone());
            }
        }
        rows.into_values().collect()
    }

    /// Answers, as one line of JSON.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn answer(&mut self, request: &HistoryRequest) -> Result<String, HistoryError> {
        request.check()?;
        let (Some(known_from), Some(Second(judged))) = (self.known_from, self.account.judged())
        else {
            // No minute is sealed yet.
            return HistoryAnswer::new(request).written([false; Measure::COUNT], None);
        };
        let accounts = self.account.commitments();
        if self.account_of(&request.commitment).is_none() {
            let known: Vec<_> = accounts.iter().map(CommitmentAccount::name).collect();
            return Err(HistoryError::Commitment {
                name: request.commitment.clone(),
                known: known.join(", "),
            });
        }
        let settled = (judged + 1).saturating_sub(UNSETTLED);
        let complete = settled - settled % SECONDS_IN_MINUTE;
        self.account.count_until(Second(complete));
        let mut answer = HistoryAnswer::new(request);
        let (first, last) = (request.from.0 / DAY, request.until.0 / DAY + 1);
        for day in (first..=last).map(|day| day * DAY) {
            let range = (day.max(known_from), (day + DAY).min(complete));
            if range.0 >= range.1 {
                continue;
            }
            let row = if day >= self.in_memory_from {
                self.row(request, day)
            } else {
                let name = Second(day).day();
                let (commitment, asn) = (&request.commitment, request.asn);
                match minute_file::read(&self.directory, &name, commitment, asn)? {
                    Some(row) => row,
                    None => continue,
                }
            };
            answer.add(range, &row);
        }
        let guaranteed = self.account_of(&request.commitment);
        let guaranteed = guaranteed.and_then(CommitmentAccount::terms);
        let guaranteed = Measure::ALL.map(|measure| {
            let terms = guaranteed.as_ref().map(|(terms, _)| &terms.guarantee);
            terms.is_some_and(|terms| match measure {
                Measure::Loss => terms.loss.is_some(),
                Measure::Latency => terms.latency.is_some(),
                Measure::Jitter => terms.jitter.is_some(),
            })
        });
        answer.written(guaranteed, Some((known_from, complete)))
    }

    /// What is known of an ASN of a day that is in memory.
    fn row(&self, request: &HistoryRequest, day: u64) -> AsnDay {
        let minutes = (day / SECONDS_IN_MINUTE, (day + DAY) / SECONDS_IN_MINUTE);
        let mut row = AsnDay::new(&request.commitment, Some(request.asn));
        let account = self.account_of(&request.commitment);
        let logs: Vec<_> = account
            .into_iter()
            .flat_map(CommitmentAccount::minutes)
            .collect();
        let own = logs.iter().find(|(asn, _)| *asn == Some(request.asn));
        let absent = logs.iter().find(|(asn, _)| asn.is_none());
        if let Some((_, log)) = own.or(absent) {
            row.minutes = log.between(minutes.0, minutes.1).into();
        }
        let intervals = self.intervals.iter().filter(|(commitment, asn, interval)| {
            (commitment, asn) == (&request.commitment, &request.asn)
                && (day..day + DAY).contains(&interval.until)
        });
        row.intervals = intervals.map(|(.., one)| one.clone()).collect();
        row
    }
}

/// The first second of which a day's leaves say anything.
fn first_second(
    directory: &LedgerDirectory,
    day: Option<&String>,
) -> Result<Option<Second>, LedgerError> {
    let Some(day) = day else { return Ok(None) };
    let part = LedgerFile::Leaves(day.clone(), 0);
    let minute = PartReader::open(&directory.file(&part.name()))?.next_minute()?;
    let minute = minute.unwrap_or_default();
    let mut leaves = minute.lines().filter_map(|line| Leaf::from_line(line).ok());
    Ok(leaves.find_map(|leaf| leaf.second()))
}

/// The days of which there are leaves, ascending.
fn leaf_days(directory: &LedgerDirectory) -> Result<Vec<String>, LedgerError> {
    let files = parts(directory)?.into_iter();
    let days = files.filter_map(|file| match file {
        LedgerFile::Leaves(day, 0) => Some(day),
        _ => None,
    });
    Ok(days.collect())
}

/// The parts of all days, in order.
fn parts(directory: &LedgerDirectory) -> Result<Vec<LedgerFile>, LedgerError> {
    let mut files = directory.files()?;
    files.retain(|file| matches!(file, LedgerFile::Leaves(..)));
    Ok(files)
}

fn day_begin(day: &str) -> Option<Second> {
    Second::from_rfc3339(&format!("{day}T00:00:00Z"))
}

/// Whether a line has only counts or verdicts of a second before one, by its first octets.
fn is_before(line: &str, second: &str) -> bool {
    let kinds = ["second", "amendment", "verdict", "interval"];
    let of_kind = kinds.iter().find_map(|kind| {
        let rest = line.strip_prefix(r#"{"kind":""#)?.strip_prefix(kind)?;
        rest.strip_prefix(r#"","second":""#)
    });
    of_kind
        .and_then(|rest| rest.get(..second.len()))
        .is_some_and(|time| time < second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_the_day_before_are_told_by_their_first_octets() {
        let line =
            r#"{"kind":"second","second":"2026-11-24T22:59:59Z","commitment":"a","asns":[]}"#;
        assert!(is_before(line, "2026-11-24T23:00:00Z"));
        assert!(!is_before(line, "2026-11-24T22:59:59Z"));
        let policy = r#"{"kind":"policy","second":"2026-11-24T00:00:00Z","commitments":[]}"#;
        assert!(
            !is_before(policy, "2026-11-24T23:00:00Z"),
            "contracts are needed"
        );
    }
}
