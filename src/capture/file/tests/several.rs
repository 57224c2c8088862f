use super::writer::{Pcap, Pcapng};
use super::{Run, Seen, broadcast, file, run};
use crate::capture::file::FileSource;
use crate::capture::file::byte_order::ByteOrder;
use crate::capture::{CaptureError, Event, FrameSource};
use std::path::PathBuf;

fn pcap(seconds: &[u32]) -> Vec<u8> {
    let empty = Pcap::new(ByteOrder::Little, 0xa1b2_c3d4, 1);
    let written = seconds
        .iter()
        .fold(empty, |written, &second| written.frame(second, 0, b"x"));
    written.octets
}

fn times(seen: &[Seen]) -> Vec<u64> {
    let time = |seen: &Seen| match seen {
        Seen::Frame { nanos, .. } => Some(nanos / 1_000_000_000),
        _ => None,
    };
    seen.iter().filter_map(time).collect()
}

/// The capture gaps, in whole seconds.
fn gaps(seen: &[Seen]) -> Vec<(u64, u64)> {
    let gap = |seen: &Seen| match seen {
        Seen::CaptureGap(gap) => Some((gap.from.second().0, gap.until.second().0)),
        _ => None,
    };
    seen.iter().filter_map(gap).collect()
}

fn in_both_orders(captures: &[Vec<u8>]) -> Run {
    let files: Vec<_> = captures.iter().map(|octets| file(octets)).collect();
    let mut paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
    let forward = run(&paths);
    paths.reverse();
    assert_eq!(run(&paths).frames(), forward.frames());
    forward
}

#[test]
fn files_are_read_in_the_order_of_their_frames_whatever_the_order_given() {
    let read = in_both_orders(&[
        pcap(&[30, 31]),
        pcap(&[10, 50]),
        pcap(&[]),
        pcap(&[20]),
        pcap(&[60]),
    ]);
    assert_eq!(times(&read.seen), [10, 20, 30, 31, 50, 60]);
    assert_eq!(gaps(&read.seen), [(50, 60)], "nobody captured");
}

#[test]
fn a_frame_that_stands_in_two_files_is_read_once() {
    let read = in_both_orders(&[pcap(&[1, 2, 3, 3, 4]), pcap(&[3, 4, 5]), pcap(&[2, 4, 7])]);
    // One of the first file's two frames of second 3 stands in the second file too.
    assert_eq!(times(&read.seen), [1, 2, 3, 3, 4, 5, 7]);
    let expected = "4 frames stand in two files, with the same time and octets, and were read once";
    assert_eq!(read.warnings, [expected]);
}

#[test]
fn frames_of_one_time_that_differ_are_all_read() {
    let other = Pcap::new(ByteOrder::Little, 0xa1b2_c3d4, 1)
        .frame(3, 0, b"y")
        .frame(4, 0, b"x");
    let read = in_both_orders(&[pcap(&[3, 4]), other.octets]);
    assert_eq!(times(&read.seen), [3, 3, 4]);
}

#[test]
fn a_damaged_file_is_refused_when_it_is_read_whatever_others_there_are() {
    let mut damaged = pcap(&[1, 2]);
    damaged.extend([0xff; 40]);
    let files = [file(&damaged), file(&pcap(&[2, 3]))];
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
    let error = run(&paths).error();
    assert!(error.contains("damaged at offset 58"), "{error}");
}

#[test]
fn one_name_in_several_files_is_one_interface() {
    let written = |seconds: u64, names: &[&str]| {
        let empty = Pcapng::new(ByteOrder::Little);
        let named = names.iter().fold(empty, |file, name| file.named(1, name));
        let last = u32::try_from(names.len() - 1).unwrap();
        file(&named.enhanced(last, seconds * 1_000_000, b"x", &[]).octets)
    };
    let files = [written(1, &["eth0", "eth1"]), written(2, &["eth1"])];
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
    let interfaces: Vec<u16> = run(&paths)
        .frames()
        .into_iter()
        .map(|seen| match seen {
            Seen::Frame { interface, .. } => interface,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(interfaces, [2, 2]);
}

#[test]
fn records_that_cross_chunk_boundaries_are_whole() {
    let frame = |place: u32| vec![u8::try_from(place % 251).unwrap(); 60_000 + place as usize];
    let empty = Pcap::new(ByteOrder::Little, 0xa1b2_c3d4, 1);
    let mut written = (0..30).fold(empty, |written, place| {
        written.frame(place, 0, &frame(place))
    });
    // The longest record possible.
    written = written.frame(31, 0, &vec![7; 262_144]);
    written = written.frame(32, 0, b"x");
    let file = file(&written.octets);
    let frames = run(&[file.path().to_owned()]).frames();
    let octets = |seen: &Seen| match seen {
        Seen::Frame { octets, .. } => octets.clone(),
        _ => Vec::new(),
    };
    assert_eq!(frames.len(), 32);
    for (place, seen) in (0..30).zip(&frames) {
        assert!(octets(seen) == frame(place), "{place}");
    }
    assert_eq!(
        frames
            .iter()
            .map(|seen| octets(seen).len())
            .skip(30)
            .collect::<Vec<_>>(),
        [262_144, 1]
    );
}

#[test]
fn no_reader_waits_for_one_that_was_dropped() {
    // More octets than the chunks between the fastest and the slowest reader can hold.
    let empty = Pcap::new(ByteOrder::Little, 0xa1b2_c3d4, 1);
    let written = (0..50).fold(empty, |written, place| {
        written.frame(place, 0, &vec![7; 200_000])
    });
    let file = file(&written.octets);
    let mut readers = FileSource::open_for(3, &[file.path().to_owned()], broadcast).unwrap();
    drop(readers.pop());
    let mut reader = readers.swap_remove(0);
    drop(readers);
    let mut frames = 0;
    loop {
        match reader.next().unwrap() {
            Event::Frame(_) => frames += 1,
            Event::End => break,
            _ => {}
        }
    }
    assert_eq!(frames, 50);
}

#[test]
fn every_file_is_checked_before_the_first_is_read() {
    let good = file(&pcap(&[1]));
    let bad = file(b"no capture at all");
    let error = FileSource::open(&[good.path().to_owned(), bad.path().to_owned()]).err();
    assert!(matches!(error, Some(CaptureError::Format { path, .. }) if path == bad.path()));
}

#[test]
fn a_missing_file_is_named() {
    let error = FileSource::open(&["/nowhere/to be found.pcap".into()]).err();
    let text = error.as_ref().unwrap().to_string();
    assert!(matches!(error, Some(CaptureError::NoFile { .. })));
    assert!(text.starts_with("/nowhere/to be found.pcap: No such file"));
}

#[test]
fn a_directory_is_refused_as_a_capture() {
    let folder = tempfile::tempdir().unwrap();
    let error = FileSource::open(&[folder.path().to_owned()]).err();
    assert!(matches!(error, Some(CaptureError::Read { .. })));
}

#[test]
fn without_files_there_is_no_event() {
    assert!(run(&[]).seen.is_empty());
}

#[test]
fn the_file_after_a_truncated_one_is_read() {
    let whole = pcap(&[1, 2]);
    let files = [file(&whole[..whole.len() - 1]), file(&pcap(&[3]))];
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
    let run = run(&paths);
    assert_eq!(times(&run.seen), [1, 3]);
    assert_eq!(run.warnings.len(), 1);
}

#[test]
fn progress_ends_at_the_total_size() {
    let files = [file(&pcap(&[1, 2])), file(&pcap(&[3]))];
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
    let mut source = FileSource::open(&paths).unwrap();
    let progress = source.progress();
    let size = pcap(&[1, 2]).len() + pcap(&[3]).len();
    assert_eq!(progress.total(), Some(size as u64));
    assert!(progress.read() < size as u64);
    while !matches!(source.next().unwrap(), Event::End) {}
    assert_eq!(progress.read(), size as u64);
}
