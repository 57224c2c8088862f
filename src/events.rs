//! The operator's log: one event, one function, one line; in the journal with its values as
//! fields. Never a line per packet: frequent events are counters.

mod sink;

use crate::fleet::feed::FeedNotice;
use crate::judge::intervals::{ExcessChange, ExcessInterval};
use crate::judge::threshold::ExcessNotice;
use crate::sla::Role;
use crate::units::Second;
use sink::{Field, Level};
use std::fmt::Display;
use std::path::Path;

/// Writes one line, with the name of its event as a field.
fn emit(level: Level, event: &'static str, line: impl Display, fields: &[Field<'_>]) {
    let mut all: Vec<Field<'_>> = vec![("EVENT", &event)];
    all.extend(fields);
    sink::write(level, &line.to_string(), &all);
}

/// A command failed.
pub fn failed(error: &dyn Display) {
    emit(Level::Error, "failed", error, &[]);
}

/// A connection to the web endpoint reached a limit: of its client, or of all.
pub fn endpoint_crowded(client: &dyn Display, connections: usize, is_share: bool) {
    let owner = if is_share {
        format!("{client} has")
    } else {
        format!("all clients together have, the last of them {client},")
    };
    emit(
        Level::Warning,
        "endpoint_crowded",
        format_args!(
            "web: {owner} as many connections as may be, {connections}: each more closes the one that \
             has been longest without a whole request, or is refused"
        ),
        &[("CLIENT", client), ("CONNECTIONS", &connections)],
    );
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

/// Two interfaces show the same packets; told when that begins.
pub fn packets_doubled(packets: u64) {
    emit(
        Level::Warning,
        "doubled",
        format_args!(
            "two interfaces show the same packets ({packets} of the last second's sample): each counts \
             twice and inflates every share; capture on one of them"
        ),
        &[],
    );
}

/// A probe publishes its ledger, behind so many leaves that the servers have.
pub fn fleet_publishes(leaves: u64) {
    emit(
        Level::Info,
        "fleet_publishes",
        format_args!("fleet: publishing the ledger from leaf {leaves} on"),
        &[("LEAVES", &leaves)],
    );
}

/// A probe cannot publish now; it tries again until it can.
pub fn fleet_waits(error: &dyn Display) {
    emit(
        Level::Warning,
        "fleet_waits",
        format_args!("fleet: {error}; what is not published stays in the ledger and is published later"),
        &[("REASON", error)],
    );
}

/// Somebody else publishes under a probe's name.
pub fn fleet_foreign() {
    emit(
        Level::Error,
        "fleet_foreign",
        "fleet: the last leaves under this probe's name are not from this ledger: another sender has its \
         name, or the ledger was begun anew",
        &[],
    );
}

/// A probe has no key in the aggregator's file.
pub fn fleet_unsigned(probe: &str) {
    emit(
        Level::Warning,
        "fleet_unsigned",
        format_args!("fleet: probe {probe}: UNSIGNED: fleet.probes names no key for it"),
        &[("PROBE", &probe)],
    );
}

/// A probe judges by another contract.
pub fn fleet_differs(probe: &str, commitment: &str, key: &str) {
    emit(
        Level::Warning,
        "fleet_differs",
        format_args!(
            "fleet: probe {probe}: its commitment {commitment} has another {key}: its seconds are incomplete"
        ),
        &[("PROBE", &probe), ("COMMITMENT", &commitment), ("KEY", &key)],
    );
}

/// An aggregator has started.
pub fn fleet_started(fleet: &str, probes: usize, url: &dyn Display) {
    emit(
        Level::Info,
        "fleet_started",
        format_args!("fleet: adding {probes} probes of {fleet}; {url}/"),
        &[("FLEET", &fleet), ("PROBES", &probes), ("URL", url)],
    );
}

/// An aggregator reads its configuration at a start only.
pub fn fleet_needs_restart() {
    emit(
        Level::Warning,
        "fleet_needs_restart",
        "fleet: SIGHUP changes nothing: changes of an aggregator's file take effect at the next start",
        &[],
    );
}

/// A probe is missing from now on.
pub fn fleet_absent(probe: &str, why: &str) {
    emit(
        Level::Warning,
        "fleet_absent",
        format_args!("fleet: probe {probe} is missing ({why}): the fleet's seconds are incomplete"),
        &[("PROBE", &probe), ("WHY", &why)],
    );
}

/// A probe is here again.
pub fn fleet_present(probe: &str) {
    emit(
        Level::Info,
        "fleet_present",
        format_args!("fleet: probe {probe} is here again"),
        &[("PROBE", &probe)],
    );
}

/// Something came under a probe's name that does not hold.
pub fn fleet_notice(probe: &str, notice: &FeedNotice) {
    emit(
        Level::Error,
        "fleet_refused",
        format_args!("fleet: probe {probe}: {notice}"),
        &[("PROBE", &probe), ("REASON", notice)],
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
        format_args!("reloaded: {commitments} commitments, {prefixes} prefixes"),
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

/// The BMP settings have changed, which needs a restart.
pub fn routers_need_restart() {
    let keys = "bmp sources, own, bmp_stale and bmp_routers in [asn]";
    emit(
        Level::Warning,
        "routers_need_restart",
        format_args!("changes of {keys} take effect for routers at the next start"),
        &[],
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
        format_args!("asn source {source}: loaded, {prefixes} prefixes"),
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

/// A router connected for BMP.
pub fn router_connected(router: &dyn Display) {
    emit(
        Level::Info,
        "router_connected",
        format_args!("bmp: {router} connected"),
        &[("ROUTER", router)],
    );
}

/// A router was refused.
pub fn router_refused(router: &dyn Display, why: &str) {
    emit(
        Level::Warning,
        "router_refused",
        format_args!("bmp: {router} refused: {why}"),
        &[("ROUTER", router), ("REASON", &why)],
    );
}

/// TCP keepalive could not be enabled for a router, so its silent loss goes unnoticed.
pub fn router_not_asked(router: &dyn Display, error: &dyn Display) {
    emit(
        Level::Warning,
        "router_not_asked",
        format_args!("bmp: {router}: no keepalive: {error}"),
        &[("ROUTER", router)],
    );
}

/// A router's connection has ended.
pub fn router_gone(router: &dyn Display, why: &dyn Display) {
    emit(
        Level::Warning,
        "router_gone",
        format_args!("bmp: {router} gone: {why}"),
        &[("ROUTER", router), ("REASON", why)],
    );
}

/// A changed section needs a restart.
pub fn needs_restart(section: &str) {
    emit(
        Level::Warning,
        "needs_restart",
        format_args!("changes in [{section}] take effect at the next start"),
        &[("SECTION", &section)],
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

/// The ledger is written again.
pub fn evidence_resumed(second: Second) {
    emit(
        Level::Info,
        "evidence_resumed",
        format_args!("evidence: written again from {second} on"),
        &[("SECOND", &second)],
    );
}

/// The key can be read by others than its owner.
pub fn key_readable(path: &Path, mode: u32) {
    let path = path.display();
    emit(
        Level::Warning,
        "key_readable",
        format_args!("{path}: mode {mode:04o}: others than its owner may read the key"),
        &[("PATH", &path)],
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

/// An ASN went out of SLA, returned, or was out when the contract changed.
pub fn out_of_sla(notice: &ExcessNotice) {
    let ExcessNotice {
        commitment,
        asn,
        role,
        direction,
        change,
    } = notice;
    let (over, direction) = (change.over(), direction.as_str());
    let peak_share = over.peak_share();
    let peak = peak_share * 100.0;
    let (part, role) = match role {
        Role::Origin => ("origin", ""),
        Role::Transit => ("transit", "transit "),
    };
    let fields: [Field<'_>; 6] = [
        ("COMMITMENT", commitment),
        ("ASN", asn),
        ("ROLE", &part),
        ("DIRECTION", &direction),
        ("SINCE", &over.from),
        ("PEAK_SHARE", &peak_share),
    ];
    match change {
        ExcessChange::Began(over) => emit(
            Level::Notice,
            "out_of_sla",
            format_args!(
                "{commitment}: {role}AS{asn} out of SLA ({direction}) since {}: {peak:.2} % of the committed rate{}",
                over.from,
                covered(over)
            ),
            &fields,
        ),
        ExcessChange::Ended(over) => emit(
            Level::Notice,
            "back_in_sla",
            format_args!(
                "{commitment}: {role}AS{asn} back in SLA ({direction}) after {}: out since {}, peak {peak:.2} %{}",
                over.last,
                over.from,
                covered(over)
            ),
            &fields,
        ),
        ExcessChange::Revised(over) => emit(
            Level::Notice,
            "contract_changed",
            format_args!(
                "{commitment}: {role}AS{asn} out of SLA ({direction}) by the old contract up to {}: out since {}, peak {peak:.2} %{}",
                over.last,
                over.from,
                covered(over)
            ),
            &fields,
        ),
    }
}

/// The transit ASNs that the exclusion of an ASN covers, as text.
fn covered(over: &ExcessInterval) -> String {
    let transit: Vec<String> = over.transit.iter().map(|asn| format!("AS{asn}")).collect();
    match transit.as_slice() {
        [] => String::new(),
        _ => format!("; covers transit {} for its traffic", transit.join(", ")),
    }
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
