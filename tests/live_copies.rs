//! Proves that a packet which two live interfaces show counts once with `capture.deduplicate`, and that
//! everybody is told without: both ports of a bridge, and two taps of one link, with one queue and with
//! several.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use asnmeter::clock;
use pnet::datalink::DataLinkSender;
use std::process::Command;
use std::time::Duration;
use support::desk::Desk;
use support::frames::Media;
use support::netns::{self, ip};
use support::program::PROGRAM;
use support::running::{Running, until};

/// Calls at once, and packets of each.
const CALLS: u32 = 24;
const PACKETS: u32 = 150;

fn configuration(queues: u32, is_deduplicated: bool) -> String {
    format!(
        r#"
[capture]
interfaces = ["left", "right"]
queues = {queues}
ring_mib = 8
deduplicate = {is_deduplicated}
[asn]
sources = [{{ prefixes = "asns.tsv" }}]
local_prefixes = ["198.51.100.0/24"]
"#
    )
}

/// Two pairs of interfaces: `left` and `right`, where we capture, with `far-left` and `far-right` behind.
fn pairs() {
    for scope in ["all", "default"] {
        // Not there where the kernel has no IPv6: as good.
        let switch = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
        let _ = std::fs::write(switch, "1");
    }
    for name in ["left", "right"] {
        add(name);
    }
}

fn add(name: &str) {
    ip(&format!(
        "link add {name} mtu 9000 type veth peer name far-{name} mtu 9000"
    ));
    for end in ["", "far-"] {
        ip(&format!("link set {end}{name} up"));
    }
    until("the pair runs", || {
        [name.to_owned(), format!("far-{name}")].iter().all(|end| {
            let shown = Command::new("ip")
                .args(["-o", "link", "show", end])
                .output();
            let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
            shown.contains("state UP") && !shown.contains("qdisc noop ")
        })
    });
}

/// The pairs with a bridge between them: each port shows what goes through.
fn bridge() {
    pairs();
    ip("link add br0 type bridge forward_delay 0");
    ip("link set br0 up");
    for port in ["left", "right"] {
        ip(&format!("link set {port} master br0"));
    }
}

/// One packet of a call: of the far end (`is_answer` false) or of ours. Odd calls number their packets, as
/// IPv4 may; even ones do not.
fn packet(call: u32, number: u32, is_answer: bool) -> Vec<u8> {
    let ends = [
        format!("203.0.113.{}:20000", 1 + call),
        format!("198.51.100.{}:30000", 1 + call % 7),
    ];
    let (src, dst) = if is_answer { (1, 0) } else { (0, 1) };
    let ssrc = 2 * call + u32::from(is_answer);
    let mut octets = Media::g711(&ends[src], &ends[dst], ssrc).packet(number);
    for (at, side) in [(0, dst), (6, src)] {
        octets[at..at + 6].copy_from_slice(&[2, 0, 0, 0, 0, u8::try_from(side).unwrap()]);
    }
    if call % 2 == 1 {
        let identification = u16::try_from(1 + number).unwrap();
        octets[18..20].copy_from_slice(&identification.to_be_bytes());
        // The checksum of a header with number 0, less the number (RFC 1624); a bridge checks it.
        let checksum = u16::from_be_bytes([octets[24], octets[25]]);
        let (sum, is_borrowed) = checksum.overflowing_sub(identification);
        octets[24..26].copy_from_slice(&(sum - u16::from(is_borrowed)).to_be_bytes());
    }
    octets
}

/// Sends these packets of all calls, both ways, at their pace.
fn talk(numbers: std::ops::Range<u32>, mut send: impl FnMut(&[u8], bool)) {
    for number in numbers {
        for call in 0..CALLS {
            for is_answer in [false, true] {
                send(&packet(call, number, is_answer), is_answer);
            }
        }
        clock::wait(Duration::from_millis(20));
    }
}

/// From the far ends through the bridge.
fn through_the_bridge() -> impl FnMut(&[u8], bool) {
    let mut ends = [netns::sender("far-left"), netns::sender("far-right")];
    move |octets, is_answer| netns::send(&mut ends[usize::from(is_answer)], octets)
}

/// The same frame to both taps.
fn to_both_taps() -> impl FnMut(&[u8], bool) {
    let ends = ["far-left", "far-right"].map(netns::sender);
    let mut ends: [Box<dyn DataLinkSender>; 2] = ends;
    move |octets, is_answer| {
        // Either may be the first.
        let first = usize::from(is_answer);
        for end in [first, 1 - first] {
            netns::send(&mut ends[end], octets);
        }
    }
}

struct Meter {
    running: Running,
    _desk: Desk,
}

fn start(queues: u32, is_deduplicated: bool) -> Meter {
    let desk = Desk::new();
    let file = desk.file("a.toml", configuration(queues, is_deduplicated));
    desk.file("asns.tsv", "203.0.113.0/24 64500\n");
    let running = Running::start(&desk, "127.0.0.1:0", &["run", "--config", &file]);
    Meter {
        running,
        _desk: desk,
    }
}

impl Meter {
    /// Packets of the ASN, both ways.
    fn packets(&self) -> u64 {
        let scrape = self.running.scrape();
        scrape.sum("voice_packets_total", &[("asn", "64500"), ("class", "rtp")])
    }

    fn sum(&self, name: &str) -> u64 {
        self.running.scrape().sum(name, &[])
    }

    /// All that was sent counts once, and nothing else does.
    fn expects(&self, packets: u32) {
        let packets = u64::from(packets);
        // Copies are told with the end of a second, with those of the next one that came meanwhile.
        let are_found = || self.sum("mirror_copies_total") >= packets;
        until("all are counted, and all copies found", || {
            let counted = self.packets();
            counted > packets || (counted == packets && are_found())
        });
        assert_eq!(self.packets(), packets);
        assert_eq!(self.sum("mirror_copies_total"), packets);
        let scrape = self.running.scrape();
        let copies = scrape.sum("discarded_frames_total", &[("reason", "mirror_copy")]);
        assert_eq!(copies, packets);
        let octets = scrape.sum("voice_bytes_total", &[("asn", "64500")]);
        assert_eq!(octets, 200 * packets);
        for fault in ["rtp_lost_packets_total", "rtp_duplicate_packets_total"] {
            assert_eq!(scrape.sum(fault, &[]), 0, "{fault}");
        }
        assert_eq!(scrape.sum("doubled_packets", &[]), 0);
        assert_eq!(scrape.sum("dropped_frames_total", &[]), 0);
    }
}

/// Waits until all queues of `right` are there again: until it shows as many packets as `left`. Sends
/// packets from this number on; the number of the next.
fn until_back(meter: &Meter, mut number: u32) -> u32 {
    let of = |interface: &str| {
        let scrape = meter.running.scrape();
        scrape.sum("capture_frames_total", &[("interface", interface)])
    };
    let sent = u64::from(5 * 2 * CALLS);
    for _ in 0..20 {
        let before = ["left", "right"].map(of);
        talk(number..number + 5, to_both_taps());
        number += 5;
        until("they are captured", || of("left") >= before[0] + sent);
        clock::wait(Duration::from_millis(500));
        if of("right") == before[1] + sent {
            return number;
        }
    }
    panic!("right is not back");
}

const ALL: u32 = 2 * CALLS * PACKETS;

#[test]
fn both_ports_of_a_bridge_count_a_packet_once() {
    netns::inside("both_ports_of_a_bridge_count_a_packet_once", &[], || {
        ip("link set lo up");
        bridge();
        let meter = start(1, true);
        talk(0..PACKETS, through_the_bridge());
        meter.expects(ALL);
        assert_eq!(meter.running.end("TERM"), Some(0));
    });
}

#[test]
fn two_taps_with_queues_count_a_packet_once_after_one_was_away_too() {
    netns::inside(
        "two_taps_with_queues_count_a_packet_once_after_one_was_away_too",
        &[],
        || {
            ip("link set lo up");
            pairs();
            let meter = start(3, true);
            talk(0..50, to_both_taps());
            meter.expects(50 * 2 * CALLS);
            // Down and up: the kernel takes the queues out of their group and back. Made again: we do.
            let mut number = 50;
            let said = |what: &str| meter.running.log().matches(what).count();
            for (round, away) in ["link set right down", "link del right"].iter().enumerate() {
                ip(away);
                until("it is seen to be away", || said("right: gone") > round);
                match round {
                    0 => ip("link set right up"),
                    _ => add("right"),
                }
                until("it is seen again", || said("right: back") > round);
                number = until_back(&meter, number);
            }
            let before = [meter.packets(), meter.sum("mirror_copies_total")];
            talk(number..number + 50, to_both_taps());
            let expected = u64::from(50 * 2 * CALLS);
            until("all copies are found", || {
                meter.sum("mirror_copies_total") >= before[1] + expected
            });
            assert_eq!(meter.packets(), before[0] + expected);
            assert_eq!(meter.sum("rtp_lost_packets_total"), 0);
            assert_eq!(meter.running.end("TERM"), Some(0));
        },
    );
}

#[test]
fn without_deduplication_copies_count_and_everybody_is_told() {
    netns::inside(
        "without_deduplication_copies_count_and_everybody_is_told",
        // What /sys tells of interfaces is that of the namespace in which it was mounted.
        &[
            "unshare",
            "--mount",
            "sh",
            "-c",
            "mount -t sysfs sys /sys && exec \"$@\"",
            "sh",
        ],
        || {
            ip("link set lo up");
            bridge();
            let meter = start(1, false);
            let said =
                "interfaces left and right show the same packets (both are ports of one bridge)";
            assert!(meter.running.log().contains(said));
            let sent = std::thread::spawn(|| talk(0..PACKETS, through_the_bridge()));
            until("the sample has seen it", || {
                meter.sum("doubled_packets") > 0
            });
            sent.join().unwrap();
            until("all are counted", || meter.packets() >= 2 * u64::from(ALL));
            let log = meter.running.log();
            assert!(
                log.contains("two interfaces show the same packets"),
                "{log}"
            );
            let desk = Desk::new();
            let file = desk.file("a.toml", configuration(1, false));
            desk.file("asns.tsv", "203.0.113.0/24 64500\n");
            let checked = Command::new(PROGRAM)
                .args(["config", "check", &file])
                .output()
                .unwrap();
            let text = [checked.stdout, checked.stderr].concat();
            let text = String::from_utf8_lossy(&text);
            assert!(text.contains(said), "{text}");
            assert!(text.contains("capture.deduplicate = true"), "{text}");
            assert_eq!(meter.running.end("TERM"), Some(0));
        },
    );
}
