//! The operator's log: one event, one function, one line; in the journal with its values as
//! fields. Never a line per packet: frequent events are counters.

mod bmp;
mod contract;
mod endpoint;
mod fleet;
mod ledger;
mod limit;
mod sink;
mod unseen;

pub use bmp::*;
pub use contract::*;
pub use endpoint::*;
pub use fleet::*;
pub use ledger::*;
pub use unseen::*;

use crate::clock;
use sink::{Field, Level};
use std::fmt::Display;

/// Writes one line, with the name of its event as a field; within the bound of its event.
fn emit(level: Level, event: &'static str, line: impl Display, fields: &[Field<'_>]) {
    let is_bounded = level != Level::Notice && event != "failed";
    let admission = limit::admit(event, clock::uptime(), is_bounded);
    for (event, lines) in admission.left_out {
        let line = format!("{lines} lines of {event} were left out of this log");
        let fields: [Field<'_>; 2] = [("EVENT", &"lines_left_out"), ("LINES", &lines)];
        sink::write(Level::Warning, &line, &fields);
    }
    if !admission.is_admitted {
        return;
    }
    let mut all: Vec<Field<'_>> = vec![("EVENT", &event)];
    all.extend(fields);
    sink::write(level, &line.to_string(), &all);
}

/// A number with its noun.
pub(crate) fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// A command failed.
pub fn failed(error: &dyn Display) {
    emit(Level::Error, "failed", error, &[]);
}

/// A signal ends a replay; it prints what it has.
pub fn replay_stopping(signal: &str) {
    emit(
        Level::Warning,
        "replay_stopping",
        format_args!("{signal}: the replay ends here; a second one ends it without a report"),
        &[("SIGNAL", &signal)],
    );
}

/// A warning that does not stop the work.
pub fn warning_logged(warning: &dyn Display) {
    emit(Level::Warning, "warned", warning, &[]);
}

/// The daemon has given up what it does not need.
pub fn privileges_reduced(user: Option<&str>, kept: &[String]) {
    let who = user.map_or(String::new(), |user| format!("runs as {user}, "));
    let kept = if kept.is_empty() {
        "no capability".into()
    } else {
        kept.join(", ")
    };
    emit(
        Level::Info,
        "privileges_reduced",
        format_args!("{who}keeps {kept} and gives up all else"),
        &[("KEPT", &kept)],
    );
}

/// What the daemon may open is limited from now on.
pub fn confined(read: &str, write: &str, is_whole: bool) {
    let write = if write.is_empty() { "nothing" } else { write };
    let less = if is_whole {
        ""
    } else {
        " (as far as this kernel can: it is older than Linux 6.10)"
    };
    emit(
        Level::Info,
        "confined",
        format_args!("from now on reads below {read} and writes below {write} only{less}"),
        &[("READ", &read), ("WRITE", &write)],
    );
}

/// What the daemon may open is not limited.
pub fn not_confined(why: &dyn Display) {
    emit(
        Level::Info,
        "not_confined",
        format_args!("may open whatever its user may: {why}"),
        &[("REASON", why)],
    );
}

/// A file could not be opened, and the daemon has given up most of them at its start.
pub fn confined_since_start(read: &str) {
    emit(
        Level::Warning,
        "confined_since_start",
        format_args!(
            "since its start it may read below {read} only: a file elsewhere, or a link to one, takes a restart"
        ),
        &[("READ", &read)],
    );
}

/// The daemon has started.
pub fn started(interfaces: &[String], url: &dyn Display) {
    let interfaces = interfaces.join(", ");
    emit(
        Level::Info,
        "started",
        format_args!("capturing on {interfaces}; {url}/"),
        &[("INTERFACES", &interfaces), ("URL", url)],
    );
}

/// A reload has started.
pub fn reloading() {
    emit(Level::Info, "reloading", "reloading", &[]);
}

/// A new configuration is in force.
pub fn reloaded(commitments: usize, prefixes: u64) {
    emit(
        Level::Info,
        "reloaded",
        format_args!(
            "reloaded: {}, {}",
            counted(commitments as u64, "commitment", "commitments"),
            counted(prefixes, "prefix", "prefixes")
        ),
        &[("COMMITMENTS", &commitments), ("PREFIXES", &prefixes)],
    );
}

/// A new configuration was refused.
pub fn reload_failed(error: &dyn Display) {
    emit(
        Level::Error,
        "reload_refused",
        format_args!("reload refused, all of the old stays: {error}"),
        &[("REASON", error)],
    );
}

/// The compiled cache of an ASN source could not be written: the next start takes longer.
pub fn cache_failed(source: &str, why: &str) {
    emit(
        Level::Warning,
        "cache_failed",
        format_args!("asn source {source}: not kept compiled: {why}"),
        &[("SOURCE", &source), ("REASON", &why)],
    );
}

/// A changed ASN source was loaded.
pub fn source_loaded(source: &str, prefixes: usize) {
    emit(
        Level::Info,
        "source_loaded",
        format_args!(
            "asn source {source}: loaded, {}",
            counted(prefixes as u64, "prefix", "prefixes")
        ),
        &[("SOURCE", &source), ("PREFIXES", &prefixes)],
    );
}

/// A changed ASN source cannot be loaded.
pub fn source_refused(error: &dyn Display) {
    emit(
        Level::Error,
        "source_refused",
        format_args!("{error}; the old table stays"),
        &[("REASON", error)],
    );
}

/// A changed section, or a changed key of one that is otherwise reloaded, needs a restart.
pub fn needs_restart(changed: &str) {
    let shown = if changed.contains('.') {
        format!("changes of {changed}")
    } else {
        format!("changes in [{changed}]")
    };
    emit(
        Level::Warning,
        "needs_restart",
        format_args!("{shown} take effect at the next start"),
        &[("SECTION", &changed)],
    );
}

/// A worker could not be bound to its processor.
pub fn not_pinned(cpu: u16, error: &std::io::Error) {
    emit(
        Level::Warning,
        "not_pinned",
        format_args!("a worker cannot be bound to processor {cpu}: {error}"),
        &[("PROCESSOR", &cpu), ("REASON", &error)],
    );
}

/// The daemon stops.
pub fn stopping(signal: &str) {
    emit(
        Level::Info,
        "stopping",
        format_args!("{signal}: stopping"),
        &[("SIGNAL", &signal)],
    );
}

/// A minute with streams, and none of them has an own address.
pub fn no_local_traffic(likely: &str) {
    emit(
        Level::Warning,
        "no_local_traffic",
        format_args!(
            "asn.local_prefixes: no stream of the first minute has an address in them, so both ends \
             of each call are judged; most streams have: {likely}"
        ),
        &[("PREFIXES", &likely)],
    );
}

/// The daemon has stopped, after judging all captured frames.
pub fn stopped(judged: &dyn Display, frames: u64, dropped: u64) {
    emit(
        Level::Info,
        "stopped",
        format_args!("stopped: judged up to {judged}, {frames} frames, {dropped} dropped"),
        &[
            ("JUDGED", judged),
            ("FRAMES", &frames),
            ("DROPPED", &dropped),
        ],
    );
}

/// The demo has started.
pub fn demo(url: &dyn Display) {
    for line in [
        "demo: synthetic calls with a dozen networks, one of which goes over",
        &format!("  page     {url}/"),
        &format!("  metrics  {url}/metrics"),
        &format!("  JSON     {url}/api/v1/asns"),
        "AS3320 exceeds 10 % about 15 s from now and comes back; Ctrl-C ends",
    ] {
        emit(Level::Info, "demo", line, &[]);
    }
}
