use super::writer::{Pcap, Pcapng};
use super::{Seen, broadcast, file, run};
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

#[test]
fn files_are_read_in_the_order_of_their_first_frames_and_not_merged() {
    let files = [
        file(&pcap(&[30, 31])),
        file(&pcap(&[10, 50])),
        file(&pcap(&[])),
        file(&pcap(&[20])),
    ];
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
    let run = run(&paths);
    assert_eq!(times(&run.seen), [10, 50, 20, 30, 31]);
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
