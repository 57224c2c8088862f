//! Proves the ledger as its users have it: a replay gives the same octets on any number of workers, and
//! `verify` holds it; a change is found; a meter that is killed at any moment loses no sealed second;
//! a full disk is a gap that the verdicts know of, and the ledger goes on when there is room again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use asnmeter::units::Second;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use support::START;
use support::desk::Desk;
use support::frames::{Media, Shot};
use support::program::{PROGRAM, asnmeter, list, outcome, replay, sealed_lines};
use support::running::{Running, until};

const CONFIGURATION: &str = r#"
[asn]
sources = [{ prefixes = "prefixes.tsv" }]
local_prefixes = ["198.51.100.0/24"]
[[commitment]]
name = "voice"
committed_rate = "1 Mbps"
threshold = "10%"
window = "5s"
guarantee = { loss = "0.5%", jitter = "30ms" }
[[commitment]]
name = "sum"
committed_rate = "100 Mbps"
direction = "sum"
guarantee = { loss = "0.5%", loss_direction = "both" }
[evidence]
origin = "voice.example/fra-1"
key = "key.pem"
"#;

const MILLISECOND: u64 = 1_000_000;

/// Three calls of two networks over four minutes, in both directions; one network exceeds the smaller
/// rate while it has two, and one call loses every tenth packet for a while.
fn calls() -> Vec<Shot> {
    let mut shots = Vec::new();
    let calls = [
        ("203.0.113.1:30000", 0, 10_000, false),
        ("192.0.2.1:30002", 20_000, 4_000, true),
        ("192.0.2.2:30004", 60_000, 1_000, false),
    ];
    for (number, (theirs, begins, packets, loses)) in (0..).zip(calls) {
        let ours = format!("198.51.100.{}:20000", number + 1);
        for (ssrc, (src, dst)) in (10 * number..).zip([(theirs, &*ours), (&*ours, theirs)]) {
            let times = (0..packets).map(|place| 20 * place);
            let times = times.map(|at| 1_000_000_000 * START + (begins + at) * MILLISECOND);
            let media = Media::g711(src, dst, ssrc).shots(times);
            let all = media.into_iter().enumerate();
            let came = all
                .filter(|(place, _)| !(loses && (1000..1500).contains(place) && place % 10 == 0));
            shots.extend(came.map(|(_, shot)| shot));
        }
    }
    shots.sort_by_key(|shot| shot.nanos);
    shots
}

/// A folder with configuration, table, key and capture.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.file(
        "prefixes.tsv",
        "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n",
    );
    desk.file("asnmeter.toml", CONFIGURATION);
    desk.capture("calls.pcap", &calls());
    let key = desk.name("key.pem");
    let made =
        outcome(Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out", &key]));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    desk
}

fn replayed(desk: &Desk, ledger: &str, more: &[&str]) -> Value {
    let (capture, config) = (desk.name("calls.pcap"), desk.name("asnmeter.toml"));
    let arguments = [
        &capture,
        "--config",
        &config,
        "--evidence",
        &desk.name(ledger),
    ];
    replay(&[&arguments[..], more].concat())
}

/// The lines of all leaves of a ledger that are in its day files.
fn leaves(ledger: &Path) -> Vec<Value> {
    sealed_lines(ledger)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn kind(leaf: &Value) -> &str {
    leaf["kind"].as_str().unwrap()
}

fn verify(ledger: &str, more: &[&str]) -> (Option<i32>, String) {
    let outcome = asnmeter([&["verify", ledger], more].concat());
    (outcome.code, outcome.stdout + &outcome.stderr)
}

#[test]
fn verify_says_the_same_with_any_number_of_jobs_of_what_holds_and_of_what_does_not() {
    let desk = desk();
    replayed(&desk, "ledger", &[]);
    let ledger = desk.name("ledger");
    let said = |more: &[&str]| {
        let each = ["1", "2", "3", "9"].map(|jobs| {
            let outcome = asnmeter([&["verify", &ledger, "--jobs", jobs], more].concat());
            (outcome.code, outcome.stdout, outcome.stderr)
        });
        assert!(each.iter().all(|one| *one == each[0]), "{each:#?}");
        let [one, ..] = each;
        one
    };
    for more in [&[][..], &["--format", "json"], &["--require", "witnessed"]] {
        let (code, stdout, stderr) = said(more);
        let holds = more != ["--require", "witnessed"];
        assert_eq!(code, Some(i32::from(!holds)), "{stdout}{stderr}");
        assert_eq!(stdout.is_empty(), !holds);
        // no terminal, no progress bar
        assert_eq!(stderr.is_empty(), holds, "{stderr}");
    }
    let day = Second(START).day();
    assert_eq!(said(&["--from", &day]).0, Some(0));
    let none = said(&["--until", &day]);
    assert_eq!(none.0, Some(2), "{}", none.2);
    assert!(none.2.contains("has none of the days"), "{}", none.2);
    let packed = desk.path(&format!("ledger/{day}.jsonl.gz"));
    let octets = fs::read(&packed).unwrap();
    for end in [octets.len() / 2, octets.len() - 1] {
        fs::write(&packed, &octets[..end]).unwrap();
        let (code, stdout, stderr) = said(&[]);
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        assert!(stderr.contains("at octet"), "{stderr}");
    }
}

#[test]
fn a_report_with_another_rate_gives_every_verdict_of_a_second_replay_under_that_rate() {
    let desk = desk();
    let doubled = CONFIGURATION
        .replace("\"1 Mbps\"", "\"2 Mbps\"")
        .replace("\"100 Mbps\"", "\"200 Mbps\"");
    replayed(&desk, "ledger", &[]);
    let config = desk.file("doubled.toml", &doubled);
    let capture = desk.name("calls.pcap");
    replay(&[
        &capture,
        "--config",
        &config,
        "--evidence",
        &desk.name("doubled"),
    ]);
    let rows = |ledger: &str, period: (u64, u64), more: &[&str]| -> Value {
        let (from, until) = (Second(period.0).to_string(), Second(period.1).to_string());
        let ledger = desk.name(ledger);
        let words = [
            "report", &ledger, "--from", &from, "--until", &until, "--format", "json",
        ];
        let said = asnmeter([&words[..], more].concat());
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        serde_json::from_str(&said.stdout).unwrap()
    };
    let mut differ = 0;
    // second by second around the excess, where verdicts change; then all the rest
    let around = (START + 61..START + 70).map(|second| (second, second + 1));
    for period in around.chain([(START, START + 61), (START + 70, START + 240)]) {
        let said = rows("ledger", period, &["--with", &config]);
        let would = rows("doubled", period, &[]);
        let pairs = list(&said, "/ledgers/0/commitments");
        for (said, would) in pairs.iter().zip(list(&would, "/ledgers/0/commitments")) {
            assert_eq!(list(&said["with"], "/unanswered").len(), 0);
            assert_eq!(said["with"]["asns"], would["asns"], "{period:?}");
            assert_eq!(said["with"]["all"], would["all"], "{period:?}");
            differ += u32::from(said["all"]["given"] != would["all"]["given"]);
        }
    }
    assert!(
        differ > 2,
        "the rate makes a difference in {differ} periods only"
    );
}

/// Everything in a folder but the lock, by name.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files
        .map(|path| {
            (
                path.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read(path).unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_replay_gives_the_same_ledger_on_any_number_of_workers_and_it_verifies() {
    let desk = desk();
    let one = replayed(&desk, "one", &[]);
    for workers in ["2", "4"] {
        let more = replayed(&desk, workers, &["--workers", workers]);
        assert_eq!(more, one, "{workers} workers");
        let same = content(&desk.path(workers)) == content(&desk.path("one"));
        assert!(same, "{workers} workers");
    }
    let (code, said) = verify(
        &desk.name("one"),
        &["--require", "signed", "--format", "json"],
    );
    assert_eq!(code, Some(0), "{said}");
    let said: Value = serde_json::from_str(&said).unwrap();
    let leaves = leaves(&desk.path("one"));
    assert_eq!(said["leaves"], leaves.len());
    assert_eq!(said["signed"], leaves.len());
    assert_eq!(said["origin"], "voice.example/fra-1");
    let kinds: Vec<_> = leaves.iter().map(kind).collect();
    assert_eq!(kinds[..4], ["day", "start", "policy", "table"]);
    assert_eq!(kinds.last(), Some(&"stop"));
}

/// What one leaf or one line of `--seconds` says of an ASN in a direction, beside its key.
type Numbers = (u64, i64, i64);

#[test]
fn leaves_say_what_the_lines_of_seconds_say_and_intervals_what_the_document_says() {
    let desk = desk();
    let lines = desk.name("seconds.jsonl");
    let document = replayed(&desk, "ledger", &["--seconds", &lines]);
    let leaves = leaves(&desk.path("ledger"));
    let mut of_lines = BTreeMap::<(String, String, u64, &str), Numbers>::new();
    for line in desk.read("seconds.jsonl").lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let (bytes, expected, lost) = (&line["bytes"], &line["expected"], &line["lost"]);
        let numbers = (
            bytes.as_u64().unwrap(),
            expected.as_i64().unwrap(),
            lost.as_i64().unwrap(),
        );
        if numbers != (0, 0, 0) {
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            let direction = if line["direction"] == "from" {
                "from"
            } else {
                "to"
            };
            let key = (
                text("second"),
                text("commitment"),
                line["asn"].as_u64().unwrap(),
                direction,
            );
            of_lines.insert(key, numbers);
        }
    }
    let mut of_leaves = BTreeMap::new();
    for leaf in leaves.iter().filter(|leaf| kind(leaf) == "second") {
        for counted in list(leaf, "/asns") {
            for direction in ["from", "to"] {
                let number = |key: &str| counted[direction][key].as_i64().unwrap_or(0);
                let numbers = (
                    number("bytes").cast_unsigned(),
                    number("expected"),
                    number("lost"),
                );
                if numbers != (0, 0, 0) {
                    let text = |key: &str| leaf[key].as_str().unwrap().to_owned();
                    let asn = counted["asn"].as_u64().unwrap();
                    of_leaves.insert(
                        (text("second"), text("commitment"), asn, direction),
                        numbers,
                    );
                }
            }
        }
    }
    assert!(of_leaves.len() > 1000, "{}", of_leaves.len());
    assert_eq!(of_leaves, of_lines);
    let mut intervals = Vec::new();
    for commitment in list(&document, "/commitments") {
        for asn in list(commitment, "/asns") {
            for over in list(asn, "/out_of_sla") {
                let words = [
                    &commitment["name"],
                    &asn["asn"],
                    &over["direction"],
                    &over["from"],
                ];
                intervals.push(words.map(ToString::to_string));
            }
        }
    }
    let ended = leaves.iter().filter(|leaf| kind(leaf) == "interval");
    let mut ended: Vec<_> = ended
        .map(|leaf| {
            let keys = ["commitment", "asn", "direction", "from"];
            keys.map(|key| leaf[key].to_string())
        })
        .collect();
    ended.sort();
    intervals.sort();
    assert!(!intervals.is_empty(), "one network is too loud: {document}");
    assert_eq!(ended, intervals);
    let words = leaves.iter().filter(|leaf| kind(leaf) == "verdict");
    let words: Vec<_> = words.flat_map(|leaf| list(leaf, "/verdicts")).collect();
    for word in ["met", "missed", "void", "none"] {
        assert!(
            words.iter().any(|known| *known == word),
            "{word} in {words:?}"
        );
    }
}

#[test]
fn a_checkpoint_that_was_kept_holds_the_ledger_and_a_changed_octet_is_found() {
    let desk = desk();
    replayed(&desk, "ledger", &[]);
    let name = content(&desk.path("ledger"));
    let notes = name.keys().find(|name| name.contains(".notes")).unwrap();
    let text = desk.read(&format!("ledger/{notes}"));
    let first = text.split_inclusive("\n\n").take(2).collect::<String>();
    let head = desk.file("head", &first[..first.len() - 1]);
    let ledger = desk.name("ledger");
    let (code, said) = verify(&ledger, &["--checkpoint", &head]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("held by a checkpoint that was kept elsewhere"),
        "{said}"
    );
    // Ends as people keep them, and all of a day.
    for (name, kept) in [
        ("blank", text[..first.len()].to_owned() + "\n"),
        ("all", text.clone()),
    ] {
        let kept = desk.file(name, kept);
        let (code, said) = verify(&ledger, &["--checkpoint", &kept]);
        assert_eq!(code, Some(0), "{name}: {said}");
    }
    let (code, said) = verify(&ledger, &["--checkpoint", &head, "--require", "witnessed"]);
    assert_eq!(code, Some(1), "{said}");
    let (code, said) = verify(&ledger, &["--checkpoint", &desk.name("asnmeter.toml")]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is no checkpoint"), "{said}");
    let (capture, config) = (desk.name("calls.pcap"), desk.name("asnmeter.toml"));
    let again = asnmeter([
        "replay",
        &capture,
        "--config",
        &config,
        "--evidence",
        &ledger,
    ]);
    assert_eq!(again.code, Some(78), "{}", again.stderr);
    assert!(
        again.stderr.contains("has leaves already"),
        "{}",
        again.stderr
    );
    // What no checkpoint covers anybody could have changed: it is not said to be as it was.
    let (_, said) = verify(&ledger, &[]);
    assert!(
        said.contains(": each as it was when it was sealed"),
        "{said}"
    );
    let notes = notes.clone();
    for (kept, held) in [
        (first.as_str(), "are sealed by no checkpoint"),
        ("", "no checkpoint seals any of them"),
    ] {
        desk.file(&format!("ledger/{notes}"), kept);
        let (code, said) = verify(&ledger, &[]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(held), "{said}");
    }
    desk.file(&format!("ledger/{notes}"), text);
    let day = notes.replace(".notes", ".jsonl.gz");
    let mut octets = name[&day].clone();
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    desk.file(&format!("ledger/{day}"), octets);
    let (code, said) = verify(&ledger, &[]);
    assert_eq!(code, Some(1), "{said}");
}

/// The whole lines of the open minute.
fn open_lines(ledger: &Path) -> Vec<String> {
    let names = fs::read_dir(ledger).into_iter().flatten().flatten();
    let open = names.filter(|entry| entry.file_name().to_string_lossy().starts_with("open-"));
    let texts = open.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    let mut lines = Vec::new();
    for text in texts {
        let whole = text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'));
        lines.extend(whole.map(str::to_owned));
    }
    lines
}

#[test]
fn a_meter_that_is_killed_goes_on_with_every_line_that_was_written() {
    let desk = Desk::new();
    let (ledger, name) = (desk.path("ledger"), desk.name("ledger"));
    let place = || fs::read_to_string(ledger.join("sealed.json")).unwrap_or_default();
    let mut seen: Vec<Value> = Vec::new();
    for round in 0..3 {
        let (open, sealed) = (open_lines(&ledger).len(), place());
        let demo = Running::start(&desk, "127.0.0.1:0", &["demo", "--evidence", &name]);
        // or a minute has ended, whose lines are in no open file any more
        until("some seconds are in the ledger", || {
            open_lines(&ledger).len() >= open + 4 || place() != sealed
        });
        assert_eq!(demo.end("KILL"), None);
        // Nobody writes now.
        let before = seen.len();
        let lines = open_lines(&ledger);
        let open = lines.iter().map(|line| serde_json::from_str(line).unwrap());
        seen.extend(leaves(&ledger).into_iter().chain(open));
        assert!(seen.len() > before, "round {round}");
    }
    let (open, sealed) = (open_lines(&ledger).len(), place());
    let demo = Running::start(&desk, "127.0.0.1:0", &["demo", "--evidence", &name]);
    until("it is ready", || demo.get("/-/ready").0 == 200);
    until("it has written", || {
        open_lines(&ledger).len() > open || place() != sealed
    });
    let (code, head) = demo.get("/evidence/checkpoint");
    // within the first minute of all nothing is sealed
    assert!(code == 200 || !place().contains("size"), "{head}");
    assert_eq!(demo.end("TERM"), Some(0));
    let (code, said) = verify(&name, &[]);
    assert_eq!(code, Some(0), "{said}");
    let all = leaves(&ledger);
    let starts = all.iter().filter(|leaf| kind(leaf) == "start").count();
    assert_eq!(starts, 4);
    let why: Vec<_> = all.iter().filter_map(|leaf| leaf["why"].as_str()).collect();
    assert_eq!(why, ["start", "stop", "stop", "stop"], "windows go on");
    assert!(said.contains("judged again: each is as recorded"), "{said}");
    assert_eq!(all.iter().filter(|leaf| kind(leaf) == "stop").count(), 1);
    for leaf in seen {
        assert!(all.contains(&leaf), "{leaf}");
    }
}

#[test]
fn a_full_disk_is_a_gap_that_the_verdicts_know_of_and_the_ledger_goes_on() {
    let desk = Desk::new();
    let disk = desk.name("disk");
    fs::create_dir(&disk).unwrap();
    // A real file system of a few pages, in a mount namespace of its own.
    let script = format!(
        "mount -t tmpfs -o size=256k none {disk} && exec {PROGRAM} demo --evidence {disk}/ledger \"$@\""
    );
    let arguments = ["--mount", "sh", "-c", &script, "sh"];
    let demo = Running::start_program(&desk, "unshare", "127.0.0.1:0", &arguments);
    let failed = || demo.scrape().sum("evidence_failed", &[]) == 1;
    until("seconds are written", || {
        !failed() && demo.get("/-/ready").0 == 200
    });
    let inside = format!("/proc/{}/root{disk}", demo.id());
    let filler = format!("{inside}/filler");
    // as much as there is: the last write fails
    let _ = fs::write(&filler, vec![0; 1 << 20]);
    until("the disk is full", failed);
    fs::remove_file(&filler).unwrap();
    until("there is room again", || !failed());
    assert!(demo.scrape().sum("evidence_unwritten_seconds_total", &[]) >= 1);
    let ledger = Path::new(&inside).join("ledger");
    // Both are of one write, and stand in the open minute for a second at least.
    let found = RefCell::new(None);
    until(
        "the gap stands in the ledger, and what is said after it",
        || {
            let open = open_lines(&ledger);
            let after = open
                .iter()
                .skip_while(|line| !line.contains("\"why\":\"disk\""));
            let mut verdicts = after.filter(|line| line.contains("\"kind\":\"verdict\""));
            *found.borrow_mut() = verdicts.next().cloned();
            found.borrow().is_some()
        },
    );
    let first = found.take().unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    let known: Vec<_> = list(&first, "/verdicts")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        !known.contains(&"met"),
        "a window with a gap in it: {first}"
    );
    assert_eq!(demo.end("TERM"), Some(0));
    assert!(
        desk.read("log").contains("it becomes a gap"),
        "{}",
        desk.read("log")
    );
    assert!(
        desk.read("log").contains("written again"),
        "{}",
        desk.read("log")
    );
}

#[test]
fn settled_seconds_of_a_replay_are_those_of_the_report_of_its_ledger() {
    let desk = desk();
    let document = replayed(&desk, "ledger", &[]);
    let ledger = desk.name("ledger");
    let period = [
        "--from",
        "2025-12-31",
        "--until",
        "2026-01-02",
        "--format",
        "json",
    ];
    let arguments = ["report", &ledger];
    let outcome = asnmeter(arguments.iter().chain(&period));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let mut compared = 0;
    for commitment in list(&report, "/ledgers/0/commitments") {
        let replayed = list(&document, "/commitments").iter();
        let replayed = replayed
            .clone()
            .find(|one| one["name"] == commitment["name"])
            .unwrap();
        assert!(replayed["settled_until"].is_string());
        for row in list(commitment, "/asns") {
            let of_asn = list(replayed, "/asns")
                .iter()
                .find(|one| one["asn"] == row["asn"])
                .unwrap();
            for (measure, settled) in row["settled"].as_object().unwrap() {
                let standing = &of_asn["guarantees"][measure];
                let keys = ["met_s", "missed_s", "void_s", "indeterminate_s"];
                for key in &keys[..3] {
                    assert_eq!(
                        standing["settled"][key], settled[key],
                        "{key} {measure} {row}"
                    );
                    assert_eq!(
                        standing[key], row["given"][measure][key],
                        "{key} {measure} {row}"
                    );
                    compared += settled[key].as_u64().unwrap();
                }
            }
        }
    }
    assert!(compared > 100, "{compared} seconds");
}

#[test]
fn a_running_meter_enters_what_is_asked_for_and_the_ledger_holds() {
    let desk = Desk::new();
    let (ledger, name) = (desk.path("ledger"), desk.name("ledger"));
    let demo = Running::start(&desk, "127.0.0.1:0", &["demo", "--evidence", &name]);
    until("a contract is in the ledger", || {
        open_lines(&ledger)
            .iter()
            .any(|line| line.contains("\"policy\""))
    });
    let policy = open_lines(&ledger)
        .into_iter()
        .find(|line| line.contains("\"policy\""))
        .unwrap();
    let policy: Value = serde_json::from_str(&policy).unwrap();
    let commitment = policy["commitments"][0]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    fs::write(ledger.join("requests/readme.txt"), "no request").unwrap();
    let arguments = [
        "evidence",
        "exclude",
        &name,
        "--from",
        "2036-01-01",
        "--until",
        "2036-01-02",
    ];
    let more = ["--commitment", &commitment, "--reason", "a fibre is moved"];
    let asked = asnmeter(arguments.iter().chain(&more));
    assert_eq!(asked.code, Some(0), "{}", asked.stderr);
    assert!(
        asked.stdout.starts_with("requested: the running meter"),
        "{}",
        asked.stdout
    );
    let waits = || fs::read_dir(ledger.join("requests")).unwrap().count();
    until("it is entered, and what is none is left", || waits() == 1);
    assert_eq!(demo.end("TERM"), Some(0));
    let (code, said) = verify(&name, &[]);
    assert_eq!(code, Some(0), "{said}");
    let all = leaves(&ledger);
    let entered: Vec<_> = all
        .iter()
        .filter(|leaf| kind(leaf) == "exclusion")
        .collect();
    assert_eq!(entered.len(), 1);
    assert_eq!(entered[0]["until"], "2036-01-01T23:59:59Z");
    let mode = fs::metadata(ledger.join("requests"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o770);
}
