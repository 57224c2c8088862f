//! Replay on several workers: all cross the same boundaries, and each frame is counted by exactly one.

use super::*;
use crate::capture::Event;
use crate::pipeline::packet_clock::Boundary;
use crate::wire;
use proptest::prelude::*;
use std::io::Write;
use tempfile::NamedTempFile;

/// A frame: its time in milliseconds, the last octets of its addresses, and its kind.
type Planned = (u64, (u8, u8), FrameKind);

#[derive(Clone, Copy, Debug)]
enum FrameKind {
    Rtp,
    Rtcp,
    Sip,
    Arp,
}

fn octets((_, (src, dst), kind): Planned) -> Vec<u8> {
    let mut octets = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    let (port, payload): (u16, &[u8]) = match kind {
        FrameKind::Rtp => (4000, &[0x80, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]),
        FrameKind::Rtcp => (4001, &[0x80, 201, 0, 1, 0, 0, 0, 1]),
        FrameKind::Sip => (5060, b"OPTIONS sip:a SIP/2.0\r\n\r\n"),
        FrameKind::Arp => {
            octets.extend([8, 6, 0, 1, 8, 0, 6, 4]);
            return octets;
        }
    };
    let length = |more: usize| u16::try_from(payload.len() + more).unwrap().to_be_bytes();
    octets.extend([8, 0, 0x45, 0]);
    octets.extend(length(28));
    octets.extend([
        0, 0, 0, 0, 64, 17, 0, 0, 198, 51, 100, src, 203, 0, 113, dst,
    ]);
    octets.extend(port.to_be_bytes());
    octets.extend(port.to_be_bytes());
    octets.extend(length(8));
    octets.extend([0, 0]);
    octets.extend(payload);
    octets
}

fn capture(plan: &[Planned]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    let word = |word: u64| u32::try_from(word).unwrap().to_le_bytes();
    let header = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1];
    file.write_all(&header.map(word).concat()).unwrap();
    for planned in plan {
        let octets = octets(*planned);
        let length = octets.len() as u64;
        let record = [planned.0 / 1000, planned.0 % 1000 * 1000, length, length];
        file.write_all(&record.map(word).concat()).unwrap();
        file.write_all(&octets).unwrap();
    }
    file
}

/// Runs one worker: the boundaries that it crosses, and the number of frames that it counts.
fn run_worker(source: FileSource<RtpPacket>, shard: Shard) -> (Vec<Boundary>, usize) {
    let mut source = PartitionedSource::new(source);
    let selection = Selection {
        rules: Rules::default(),
        shard,
    };
    let (mut boundaries, mut frames) = (Vec::new(), 0);
    loop {
        let packets = source.next_batch(&selection).len();
        frames += packets;
        if packets == BATCH {
            continue;
        }
        let step = source.next().unwrap();
        boundaries.extend(step.boundary);
        match step.event {
            Event::Frame(frame) if shard.owns_decoded(&wire::decode(frame)) => frames += 1,
            Event::End => return (boundaries, frames),
            _ => {}
        }
    }
}

fn run(file: &NamedTempFile, workers: usize) -> Vec<(Vec<Boundary>, usize)> {
    let paths = [file.path().to_owned()];
    let assign_frame = partitioner(workers, Rules::default());
    let sources = FileSource::open_for(workers, &paths, assign_frame).unwrap();
    std::thread::scope(|scope| {
        let running: Vec<_> = Shard::split(workers)
            .zip(sources)
            .map(|(shard, source)| scope.spawn(move || run_worker(source, shard)))
            .collect();
        let done = running.into_iter().map(|worker| worker.join().unwrap());
        done.collect()
    })
}

fn plan() -> impl Strategy<Value = Vec<Planned>> {
    let step = prop_oneof![
        12 => 0..3_i64,
        3 => -60..60_i64,
        1 => 80..1_500_i64,
        2 => -500..-90_i64,
        1 => -1_200..-900_i64,
    ];
    let ends = (0..4_u8, 0..4_u8);
    let kind = prop_oneof![
        8 => Just(FrameKind::Rtp),
        1 => Just(FrameKind::Rtcp),
        1 => Just(FrameKind::Sip),
        1 => Just(FrameKind::Arp),
    ];
    // Enough frames for several chunks, with times that continue.
    let some = proptest::collection::vec((step, ends, kind), 1..400);
    (some, 1..60_usize).prop_map(|(some, times)| {
        let mut now = 1_767_603_600_000_i64;
        let all = some.iter().cycle().take(some.len() * times);
        all.map(|(step, ends, kind)| {
            now += step;
            (u64::try_from(now).unwrap(), *ends, *kind)
        })
        .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn all_workers_cross_the_same_boundaries_and_each_frame_is_counted_once(plan in plan()) {
        let file = capture(&plan);
        let (single, frames) = run(&file, 1).swap_remove(0);
        prop_assert_eq!(frames, plan.len());
        for workers in [2, 3, 5] {
            let done = run(&file, workers);
            for (boundaries, _) in &done {
                prop_assert_eq!(boundaries, &single);
            }
            let frames: usize = done.iter().map(|(_, frames)| frames).sum();
            prop_assert_eq!(frames, plan.len());
        }
    }
}
