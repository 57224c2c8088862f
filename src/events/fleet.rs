//! Events of a fleet: what a probe publishes, and what an aggregator knows of its probes.

use super::emit;
use super::sink::Level;
use crate::fleet::feed::FeedNotice;
use std::fmt::Display;

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
        format_args!(
            "fleet: {error}; what is not published stays in the ledger and is published later"
        ),
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
        &[
            ("PROBE", &probe),
            ("COMMITMENT", &commitment),
            ("KEY", &key),
        ],
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
