use super::writer::{Pcap, Pcapng};
use super::{ORDERS, Seen, file, run, run_octets};
use crate::capture::CaptureError;
use crate::capture::file::byte_order::ByteOrder;
use crate::capture::file::opened::Opened;
use crate::capture::file::reader::Reader;
use crate::capture::file::shared_reader::{Cursor, cursors};
use crate::capture::file::step::{FoundFrame, NonFrame};
use proptest::prelude::*;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

fn small_pcap(order: ByteOrder) -> Vec<u8> {
    let written = Pcap::new(order, 0xa1b2_c3d4, 1)
        .frame(1, 0, b"one")
        .frame(2, 0, b"")
        .frame(3, 0, b"three");
    written.octets
}

fn small_modified(order: ByteOrder) -> Vec<u8> {
    let mut written = Pcap::new(order, 0xa1b2_cd34, 1);
    for (second, frame) in (1..).zip([&b"one"[..], b"", b"three"]) {
        let length = u32::try_from(frame.len()).unwrap();
        let words = [second, 0, length, length];
        written = written.record(words, &[&[0; 8], frame].concat());
    }
    written.octets
}

fn small_pcapng(order: ByteOrder) -> Vec<u8> {
    let written = Pcapng::new(order).named(1, "eth0");
    let dropped = written.number(4, 1);
    let counters = written.number(5, 3);
    let written = written
        .enhanced(0, 1_000_000, b"one", &[])
        .block(4, &[7; 9])
        .enhanced(0, 2_000_000, b"two", &[dropped])
        .statistics(0, 2_500_000, &[counters])
        .simple(4, b"four")
        .section(order)
        .interface(101, 0, &[])
        .obsolete(0, 2, 3_000_000, b"three");
    written.octets
}

fn small_files() -> impl Iterator<Item = Vec<u8>> {
    ORDERS.into_iter().flat_map(|order| {
        [
            small_pcap(order),
            small_pcapng(order),
            small_modified(order),
        ]
    })
}

#[test]
fn a_file_truncated_at_any_octet_yields_every_frame_before_the_cut() {
    for whole in small_files() {
        let all = run_octets(&whole).frames();
        let mut frames_before = 0;
        for cut in 0..whole.len() {
            let run = run_octets(&whole[..cut]);
            let frames = run.frames();
            assert_eq!(frames, all[..frames.len()], "cut at {cut}");
            assert!(frames.len() >= frames_before, "cut at {cut}");
            frames_before = frames.len();
            match &run.error {
                Some(error) => {
                    assert!(matches!(error, CaptureError::Format { .. }), "{error}");
                    assert!(frames.is_empty() && cut < 28, "cut at {cut}: {error}");
                }
                None if run.warnings.iter().any(|line| line.contains("cut off")) => {}
                None => assert!(whole[cut..].len() >= 12, "cut at {cut} went unnoticed"),
            }
        }
        assert_eq!(frames_before, all.len() - 1);
    }
}

#[test]
fn the_warning_names_file_offset_and_frames() {
    let whole = small_pcap(ByteOrder::Little);
    let file = file(&whole[..whole.len() - 1]);
    let path = file.path().to_owned();
    let run = run(std::slice::from_ref(&path));
    let expected = format!(
        "{}: cut off in the middle of a record at offset 59, after 2 frames",
        path.display()
    );
    assert_eq!(run.warnings, [expected]);
    assert!(run.error.is_none());
}

#[test]
fn a_file_that_cannot_be_unpacked_is_refused_with_its_packing() {
    for (octets, expected) in [
        (&b"\x1f\x8b\x08\x00"[..], "gzip: "),
        (b"PK\x03\x04\x14\x00", "is a ZIP archive: unpack it first"),
    ] {
        let file = file(octets);
        let error = run(&[file.path().to_owned()]).error();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_file_that_is_not_a_capture_is_refused_with_its_first_octets() {
    let table: [(&[u8], &str); 7] = [
        (b"", "not a capture: empty"),
        (b"\xd4\xc3\xb2", "not a capture: 3 octets only"),
        (b"\x7fELF\x02", "found 7f 45 4c 46 at offset 0"),
        (
            b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00",
            "cut off in its header, after 8 octets",
        ),
        (
            b"\xa1\xb2\xc3\xd4\x00\x03\x00\x00aaaabbbbccccdddd",
            "damaged at offset 4: pcap version 3.0",
        ),
        (
            b"\x0a\x0d\x0d\x0a\x00\x00\x00\x1cabcdefgh",
            "damaged at offset 0: section with byte-order magic [61, 62, 63, 64]",
        ),
        (
            b"\x0a\x0d\x0d\x0a\x00\x00\x00\x1c\x1a\x2b\x3c\x4d\x00\x09\x00\x00",
            "damaged at offset 0: section of pcapng version 9",
        ),
    ];
    for (octets, expected) in table {
        let file = file(octets);
        let run = run(&[file.path().to_owned()]);
        let error = run.error();
        assert!(error.contains(expected), "{error}");
        assert!(error.starts_with(&file.path().display().to_string()));
        assert!(matches!(run.error, Some(CaptureError::Format { .. })));
    }
}

#[test]
fn damage_in_the_middle_is_an_error_at_its_offset_after_the_frames_before() {
    let pcap = Pcap::new(ByteOrder::Big, 0xa1b2_c3d4, 1).frame(1, 0, b"x");
    let pcapng = || {
        let written = Pcapng::new(ByteOrder::Big).named(1, "a");
        written.enhanced(0, 1, b"x", &[])
    };
    let mut bad_length = pcapng();
    let at = bad_length.octets.len();
    bad_length.octets.extend(b"\0\0\0\x06\0\0\0\x0ejunk");
    let mut unequal = pcapng().block(4, b"abcd");
    *unequal.octets.last_mut().unwrap() = 99;
    let table = [
        (
            pcap.record([2, 0, 262_145, 262_145], b"").octets,
            "damaged at offset 41: record of 262145 octets, at most 262144 are possible".into(),
        ),
        (
            bad_length.octets,
            format!("damaged at offset {at}: block of type 0x6 with length 14"),
        ),
        (
            unequal.octets,
            format!(
                "damaged at offset {at}: block of type 0x4 whose lengths differ: 16 at its head"
            ),
        ),
        (
            pcapng().block(6, &[0; 8]).octets,
            format!("damaged at offset {at}: packet block of 20 octets"),
        ),
        (
            pcapng().enhanced(7, 1, b"x", &[]).octets,
            format!("damaged at offset {at}: frame of interface 7, which is not described"),
        ),
        (
            pcapng()
                .block(6, b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0\x05abcd")
                .octets,
            format!("damaged at offset {at}: frame of 5 octets in a block with room for 4"),
        ),
    ];
    for (octets, expected) in table {
        let run = run_octets(&octets);
        assert_eq!(run.frames().len(), 1, "{expected}");
        assert!(run.error().contains(&expected), "{}", run.error());
    }
}

/// Returns one octet per read, and an interruption before each.
struct OneOctetReads(std::vec::IntoIter<u8>, bool);

impl Read for OneOctetReads {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match (room.first_mut(), self.0.next()) {
            (Some(place), Some(octet)) => {
                *place = octet;
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

#[test]
fn a_pipe_with_one_octet_per_read_yields_the_same_frames() {
    for whole in small_files() {
        let expected = run_octets(&whole).frames();
        let slow = OneOctetReads(whole.into_iter(), false);
        let mut reader = Reader::<()>::new(Cursor::single());
        reader.begin(|| Ok(Box::new(slow))).unwrap();
        let mut opened = Opened::new(Path::new("slow"), &mut reader).unwrap();
        let mut names = super::super::names::InterfaceNames::new();
        let mut frames = Vec::new();
        let mut found = FoundFrame::NONE;
        loop {
            let step = opened.step(&mut reader, &mut names, &mut found);
            match step.map_err(|non_frame| *non_frame) {
                Ok(()) | Err(NonFrame::CaptureGap(_, true)) => {
                    let frame = found.frame(&reader);
                    frames.push(Seen::Frame {
                        nanos: frame.time.as_nanos(),
                        link: frame.link,
                        octets: frame.octets.to_vec(),
                        length: frame.length,
                        interface: frame.interface.0,
                    });
                }
                Err(NonFrame::End) => break,
                Err(NonFrame::Interface(_) | NonFrame::CaptureGap(_, false)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(frames, expected);
    }
}

#[test]
fn one_reader_of_a_slow_pipe_can_start_before_the_others() {
    let whole = small_files().next().unwrap();
    let cursors = cursors::<()>(3, &Arc::default(), Box::new(|_| None));
    let mut readers: Vec<_> = cursors.into_iter().map(Reader::new).collect();
    for reader in &mut readers {
        let slow = OneOctetReads(whole.clone().into_iter(), false);
        reader.begin(|| Ok(Box::new(slow))).unwrap();
        assert!(reader.ensure(24).unwrap());
    }
}

proptest! {
    #[test]
    fn random_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        run_octets(&octets);
    }

    #[test]
    fn random_changes_to_a_capture_never_panic(
        choice in 0_usize..6,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut octets = small_files().nth(choice).unwrap();
        for (place, octet) in changes {
            let place = place.index(octets.len());
            octets[place] = octet;
        }
        let run = run_octets(&octets);
        prop_assert!(run.frames().len() <= octets.len() / 16);
    }
}
