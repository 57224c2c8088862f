//! Probes that write a second when it is over, and an aggregator that waits for them: how late its verdicts are.

use super::{NETWORKS, busy, busy_of, second, second_leaves};
use asnmeter::fleet::Subjects;
use asnmeter::fleet::aggregate::{AggregateSettings, aggregate};
use asnmeter::fleet::feed::ProbeFeed;
use asnmeter::fleet::follow::LedgerProgress;
use asnmeter::fleet::judge::FleetJudge;
use asnmeter::fleet::nats::{NatsConnection, NatsServers, ReadFrom};
use asnmeter::fleet::publish::{ProbeSettings, Publisher};
use asnmeter::fleet::seconds::Fleet;
use asnmeter::ledger::key::{PrivateKey, new_private_pem};
use asnmeter::ledger::leaf::Mode;
use asnmeter::ledger::writer::{Durability, LedgerSettings, LedgerWriter};
use asnmeter::sla::policy::Policy;
use asnmeter::units::Second;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// How long a meter keeps a second open for late frames.
const GRACE: Duration = Duration::from_millis(100);

/// Seconds at the beginning that are left out: probes connect, ledgers are made.
const WARM_UP: u64 = 5;

/// Time since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// When a second was judged.
#[derive(Clone, Copy)]
struct Judged {
    second: u64,
    /// How long after its end.
    late: Duration,
    /// Processor time until then: of the aggregator, of all of this, of the broker.
    busy: [Duration; 3],
}

struct Probe {
    name: String,
    folder: PathBuf,
    pem: String,
    writer: LedgerWriter,
    sender: watch::Sender<LedgerProgress>,
    progress: watch::Receiver<LedgerProgress>,
}

impl Probe {
    fn new(number: u64, folder: &Path) -> Self {
        let (name, folder) = (format!("probe-{number}"), folder.join(number.to_string()));
        let pem = new_private_pem().unwrap();
        let settings = LedgerSettings {
            origin: name.clone(),
            key: Some(PrivateKey::from_pem(&pem).unwrap()),
            // each probe has a disk of its own, and here all have one
            durability: Durability::EachMinute,
        };
        let writer = LedgerWriter::open(&folder, settings).unwrap();
        let (sender, progress) = watch::channel(LedgerProgress::default());
        Self {
            name,
            folder,
            pem,
            writer,
            sender,
            progress,
        }
    }

    fn key(&self) -> PrivateKey {
        PrivateKey::from_pem(&self.pem).unwrap()
    }

    fn publisher(&self, (servers, subjects): (NatsServers, Subjects)) -> Publisher {
        let settings = ProbeSettings {
            servers,
            subjects,
            probe: self.name.clone(),
            ledger: self.folder.clone(),
            origin: self.name.clone(),
            key: Some(self.key()),
            clock_error: || Some(Duration::ZERO),
            is_replay: false,
            totals: Arc::default(),
        };
        Publisher::new(settings, self.progress.clone(), Arc::default(), |_| {})
    }

    fn write(&mut self, place: u64, number: u64, first: Option<(Mode, &Policy)>) {
        let leaves = second_leaves(place, number, first);
        self.writer.append(&leaves).unwrap();
        self.sender.send_replace(LedgerProgress {
            sealed: self.writer.size(),
            written: self.writer.written(),
            through: Some(Second(place)),
            is_over: false,
        });
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

/// Runs probes for some seconds, and prints what that took.
pub(crate) fn run(
    (servers, subjects): (NatsServers, Subjects),
    (probes, seconds): (u64, u64),
    policy: Policy,
    broker: Option<&str>,
) {
    let folder = std::env::temp_dir().join(format!("fleet-load-{}", std::process::id()));
    let mut all: Vec<Probe> = (0..probes).map(|one| Probe::new(one, &folder)).collect();
    let feeds = all.iter().map(|probe| {
        let name: Arc<str> = probe.name.as_str().into();
        ProbeFeed::new(&name, subjects.fleet(), Some(probe.key().public()))
    });
    let names: Vec<Arc<str>> = all.iter().map(|one| one.name.as_str().into()).collect();
    let mut fleet = Fleet {
        feeds: feeds.collect(),
        judge: FleetJudge::new(policy.clone().into(), &names, usize::MAX),
    };
    let publishers: Vec<_> = all
        .iter()
        .map(|probe| probe.publisher((servers.clone(), subjects.clone())))
        .collect();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let local = tokio::task::LocalSet::new();
            for mut publisher in publishers {
                local.spawn_local(async move { publisher.run().await });
            }
            local.await;
        });
    });
    let begin = now().as_secs() + 2;
    let end = begin + seconds;
    // it ends with the process
    std::thread::spawn(move || {
        for place in begin..end {
            let due = Duration::from_secs(place + 1) + GRACE;
            std::thread::sleep(due.saturating_sub(now()));
            for (number, probe) in (0..).zip(&mut all) {
                let first = (place == begin).then_some((Mode::Live, &policy));
                probe.write(place, number, first);
            }
            if now() > due + Duration::from_millis(500) {
                println!(
                    "the probes are late: {:.1?} behind",
                    now().saturating_sub(due)
                );
            }
        }
        // what is published last is read from these
        std::thread::sleep(Duration::from_secs(60));
    });
    let broker = broker.map(|pid| format!("/proc/{pid}/stat"));
    let broker_busy = || broker.as_deref().map_or(Duration::ZERO, busy_of);
    let mut judged: Vec<Judged> = Vec::new();
    let mut last = None;
    let settings = AggregateSettings {
        patience: Duration::from_secs(30),
        now: || Second(now().as_secs()),
        start: ReadFrom::Time(Second(begin - 60)),
        report: |probe, notice| println!("{probe}: {notice}"),
    };
    runtime().block_on(async {
        let link = NatsConnection::connect(&servers, subjects).await.unwrap();
        let (done, mut is_done) = watch::channel(false);
        let judging = async {
            let shown = |fleet: &mut Fleet| {
                let newest = fleet.judge.judged();
                if newest == last {
                    return;
                }
                last = newest;
                let Some(Second(second)) = newest else { return };
                let late = now().saturating_sub(Duration::from_secs(second + 1));
                if second >= begin + WARM_UP {
                    judged.push(Judged {
                        second,
                        late,
                        busy: [busy_of("/proc/thread-self/stat"), busy(), broker_busy()],
                    });
                }
                let _ = done.send(second + 1 >= end);
            };
            aggregate(&link, &mut fleet, settings, &mut (), shown).await;
        };
        tokio::select! {
            () = judging => {}
            _ = is_done.wait_for(|done| *done) => {}
        }
    });
    print(&judged, probes, begin);
    std::fs::remove_dir_all(folder).unwrap();
}

fn print(judged: &[Judged], probes: u64, begin: u64) {
    let mut late: Vec<_> = judged.iter().map(|one| one.late).collect();
    late.sort_unstable();
    let (first, last) = (judged.first().unwrap(), judged.last().unwrap());
    let part = |hundredths: usize| late[(late.len() - 1) * hundredths / 100];
    let octets = second(begin, 0).to_line().len() as f64 * probes as f64;
    let passed = (last.second - first.second) as f64;
    let share = |place: usize| {
        100.0
            * last.busy[place]
                .saturating_sub(first.busy[place])
                .as_secs_f64()
            / passed
    };
    println!(
        "{probes} probes of {NETWORKS} networks, {passed} s: {probes} leaves and {:.2} MB a second; aggregator {:.1} % of a core, \
         probes {:.1} %, broker {:.1} %",
        octets / 1e6,
        share(0),
        share(1) - share(0),
        share(2),
    );
    println!(
        "from the end of a second to its verdict: median {:.0?}, 95 % {:.0?}, longest {:.0?}; {} verdicts",
        part(50),
        part(95),
        part(100),
        late.len()
    );
}
