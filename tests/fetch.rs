//! Proves that `tests/captures/fetch` takes what its list names, and nothing else, from a real HTTP
//! server on loopback that lays files out as the raw host does: whole, with the sha256 of the
//! list, only what is not there already, and with a line and exit code 1 for what cannot be had.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use support::captures;
use support::desk::Desk;
use support::program::{Outcome, outcome};

const FETCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/fetch");
const LIST: &str = include_str!("captures/list.tsv");

/// `python3 -m http.server` on a folder; ends with the value.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn of(folder: &Path) -> Self {
        let mut process = Command::new("python3")
            .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"])
            .arg("--directory")
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 is needed for this test");
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        // Serving HTTP on 127.0.0.1 port 40123 (http://127.0.0.1:40123/) ...
        let url = line.split(['(', ')']).nth(1).unwrap().to_owned();
        Self { process, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Runs the script against a host, with a list; the rest as its user would.
fn fetch(base: &str, list: &str, arguments: &[&str]) -> Outcome {
    outcome(
        Command::new(FETCH)
            .args(arguments)
            .env("ASNMETER_CAPTURES_FROM", base)
            .env("ASNMETER_CAPTURES_LIST", list)
            .env("no_proxy", "127.0.0.1"),
    )
}

/// The sha256 of some octets, as coreutils say it.
fn sha256(octets: &[u8]) -> String {
    let mut process = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(octets).unwrap();
    let output = process.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

/// A row of a list: where the file is to stand, its octets, and what the list says they hash to.
fn row(name: &str, octets: &[u8], sha256: &str) -> String {
    let size = octets.len();
    format!("{name}\t1\t{size}\t{sha256}\tsomebody/something\tc0ffee\ttests/{name}\tMIT\n")
}

fn list(rows: &[String]) -> String {
    let header = LIST.lines().next().unwrap();
    format!("{header}\n{}", rows.concat())
}

/// Puts a file where the host has it.
fn lay_out(host: &Desk, name: &str, octets: &[u8]) {
    let path = host.path("somebody/something/c0ffee/tests").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, octets).unwrap();
}

#[test]
fn what_is_there_as_the_list_says_is_kept_and_the_rest_is_taken() {
    let (host, home) = (Desk::new(), Desk::new());
    let (one, other) = (
        b"one capture".as_slice(),
        b"another, with a space".as_slice(),
    );
    lay_out(&host, "voice/one.pcap", one);
    lay_out(&host, "voice/an other.pcap", other);
    let rows = [
        row("voice/one.pcap", one, &sha256(one)),
        row("voice/an other.pcap", other, &sha256(other)),
    ];
    let list = home.file("list.tsv", list(&rows));
    let folder = home.name("captures");
    {
        let server = Server::of(&host.path(""));
        let run = fetch(&server.url, &list, &[&folder]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
    assert_eq!(home.read("captures/voice/one.pcap").as_bytes(), one);
    assert_eq!(home.read("captures/voice/an other.pcap").as_bytes(), other);
    // The host is gone: nothing is asked for again.
    let again = fetch("http://127.0.0.1:1", &list, &[&folder]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let checked = fetch("http://127.0.0.1:1", &list, &["--check", &folder]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    // One that has changed since is not there, and only that one.
    fs::write(home.path("captures/voice/one.pcap"), "one Capture").unwrap();
    let checked = fetch("http://127.0.0.1:1", &list, &["--check", &folder]);
    assert_eq!(checked.code, Some(1));
    assert!(
        checked.stderr.contains("voice/one.pcap"),
        "{}",
        checked.stderr
    );
    assert!(!checked.stderr.contains("an other"), "{}", checked.stderr);
    let server = Server::of(&host.path(""));
    let run = fetch(&server.url, &list, &[&folder]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(home.read("captures/voice/one.pcap").as_bytes(), one);
}

#[test]
fn a_missing_file_and_a_wrong_hash_are_named_and_the_others_are_taken() {
    let (host, home) = (Desk::new(), Desk::new());
    lay_out(&host, "good.pcap", b"good");
    lay_out(&host, "wrong.pcap", b"evil");
    lay_out(&host, "long.pcap", b"longer than it should be");
    lay_out(&host, "short.pcap", b"sho");
    let rows = [
        row("gone.pcap", b"gone", &sha256(b"gone")),
        row("wrong.pcap", b"good", &sha256(b"good")),
        row("long.pcap", b"long", &sha256(b"long")),
        row("short.pcap", b"short", &sha256(b"short")),
        row("good.pcap", b"good", &sha256(b"good")),
    ];
    let list = home.file("list.tsv", list(&rows));
    let server = Server::of(&host.path(""));
    let run = fetch(&server.url, &list, &[&home.name("captures")]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    for (name, reason) in [
        ("gone.pcap", "404"),
        ("wrong.pcap", "sha256"),
        ("long.pcap", "more than 4 octets"),
        ("short.pcap", "3 octets, the list says 5"),
    ] {
        let mut lines = run.stderr.lines();
        let line = lines.find(|line| line.contains("FAILED") && line.contains(name));
        assert!(
            line.is_some_and(|line| line.contains(reason)),
            "{name}: {}",
            run.stderr
        );
    }
    assert!(run.stdout.contains("1 of 5 files"), "{}", run.stdout);
    let kept: Vec<_> = fs::read_dir(home.path("captures")).unwrap().collect();
    assert_eq!(
        kept.len(),
        1,
        "what is not as the list says is not kept: {kept:?}"
    );
    assert_eq!(home.read("captures/good.pcap"), "good");
}

#[test]
fn a_host_that_hangs_up_in_mid_file_or_is_not_there_is_said_so() {
    let home = Desk::new();
    let rows = ["a.pcap", "b.pcap", "c.pcap", "d.pcap"];
    let rows = rows.map(|name| row(name, b"whole", &sha256(b"whole")));
    let list = home.file("list.tsv", list(&rows));
    // It promises five octets and gives two, once; then nobody listens any more.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let host = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwh";
        stream.write_all(answer).unwrap();
    });
    let run = fetch(&base, &list, &[&home.name("captures")]);
    host.join().unwrap();
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(run.stderr.matches("FAILED").count(), 4, "{}", run.stderr);
    assert!(run.stderr.contains("refused"), "{}", run.stderr);
    assert!(!home.path("captures").exists(), "nothing half-written");
}

#[test]
fn a_host_that_does_not_answer_is_not_asked_for_everything() {
    let home = Desk::new();
    let names = (0..9).map(|number| format!("{number}.pcap"));
    let rows: Vec<_> = names.map(|name| row(&name, b"x", &sha256(b"x"))).collect();
    let list = home.file("list.tsv", list(&rows));
    let run = fetch("http://127.0.0.1:1", &list, &[&home.name("captures")]);
    assert_eq!(run.code, Some(1));
    assert_eq!(run.stderr.matches("refused").count(), 3, "{}", run.stderr);
    assert_eq!(
        run.stderr.matches("not asked for").count(),
        6,
        "{}",
        run.stderr
    );
}

#[test]
fn a_list_cannot_write_outside_of_its_folder() {
    let home = Desk::new();
    for name in ["../out.pcap", "/tmp/out.pcap", "a/../../out.pcap"] {
        let list = home.file("list.tsv", list(&[row(name, b"x", &sha256(b"x"))]));
        let run = fetch("http://127.0.0.1:1", &list, &[&home.name("captures")]);
        assert_eq!(run.code, Some(1));
        assert!(run.stderr.contains("not a name"), "{}", run.stderr);
    }
}

#[test]
fn an_unknown_option_is_exit_code_2() {
    assert_eq!(
        fetch("http://127.0.0.1:1", "none", &["--all"]).code,
        Some(2)
    );
}

#[test]
fn every_file_of_the_list_is_taken_from_a_host_that_lays_them_out_as_github_does() {
    let (host, home) = (Desk::new(), Desk::new());
    let mut files = 0;
    for line in LIST.lines().skip(1) {
        let fields: Vec<_> = line.split('\t').collect();
        let [file, _, _, _, repository, commit, path, _] = fields[..] else {
            panic!("{line}");
        };
        let place = host.path(repository).join(commit).join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let source = captures::path(file).canonicalize().unwrap();
        std::os::unix::fs::symlink(source, place).unwrap();
        files += 1;
    }
    let list = home.file("list.tsv", LIST);
    let server = Server::of(&host.path(""));
    let run = fetch(&server.url, &list, &[&home.name("captures")]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout.contains(&format!("{files} of {files} files")),
        "{}",
        run.stdout
    );
    assert!(files >= 150, "{files}");
}

/// A test that is renamed has to be renamed in the list of those that need captures.
#[test]
fn every_test_that_is_said_to_need_captures_is_one() {
    let mut sources = Vec::new();
    let mut folders = ["src", "tests"]
        .map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    for name in include_str!("captures/needed_by").lines() {
        let count = |source: &String| source.matches(&format!("fn {name}(")).count();
        let count: usize = sources.iter().map(count).sum();
        assert_eq!(count, 1, "{name}");
    }
}
