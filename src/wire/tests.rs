//! One RTP packet in every supported encapsulation.

mod captures;
mod frames;

use super::plain::PlainDatagram;
use super::*;
use crate::units::Address;
use frames::*;
use proptest::prelude::*;

const NO_VLANS: Vlans = Vlans {
    outer: None,
    inner: None,
};

const fn vlans(outer: u16, inner: u16) -> Vlans {
    Vlans {
        outer: NonZeroU16::new(outer),
        inner: NonZeroU16::new(inner),
    }
}

const LINKS: [LinkType; 6] = [
    LinkType::Ethernet,
    LinkType::Cooked,
    LinkType::Cooked2,
    LinkType::RawIp,
    LinkType::Loopback,
    LinkType::Other(147),
];

fn frame(link: LinkType, octets: &[u8]) -> Frame<'_> {
    Frame {
        time: Timestamp::from_nanos(7),
        link,
        octets,
        length: u32::try_from(octets.len()).unwrap(),
        interface: InterfaceId(3),
        vlan: None,
        offload: crate::frame::Offload::Unknown,
    }
}

/// The whole datagram that every frame of [`voice_frames`] carries.
fn voice(v6: bool, vlans: Vlans, payload: &[u8]) -> Datagram<'_> {
    let (src, dst) = if v6 { (SRC6, DST6) } else { (SRC4, DST4) };
    let endpoint = |address: &str, port| Endpoint {
        address: Address::from(address.parse::<std::net::IpAddr>().unwrap()),
        port,
    };
    Datagram {
        time: Timestamp::from_nanos(7),
        interface: InterfaceId(3),
        vlans,
        src: endpoint(src, 4000),
        dst: endpoint(dst, 4002),
        ip_bytes: if v6 { 220 } else { 200 },
        dedup_key: DedupKey::default(),
        transport: Transport::Udp {
            payload,
            length: 172,
            fragment: false,
        },
    }
}

type Row = (&'static str, LinkType, Vec<u8>, bool, Vlans);

#[rustfmt::skip] // one row, one line
/// Name, link type, octets, whether the innermost packet is IPv6, VLANs.
fn voice_frames() -> Vec<Row> {
    let four = || voice4();
    let six = || voice6();
    let on_ethernet = |name, octets, v6, vlans| (name, LinkType::Ethernet, octets, v6, vlans);
    let over_udp = |port, payload: Vec<u8>| ethernet(IPV4, &ipv4(17, &udp(50_000, port, &payload)));
    let over_ip = |protocol, payload: Vec<u8>| ethernet(IPV4, &ipv4(protocol, &payload));
    let inner = || ethernet(IPV4, &four());
    vec![
        on_ethernet("ipv4", inner(), false, NO_VLANS),
        on_ethernet("ipv6", ethernet(IPV6, &six()), true, NO_VLANS),
        on_ethernet("padding", [inner(), vec![0xee; 9]].concat(), false, NO_VLANS),
        on_ethernet("802.1Q", ethernet(0x8100, &tag(5, IPV4, &four())), false, vlans(5, 0)),
        on_ethernet("priority", ethernet(0x8100, &tag(0, IPV4, &four())), false, NO_VLANS),
        on_ethernet("802.1ad", ethernet(0x88a8, &tag(100, 0x8100, &tag(7, IPV6, &six()))), true, vlans(100, 7)),
        on_ethernet("three tags", ethernet(0x9100, &tag(1, 0x8100, &tag(2, 0x8100, &tag(4095, IPV4, &four())))), false, vlans(1, 4095)),
        on_ethernet("SNAP", length_ethernet(&snap(IPV4, &four())), false, NO_VLANS),
        on_ethernet("LLC", length_ethernet(&[&[6, 6, 3][..], &four()].concat()), false, NO_VLANS),
        on_ethernet("MPLS", ethernet(0x8847, &mpls(3, &four())), false, NO_VLANS),
        on_ethernet("MPLS multicast", ethernet(0x8848, &mpls(1, &six())), true, NO_VLANS),
        on_ethernet("pseudowire", ethernet(0x8100, &tag(9, 0x8847, &mpls(2, &[&[0, 0, 0, 5], &ethernet(0x8100, &tag(8, IPV4, &four()))[..]].concat()))), false, vlans(9, 0)),
        on_ethernet("pseudowire without control word", ethernet(0x8847, &mpls(1, &inner())), false, NO_VLANS),
        on_ethernet("PPPoE", ethernet(0x8864, &pppoe(&[0, 0x21], &four())), false, NO_VLANS),
        on_ethernet("PPPoE IPv6", ethernet(0x8864, &pppoe(&[0, 0x57], &six())), true, NO_VLANS),
        on_ethernet("PPPoE compressed", ethernet(0x8864, &pppoe(&[0x21], &four())), false, NO_VLANS),
        ("cooked", LinkType::Cooked, cooked(IPV4, &four()), false, NO_VLANS),
        ("cooked VLAN", LinkType::Cooked, cooked(0x8100, &tag(6, IPV6, &six())), true, vlans(6, 0)),
        ("cooked LLC", LinkType::Cooked, cooked(4, &snap(IPV4, &four())), false, NO_VLANS),
        ("cooked v2", LinkType::Cooked2, cooked2(IPV4, &four()), false, NO_VLANS),
        ("raw", LinkType::RawIp, four(), false, NO_VLANS),
        ("raw IPv6", LinkType::RawIp, six(), true, NO_VLANS),
        ("loopback", LinkType::Loopback, [&[2, 0, 0, 0], &four()[..]].concat(), false, NO_VLANS),
        ("loopback BE", LinkType::Loopback, [&[0, 0, 0, 2], &four()[..]].concat(), false, NO_VLANS),
        ("loopback macOS", LinkType::Loopback, [&[30, 0, 0, 0], &six()[..]].concat(), true, NO_VLANS),
        ("loopback FreeBSD", LinkType::Loopback, [&[0, 0, 0, 28], &six()[..]].concat(), true, NO_VLANS),
        on_ethernet("GRE", over_ip(47, gre(0, IPV4, &[], &four())), false, NO_VLANS),
        on_ethernet("GRE all fields", over_ip(47, gre(0xb0, IPV6, &[0; 12], &six())), true, NO_VLANS),
        on_ethernet("GRE bridging", over_ip(47, gre(0x20, 0x6558, &[0; 4], &inner())), false, NO_VLANS),
        on_ethernet("GRE MPLS", over_ip(47, gre(0, 0x8847, &[], &mpls(1, &four()))), false, NO_VLANS),
        on_ethernet("GRE in GRE", over_ip(47, gre(0, IPV4, &[], &ipv4(47, &gre(0, IPV4, &[], &four())))), false, NO_VLANS),
        on_ethernet("PPTP", over_ip(47, pptp(&[&[0xff, 3, 0, 0x21], &four()[..]].concat())), false, NO_VLANS),
        on_ethernet("ERSPAN I", over_ip(47, gre(0, 0x88be, &[], &inner())), false, NO_VLANS),
        on_ethernet("ERSPAN II", over_ip(47, gre(0x10, 0x88be, &[0; 4], &[&[0x10, 1, 0, 1, 0, 0, 0, 0], &inner()[..]].concat())), false, NO_VLANS),
        on_ethernet("ERSPAN III", over_ip(47, gre(0x10, 0x22eb, &[0; 4], &erspan3(0, &inner()))), false, NO_VLANS),
        on_ethernet("ERSPAN III platform", over_ip(47, gre(0x10, 0x22eb, &[0; 4], &erspan3(1, &inner()))), false, NO_VLANS),
        on_ethernet("VXLAN", over_udp(4789, vxlan([8, 0, 0, 0], &inner())), false, NO_VLANS),
        on_ethernet("VXLAN Linux", over_udp(8472, vxlan([8, 0, 0, 0], &inner())), false, NO_VLANS),
        on_ethernet("VXLAN group policy", over_udp(4789, vxlan([0x88, 8, 0, 5], &inner())), false, NO_VLANS),
        on_ethernet("VXLAN-GPE", over_udp(4790, vxlan([0x0c, 0, 0, 2], &six())), true, NO_VLANS),
        on_ethernet("Geneve", over_udp(6081, geneve(0x6558, 0, &inner())), false, NO_VLANS),
        on_ethernet("Geneve options", over_udp(6081, geneve(IPV6, 3, &six())), true, NO_VLANS),
        on_ethernet("GTP-U", over_udp(2152, gtp(0x30, &[], &four())), false, NO_VLANS),
        on_ethernet("GTP-U sequence", over_udp(2152, gtp(0x32, &[0, 1, 0, 0], &four())), false, NO_VLANS),
        on_ethernet("GTP-U extensions", over_udp(2152, gtp(0x34, &[0, 0, 0, 0x85, 1, 0x10, 9, 0x40, 2, 0, 0, 0, 0, 0, 0, 0], &six())), true, NO_VLANS),
        on_ethernet("IPIP", over_ip(4, four()), false, NO_VLANS),
        on_ethernet("6in4", over_ip(41, six()), true, NO_VLANS),
        on_ethernet("4in6", ethernet(IPV6, &ipv6(4, &four())), false, NO_VLANS),
        on_ethernet("6in6", ethernet(IPV6, &ipv6(41, &six())), true, NO_VLANS),
        on_ethernet("mirrored mobile packet", over_ip(47, gre(0x10, 0x88be, &[0; 4], &[&[0; 8], &over_udp(4789, vxlan([8, 0, 0, 0], &over_udp(2152, gtp(0x30, &[], &ipv4(41, &six())))))[..]].concat())), true, NO_VLANS),
    ]
}

#[test]
fn every_encapsulation_decodes_to_the_same_datagram() {
    let rtp = rtp();
    for (name, link, octets, v6, vlans) in voice_frames() {
        let datagram = decode(frame(link, &octets));
        assert_eq!(datagram, Ok(voice(v6, vlans, &rtp)), "{name}");
    }
}

#[test]
fn ip_options_are_counted_and_skipped() {
    let octets = ethernet(IPV4, &ipv4_options(&[1; 8], &voice_udp()));
    let rtp = rtp();
    let expected = Datagram {
        ip_bytes: 208,
        ..voice(false, NO_VLANS, &rtp)
    };
    assert_eq!(decode(frame(LinkType::Ethernet, &octets)), Ok(expected));
}

#[test]
fn extension_headers_are_counted_and_skipped() {
    // Hop-by-hop, destination options, routing, authentication, atomic fragment.
    let chain = [
        &[60, 0, 1, 4, 0, 0, 0, 0][..],
        &[43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[51, 0, 4, 0, 0, 0, 0, 0],
        &[
            44, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
        &[17, 0, 0, 0, 0, 0, 0, 9],
        &voice_udp(),
    ]
    .concat();
    let octets = ethernet(IPV6, &ipv6(0, &chain));
    let rtp = rtp();
    let expected = Datagram {
        ip_bytes: 220 + 64,
        ..voice(true, NO_VLANS, &rtp)
    };
    assert_eq!(decode(frame(LinkType::Ethernet, &octets)), Ok(expected));
}

#[test]
fn the_dedup_key_is_that_of_the_innermost_packet() {
    let udp = patched(voice_udp(), &[(6, 0x12), (7, 0x34)]);
    let inner = patched(ipv4(17, &udp), &[(4, 0xab), (5, 0xcd)]);
    let outer = patched(ipv4(4, &inner), &[(5, 99)]);
    let octets = ethernet(IPV4, &outer);
    let datagram = decode(frame(LinkType::Ethernet, &octets)).unwrap();
    let expected = DedupKey {
        identification: 0xabcd,
        checksum: 0x1234,
    };
    assert_eq!(datagram.dedup_key, expected);
}

#[test]
fn a_tag_that_the_kernel_removed_is_the_outermost() {
    let octets = ethernet(0x8100, &tag(20, 0x8100, &tag(30, IPV4, &voice4())));
    let mut frame = frame(LinkType::Ethernet, &octets);
    for (taken, expected) in [
        (Some(10), vlans(10, 30)),
        (Some(0), vlans(20, 30)),
        (None, vlans(20, 30)),
    ] {
        frame.vlan = taken;
        assert_eq!(decode(frame).map(|datagram| datagram.vlans), Ok(expected));
    }
}

#[test]
fn a_first_fragment_keeps_its_ports_and_a_later_one_is_discarded() {
    // 100 of the 172 octets of RTP in the first fragment, more to come.
    let cut = &voice_udp()[..108];
    let first4 = patched(ethernet(IPV4, &ipv4(17, cut)), &[(20, 0x20)]);
    let first6 = ethernet(IPV6, &ipv6(44, &[&[17, 0, 0, 1, 0, 0, 0, 9], cut].concat()));
    let rtp = rtp();
    for (octets, v6, ip_bytes) in [(&first4, false, 128), (&first6, true, 156)] {
        let expected = Datagram {
            ip_bytes,
            transport: Transport::Udp {
                payload: &rtp[..100],
                length: 172,
                fragment: true,
            },
            ..voice(v6, NO_VLANS, &rtp)
        };
        assert_eq!(decode(frame(LinkType::Ethernet, octets)), Ok(expected));
    }
    // The same inside a fragmented tunnel: the inner packet is whole, its octets are not.
    let outer = patched(ethernet(IPV4, &ipv4(4, &voice4()[..128])), &[(20, 0x20)]);
    let datagram = decode(frame(LinkType::Ethernet, &outer)).unwrap();
    assert_eq!(datagram.ip_bytes, 200);
    assert!(
        matches!(datagram.transport, Transport::Udp { fragment: true, length: 172, payload } if payload.len() == 100)
    );
    let later4 = patched(first4, &[(20, 0), (21, 16)]);
    let later6 = ethernet(
        IPV6,
        &ipv6(44, &[&[17, 0, 0, 0x40, 0, 0, 0, 9], cut].concat()),
    );
    for octets in [later4, later6] {
        assert_eq!(
            decode(frame(LinkType::Ethernet, &octets)),
            Err(Discard::Fragment)
        );
    }
}

#[test]
fn a_packet_captured_before_segmentation_has_the_length_of_its_frame() {
    let octets = patched(ethernet(IPV4, &voice4()), &[(16, 0), (17, 0)]);
    let datagram = decode(frame(LinkType::Ethernet, &octets)).unwrap();
    assert_eq!(datagram.ip_bytes, 200);
}

#[test]
fn a_datagram_to_a_tunnel_port_without_a_tunnel_header_stays_the_outer_datagram() {
    let rtp = rtp();
    for (port, payload) in [
        (2152, rtp.clone()),
        (4789, rtp.clone()),
        (4790, rtp.clone()),
        (6081, rtp.clone()),
        (8472, rtp.clone()),
        // Eight sources and PT 8 look like a VXLAN group policy header.
        (4789, patched(rtp.clone(), &[(0, 0x88), (1, 8), (7, 0)])),
        (2152, gtp(0x30, &[], &rtp)),
        (6081, geneve(0x0806, 0, &rtp)),
        (4789, vxlan([8, 0, 0, 0], &[1, 2, 3])),
    ] {
        let octets = ethernet(IPV4, &ipv4(17, &udp(4000, port, &payload)));
        let datagram = decode(frame(LinkType::Ethernet, &octets)).unwrap();
        assert_eq!(datagram.dst.port, port);
        let Transport::Udp { payload: found, .. } = datagram.transport else {
            panic!("not UDP");
        };
        assert_eq!(found, payload);
    }
}

#[test]
fn tcp_is_read_past_its_options() {
    let segment = [
        &[
            0x13, 0xc4, 0x13, 0xc5, 0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x18, 0, 0, 0, 0, 0, 0,
        ][..],
        &[1; 4],
        b"INVITE",
    ]
    .concat();
    let octets = ethernet(IPV4, &ipv4(6, &segment));
    let datagram = decode(frame(LinkType::Ethernet, &octets)).unwrap();
    assert_eq!((datagram.src.port, datagram.dst.port), (5060, 5061));
    assert_eq!(
        datagram.transport,
        Transport::Tcp {
            sequence: 1,
            acknowledgment: 2,
            flags: 0x18,
            payload: b"INVITE"
        }
    );
}

#[test]
#[rustfmt::skip] // one row, one line
fn a_frame_without_a_datagram_is_discarded_with_its_reason() {
    use Discard::{LinkType as Link, Malformed, NotIp, TooDeep, Transport as Other};
    let on_ip = |protocol, payload: &[u8]| ethernet(IPV4, &ipv4(protocol, payload));
    let plain = ethernet(IPV4, &voice4());
    let mut tags = voice4();
    let mut tag_type = IPV4;
    for _ in 0..9 {
        tags = tag(1, tag_type, &tags);
        tag_type = 0x8100;
    }
    let mut tunnels = voice4();
    for _ in 0..9 {
        tunnels = ipv4(4, &tunnels);
    }
    let extensions = [&[0, 0, 0, 0, 0, 0, 0, 0].repeat(10)[..], &voice_udp()].concat();
    let table: Vec<(&str, LinkType, Vec<u8>, Discard)> = vec![
        ("link type", LinkType::Other(147), plain.clone(), Link),
        ("ARP", LinkType::Ethernet, ethernet(0x0806, &[0; 46]), NotIp),
        ("spanning tree", LinkType::Ethernet, length_ethernet(&[0x42, 0x42, 3, 0, 0]), NotIp),
        ("PPPoE discovery", LinkType::Ethernet, ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0]), NotIp),
        ("LCP", LinkType::Ethernet, ethernet(0x8864, &pppoe(&[0xc0, 0x21], &[1, 1, 0, 4])), NotIp),
        ("PPPoE version", LinkType::Ethernet, ethernet(0x8864, &[0x21; 20]), Malformed),
        ("pseudowire channel", LinkType::Ethernet, ethernet(0x8847, &mpls(1, &[0x10, 0, 0, 7])), NotIp),
        ("no bottom of stack", LinkType::Ethernet, ethernet(0x8847, &[0; 80]), TooDeep),
        ("nine tags", LinkType::Ethernet, ethernet(0x8100, &tags), TooDeep),
        ("nine tunnels", LinkType::RawIp, tunnels, TooDeep),
        ("ten extensions", LinkType::RawIp, ipv6(0, &extensions), TooDeep),
        ("ICMP", LinkType::Ethernet, on_ip(1, &[8; 40]), Other),
        ("ESP", LinkType::Ethernet, on_ip(50, &[8; 40]), Other),
        ("no next header", LinkType::RawIp, ipv6(59, &[0; 8]), Other),
        ("GRE keepalive", LinkType::Ethernet, on_ip(47, &gre(0, 0, &[], &[])), NotIp),
        ("GRE source route", LinkType::Ethernet, on_ip(47, &gre(0x40, IPV4, &[0; 4], &voice4())), Malformed),
        ("GRE version", LinkType::Ethernet, on_ip(47, &[0, 2, 8, 0, 0, 0]), Malformed),
        ("IP version", LinkType::Ethernet, patched(plain.clone(), &[(14, 0x55)]), Malformed),
        ("version and type", LinkType::Ethernet, ethernet(IPV4, &voice6()), Malformed),
        ("IHL 4", LinkType::Ethernet, patched(plain.clone(), &[(14, 0x44)]), Malformed),
        ("total length below header", LinkType::Ethernet, patched(plain.clone(), &[(16, 0), (17, 19)]), Malformed),
        ("total length beyond frame", LinkType::Ethernet, patched(plain.clone(), &[(17, 201)]), Malformed),
        ("UDP length 7", LinkType::Ethernet, patched(plain.clone(), &[(38, 0), (39, 7)]), Malformed),
        ("UDP length beyond packet", LinkType::Ethernet, patched(plain.clone(), &[(39, 181)]), Malformed),
        ("jumbogram", LinkType::RawIp, patched(ipv6(0, &voice_udp()), &[(4, 0), (5, 0)]), Malformed),
        ("TCP offset", LinkType::Ethernet, on_ip(6, &[0x40; 24]), Malformed),
        ("short frame", LinkType::Ethernet, vec![0; 13], Malformed),
        ("empty", LinkType::RawIp, vec![], Malformed),
        ("loopback family", LinkType::Loopback, vec![7, 0, 0, 0], NotIp),
        ("cooked netlink", LinkType::Cooked, cooked(3, &voice4()), NotIp),
    ];
    for (name, link, octets, reason) in table {
        assert_eq!(decode(frame(link, &octets)), Err(reason), "{name}");
    }
}

/// The result of the plain decoder.
fn plain_result(datagram: &PlainDatagram<'_>) -> ([Endpoint; 2], Option<plain::PlainRtp>) {
    match datagram {
        PlainDatagram::V4(plain) => (plain.ends(), plain.rtp(crate::frame::Offload::Single)),
        PlainDatagram::V6(plain) => (plain.ends(), plain.rtp(crate::frame::Offload::Single)),
    }
}

/// The same by the general decoder.
fn general_result(frame: &Frame<'_>) -> Option<plain::PlainRtp> {
    let datagram = decode(*frame).ok()?;
    let Transport::Udp {
        payload, length, ..
    } = datagram.transport
    else {
        return None;
    };
    Some(plain::PlainRtp {
        vlans: datagram.vlans,
        src: datagram.src,
        dst: datagram.dst,
        ip_bytes: datagram.ip_bytes,
        identification: datagram.dedup_key.identification,
        length,
        header: rtp::parse(payload, length)?,
    })
}

/// Checks that both decoders agree, that payloads lie inside the frame, and that lengths are consistent.
fn check(frame: Frame<'_>) {
    let result = decode(frame);
    let octets = ByteReader::new(frame.octets, frame.length as usize);
    assert_eq!(result, decode_any(&frame, octets, NO_VLANS));
    if let Some(plain) = plain::decode_plain(&frame) {
        let datagram = result.unwrap();
        let (ends, rtp) = plain_result(&plain);
        assert_eq!(ends, [datagram.src, datagram.dst]);
        assert!(rtp.is_none() || rtp == general_result(&frame));
    }
    let Ok(datagram) = result else { return };
    let payload = match datagram.transport {
        Transport::Udp {
            payload,
            length,
            fragment,
        } => {
            assert!(payload.len() <= usize::from(length));
            assert!(fragment || u32::from(length) + 28 <= datagram.ip_bytes);
            payload
        }
        Transport::Tcp { payload, .. } => payload,
    };
    assert!(datagram.ip_bytes <= frame.length || datagram.ip_bytes <= 65_575);
    let inside = frame.octets.as_ptr_range();
    let found = payload.as_ptr_range();
    assert!(payload.is_empty() || (inside.start <= found.start && found.end <= inside.end));
}

#[test]
fn a_truncated_frame_decodes_to_the_same_datagram_with_less_payload_or_is_discarded() {
    for (name, link, octets, v6, vlans) in voice_frames() {
        for cut in 0..octets.len() {
            let mut frame = frame(link, &octets);
            frame.octets = &octets[..cut];
            check(frame);
            let whole = voice(v6, vlans, &[]);
            match decode(frame) {
                // If the payload of a UDP tunnel is truncated, the outer datagram remains.
                Ok(datagram) if datagram.dst == whole.dst => {
                    assert_eq!(datagram.src, whole.src, "{name} {cut}");
                    assert_eq!(datagram.ip_bytes, whole.ip_bytes, "{name} {cut}");
                }
                Ok(datagram) => assert!(
                    matches!(datagram.dst.port, 2152 | 4789 | 4790 | 6081 | 8472),
                    "{name} {cut}"
                ),
                Err(reason) => assert_eq!(reason, Discard::Truncated, "{name} {cut}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn random_octets_never_panic(
        link in proptest::sample::select(LINKS.to_vec()),
        octets in proptest::collection::vec(any::<u8>(), 0..200),
        more in 0_u32..2000,
    ) {
        let mut frame = frame(link, &octets);
        frame.length += more;
        check(frame);
    }

    #[test]
    fn damaged_frames_never_panic(
        row in proptest::sample::select(voice_frames()),
        spoiled in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<proptest::sample::Index>(),
    ) {
        let (_, link, mut octets, ..) = row;
        for (at, octet) in spoiled {
            let at = at.index(octets.len().min(120));
            octets[at] = octet;
        }
        let mut frame = frame(link, &octets);
        frame.octets = &octets[..cut.index(octets.len() + 1)];
        check(frame);
    }
}

#[test]
fn the_tunnel_ports_are_exactly_these() {
    let ports: Vec<_> = (0..=u16::MAX)
        .filter(|port| tunnel::is_port(*port))
        .collect();
    assert_eq!(ports, [2152, 4789, 4790, 6081, 8472]);
}

#[test]
fn plain_frames_are_decoded_by_the_plain_decoder() {
    let tagged = tag(7, IPV6, &voice6());
    for octets in [
        ethernet(IPV4, &voice4()),
        ethernet(IPV6, &voice6()),
        ethernet(0x8100, &tagged),
    ] {
        for cut in [octets.len(), octets.len() - 160] {
            let mut frame = frame(LinkType::Ethernet, &octets);
            frame.octets = &octets[..cut];
            let plain = plain::decode_plain(&frame).unwrap();
            assert!(plain_result(&plain).1.is_some());
            check(frame);
        }
    }
}
