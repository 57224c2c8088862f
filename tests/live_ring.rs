//! The ring against a real kernel, in a network namespace of its own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use asnmeter::capture::ring::{Group, RingSettings, RingSource};
use asnmeter::capture::{CaptureError, GapCause};
use asnmeter::clock;
use asnmeter::frame::{Frame, InterfaceId, LinkType};
use asnmeter::wire::merged::{self, Split};
use asnmeter::wire::{self, Datagram, Transport, rtp};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::netns::{Seen, Told, inside, ip, numbered, pair, send, sender};

const ID: InterfaceId = InterfaceId(3);

/// All of every frame.
fn settings(mib: u32) -> RingSettings {
    RingSettings {
        mib,
        promiscuous: true,
        cut_for: None,
        queue: None,
    }
}

fn open(interface: &str, mib: u32) -> Result<RingSource, CaptureError> {
    RingSource::open(interface, ID, settings(mib), Arc::default())
}

#[test]
fn every_frame_is_seen_once_in_order_with_its_octets() {
    inside(
        "every_frame_is_seen_once_in_order_with_its_octets",
        &[],
        || {
            pair();
            let before = clock::now();
            let mut source = open("tap0", 16).unwrap();
            let (mut far, mut near) = (sender("far0"), sender("tap0"));
            let frames: Vec<Vec<u8>> = (0..2000)
                .map(|number| numbered(number, 60 + number as usize * 4))
                .collect();
            let (incoming, outgoing) = frames.split_at(1000);
            let mut told = Told::default();
            for frame in incoming {
                send(&mut far, frame);
            }
            told.until(&mut source, |told| told.frames.len() == incoming.len());
            // Our own outgoing frames count as well, once.
            for frame in outgoing {
                send(&mut near, frame);
            }
            told.until_idle(&mut source, clock::now());
            let octets: Vec<Vec<u8>> = told.frames.iter().map(|seen| seen.octets.clone()).collect();
            assert_eq!(octets.len(), frames.len());
            assert!(octets == frames);
            assert!(
                told.frames.iter().all(|seen| {
                    seen.length as usize == seen.octets.len() && seen.vlan.is_none()
                })
            );
            assert!(told.frames.is_sorted_by_key(|seen| seen.time));
            assert!(told.frames[0].time >= before);
            assert_eq!(told.names, ["tap0"]);
            let causes: Vec<_> = told.unseen.iter().map(|unseen| unseen.cause).collect();
            assert_eq!(causes, [GapCause::Started]);
        },
    );
}

#[test]
fn a_tag_that_the_kernel_took_out_comes_back() {
    inside("a_tag_that_the_kernel_took_out_comes_back", &[], || {
        pair();
        let mut source = open("tap0", 1).unwrap();
        let mut far = sender("far0");
        let plain = numbered(1, 80);
        let mut tagged = plain.clone();
        // 802.1Q: priority 5, VLAN 77.
        tagged.splice(12..12, [0x81, 0x00, 0xa0, 77]);
        let mut stacked = tagged.clone();
        // 802.1ad outside: VLAN 4000.
        stacked.splice(12..12, [0x88, 0xa8, 0x0f, 0xa0]);
        for frame in [&plain, &tagged, &stacked] {
            send(&mut far, frame);
        }
        let mut told = Told::default();
        told.until(&mut source, |told| told.frames.len() == 3);
        let seen: Vec<_> = told
            .frames
            .into_iter()
            .map(|seen| (seen.vlan, seen.octets))
            .collect();
        assert_eq!(
            seen,
            [
                (None, plain.clone()),
                (Some(77), plain),
                (Some(4000), tagged)
            ]
        );
    });
}

#[test]
fn a_loopback_shows_each_frame_once() {
    inside("a_loopback_shows_each_frame_once", &[], || {
        ip("link set lo up");
        let mut source = open("lo", 1).unwrap();
        let mut lo = sender("lo");
        let frames: Vec<Vec<u8>> = (0..100).map(|number| numbered(number, 60)).collect();
        for frame in &frames {
            send(&mut lo, frame);
        }
        let mut told = Told::default();
        told.until_idle(&mut source, clock::now());
        let octets: Vec<Vec<u8>> = told.frames.into_iter().map(|seen| seen.octets).collect();
        assert_eq!(octets, frames);
    });
}

#[test]
fn frames_seen_and_frames_dropped_are_the_frames_sent() {
    inside(
        "frames_seen_and_frames_dropped_are_the_frames_sent",
        &[],
        || {
            const SENT: u32 = 5000;
            pair();
            let mut source = open("tap0", 1).unwrap();
            // Outgoing frames meet no queue on their way to the ring that could lose some itself.
            let mut near = sender("tap0");
            let begin = clock::now();
            for number in 0..SENT {
                send(&mut near, &numbered(number, 1000));
            }
            let end = clock::now();
            let mut told = Told::default();
            told.until_idle(&mut source, end);
            let drops = told
                .unseen
                .iter()
                .filter(|unseen| unseen.cause == GapCause::Dropped);
            let drops: Vec<_> = drops.collect();
            let dropped: u64 = drops.iter().map(|unseen| unseen.frames).sum();
            assert!(dropped > 0 && told.frames.len() > 500, "{dropped}");
            assert_eq!(told.frames.len() as u64 + dropped, u64::from(SENT));
            // The stretch of the count, and the one after it.
            assert_eq!(drops.len(), 2);
            assert!(drops[0].from <= begin && drops[0].until >= end);
            assert_eq!((drops[1].from, drops[1].frames), (drops[0].until, 0));
            let at_most = drops.iter().map(|unseen| unseen.at_most);
            assert_eq!(at_most.collect::<Vec<_>>(), [Some(dropped); 2], "of either");
            assert!(drops.iter().all(|unseen| unseen.interface == ID));

            // And it goes on.
            let seen = told.frames.len();
            send(&mut near, &numbered(SENT, 1000));
            told.until(&mut source, |told| told.frames.len() > seen);
            assert_eq!(told.frames[seen].octets, numbered(SENT, 1000));
        },
    );
}

/// Takes an interface away with one command and brings it back with others; what was in between
/// must be unseen without a gap, and frames come again after it.
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
fn away_and_back(away: &str, back: impl FnOnce()) {
    pair();
    let mut source = open("tap0", 1).unwrap();
    let mut told = Told::default();
    send(&mut sender("far0"), &numbered(1, 100));
    told.until(&mut source, |told| told.frames.len() == 1);

    let gone = clock::now();
    ip(away);
    let down = |told: &Told| {
        let stretches = told.unseen.iter();
        stretches
            .filter(|unseen| unseen.cause == GapCause::InterfaceDown)
            .copied()
            .collect::<Vec<_>>()
    };
    let events = told.events;
    told.until(&mut source, |told| down(told).len() >= 3);
    // It waits for the interface, it does not spin.
    assert!(told.events - events < 30, "{}", told.events - events);
    back();
    let returned = clock::now();
    told.until_whole(&mut source);
    // Listen until it is calm.
    told.until_idle(&mut source, clock::now());
    let stretches = down(&told);
    assert!(stretches[0].from <= gone);
    assert!(stretches.last().unwrap().until >= returned);
    for pair in stretches.windows(2) {
        assert_eq!(pair[0].until, pair[1].from);
    }
    let settled = told.unseen.len();
    told.until_idle(&mut source, clock::now());
    assert_eq!(told.unseen.len(), settled, "{:?}", told.unseen);
}

#[test]
fn an_interface_that_is_down_is_unseen_until_it_is_up_again() {
    inside(
        "an_interface_that_is_down_is_unseen_until_it_is_up_again",
        &[],
        || away_and_back("link set tap0 down", || ip("link set tap0 up")),
    );
}

#[test]
fn a_link_without_carrier_is_unseen_until_it_has_one_again() {
    inside(
        "a_link_without_carrier_is_unseen_until_it_has_one_again",
        &[],
        || away_and_back("link set far0 down", || ip("link set far0 up")),
    );
}

#[test]
fn an_interface_that_is_deleted_and_made_again_is_captured_again() {
    inside(
        "an_interface_that_is_deleted_and_made_again_is_captured_again",
        &[],
        || away_and_back("link del tap0", pair),
    );
}

#[test]
fn an_interface_that_is_down_at_the_start_is_waited_for() {
    inside(
        "an_interface_that_is_down_at_the_start_is_waited_for",
        &[],
        || {
            pair();
            ip("link set tap0 down");
            let mut source = open("tap0", 1).unwrap();
            let mut told = Told::default();
            let down = |told: &Told| {
                told.unseen.last().map(|unseen| unseen.cause) == Some(GapCause::InterfaceDown)
            };
            told.until(&mut source, down);
            ip("link set tap0 up");
            told.until_whole(&mut source);
        },
    );
}

#[test]
fn stopping_gives_all_that_arrived_before_and_then_the_end() {
    inside(
        "stopping_gives_all_that_arrived_before_and_then_the_end",
        &[],
        || {
            pair();
            let stop = Arc::new(AtomicBool::new(false));
            let mut source = RingSource::open("tap0", ID, settings(16), Arc::clone(&stop)).unwrap();
            let mut near = sender("tap0");
            for number in 0..1000 {
                send(&mut near, &numbered(number, 500));
            }
            stop.store(true, Ordering::Relaxed);
            let mut told = Told::default();
            told.until(&mut source, |told| told.ended);
            assert_eq!(told.frames.len(), 1000);
        },
    );
}

#[test]
fn an_interface_that_is_not_there_is_named_with_those_that_are() {
    inside(
        "an_interface_that_is_not_there_is_named_with_those_that_are",
        &[],
        || {
            for name in ["eth7", "", "a name that no interface can have"] {
                let error = open(name, 1).err().unwrap();
                assert!(matches!(error, CaptureError::NoInterface { .. }));
                let expected = format!("interface {name}: no such interface; there are: lo");
                assert_eq!(error.to_string(), expected);
            }
        },
    );
}

#[test]
fn without_the_capability_the_error_names_it() {
    let without = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"];
    inside(
        "without_the_capability_the_error_names_it",
        &without,
        || {
            let error = open("lo", 1).err().unwrap();
            assert!(matches!(error, CaptureError::Permission { .. }), "{error}");
            assert!(error.to_string().contains("CAP_NET_RAW"));
        },
    );
}

/// One packet of G.711 of a stream between two hosts, Ethernet header first.
fn voice(src: [u8; 4], dst: [u8; 4], ports: [u16; 2]) -> Vec<u8> {
    let mut frame = [
        [2; 12].as_slice(),
        &[8, 0, 0x45, 0, 0, 200, 0, 0, 0, 0, 64, 17, 0, 0],
    ]
    .concat();
    frame.extend([src, dst].concat());
    frame.extend([ports[0], ports[1], 180, 0].map(u16::to_be_bytes).concat());
    frame.extend([0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4]);
    frame.resize(214, 0xd5);
    frame
}

#[test]
fn media_stays_in_the_kernel_and_what_it_does_not_know_is_counted() {
    inside(
        "media_stays_in_the_kernel_and_what_it_does_not_know_is_counted",
        &[],
        || {
            pair();
            let cut = RingSettings {
                cut_for: Some(vec![5060]),
                ..settings(16)
            };
            let mut source = RingSource::open("tap0", ID, cut, Arc::default()).unwrap();
            let mut far = sender("far0");
            let voice = voice([192, 0, 2, 1], [198, 51, 100, 1], [4000, 4002]);
            let mut sip = voice.clone();
            sip[34..36].copy_from_slice(&5060_u16.to_be_bytes());
            let mut unknown = numbered(1, 900);
            // MPLS.
            unknown[12..14].copy_from_slice(&[0x88, 0x47]);
            for frame in [&voice, &sip, &unknown] {
                send(&mut far, frame);
            }
            let mut told = Told::default();
            told.until(&mut source, |told| {
                told.frames.len() == 3 && told.unknown == 1
            });
            let lengths: Vec<_> = told
                .frames
                .iter()
                .map(|seen| (seen.octets.len(), seen.length))
                .collect();
            assert_eq!(lengths, [(54, 214), (214, 214), (256, 900)]);
            assert!(told.frames[0].octets == voice[..54]);
        },
    );
}

#[test]
fn queues_share_the_frames_and_both_directions_of_a_call_meet() {
    inside(
        "queues_share_the_frames_and_both_directions_of_a_call_meet",
        &[],
        || {
            pair();
            let group: Arc<Group> = Arc::default();
            let open = |queue| {
                let shared = RingSettings {
                    queue: Some((group.clone(), queue)),
                    ..settings(16)
                };
                RingSource::open("tap0", ID, shared, Arc::default()).unwrap()
            };
            let mut queues: Vec<_> = (0..3).map(|queue| (open(queue), Told::default())).collect();
            let (mut far, mut near) = (sender("far0"), sender("tap0"));
            let calls = 200_u8;
            let (there, here) = ([198, 51, 100, 1], [192, 0, 2, 1]);
            for call in 0..calls {
                let host = [there[0], there[1], there[2], call];
                // Media, the answer to it, and RTCP on the next ports; outside in and inside out.
                send(&mut far, &voice(host, here, [4000, 4002]));
                send(&mut near, &voice(here, host, [4002, 4000]));
                send(&mut far, &voice(host, here, [4001, 4003]));
                // The same inside a VXLAN whose outer addresses never change.
                let mut tunnel = voice(
                    [10, 0, 0, 1],
                    [10, 0, 0, 2],
                    [50_000 + u16::from(call), 4789],
                );
                tunnel.truncate(42);
                tunnel.extend([8, 0, 0, 0, 0, 0, 1, 0]);
                tunnel.extend(voice(here, host, [4002, 4000]));
                let length = u16::try_from(tunnel.len() - 14).unwrap();
                tunnel[16..18].copy_from_slice(&length.to_be_bytes());
                send(&mut far, &tunnel);
            }
            let sent = clock::now();
            for (source, told) in &mut queues {
                told.until_idle(source, sent);
            }
            let host_of = |octets: &[u8]| {
                let ip = if octets.len() > 214 {
                    octets.len() - 214
                } else {
                    0
                } + 26;
                if octets[ip] == there[0] {
                    octets[ip + 3]
                } else {
                    octets[ip + 7]
                }
            };
            let mut total = 0;
            for (_, told) in &queues {
                assert!(told.frames.len() > usize::from(calls) / 2, "a fair share");
                total += told.frames.len();
                let mut seen = [0_u32; 256];
                for frame in &told.frames {
                    seen[usize::from(host_of(&frame.octets))] += 1;
                }
                assert!(
                    seen.iter().all(|frames| [0, 4].contains(frames)),
                    "{seen:?}"
                );
            }
            assert_eq!(total, 4 * usize::from(calls));
        },
    );
}

/// Sends datagrams of RTP of one stream from `far0`: bursts of packets with so many octets of UDP payload,
/// each burst in one call, for the kernel to segment (UDP_SEGMENT of linux/udp.h).
const SEGMENTED: &str = r"
import socket, struct, sys, time
octets, bursts, together, first = map(int, sys.argv[1:])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.bind(('192.0.2.1', 20000))
sender.setsockopt(17, 103, octets)
for burst in range(bursts):
    packets = b''
    for number in range(first + burst * together, first + (burst + 1) * together):
        packets += struct.pack('>BBHII', 128, 0, number, 160 * number, 7) + bytes(octets - 12)
    sender.sendto(packets, ('192.0.2.2', 30000))
    time.sleep(0.005)
";

fn send_segmented(octets: u16, bursts: u16, together: u16, first: u16) {
    let numbers = [octets, bursts, together, first].map(|number| number.to_string());
    let sent = Command::new("python3")
        .args(["-c", SEGMENTED])
        .args(numbers)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&sent.stderr);
    assert!(sent.status.success(), "{text}");
}

/// The pair, with an address at the far end and a neighbour that is never asked for.
fn pair_with_addresses() {
    pair();
    ip("addr add 192.0.2.1/24 dev far0");
    ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev far0");
}

/// The numbers of the packets in the frames, and how many frames held several.
fn numbers(frames: &[Seen]) -> (Vec<u16>, usize) {
    let (mut numbers, mut several) = (Vec::new(), 0);
    for seen in frames {
        let frame = Frame {
            time: seen.time,
            link: LinkType::Ethernet,
            octets: &seen.octets,
            length: seen.length,
            interface: ID,
            vlan: seen.vlan,
            offload: seen.offload,
        };
        let Ok(whole) = wire::decode(frame) else {
            continue;
        };
        let packets: Vec<Datagram<'_>> = match merged::split(&whole, frame.offload) {
            Some(Split::Packets(packets)) => packets.collect(),
            Some(Split::Cut) => panic!("not cut"),
            None => vec![whole],
        };
        several += usize::from(packets.len() > 1);
        for packet in packets {
            if let Transport::Udp {
                payload, length, ..
            } = packet.transport
            {
                let header = rtp::parse(payload, length).unwrap();
                assert_eq!(packet.ip_bytes, 28 + u32::from(length));
                numbers.push(header.sequence);
            }
        }
    }
    (numbers, several)
}

#[test]
fn every_packet_of_a_frame_that_holds_several_is_seen() {
    inside(
        "every_packet_of_a_frame_that_holds_several_is_seen",
        &[],
        || {
            pair_with_addresses();
            for cut_for in [None, Some(vec![5060])] {
                let cut = RingSettings {
                    cut_for,
                    ..settings(1)
                };
                let mut source = RingSource::open("tap0", ID, cut, Arc::default()).unwrap();
                send_segmented(172, 20, 4, 0);
                send_segmented(172, 10, 1, 80);
                let mut told = Told::default();
                told.until(&mut source, |told| numbers(&told.frames).0.len() >= 90);
                let (seen, several) = numbers(&told.frames);
                assert_eq!(seen, (0..90).collect::<Vec<u16>>());
                assert_eq!(several, 20, "frames of four packets");
            }
        },
    );
}

#[test]
fn media_passes_whole_once_a_frame_of_several_packets_was_cut() {
    inside(
        "media_passes_whole_once_a_frame_of_several_packets_was_cut",
        &[],
        || {
            pair_with_addresses();
            let cut = RingSettings {
                cut_for: Some(vec![5060]),
                ..settings(1)
            };
            let mut source = RingSource::open("tap0", ID, cut, Arc::default()).unwrap();
            // Shorter than what a filter takes for several packets.
            send_segmented(32, 1, 4, 0);
            let mut told = Told::default();
            told.until(&mut source, |told| !told.frames.is_empty());
            let first = told.frames.remove(0);
            assert_eq!(first.length, 14 + 28 + 4 * 32);
            assert!(first.octets.len() < first.length as usize);
            send_segmented(32, 10, 4, 4);
            told.until(&mut source, |told| told.frames.len() == 10);
            let (seen, several) = numbers(&told.frames);
            assert_eq!(seen, (4..44).collect::<Vec<u16>>());
            assert_eq!(several, 10);
        },
    );
}

/// A frame with one packet of G.711, with the checksums without which the kernel merges nothing.
fn checked_voice(number: u16) -> Vec<u8> {
    let mut frame = voice([192, 0, 2, 1], [192, 0, 2, 2], [20_000, 30_000]);
    frame.truncate(214);
    frame[16..18].copy_from_slice(&200_u16.to_be_bytes());
    // The identification counts up, as the kernel asks of what it merges.
    frame[18..20].copy_from_slice(&number.to_be_bytes());
    frame[44..46].copy_from_slice(&number.to_be_bytes());
    frame[46..50].copy_from_slice(&(u32::from(number) * 160).to_be_bytes());
    let sum = |octets: &[u8]| -> u32 {
        let pairs = octets.chunks_exact(2);
        pairs
            .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
            .sum()
    };
    let folded = |mut sum: u32| -> [u8; 2] {
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        (!u16::try_from(sum).unwrap()).to_be_bytes()
    };
    let header = folded(sum(&frame[14..34]));
    frame[24..26].copy_from_slice(&header);
    // The pseudo header of RFC 768: addresses, protocol, length.
    let udp = folded(sum(&frame[26..34]) + 17 + 180 + sum(&frame[34..214]));
    frame[40..42].copy_from_slice(&udp);
    frame
}

/// Lets the kernel merge what comes to `tap0`, and wait a little for more to merge.
fn merge_on_receive() {
    let switch = "mount -t sysfs none /sys
        ethtool -K tap0 gro on rx-udp-gro-forwarding on
        echo 300000 >/sys/class/net/tap0/gro_flush_timeout
        echo 100 >/sys/class/net/tap0/napi_defer_hard_irqs";
    let outcome = Command::new("unshare")
        .args(["--mount", "sh", "-ec", switch])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&outcome.stderr);
    assert!(outcome.status.success(), "{text}");
}

#[test]
fn every_packet_that_the_kernel_merged_on_receive_is_seen() {
    inside(
        "every_packet_that_the_kernel_merged_on_receive_is_seen",
        &[],
        || {
            pair();
            merge_on_receive();
            for cut_for in [None, Some(vec![5060])] {
                let cut = RingSettings {
                    cut_for,
                    ..settings(16)
                };
                let mut source = RingSource::open("tap0", ID, cut, Arc::default()).unwrap();
                let mut far = sender("far0");
                for number in 0..320 {
                    send(&mut far, &checked_voice(number));
                }
                let mut told = Told::default();
                told.until(&mut source, |told| numbers(&told.frames).0.len() >= 320);
                let (seen, several) = numbers(&told.frames);
                assert_eq!(seen, (0..320).collect::<Vec<u16>>());
                assert!(several > 0, "{} frames, none merged", told.frames.len());
            }
        },
    );
}
