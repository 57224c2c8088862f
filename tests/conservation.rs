//! Proves conservation (MODEL §14.1) on random mixtures of calls, losses, duplicates, disorder, garbage
//! and clocks that jump: after every judged second each frame stands under exactly one heading
//! and each voice octet under one ASN in each direction; and what is shown in the end is the same
//! for one, two and five workers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use asnmeter::asn::Origins;
use asnmeter::capture::synthetic::scenario::{Call, Codec, Scenario, SplitMix};
use asnmeter::judge::Judge;
use asnmeter::judge::assembly::{Assembly, JudgeInput, StepDetection};
use asnmeter::meter::CopyRule;
use asnmeter::meter::second::WorkerReport;
use asnmeter::pipeline::shard::Shard;
use asnmeter::pipeline::timed_source::ClockedSource;
use asnmeter::pipeline::{Worker, WorkerSettings, WorkerSink};
use asnmeter::sla::policy::Policy;
use asnmeter::snapshot::{Count, Label, Snapshot};
use asnmeter::stream::record::Stream;
use asnmeter::units::occupancy::TableStates;
use asnmeter::units::{Address, Asn, Prefix, Timestamp};
use asnmeter::voice::class::Class;
use proptest::prelude::*;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use support::START;
use support::desk::Desk;
use support::frames::{Roll, Shot, of_scenario, udp};
use support::program::{list, number, replay};

const MILLISECOND: u64 = 1_000_000;

/// What a mixture is made of; everything random in it comes from the seed.
#[derive(Clone, Debug)]
struct Recipe {
    seed: u64,
    calls: Vec<(Codec, u16, u64, u64)>,
    garbage: usize,
    duplicated_per_mille: u64,
    /// What is done with a mirror port's copies.
    copies: CopyRule,
    /// Frames come up to so much later than they were captured.
    disorder_ms: u64,
    /// From a place in the mixture on, this many milliseconds are added to the clock.
    jumps: Vec<(usize, i64)>,
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let codec = prop_oneof![Just(Codec::G711A), Just(Codec::G729), Just(Codec::Opus)];
    // Codec, loss per mille, start and length in ms.
    let call = (codec, 0_u16..300, 0_u64..3000, 20_u64..6000);
    // Backwards by less than a second is disorder, by more a clock that was set.
    let jump = (
        0_usize..4000,
        prop_oneof![-20_000_i64..20_000, -1500_i64..0, Just(400_000)],
    );
    (
        any::<u64>(),
        prop::collection::vec(call, 0..5),
        0_usize..200,
        (
            prop_oneof![Just(0), 0_u64..400],
            prop_oneof![Just(CopyRule::Counted), Just(CopyRule::Discarded)],
        ),
        prop_oneof![Just(0), 1_u64..50],
        prop::collection::vec(jump, 0..4),
    )
        .prop_map(
            |(seed, calls, garbage, (duplicated_per_mille, copies), disorder_ms, jumps)| Recipe {
                seed,
                calls,
                garbage,
                duplicated_per_mille,
                copies,
                disorder_ms,
                jumps,
            },
        )
}

/// Calls between our 198.51.100.0/24 and far ends in two ASNs, one without, and among themselves.
fn calls(recipe: &Recipe) -> Scenario {
    let call = |(place, (codec, loss, start, length)): (usize, &(Codec, u16, u64, u64))| {
        let host = place + 1;
        let near: SocketAddr = format!("198.51.100.{host}:{}", 20_000 + 4 * place)
            .parse()
            .unwrap();
        let far = ["203.0.113", "192.0.2", "233.252.0", "198.51.100"][place % 4];
        let far: SocketAddr = format!("{far}.{}:{}", host + 100, 30_000 + 4 * place)
            .parse()
            .unwrap();
        Call {
            codec: *codec,
            loss_per_mille: *loss,
            round_trip: (place % 2 == 0).then_some(Duration::from_millis(40)),
            sip: place % 3 == 0,
            ..Call::new(
                far,
                near,
                Duration::from_millis(*start),
                Duration::from_millis(*length),
            )
        }
    };
    let report_interval = Duration::from_millis(700);
    let calls = recipe.calls.iter().enumerate().map(call).collect();
    Scenario {
        report_interval,
        ..Scenario::new(calls, recipe.seed)
    }
}

/// Octets of nobody, UDP of nobody, and what looks like RTP or RTCP as far as one packet can.
fn garbage(rng: &mut SplitMix) -> Vec<u8> {
    let length = usize::try_from(rng.next_u64() % 120).unwrap();
    let mut octets: Vec<u8> = (0..length)
        .map(|_| rng.next_u64().to_be_bytes()[0])
        .collect();
    let form = rng.next_u64() % 4;
    if form == 0 {
        return octets;
    }
    if let (2.., Some([first, second, ..])) = (form, octets.get_mut(..)) {
        *first = 0x80 | (*first & 0x3f);
        *second = if form == 2 {
            *second & 0x7f
        } else {
            200 + *second % 4
        };
    }
    let host = rng.next_u64() % 4 + 1;
    let src = format!("203.0.113.{host}:{}", 4000 + rng.next_u64() % 3);
    udp(
        src.parse().unwrap(),
        "198.51.100.9:4000".parse().unwrap(),
        &octets,
    )
}

/// The frames in the order in which a meter gets them.
fn mix(recipe: &Recipe) -> Vec<Shot> {
    let mut rng = SplitMix::new(recipe.seed ^ 1);
    let mut shots = of_scenario(&calls(recipe), START);
    for _ in 0..recipe.garbage {
        let nanos = START * 1_000_000_000 + rng.next_u64() % (6000 * MILLISECOND);
        shots.push(Shot {
            nanos,
            octets: garbage(&mut rng),
        });
    }
    let mut again = Vec::new();
    for shot in &shots {
        if rng.next_u64() % 1000 < recipe.duplicated_per_mille {
            // A mirror's copy, or a packet that somebody sends again.
            let longest = [MILLISECOND, 300 * MILLISECOND][usize::from(rng.next_u64() & 1 == 0)];
            let later = rng.next_u64() % longest;
            again.push(Shot {
                nanos: shot.nanos + later,
                ..shot.clone()
            });
        }
    }
    shots.extend(again);
    let late = (recipe.disorder_ms * MILLISECOND).max(1);
    shots.sort_by_cached_key(|shot| shot.nanos + rng.next_u64() % late);
    for (place, jump_ms) in &recipe.jumps {
        for shot in shots.iter_mut().skip(*place) {
            shot.nanos = shot.nanos.saturating_add_signed(jump_ms * 1_000_000);
        }
    }
    shots
}

fn policy() -> Arc<Policy> {
    let prefix = |address: [u8; 4]| Prefix::new(Address::v4(address), 96 + 24);
    let rows = [
        (prefix([203, 0, 113, 0]), Asn(64_500), "Example"),
        (prefix([192, 0, 2, 0]), Asn(64_501), "Example too"),
    ];
    let local = [prefix([198, 51, 100, 0])];
    let origins = Origins::built_in("test", rows, &local, Timestamp::default());
    Arc::new(Policy {
        origins: Arc::new(origins),
        ..Policy::default()
    })
}

/// What a worker reported.
struct Reports(Vec<WorkerReport>);

impl WorkerSink for Reports {
    fn report(&mut self, report: WorkerReport) {
        self.0.push(report);
    }
    fn ended(&mut self, _: &Stream) {}
    fn new_policy(&mut self) -> Option<Arc<Policy>> {
        None
    }
}

/// What each of so many workers reports.
fn reports(shots: &[Shot], workers: usize, copies: CopyRule) -> Vec<Vec<WorkerReport>> {
    let run = |shard| {
        let settings = WorkerSettings {
            copies,
            shard,
            ..WorkerSettings::default()
        };
        let mut worker = Worker::new(settings, &policy(), Reports(Vec::new()));
        worker
            .run(&mut ClockedSource::new(Roll::new(shots)))
            .unwrap();
        worker.into_sink().0
    };
    Shard::split(workers).map(run).collect()
}

/// Every state between two judged seconds, the last one with nothing more to come.
fn snapshots(shots: &[Shot], workers: usize, copies: CopyRule) -> Vec<Snapshot> {
    let mut judge = Judge::new(policy(), usize::MAX, &[]);
    let mut assembly = Assembly::new(workers, StepDetection::Together);
    let mut waiting: Vec<_> = reports(shots, workers, copies)
        .into_iter()
        .map(Vec::into_iter)
        .collect();
    let mut states = Vec::new();
    while let Some(slowest) = assembly.slowest() {
        match waiting[slowest].next() {
            Some(report) => assembly.push(slowest, report),
            None => assembly.finish(slowest),
        }
        while let Some(merged) = assembly.next_merged() {
            let is_second = matches!(merged, JudgeInput::Second { .. });
            judge.judge_input(merged, &mut ());
            if is_second {
                states.push(judge.snapshot());
            }
        }
    }
    states.push(judge.snapshot());
    states
}

/// The two laws, in one state.
fn conserves(state: &Snapshot) -> Result<(), TestCaseError> {
    let counted = state.voice.packets + state.discards.total() + state.pending_frames;
    let packets = state.capture.frames + state.merged_packets;
    prop_assert_eq!(packets, counted, "{:?}", state.discards);
    let mut ends = [Count::default(); 2];
    for row in &state.asns {
        prop_assert!(row.label != Label::Other);
        for (end, totals) in ends.iter_mut().zip([&row.from, &row.to]) {
            for class in Class::ALL {
                end.add(totals.classes[class as usize]);
            }
        }
    }
    prop_assert_eq!(ends, [state.voice; 2]);
    Ok(())
}

proptest! {
    // A failure prints its whole recipe; a file of seeds beside the tests would say less.
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_frame_and_every_octet_is_accounted_for_after_each_second(recipe in recipe()) {
        let shots = mix(&recipe);
        let states = snapshots(&shots, 1, recipe.copies);
        for state in &states {
            conserves(state)?;
        }
        let end = states.last().unwrap();
        prop_assert_eq!(end.pending_frames, 0);
        prop_assert_eq!(end.capture.frames, shots.len() as u64);
    }

    #[test]
    fn any_number_of_workers_shows_the_same(recipe in recipe()) {
        let shots = mix(&recipe);
        let one = snapshots(&shots, 1, recipe.copies);
        for workers in [2, 5] {
            let more = snapshots(&shots, workers, recipe.copies);
            for state in &more {
                conserves(state)?;
            }
            let shown = |states: &[Snapshot]| {
                let mut last = states.last().unwrap().clone();
                // each worker has tables of its own
                last.tables = TableStates::default();
                format!("{last:#?}")
            };
            prop_assert_eq!(shown(&one), shown(&more), "{} workers", workers);
        }
    }
}

#[test]
fn the_program_counts_a_mixture_in_a_file_as_the_library_does_in_memory() {
    let desk = Desk::new();
    let recipe = Recipe {
        seed: 20_260_101,
        calls: vec![
            (Codec::G711A, 30, 0, 5000),
            (Codec::Opus, 0, 700, 3000),
            (Codec::G729, 100, 0, 2000),
        ],
        garbage: 150,
        duplicated_per_mille: 50,
        copies: CopyRule::Counted,
        disorder_ms: 40,
        jumps: vec![(400, -5000), (900, 60_000)],
    };
    let shots = mix(&recipe);
    let end = snapshots(&shots, 1, CopyRule::Counted).pop().unwrap();
    let document = replay(&[&desk.capture("mixture.pcap", &shots)]);
    assert_eq!(number(&document, "/capture/frames"), end.capture.frames);
    assert_eq!(number(&document, "/voice/packets"), end.voice.packets);
    assert_eq!(number(&document, "/voice/bytes"), end.voice.bytes);
    for (reason, frames) in end.discards.iter().filter(|(_, frames)| *frames > 0) {
        assert_eq!(
            number(&document, &format!("/discarded/{}", reason.as_str())),
            frames
        );
    }
    assert!(end.voice.packets > 500 && list(&document, "/streams").len() >= 6);
    let (first, last) = (shots.iter().min().unwrap(), shots.iter().max().unwrap());
    for (key, shot) in [("first", first), ("last", last)] {
        let time = Timestamp::from_nanos(shot.nanos).to_string();
        assert_eq!(document["capture"][key], time);
    }
}
