//! A reload with another routing table in the middle of calls.

use crate::support::desk::Desk;
use crate::support::frames::{Media, Roll, Shot};
use crate::support::{START, mrt};
use asnmeter::asn::{self, Origins, Source};
use asnmeter::files::Load;
use asnmeter::judge::Judge;
use asnmeter::judge::assembly::{Assembly, StepDetection};
use asnmeter::meter::second::WorkerReport;
use asnmeter::pipeline::timed_source::ClockedSource;
use asnmeter::pipeline::{Worker, WorkerSettings, WorkerSink};
use asnmeter::sla::policy::Policy;
use asnmeter::stream::record::Stream;
use asnmeter::units::{Address, Prefix, Timestamp};
use std::sync::Arc;

const MILLISECOND: u64 = 1_000_000;

/// Gives other terms once, after so many seconds.
struct Reloading {
    reports: Vec<WorkerReport>,
    after: usize,
    other: Option<Arc<Policy>>,
}

impl WorkerSink for Reloading {
    fn report(&mut self, report: WorkerReport) {
        self.reports.push(report);
    }
    fn ended(&mut self, _: &Stream) {}
    fn new_policy(&mut self) -> Option<Arc<Policy>> {
        let is_due = self.reports.len() > self.after;
        self.other.take_if(|_| is_due)
    }
}

fn policy(desk: &Desk, name: &str, path: &[u32]) -> Arc<Policy> {
    let far: (&str, &[u32]) = ("203.0.113.0/24", path);
    // Others before it, so that its path has another place in each table.
    let more: [(&str, &[u32]); 2] = [("192.0.2.0/24", &[9, 8, 7]), ("233.252.0.0/24", &[6, 7])];
    let more = &more[..path.len() % 3];
    desk.file(name, mrt::table(&[more, &[far]].concat()));
    let settings = asn::OriginSettings {
        sources: vec![Source::Mrt(desk.path(name))],
        local_prefixes: vec![Prefix::new(Address::v4([198, 51, 100, 0]), 96 + 24)],
        ..asn::OriginSettings::default()
    };
    let origins = Origins::load(&settings, None, &Load::default(), Timestamp::default).unwrap();
    Arc::new(Policy {
        origins: origins.into(),
        ..Policy::default()
    })
}

#[test]
fn after_a_reload_the_seconds_before_it_are_still_those_of_the_old_table() {
    let desk = Desk::new();
    let (old, new) = (
        policy(&desk, "old", &[1, 2, 5]),
        policy(&desk, "new", &[3, 2, 4, 5]),
    );
    let mut shots: Vec<Shot> = Vec::new();
    for (ssrc, ends) in [
        ["203.0.113.1:4000", "198.51.100.1:4000"],
        ["198.51.100.1:4000", "203.0.113.1:4000"],
    ]
    .iter()
    .enumerate()
    {
        let media = Media::g711(ends[0], ends[1], u32::try_from(ssrc).unwrap());
        let times = (0..500).map(|number| START * 1000 * MILLISECOND + number * 20 * MILLISECOND);
        shots.extend(media.shots(times));
    }
    // Two come so late that their second is with the judge: one of before the reload, one after.
    shots.sort_by_key(|shot| match shot.nanos / MILLISECOND - START * 1000 {
        2500 | 6500 => shot.nanos + 900 * MILLISECOND,
        _ => shot.nanos,
    });
    let sink = Reloading {
        reports: Vec::new(),
        after: 5,
        other: Some(new.clone()),
    };
    let mut worker = Worker::new(WorkerSettings::default(), &old, sink);
    worker
        .run(&mut ClockedSource::new(Roll::new(&shots)))
        .unwrap();
    let reports = worker.into_sink().reports;
    let mut judge = Judge::new(old, usize::MAX, &[]);
    let mut assembly = Assembly::new(1, StepDetection::Together);
    let mut reloaded = Some(new);
    for (place, report) in reports.into_iter().enumerate() {
        assembly.push(0, report);
        while let Some(merged) = assembly.next_merged() {
            judge.judge_input(merged, &mut ());
        }
        if place == 4
            && let Some(policy) = reloaded.take()
        {
            judge.revise(policy);
        }
    }
    assembly.finish(0);
    while let Some(merged) = assembly.next_merged() {
        judge.judge_input(merged, &mut ());
    }
    let snapshot = judge.snapshot();
    // The report of `Opened` and five seconds: the reload is taken 100 ms after the fifth.
    let limit = START * 1000 * MILLISECOND + 5100 * MILLISECOND;
    let before = shots.iter().filter(|shot| shot.nanos < limit).count() as u64;
    let after = shots.len() as u64 - before;
    let shown: Vec<_> = snapshot
        .transit
        .iter()
        .map(|row| {
            assert_eq!(row.from, row.to, "as many each way");
            (row.label.to_string(), row.from.packets + row.to.packets)
        })
        .collect();
    let expected = [
        ("1", before),
        ("2", before + after),
        ("3", after),
        ("4", after),
    ];
    assert_eq!(
        shown,
        expected.map(|(asn, packets)| (asn.to_owned(), packets))
    );
    assert_eq!(snapshot.voice.packets, before + after);
    assert_eq!(snapshot.late_frames, 4);
}
