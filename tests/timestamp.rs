//! Proves deploy/asnmeter-timestamp against an authority of `openssl ts`: a head gets its time stamp, anybody can
//! verify it with openssl alone, and an answer to another question is not kept.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use support::desk::Desk;
use support::program::{Outcome, outcome};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The authority; it ends with its standard input.
struct Authority(Child, String);

impl Authority {
    fn start(desk: &Desk) -> Self {
        let mut child = Command::new(format!("{HERE}/tests/timestamp/authority"))
            .arg(desk.name(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut port).unwrap();
        Self(child, format!("http://127.0.0.1:{}", port.trim()))
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn stamp(desk: &Desk, authority: &Authority, path: &str) -> Outcome {
    outcome(
        Command::new(format!("{HERE}/deploy/asnmeter-timestamp"))
            .arg(&authority.1)
            .arg(format!("{}{path}", authority.1))
            .arg(desk.name("ca.pem"))
            .arg(desk.name("stamps")),
    )
}

#[test]
fn a_head_gets_a_time_stamp_that_openssl_verifies_and_no_forged_one() {
    let desk = Desk::new();
    desk.file("head", "voice.example/fra-1\n7\nMTIz\n\n");
    let authority = Authority::start(&desk);
    let forged = stamp(&desk, &authority, "/forged");
    assert_ne!(forged.code, Some(0));
    let kept = || {
        let files = std::fs::read_dir(desk.path("stamps")).unwrap().flatten();
        let mut names: Vec<_> = files.map(|file| file.path()).collect();
        names.sort();
        names
    };
    assert!(kept().is_empty(), "{:?}", kept());
    let stamped = stamp(&desk, &authority, "/");
    assert_eq!(stamped.code, Some(0), "{}", stamped.stderr);
    let [note, answer] = &kept()[..] else {
        panic!("{:?}", kept())
    };
    assert_eq!(std::fs::read(note).unwrap(), desk.read("head").as_bytes());
    let verify = || {
        let mut openssl = Command::new("openssl");
        openssl.args(["ts", "-verify", "-data"]).arg(note);
        openssl.arg("-in").arg(answer);
        outcome(openssl.arg("-CAfile").arg(desk.name("ca.pem")))
    };
    assert_eq!(verify().code, Some(0), "{}", verify().stderr);
    std::fs::write(note, "voice.example/fra-1\n8\nMTIz\n\n").unwrap();
    assert_ne!(verify().code, Some(0), "another head");
}
