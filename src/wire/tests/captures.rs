//! Real captures with tags and tunnels. The counts were compared with tshark, packet by packet.

use super::*;
use std::collections::BTreeMap;

/// Link type, octets and length on the wire of each packet of a pcap file, of either byte order.
fn packets(file: &[u8]) -> Vec<(LinkType, &[u8], u32)> {
    let little = matches!(
        file,
        [0xd4, 0xc3, 0xb2, 0xa1, ..] | [0x4d, 0x3c, 0xb2, 0xa1, ..]
    );
    let big = matches!(
        file,
        [0xa1, 0xb2, 0xc3, 0xd4, ..] | [0xa1, 0xb2, 0x3c, 0x4d, ..]
    );
    assert!(little || big, "not a pcap file");
    let word = |at: usize| {
        let octets = *file[at..].first_chunk().unwrap();
        let (of_little, of_big) = (u32::from_le_bytes(octets), u32::from_be_bytes(octets));
        if little { of_little } else { of_big }
    };
    let link = match word(20) {
        0 | 108 => LinkType::Loopback,
        1 => LinkType::Ethernet,
        12 | 14 | 101 | 228 | 229 => LinkType::RawIp,
        113 => LinkType::Cooked,
        276 => LinkType::Cooked2,
        other => LinkType::Other(other),
    };
    let mut packets = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let captured = word(at + 8) as usize;
        packets.push((link, &file[at + 16..at + 16 + captured], word(at + 12)));
        at += 16 + captured;
    }
    packets
}

fn read(name: &str) -> Vec<u8> {
    let path = crate::captures::path(&format!("dev/encap/{name}.pcap"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// File, UDP and TCP datagrams, their IP octets, and discards by reason.
type Row = (&'static str, u32, u32, &'static [(&'static str, u32)]);

/// UDP and TCP datagrams, their IP octets, and what was discarded.
fn tally(name: &str) -> (u32, u32, BTreeMap<&'static str, u32>) {
    let (mut datagrams, mut ip_bytes, mut discards) = (0, 0, BTreeMap::new());
    let file = read(name);
    for (link, octets, length) in packets(&file) {
        let mut frame = frame(link, octets);
        frame.length = length;
        match decode(frame) {
            Ok(found) => {
                datagrams += 1;
                ip_bytes += found.ip_bytes;
            }
            Err(reason) => {
                *discards.entry(reason.as_str()).or_default() += 1;
            }
        }
    }
    (datagrams, ip_bytes, discards)
}

#[test]
fn real_encapsulations_decode_as_tshark_decodes_them() {
    let table: [Row; 9] = [
        ("arkime_gre-erspan-vxlan", 7, 337, &[]),
        ("arkime_gtp-u", 0, 0, &[("transport", 102)]),
        ("arkime_pppoe", 10, 3976, &[]),
        ("zeek_geneve", 0, 0, &[("transport", 6)]),
        ("zeek_gre-within-gre", 4, 328, &[("transport", 624)]),
        ("zeek_ipv6-fragmented-dns", 5, 2216, &[("fragment", 3)]),
        ("zeek_mpls-in-vlan", 3, 2467, &[]),
        ("zeek_vlan-qinqinq", 14, 5891, &[]),
        ("zeek_vxlan", 2, 156, &[("transport", 8)]),
    ];
    let mut wrong = Vec::new();
    for (name, datagrams, ip_bytes, discards) in table {
        let found = tally(name);
        if found != (datagrams, ip_bytes, discards.iter().copied().collect()) {
            wrong.push((name, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
