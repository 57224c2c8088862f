//! Inputs that end before their files do, and files that grow.

use super::writer::Pcap;
use super::{Run, broadcast, file, read_in_bursts};
use crate::capture::file::FileSource;
use crate::capture::file::byte_order::ByteOrder;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

fn pcap(frames: u32) -> Vec<u8> {
    let empty = Pcap::new(ByteOrder::Little, 0xa1b2_c3d4, 1);
    let written = (0..frames).fold(empty, |written, second| {
        written.frame(second, 0, &[7; 1000])
    });
    written.octets
}

fn ended(sources: Vec<FileSource>) -> Vec<Run> {
    std::thread::scope(|scope| {
        let read = |source| scope.spawn(move || read_in_bursts(source, 8));
        let running: Vec<_> = sources.into_iter().map(read).collect();
        let ended = running.into_iter().map(|reader| reader.join().unwrap());
        ended.collect()
    })
}

#[test]
fn every_reader_ends_at_the_same_frame_when_the_input_is_stopped() {
    const FRAMES: u32 = 20_000;
    let large = file(&pcap(FRAMES));
    let sources = FileSource::open_for(3, &[large.path().to_owned()], broadcast).unwrap();
    sources[0].progress().stop();
    let runs = ended(sources);
    let frames: Vec<usize> = runs.iter().map(|run| run.frames().len()).collect();
    assert!(frames[0] > 0 && frames[0] < FRAMES as usize, "{frames:?}");
    assert!(frames.iter().all(|one| *one == frames[0]), "{frames:?}");
    for run in &runs {
        assert!(run.warnings.is_empty(), "{:?}", run.warnings);
    }
}

#[test]
fn no_further_file_is_begun_when_the_input_is_stopped() {
    let later = |from: u32| {
        let empty = Pcap::new(ByteOrder::Little, 0xa1b2_c3d4, 1);
        empty.frame(from, 0, b"x").frame(from + 1, 0, b"x").octets
    };
    let (first, second) = (file(&later(1)), file(&later(10)));
    let paths: Vec<PathBuf> = [&first, &second].map(|file| file.path().to_owned()).into();
    let sources = FileSource::open_for(2, &paths, broadcast).unwrap();
    sources[0].progress().stop();
    for run in ended(sources) {
        assert_eq!(run.frames().len(), 2);
    }
}

#[test]
fn what_is_appended_to_a_file_is_read_until_the_input_is_stopped() {
    let whole = pcap(4000);
    let (begun, rest) = whole.split_at(whole.len() / 2 + 7);
    let growing = file(begun);
    let path = growing.path().to_owned();
    let sources = FileSource::open_for(2, std::slice::from_ref(&path), broadcast).unwrap();
    let progress = sources[0].progress();
    progress.follow();
    let read = |octets: usize| {
        while progress.read() < octets as u64 {
            std::thread::yield_now();
        }
    };
    let runs = std::thread::scope(|scope| {
        let running = scope.spawn(|| ended(sources));
        read(begun.len());
        let mut appended = OpenOptions::new().append(true).open(&path).unwrap();
        appended.write_all(rest).unwrap();
        read(whole.len());
        progress.stop();
        running.join().unwrap()
    });
    for run in runs {
        assert_eq!(run.frames().len(), 4000);
    }
}
