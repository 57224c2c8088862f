mod damage;
mod packed;
mod partitioned;
mod pcapng;
mod several;
mod stopped;
mod writer;

use self::writer::Pcap;
use super::byte_order::ByteOrder;
use super::{Assignment, FileSource, GapCause};
use crate::capture::{BurstSink, CaptureError, CaptureGap, Event, FrameSource};
use crate::captures;
use crate::frame::{Frame, InterfaceId, LinkType};
use crate::units::Timestamp;
use std::io::Write;
use std::path::PathBuf;
use tempfile::NamedTempFile;

const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

fn broadcast(_: &Frame<'_>, assignment: Assignment<'_, ()>) {
    assignment.broadcast();
}

/// An event with owned data.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Seen {
    Frame {
        nanos: u64,
        link: LinkType,
        octets: Vec<u8>,
        length: u32,
        interface: u16,
    },
    Interface(u16, String),
    CaptureGap(CaptureGap),
}

impl Seen {
    fn frame(nanos: u64, octets: &[u8]) -> Self {
        Self::Frame {
            nanos,
            link: LinkType::Ethernet,
            octets: octets.to_vec(),
            length: u32::try_from(octets.len()).unwrap(),
            interface: 0,
        }
    }

    fn gap(cause: GapCause, from: u64, until: u64, frames: u64, interface: u16) -> Self {
        Self::CaptureGap(CaptureGap {
            from: Timestamp::from_nanos(from),
            until: Timestamp::from_nanos(until),
            frames,
            at_most: (cause == GapCause::Dropped).then_some(frames),
            interface: InterfaceId(interface),
            cause,
        })
    }

    fn is_frame(&self) -> bool {
        matches!(self, Self::Frame { .. })
    }
}

/// All events of a source, its warnings, and its error.
struct Run {
    seen: Vec<Seen>,
    warnings: Vec<String>,
    error: Option<CaptureError>,
}

impl Run {
    fn begin(error: Option<CaptureError>) -> Self {
        Self {
            seen: Vec::new(),
            warnings: Vec::new(),
            error,
        }
    }

    fn frames(&self) -> Vec<Seen> {
        let frames = self.seen.iter().filter(|seen| seen.is_frame());
        frames.cloned().collect()
    }

    fn error(&self) -> String {
        self.error.as_ref().map(ToString::to_string).unwrap()
    }
}

/// Reads the files one frame at a time, in bursts of several lengths and with several readers; asserts
/// that each of them sees the same.
fn run(paths: &[PathBuf]) -> Run {
    let one_by_one = run_in_bursts(paths, 0, 1).swap_remove(0);
    let others = [(1, 1), (3, 2), (usize::MAX, 1), (usize::MAX, 3)];
    for run in others.map(|(burst, readers)| run_in_bursts(paths, burst, readers)) {
        for run in run {
            assert_eq!(run.seen, one_by_one.seen);
            assert_eq!(run.warnings, one_by_one.warnings);
            let error = |run: &Run| run.error.as_ref().map(ToString::to_string);
            assert_eq!(error(&run), error(&one_by_one));
        }
    }
    one_by_one
}

fn seen(frame: &Frame<'_>) -> Seen {
    Seen::Frame {
        nanos: frame.time.as_nanos(),
        link: frame.link,
        octets: frame.octets.to_vec(),
        length: frame.length,
        interface: frame.interface.0,
    }
}

/// Accepts a limited number of frames.
struct LimitedSink<'a> {
    left: usize,
    seen: &'a mut Vec<Seen>,
}

impl BurstSink for LimitedSink<'_> {
    fn offer(&mut self, frame: &Frame<'_>) -> bool {
        let accepts = self.left > 0;
        if accepts {
            self.left -= 1;
            self.seen.push(seen(frame));
        }
        accepts
    }
}

/// Reads the files with several readers; one run for each.
fn run_in_bursts(paths: &[PathBuf], burst: usize, readers: usize) -> Vec<Run> {
    let sources = match FileSource::open_for(readers, paths, broadcast) {
        Ok(sources) => sources,
        Err(error) => return vec![Run::begin(Some(error))],
    };
    assert_eq!(sources.len(), readers);
    std::thread::scope(|scope| {
        let read = |source| scope.spawn(move || read_in_bursts(source, burst));
        let running: Vec<_> = sources.into_iter().map(read).collect();
        let ended = running.into_iter().map(|reader| reader.join().unwrap());
        ended.collect()
    })
}

fn read_in_bursts(mut source: FileSource, burst: usize) -> Run {
    let mut run = Run::begin(None);
    loop {
        source.burst(&mut LimitedSink {
            left: burst,
            seen: &mut run.seen,
        });
        run.seen.push(match source.next() {
            Ok(Event::Frame(frame)) => seen(&frame),
            Ok(Event::Unknown(..)) => panic!("a file has no filter"),
            Ok(Event::Interface(id, name)) => Seen::Interface(id.0, name.to_owned()),
            Ok(Event::CaptureGap(gap)) => Seen::CaptureGap(gap),
            Ok(Event::Idle(_)) => panic!("a file is never idle"),
            Ok(Event::End) => break,
            Err(error) => {
                run.error = Some(error);
                break;
            }
        });
    }
    run.warnings = source.warnings().to_vec();
    run
}

fn file(octets: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(octets).unwrap();
    file
}

fn run_octets(octets: &[u8]) -> Run {
    let file = file(octets);
    run(&[file.path().to_owned()])
}

#[test]
fn pcap_reads_the_same_in_both_byte_orders_and_both_units() {
    for order in ORDERS {
        for (magic, fraction) in [(0xa1b2_c3d4_u32, 250), (0xa1b2_3c4d, 250_000)] {
            let written = Pcap::new(order, magic, 1)
                .frame(1000, 0, b"one")
                .frame(1000, fraction, b"")
                .record([1001, fraction, 3, 1500], b"cut");
            let run = run_octets(&written.octets);
            assert!(run.error.is_none() && run.warnings.is_empty());
            let mut cut = Seen::frame(1_001_000_250_000, b"cut");
            if let Seen::Frame { length, .. } = &mut cut {
                *length = 1500;
            }
            assert_eq!(
                run.seen,
                [
                    Seen::Interface(0, String::new()),
                    Seen::frame(1_000_000_000_000, b"one"),
                    Seen::frame(1_000_000_250_000, b""),
                    cut,
                ],
                "{order:?} {magic:x}"
            );
        }
    }
}

#[test]
fn the_modified_variant_of_fritz_boxes_reads_the_same_in_both_byte_orders() {
    const MODIFIED: u32 = 0xa1b2_cd34;
    for order in ORDERS {
        // interface, protocol and direction are between the record header and the packet
        let more = [0, 0, 0, 2, 8, 0, 4, 0];
        let mut written = Pcap::new(order, MODIFIED, 1);
        let frames = (0..500_u32).map(|number| vec![7; number as usize * 31 % 1600]);
        let frames: Vec<Vec<u8>> = frames.collect();
        for (number, frame) in (0..).zip(&frames) {
            let length = u32::try_from(frame.len()).unwrap();
            written = written.record([1000 + number, 250, length, length], &more);
            written.octets.extend(frame);
        }
        let run = run_octets(&written.octets);
        assert!(run.error.is_none() && run.warnings.is_empty());
        let expected = (0..).zip(&frames).map(|(number, frame)| {
            let seconds: u64 = 1000 + number;
            Seen::frame(seconds * 1_000_000_000 + 250_000, frame)
        });
        assert_eq!(run.frames(), expected.collect::<Vec<_>>(), "{order:?}");
        // truncated in these fields
        let end = written.octets.len() - frames[499].len() - 3;
        let run = run_octets(&written.octets[..end]);
        assert_eq!(run.frames().len(), 499);
        let warning = run.warnings.concat();
        assert!(
            warning.contains("cut off in the middle of a record"),
            "{warning}"
        );
    }
}

#[test]
fn link_types_of_the_registry_are_recognised_without_the_check_sequence_bits() {
    let table = [
        (0, LinkType::Loopback),
        (1, LinkType::Ethernet),
        (12, LinkType::RawIp),
        (14, LinkType::RawIp),
        (101, LinkType::RawIp),
        (108, LinkType::Loopback),
        (113, LinkType::Cooked),
        (228, LinkType::RawIp),
        (229, LinkType::RawIp),
        (276, LinkType::Cooked2),
        (147, LinkType::Other(147)),
        (0xf400_0001, LinkType::Ethernet),
    ];
    for (number, expected) in table {
        let written = Pcap::new(ByteOrder::Big, 0xa1b2_c3d4, number).frame(5, 0, b"x");
        match run_octets(&written.octets).seen.as_slice() {
            [_, Seen::Frame { link, .. }] => assert_eq!(*link, expected, "{number}"),
            seen => panic!("{number}: {seen:?}"),
        }
    }
}

#[test]
fn before_version_2_4_the_lengths_are_in_reverse_order() {
    let written = Pcap::with_version(ByteOrder::Big, 0xa1b2_c3d4, 1, (2, 2))
        .record([5, 0, 99, 3], b"cut")
        .frame(6, 0, b"whole");
    let run = run_octets(&written.octets);
    let lengths: Vec<(usize, u32)> = run.frames().iter().map(lengths).collect();
    assert_eq!(lengths, [(3, 99), (5, 5)]);
}

fn lengths(seen: &Seen) -> (usize, u32) {
    match seen {
        Seen::Frame { octets, length, .. } => (octets.len(), *length),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wire_length_below_the_captured_length_becomes_the_captured_length() {
    let written = Pcap::new(ByteOrder::Little, 0xa1b2_c3d4, 1).record([5, 0, 4, 2], b"four");
    assert_eq!(lengths(&run_octets(&written.octets).frames()[0]), (4, 4));
}

#[test]
fn a_capture_that_begins_inside_a_second_reports_one_gap_before_its_first_frame() {
    let written = |second: u32| {
        let empty = Pcap::new(ByteOrder::Little, 0xa1b2_c3d4, 1);
        let written = empty.frame(second, 250_000, b"a");
        written.frame(second + 1, 500_000, b"b").octets
    };
    let frames = |second: u64| {
        [
            Seen::frame(second * 1_000_000_000 + 250_000_000, b"a"),
            Seen::frame(second * 1_000_000_000 + 1_500_000_000, b"b"),
        ]
    };
    let started = Seen::gap(GapCause::Started, 7_000_000_000, 7_250_000_000, 0, 0);
    let hole = Seen::gap(GapCause::NotCaptured, 8_500_000_000, 10_250_000_000, 0, 0);
    let (first, second) = (file(&written(7)), file(&written(10)));
    let seen = run(&[first.path().to_owned(), second.path().to_owned()]).seen;
    let name = Seen::Interface(0, String::new());
    assert_eq!(seen[..2], [name.clone(), started]);
    assert_eq!(seen[2..4], frames(7));
    assert_eq!(seen[4..6], [hole, name.clone()]);
    assert_eq!(seen[6..], frames(10));
    // No longer than a pause within the files: whoever rotates them loses nothing.
    let rotated = file(&written(9));
    let seen = run(&[first.path().to_owned(), rotated.path().to_owned()]).seen;
    assert_eq!(seen[4], name);
    assert_eq!(seen[5..], frames(9));
}

#[test]
fn a_capture_without_frames_ends_without_a_warning() {
    let run = run_octets(&Pcap::new(ByteOrder::Little, 0xa1b2_c3d4, 1).octets);
    assert_eq!(run.seen, [Seen::Interface(0, String::new())]);
    assert!(run.error.is_none() && run.warnings.is_empty());
}

#[test]
fn frames_of_many_chunks_are_whole_and_in_order() {
    let mut written = Pcap::new(ByteOrder::Little, 0xa1b2_3c4d, 1);
    let frame = |number: u32| vec![number.to_le_bytes()[0]; (number as usize * 977) % 262_145];
    for number in 0..200 {
        written = written.frame(number, 0, &frame(number));
    }
    let frames = run_octets(&written.octets).frames();
    assert_eq!(frames.len(), 200);
    for (number, seen) in (0..).zip(&frames) {
        let nanos = u64::from(number) * 1_000_000_000;
        assert_eq!(*seen, Seen::frame(nanos, &frame(number)));
    }
}

#[test]
fn every_real_capture_yields_the_frames_that_its_index_counts() {
    let index = captures::index();
    assert_eq!(index.len(), 115);
    for (name, packets) in index {
        let run = run(&[captures::path(name)]);
        assert!(run.error.is_none(), "{name}: {:?}", run.error);
        assert_eq!(run.frames().len() as u64, packets, "{name}");
    }
}
