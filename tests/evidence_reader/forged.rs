//! Ledgers that somebody has changed: as far as he could, so that only what he could not do is found.

use crate::support::desk::Desk;
use crate::support::program::outcome;
use asnmeter::ledger::checkpoint::{Checkpoint, read_notes};
use asnmeter::ledger::directory::LedgerDirectory;
use asnmeter::ledger::key::PrivateKey;
use asnmeter::ledger::tiles;
use asnmeter::ledger::tree::{Hash, Tree};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is done to a ledger, what the reader says of it, and how it is done.
type Way = (&'static str, &'static str, fn(&Desk, &Path));

pub(crate) const WAYS: [Way; 8] = [
    ("a changed digit", "another root", |_, at| {
        change(at, |lines| lines[40] = raised(&lines[40]));
    }),
    ("a leaf taken out", "another root", |_, at| {
        change(at, |lines| drop(lines.remove(40)));
    }),
    ("two leaves exchanged", "another root", |_, at| {
        change(at, |lines| lines.swap(40, 41));
    }),
    ("an end cut off", "more leaves than there are", |_, at| {
        let mut minutes = minutes(at);
        let last = minutes.last_mut().unwrap();
        let end = last.trim_end().rfind('\n').unwrap();
        last.truncate(end + 1);
        write_minutes(at, &minutes);
    }),
    (
        "a minute taken off, with its checkpoint",
        "more leaves",
        |_, at| {
            cut_minute(at);
        },
    ),
    (
        "all sealed again under another key",
        "another key",
        |desk, at| {
            key(desk, "other.pem");
            fs::remove_file(at.join("ledger.pub")).unwrap();
            seal_again(desk, at, "other.pem");
        },
    ),
    (
        "a verdict changed and sealed again by the owner",
        "another root",
        |desk, at| {
            change_verdict(desk, at);
        },
    ),
    ("a checkpoint signed by nobody", "no signature", |_, at| {
        let path = notes_file(at);
        let notes = fs::read_to_string(&path).unwrap();
        let bare: Vec<_> = notes
            .lines()
            .filter(|line| !line.starts_with('—'))
            .collect();
        fs::write(path, bare.join("\n") + "\n").unwrap();
    }),
];

/// Makes an Ed25519 key as the documents say.
pub(crate) fn key(desk: &Desk, name: &str) {
    let path = desk.name(name);
    let words = ["genpkey", "-algorithm", "ed25519", "-out", &path];
    let made = outcome(Command::new("openssl").args(words));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
}

/// Copies a folder with all below it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

fn with_extension(ledger: &Path, extension: &str) -> PathBuf {
    let entries = fs::read_dir(ledger).unwrap().flatten();
    let mut found = entries.map(|entry| entry.path());
    found
        .find(|path| path.extension().is_some_and(|is| is == extension))
        .unwrap()
}

fn notes_file(ledger: &Path) -> PathBuf {
    with_extension(ledger, "notes")
}

/// The checkpoints of a ledger of one day, each as it stands in the file.
pub(crate) fn notes(ledger: &Path) -> Vec<String> {
    let text = fs::read_to_string(notes_file(ledger)).unwrap();
    let notes = read_notes(&text).into_iter();
    notes.map(|(note, _)| note.to_note() + "\n").collect()
}

/// The minutes of a ledger of one day, unpacked.
fn minutes(ledger: &Path) -> Vec<String> {
    let octets = fs::read(with_extension(ledger, "gz")).unwrap();
    let (mut rest, mut minutes) = (&octets[..], Vec::new());
    while !rest.is_empty() {
        let mut text = String::new();
        let mut member = GzDecoder::new(&mut rest);
        member.read_to_string(&mut text).unwrap();
        minutes.push(text);
    }
    minutes
}

fn write_minutes(ledger: &Path, minutes: &[String]) {
    let mut octets = Vec::new();
    for minute in minutes {
        let mut member = GzEncoder::new(Vec::new(), Compression::default());
        member.write_all(minute.as_bytes()).unwrap();
        octets.extend(member.finish().unwrap());
    }
    fs::write(with_extension(ledger, "gz"), octets).unwrap();
}

/// Changes the lines of the second minute.
fn change(ledger: &Path, how: impl FnOnce(&mut Vec<String>)) {
    let mut minutes = minutes(ledger);
    let mut lines: Vec<String> = minutes[1].lines().map(str::to_owned).collect();
    how(&mut lines);
    minutes[1] = lines.join("\n") + "\n";
    write_minutes(ledger, &minutes);
}

/// A verdict is another one, and its owner signs all anew.
pub(crate) fn change_verdict(desk: &Desk, ledger: &Path) {
    change(ledger, |lines| {
        let mut lines = lines.iter_mut();
        let met = lines.find(|line| line.contains("\"met\"")).unwrap();
        *met = met.replacen("\"met\"", "\"missed\"", 1);
    });
    seal_again(desk, ledger, "key.pem");
}

/// The line with its last digit but one raised by one, which a leaf can have.
fn raised(line: &str) -> String {
    let place = line.rfind(|c: char| matches!(c, '0'..='8')).unwrap();
    let next = char::from(line.as_bytes()[place] + 1);
    format!("{}{next}{}", &line[..place], &line[place + 1..])
}

/// The last minute goes, with its checkpoint; the tiles are made anew.
fn cut_minute(ledger: &Path) {
    let mut minutes = minutes(ledger);
    minutes.pop();
    write_minutes(ledger, &minutes);
    let kept = notes(ledger);
    fs::write(notes_file(ledger), kept[..kept.len() - 1].concat()).unwrap();
    write_tiles(ledger, &minutes);
    {
        let name = "sealed.json";
        fs::remove_file(ledger.join(name)).unwrap();
    }
    let entries = fs::read_dir(ledger).unwrap().flatten();
    let open = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("open-"));
    open.for_each(|entry| fs::remove_file(entry.path()).unwrap());
}

/// Tiles of all leaves of these minutes; the tree after each minute.
fn write_tiles(ledger: &Path, minutes: &[String]) -> Vec<Tree> {
    fs::remove_dir_all(ledger.join("tiles")).unwrap();
    let (directory, mut tree, mut trees) =
        (LedgerDirectory::new(ledger), Tree::default(), Vec::new());
    for minute in minutes {
        for line in minute.lines() {
            for full in tree.push(Hash::leaf(line.as_bytes())) {
                tiles::write_full(&directory, &full).unwrap();
            }
        }
        trees.push(tree.clone());
    }
    tiles::write_partial(&directory, &tree).unwrap();
    trees
}

/// Seals every minute again, with this key.
fn seal_again(desk: &Desk, ledger: &Path, key: &str) {
    let key = PrivateKey::from_pem(&desk.read(key)).unwrap();
    let minutes = minutes(ledger);
    let notes = write_tiles(ledger, &minutes).into_iter().map(|tree| {
        let checkpoint = Checkpoint {
            origin: "voice.example/fra-1".into(),
            size: tree.size(),
            root: tree.root(),
        };
        checkpoint.sign(Some(&key)).to_note() + "\n"
    });
    fs::write(notes_file(ledger), notes.collect::<String>()).unwrap();
}
