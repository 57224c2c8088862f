//! Proves that whoever has docs/EVIDENCE.md and docs/MODEL.md needs no asnmeter: a reader written from them
//! alone, in Python and without this program, recomputes tree, signatures, shares, intervals and verdicts of
//! ledgers of all kinds, and finds each way to change one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

#[path = "recompute/contracts.rs"]
#[allow(dead_code, reason = "the contracts of another test")]
mod contracts;
#[path = "evidence_reader/forged.rs"]
mod forged;
#[path = "recompute/frames.rs"]
#[allow(dead_code, reason = "the captures of another test")]
mod frames;
use asnmeter::clock;
use asnmeter::units::Second;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;
use support::START;
use support::desk::Desk;
use support::frames::{Media, Shot, pcapng};
use support::netns;
use support::program::{PROGRAM, asnmeter, assert_verifies, outcome, replay};
use support::running::{Running, until};

const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/evidence_reader/read.py");
const CONTRACTS: &str = include_str!("evidence_reader/contracts.toml");
const EVIDENCE: &str = "[evidence]\norigin = \"voice.example/fra-1\"\nkey = \"key.pem\"\n";

/// What the reader says of a ledger: its exit code, and its line.
fn read(ledger: &str, more: &[&str]) -> (Option<i32>, String) {
    let done = outcome(Command::new("python3").arg(READER).arg(ledger).args(more));
    (done.code, done.stdout + &done.stderr)
}

/// The ledger holds, and what it says was compared.
fn holds(ledger: &str) -> String {
    let (code, said) = read(ledger, &[]);
    assert_eq!(code, Some(0), "{said}");
    said
}

/// A folder with a key in it.
fn desk() -> Desk {
    let desk = Desk::new();
    forged::key(&desk, "key.pem");
    desk
}

/// A ledger of a replay of these captures.
fn replayed(desk: &Desk, config: &str, captures: &[&str], ledger: &str) -> String {
    replayed_by("2", desk, config, captures, ledger)
}

/// The same by so many workers.
fn replayed_by(
    workers: &str,
    desk: &Desk,
    config: &str,
    captures: &[&str],
    ledger: &str,
) -> String {
    let (config, ledger) = (desk.name(config), desk.name(ledger));
    let words = ["--config", &config, "--evidence", &ledger];
    replay(&[captures, &words, &["--workers", workers]].concat());
    ledger
}

/// The leaves of a ledger, a line each.
fn shown(ledger: &str) -> String {
    let done = asnmeter(["evidence", "show", ledger]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    done.stdout
}

/// What is out of SLA when the clock is set back ends with the last second judged before, and is told behind the step.
fn assert_ends_at_step(leaves: &str) {
    let leaves = leaves.lines().map(|line| {
        let leaf: Value = serde_json::from_str(line).unwrap();
        leaf
    });
    let leaves: Vec<_> = leaves.collect();
    let step = leaves.iter().find(|leaf| leaf["why"] == "clock").unwrap();
    let of_kind = |kind: &'static str| leaves.iter().filter(move |leaf| leaf["kind"] == kind);
    let at_step = of_kind("interval").filter(|leaf| leaf["second"] == step["second"]);
    assert!(at_step.clone().count() > 0);
    for interval in at_step {
        assert_eq!(interval["until"], step["judged"], "{interval}");
    }
    for interval in of_kind("interval") {
        // RFC 3339: in the order of time
        let [from, until] = ["from", "until"].map(|key| interval[key].as_str().unwrap());
        assert!(from <= until, "{interval}");
    }
}

/// The calls of tests/recompute, from 40 s before midnight on.
fn calls_over_midnight(disorder: bool) -> Vec<Shot> {
    let midnight = (START / 86_400 + 1) * 86_400;
    let later = (midnight - 40 - START) * 1_000_000_000;
    let mut shots = frames::calls(START * 1_000_000_000, disorder);
    for shot in &mut shots {
        shot.nanos += later;
    }
    shots
}

#[test]
fn calls_over_midnight_with_dropped_frames_and_late_ones_are_recomputed() {
    let desk = desk();
    desk.file("far.tsv", frames::PREFIXES);
    desk.file("asnmeter.toml", contracts::configuration() + EVIDENCE);
    let shots = calls_over_midnight(true);
    let first = shots[0].nanos / 1_000_000_000;
    let drops = BTreeMap::from([(first + 30, 2), (first + 31, 1), (first + 90, 400)]);
    for (name, drops) in [("whole", BTreeMap::new()), ("with drops", drops)] {
        let capture = desk.file(&format!("{name}.pcapng"), pcapng(&shots, &drops));
        let said = holds(&replayed(&desk, "asnmeter.toml", &[&capture], name));
        assert!(said.contains("intervals compared"), "{said}");
        assert!(said.contains("verdicts compared"), "{said}");
        let days = fs::read_dir(desk.path(name)).unwrap().flatten();
        let days = days.filter(|entry| entry.path().extension().is_some_and(|is| is == "gz"));
        assert_eq!(days.count(), 2, "{name}");
        assert_eq!(said.contains("gaps of capture"), name != "whole", "{said}");
    }
}

#[test]
fn silence_transit_that_is_judged_and_a_clock_that_goes_back_are_recomputed() {
    let desk = desk();
    let routes: [(&str, &[u32]); 3] = [
        ("203.0.113.0/24", &[64_999, 64_510, 64_500]),
        ("203.0.113.128/25", &[64_999, 64_511, 64_500]),
        ("192.0.2.0/24", &[64_999, 64_510, 64_501]),
    ];
    desk.file("table.mrt", support::mrt::table(&routes));
    let judged = CONTRACTS.replace("guarantee =", "transit = \"judge\"\nguarantee =");
    let beginning =
        "[asn]\nsources = [{ mrt = \"table.mrt\" }]\nlocal_prefixes = [\"198.51.100.0/24\"]\n";
    desk.file("asnmeter.toml", format!("{beginning}{judged}{EVIDENCE}"));
    // Six calls fall silent in one direction within two seconds, two of them come back; then the clock
    // goes back by 70 s in the middle of what follows.
    let mut shots = Vec::new();
    for call in 0..12_u64 {
        let (ours, theirs) = (
            format!("198.51.100.{}:20000", call + 1),
            format!("203.0.113.{}:30000", 100 + 5 * call),
        );
        let ssrc = u32::try_from(call).unwrap();
        for (ssrc, src, dst) in [(ssrc, &theirs, &ours), (100 + ssrc, &ours, &theirs)] {
            let times =
                (0..6000_u64).map(|place| (place, 1_000_000_000 * START + 20_000_000 * place));
            let is_silent = |place: u64| {
                let end = if call < 2 { 3000 } else { 6000 };
                ssrc < 6 && (2000 + 10 * call..end).contains(&place)
            };
            let media = Media::g711(src, dst, ssrc).shots(times.clone().map(|(_, at)| at));
            let kept = times
                .zip(media)
                .filter(|((place, _), _)| !is_silent(*place));
            shots.extend(kept.map(|(_, shot)| shot));
        }
    }
    shots.sort_by_key(|shot| shot.nanos);
    for shot in &mut shots {
        if shot.nanos > 1_000_000_000 * (START + 80) {
            shot.nanos -= 70_000_000_000;
        }
    }
    let capture = desk.capture("calls.pcap", &shots);
    let ledger = |name: &str| replayed(&desk, "asnmeter.toml", &[&capture], name);
    let said = holds(&ledger("ledger"));
    assert!(said.contains("1 gaps of clock"), "{said}");
    let leaves = shown(&desk.name("ledger"));
    assert_ends_at_step(&leaves);
    assert_verifies(desk.path("ledger"));
    for workers in ["1", "4"] {
        let by = format!("by {workers}");
        let other = replayed_by(workers, &desk, "asnmeter.toml", &[&capture], &by);
        assert!(shown(&other) == leaves, "{workers} workers");
    }
    // Half of the streams are too few where more have to be silent.
    let voice = "[voice]\nsilence_share = \"60%\"\nsilence_limit = \"5s\"\n";
    desk.file(
        "asnmeter.toml",
        format!("{voice}{beginning}{judged}{EVIDENCE}"),
    );
    holds(&ledger("more"));
    // There is no room for all ASNs.
    for room in ["1", "3", "7"] {
        let voice = format!("[voice]\nmax_asns = {room}\n");
        let text = format!("{voice}{beginning}{judged}{EVIDENCE}");
        desk.file("asnmeter.toml", text);
        let full = ledger(&format!("full{room}"));
        holds(&full);
        let leaves = asnmeter(["evidence", "show", &full]).stdout;
        assert!(leaves.contains("\"refused\":1"), "{room}");
    }
}

#[test]
fn a_demo_that_was_killed_and_started_again_is_recomputed() {
    let (desk, mut size) = (Desk::new(), 0);
    let ledger = desk.name("ledger");
    let octets = || -> u64 {
        let entries = fs::read_dir(&ledger).into_iter().flatten().flatten();
        entries.map(|entry| entry.metadata().unwrap().len()).sum()
    };
    for signal in ["KILL", "TERM", "KILL", "TERM"] {
        let demo = Running::start(&desk, "127.0.0.1:0", &["demo", "--evidence", &ledger]);
        until("it is ready", || demo.get("/-/ready").0 == 200);
        until("some seconds are written", || {
            octets().abs_diff(size) > 2000
        });
        demo.end(signal);
        size = octets();
    }
    let said = holds(&ledger);
    assert!(said.contains("gaps of stop"), "{said}");
}

/// Twenty kills here; evidence_reader/kills makes as many as it is asked for.
#[test]
fn a_meter_that_is_killed_at_random_moments_loses_no_line_and_its_ledger_is_recomputed() {
    let folder = Desk::new();
    let kills = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/evidence_reader/kills");
    let mut command = Command::new("python3");
    command.args([kills, PROGRAM, "--kills", "20"]);
    let done = outcome(command.env("TMPDIR", folder.path("")));
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("20 kills"), "{}", done.stdout);
}

#[test]
fn reloads_of_a_running_meter_and_a_restart_are_recomputed() {
    netns::inside(
        "reloads_of_a_running_meter_and_a_restart_are_recomputed",
        &[],
        reloads,
    );
}

fn reloads() {
    netns::ip("link set lo up");
    netns::pair();
    let desk = desk();
    desk.file("far.tsv", "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n");
    let beginning = "[capture]\ninterface = \"tap0\"\n[asn]\nsources = [{ prefixes = \"far.tsv\" }]\nlocal_prefixes = [\"198.51.100.0/24\"]\n";
    let configure = |contracts: &str| {
        desk.file("asnmeter.toml", format!("{beginning}{contracts}{EVIDENCE}"));
    };
    let (first, last) = CONTRACTS.rsplit_once("[[commitment]]").unwrap();
    configure(CONTRACTS);
    let (config, ledger) = (desk.name("asnmeter.toml"), desk.name("ledger"));
    let arguments = ["run", "--config", &config, "--evidence", &ledger];
    let streams: Vec<Media> = (0..60)
        .flat_map(|place| {
            let theirs = format!(
                "{}.{}:30000",
                ["203.0.113", "192.0.2"][place % 2],
                place + 1
            );
            let ours = format!("198.51.100.{}:20000", place + 1);
            let ssrc = u32::try_from(place).unwrap();
            [
                Media::g711(&theirs, &ours, ssrc),
                Media::g711(&ours, &theirs, 100 + ssrc),
            ]
        })
        .collect();
    let changes = [
        CONTRACTS.replace("1 Mbps", "100 Mbps"),
        CONTRACTS
            .replace("1 Mbps", "100 Mbps")
            .replace("20ms", "30ms")
            .replace("5ms", "1us"),
        CONTRACTS.replace("window = \"3s\"", "window = \"9s\""),
        first.to_owned(),
        format!("{first}[[commitment]]\n{last}classes = [\"rtp\"]\n")
            .replace("window = \"7s\"", "window = \"2s\""),
        CONTRACTS
            .replace("direction = \"sum\"", "direction = \"to\"")
            .replace("layer = \"wire\"", "layer = \"ip\""),
    ];
    let running = Running::start(&desk, "127.0.0.1:0", &arguments);
    until("it is ready", || running.get("/-/ready").0 == 200);
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(&streams, 1400));
        for (number, change) in (1..).zip(&changes) {
            configure(change);
            running.signal("HUP");
            until("it is in force", || {
                running.log().matches("reloaded").count() >= number
            });
            let judged = || running.scrape().sum("judged_second_timestamp_seconds", &[]);
            let now = judged();
            until("three seconds are judged", || judged() >= now + 3);
        }
        assert_eq!(running.end("KILL"), None);
        let again = Running::start(&desk, "127.0.0.1:0", &arguments);
        until("it is ready", || again.get("/-/ready").0 == 200);
        sending.join().unwrap();
        assert_eq!(again.end("TERM"), Some(0));
    });
    let said = holds(&ledger);
    assert!(said.contains("gaps of stop"), "{said}");
    assert!(
        said.contains(&format!("{} policy", changes.len() + 2)),
        "{said}"
    );
}

#[test]
fn a_meter_whose_key_was_changed_is_recomputed_and_a_key_is_what_openssl_says_of_it() {
    netns::inside(
        "a_meter_whose_key_was_changed_is_recomputed_and_a_key_is_what_openssl_says_of_it",
        &[],
        key_change,
    );
}

fn key_change() {
    netns::ip("link set lo up");
    netns::pair();
    let desk = desk();
    let (new, ledger) = (desk.name("new.pem"), desk.name("ledger"));
    let said = |words: &[&str]| {
        let done = asnmeter([&["evidence", "key"], words].concat());
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        done.stdout
    };
    let created = said(&["create", &new]);
    assert_ne!(
        asnmeter(["evidence", "key", "create", &new]).code,
        Some(0),
        "it is there"
    );
    let mode = fs::metadata(&new).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let openssl = outcome(Command::new("openssl").args(["pkey", "-in", &new, "-pubout"]));
    assert!(
        created.ends_with(&openssl.stdout),
        "{created}{}",
        openssl.stderr
    );
    assert_eq!(said(&["show", &new]), created);
    let configure = |key: &str| {
        let evidence = EVIDENCE.replace("key.pem", key);
        let capture = "[capture]\ninterface = \"tap0\"\n[asn]\nsources = [{ prefixes = \"far.tsv\" }]\nlocal_prefixes = [\"198.51.100.0/24\"]\n";
        desk.file("asnmeter.toml", format!("{capture}{CONTRACTS}{evidence}"));
    };
    desk.file("far.tsv", "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n");
    configure("key.pem");
    let config = desk.name("asnmeter.toml");
    let run = || {
        let running = Running::start(
            &desk,
            "127.0.0.1:0",
            &["run", "--config", &config, "--evidence", &ledger],
        );
        until("it is ready", || running.get("/-/ready").0 == 200);
        let judged = || running.scrape().sum("judged_second_timestamp_seconds", &[]);
        let now = judged();
        until("two seconds are judged", || judged() >= now + 2);
        running
    };
    let running = run();
    let old = desk.name("key.pem");
    let asked = said(&["change", &ledger, "--from", &old, "--to", &new]);
    assert!(asked.starts_with("requested: "), "{asked}");
    assert_eq!(running.end("TERM"), Some(0));
    configure("new.pem");
    assert_eq!(run().end("TERM"), Some(0));
    let keys = said(&["show", &ledger]);
    assert_eq!(keys.matches("BEGIN PUBLIC KEY").count(), 2, "{keys}");
    assert!(keys.ends_with(&openssl.stdout), "{keys}");
    let all = holds(&ledger);
    assert!(all.contains("1 key"), "{all}");
    forged::key(&desk, "other.pem");
    for (name, code) in [("key.pem", 0), ("new.pem", 0), ("other.pem", 1)] {
        let public = desk.name("public.pem");
        let private = desk.name(name);
        outcome(
            Command::new("openssl").args(["pkey", "-in", &private, "-pubout", "-out", &public]),
        );
        let (by_reader, said) = read(&ledger, &["--key", &public]);
        assert_eq!(by_reader, Some(code), "{name}: {said}");
        let verified = asnmeter(["verify", &ledger, "--key", &public, "--require", "signed"]);
        assert_eq!(verified.code, Some(code), "{name}: {}", verified.stderr);
        assert_eq!(
            verified.stdout.contains("the key changed 1 times"),
            code == 0
        );
    }
}

/// Sends so many packets of every stream, one in 20 ms; of one stream every fifth is missing.
fn send(streams: &[Media], packets: u32) {
    let mut far = netns::sender("far0");
    let first = Second(clock::now().second().0 + 1).start();
    for number in 0..packets {
        let due = first.plus(Duration::from_millis(20 * u64::from(number)));
        clock::wait(due.since(clock::now()));
        for (place, stream) in streams.iter().enumerate() {
            if place != 0 || number % 5 != 0 {
                netns::send(&mut far, &stream.packet(number));
            }
        }
    }
}

#[test]
fn each_way_to_change_a_ledger_is_found_by_who_has_the_key_and_a_head() {
    let desk = desk();
    desk.file("far.tsv", frames::PREFIXES);
    desk.file("asnmeter.toml", contracts::configuration() + EVIDENCE);
    let capture = desk.capture("calls.pcap", &frames::calls(START * 1_000_000_000, false));
    let ledger = replayed(&desk, "asnmeter.toml", &[&capture], "ledger");
    holds(&ledger);
    let kept = desk.name("kept");
    let key = desk.name("public.pem");
    fs::copy(desk.path("ledger/ledger.pub"), &key).unwrap();
    let ledger = desk.path("ledger");
    fs::write(&kept, forged::notes(&ledger).concat()).unwrap();
    let known: [&str; 4] = ["--key", &key, "--checkpoint", &kept];
    for (what, found, forge) in forged::WAYS {
        let forged = desk.path("forged");
        forged::copy(&ledger, &forged);
        forge(&desk, &forged);
        let (code, said) = read(&desk.name("forged"), &known);
        assert_eq!(code, Some(1), "{what}: {said}");
        assert!(said.contains(found), "{what}: {said}");
        fs::remove_dir_all(forged).unwrap();
    }
    // Who has the key, and shows no head of before, still cannot sign what does not follow.
    forged::copy(&ledger, &desk.path("forged"));
    forged::change_verdict(&desk, &desk.path("forged"));
    let (code, said) = read(&desk.name("forged"), &known[..2]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("verdicts that change are"), "{said}");
}
