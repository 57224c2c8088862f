//! Proves that the rooms of the house stay apart (docs/ARCHITECTURE.md, "Who imports whom"): which room may
//! name which other, and where each outside crate is at home, read from the source itself. Tests
//! inside the rooms are left out: they may know more.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// Every room and the rooms that it may name: those before it in the flow, and the vocabulary that
/// all share (`units`, `discard`, whose an address is).
const ROOMS: [(&str, &[&str]); 26] = [
    ("units", &[]),
    ("discard", &[]),
    ("clock", &["units"]),
    ("files", &[]),
    ("frame", &["units"]),
    ("wire", &["discard", "frame", "units"]),
    // Live and synthetic sources tell the time.
    ("capture", &["clock", "files", "frame", "units", "wire"]),
    ("voice", &["discard", "frame", "units", "wire"]),
    ("asn", &["files", "units"]),
    ("attribution", &["asn", "frame", "units", "voice", "wire"]),
    (
        "stream",
        &["asn", "attribution", "discard", "units", "voice", "wire"],
    ),
    (
        "meter",
        &[
            "asn",
            "attribution",
            "discard",
            "frame",
            "stream",
            "units",
            "voice",
            "wire",
        ],
    ),
    (
        "sla",
        &["asn", "attribution", "meter", "stream", "units", "voice"],
    ),
    (
        "snapshot",
        &["asn", "discard", "meter", "sla", "stream", "units", "voice"],
    ),
    (
        "judge",
        &[
            "asn",
            "attribution",
            "meter",
            "sla",
            "snapshot",
            "stream",
            "units",
            "voice",
        ],
    ),
    (
        "ledger",
        &[
            "attribution",
            "files",
            "judge",
            "meter",
            "sla",
            "snapshot",
            "stream",
            "units",
            "voice",
        ],
    ),
    // A sink and a source of leaves, and what a judge counted besides.
    (
        "fleet",
        &[
            "asn", "discard", "judge", "ledger", "meter", "sla", "snapshot", "stream", "units",
            "voice",
        ],
    ),
    // It reads ledgers, the words of contracts, and its own index of minutes.
    ("report", &["files", "ledger", "sla", "units"]),
    (
        "pipeline",
        &[
            "attribution",
            "capture",
            "discard",
            "frame",
            "meter",
            "sla",
            "stream",
            "units",
            "voice",
            "wire",
        ],
    ),
    (
        "config",
        &[
            "asn",
            "attribution",
            "files",
            "ledger",
            "sla",
            "stream",
            "units",
            "voice",
        ],
    ),
    // The words of its labels, and snapshots: nothing that changes.
    (
        "export",
        &[
            "asn", "discard", "files", "sla", "snapshot", "stream", "units", "voice",
        ],
    ),
    ("events", &["clock", "fleet", "judge", "sla", "units"]),
    (
        "app",
        &[
            "asn",
            "attribution",
            "capture",
            "clock",
            "config",
            "discard",
            "events",
            "export",
            "files",
            "fleet",
            "frame",
            "judge",
            "ledger",
            "meter",
            "pipeline",
            "report",
            "sla",
            "snapshot",
            "stream",
            "units",
            "voice",
            "wire",
        ],
    ),
    (
        "cli",
        &[
            "app", "asn", "capture", "clock", "config", "events", "export", "files", "ledger",
            "report", "units",
        ],
    ),
    ("lib", &[]),
    ("main", &["cli"]),
];

/// Every outside crate and the rooms in which it is at home.
const CRATES: &[(&str, &[&str])] = &[
    ("async_nats", &["fleet"]),
    ("bgpkit_parser", &["asn"]),
    ("bytes", &["asn"]),
    ("bzip2", &["files"]),
    ("base64", &["export", "fleet", "ledger"]),
    ("bcrypt", &["export"]),
    ("clap", &["cli"]),
    ("flate2", &["asn", "export", "files", "ledger"]),
    ("form_urlencoded", &["export"]),
    ("futures_util", &["fleet"]),
    ("hashbrown", &["asn", "judge", "meter", "stream", "voice"]),
    ("hdrhistogram", &["snapshot"]),
    ("http_body_util", &["export"]),
    // Words for durations and times: in the configuration and on the way out.
    ("humantime", &["cli", "config", "units"]),
    ("hyper", &["export"]),
    ("hyper_util", &["export"]),
    ("indicatif", &["cli"]),
    ("ipnetwork", &["asn"]),
    ("jiff", &["asn", "report"]),
    ("landlock", &["app"]),
    ("libc", &["app", "capture", "clock", "files"]),
    ("lzma_rust2", &["files"]),
    ("rustix", &["app"]),
    // `export` names rustls' provider, which is called the same.
    ("ring", &["export", "files", "ledger"]),
    ("ruzstd", &["files"]),
    ("maxminddb", &["asn"]),
    ("percent_encoding", &["fleet"]),
    ("pnet", &["capture", "wire"]),
    ("prometheus", &["export"]),
    ("sd_notify", &["app"]),
    (
        "serde",
        &[
            "asn", "cli", "config", "export", "fleet", "ledger", "report",
        ],
    ),
    ("serde_saphyr", &["export"]),
    (
        "serde_json",
        &["cli", "export", "fleet", "ledger", "report"],
    ),
    ("strsim", &["config"]),
    ("terminal_size", &["cli"]),
    ("tokio", &["app", "export", "fleet"]),
    ("tokio_rustls", &["export"]),
    ("toml", &["config"]),
    ("unicode_width", &["export", "report"]),
    ("webpki", &["export"]),
];

/// The standard library, and a derive that every error uses.
const EVERYWHERE: [&str; 3] = ["core", "std", "thiserror"];

/// A source file: path below `src`, room, text without comments, strings and tests.
struct Source {
    path: String,
    room: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(SOURCE)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.extend(source(&path));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 80, "{} files", found.len());
    found
}

fn source(path: &Path) -> Option<Source> {
    let below = path
        .strip_prefix(SOURCE)
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let is_test = |part: &str| {
        let name = part.trim_end_matches(".rs");
        name == "tests" || name.ends_with("_tests")
    };
    if below.split('/').any(is_test) {
        return None;
    }
    let room = below
        .split('/')
        .next()
        .unwrap()
        .trim_end_matches(".rs")
        .to_owned();
    let code = without_tests(&without_prose(&fs::read_to_string(path).unwrap()));
    Some(Source {
        path: below,
        room,
        code,
    })
}

/// The code without comments and the contents of strings.
fn without_prose(text: &str) -> String {
    let (mut code, mut rest) = (String::new(), text);
    while let Some(character) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").unwrap() + 2
        } else if rest.starts_with("'\"'") {
            3
        } else if rest.starts_with("'\\") {
            // A character that is escaped, a quote perhaps.
            4
        } else if character == '"' {
            end_of_string(rest)
        } else {
            code.push(character);
            character.len_utf8()
        };
        rest = &rest[skipped..];
    }
    code
}

fn end_of_string(rest: &str) -> usize {
    let mut is_escaped = false;
    for (place, character) in rest.char_indices().skip(1) {
        match character {
            '"' if !is_escaped => return place + 1,
            _ => is_escaped = character == '\\' && !is_escaped,
        }
    }
    panic!("a string without an end: {rest:.60}")
}

/// The code without what is compiled for tests only.
fn without_tests(code: &str) -> String {
    let mut parts = code.split("#[cfg(test)]");
    let mut kept = parts.next().unwrap().to_owned();
    for part in parts {
        kept.push_str(&part[end_of_item(part)..]);
    }
    kept
}

/// Where the first item ends: at its semicolon or behind its braces.
fn end_of_item(code: &str) -> usize {
    let mut depth = 0;
    for (place, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => return place + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return place + 1,
            _ => {}
        }
    }
    code.len()
}

/// What follows `prefix` in paths: the first name of each, the ones in braces too.
fn named(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (place, _) in code.match_indices(prefix) {
        if code[..place].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let rest = &code[place + prefix.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(rest.chars().take_while(|c| is_word(*c)).collect());
            continue;
        };
        let mut depth = 0;
        let mut is_first = true;
        let mut name = String::new();
        for character in list.chars() {
            match character {
                '}' if depth == 0 => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.insert(std::mem::take(&mut name));
                    is_first = true;
                }
                _ if depth == 0 && is_first && is_word(character) => name.push(character),
                _ if depth == 0 && !name.is_empty() => is_first = false,
                _ => {}
            }
        }
        names.insert(name);
    }
    names.remove("");
    names
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[test]
fn a_room_names_only_the_rooms_below_it() {
    let allowed: BTreeMap<_, BTreeSet<_>> = ROOMS
        .map(|(room, may)| (room, may.iter().copied().collect()))
        .into();
    let (mut wrong, mut used) = (BTreeSet::new(), BTreeSet::new());
    for Source { path, room, code } in sources() {
        let may = allowed
            .get(room.as_str())
            .unwrap_or_else(|| panic!("{path}: a room without a rule"));
        for other in named(&code, "crate::")
            .into_iter()
            .chain(named(&code, "asnmeter::"))
        {
            if other == room || !allowed.contains_key(other.as_str()) {
                continue;
            }
            used.insert((room.clone(), other.clone()));
            if !may.contains(other.as_str()) {
                wrong.insert((path.clone(), other));
            }
        }
    }
    assert_eq!(wrong, BTreeSet::new(), "rooms named against the rule");
    assert!(
        used.len() > 40,
        "the reading of the source has gone blind: {used:?}"
    );
}

#[test]
fn a_room_that_sees_no_clock_channel_or_thread_names_none() {
    const PURE: [&str; 10] = [
        "units", "discard", "wire", "voice", "stream", "meter", "sla", "judge", "snapshot", "asn",
    ];
    const WORLD: [&str; 7] = [
        "mpsc", "net::Tcp", "net::Udp", "thread", "env::", "process", "Instant",
    ];
    for Source { path, room, code } in sources() {
        if !PURE.contains(&room.as_str()) {
            continue;
        }
        for (place, _) in code.match_indices("std::") {
            let rest: String = code[place + 5..]
                .chars()
                .take_while(|c| *c != ';')
                .collect();
            for word in WORLD {
                assert!(!rest.starts_with(word), "{path}: std::{rest}");
            }
        }
    }
}

#[test]
fn an_outside_crate_is_named_only_where_it_is_at_home() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("[dependencies]\n").unwrap();
    let (dependencies, _) = rest.split_once("\n\n").unwrap();
    let dependencies: BTreeSet<_> = dependencies
        .lines()
        .map(|line| line.split(' ').next().unwrap().replace('-', "_"))
        .filter(|name| !EVERYWHERE.contains(&name.as_str()))
        .collect();
    let homes: BTreeMap<_, _> = CRATES.iter().copied().collect();
    let known: BTreeSet<_> = homes.keys().map(|&name| name.to_owned()).collect();
    assert_eq!(
        dependencies, known,
        "crates of Cargo.toml, and those with a home"
    );
    let sources = sources();
    for (name, rooms) in CRATES {
        let mut at_home = BTreeSet::new();
        for Source { path, room, code } in &sources {
            let prefix = format!("{name}::");
            let mut places = code.match_indices(&prefix).map(|(place, _)| &code[..place]);
            // Not a word's end, nor a room's own module of that name: `capture::pnet::`, but
            // `::pnet::` is the crate.
            let is_crate = |before: &str| {
                let before = before.strip_suffix("::").unwrap_or(before);
                !before.chars().next_back().is_some_and(is_word)
            };
            if places.any(is_crate) {
                at_home.insert(room.as_str());
                assert!(rooms.contains(&room.as_str()), "{path} names {name}");
            }
        }
        assert_eq!(
            at_home,
            rooms.iter().copied().collect(),
            "homes of {name} that it uses"
        );
    }
}
