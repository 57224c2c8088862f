//! Tables that are replaced while packets come: nothing is lost, and what was counted adds up.

use asnmeter::asn::{Origin, OriginSettings, Origins, Source};
use asnmeter::attribution::scopes::ScopePlan;
use asnmeter::capture::synthetic::{SendPace, Synthetic, demo};
use asnmeter::files::Load;
use asnmeter::meter::second::WorkerReport;
use asnmeter::pipeline::timed_source::ClockedSource;
use asnmeter::pipeline::{Worker, WorkerSettings, WorkerSink};
use asnmeter::sla::policy::Policy;
use asnmeter::stream::record::Stream;
use asnmeter::units::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Takes everything, and hands out the next terms at every boundary.
struct Swapping {
    next: Vec<Arc<Policy>>,
    swaps: usize,
    frames: u64,
    octets: BTreeMap<(Origin, Origin), u64>,
}

impl WorkerSink for Swapping {
    fn report(&mut self, report: WorkerReport) {
        let WorkerReport::Closed(closed) = report else {
            return;
        };
        let amended = closed.amendments.into_iter().map(|(_, counts)| counts);
        for counts in amended.chain([closed.counts]) {
            self.frames += counts.frames.frames();
            for (pair, usage) in counts.usage {
                let octets: u64 = usage.classes.iter().map(|class| class.ip).sum();
                *self.octets.entry((pair.src, pair.dst)).or_default() += octets;
            }
        }
    }

    fn ended(&mut self, _: &Stream) {}

    fn new_policy(&mut self) -> Option<Arc<Policy>> {
        if self.next.is_empty() {
            return None;
        }
        self.swaps += 1;
        self.next.get(self.swaps % self.next.len()).cloned()
    }
}

/// The demo's networks, all of them with numbers so much higher.
fn policy(folder: &Path, higher: u32) -> Arc<Policy> {
    let path = folder.join(format!("list.{higher}"));
    let (_, prefixes) = demo();
    let lines = prefixes
        .iter()
        .map(|known| format!("{} {}\n", known.prefix, known.asn.0 + higher));
    fs::write(&path, lines.collect::<String>()).unwrap();
    let settings = OriginSettings {
        sources: vec![Source::Prefixes(path)],
        ..OriginSettings::default()
    };
    let origins = Origins::load(&settings, None, &Load::default(), Timestamp::default).unwrap();
    let everything = asnmeter::attribution::scopes::Scope::default();
    Arc::new(Policy {
        scopes: ScopePlan::new([&everything], &ScopePlan::default()).into(),
        origins: Arc::new(origins),
        ..Policy::default()
    })
}

fn replayed(first: &Arc<Policy>, next: &[Arc<Policy>]) -> Swapping {
    let (mut scenario, _) = demo();
    scenario.repeat = None;
    let start = Timestamp::from_nanos(1_767_225_600_000_000_000);
    let pace = SendPace::AsFastAsPossible { start };
    let source = Synthetic::new(&scenario, pace, Arc::default());
    let sink = Swapping {
        next: next.to_vec(),
        swaps: 0,
        frames: 0,
        octets: BTreeMap::new(),
    };
    let mut worker = Worker::new(WorkerSettings::default(), first, sink);
    worker.run(&mut ClockedSource::new(source)).unwrap();
    worker.into_sink()
}

#[test]
fn a_swap_in_every_second_loses_no_packet_and_every_stream_asks_again() {
    const HIGHER: u32 = 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = [0, HIGHER].map(|higher| policy(folder.path(), higher));
    let still = replayed(&one, &[]);
    let swapped = replayed(&one, &[one.clone(), other.clone()]);
    assert_eq!((still.swaps, swapped.swaps > 80), (0, true));
    assert!(still.frames > 500_000);
    assert_eq!(still.frames, swapped.frames);

    let lower = |origin: Origin| match origin {
        Origin::As(asn) if asn.0 > HIGHER => Origin::As(asnmeter::units::Asn(asn.0 - HIGHER)),
        other => other,
    };
    let mut sums = BTreeMap::<(Origin, Origin), u64>::new();
    for ((src, dst), octets) in &swapped.octets {
        *sums.entry((lower(*src), lower(*dst))).or_default() += octets;
    }
    assert_eq!(sums, still.octets, "not an octet more or less for anybody");
    let named: BTreeSet<Origin> = swapped.octets.keys().map(|(src, _)| *src).collect();
    let expected: BTreeSet<Origin> = still.octets.keys().map(|(src, _)| *src).collect();
    let both = named.iter().filter(|origin| lower(**origin) != **origin);
    assert!(
        both.count() + 1 >= expected.len(),
        "long calls were counted under both numbers"
    );
}
