//! Three probes in quick motion, two aggregators side by side, and one fault after the other.

use super::broker::{Broker, Relay};
use super::probe::{Running as Probe, Tap, certain, leaves_of, pace};
use super::support::START;
use super::support::desk::Desk;
use super::support::frames::{Media, Shot};
use super::support::program::{assert_verifies, replay};
use super::support::running::{Running, until};
use super::{aggregator_section, configuration, key, split};
use asnmeter::clock;
use asnmeter::fleet::Subjects;
use asnmeter::fleet::nats::{NatsConnection, NatsServers};
use asnmeter::ledger::leaf::{GapReason, Leaf};
use asnmeter::units::Second;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Two networks, one of them over its limit in the middle; the other loses packets for a while.
const CONTRACTS: &str = r#"
[[commitment]]
name = "voice"
committed_rate = "5 Mbps"
threshold = "10%"
window = "5s"
guarantee = { loss = "1%" }
"#;

/// Seconds of the captures.
const SECONDS: u64 = 45;

/// The window of the contract.
const WINDOW: u64 = 5;

/// Seconds behind them in which nothing is counted: what came late is taken with these.
const TAIL: u64 = 3;

/// The last second of all.
const LAST: u64 = START + SECONDS + TAIL - 1;

fn calls() -> Vec<Shot> {
    let mut shots = Vec::new();
    let mut call = |number: u64, network: &str, seconds: std::ops::Range<u64>, loses: bool| {
        let (theirs, ours) = (
            format!("{network}.{}:30000", number + 1),
            format!("198.51.100.{}:20000", number + 1),
        );
        let ssrc = u32::try_from(10 * number).unwrap();
        let times = |ways: u64| {
            let places = seconds.start * 50..seconds.end * 50;
            places.map(move |place| 1_000_000_000 * START + place * 20_000_000 + ways * 1_000_000)
        };
        let from = Media::g711(&theirs, &ours, ssrc)
            .shots(times(0))
            .into_iter()
            .enumerate();
        shots.extend(
            from.filter(|(place, _)| !(loses && place % 20 == 7))
                .map(|(_, shot)| shot),
        );
        shots.extend(Media::g711(&ours, &theirs, ssrc + 1).shots(times(1)));
    };
    for number in 0..12 {
        call(number, "203.0.113", 0..SECONDS, false);
        call(number + 20, "192.0.2", 0..SECONDS, number % 6 == 0);
    }
    for number in 40..60 {
        call(number, "192.0.2", 15..25, false);
    }
    shots.sort_by_key(|shot| shot.nanos);
    shots
}

/// All that a case needs.
struct Stage {
    desk: Desk,
    brokers: Vec<Broker>,
    /// The leaves of each tap, as a replay of its capture has them.
    taps: Vec<Arc<BTreeMap<Second, Vec<Leaf>>>>,
    /// Those of one meter on all captures.
    one: BTreeMap<Second, Vec<Leaf>>,
    keys: Vec<(String, String)>,
    /// Each aggregator's log has a folder of its own.
    logs: RefCell<Vec<Desk>>,
}

impl Stage {
    fn new() -> Self {
        Self::with(vec![Broker::start()])
    }

    fn with(brokers: Vec<Broker>) -> Self {
        let desk = Desk::new();
        desk.file(
            "prefixes.tsv",
            "203.0.113.0/24\t64500\n192.0.2.0/24\t64501\n",
        );
        let config = desk.file("one.toml", configuration(CONTRACTS, ""));
        let shots = calls();
        let recorded = |name: &str, shots: &[Shot]| {
            let capture = desk.capture(&format!("{name}.pcap"), shots);
            let ledger = desk.name(&format!("{name}.ledger"));
            replay(&[&capture, "--config", &config, "--evidence", &ledger]);
            leaves_of(Path::new(&ledger))
        };
        let parts = split(&shots, 3);
        assert!(parts.iter().all(|part| !part.is_empty()));
        let taps = parts.iter().enumerate();
        let taps = taps.map(|(tap, shots)| Arc::new(recorded(&format!("tap{tap}"), shots)));
        Self {
            taps: taps.collect(),
            one: recorded("one", &shots),
            keys: (0..3).map(|tap| key(&desk, &format!("tap{tap}"))).collect(),
            brokers,
            desk,
            logs: RefCell::default(),
        }
    }

    fn tap(&self, fleet: &str, number: usize) -> Tap {
        Tap {
            fleet: fleet.into(),
            name: format!("tap{number}"),
            servers: self.servers(),
            ledger: self.desk.path(&format!("{fleet}-tap{number}")),
            key: self.keys[number].0.clone().into(),
            clock_error: certain,
            leaves: self.taps[number].clone(),
        }
    }

    fn servers(&self) -> Vec<String> {
        self.brokers.iter().map(Broker::address).collect()
    }

    fn taps(&self, fleet: &str) -> Vec<Probe> {
        (0..3)
            .map(|number| self.tap(fleet, number).begin(Second(START)))
            .collect()
    }

    fn aggregator(&self, fleet: &str, number: u32) -> Running {
        let names = ["tap0", "tap1", "tap2"];
        let keys = self.keys.iter().map(|(_, public)| Some(public.clone()));
        let probes: Vec<_> = names.into_iter().zip(keys).collect();
        let servers = self.servers().join("\", \"");
        let section = aggregator_section(fleet, &probes, &servers);
        let config = self
            .desk
            .file(&format!("{fleet}.toml"), configuration(CONTRACTS, &section));
        let ledger = self.desk.name(&format!("{fleet}-{number}"));
        let arguments = ["fleet", "--config", &config, "--evidence", &ledger];
        let log = Desk::new();
        let running = Running::start(&log, "127.0.0.1:0", &arguments);
        self.logs.borrow_mut().push(log);
        running
    }

    /// Runs three probes; something happens before each second.
    fn run(&self, fleet: &str, mut happens: impl FnMut(Second, &mut Vec<Probe>)) -> Vec<Probe> {
        let mut probes = self.taps(fleet);
        for second in START..START + SECONDS {
            happens(Second(second), &mut probes);
            for probe in &mut probes {
                probe.write(Second(second), None);
            }
            pace();
        }
        probes
    }

    /// Waits until aggregators have judged the last second, stops them; the leaves of their ledgers, which are
    /// the same and hold.
    fn judged(
        &self,
        fleet: &str,
        aggregators: Vec<Running>,
        last: u64,
    ) -> BTreeMap<Second, Vec<Leaf>> {
        let count = aggregators.len();
        for aggregator in &aggregators {
            until("the last second is judged", || {
                let name = "judged_second_timestamp_seconds";
                aggregator.scrape().sum(name, &[]) >= last
            });
        }
        for aggregator in aggregators {
            assert_eq!(aggregator.end("TERM"), Some(0), "{}", aggregator.log());
        }
        let ledgers: Vec<_> = (0..count)
            .map(|number| self.desk.path(&format!("{fleet}-{number}")))
            .collect();
        for ledger in &ledgers {
            assert_verifies(ledger);
        }
        let mut all = ledgers.iter().map(|ledger| leaves_of(ledger));
        let first = all.next().unwrap();
        for other in all {
            for second in START..=last {
                let of = |leaves: &BTreeMap<Second, Vec<Leaf>>| leaf_lines(leaves, Second(second));
                assert_eq!(of(&first), of(&other), "{fleet}");
            }
        }
        first
    }
}

/// The leaves of a second from `policy` to `verdict`, as they are written.
fn leaf_lines(leaves: &BTreeMap<Second, Vec<Leaf>>, second: Second) -> Vec<String> {
    let of_it = leaves.get(&second).into_iter().flatten();
    let told =
        of_it.filter(|leaf| !matches!(leaf, Leaf::Start(_) | Leaf::Table(_) | Leaf::Stop(_)));
    told.map(Leaf::to_line).collect()
}

/// What was counted of each network in all: octets from and to, expected, lost; amendments too.
fn counted(leaves: &BTreeMap<Second, Vec<Leaf>>) -> BTreeMap<u32, [i64; 4]> {
    let mut sums = BTreeMap::<u32, [i64; 4]>::new();
    for leaf in leaves.values().flatten() {
        let asns = match leaf {
            Leaf::Second(leaf) => &leaf.asns,
            Leaf::Amendment(leaf) => &leaf.asns,
            _ => continue,
        };
        for one in asns {
            let sum = sums.entry(one.asn.unwrap()).or_default();
            let more = [
                i64::try_from(one.from.bytes).unwrap(),
                i64::try_from(one.to.bytes).unwrap(),
                one.from.expected,
                one.from.lost,
            ];
            sum.iter_mut()
                .zip(more)
                .for_each(|(sum, more)| *sum += more);
        }
    }
    sums
}

/// The verdict on loss that stands in each second, by network.
fn verdicts(leaves: &BTreeMap<Second, Vec<Leaf>>) -> BTreeMap<(Second, u32), String> {
    let (mut standing, mut all) = (BTreeMap::new(), BTreeMap::new());
    for second in (START..START + SECONDS).map(Second) {
        for leaf in leaves.get(&second).into_iter().flatten() {
            if let Leaf::Verdict(leaf) = leaf {
                standing.insert(leaf.asn, leaf.verdicts[0].clone());
            }
        }
        all.extend(
            standing
                .iter()
                .map(|(asn, verdict)| ((second, *asn), verdict.clone())),
        );
    }
    all
}

/// Seconds in which a probe was missing.
fn absent(leaves: &BTreeMap<Second, Vec<Leaf>>) -> Vec<u64> {
    let mut seconds = Vec::new();
    for leaf in leaves.values().flatten() {
        if let Leaf::Gap(gap) = leaf
            && matches!(gap.why, GapReason::Probe | GapReason::Policy)
        {
            seconds.extend(gap.from.0..=gap.until.0);
        }
    }
    seconds
}

/// Nothing is given on less than all: where a window touches a second without a probe the verdict is void or
/// nobody knows; elsewhere it is that of one meter on everything.
fn assert_right(stage: &Stage, leaves: &BTreeMap<Second, Vec<Leaf>>, what: &str) {
    let (ours, theirs) = (verdicts(leaves), verdicts(&stage.one));
    let missing = absent(leaves);
    let mut decided = 0;
    for (place, truth) in &theirs {
        let (second, asn) = place;
        let verdict = &ours[place];
        let touches = missing
            .iter()
            .any(|gap| *gap <= second.0 && second.0 < gap + WINDOW);
        if touches {
            assert!(
                ["void", "indeterminate", "none"].contains(&verdict.as_str()),
                "{what}: {second} AS{asn} {verdict}"
            );
            assert!(
                verdict != "void" || truth == "void",
                "{what}: {second} AS{asn} {verdict}"
            );
        } else {
            assert_eq!(verdict, truth, "{what}: {second} AS{asn}");
            decided += 1;
        }
    }
    assert!(decided > 0 || missing.len() as u64 >= SECONDS, "{what}");
}

/// Waits until the servers have all of it, lets some seconds go by, and ends the probes.
fn settle(mut probes: Vec<Probe>) {
    until("all is published", || {
        probes.iter().all(Probe::is_published)
    });
    for second in START + SECONDS..=LAST {
        for probe in &mut probes {
            probe.write(Second(second), None);
        }
        pace();
    }
    probes.into_iter().for_each(Probe::end);
}

fn link(stage: &Stage, fleet: &str) -> (tokio::runtime::Runtime, NatsConnection) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let servers = NatsServers {
        addresses: stage.servers(),
        name: "somebody".into(),
        ..NatsServers::default()
    };
    let link = runtime
        .block_on(NatsConnection::connect(&servers, Subjects::new(fleet)))
        .unwrap();
    (runtime, link)
}

#[test]
fn whatever_happens_nothing_is_lost_and_no_verdict_is_given_on_less_than_all() {
    let stage = Stage::new();
    let all = counted(&stage.one);
    let at = |seconds: u64| Second(START + seconds);

    // nothing happens, but that one publisher is there twice
    let aggregators = vec![stage.aggregator("calm", 0), stage.aggregator("calm", 1)];
    let mut double = None;
    let probes = stage.run("calm", |second, probes| {
        if second == at(10) {
            double = Some(probes[1].double());
        }
    });
    drop(double);
    settle(probes);
    let leaves = stage.judged("calm", aggregators, LAST);
    assert_eq!(counted(&leaves), all);
    assert_right(&stage, &leaves, "calm");

    // a probe is cut off for longer than it is waited for, and comes back
    let aggregators = vec![stage.aggregator("cut", 0), stage.aggregator("cut", 1)];
    let probes = stage.run("cut", |second, probes| {
        if second == at(12) {
            probes[2].cut();
        }
        if second == at(32) {
            until("the others are judged without it", || {
                aggregators[0]
                    .scrape()
                    .sum("fleet_probe_absent_seconds_total", &[("probe", "tap2")])
                    > 5
            });
            probes[2].join();
        }
    });
    settle(probes);
    let leaves = stage.judged("cut", aggregators, LAST);
    assert_eq!(counted(&leaves), all, "what came later is an amendment");
    assert!(!absent(&leaves).is_empty());
    assert_right(&stage, &leaves, "cut");

    // the server is killed and comes back
    let aggregators = vec![stage.aggregator("server", 0), stage.aggregator("server", 1)];
    let probes = stage.run("server", |second, _| {
        if second == at(15) {
            stage.brokers[0].kill();
        }
        if second == at(25) {
            stage.brokers[0].again();
        }
    });
    settle(probes);
    let leaves = stage.judged("server", aggregators, LAST);
    assert_eq!(counted(&leaves), all);
    assert_right(&stage, &leaves, "server");
}

/// The broker that leads a stream, once there is one.
fn leader(runtime: &tokio::runtime::Runtime, context: &Context, stream: &str) -> Option<usize> {
    let stream = runtime.block_on(context.get_stream(stream)).ok()?;
    let leader = stream.cached_info().cluster.as_ref()?.leader.as_ref()?;
    leader.strip_prefix('b')?.parse().ok()
}

#[test]
fn of_three_brokers_the_leader_is_killed_and_nothing_is_lost_or_judged_otherwise() {
    let stage = Stage::with(Broker::three());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let options = async_nats::ConnectOptions::new().retry_on_initial_connect();
    let context = runtime.block_on(async {
        let client = options.connect(stage.servers()).await.unwrap();
        async_nats::jetstream::new(client)
    });
    let subjects = Subjects::new("three");
    let config = Config {
        name: subjects.stream(),
        subjects: subjects.stored(),
        discard: DiscardPolicy::New,
        num_replicas: 3,
        allow_direct: true,
        ..Config::default()
    };
    until("the stream has three copies", || {
        let made = context.get_or_create_stream(config.clone());
        runtime.block_on(made).is_ok()
    });
    let leads = || leader(&runtime, &context, &subjects.stream());
    let aggregators = vec![stage.aggregator("three", 0), stage.aggregator("three", 1)];
    let mut killed = None;
    let probes = stage.run("three", |second, _| match second.0 - START {
        12 => {
            until("there is a leader", || leads().is_some());
            let leader = leads().unwrap();
            stage.brokers[leader].kill();
            killed = Some(leader);
        }
        24 => until("another one leads", || {
            leads().is_some_and(|leader| Some(leader) != killed)
        }),
        36 => stage.brokers[killed.unwrap()].again(),
        _ => {}
    });
    settle(probes);
    let leaves = stage.judged("three", aggregators, LAST);
    assert_eq!(counted(&leaves), counted(&stage.one));
    assert_right(&stage, &leaves, "three");
}

/// How long the network of a probe is cut.
const CUT: Duration = Duration::from_secs(30);

#[test]
fn a_probe_whose_network_is_cut_for_thirty_seconds_is_missing_and_comes_back_with_all() {
    let stage = Stage::new();
    let relay = Relay::start(&stage.brokers[0]);
    let aggregators = vec![stage.aggregator("net", 0), stage.aggregator("net", 1)];
    let taps = (0..3).map(|number| Tap {
        servers: vec![if number == 2 {
            relay.address()
        } else {
            stage.brokers[0].address()
        }],
        ..stage.tap("net", number)
    });
    let mut probes: Vec<_> = taps.map(|tap| tap.begin(Second(START))).collect();
    let mut cut_at = None;
    for second in START..START + SECONDS {
        match second - START {
            12 => {
                relay.cut();
                cut_at = Some(clock::uptime());
            }
            32 => {
                until("the others are judged without it", || {
                    aggregators[0]
                        .scrape()
                        .sum("fleet_probe_absent_seconds_total", &[("probe", "tap2")])
                        > 5
                });
                clock::wait((cut_at.unwrap() + CUT).saturating_sub(clock::uptime()));
                relay.join();
            }
            _ => {}
        }
        for probe in &mut probes {
            probe.write(Second(second), None);
        }
        pace();
    }
    settle(probes);
    let leaves = stage.judged("net", aggregators, LAST);
    assert_eq!(
        counted(&leaves),
        counted(&stage.one),
        "what came later is an amendment"
    );
    assert!(!absent(&leaves).is_empty());
    assert_right(&stage, &leaves, "net");
}

#[test]
fn an_aggregator_that_is_killed_goes_on_where_it_was() {
    let stage = Stage::new();
    let mut aggregators = vec![stage.aggregator("killed", 0), stage.aggregator("killed", 1)];
    for aggregator in &aggregators {
        // as a meter: this test needs a kernel with Landlock
        let confined = aggregator.scrape().sum("confined", &[]);
        assert_eq!(confined, 1, "{}", aggregator.log());
    }
    let probes = stage.run("killed", |second, _| {
        if second.0 == START + 12 {
            until("something is judged", || {
                aggregators[1]
                    .scrape()
                    .sum("judged_second_timestamp_seconds", &[])
                    > START + 3
            });
            assert_eq!(aggregators[1].end("KILL"), None);
        }
        if second.0 == START + 28 {
            aggregators[1] = stage.aggregator("killed", 1);
        }
    });
    settle(probes);
    let leaves = stage.judged("killed", aggregators, LAST);
    assert_eq!(counted(&leaves), counted(&stage.one));
    assert_right(&stage, &leaves, "killed");
}

#[test]
fn a_probe_that_is_killed_is_missing_until_it_is_back() {
    let stage = Stage::new();
    let aggregators = vec![stage.aggregator("probe", 0), stage.aggregator("probe", 1)];
    let mut probes = stage.taps("probe");
    let (killed, back) = (START + 12, START + 30);
    for second in START..START + SECONDS {
        if second == killed {
            probes.remove(0).cut();
        }
        if second == back {
            until("the others are judged without it", || {
                aggregators[0]
                    .scrape()
                    .sum("fleet_probe_absent_seconds_total", &[("probe", "tap0")])
                    > 5
            });
            probes.insert(0, stage.tap("probe", 0).begin(Second(back)));
        }
        for probe in &mut probes {
            probe.write(Second(second), Some(Second(killed - 1)));
        }
        pace();
    }
    settle(probes);
    let leaves = stage.judged("probe", aggregators, LAST);
    let missing = absent(&leaves);
    assert!(
        (killed..back).all(|second| missing.contains(&second)),
        "{missing:?}"
    );
    assert_right(&stage, &leaves, "probe");
}

#[test]
fn what_a_probe_did_not_sign_is_reported_and_never_counted() {
    let stage = Stage::new();
    let aggregators = vec![stage.aggregator("forged", 0), stage.aggregator("forged", 1)];
    let (runtime, link) = link(&stage, "forged");
    let subjects = Subjects::new("forged");
    let probes = stage.run("forged", |second, _| {
        if ![START + 10, START + 20].contains(&second.0) {
            return;
        }
        let subject = subjects.leaf("tap1");
        runtime.block_on(async {
            let before = link.last(&subject).await.unwrap().unwrap();
            let next = before.first.unwrap() + before.text.lines().count() as u64;
            let line = before
                .text
                .lines()
                .find(|line| line.contains("\"asns\":[{"))
                .unwrap();
            let forged = line.replace("\"bytes\":", "\"bytes\":9");
            assert_ne!(forged, line);
            // a leaf that is to come, one that was there, and a head of nobody
            link.append(&subject, (Some(next), None), forged.clone() + "\n")
                .await
                .unwrap();
            link.append(&subject, (Some(next - 1), None), forged + "\n")
                .await
                .unwrap();
            let head = link
                .last(&subjects.head("tap1"))
                .await
                .unwrap()
                .unwrap()
                .text;
            let (text, _) = head.split_once("\n\n").unwrap();
            let head = subjects.head("tap1");
            link.append(&head, (None, None), format!("{text}\n\n"))
                .await
                .unwrap();
        });
    });
    settle(probes);
    for aggregator in &aggregators {
        until("it is reported", || {
            aggregator
                .scrape()
                .sum("fleet_probe_refused_messages_total", &[("probe", "tap1")])
                >= 2
        });
    }
    let leaves = stage.judged("forged", aggregators, LAST);
    assert_eq!(counted(&leaves), counted(&stage.one));
    assert_right(&stage, &leaves, "forged");
}

#[test]
fn a_probe_under_another_contract_or_with_an_uncertain_clock_makes_its_seconds_incomplete() {
    let stage = Stage::new();
    let aggregators = vec![stage.aggregator("contract", 0)];
    let mut other = BTreeMap::clone(&stage.taps[1]);
    for leaf in other.values_mut().flatten() {
        if let Leaf::Policy(policy) = leaf {
            policy.commitments[0].threshold += 1;
        }
    }
    let mut probes = stage.taps("contract");
    probes[1].cut();
    probes[1] = Tap {
        leaves: Arc::new(other),
        ledger: stage.desk.path("contract-other"),
        ..stage.tap("contract", 1)
    }
    .begin(Second(START));
    for second in START..START + SECONDS {
        for probe in &mut probes {
            probe.write(Second(second), None);
        }
        pace();
    }
    settle(probes);
    until("the contract is shown", || {
        let labels = [
            ("probe", "tap1"),
            ("commitment", "voice"),
            ("key", "threshold"),
        ];
        aggregators[0].scrape().sum("fleet_probe_differs", &labels) == 1
    });
    let leaves = stage.judged("contract", aggregators, LAST);
    assert_right(&stage, &leaves, "contract");
    let verdicts = verdicts(&leaves);
    assert!(
        verdicts
            .values()
            .all(|verdict| !["met", "missed"].contains(&verdict.as_str()))
    );

    let aggregators = vec![stage.aggregator("clock", 0), stage.aggregator("clock", 1)];
    let mut probes = stage.taps("clock");
    probes[2] = {
        probes[2].cut();
        Tap {
            clock_error: || Some(Duration::from_millis(101)),
            ledger: stage.desk.path("clock-other"),
            ..stage.tap("clock", 2)
        }
        .begin(Second(START))
    };
    for second in START..START + SECONDS {
        for probe in &mut probes {
            probe.write(Second(second), None);
        }
        pace();
    }
    settle(probes);
    until("the clock is shown", || {
        let labels = [("probe", "tap2"), ("reason", "clock")];
        aggregators[0].scrape().sum("fleet_probe_absent", &labels) == 1
    });
    let leaves = stage.judged("clock", aggregators, LAST);
    assert_eq!(
        counted(&leaves),
        counted(&stage.one),
        "what it counted is shown"
    );
    assert_right(&stage, &leaves, "clock");
    assert!(
        verdicts_of(&leaves, "void") > 0,
        "by what was seen for certain"
    );
}

fn verdicts_of(leaves: &BTreeMap<Second, Vec<Leaf>>, word: &str) -> usize {
    verdicts(leaves)
        .values()
        .filter(|verdict| *verdict == word)
        .count()
}
