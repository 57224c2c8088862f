//! Headers, written octet by octet with their right lengths and checksums.

use std::net::{IpAddr, SocketAddr};

/// The ones' complement sum of RFC 1071, inverted.
fn checksum(parts: &[&[u8]]) -> u16 {
    let octets = parts.concat();
    let pairs = octets.chunks(2).map(|pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        u32::from(u16::from_be_bytes([pair[0], low]))
    });
    let mut sum: u32 = pairs.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn length(octets: usize) -> [u8; 2] {
    u16::try_from(octets).unwrap().to_be_bytes()
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// UDP with its checksum.
pub(crate) fn udp(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let size = length(8 + payload.len());
    let ports = [src.port().to_be_bytes(), dst.port().to_be_bytes()].concat();
    let pseudo = [octets(src.ip()), octets(dst.ip()), vec![0, 17], size.into()].concat();
    let sum = match checksum(&[&pseudo, &ports, &size, &[0, 0], payload]) {
        0 => 0xffff,
        sum => sum,
    };
    [&ports[..], &size, &sum.to_be_bytes(), payload].concat()
}

/// A TCP segment with its checksum.
pub(crate) fn tcp(
    (src, dst): (SocketAddr, SocketAddr),
    (sequence, acknowledgment, flags): (u32, u32, u8),
    payload: &[u8],
) -> Vec<u8> {
    let mut header = [src.port().to_be_bytes(), dst.port().to_be_bytes()].concat();
    header.extend(sequence.to_be_bytes());
    header.extend(acknowledgment.to_be_bytes());
    header.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    let size = length(header.len() + payload.len());
    let pseudo = [octets(src.ip()), octets(dst.ip()), vec![0, 6], size.into()].concat();
    let sum = checksum(&[&pseudo, &header, payload]);
    header[16..18].copy_from_slice(&sum.to_be_bytes());
    [&header[..], payload].concat()
}

/// An IP packet, of the version of its addresses; `id` is IPv4's identification.
pub(crate) fn ip(src: IpAddr, dst: IpAddr, protocol: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    match (src, dst) {
        (IpAddr::V4(_), IpAddr::V4(_)) => ipv4((src, dst), protocol, id, [0, 0], payload),
        (IpAddr::V6(_), IpAddr::V6(_)) => {
            let head = [
                &[0x60, 0, 0, 0][..],
                &length(payload.len()),
                &[protocol, 61],
            ]
            .concat();
            [head, octets(src), octets(dst), payload.to_vec()].concat()
        }
        _ => panic!("{src} to {dst}"),
    }
}

fn ipv4(
    (src, dst): (IpAddr, IpAddr),
    protocol: u8,
    id: u16,
    fragment: [u8; 2],
    payload: &[u8],
) -> Vec<u8> {
    let mut head = [
        &[0x45, 0][..],
        &length(20 + payload.len()),
        &id.to_be_bytes(),
    ]
    .concat();
    head.extend(fragment);
    head.extend([61, protocol, 0, 0]);
    head.extend([octets(src), octets(dst)].concat());
    let sum = checksum(&[&head]);
    head[10..12].copy_from_slice(&sum.to_be_bytes());
    [&head[..], payload].concat()
}

/// The two fragments of an IP packet, the first with so many octets of its payload.
pub(crate) fn fragments(
    ends: (IpAddr, IpAddr),
    protocol: u8,
    id: u16,
    payload: &[u8],
    first: usize,
) -> [Vec<u8>; 2] {
    assert!(first.is_multiple_of(8) && first < payload.len());
    let (head, tail) = payload.split_at(first);
    let units = u16::try_from(first / 8).unwrap();
    if ends.0.is_ipv4() {
        let [high, low] = units.to_be_bytes();
        return [
            ipv4(ends, protocol, id, [0x20, 0], head),
            ipv4(ends, protocol, id, [high, low], tail),
        ];
    }
    let piece = |offset: u16, octets: &[u8]| {
        let mut piece = vec![protocol, 0];
        piece.extend(offset.to_be_bytes());
        piece.extend(u32::from(id).to_be_bytes());
        piece.extend(octets);
        ip(ends.0, ends.1, 44, id, &piece)
    };
    [piece(1, head), piece(units << 3, tail)]
}

/// An Ethernet frame.
pub(crate) fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let head = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    [&head[..], &ethertype.to_be_bytes(), payload].concat()
}

/// The EtherType of an IP packet.
pub(crate) fn ethertype(packet: &[u8]) -> u16 {
    match packet[0] >> 4 {
        4 => 0x0800,
        _ => 0x86dd,
    }
}

/// RTP without CSRC and extensions.
pub(crate) fn rtp(
    payload_type: u8,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type | u8::from(marker) << 7];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}
