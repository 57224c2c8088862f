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

use asnmeter::app::replay::{Request, replay};
use asnmeter::asn::Origin;
use asnmeter::attribution::scopes::{ScopeMask, ScopePlan};
use asnmeter::attribution::transit::Transit;
use asnmeter::attribution::{Attribution, Pair};
use asnmeter::capture::file::FileSource;
use asnmeter::capture::{Event, Frame, FrameSource, InterfaceId, LinkType};
use asnmeter::config::checked::Config;
use asnmeter::judge::Judge;
use asnmeter::judge::assembly::{Merged, Part};
use asnmeter::meter::Meter;
use asnmeter::meter::second::{Slot, Usage, WorkerState};
use asnmeter::sla::terms::Terms;
use asnmeter::stream::sequence::{Arrival, Step};
use asnmeter::stream::{Limits, Progress, Streams};
use asnmeter::units::{Asn, Second, Timestamp};
use asnmeter::voice::class::Class;
use asnmeter::voice::{Glanced, Rules};
use asnmeter::wire;
use asnmeter::wire::media::{self, Glance};
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
const TOGETHER: usize = asnmeter::pipeline::steps::TOGETHER;

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
        })
    }

    fn packets(&self) -> Vec<Glanced> {
        let rules = Rules::default();
        self.frames()
            .map(|frame| glance(&rules, &frame).unwrap())
            .collect()
    }
}

fn glance(rules: &Rules, frame: &Frame<'_>) -> Option<Glanced> {
    match media::glance(frame)? {
        Glance::V4(plain) => rules.glance(frame, &plain),
        Glance::V6(plain) => rules.glance(frame, &plain),
    }
}

/// Streams that know the first packets.
fn known(packets: &[Glanced]) -> Streams {
    let mut streams = Streams::new(Limits::default());
    for packet in packets {
        if let Progress::Proven(_, stream, held) =
            streams.advance_media(packet.key, packet.held).unwrap()
        {
            for packet in held {
                stream.advance(&packet);
            }
        }
    }
    streams
}

fn follow(streams: &mut Streams, packets: &[Glanced]) -> u64 {
    let mut followed = 0;
    for some in packets.chunks(TOGETHER) {
        let guesses = streams.approach::<TOGETHER>(some);
        for (packet, guess) in some.iter().zip(guesses) {
            if streams.follow(packet, guess).is_some() {
                followed += 1;
            } else {
                let _ = black_box(streams.advance_media(packet.key, packet.held));
            }
        }
    }
    followed
}

/// One second of 250 ASNs, each way.
fn second(terms: &Terms, second: Second) -> Merged {
    let mut slot = Slot::default();
    for asn in 0..250 {
        let ends = [Origin::As(Asn(64_600 + asn)), Origin::Local];
        for [src, dst] in [ends, [ends[1], ends[0]]] {
            let mut usage = Usage::packet(Class::Rtp, 200);
            usage.streams = 8;
            let pair = Pair {
                scopes: ScopeMask(1),
                src,
                dst,
                transit: Transit::NONE,
            };
            slot.add(&pair, &usage);
        }
    }
    let part = Part {
        number: 0,
        slot,
        amendments: Vec::new(),
        tainted: Vec::new(),
        scopes: terms.scopes.clone(),
        worker: WorkerState::default(),
    };
    Merged::Second {
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
                black_box(&glance(&rules, &frame));
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

fn stream(bench: &mut Criterion, packets: &[Glanced]) {
    let (before, after) = packets.split_at(KNOWN);
    let mut group = bench.benchmark_group("stream");
    group.throughput(Throughput::Elements(after.len() as u64));
    group.bench_function("packets of known streams", |run| {
        run.iter_batched_ref(
            || known(before),
            |streams| follow(streams, after),
            BatchSize::PerIteration,
        );
    });
    group.throughput(Throughput::Elements(before.len() as u64));
    group.bench_function("from the first packet on", |run| {
        run.iter_with_large_drop(|| known(before));
    });
    group.finish();
}

fn stream_and_meter(bench: &mut Criterion, packets: &[Glanced]) {
    let (before, after) = packets.split_at(KNOWN);
    let mut group = bench.benchmark_group("stream and meter");
    group.throughput(Throughput::Elements(after.len() as u64));
    let attribution = Attribution::default();
    group.bench_function("packets of known streams", |run| {
        run.iter_batched_ref(
            || (known(before), Meter::default()),
            |(streams, meter)| {
                for packet in after {
                    let held = &packet.held;
                    let second = held.time.second();
                    let arrived = [(held.tap.interface, packet.length)];
                    meter.arrive(second, arrived, streams);
                    let Ok(Progress::Media(index, stream, _)) =
                        streams.advance_media(packet.key, *held)
                    else {
                        continue;
                    };
                    let size = (second, held.tap, held.ip_bytes);
                    let step = Step::of(Arrival::InOrder);
                    let _ = meter.media(index, stream, size, &step, &attribution);
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
    let terms = Arc::new(Terms {
        commitments,
        scopes: scopes.into(),
        origins: Arc::default(),
    });
    let mut judge = Judge::new(terms.clone(), 500, &[]);
    judge.take(Merged::Opened(Second(1)), &mut ());
    let mut now = Second(1);
    group.bench_function("a second of 250 ASNs", |run| {
        run.iter_batched(
            || {
                now = now.next();
                second(&terms, now)
            },
            |merged| judge.take(merged, &mut ()),
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
        let request = Request {
            captures: vec![path.to_owned()],
            config: config.clone(),
            seconds: None,
            workers,
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
