//! Events of the ledger.

use super::emit;
use super::sink::Level;
use crate::units::Second;
use std::fmt::Display;
use std::path::Path;

/// A ledger is kept.
pub fn evidence(directory: &Path, leaves: u64, is_signed: bool) {
    let directory = directory.display();
    let how = if is_signed {
        "signed"
    } else {
        "UNSIGNED: [evidence] names no key"
    };
    emit(
        Level::Info,
        "evidence",
        format_args!("evidence: ledger {directory}, {leaves} leaves sealed, {how}"),
        &[("DIRECTORY", &directory), ("LEAVES", &leaves)],
    );
}

/// No ledger is kept.
pub fn no_evidence() {
    emit(
        Level::Info,
        "no_evidence",
        "no evidence is kept: [evidence] names no directory",
        &[],
    );
}

/// The head of the ledger, once a day: a log that is kept elsewhere holds the ledger to it.
pub fn evidence_head(size: u64, root: &dyn Display) {
    emit(
        Level::Info,
        "evidence_head",
        format_args!("evidence: {size} leaves are sealed, root {root}"),
        &[("LEAVES", &size), ("ROOT", root)],
    );
}

/// A head of another's ledger goes on from all before, and is kept.
pub fn head_witnessed(origin: &str, size: u64, root: &dyn Display) {
    emit(
        Level::Info,
        "head_witnessed",
        format_args!(
            "witness: {origin} has {size} leaves, root {root}; it goes on from all that was seen"
        ),
        &[("ORIGIN", &origin), ("LEAVES", &size), ("ROOT", root)],
    );
}

/// A head of another's ledger was not taken.
pub fn head_not_witnessed(error: &dyn Display) {
    emit(
        Level::Error,
        "head_not_witnessed",
        format_args!("witness: {error}"),
        &[("ERROR", error)],
    );
}

/// The key of a meter is taken as it shows it: nobody else has said which it is.
pub fn key_on_first_use(origin: &str) {
    emit(
        Level::Warning,
        "key_on_first_use",
        format_args!(
            "witness: the key of {origin} is kept as it shows it now; compare meter.pub with what its owner says"
        ),
        &[("ORIGIN", &origin)],
    );
}

/// Windows, intervals and verdicts go on from the ledger.
pub fn windows_go_on(last: Second) {
    emit(
        Level::Info,
        "windows_go_on",
        format_args!("evidence: windows go on behind {last}"),
        &[("SECOND", &last)],
    );
}

/// The ledger does not say with what to go on.
pub fn windows_begin_anew(reason: &dyn Display) {
    emit(
        Level::Warning,
        "windows_begin_anew",
        format_args!("evidence: windows begin anew: {reason}"),
        &[("REASON", reason)],
    );
}

/// A second could not be written into the ledger.
pub fn evidence_failed(second: Second, error: &dyn Display) {
    emit(
        Level::Error,
        "evidence_failed",
        format_args!("evidence: second {second} is not written, it becomes a gap: {error}"),
        &[("SECOND", &second), ("REASON", error)],
    );
}

/// The history cannot be read from the ledger; nobody but the page needs it.
pub fn history_failed(error: &dyn Display) {
    emit(
        Level::Warning,
        "history_failed",
        format_args!("history: not answered any more: {error}"),
        &[("REASON", error)],
    );
}

/// The ledger is written again.
pub fn evidence_resumed(second: Second) {
    emit(
        Level::Info,
        "evidence_resumed",
        format_args!("evidence: written again from {second} on"),
        &[("SECOND", &second)],
    );
}

/// A key can be read by others than its owner.
pub fn key_readable(path: &Path, mode: u32) {
    let path = path.display();
    emit(
        Level::Warning,
        "key_readable",
        format_args!("{path}: mode {mode:04o}: others than its owner may read the key"),
        &[("PATH", &path)],
    );
}

/// What somebody asked for was entered into the ledger.
pub fn request_entered(name: &str, leaf: &str) {
    emit(
        Level::Info,
        "request_entered",
        format_args!("evidence: request {name} is entered: {leaf}"),
        &[("REQUEST", &name)],
    );
}

/// What somebody asked for had been entered before.
pub fn request_known(name: &str) {
    emit(
        Level::Info,
        "request_known",
        format_args!("evidence: request {name} asks for what was entered before"),
        &[("REQUEST", &name)],
    );
}

/// What somebody asked for is not entered.
pub fn request_refused(name: &str, reason: &dyn Display) {
    emit(
        Level::Warning,
        "request_refused",
        format_args!("evidence: request {name} is not entered: {reason}"),
        &[("REQUEST", &name), ("REASON", reason)],
    );
}

/// That a period was judged again is entered into a ledger, or will be.
pub fn revision(directory: &Path, how: &dyn Display, what: &dyn Display) {
    let directory = directory.display();
    emit(
        Level::Info,
        "revision",
        format_args!("evidence: ledger {directory}: the revision is {how}: {what}"),
        &[("DIRECTORY", &directory)],
    );
}
