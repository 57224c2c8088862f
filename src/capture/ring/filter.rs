//! What of a frame leaves the kernel: a classic BPF program on the socket.
//!
//! In the shapes that it knows, RTP is cut behind its fixed header and contributing sources: media,
//! the digits of telephone events included, never reaches this process. RTCP, STUN, SIP and
//! fragments (large SIP messages come in them) pass whole. What it does not know passes cut at
//! [`UNKNOWN`] octets. Nothing is dropped.
//!
//! The shapes are Ethernet with up to two tags in the frame, or bare IP; IPv4, and IPv6 without
//! extension headers; UDP and TCP; TURN's ChannelData; and all of that again inside one VXLAN.
#![forbid(unsafe_code)]

use super::program::{Instruction, JumpLabel, Program};
use crate::frame::LinkType;
use crate::wire::numbers::{UDP_HEADER, VLAN_TAG, ethertype, port, protocol};

/// Octets that pass of what the filter does not know: enough for eight tunnels' headers. A cut
/// frame of just this length is one of those, because none that it knows is cut so late.
pub(super) const UNKNOWN: u32 = 256;

/// Octets that pass where all passes.
const WHOLE: u32 = 262_144;

/// Octets of a datagram's payload that pass where it is no voice: enough for [`crate::wire`] to say
/// what else it is.
const OTHER: u32 = 32;

/// Where the EtherType stands in an Ethernet header.
const ETHERTYPE: u32 = 12;
const TAG: u32 = VLAN_TAG as u32;
const UDP: u32 = UDP_HEADER as u32;
const TCP: u32 = 20;
const RTP: u32 = 12;
/// Of an extension what is not the profile's business (RFC 3550 §5.3.1).
const EXTENSION: u32 = 4;
const VXLAN: u32 = 8;
const CHANNEL: u32 = 4;

const TAGS: u32 = 2;
const TAG_TYPES: [u16; 3] = [
    ethertype::VLAN,
    ethertype::SERVICE_VLAN,
    ethertype::STACKED_VLAN,
];
const VXLAN_PORTS: [u16; 2] = [port::VXLAN, port::VXLAN_LINUX];
const OTHER_TUNNEL_PORTS: [u16; 3] = [port::GTP_U, port::VXLAN_GPE, port::GENEVE];

/// The program for an interface; `None` where its link has no shape that we know.
pub(super) fn filter(link: LinkType, sip_ports: &[u16]) -> Option<Vec<Instruction>> {
    let mut program = Program::default();
    let ends = Ends {
        unknown: program.label(),
        whole: program.label(),
    };
    let mut writer = Writer {
        program,
        ends,
        sip_ports,
    };
    match link {
        LinkType::Ethernet => {
            writer.program.stand_at(ETHERTYPE);
            writer.ethertype(TAGS, true);
        }
        LinkType::RawIp => {
            writer.program.stand_at(0);
            writer.bare_ip();
        }
        LinkType::Cooked | LinkType::Cooked2 | LinkType::Loopback | LinkType::Other(_) => {
            return None;
        }
    }
    let mut program = writer.program;
    program.place(ends.unknown);
    program.answer_with(UNKNOWN);
    program.place(ends.whole);
    program.answer_with(WHOLE);
    program.finish()
}

/// The program that lets nothing pass.
pub(super) fn nothing() -> Vec<Instruction> {
    let mut program = Program::default();
    program.answer_with(0);
    program.finish().unwrap_or_default()
}

/// The two answers at the end of the program.
#[derive(Clone, Copy, Debug)]
struct Ends {
    unknown: JumpLabel,
    whole: JumpLabel,
}

struct Writer<'a> {
    program: Program,
    ends: Ends,
    sip_ports: &'a [u16],
}

/// X stands at the header that a part reads; a part ends in answers or goes on to the next.
impl Writer<'_> {
    /// An EtherType, with so many tags at most in front of what counts; `tunnels` says whether a
    /// VXLAN is opened.
    fn ethertype(&mut self, tags: u32, tunnels: bool) {
        let (v4, v6) = (self.program.label(), self.program.label());
        for left in (0..=tags).rev() {
            let (here_v4, here_v6) = (self.program.label(), self.program.label());
            let tagged = self.program.label();
            let program = &mut self.program;
            program.need_here(2, self.ends.unknown);
            program.half(0);
            program.if_equal(ethertype::IPV4.into(), here_v4);
            program.if_equal(ethertype::IPV6.into(), here_v6);
            for kind in TAG_TYPES {
                program.if_equal(
                    kind.into(),
                    if left > 0 { tagged } else { self.ends.unknown },
                );
            }
            program.go(self.ends.unknown);
            for (here, there) in [(here_v4, v4), (here_v6, v6)] {
                program.place(here);
                program.step(2);
                program.go(there);
            }
            program.place(tagged);
            program.step(TAG);
        }
        self.program.go(self.ends.unknown);
        self.ip(v4, v6, tunnels);
    }

    /// The version tells.
    fn bare_ip(&mut self) {
        let (v4, v6) = (self.program.label(), self.program.label());
        let program = &mut self.program;
        program.need(1, self.ends.unknown);
        program.octet(0);
        program.and(0xf0);
        program.if_equal(0x40, v4);
        program.if_equal(0x60, v6);
        program.go(self.ends.unknown);
        self.ip(v4, v6, true);
    }

    /// Both versions, which come here by their labels, and what both carry.
    fn ip(&mut self, v4: JumpLabel, v6: JumpLabel, tunnels: bool) {
        let (udp, tcp) = (self.program.label(), self.program.label());
        self.program.place(v4);
        self.v4(udp, tcp);
        self.program.place(v6);
        self.v6(udp, tcp);
        self.program.place(tcp);
        self.tcp();
        self.program.place(udp);
        self.udp(tunnels);
    }

    /// RFC 791 §3.1.
    fn v4(&mut self, udp: JumpLabel, tcp: JumpLabel) {
        let program = &mut self.program;
        program.need(20, self.ends.unknown);
        program.octet(0);
        program.and(0xf0);
        program.if_not(0x40, self.ends.unknown);
        program.half(6);
        program.if_any(0x3fff, self.ends.whole);
        for (number, then) in [(protocol::UDP, udp), (protocol::TCP, tcp)] {
            let next = program.label();
            program.octet(9);
            program.if_not(number.into(), next);
            program.octet(0);
            program.and(0x0f);
            program.shift_left(2);
            program.step_by_a();
            program.go(then);
            program.place(next);
        }
        program.go(self.ends.unknown);
    }

    /// RFC 8200 §3; of the extension headers only the fragment's.
    fn v6(&mut self, udp: JumpLabel, tcp: JumpLabel) {
        let program = &mut self.program;
        program.need(40, self.ends.unknown);
        program.octet(0);
        program.and(0xf0);
        program.if_not(0x60, self.ends.unknown);
        for (number, then) in [(protocol::UDP, udp), (protocol::TCP, tcp)] {
            let next = program.label();
            program.octet(6);
            program.if_not(number.into(), next);
            program.step(40);
            program.go(then);
            program.place(next);
        }
        program.if_equal(protocol::IPV6_FRAGMENT.into(), self.ends.whole);
        program.go(self.ends.unknown);
    }

    /// Either port is one of SIP's. The destination port is in A then.
    fn sip(&mut self) {
        for place in [0, 2] {
            self.program.half(place);
            for port in self.sip_ports {
                self.program.if_equal((*port).into(), self.ends.whole);
            }
        }
    }

    /// RFC 9293 §3.1: SIP or nothing of ours.
    fn tcp(&mut self) {
        self.program.need_here(TCP, self.ends.unknown);
        self.sip();
        self.program.answer_at(TCP);
    }

    fn udp(&mut self, tunnels: bool) {
        let program = &mut self.program;
        let (vxlan, media, other, channel) = (
            program.label(),
            program.label(),
            program.label(),
            program.label(),
        );
        program.need_here(UDP + 2, self.ends.unknown);
        self.sip();
        let program = &mut self.program;
        for port in VXLAN_PORTS {
            program.if_equal(port.into(), if tunnels { vxlan } else { self.ends.unknown });
        }
        for port in OTHER_TUNNEL_PORTS {
            program.if_equal(port.into(), self.ends.unknown);
        }
        // RFC 7983 §7.
        program.octet(UDP);
        program.if_at_least(192, other);
        program.if_at_least(128, media);
        program.if_at_least(80, other);
        program.if_at_least(64, channel);
        program.if_at_least(4, other);
        program.half(UDP);
        // Indications carry media (RFC 8656 §11.5, §18.1).
        program.if_equal(0x0016, self.ends.unknown);
        program.if_equal(0x0017, self.ends.unknown);
        program.go(self.ends.whole);
        program.place(other);
        program.answer_at(UDP + OTHER);
        program.place(channel);
        // RFC 8656 §12.4: number and length, then what the channel carries.
        program.need(UDP + CHANNEL + 2, self.ends.unknown);
        program.octet(UDP + CHANNEL);
        program.and(0xc0);
        program.if_not(0x80, self.ends.unknown);
        program.step(CHANNEL);
        program.place(media);
        self.media();
        self.program.place(vxlan);
        if tunnels {
            // RFC 7348 §5: the I flag and nothing else; without it, it is no tunnel.
            let program = &mut self.program;
            program.octet(UDP);
            program.if_not(0x08, self.ends.unknown);
            program.need(UDP + VXLAN + ETHERTYPE, self.ends.unknown);
            program.step(UDP + VXLAN + ETHERTYPE);
            self.ethertype(1, false);
        }
    }

    /// RTCP passes whole (RFC 5761 §4); RTP up to its last contributing source, and with the four
    /// octets that say how long its extension is: they tell RTP from what only looks like it.
    fn media(&mut self) {
        let program = &mut self.program;
        let extended = program.label();
        program.octet(UDP + 1);
        program.and(0xe0);
        program.if_equal(0xc0, self.ends.whole);
        program.octet(UDP);
        program.if_any(0x10, extended);
        program.and(0x0f);
        program.shift_left(2);
        program.answer_behind(UDP + RTP);
        program.place(extended);
        program.and(0x0f);
        program.shift_left(2);
        program.answer_behind(UDP + RTP + EXTENSION);
    }
}

#[cfg(test)]
mod tests;
