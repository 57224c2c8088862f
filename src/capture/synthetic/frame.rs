//! Builds an Ethernet frame with IP, UDP and a payload, with correct checksums.

use crate::wire::numbers::{ETHERNET_HEADER, ethertype, protocol};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Locally administered MAC addresses.
const MACS: [u8; 12] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
const ETHERNET: usize = ETHERNET_HEADER;
const UDP: u8 = protocol::UDP;
const TTL: u8 = 64;

/// Replaces the content of `buffer` by a frame; `payload` appends the payload. Returns the IP total
/// length. Mixed address families become IPv6 with a mapped address.
pub(super) fn write(
    buffer: &mut Vec<u8>,
    src: SocketAddr,
    dst: SocketAddr,
    payload: impl FnOnce(&mut Vec<u8>),
) -> usize {
    buffer.clear();
    buffer.extend_from_slice(&MACS);
    let ip_header = match (src.ip(), dst.ip()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            buffer.extend_from_slice(&ethertype::IPV4.to_be_bytes());
            // RFC 791 §3.1: no fragmentation (0x4000), so the identification may stay 0 (RFC 6864).
            buffer.extend_from_slice(&[0x45, 0xb8, 0, 0, 0, 0, 0x40, 0, TTL, UDP, 0, 0]);
            buffer.extend_from_slice(&src.octets());
            buffer.extend_from_slice(&dst.octets());
            20
        }
        (src, dst) => {
            buffer.extend_from_slice(&ethertype::IPV6.to_be_bytes());
            // RFC 8200 §3: traffic class EF (RFC 3246), like the 0xb8 above.
            buffer.extend_from_slice(&[0x6b, 0x80, 0, 0, 0, 0, UDP, TTL]);
            buffer.extend_from_slice(&v6(src).octets());
            buffer.extend_from_slice(&v6(dst).octets());
            40
        }
    };
    let udp = ETHERNET + ip_header;
    buffer.extend_from_slice(&src.port().to_be_bytes());
    buffer.extend_from_slice(&dst.port().to_be_bytes());
    buffer.extend_from_slice(&[0; 4]);
    payload(buffer);
    let udp_length = length_field(buffer.len() - udp);
    put(buffer, udp + 4, udp_length);
    if ip_header == 20 {
        let ip_length = length_field(buffer.len() - ETHERNET);
        put(buffer, ETHERNET + 2, ip_length);
        let checksum = !sum(0, part(buffer, ETHERNET, udp));
        put(buffer, ETHERNET + 10, checksum);
    } else {
        put(buffer, ETHERNET + 4, udp_length);
    }
    // RFC 768, RFC 8200 §8.1: over a pseudo header of addresses, protocol and length.
    let addresses = part(
        buffer,
        if ip_header == 20 { udp - 8 } else { udp - 32 },
        udp,
    );
    let pseudo = sum(u32::from(UDP) + u32::from(udp_length), addresses);
    let checksum = match !sum(u32::from(pseudo), part(buffer, udp, buffer.len())) {
        0 => 0xffff,
        checksum => checksum,
    };
    put(buffer, udp + 6, checksum);
    buffer.len() - ETHERNET
}

fn v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// A length field; payloads here are far below the limit of 65 507 octets.
fn length_field(octets: usize) -> u16 {
    u16::try_from(octets).unwrap_or(u16::MAX)
}

fn part(buffer: &[u8], from: usize, until: usize) -> &[u8] {
    buffer.get(from..until).unwrap_or_default()
}

fn put(buffer: &mut [u8], at: usize, field: u16) {
    if let Some(octets) = buffer.get_mut(at..at + 2) {
        octets.copy_from_slice(&field.to_be_bytes());
    }
}

/// The ones' complement sum of RFC 1071, an odd octet padded with zero.
fn sum(start: u32, octets: &[u8]) -> u16 {
    let (pairs, odd) = octets.as_chunks::<2>();
    let pairs: u32 = pairs
        .iter()
        .map(|pair| u32::from(u16::from_be_bytes(*pair)))
        .sum();
    let odd: u32 = odd.iter().map(|octet| u32::from(*octet) << 8).sum();
    let mut sum = start + pairs + odd;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}
