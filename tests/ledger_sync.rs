//! Proves what a ledger does when fdatasync fails, at the places where it is called: the second becomes a gap, what
//! was written is in the ledger once, and all of it holds for `verify` and for the reader of
//! tests/evidence_reader. strace makes the calls fail, as a disk would.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::process::Command;
use support::desk::Desk;
use support::program::{PROGRAM, asnmeter, outcome};
use support::running::{Running, until};

const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/evidence_reader/read.py");

/// Which calls fail: one in a second; then the one of the minute that is sealed because of it; more in a row.
const CALLS: [&str; 4] = ["7", "7..8", "6..9", "8..12"];

#[test]
fn an_fdatasync_that_fails_is_a_gap_and_what_was_written_is_there_once() {
    std::thread::scope(|scope| {
        for calls in CALLS {
            scope.spawn(|| fails(calls));
        }
    });
}

fn fails(calls: &str) {
    let desk = Desk::new();
    let ledger = desk.name("ledger");
    let fault = format!("inject=fdatasync:error=EIO:when={calls}");
    // -D: the program is our child, and strace is its.
    let trace = [
        "-D",
        "-f",
        "-qq",
        "-o",
        &desk.name("calls"),
        "-e",
        "trace=fdatasync",
        "-e",
    ];
    let demo = [&fault, PROGRAM, "demo", "--evidence", &ledger];
    let arguments = [&trace[..], &demo].concat();
    let demo = Running::start_program(&desk, "strace", "127.0.0.1:0", &arguments);
    until("it is written again", || {
        demo.log().contains("written again")
    });
    let judged = || demo.scrape().sum("judged_second_timestamp_seconds", &[]);
    let then = judged();
    until("two more seconds are judged", || judged() >= then + 2);
    assert_eq!(demo.end("TERM"), Some(0), "{calls}");
    assert!(desk.read("calls").contains("(INJECTED)"), "{calls}");
    let verified = asnmeter(["verify", &ledger]);
    assert_eq!(verified.code, Some(0), "{calls}: {}", verified.stderr);
    let read = outcome(Command::new("python3").arg(READER).arg(&ledger));
    assert_eq!(read.code, Some(0), "{calls}: {}", read.stdout);
    assert!(
        read.stdout.contains("gaps of disk"),
        "{calls}: {}",
        read.stdout
    );
}
