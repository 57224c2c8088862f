//! Writer, recovery and verification together, on real files.

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

/// Asks for a change of the key.
fn ask_for_key(path: &Path, from: u8, to: u8) {
    let change = KeyLeaf::signed("voice.example/fra-1", &key(from), &key(to));
    requests::put(&LedgerDirectory::new(path), &Leaf::Key(change)).unwrap();
}

/// Seconds under a key, and a stop.
fn go_on(path: &Path, seed: u8, from: u64) {
    let mut writer = LedgerWriter::open(path, settings(seed)).unwrap();
    writer.append(&second(from)).unwrap();
    writer.take_requests(Second(from)).unwrap();
    writer.append(&second(from + 60)).unwrap();
    writer.close(&stop(from + 60)).unwrap();
}

fn check_by(path: &Path, by: &PrivateKey) -> Result<Verified, VerifyError> {
    let request = VerifyRequest {
        key: Some(by.public()),
        require: Some(Requirement::Signed),
        ..VerifyRequest::default()
    };
    verify(path, &request)
}

#[test]
fn a_key_follows_another_one_where_both_say_so_and_whoever_has_either_verifies_all() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger");
    ledger(&path, 100);
    let refused = LedgerWriter::open(&path, settings(8)).unwrap_err();
    assert!(matches!(refused, LedgerError::OtherKey(_)), "{refused}");
    ask_for_key(&path, 9, 8);
    LedgerWriter::open(&path, settings(8)).expect_err("asked by another key than the ledger's");
    ask_for_key(&path, 7, 8);
    // The meter that runs goes on with its key, and leaves the request where it is.
    go_on(&path, 7, BEGIN + 600);
    go_on(&path, 8, BEGIN + 1200);
    assert!(
        LedgerWriter::open(&path, settings(7)).is_err(),
        "it is over"
    );
    ask_for_key(&path, 8, 5);
    go_on(&path, 5, BEGIN + 1800);
    let verified = check(&path).unwrap();
    assert_eq!((verified.key_changes, verified.kinds["key"]), (2, 2));
    assert_eq!(verified.key, Some(key(5).public()));
    for seed in [7, 8, 5] {
        let of_one = check_by(&path, &key(seed)).unwrap();
        assert_eq!(of_one.signed, verified.leaves);
    }
    let other = check_by(&path, &key(9)).unwrap_err().to_string();
    assert!(other.contains("is not signed by the key"), "{other}");
    // Without the list whoever has the first key still finds the others in the leaves.
    let list = fs::read(path.join("keys.jsonl")).unwrap();
    fs::remove_file(path.join("keys.jsonl")).unwrap();
    assert_eq!(check_by(&path, &key(7)).unwrap().key, verified.key);
    check(&path).expect_err("nothing leads from ledger.pub to the first checkpoint");
    fs::write(path.join("keys.jsonl"), list).unwrap();
    let waiting = path.join("requests").read_dir().unwrap().count();
    assert_eq!(waiting, 0, "what is done is not asked for any more");
}

#[test]
fn keys_are_known_when_the_days_that_changed_them_are_gone() {
    let folder = TempDir::new().unwrap();
    ledger(folder.path(), 100);
    ask_for_key(folder.path(), 7, 8);
    go_on(folder.path(), 8, BEGIN + 110);
    go_on(folder.path(), 8, BEGIN + 600);
    let writer = LedgerWriter::open(folder.path(), settings(8)).unwrap();
    writer.forget_before(Second(BEGIN + 86_400)).unwrap();
    drop(writer);
    let verified = check(folder.path()).unwrap();
    assert!(verified.first_leaf > 0);
    assert_eq!(
        (verified.key_changes, verified.key),
        (0, Some(key(8).public()))
    );
    check_by(folder.path(), &key(7)).unwrap();
}

#[test]
fn a_change_of_the_key_that_is_interrupted_goes_on_and_one_behind_an_open_minute_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger");
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    writer.append(&second(BEGIN)).unwrap();
    drop(writer);
    ask_for_key(&path, 7, 8);
    let killed = LedgerWriter::open(&path, settings(8)).unwrap_err();
    assert!(matches!(killed, LedgerError::Unsealed(_)), "{killed}");
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    writer.seal().unwrap();
    drop(writer);
    // Killed before the leaf was written, and again before it was sealed.
    drop(LedgerWriter::open(&path, settings(8)).unwrap());
    let mut writer = LedgerWriter::open(&path, settings(8)).unwrap();
    writer.append(&second(BEGIN + 60)).unwrap();
    drop(writer);
    go_on(&path, 8, BEGIN + 61);
    let verified = check(&path).unwrap();
    assert_eq!(
        (verified.key_changes, verified.signed),
        (1, verified.leaves)
    );
    // Who still has the old key cannot sign any more.
    let notes = notes(&path);
    let text = fs::read_to_string(&notes).unwrap();
    let all = read_notes(&text);
    let (last, _) = all.last().unwrap().clone();
    let before = all[all.len() - 2].1;
    let stolen = last.checkpoint.sign(Some(&key(7))).to_note() + "\n";
    fs::write(&notes, text[..before].to_owned() + &stolen).unwrap();
    let error = check(&path).unwrap_err().to_string();
    assert!(error.contains("is not signed by the key"), "{error}");
}

/// A file of a crash: its name, and what it holds then; none: it is not there.
type Found = (String, Option<Vec<u8>>);

/// Every file below a directory.
fn files(path: &Path) -> Vec<(String, Vec<u8>)> {
    fn walk(path: &Path, below: &Path, found: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, below, found);
            } else {
                let name = path
                    .strip_prefix(below)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(path, path, &mut found);
    found
}

/// The states of the disk while a minute is sealed: what is there before, with ever more of what is
/// there afterwards, in the order of writing.
fn states(before: &Path, after: &Path) -> Vec<Vec<Found>> {
    let (old, new) = (files(before), files(after));
    let held = |name: &str| {
        old.iter()
            .find(|(known, _)| known == name)
            .map(|(_, is)| is.len())
    };
    let rank = |name: &str| match name {
        _ if name.contains(".jsonl.gz") => 0,
        _ if name.starts_with("tiles/") => 1,
        _ if name.contains(".notes") => 2,
        "sealed.json" => 3,
        _ => 4,
    };
    let mut changed: Vec<_> = new.iter().filter(|one| !old.contains(one)).collect();
    changed.sort_by_key(|(name, _)| rank(name));
    let (mut states, mut done) = (vec![Vec::new()], Vec::<Found>::new());
    for (name, content) in changed {
        if rank(name) != 1 && rank(name) != 3 {
            let from = held(name).unwrap_or(0);
            let step = ((content.len() - from) / 7).max(1);
            for cut in (from..content.len()).step_by(step) {
                let part = (name.clone(), Some(content[..cut].to_vec()));
                states.push(done.iter().cloned().chain([part]).collect());
            }
        }
        done.push((name.clone(), Some(content.clone())));
        states.push(done.clone());
    }
    for (name, _) in old
        .iter()
        .filter(|(name, _)| new.iter().all(|(known, _)| known != name))
    {
        done.push((name.clone(), None));
        states.push(done.clone());
    }
    states
}

/// Stops a writer dead at every step of sealing a minute: no sealed second is lost, none stands twice,
/// and what is written afterwards verifies.
#[test]
fn a_crash_at_any_step_of_sealing_loses_nothing_and_the_ledger_verifies() {
    // within a day; after midnight, where a file begins
    for last in [90, 152] {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mut writer = LedgerWriter::open(&at("live"), settings(7)).unwrap();
        for number in 0..last {
            writer.append(&second(BEGIN + number)).unwrap();
            if number + 1 == last - 1 {
                copy(&at("live"), &at("before"));
            }
        }
        let next = last - 1;
        writer.seal().unwrap();
        copy(&at("live"), &at("after"));
        drop(writer);
        let states = states(&at("before"), &at("after"));
        assert!(states.len() > 20, "{}", states.len());
        for (number, state) in states.into_iter().enumerate() {
            let crashed = at(&format!("crashed-{number}"));
            copy(&at("before"), &crashed);
            let mut shown = Vec::new();
            for (name, content) in state {
                let path = crashed.join(&name);
                shown.push((name, content.as_ref().map(Vec::len)));
                match content {
                    Some(content) => {
                        fs::create_dir_all(path.parent().unwrap()).unwrap();
                        fs::write(&path, content).unwrap();
                    }
                    None => fs::remove_file(&path).unwrap(),
                }
            }
            let mut writer = LedgerWriter::open(&crashed, settings(7))
                .unwrap_or_else(|error| panic!("{shown:?}: {error}"));
            writer.append(&second(BEGIN + 1000)).unwrap();
            writer.close(&stop(BEGIN + 1000)).unwrap();
            let verified = check(&crashed).unwrap_or_else(|error| panic!("{shown:?}: {error}"));
            assert_eq!(
                verified.signed,
                verified.first_leaf + verified.leaves,
                "{shown:?}"
            );
            let mut kept = seconds(&crashed);
            assert_eq!(kept.pop(), Some(BEGIN + 1000));
            let all = |count| (BEGIN..BEGIN + count).collect::<Vec<_>>();
            assert!(
                kept == all(next) || kept == all(last),
                "{shown:?}: {}",
                kept.len()
            );
        }
    }
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

/// A change of a ledger, and a word of what is said of it.
type Change = (&'static str, fn(&Path), &'static str);

fn unpack(path: &Path) -> String {
    let mut part = super::read::PartReader::open(path).unwrap();
    let mut text = String::new();
    while let Some(minute) = part.next_minute().unwrap() {
        text.push_str(&minute.text);
    }
    text
}

/// Writes a day's leaves anew.
fn rewrite(path: &Path, change: impl FnOnce(Vec<String>) -> Vec<String>) {
    let path = path.join("2026-11-25.jsonl.gz");
    let lines = change(unpack(&path).lines().map(str::to_owned).collect());
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for line in lines {
        std::io::Write::write_all(&mut encoder, format!("{line}\n").as_bytes()).unwrap();
    }
    fs::write(path, encoder.finish().unwrap()).unwrap();
}

fn notes(path: &Path) -> PathBuf {
    path.join("2026-11-25.notes")
}

#[test]
fn whatever_is_changed_is_found() {
    let changes: [Change; 9] = [
        (
            "the end of a packed minute cut off",
            |path| {
                let path = path.join("2026-11-25.jsonl.gz");
                let octets = fs::read(&path).unwrap();
                fs::write(path, &octets[..octets.len() - 9]).unwrap();
            },
            "at octet",
        ),
        (
            "one digit",
            |path| {
                rewrite(path, |mut lines| {
                    lines[40] = lines[40].replace("\"prefixes\":1", "\"prefixes\":2");
                    lines
                });
            },
            "is not that of the leaves",
        ),
        (
            "a leaf taken out",
            |path| {
                rewrite(path, |mut lines| {
                    lines.remove(40);
                    lines
                });
            },
            "is not that of the leaves",
        ),
        (
            "two leaves exchanged",
            |path| {
                rewrite(path, |mut lines| {
                    lines.swap(40, 41);
                    lines
                });
            },
            "is not that of the leaves",
        ),
        (
            "a blank in a leaf",
            |path| {
                rewrite(path, |mut lines| {
                    lines[40] = lines[40].replace(':', ": ");
                    lines
                });
            },
            "leaf 40",
        ),
        (
            "the end of the first day cut off",
            |path| {
                rewrite(path, |mut lines| {
                    lines.truncate(100);
                    lines
                });
            },
            "says other leaves before it",
        ),
        (
            "the last day cut off",
            |path| fs::remove_file(path.join("2026-11-26.jsonl.gz")).unwrap(),
            "only 151 leaves are there",
        ),
        (
            "a minute sealed again under another key",
            |path| {
                let text = fs::read_to_string(notes(path)).unwrap();
                let first = text.split_once("\n\n").unwrap().0.len() + 2;
                let end = text[first..].find("\n\n").unwrap() + first + 1;
                let note = SignedCheckpoint::from_note(&text[..end]).unwrap();
                let again = note.checkpoint.sign(Some(&key(8))).to_note();
                fs::write(notes(path), again + &text[end..]).unwrap();
            },
            "is not signed by the key",
        ),
        (
            "a checkpoint cut off in its middle",
            |path| {
                let text = fs::read(notes(path)).unwrap();
                fs::write(notes(path), &text[..text.len() - 10]).unwrap();
            },
            "something else than checkpoints",
        ),
    ];
    let folder = TempDir::new().unwrap();
    let whole = folder.path().join("whole");
    ledger(&whole, 200);
    check(&whole).unwrap();
    for (name, change, said) in changes {
        let changed = folder.path().join(name.replace(' ', "-"));
        copy(&whole, &changed);
        change(&changed);
        let error = check(&changed).expect_err(name).to_string();
        assert!(error.contains(said), "{name}: {error}");
    }
}

#[test]
fn a_ledger_written_anew_as_a_whole_is_found_by_whoever_kept_a_head() {
    let folder = TempDir::new().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let head = ledger(&old, 200);
    let mut writer = LedgerWriter::open(&new, settings(7)).unwrap();
    for number in BEGIN..BEGIN + 200 {
        // one second is another one
        writer
            .append(&second(number + u64::from(number == BEGIN + 5)))
            .unwrap();
    }
    writer.close(&stop(BEGIN + 200)).unwrap();
    check(&new).unwrap();
    let request = VerifyRequest {
        heads: vec![("kept".into(), head)],
        ..VerifyRequest::default()
    };
    let error = verify(&new, &request).unwrap_err().to_string();
    assert!(
        error.starts_with("kept: the checkpoint of 203 leaves: root"),
        "{error}"
    );
    let request = VerifyRequest {
        key: Some(PublicKey::from_pem(&key(8).public().to_pem()).unwrap()),
        ..VerifyRequest::default()
    };
    let error = verify(&new, &request).unwrap_err().to_string();
    assert!(error.contains("is not signed by the key"), "{error}");
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

/// Announced maintenance of ten minutes from a second on.
fn maintenance(from: u64) -> Leaf {
    Leaf::Exclusion(ExclusionLeaf {
        entered: Second::default(),
        from: Second(from),
        until: Second(from + 599),
        commitment: "voice".into(),
        reason: "new line cards".into(),
        asns: Vec::new(),
    })
}

fn entries(path: &Path) -> Vec<ExclusionLeaf> {
    let mut entries = Vec::new();
    verify_each(path, &VerifyRequest::default(), &mut |_, leaf| {
        if let Leaf::Exclusion(leaf) = leaf {
            entries.push(leaf.clone());
        }
    })
    .unwrap();
    entries
}

#[test]
fn what_is_asked_for_is_entered_once_with_the_writers_time_and_the_ledger_holds() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger");
    let directory = LedgerDirectory::new(&path);
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    writer.append(&second(BEGIN)).unwrap();
    requests::put(&directory, &maintenance(BEGIN + 60)).unwrap();
    let outcomes = writer.take_requests(Second(BEGIN)).unwrap();
    assert!(matches!(&outcomes[..], [(_, RequestOutcome::Entered(_))]));
    assert!(writer.take_requests(Second(BEGIN)).unwrap().is_empty());
    writer.append(&second(BEGIN + 1)).unwrap();
    requests::put(&directory, &maintenance(BEGIN + 60)).unwrap();
    let outcomes = writer.take_requests(Second(BEGIN + 1)).unwrap();
    assert!(matches!(&outcomes[..], [(_, RequestOutcome::Known)]));
    // Killed after it was written, before the request was deleted and the index had it.
    drop(writer);
    fs::remove_file(path.join("entered.jsonl")).unwrap();
    requests::put(&directory, &maintenance(BEGIN + 60)).unwrap();
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    let outcomes = writer.take_requests(Second(BEGIN + 1)).unwrap();
    assert!(matches!(&outcomes[..], [(_, RequestOutcome::Known)]));
    writer.append(&second(BEGIN + 2)).unwrap();
    requests::put(&directory, &maintenance(BEGIN)).unwrap();
    writer.take_requests(Second(BEGIN + 2)).unwrap();
    writer.seal().unwrap();
    let entered = entries(&path);
    let known: Vec<_> = entered
        .iter()
        .map(|one| (one.entered.0, one.is_retroactive()))
        .collect();
    assert_eq!(known, [(BEGIN, false), (BEGIN + 2, true)]);
    assert!(!path.join("requests").read_dir().unwrap().any(|_| true));
}

#[test]
fn what_is_no_request_is_left_where_it_is_and_told_once() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("ledger");
    let directory = LedgerDirectory::new(&path);
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    writer.append(&second(BEGIN)).unwrap();
    let folder = path.join("requests");
    let named = |digit: &str| folder.join(format!("{}.json", digit.repeat(32)));
    fs::write(folder.join("passwd"), "root").unwrap();
    fs::write(named("a"), "x".repeat(2 << 20)).unwrap();
    fs::write(
        named("b"),
        r#"{"kind":"stop","time":"2026-11-25T21:00:00Z"}"#,
    )
    .unwrap();
    fs::create_dir(named("c")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", named("d")).unwrap();
    fs::write(folder.join("half.new"), "{").unwrap();
    requests::put(&directory, &maintenance(BEGIN)).unwrap();
    let outcomes = writer.take_requests(Second(BEGIN)).unwrap();
    let refused = |outcome: &RequestOutcome| matches!(outcome, RequestOutcome::Refused(_));
    let count = outcomes
        .iter()
        .filter(|(_, outcome)| refused(outcome))
        .count();
    assert_eq!((count, outcomes.len()), (5, 6), "{outcomes:?}");
    assert!(
        writer.take_requests(Second(BEGIN)).unwrap().is_empty(),
        "told once"
    );
    assert!(named("b").exists());
    assert_eq!(entries_of_open(&path), 1);
}

/// Exclusions in the open minute.
fn entries_of_open(path: &Path) -> usize {
    let text = fs::read_to_string(path.join("open-0.jsonl")).unwrap();
    text.lines()
        .filter(|line| line.contains("\"exclusion\""))
        .count()
}

#[test]
fn an_entry_that_says_an_earlier_time_than_what_stands_before_it_does_not_hold() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("ledger");
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    writer.append(&second(BEGIN)).unwrap();
    requests::put(&LedgerDirectory::new(&path), &maintenance(BEGIN)).unwrap();
    writer.take_requests(Second(BEGIN - 1)).unwrap();
    writer.seal().unwrap();
    let error = verify(&path, &VerifyRequest::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("says that it was entered at"), "{error}");
}
