//! What somebody meets in the first hour: a check that says what `run` would meet, a table without a
//! configuration, a replay that is ended early or follows a file.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use support::START;
use support::desk::Desk;
use support::frames::{Media, pcap};
use support::program::{PROGRAM, asnmeter, text};
use support::running::until;

const WHOLE: &str = "\
[capture]
interface = \"lo\"
deduplicate = true
[asn]
sources = [{ prefixes = \"list.tsv\" }]
local_prefixes = [\"198.51.100.0/24\"]
[[commitment]]
name = \"voice\"
committed_rate = \"100 Mbps\"
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.file("list.tsv", "192.0.2.0/24 64501 CARRIER\n");
    desk
}

#[test]
fn a_check_of_a_configuration_without_a_fault_prints_one_line() {
    let desk = desk();
    // The usual port may be in use on this host.
    let whole = format!("{WHOLE}[web]\nlisten_address = \"127.0.0.1:0\"\n");
    let config = desk.file("asnmeter.toml", whole);
    let check = asnmeter(["config", "check", &config]);
    assert_eq!(check.code, Some(0), "{}", check.stderr);
    // Receive offload of the host's loopback is the host's matter.
    let lines = check
        .stdout
        .lines()
        .filter(|line| !line.contains("offload"));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines, [format!("{config}: ok, 1 commitment, 1 prefix")]);
}

#[test]
fn a_check_names_what_run_would_refuse_and_what_would_count_nothing() {
    let desk = desk();
    let wrong = WHOLE.replace("\"lo\"", "\"eth99\"") + "scope = { interfaces = [\"eth98\"] }\n";
    let config = desk.file("asnmeter.toml", wrong);
    let check = asnmeter(["config", "check", &config]);
    assert_eq!(check.code, Some(78), "{}", check.stderr);
    let errors: Vec<_> = check.stderr.lines().collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    let missing = format!("{config}:2: capture.interface: eth99: no such interface; there are ");
    assert!(errors[0].contains(&missing), "{errors:?}");
    let scope = format!("{config}:10: commitment.scope.interfaces: eth98 is not captured");
    assert!(errors[1].contains(&scope), "{errors:?}");
    let check = asnmeter(["config", "check", "--no-interfaces", &config]);
    assert_eq!(check.code, Some(0), "{}", check.stderr);
}

#[test]
fn a_missing_interface_alone_is_the_exit_code_of_what_is_not_there() {
    let desk = desk();
    let config = desk.file("asnmeter.toml", WHOLE.replace("\"lo\"", "\"eth99\""));
    assert_eq!(asnmeter(["config", "check", &config]).code, Some(69));
}

#[test]
fn a_check_has_errors_and_warnings_apart_in_json() {
    let desk = desk();
    let written = "[capture]\ninterface = \"eth99\"\n[web]\nlisten_address = \"127.0.0.1:0\"\n";
    let config = desk.file("asnmeter.toml", written);
    let check = asnmeter(["config", "check", "--format", "json", &config]);
    assert_eq!(check.code, Some(69), "{}", check.stderr);
    let document: Value = serde_json::from_str(&check.stdout).unwrap();
    assert_eq!(document["ok"], false);
    let keys = |list: &str| -> Vec<&str> {
        let found = document[list].as_array().unwrap().iter();
        found.map(|one| text(one, "key")).collect()
    };
    assert_eq!(keys("errors"), ["capture.interface"]);
    assert_eq!(document["errors"][0]["line"], 2);
    let warned = [
        "asn.sources",
        "asn.local_prefixes",
        "commitment",
        "capture.deduplicate",
    ];
    assert_eq!(keys("warnings"), warned);
    let wrong = desk.file("wrong.toml", "[captuer]\n");
    let check = asnmeter(["config", "check", "--format", "json", &wrong]);
    assert_eq!(check.code, Some(78));
    let document: Value = serde_json::from_str(&check.stdout).unwrap();
    let message = text(&document["errors"][0], "message");
    assert!(message.contains("did you mean \"capture\"?"), "{message}");
}

#[test]
fn a_lookup_without_a_table_says_so_and_takes_one_without_a_configuration() {
    let desk = desk();
    let none = asnmeter(["asn", "lookup", "192.0.2.1"]);
    assert_eq!(none.code, Some(78));
    assert!(none.stderr.contains("no ASN table"), "{}", none.stderr);
    for source in [
        desk.name("list.tsv"),
        format!("prefixes={}", desk.name("list.tsv")),
    ] {
        let found = asnmeter(["asn", "lookup", "192.0.2.1", "--source", &source]);
        assert!(found.stdout.starts_with("192.0.2.1 AS64501"), "{found:?}");
    }
}

/// Waits until a process handles SIGINT (proc_pid_status(5), `SigCgt`).
fn until_interruptible(child: &Child) {
    let id = child.id();
    until("it handles SIGINT", || {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
        mask & 0b10 != 0
    });
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

fn calls() -> Vec<u8> {
    let stream = Media::g711("192.0.2.1:4000", "198.51.100.1:4000", 7);
    pcap(&stream.shots((0..500).map(|number| START * 1_000_000_000 + number * 20_000_000)))
}

fn spawn(arguments: &[&str]) -> Child {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn an_interrupted_replay_prints_what_was_judged_and_says_so() {
    let desk = desk();
    let config = desk.file("asnmeter.toml", WHOLE);
    let made = Command::new("mkfifo").arg(desk.path("fifo")).status();
    assert!(made.unwrap().success());
    let fifo = desk.name("fifo");
    let mut child = spawn(&["replay", &fifo, "--config", &config]);
    // Opened for both, so that neither side waits for the other.
    let mut into = File::options()
        .read(true)
        .write(true)
        .open(Path::new(&fifo))
        .unwrap();
    into.write_all(&calls()).unwrap();
    until_interruptible(&child);
    interrupt(&child);
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    assert!(line.contains("SIGINT: the replay ends here"), "{line}");
    drop(into);
    let mut report = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut report)
        .unwrap();
    errors.read_to_string(&mut line).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{line}");
    assert!(report.contains("Commitment voice"), "{report}");
    assert!(line.contains("interrupted: "), "{line}");
}

#[test]
fn a_followed_file_is_reported_when_a_signal_ends_it() {
    let desk = desk();
    let config = desk.file("asnmeter.toml", WHOLE);
    let capture = desk.file("growing.pcap", calls());
    let child = spawn(&["replay", "--follow", &capture, "--config", &config]);
    until_interruptible(&child);
    interrupt(&child);
    let ended = child.wait_with_output().unwrap();
    let report = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{:?}", ended.stderr);
    assert!(report.contains("Commitment voice"), "{report}");
    let several = asnmeter(["replay", "--follow", &capture, &capture]);
    assert_eq!(several.code, Some(2));
}
