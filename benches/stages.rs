//! What each stage of the main path costs, and all of them together, on calls as the comparison
//! has them: `cargo bench --bench stages`. Criterion prints packets a second as elements a second.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench that fails may panic"
)]

#[path = "../examples/many_calls.rs"]
#[allow(dead_code, reason = "it has a program around it")]
mod many_calls;

use asnmeter::app::replay::{ReplayRequest, replay};
use asnmeter::asn::Origin;
use asnmeter::attribution::scopes::{ScopeMask, ScopePlan};
use asnmeter::attribution::transit::Transit;
use asnmeter::attribution::{Attribution, PairKey};
use asnmeter::capture::file::FileSource;
use asnmeter::capture::{Event, FrameSource};
use asnmeter::config::checked::Config;
use asnmeter::frame::{Frame, InterfaceId, LinkType, Offload};
use asnmeter::judge::Judge;
use asnmeter::judge::assembly::{JudgeInput, WorkerPart};
use asnmeter::meter::Meter;
use asnmeter::meter::second::{PairCounts, SecondCounts, WorkerState};
use asnmeter::sla::policy::Policy;
use asnmeter::stream::sequence::{Arrival, SequenceStep};
use asnmeter::stream::{Progress, StreamLimits, Streams};
use asnmeter::units::{Asn, Second, Timestamp};
use asnmeter::voice::class::Class;
use asnmeter::voice::{RtpPacket, Rules};
use asnmeter::wire;
use asnmeter::wire::plain::{self, PlainDatagram};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

/// A second and a half of 4,000 streams.
const PACKETS: u64 = 300_000;
const STREAMS: u64 = 4000;

/// Packets after which every stream is known.
const KNOWN: usize = 60_000;

/// As many as are looked up together.
const BATCH: usize = asnmeter::pipeline::timed_source::BATCH;

/// Frames of a capture, in memory.
struct Calls(Vec<(Timestamp, Vec<u8>)>);

impl Calls {
    fn read(path: &Path) -> Self {
        let mut source = FileSource::open(&[path.to_owned()]).unwrap();
        let mut frames = Vec::new();
        loop {
            match source.next().unwrap() {
                Event::Frame(frame) => frames.push((frame.time, frame.octets.to_vec())),
                Event::End => return Self(frames),
                _ => {}
            }
        }
    }

    fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.0.iter().map(|(time, octets)| Frame {
            time: *time,
            link: LinkType::Ethernet,
            octets,
            length: u32::try_from(octets.len()).unwrap(),
            interface: InterfaceId(0),
            vlan: None,
            offload: Offload::Unknown,
        })
    }

    fn packets(&self) -> Vec<RtpPacket> {
        let rules = Rules::default();
        self.frames()
            .map(|frame| recognise_plain(&rules, &frame).unwrap())
            .collect()
    }
}

fn recognise_plain(rules: &Rules, frame: &Frame<'_>) -> Option<RtpPacket> {
    match plain::decode_plain(frame)? {
        PlainDatagram::V4(plain) => rules.recognise_plain(frame, &plain),
        PlainDatagram::V6(plain) => rules.recognise_plain(frame, &plain),
    }
}

/// Streams that know the first packets.
fn known(packets: &[RtpPacket]) -> Streams {
    let mut streams = Streams::new(StreamLimits::default());
    for packet in packets {
        if let Progress::Proven(_, stream, summary, bookings) =
            streams.advance_media(packet.key, packet.summary).unwrap()
        {
            for packet in summary {
                stream.advance(&packet, bookings);
            }
        }
    }
    streams
}

fn advance_expected(streams: &mut Streams, packets: &[RtpPacket]) -> u64 {
    let mut followed = 0;
    for some in packets.chunks(BATCH) {
        let guesses = streams.prefetch::<BATCH>(some);
        for (packet, guess) in some.iter().zip(guesses) {
            if streams.advance_expected(packet, guess).is_some() {
                followed += 1;
            } else {
                let _ = black_box(streams.advance_media(packet.key, packet.summary));
            }
        }
    }
    followed
}

/// One second of 250 ASNs, each way.
fn second(policy: &Policy, second: Second) -> JudgeInput {
    let mut counts = SecondCounts::default();
    for asn in 0..250 {
        let ends = [Origin::As(Asn(64_600 + asn)), Origin::Local];
        for [src, dst] in [ends, [ends[1], ends[0]]] {
            let mut usage = PairCounts::packet(Class::Rtp, 200);
            usage.streams = 8;
            let pair = PairKey {
                scopes: ScopeMask(1),
                src,
                dst,
                transit: Transit::NONE,
            };
            counts.add(&pair, &usage);
        }
    }
    let part = WorkerPart {
        number: 0,
        counts,
        amendments: Vec::new(),
        incomplete: Vec::new(),
        scopes: policy.scopes.clone(),
        worker: WorkerState::default(),
    };
    JudgeInput::Second {
        second,
        through: second,
        parts: vec![part],
    }
}

fn recognise(bench: &mut Criterion, calls: &Calls) {
    let rules = Rules::default();
    let mut group = bench.benchmark_group("recognise");
    group.throughput(Throughput::Elements(PACKETS));
    group.bench_function("at a glance", |run| {
        run.iter(|| {
            for frame in calls.frames() {
                black_box(&recognise_plain(&rules, &frame));
            }
        });
    });
    group.bench_function("the long way", |run| {
        run.iter(|| {
            for frame in calls.frames() {
                if let Ok(datagram) = wire::decode(frame) {
                    let _ = black_box(&rules.recognise(&datagram));
                }
            }
        });
    });
    group.finish();
}

fn stream(bench: &mut Criterion, packets: &[RtpPacket]) {
    let (before, after) = packets.split_at(KNOWN);
    let mut group = bench.benchmark_group("stream");
    group.throughput(Throughput::Elements(after.len() as u64));
    group.bench_function("packets of known streams", |run| {
        run.iter_batched_ref(
            || known(before),
            |streams| advance_expected(streams, after),
            BatchSize::PerIteration,
        );
    });
    group.throughput(Throughput::Elements(before.len() as u64));
    group.bench_function("from the first packet on", |run| {
        run.iter_with_large_drop(|| known(before));
    });
    group.finish();
}

fn stream_and_meter(bench: &mut Criterion, packets: &[RtpPacket]) {
    let (before, after) = packets.split_at(KNOWN);
    let mut group = bench.benchmark_group("stream and meter");
    group.throughput(Throughput::Elements(after.len() as u64));
    let attribution = Attribution::default();
    group.bench_function("packets of known streams", |run| {
        run.iter_batched_ref(
            || (known(before), Meter::default()),
            |(streams, meter)| {
                for packet in after {
                    let summary = &packet.summary;
                    let second = summary.time.second();
                    let arrived = [(summary.capture_point.interface, packet.length)];
                    meter.count_arrivals(second, arrived, streams);
                    let Ok(Progress::Media(index, stream, _, _)) =
                        streams.advance_media(packet.key, *summary)
                    else {
                        continue;
                    };
                    let size = (second, summary.capture_point, summary.ip_bytes);
                    let step = SequenceStep::of(Arrival::InOrder);
                    let _ = meter.count_media(index, stream, size, &step, &attribution);
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn judge(bench: &mut Criterion, config: &Config) {
    let mut group = bench.benchmark_group("judge");
    let commitments = config.commitments.clone();
    let scopes = ScopePlan::new(
        commitments.iter().map(|one| &one.scope),
        &ScopePlan::default(),
    );
    let policy = Arc::new(Policy {
        commitments,
        scopes: scopes.into(),
        ..Policy::default()
    });
    let mut judge = Judge::new(policy.clone(), 500, &[]);
    judge.judge_input(JudgeInput::Opened(Second(1)), &mut ());
    let mut now = Second(1);
    group.bench_function("a second of 250 ASNs", |run| {
        run.iter_batched(
            || {
                now = now.next();
                second(&policy, now)
            },
            |merged| judge.judge_input(merged, &mut ()),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("a snapshot of 250 ASNs", |run| {
        run.iter(|| judge.snapshot());
    });
    group.finish();
}

fn pipeline(bench: &mut Criterion, path: &Path, config: &Config) {
    let mut group = bench.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(PACKETS));
    for workers in [1, 2] {
        let request = ReplayRequest {
            captures: vec![path.to_owned()],
            config: config.clone(),
            seconds: None,
            evidence: None,
            workers,
            follow: false,
        };
        group.bench_function(format!("a replay, workers: {workers}"), |run| {
            run.iter(|| replay(&request, |_| {}).unwrap().streams.len());
        });
    }
    group.finish();
}

fn stages(bench: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.pcap");
    many_calls::generate(&path, PACKETS, STREAMS).unwrap();
    let config = Config::load(&path.with_extension("toml")).unwrap();
    let calls = Calls::read(&path);
    let packets = calls.packets();
    recognise(bench, &calls);
    stream(bench, &packets);
    stream_and_meter(bench, &packets);
    judge(bench, &config);
    pipeline(bench, &path, &config);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = stages
}
criterion_main!(benches);
