//! Partitioned reading: each reader gets its frames in order and once, and knows the time of the frames
//! that it does not get.

use super::super::{Assignment, FileSource};
use super::file;
use super::writer::Pcap;
use crate::capture::file::byte_order::ByteOrder;
use crate::capture::{CaptureError, Event, FrameSource};
use crate::frame::Frame;
use proptest::prelude::*;
use std::thread::ScopedJoinHandle;
use tempfile::NamedTempFile;

/// How a frame is assigned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Route {
    /// As an item, to this reader.
    Item(usize),
    /// As a frame, to this reader.
    Frame(usize),
    Broadcast,
}

/// A planned frame: its route, its time in nanoseconds, and its octets besides number and route.
type Planned = (Route, u64, usize);

fn octets(number: usize, (route, _, more): Planned) -> Vec<u8> {
    let number = u32::try_from(number).unwrap();
    let route = match route {
        Route::Item(reader) => [0, u8::try_from(reader).unwrap()],
        Route::Frame(reader) => [1, u8::try_from(reader).unwrap()],
        Route::Broadcast => [2, 0],
    };
    let mut octets = number.to_be_bytes().to_vec();
    octets.extend(route);
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
        1 => assignment.forward(reader),
        _ => assignment.broadcast(),
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

/// The frames that a reader got, by number, and whether each came as an item.
type Got = Vec<(usize, bool)>;

/// Takes items as a worker does, a few at once, and refuses some: those come as frames.
fn read(mut source: FileSource<usize>) -> Result<(Got, Vec<String>), CaptureError> {
    const LIMIT: usize = 3;
    let mut got = Vec::new();
    loop {
        if source.is_partitioned() {
            let items = source.take_items(LIMIT, |number| number % 11 != 5);
            got.extend(items.iter().map(|number| (*number, true)));
            if items.len() == LIMIT {
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
    for (number, (route, time, _)) in plan.iter().enumerate() {
        let wanted = match route {
            Route::Item(target) | Route::Frame(target) => *target == reader,
            Route::Broadcast => true,
        };
        assert!(has(number) || !wanted, "{number} is for {reader}");
        if has(number) {
            last = *time;
        }
        let tenth = |time: u64| time / 100_000_000;
        assert!(
            *time >= last && tenth(*time) == tenth(last),
            "{reader} does not know the time of {number}"
        );
    }
}

fn plan(readers: usize) -> impl Strategy<Value = Vec<Planned>> {
    let route = prop_oneof![
        8 => (0..readers).prop_map(Route::Item),
        2 => (0..readers).prop_map(Route::Frame),
        1 => Just(Route::Broadcast),
    ];
    let step = prop_oneof![8 => 0..3_i64, 1 => 0..150_i64, 1 => -1200..0_i64];
    let size = prop_oneof![6 => 0..300_usize, 1 => 0..120_000_usize];
    proptest::collection::vec((route, step, size), 1..300).prop_map(|steps| {
        let mut millis = 1_767_603_600_000_i64;
        let planned = |(route, step, size)| {
            millis += step;
            (route, u64::try_from(millis).unwrap() * 1_000_000, size)
        };
        steps.into_iter().map(planned).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_reader_gets_its_frames_and_knows_the_time(
        (readers, plan) in (2..5_usize).prop_flat_map(|readers| (Just(readers), plan(readers))),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut octets = capture(&plan);
        let mut expected = plan;
        if cuts {
            octets.truncate(24 + cut.index(octets.len() - 24));
        }
        let capture = file(&octets);
        if cuts {
            let single = read_all(&capture, 1).swap_remove(0).unwrap();
            let whole = single.0.len();
            let text = format!("after {whole} frames");
            prop_assert!(single.1.iter().all(|warning| warning.ends_with(&text)));
            expected.truncate(whole);
            for reader in read_all(&capture, readers) {
                prop_assert_eq!(&reader.unwrap().1, &single.1);
            }
        }
        for (reader, got) in read_all(&capture, readers).into_iter().enumerate() {
            check(&expected, reader, &got.unwrap().0);
        }
    }
}

#[test]
fn most_frames_of_a_large_capture_are_decoded_once() {
    // Several chunks, with frames that cross their boundaries.
    let plan: Vec<Planned> = (0..40_000_u64)
        .map(|place| {
            let reader = usize::try_from(place % 7 % 3).unwrap();
            (
                Route::Item(reader),
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
            .filter(|(number, is_item)| !is_item && number % 11 != 5)
            .count();
    }
    assert!(frames < 300, "{frames} frames came undecoded");
}

#[test]
fn an_implausible_record_ends_partitioning() {
    let frame = |place: u32| octets(place as usize, (Route::Item(0), 0, 20));
    let length = u32::try_from(frame(0).len()).unwrap();
    let plain = |file: Pcap, place| file.frame(5, place, &frame(place));
    let empty = Pcap::new(ByteOrder::Little, 0xa1b2_3c4d, 1);
    let mut written = (0..10).fold(empty, plain);
    // The captured length exceeds the wire length: an error of the writing program.
    written = written.record([5, 10, length, length - 1], &frame(10));
    written = (11..20).fold(written, plain);
    let all: Vec<_> = (0..20).map(|number| (number, false)).collect();
    for reader in read_all(&file(&written.octets), 2) {
        assert_eq!(reader.unwrap().0, all);
    }
}

#[test]
fn damage_is_the_same_error_for_every_reader() {
    let written = (0..30_u32).fold(
        Pcap::new(ByteOrder::Little, 0xa1b2_3c4d, 1),
        |file, place| {
            let planned = (Route::Item(0), 0, 60_000);
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
fn no_reader_waits_for_a_chunk_whose_partitioner_panicked() {
    let plan: Vec<Planned> = (0..60)
        .map(|place| {
            (
                Route::Broadcast,
                1_767_603_600_000_000_000 + place * 1000,
                60_000,
            )
        })
        .collect();
    let file = file(&capture(&plan));
    let panics = |frame: &Frame<'_>, assignment: Assignment<'_, usize>| {
        assert!(number(frame.octets) != 40, "not assigned");
        assignment.broadcast();
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
