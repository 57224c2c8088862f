//! Proves a fleet with a real nats-server: captures that are split over three probes give the document of one
//! meter on all of them, and whatever happens to servers, probes and aggregators, no verdict is given on less
//! than all, nothing is lost, and two aggregators say the same.
//!
//! Needs Debian's nats-server (`tests/run` gets it).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod broker;
mod equality;
mod faults;
mod probe;

use serde_json::Value;
use support::desk::Desk;
use support::frames::Shot;

/// What all of a fleet judge by; `{fleet}` is the section that makes a probe or an aggregator of it.
fn configuration(contracts: &str, fleet: &str) -> String {
    format!(
        "[asn]\nsources = [{{ prefixes = \"prefixes.tsv\" }}]\nlocal_prefixes = [\"198.51.100.0/24\"]\n\
         [voice]\nstream_timeout = \"30s\"\n{fleet}\n{contracts}"
    )
}

/// `[fleet]` of a probe.
fn probe_section(fleet: &str, probe: &str, address: &str) -> String {
    format!("[fleet]\nname = \"{fleet}\"\nprobe = \"{probe}\"\nservers = [\"{address}\"]\n")
}

/// `[fleet]` of an aggregator; each probe with its key, if it has one.
fn aggregator_section(fleet: &str, probes: &[(&str, Option<String>)], address: &str) -> String {
    let probes = probes.iter().map(|(name, key)| match key {
        Some(key) => format!("{{ name = \"{name}\", key = \"{key}\" }}"),
        None => format!("{{ name = \"{name}\" }}"),
    });
    let probes: Vec<_> = probes.collect();
    format!(
        "[fleet]\nname = \"{fleet}\"\nservers = [\"{address}\"]\npatience = \"1s\"\nprobes = [{}]\n",
        probes.join(", ")
    )
}

/// The frames of each of some taps: both directions of a pair of addresses come to the same.
fn split(shots: &[Shot], taps: u64) -> Vec<Vec<Shot>> {
    let mut parts = vec![Vec::new(); usize::try_from(taps).unwrap()];
    for shot in shots {
        let octets = &shot.octets;
        let (one, other) = match octets[12..14] {
            [0x08, 0x00] => (&octets[26..30], &octets[30..34]),
            [0x86, 0xdd] => (&octets[22..38], &octets[38..54]),
            _ => (&octets[..0], &octets[..0]),
        };
        // FNV-1a, the same for both directions
        let of = |address: &[u8]| {
            address
                .iter()
                .fold(0xcbf2_9ce4_8422_2325_u64, |sum, octet| {
                    (sum ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
                })
        };
        let tap = ((of(one) ^ of(other)) >> 20) % taps;
        parts[usize::try_from(tap).unwrap()].push(shot.clone());
    }
    parts
}

/// A document of `replay --format json` as a fleet has it.
fn without_streams(mut document: Value) -> Value {
    document.as_object_mut().unwrap().remove("streams").unwrap();
    document
}

/// A key of openssl's on the desk; what an aggregator's file says of it.
fn key(desk: &Desk, name: &str) -> (String, String) {
    let private = desk.name(&format!("{name}.key"));
    let run = |arguments: &[&str]| {
        let outcome =
            support::program::outcome(std::process::Command::new("openssl").args(arguments));
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        outcome.stdout
    };
    run(&["genpkey", "-algorithm", "ed25519", "-out", &private]);
    let public = run(&["pkey", "-in", &private, "-pubout"]);
    (private, public.lines().nth(1).unwrap().to_owned())
}
