use super::writer::Pcapng;
use super::{ORDERS, Seen, lengths, run_octets};
use crate::capture::file::FileSource;
use crate::capture::file::byte_order::ByteOrder;
use crate::capture::{Event, FrameSource, GapCause};
use crate::frame::LinkType;

const SECOND: u64 = 1_000_000_000;

/// Seconds in microseconds, the default unit of an interface.
const fn micros(seconds: u64) -> u64 {
    seconds * 1_000_000
}

#[test]
fn pcapng_reads_the_same_in_both_byte_orders() {
    for order in ORDERS {
        let written = Pcapng::new(order)
            .named(1, "eth0")
            .enhanced(0, micros(1000), b"enhanced", &[])
            .obsolete(0, 0, micros(1001), b"obsolete")
            .simple(6, b"simple");
        let run = run_octets(&written.octets);
        assert!(run.error.is_none(), "{:?}", run.error);
        let on_eth0 = |seconds: u64, octets: &[u8]| match Seen::frame(seconds * SECOND, octets) {
            Seen::Frame {
                nanos,
                link,
                octets,
                length,
                ..
            } => Seen::Frame {
                nanos,
                link,
                octets,
                length,
                interface: 1,
            },
            other => other,
        };
        assert_eq!(
            run.seen,
            [
                Seen::Interface(1, "eth0".into()),
                on_eth0(1000, b"enhanced"),
                on_eth0(1001, b"obsolete"),
                on_eth0(1001, b"simple"),
            ],
            "{order:?}"
        );
        assert_eq!(run.warnings.len(), 1);
        assert!(run.warnings[0].contains("1 of 3 frames have no time"));
    }
}

#[test]
fn every_interface_has_its_own_link_type_clock_and_name() {
    let written = Pcapng::new(ByteOrder::Big);
    let nanoseconds = written.option(9, &[9]);
    let binary = written.option(9, &[0x80 + 10]);
    let shifted = written.number(14, (-100_i64).cast_unsigned());
    let name = written.option(2, b"tun0");
    let written = written
        .interface(1, 0, &[])
        .interface(101, 0, &[nanoseconds, shifted, name])
        .interface(113, 0, &[binary])
        .enhanced(0, 3_000_000, b"a", &[])
        .enhanced(1, 103 * SECOND + 7, b"b", &[])
        .enhanced(2, 4 * 1024 + 512, b"c", &[]);
    let run = run_octets(&written.octets);
    let frames: Vec<_> = run.frames().into_iter().map(short).collect();
    assert_eq!(
        frames,
        [
            (3 * SECOND, LinkType::Ethernet, 0),
            (3 * SECOND + 7, LinkType::RawIp, 1),
            (4 * SECOND + SECOND / 2, LinkType::Cooked, 0),
        ]
    );
}

fn short(seen: Seen) -> (u64, LinkType, u16) {
    match seen {
        Seen::Frame {
            nanos,
            link,
            interface,
            ..
        } => (nanos, link, interface),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_section_resets_byte_order_and_interfaces_and_keeps_names() {
    let mut written = Pcapng::new(ByteOrder::Little)
        .named(1, "eth0")
        .named(1, "eth1")
        .enhanced(1, micros(1), b"x", &[])
        .section(ByteOrder::Big)
        .named(101, "eth1")
        .enhanced(0, micros(2), b"y", &[]);
    let run = run_octets(&written.octets);
    let frames: Vec<_> = run.frames().into_iter().map(short).collect();
    assert_eq!(
        frames,
        [
            (SECOND, LinkType::Ethernet, 2),
            (2 * SECOND, LinkType::RawIp, 2)
        ]
    );
    written = written.enhanced(1, micros(3), b"of the section before", &[]);
    let error = run_octets(&written.octets).error();
    assert!(error.contains("interface 1, which is not described"));
}

#[test]
fn blocks_that_are_not_frames_are_skipped() {
    let written = Pcapng::new(ByteOrder::Little)
        .block(4, &[1; 100])
        .block(10, &vec![2; 40 << 20])
        .named(1, "eth0")
        .block(0x0bad, &[])
        .block(0x8000_0001, &[3; 3])
        .enhanced(0, micros(1), b"x", &[]);
    let run = run_octets(&written.octets);
    assert!(run.error.is_none(), "{:?}", run.error);
    assert_eq!(run.frames().len(), 1);
}

#[test]
fn a_simple_packet_ends_at_the_snaplen_of_interface_0() {
    let written = Pcapng::new(ByteOrder::Little)
        .interface(1, 5, &[])
        .simple(300, b"five!")
        .simple(3, b"all");
    let frames = run_octets(&written.octets).frames();
    assert_eq!(
        frames.iter().map(lengths).collect::<Vec<_>>(),
        [(5, 300), (3, 3)]
    );
}

#[test]
fn statistics_report_the_drops_since_the_previous_statistics() {
    let mut written = Pcapng::new(ByteOrder::Big).named(1, "eth0");
    let drops = |by_interface, by_system| {
        let writer = Pcapng::new(ByteOrder::Big);
        [writer.number(5, by_interface), writer.number(7, by_system)]
    };
    written = written
        .enhanced(0, micros(10), b"x", &[])
        .statistics(0, micros(12), &drops(2, 1))
        .statistics(0, micros(13), &drops(2, 1))
        .statistics(0, micros(14), &drops(2, 5))
        .statistics(0, micros(15), &[])
        .statistics(9, micros(16), &drops(99, 99));
    // Behind the name, the gap of the trailing statistics, and the frame.
    let gap: Vec<Seen> = run_octets(&written.octets).seen[3..].to_vec();
    let dropped = |from, until, frames| {
        let (from, until) = (from * SECOND, until * SECOND);
        Seen::gap(GapCause::Dropped, from, until, frames, 1)
    };
    assert_eq!(gap, [dropped(10, 12, 3), dropped(13, 14, 4)]);
}

#[test]
fn drops_that_frames_report_are_not_counted_again_by_statistics() {
    let written = Pcapng::new(ByteOrder::Little).named(1, "eth0");
    let (four, six) = (written.number(4, 4), written.number(5, 6));
    let written = written
        .enhanced(0, micros(10), b"x", &[])
        .enhanced(0, micros(11), b"y", &[four])
        .obsolete(0, u16::MAX, micros(12), b"drops not known")
        .obsolete(0, 1, micros(13), b"z")
        .statistics(0, micros(14), &[six]);
    let gap: Vec<Seen> = run_octets(&written.octets).seen;
    let dropped = |from, until, frames| {
        let (from, until) = (from * SECOND, until * SECOND);
        Seen::gap(GapCause::Dropped, from, until, frames, 1)
    };
    let mut trailing = dropped(10, 14, 0);
    if let Seen::CaptureGap(gap) = &mut trailing {
        gap.at_most = Some(6);
    }
    assert_eq!(gap[1], trailing, "of all frames");
    assert_eq!(gap[3], dropped(10, 11, 4));
    assert_eq!(gap[6], dropped(12, 13, 1));
    assert_eq!(gap[8], dropped(10, 14, 1));
    assert_eq!(gap.len(), 9);
}

#[test]
fn drops_reported_at_the_end_of_a_file_give_a_gap_from_its_first_frame() {
    for order in ORDERS {
        let written = Pcapng::new(order)
            .named(1, "eth0")
            .enhanced(0, micros(1000), b"first", &[])
            .enhanced(0, micros(1009), b"last", &[]);
        let (quiet, dropped) = (written.number(5, 0), written.number(7, 12));
        let written =
            written
                .statistics(0, micros(1010), &[quiet])
                .statistics(0, micros(1011), &[dropped]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &written.octets).unwrap();
        let mut source = FileSource::open(&[file.path().to_owned()]).unwrap();
        let mut events = Vec::new();
        loop {
            match source.next().unwrap() {
                Event::CaptureGap(gap) => {
                    let (from, until) = (gap.from.second().0, gap.until.second().0);
                    assert_eq!(gap.at_most, Some(12));
                    events.push((from, until, gap.frames));
                }
                Event::Frame(frame) => events.push((frame.time.second().0, 0, 0)),
                Event::End => break,
                Event::Interface(..) | Event::Idle(_) | Event::Unknown(..) => {}
            }
        }
        let first = [(1000, 1011, 0), (1000, 0, 0), (1009, 0, 0)];
        assert_eq!(
            events[..3],
            first,
            "known before the first frame: {order:?}"
        );
        assert_eq!(
            events.last().unwrap().2,
            12,
            "and counted when they are read"
        );
    }
}
