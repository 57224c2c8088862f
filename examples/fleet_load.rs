//! How much a fleet's aggregator bears: simulated probes with 200 networks each publish some seconds of leaves through a
//! real nats-server, and one aggregator takes, verifies, adds and judges all of them. Prints a row of the table in
//! docs/FLEET.md: at full speed what the aggregator bears, with `paced` what it takes in the time that the seconds
//! are of, and how long after the end of a second its verdict stands.
//!
//! ```text
//! nats-server -js -sd DIR &
//! cargo run --release --example fleet_load -- nats://127.0.0.1:4222 PROBES SECONDS [paced [PID of nats-server]]
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement for the desk"
)]

use asnmeter::attribution::scopes::ScopePlan;
use asnmeter::config::checked::Config;
use asnmeter::fleet::Subjects;
use asnmeter::fleet::feed::ProbeFeed;
use asnmeter::fleet::follow::LedgerProgress;
use asnmeter::fleet::judge::FleetJudge;
use asnmeter::fleet::nats::{NatsConnection, NatsServers};
use asnmeter::fleet::publish::{ProbeSettings, Publisher};
use asnmeter::fleet::read;
use asnmeter::fleet::seconds::Fleet;
use asnmeter::ledger::leaf::{
    CommitmentTerms, CountedLeaf, CountingTerms, DirectionLeaf, Leaf, Mode, PolicyLeaf, RULES,
    SampleLeaf, SecondLeaf, StartLeaf, StopLeaf,
};
use asnmeter::ledger::record::SecondLeaves;
use asnmeter::ledger::writer::{Durability, LedgerSettings, LedgerWriter};
use asnmeter::sla::policy::Policy;
use asnmeter::units::Second;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

#[path = "fleet_load/paced.rs"]
mod paced;

const BEGIN: u64 = 1_767_225_600;
const NETWORKS: u32 = 200;
const CONTRACT: &str = "[[commitment]]\nname = \"voice\"\ncommitted_rate = \"10 Gbps\"\n\
    guarantee = { loss = \"0.5%\", latency = \"150ms\", jitter = \"30ms\" }\n";

fn second(second: u64, probe: u64) -> Leaf {
    let counted = (0..NETWORKS).map(|network| {
        let packets = 500 + u64::from(network) * 7 + second % 13 + probe;
        let direction = |packets: u64| DirectionLeaf {
            bytes: packets * 200,
            confirmed_bytes: None,
            expected: i64::try_from(packets).unwrap(),
            lost: i64::from(packets.is_multiple_of(97)),
            maybe_lost: 0,
        };
        let samples = |samples| SampleLeaf {
            samples,
            ..SampleLeaf::default()
        };
        CountedLeaf {
            asn: Some(64_500 + network),
            packets: 2 * packets,
            from: direction(packets),
            to: direction(packets + 3),
            latency: samples(packets / 250),
            jitter: samples(packets / 50),
            ..CountedLeaf::default()
        }
    });
    Leaf::Second(SecondLeaf {
        second: Second(second),
        commitment: "voice".into(),
        part: 0,
        made_of: Vec::new(),
        asns: counted.collect(),
    })
}

/// The leaves of a second; of the first one with what a ledger begins with.
fn second_leaves(place: u64, probe: u64, first: Option<(Mode, &Policy)>) -> SecondLeaves {
    let mut leaves = vec![second(place, probe)];
    if let Some((mode, policy)) = first {
        let start = Leaf::Start(StartLeaf {
            time: Second(place),
            mode,
            version: String::new(),
            revision: String::new(),
            rules: RULES,
            measures: Vec::new(),
            sources: Vec::new(),
        });
        let terms = policy.commitments.iter().map(CommitmentTerms::from);
        let terms = Leaf::Policy(PolicyLeaf {
            second: Second(place),
            commitments: terms.collect(),
            counting: CountingTerms::default(),
            sha256: String::new(),
        });
        leaves.splice(..0, [start, terms]);
    }
    SecondLeaves {
        second: Second(place),
        leaves,
    }
}

/// Writes the ledger of a probe; its leaves.
fn ledger(path: &Path, probe: u64, seconds: u64, policy: &Policy) -> u64 {
    let settings = LedgerSettings {
        origin: format!("probe-{probe}"),
        key: None,
        durability: Durability::EachMinute,
    };
    let mut writer = LedgerWriter::open(path, settings).unwrap();
    for place in BEGIN..BEGIN + seconds {
        let first = (place == BEGIN).then_some((Mode::Replay, policy));
        writer.append(&second_leaves(place, probe, first)).unwrap();
    }
    let last = Second(BEGIN + seconds - 1);
    let stop = SecondLeaves {
        second: last,
        leaves: vec![Leaf::Stop(StopLeaf { time: last })],
    };
    writer.close(&stop).unwrap().unwrap().checkpoint.size
}

/// Processor time of this process.
fn busy() -> Duration {
    busy_of("/proc/self/stat")
}

/// The same of what a file in /proc is about.
fn busy_of(stat: &str) -> Duration {
    let stat = std::fs::read_to_string(stat).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, probes, seconds, mode @ ..] = arguments.as_slice() else {
        panic!("usage: fleet_load SERVER PROBES SECONDS [paced [PID of nats-server]]");
    };
    let (probes, seconds): (u64, u64) = (probes.parse().unwrap(), seconds.parse().unwrap());
    let config = Config::parse(CONTRACT, Path::new("contract")).unwrap();
    let scopes = config.commitments.iter().map(|one| &one.scope);
    let policy = Policy {
        scopes: ScopePlan::new(scopes, &ScopePlan::default()).into(),
        commitments: config.commitments.clone(),
        ..Policy::default()
    };
    let servers = NatsServers {
        addresses: vec![server.clone()],
        name: "load".into(),
        ..NatsServers::default()
    };
    let subjects = Subjects::new(&format!("load-{}", std::process::id()));
    if let [_, broker @ ..] = mode {
        let broker = broker.first().map(String::as_str);
        paced::run((servers, subjects), (probes, seconds), policy, broker);
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = std::env::temp_dir().join(format!("fleet-load-{}", std::process::id()));
    let mut all = 0;
    let (began, worked) = (Instant::now(), busy());
    for probe in 0..probes {
        let path = folder.join(probe.to_string());
        let leaves = ledger(&path, probe, seconds, &policy);
        all += leaves;
        let (_sender, progress) = watch::channel(LedgerProgress {
            sealed: leaves,
            written: leaves,
            through: Some(Second(BEGIN + seconds - 1)),
            is_over: true,
        });
        let settings = ProbeSettings {
            servers: servers.clone(),
            subjects: subjects.clone(),
            probe: format!("probe-{probe}"),
            ledger: path,
            origin: format!("probe-{probe}"),
            key: None,
            clock_error: || Some(Duration::ZERO),
            is_replay: true,
            totals: Arc::default(),
        };
        runtime.block_on(Publisher::new(settings, progress, Arc::default(), |_| {}).run());
    }
    let (published, cost) = (began.elapsed(), busy().checked_sub(worked).unwrap());
    let octets = second(BEGIN, 0).to_line().len() as u64 * seconds * probes;
    println!(
        "{probes} probes, {seconds} s: {all} leaves, {:.1} MB written and published in {published:.1?}, processor {cost:.1?}",
        octets as f64 / 1e6,
    );
    let names: Vec<Arc<str>> = (0..probes)
        .map(|probe| format!("probe-{probe}").into())
        .collect();
    let feeds = names
        .iter()
        .map(|name| ProbeFeed::new(name, subjects.fleet(), None));
    let mut fleet = Fleet {
        feeds: feeds.collect(),
        judge: FleetJudge::new(policy.into(), &names, usize::MAX),
    };
    let (began, worked) = (Instant::now(), busy());
    runtime.block_on(async {
        let link = NatsConnection::connect(&servers, subjects).await.unwrap();
        read::judge_once(&link, &mut fleet, &mut (), |_, notice| panic!("{notice}")).await;
    });
    let (taken, cost) = (began.elapsed(), busy().checked_sub(worked).unwrap());
    assert_eq!(fleet.judge.judged(), Some(Second(BEGIN + seconds - 1)));
    println!(
        "aggregator: {:.1?} of a processor for {seconds} s of the fleet: {:.1} % of one; {:.0} leaves/s, {:.1} MB/s ({taken:.1?})",
        cost,
        100.0 * cost.as_secs_f64() / seconds as f64,
        all as f64 / cost.as_secs_f64(),
        octets as f64 / 1e6 / cost.as_secs_f64(),
    );
    std::fs::remove_dir_all(folder).unwrap();
}
