//! The operator's log: one event, one function, one line on standard error. Never a line per
//! packet: what happens often is a counter.

use crate::judge::case::Notice;
use crate::judge::intervals::Change;
use std::fmt::Display;

fn say(level: &str, line: impl Display) {
    eprintln!("asnmeter: {level}: {line}");
}

/// A command could not do its work.
pub fn failed(error: &dyn Display) {
    say("error", error);
}

/// Something is not as it should be, and the work goes on.
pub fn warned(warning: &dyn Display) {
    say("warning", warning);
}

/// The daemon captures and serves.
pub fn started(interfaces: &[String], address: &dyn Display) {
    say(
        "info",
        format_args!("capturing on {}; http://{address}/", interfaces.join(", ")),
    );
}

/// A new configuration is in force.
pub fn reloaded(commitments: usize, prefixes: u64) {
    say(
        "info",
        format_args!("reloaded: {commitments} commitments, {prefixes} prefixes"),
    );
}

/// A new configuration was refused.
pub fn reload_failed(error: &dyn Display) {
    say(
        "error",
        format_args!("reload refused, all of the old stays: {error}"),
    );
}

/// What routers are asked has changed: only a restart brings that into force.
pub fn routers_need_restart() {
    let keys = "bmp sources, own and bmp_stale in [asn]";
    say(
        "warning",
        format_args!("changes of {keys} take effect for routers at the next start"),
    );
}

/// An ASN source could not be kept compiled: the next start takes longer.
pub fn cache_failed(source: &str, why: &str) {
    say(
        "warning",
        format_args!("asn source {source}: not kept compiled: {why}"),
    );
}

/// An ASN source whose file has changed is in force.
pub fn source_loaded(source: &str, prefixes: usize) {
    say(
        "info",
        format_args!("asn source {source}: loaded, {prefixes} prefixes"),
    );
}

/// An ASN source whose file has changed can not be loaded.
pub fn source_refused(error: &dyn Display) {
    say("error", format_args!("{error}; the old table stays"));
}

/// A router sends BMP.
pub fn router_connected(router: &dyn Display) {
    say("info", format_args!("bmp: {router} connected"));
}

/// A router is one too many.
pub fn router_refused(router: &dyn Display) {
    say(
        "warning",
        format_args!("bmp: {router} refused: too many routers"),
    );
}

/// A router's connection has ended.
pub fn router_gone(router: &dyn Display, why: &dyn Display) {
    say("warning", format_args!("bmp: {router} gone: {why}"));
}

/// A changed setting that only a restart brings into force.
pub fn needs_restart(section: &str) {
    say(
        "warning",
        format_args!("changes in [{section}] take effect at the next start"),
    );
}

/// A worker runs wherever the kernel puts it.
pub fn not_pinned(cpu: u16, error: &std::io::Error) {
    say(
        "warning",
        format_args!("a worker can not be bound to processor {cpu}: {error}"),
    );
}

/// The daemon ends.
pub fn stopping(signal: &str) {
    say("info", format_args!("{signal}: stopping"));
}

/// An ASN went out of SLA, or came back.
pub fn out_of_sla(notice: &Notice) {
    let Notice {
        commitment,
        asn,
        direction,
        change,
        peak_share,
    } = notice;
    let peak = peak_share * 100.0;
    match change {
        Change::Began(over) => say(
            "notice",
            format_args!(
                "{commitment}: AS{asn} out of SLA ({direction}) since {}: {peak:.2} % of the committed rate",
                over.from
            ),
        ),
        Change::Ended(over) => say(
            "notice",
            format_args!(
                "{commitment}: AS{asn} back in SLA ({direction}) after {}: out since {}, peak {peak:.2} %",
                over.last, over.from
            ),
        ),
    }
}

/// The demo runs.
pub fn demo(address: &dyn Display) {
    say(
        "info",
        format_args!("demo: synthetic calls with a dozen networks, one of which goes over"),
    );
    say("info", format_args!("  page     http://{address}/"));
    say("info", format_args!("  metrics  http://{address}/metrics"));
    say(
        "info",
        format_args!("  JSON     http://{address}/api/v1/asns"),
    );
    say(
        "info",
        "AS3320 exceeds 10 % about 15 s from now and comes back; Ctrl-C ends",
    );
}
