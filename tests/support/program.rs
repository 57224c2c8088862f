//! The program as its users have it: a process with arguments, output and an exit code.

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::Command;

/// The binary under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_asnmeter");

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program to its end.
pub(crate) fn asnmeter<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Outcome {
    outcome(Command::new(PROGRAM).args(arguments))
}

/// Verifies a ledger, which has to hold.
pub(crate) fn assert_verifies(ledger: impl AsRef<OsStr>) {
    let ledger = ledger.as_ref();
    let verified = asnmeter([OsStr::new("verify"), ledger]);
    let said = (ledger, verified.stdout, verified.stderr);
    assert_eq!(verified.code, Some(0), "{said:?}");
}

/// The lines of all leaves in the day files of a ledger.
pub(crate) fn sealed_lines(ledger: impl AsRef<Path>) -> String {
    let paths = fs::read_dir(ledger).unwrap();
    let paths = paths.map(|entry| entry.unwrap().path());
    let mut days: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .collect();
    days.sort();
    let mut lines = String::new();
    for day in days {
        let mut unpacked = MultiGzDecoder::new(File::open(day).unwrap());
        unpacked.read_to_string(&mut lines).unwrap();
    }
    lines
}

/// Runs a command to its end.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `replay --format json` with more arguments, which has to succeed in silence; its document.
pub(crate) fn replay(arguments: &[&str]) -> Value {
    serde_json::from_str(&replay_text(arguments)).unwrap()
}

/// The same, as written.
pub(crate) fn replay_text(arguments: &[&str]) -> String {
    let outcome = asnmeter(["replay", "--format", "json"].iter().chain(arguments));
    assert_eq!(outcome.code, Some(0), "{arguments:?}: {}", outcome.stderr);
    outcome.stdout
}

/// The number under a path of keys such as `/voice/bytes`.
pub(crate) fn number(document: &Value, pointer: &str) -> u64 {
    let found = document.pointer(pointer).and_then(Value::as_u64);
    found.unwrap_or_else(|| panic!("no number at {pointer} in {document}"))
}

/// The list under a path of keys.
pub(crate) fn list<'a>(document: &'a Value, pointer: &str) -> &'a [Value] {
    let found = document.pointer(pointer).and_then(Value::as_array);
    found.unwrap_or_else(|| panic!("no list at {pointer} in {document}"))
}

/// The text under a key.
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    let found = object.get(key).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text under {key} in {object}"))
}
