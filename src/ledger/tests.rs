//! Writer, recovery and verification together, on real files.

mod crash;
mod entries;
mod keys;
mod tampering;

use super::checkpoint::{SignedCheckpoint, read_notes};
use super::directory::{LedgerDirectory, LedgerError};
use super::key::tests::private_pem;
use super::key::{PrivateKey, PublicKey};
use super::leaf::{
    CountingTerms, ExclusionLeaf, GapLeaf, GapReason, KeyLeaf, Leaf, StopLeaf, TableLeaf,
    TableTerms,
};
use super::record::{LeafSink, Recorder, SecondLeaves};
use super::requests::{self, RequestOutcome};
use super::verify::{Requirement, Verified, VerifyError, VerifyRequest, verify, verify_each};
use super::writer::{Durability, LedgerSettings, LedgerWriter};
use crate::meter::second::IncompleteRange;
use crate::snapshot::evidence::{JudgedSecond, JudgementObserver};
use crate::units::Second;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// 2026-11-25T23:57:30Z: two and a half minutes before midnight.
const BEGIN: u64 = 1_795_651_050;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_pem(&private_pem(seed)).unwrap()
}

fn settings(seed: u8) -> LedgerSettings {
    LedgerSettings {
        origin: "voice.example/fra-1".into(),
        key: Some(key(seed)),
        durability: Durability::EachSecond,
    }
}

/// A second with a leaf on which nothing rests.
fn second(number: u64) -> SecondLeaves {
    let second = Second(number);
    let table = TableTerms {
        kind: "prefixes".into(),
        name: "prefixes.tsv".into(),
        sha256: None,
        built: None,
        prefixes: number,
    };
    SecondLeaves {
        second,
        leaves: vec![Leaf::Table(TableLeaf {
            second,
            sources: vec![table],
        })],
    }
}

fn stop(number: u64) -> SecondLeaves {
    let time = Second(number);
    SecondLeaves {
        second: time,
        leaves: vec![Leaf::Stop(StopLeaf { time })],
    }
}

/// A ledger of so many seconds that was stopped.
fn ledger(path: &Path, seconds: u64) -> SignedCheckpoint {
    let mut writer = LedgerWriter::open(path, settings(7)).unwrap();
    for number in BEGIN..BEGIN + seconds {
        writer.append(&second(number)).unwrap();
    }
    writer.close(&stop(BEGIN + seconds)).unwrap().unwrap()
}

fn check(path: &Path) -> Result<Verified, VerifyError> {
    check_days(path, None)
}

/// What is said of some days, which is the same for any number of threads.
fn check_days(path: &Path, days: Option<(&str, &str)>) -> Result<Verified, VerifyError> {
    let days = days.map(|(first, last)| (first.to_owned(), last.to_owned()));
    let request = |jobs| VerifyRequest {
        days: days.clone(),
        jobs: NonZeroUsize::new(jobs),
        ..VerifyRequest::default()
    };
    let one = verify(path, &request(1));
    for jobs in [2, 3, 8] {
        let several = verify(path, &request(jobs));
        assert_eq!(format!("{several:?}"), format!("{one:?}"), "{jobs} threads");
    }
    one
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The numbers of the seconds in a ledger's day files, in order.
fn seconds(path: &Path) -> Vec<u64> {
    let mut found = Vec::new();
    for (_, parts) in super::read::days(&LedgerDirectory::new(path)).unwrap() {
        for part in parts {
            let mut part = super::read::PartReader::open(&part).unwrap();
            while let Some(minute) = part.next_minute().unwrap() {
                for line in minute.lines() {
                    if let Leaf::Table(leaf) = Leaf::from_line(line).unwrap() {
                        found.push(leaf.second.0);
                    }
                }
            }
        }
    }
    found
}

fn notes(path: &Path) -> PathBuf {
    path.join("2026-11-25.notes")
}

#[test]
fn a_start_that_fails_midway_leaves_every_line_of_the_open_minute() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("evidence");
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    for number in BEGIN..BEGIN + 9 {
        writer.append(&second(number)).unwrap();
    }
    drop(writer);
    let open = path.join("open-0.jsonl");
    let lines = fs::read(&open).unwrap();
    // The new file cannot be written: as if the meter were killed before it was.
    fs::create_dir(path.join("open-0.new")).unwrap();
    LedgerWriter::open(&path, settings(7)).unwrap_err();
    assert_eq!(fs::read(&open).unwrap(), lines);
    fs::remove_dir(path.join("open-0.new")).unwrap();
    let writer = LedgerWriter::open(&path, settings(7)).unwrap();
    writer.close(&stop(BEGIN + 9)).unwrap();
    assert_eq!(seconds(&path), (BEGIN..BEGIN + 9).collect::<Vec<_>>());
}

#[test]
fn a_ledger_is_verified_as_it_was_written_over_midnight_and_a_restart() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("evidence");
    let first = ledger(&path, 200);
    let verified = check(&path).unwrap();
    // two days begin, 200 seconds, a stop
    assert_eq!(verified.leaves, 203);
    assert_eq!((verified.sealed, verified.signed), (203, 203));
    assert_eq!(verified.head.as_ref(), Some(&first));
    assert_eq!(verified.kinds.get("day"), Some(&2));
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    assert_eq!((writer.size(), writer.head()), (203, Some(&first)));
    for number in BEGIN + 300..BEGIN + 400 {
        writer.append(&second(number)).unwrap();
    }
    drop(writer);
    // killed: what was not sealed stands in the open file
    let writer = LedgerWriter::open(&path, settings(7)).unwrap();
    writer.close(&stop(BEGIN + 400)).unwrap();
    let request = VerifyRequest {
        heads: vec![("kept".into(), first)],
        require: Some(Requirement::Signed),
        ..VerifyRequest::default()
    };
    let verified = verify(&path, &request).unwrap();
    assert_eq!((verified.leaves, verified.witnessed), (304, 203));
    let expected: Vec<u64> = (BEGIN..BEGIN + 200)
        .chain(BEGIN + 300..BEGIN + 400)
        .collect();
    assert_eq!(seconds(&path), expected);
    let request = VerifyRequest {
        require: Some(Requirement::Witnessed),
        ..request
    };
    let less = verify(&path, &request).unwrap_err();
    assert!(
        matches!(
            less,
            VerifyError::NotHeld {
                size: 304,
                held: 203,
                ..
            }
        ),
        "{less}"
    );
}

#[test]
fn a_day_never_goes_back_whatever_the_clock_does() {
    let folder = TempDir::new().unwrap();
    let mut writer = LedgerWriter::open(folder.path(), settings(7)).unwrap();
    for number in [BEGIN + 200, BEGIN, BEGIN + 60, BEGIN + 300] {
        let mut leaves = second(number);
        if number == BEGIN {
            leaves.leaves.push(Leaf::Gap(GapLeaf {
                second: Second(BEGIN),
                commitment: None,
                from: Second(BEGIN - 3600),
                until: Second(BEGIN - 1),
                why: GapReason::Clock,
                frames: None,
                judged: Some(Second(BEGIN + 200)),
                probe: None,
            }));
        }
        writer.append(&leaves).unwrap();
    }
    writer.close(&stop(BEGIN + 300)).unwrap();
    let verified = check(folder.path()).unwrap();
    assert_eq!(verified.kinds.get("day"), Some(&1));
    assert!(!folder.path().join("2026-11-25.jsonl.gz").exists());
}

#[test]
fn one_writes_and_another_meter_or_key_does_not() {
    let folder = TempDir::new().unwrap();
    let writer = LedgerWriter::open(folder.path(), settings(7)).unwrap();
    let second = LedgerWriter::open(folder.path(), settings(7)).unwrap_err();
    assert!(matches!(second, LedgerError::Locked(_)), "{second}");
    drop(writer);
    let other = LedgerSettings {
        origin: "voice.example/ams-1".into(),
        ..settings(7)
    };
    let other = LedgerWriter::open(folder.path(), other).unwrap_err();
    assert!(matches!(other, LedgerError::OtherMeter { .. }), "{other}");
    let other = LedgerWriter::open(folder.path(), settings(8)).unwrap_err();
    assert!(matches!(other, LedgerError::OtherKey(_)), "{other}");
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("letter.txt"), "dear").unwrap();
    let letters = LedgerWriter::open(home.path(), settings(7)).unwrap_err();
    assert!(matches!(letters, LedgerError::NotALedger(_)), "{letters}");
}

#[test]
fn whole_days_are_forgotten_and_what_is_left_still_verifies() {
    let folder = TempDir::new().unwrap();
    ledger(folder.path(), 200);
    let writer = LedgerWriter::open(folder.path(), settings(7)).unwrap();
    writer.forget_before(Second(BEGIN + 86_400)).unwrap();
    drop(writer);
    assert!(!folder.path().join("2026-11-25.jsonl.gz").exists());
    assert!(folder.path().join("2026-11-25.notes").exists());
    let verified = check(folder.path()).unwrap();
    assert_eq!((verified.first_leaf, verified.leaves), (151, 52));
    let mut writer = LedgerWriter::open(folder.path(), settings(7)).unwrap();
    writer.append(&second(BEGIN + 500)).unwrap();
    writer.close(&stop(BEGIN + 500)).unwrap();
    assert_eq!(check(folder.path()).unwrap().leaves, 54);
}

/// A ledger of three days: 30 seconds before the second one, 30 behind the third has begun.
fn three_days(path: &Path) {
    let mut writer = LedgerWriter::open(path, settings(7)).unwrap();
    for day in 0..2 {
        for number in BEGIN + 120..BEGIN + 180 {
            writer.append(&second(number + 86_400 * day)).unwrap();
        }
    }
    writer.close(&stop(BEGIN + 86_400 + 180)).unwrap();
}

#[test]
fn days_are_verified_by_themselves_and_end_as_the_next_day_says() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("whole");
    three_days(&path);
    let all = check(&path).unwrap();
    assert_eq!((all.leaves, all.kinds["day"]), (124, 3));
    let (first, second, third) = ("2026-11-25", "2026-11-26", "2026-11-27");
    let days = [
        (first, first, 0, 31),
        (second, second, 31, 61),
        (first, second, 0, 92),
        (third, "9999-99-99", 92, 32),
    ];
    for (from, until, first_leaf, leaves) in days {
        let part = check_days(&path, Some((from, until))).unwrap();
        assert_eq!(
            (part.first_leaf, part.leaves),
            (first_leaf, leaves),
            "{from}"
        );
        assert_eq!(part.signed, first_leaf + leaves, "{from}");
    }
    assert_eq!(check_days(&path, Some((third, third))).unwrap().leaves, 32);
    let none = check_days(&path, Some(("2026-12-01", "2026-12-31"))).unwrap();
    assert_eq!(none.leaves, 0);
    // What stands behind the last whole minute of a day is missing in the day after only.
    let packed = path.join("2026-11-26.jsonl.gz");
    let mut part = super::read::PartReader::open(&packed).unwrap();
    let end = usize::try_from(part.next_minute().unwrap().unwrap().end).unwrap();
    let octets = fs::read(&packed).unwrap();
    assert!(end < octets.len(), "the day has two minutes");
    fs::write(&packed, &octets[..end]).unwrap();
    let error = check_days(&path, Some((second, second))).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("2026-11-27.jsonl.gz: leaf 62: says other leaves"),
        "{error}"
    );
    check_days(&path, Some((first, first))).unwrap();
    check_days(&path, Some((third, third))).unwrap();
}

#[test]
fn without_its_tiles_a_ledger_is_read_again_and_goes_on() {
    let folder = TempDir::new().unwrap();
    ledger(folder.path(), 200);
    fs::remove_dir_all(folder.path().join("tiles")).unwrap();
    fs::remove_file(folder.path().join("sealed.json")).unwrap();
    let mut writer = LedgerWriter::open(folder.path(), settings(7)).unwrap();
    assert_eq!(writer.size(), 203);
    writer.append(&second(BEGIN + 300)).unwrap();
    writer.close(&stop(BEGIN + 300)).unwrap();
    assert_eq!(check(folder.path()).unwrap().leaves, 205);
    assert!(folder.path().join("tiles/0/000.p/205").exists());
}

/// Keeps what it is given.
#[derive(Default)]
struct Kept(Vec<SecondLeaves>);

impl LeafSink for &mut Kept {
    fn accept(&mut self, leaves: SecondLeaves) {
        self.0.push(leaves);
    }
}

#[test]
fn a_gap_that_every_worker_tells_of_is_one_and_counted_gaps_of_two_sources_are_two() {
    let mut kept = Kept::default();
    let mut recorder = Recorder::new(&mut kept, CountingTerms::default());
    for at_most in [Some(3), Some(0), Some(3), None, None] {
        recorder.incomplete(IncompleteRange {
            first: Second(BEGIN),
            last: Second(BEGIN + 1),
            at_most,
        });
    }
    recorder.second_judged(JudgedSecond {
        second: Second(BEGIN + 1),
        policy: &Arc::default(),
        revised: &[],
        ended: &[],
    });
    let leaves = kept.0.remove(0).leaves;
    let frames = leaves.iter().filter_map(|leaf| match leaf {
        Leaf::Gap(gap) => Some(gap.frames),
        _ => None,
    });
    assert_eq!(frames.collect::<Vec<_>>(), [Some(3), Some(3), None]);
}
