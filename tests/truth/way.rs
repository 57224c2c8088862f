//! What stands around an IP packet on its link.

use super::octets::{ethernet, ethertype, ip, udp};
use std::net::SocketAddr;

/// A way for packets to be carried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Plain,
    Vlan,
    QinQ,
    Mpls,
    Pppoe,
    Vxlan,
    Geneve,
    Gre,
    /// Of the other version: 4 in 6, 6 in 4.
    IpInIp,
    GtpU,
    /// GRE in VXLAN behind a tag.
    Nested,
}

impl Way {
    /// All of them.
    pub(crate) const ALL: [Self; 11] = [
        Self::Plain,
        Self::Vlan,
        Self::QinQ,
        Self::Mpls,
        Self::Pppoe,
        Self::Vxlan,
        Self::Geneve,
        Self::Gre,
        Self::IpInIp,
        Self::GtpU,
        Self::Nested,
    ];

    /// The frame around a packet.
    pub(crate) fn frame(self, packet: &[u8]) -> Vec<u8> {
        let kind = ethertype(packet);
        let tagged = |outer: u16, tag: u16, inside: u16, payload: &[u8]| {
            let tag = [tag.to_be_bytes(), inside.to_be_bytes()].concat();
            ethernet(outer, &[&tag[..], payload].concat())
        };
        match self {
            Self::Plain => ethernet(kind, packet),
            Self::Vlan => tagged(0x8100, 100, kind, packet),
            Self::QinQ => {
                let inner = [&200_u16.to_be_bytes()[..], &kind.to_be_bytes(), packet].concat();
                tagged(0x88a8, 100, 0x8100, &inner)
            }
            // Two labels, the second with the bottom of the stack (RFC 3032 §2.1).
            Self::Mpls => {
                let labels = [0, 1, 0x00, 64, 0, 2, 0x01, 64];
                ethernet(0x8847, &[&labels[..], packet].concat())
            }
            Self::Pppoe => {
                let protocol: u16 = if kind == 0x0800 { 0x0021 } else { 0x0057 };
                let size = u16::try_from(packet.len() + 2).unwrap();
                let head = [&[0x11, 0, 0, 7][..], &size.to_be_bytes()].concat();
                ethernet(
                    0x8864,
                    &[&head[..], &protocol.to_be_bytes(), packet].concat(),
                )
            }
            Self::Vxlan => over_udp(4789, &[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(kind, packet)),
            Self::Geneve => {
                let [high, low] = kind.to_be_bytes();
                over_udp(6081, &[0, 0, high, low, 0, 0, 7, 0], packet)
            }
            Self::Gre => over_ip(47, &gre(kind, packet)),
            Self::IpInIp if kind == 0x0800 => {
                let ends = ["2001:db8:ffff::1", "2001:db8:ffff::2"].map(|it| it.parse().unwrap());
                ethernet(0x86dd, &ip(ends[0], ends[1], 4, 0, packet))
            }
            Self::IpInIp => over_ip(41, packet),
            Self::GtpU => {
                let size = u16::try_from(packet.len()).unwrap().to_be_bytes();
                over_udp(2152, &[0x30, 255, size[0], size[1], 0, 0, 0, 9], packet)
            }
            Self::Nested => {
                let inner = over_ip(47, &gre(kind, packet));
                let outer = over_udp(4789, &[8, 0, 0, 0, 0, 0, 9, 0], &inner);
                tagged(0x8100, 300, 0x0800, &outer[14..])
            }
        }
    }
}

fn gre(kind: u16, packet: &[u8]) -> Vec<u8> {
    [&[0, 0][..], &kind.to_be_bytes(), packet].concat()
}

/// Between two routers over IPv4.
fn over_ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let ends = ["192.0.2.201", "192.0.2.202"].map(|it| it.parse().unwrap());
    ethernet(0x0800, &ip(ends[0], ends[1], protocol, 1, payload))
}

fn over_udp(port: u16, header: &[u8], payload: &[u8]) -> Vec<u8> {
    let src: SocketAddr = "192.0.2.201:50000".parse().unwrap();
    let dst: SocketAddr = format!("192.0.2.202:{port}").parse().unwrap();
    over_ip(17, &udp(src, dst, &[header, payload].concat()))
}
