//! What is dealt: each reader gets what is for it, in order, once; and knows the time of what it does
//! not get.

use super::super::{Assignment, FileSource};
use super::file;
use super::writer::Pcap;
use crate::capture::file::byte_order::ByteOrder;
use crate::capture::{CaptureError, Event, FrameSource};
use crate::frame::Frame;
use proptest::prelude::*;
use std::thread::ScopedJoinHandle;
use tempfile::NamedTempFile;

/// How a frame is dealt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Told(usize),
    Shown(usize),
    All,
}

/// A frame of a capture: how it is dealt, its time, and its octets beside number and way.
type Planned = (Way, u64, usize);

fn octets(number: usize, (way, _, more): Planned) -> Vec<u8> {
    let number = u32::try_from(number).unwrap();
    let way = match way {
        Way::Told(reader) => [0, u8::try_from(reader).unwrap()],
        Way::Shown(reader) => [1, u8::try_from(reader).unwrap()],
        Way::All => [2, 0],
    };
    let mut octets = number.to_be_bytes().to_vec();
    octets.extend(way);
    octets.resize(octets.len() + more, 7);
    octets
}

fn number(octets: &[u8]) -> usize {
    let number = u32::from_be_bytes(*octets.first_chunk().unwrap());
    usize::try_from(number).unwrap()
}

fn partition(frame: &Frame<'_>, assignment: Assignment<'_, usize>) {
    let reader = usize::from(frame.octets[5]);
    match frame.octets[4] {
        0 => assignment.assign(reader, number(frame.octets)),
        1 => assignment.show(reader),
        _ => assignment.show_all(),
    }
}

fn capture(plan: &[Planned]) -> Vec<u8> {
    let empty = Pcap::new(ByteOrder::Little, 0xa1b2_3c4d, 1);
    let frames = plan.iter().enumerate();
    let written = frames.fold(empty, |written, (place, planned)| {
        let nanos = |part: u64| u32::try_from(part).unwrap();
        let (seconds, fraction) = (planned.1 / 1_000_000_000, planned.1 % 1_000_000_000);
        written.frame(nanos(seconds), nanos(fraction), &octets(place, *planned))
    });
    written.octets
}

/// What a reader got, by number, and whether it was told it.
type Got = Vec<(usize, bool)>;

/// Takes cards as a worker does, a few at once, and refuses some: those come as frames.
fn read(mut source: FileSource<usize>) -> Result<(Got, Vec<String>), CaptureError> {
    const MOST: usize = 3;
    let mut got = Vec::new();
    loop {
        if source.is_partitioned() {
            let told = source.take_items(MOST, |number| number % 11 != 5);
            got.extend(told.iter().map(|number| (*number, true)));
            if told.len() == MOST {
                continue;
            }
        }
        match source.next()? {
            Event::Frame(frame) => got.push((number(frame.octets), false)),
            Event::End => return Ok((got, source.warnings().to_vec())),
            _ => {}
        }
    }
}

fn read_all(
    capture: &NamedTempFile,
    readers: usize,
) -> Vec<Result<(Got, Vec<String>), CaptureError>> {
    let paths = [capture.path().to_owned()];
    let sources = FileSource::open_for(readers, &paths, partition).unwrap();
    std::thread::scope(|scope| {
        let running: Vec<_> = sources
            .into_iter()
            .map(|source| scope.spawn(|| read(source)))
            .collect();
        running
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .collect()
    })
}

fn check(plan: &[Planned], reader: usize, got: &Got) {
    let ascends = got.windows(2).all(|pair| pair[0].0 < pair[1].0);
    assert!(ascends, "in order, and nothing twice");
    let has = |number: usize| got.binary_search_by_key(&number, |got| got.0).is_ok();
    let mut last = 0;
    for (number, (way, time, _)) in plan.iter().enumerate() {
        let wanted = match way {
            Way::Told(whose) | Way::Shown(whose) => *whose == reader,
            Way::All => true,
        };
        assert!(has(number) || !wanted, "{number} is for {reader}");
        if has(number) {
            last = *time;
        }
        let tenth = |time: u64| time / 100_000_000;
        assert!(
            *time >= last && tenth(*time) == tenth(last),
            "{number} tells {reader} nothing of the time"
        );
    }
}

fn plan(readers: usize) -> impl Strategy<Value = Vec<Planned>> {
    let way = prop_oneof![
        8 => (0..readers).prop_map(Way::Told),
        2 => (0..readers).prop_map(Way::Shown),
        1 => Just(Way::All),
    ];
    let step = prop_oneof![8 => 0..3_i64, 1 => 0..150_i64, 1 => -1200..0_i64];
    let size = prop_oneof![6 => 0..300_usize, 1 => 0..120_000_usize];
    proptest::collection::vec((way, step, size), 1..300).prop_map(|steps| {
        let mut millis = 1_767_603_600_000_i64;
        let planned = |(way, step, size)| {
            millis += step;
            (way, u64::try_from(millis).unwrap() * 1_000_000, size)
        };
        steps.into_iter().map(planned).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_reader_gets_what_is_for_it_and_knows_the_time(
        (readers, plan) in (2..5_usize).prop_flat_map(|readers| (Just(readers), plan(readers))),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut octets = capture(&plan);
        let mut told = plan;
        if cuts {
            octets.truncate(24 + cut.index(octets.len() - 24));
        }
        let capture = file(&octets);
        if cuts {
            let single = read_all(&capture, 1).swap_remove(0).unwrap();
            let whole = single.0.len();
            let text = format!("after {whole} frames");
            prop_assert!(single.1.iter().all(|warning| warning.ends_with(&text)));
            told.truncate(whole);
            for reader in read_all(&capture, readers) {
                prop_assert_eq!(&reader.unwrap().1, &single.1);
            }
        }
        for (reader, got) in read_all(&capture, readers).into_iter().enumerate() {
            check(&told, reader, &got.unwrap().0);
        }
    }
}

#[test]
fn most_of_a_large_capture_is_seen_by_one_reader_only() {
    // Some pieces, of frames that lie across their ends.
    let plan: Vec<Planned> = (0..40_000_u64)
        .map(|place| {
            let reader = usize::try_from(place % 7 % 3).unwrap();
            (
                Way::Told(reader),
                1_767_603_600_000_000_000 + place * 1000,
                150,
            )
        })
        .collect();
    let readers = read_all(&file(&capture(&plan)), 3);
    let mut frames = 0;
    for (reader, got) in readers.into_iter().enumerate() {
        let (got, _) = got.unwrap();
        check(&plan, reader, &got);
        frames += got
            .iter()
            .filter(|(number, told)| !told && number % 11 != 5)
            .count();
    }
    assert!(frames < 300, "{frames} were looked at");
}

#[test]
fn what_is_odd_is_looked_at_by_all() {
    let frame = |place: u32| octets(place as usize, (Way::Told(0), 0, 20));
    let length = u32::try_from(frame(0).len()).unwrap();
    let plain = |file: Pcap, place| file.frame(5, place, &frame(place));
    let empty = Pcap::new(ByteOrder::Little, 0xa1b2_3c4d, 1);
    let mut written = (0..10).fold(empty, plain);
    // More was captured than there was: a writer's mistake.
    written = written.record([5, 10, length, length - 1], &frame(10));
    written = (11..20).fold(written, plain);
    let all: Vec<_> = (0..20).map(|number| (number, false)).collect();
    for reader in read_all(&file(&written.octets), 2) {
        assert_eq!(reader.unwrap().0, all);
    }
}

#[test]
fn damage_is_an_error_for_all_at_the_same_place() {
    let written = (0..30_u32).fold(
        Pcap::new(ByteOrder::Little, 0xa1b2_3c4d, 1),
        |file, place| {
            let planned = (Way::Told(0), 0, 60_000);
            file.frame(5, place, &octets(place as usize, planned))
        },
    );
    let damaged = written.record([5, 31, 300_000, 300_000], &[]);
    let damaged = file(&damaged.octets);
    let single = read_all(&damaged, 1).swap_remove(0).unwrap_err();
    for reader in read_all(&damaged, 3) {
        assert_eq!(reader.unwrap_err().to_string(), single.to_string());
    }
}

#[test]
fn nobody_waits_for_a_piece_whose_dealer_has_panicked() {
    let plan: Vec<Planned> = (0..60)
        .map(|place| (Way::All, 1_767_603_600_000_000_000 + place * 1000, 60_000))
        .collect();
    let file = file(&capture(&plan));
    let panics = |frame: &Frame<'_>, assignment: Assignment<'_, usize>| {
        assert!(number(frame.octets) != 40, "not dealt");
        assignment.show_all();
    };
    let sources = FileSource::open_for(3, &[file.path().to_owned()], panics).unwrap();
    let ended = std::thread::scope(|scope| {
        let running: Vec<_> = sources
            .into_iter()
            .map(|source| scope.spawn(|| read(source)))
            .collect();
        let ended = running.into_iter().map(ScopedJoinHandle::join);
        ended.collect::<Vec<_>>()
    });
    assert_eq!(ended.iter().filter(|ended| ended.is_err()).count(), 1);
    assert!(ended.iter().flatten().all(Result::is_err));
}
