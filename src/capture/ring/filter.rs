//! Truncates frames in the kernel: a classic BPF program on the socket.
//!
//! In the formats that the program knows, RTP is truncated after its fixed header and contributing
//! sources. So media, and the digits of telephone events, never reach this process. RTCP, STUN, SIP and
//! fragments (which carry large SIP messages) pass whole. So does a frame of audio as long as two packets:
//! it may hold several (receive offload), which a program cannot see. Once the kernel has said that frames
//! do, all media passes whole. A frame of unknown format passes truncated to
//! [`UNKNOWN_LENGTH`] octets. No frame is dropped.
//!
//! The known formats are Ethernet with up to two tags in the frame, or raw IP; IPv4, and IPv6 without
//! extension headers; UDP and TCP; ChannelData of TURN; and all of these inside one VXLAN tunnel.
#![forbid(unsafe_code)]

use super::program::{Instruction, JumpLabel, Program};
use crate::frame::LinkType;
use crate::wire::numbers::{UDP_HEADER, VLAN_TAG, ethertype, port, protocol};

/// Snap length of a frame of unknown format: enough for the headers of eight tunnels. A truncated frame
/// of exactly this length had an unknown format, because known formats are truncated earlier.
pub(super) const UNKNOWN_LENGTH: u32 = 256;

/// Snap length of a frame that passes whole.
const WHOLE_LENGTH: u32 = 262_144;

/// Payload octets of a UDP datagram that is not voice: enough for [`crate::wire`] to classify it.
const OTHER_PAYLOAD: u32 = 32;

/// Offset of the EtherType in an Ethernet header. It and the lengths below are in octets.
const ETHERTYPE: u32 = 12;
const TAG: u32 = VLAN_TAG as u32;
const UDP: u32 = UDP_HEADER as u32;
/// Offset of the length in a UDP header.
const UDP_LENGTH: u32 = 4;
const TCP: u32 = 20;
const RTP: u32 = 12;
/// Fixed part of an RTP header extension (RFC 3550 §5.3.1).
const EXTENSION: u32 = 4;
const VXLAN: u32 = 8;
const CHANNEL: u32 = 4;

/// Most VLAN tags outside of a tunnel.
const TAG_DEPTH: u32 = 2;
const TAG_TYPES: [u16; 3] = [
    ethertype::VLAN,
    ethertype::SERVICE_VLAN,
    ethertype::STACKED_VLAN,
];
const VXLAN_PORTS: [u16; 2] = [port::VXLAN, port::VXLAN_LINUX];
const OTHER_TUNNEL_PORTS: [u16; 3] = [port::GTP_U, port::VXLAN_GPE, port::GENEVE];

/// Least UDP length, header included, of a frame of audio that may be several packets: two of 20 ms of
/// G.711. A program cannot see whether it is; so it passes whole.
const MERGED: u32 = UDP + 2 * 172;
/// Payload types below this one are audio (RFC 3551 §6).
const FIRST_VIDEO: u32 = 24;

/// What the program does with media.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Media {
    /// It is truncated after its header, but for long frames of audio.
    Cut,
    /// It passes whole: frames hold several packets here, and each has a header of its own.
    Whole,
}

/// The program for an interface; `None` if its link type is not supported.
pub(super) fn filter(link: LinkType, sip_ports: &[u16], media: Media) -> Option<Vec<Instruction>> {
    let mut program = Program::default();
    let returns = ReturnLabels {
        unknown: program.label(),
        whole: program.label(),
    };
    let mut builder = FilterBuilder {
        program,
        returns,
        sip_ports,
        media,
    };
    match link {
        LinkType::Ethernet => {
            builder.program.load_x(ETHERTYPE);
            builder.ethertype(TAG_DEPTH, true);
        }
        LinkType::RawIp => {
            builder.program.load_x(0);
            builder.raw_ip();
        }
        LinkType::Cooked | LinkType::Cooked2 | LinkType::Loopback | LinkType::Other(_) => {
            return None;
        }
    }
    let mut program = builder.program;
    program.bind(returns.unknown);
    program.return_k(UNKNOWN_LENGTH);
    program.bind(returns.whole);
    program.return_k(WHOLE_LENGTH);
    program.assemble()
}

/// A program that drops every frame.
pub(super) fn drop_all() -> Vec<Instruction> {
    let mut program = Program::default();
    program.return_k(0);
    program.assemble().unwrap_or_default()
}

/// The labels of the return instructions at the end of the program.
#[derive(Clone, Copy, Debug)]
struct ReturnLabels {
    unknown: JumpLabel,
    whole: JumpLabel,
}

struct FilterBuilder<'a> {
    program: Program,
    returns: ReturnLabels,
    sip_ports: &'a [u16],
    media: Media,
}

/// Each method emits the code for one header, with register X at the start of that header. Every path
/// returns, or jumps to the code of the next header.
impl FilterBuilder<'_> {
    /// An EtherType behind up to `tags` VLAN tags. `tunnels` says whether VXLAN is decapsulated.
    fn ethertype(&mut self, tags: u32, tunnels: bool) {
        let (v4, v6) = (self.program.label(), self.program.label());
        for left in (0..=tags).rev() {
            let (at_v4, at_v6) = (self.program.label(), self.program.label());
            let tagged = self.program.label();
            let program = &mut self.program;
            program.require_at_any_x(2, self.returns.unknown);
            program.load_half(0);
            program.jump_if_equal(ethertype::IPV4.into(), at_v4);
            program.jump_if_equal(ethertype::IPV6.into(), at_v6);
            for kind in TAG_TYPES {
                program.jump_if_equal(
                    kind.into(),
                    if left > 0 {
                        tagged
                    } else {
                        self.returns.unknown
                    },
                );
            }
            program.jump(self.returns.unknown);
            for (found, next) in [(at_v4, v4), (at_v6, v6)] {
                program.bind(found);
                program.add_to_x(2);
                program.jump(next);
            }
            program.bind(tagged);
            program.add_to_x(TAG);
        }
        self.program.jump(self.returns.unknown);
        self.ip(v4, v6, tunnels);
    }

    /// IP without a link header; branches on the version.
    fn raw_ip(&mut self) {
        let (v4, v6) = (self.program.label(), self.program.label());
        let program = &mut self.program;
        program.require(1, self.returns.unknown);
        program.load_byte(0);
        program.and(0xf0);
        program.jump_if_equal(0x40, v4);
        program.jump_if_equal(0x60, v6);
        program.jump(self.returns.unknown);
        self.ip(v4, v6, true);
    }

    /// IPv4 and IPv6 at their labels, then TCP and UDP.
    fn ip(&mut self, v4: JumpLabel, v6: JumpLabel, tunnels: bool) {
        let (udp, tcp) = (self.program.label(), self.program.label());
        self.program.bind(v4);
        self.v4(udp, tcp);
        self.program.bind(v6);
        self.v6(udp, tcp);
        self.program.bind(tcp);
        self.tcp();
        self.program.bind(udp);
        self.udp(tunnels);
    }

    /// RFC 791 §3.1.
    fn v4(&mut self, udp: JumpLabel, tcp: JumpLabel) {
        let program = &mut self.program;
        program.require(20, self.returns.unknown);
        program.load_byte(0);
        program.and(0xf0);
        program.jump_if_not_equal(0x40, self.returns.unknown);
        program.load_half(6);
        program.jump_if_any_bit(0x3fff, self.returns.whole);
        for (number, then) in [(protocol::UDP, udp), (protocol::TCP, tcp)] {
            let next = program.label();
            program.load_byte(9);
            program.jump_if_not_equal(number.into(), next);
            program.load_byte(0);
            program.and(0x0f);
            program.shift_left(2);
            program.add_a_to_x();
            program.jump(then);
            program.bind(next);
        }
        program.jump(self.returns.unknown);
    }

    /// RFC 8200 §3. Of the extension headers only the fragment header is known.
    fn v6(&mut self, udp: JumpLabel, tcp: JumpLabel) {
        let program = &mut self.program;
        program.require(40, self.returns.unknown);
        program.load_byte(0);
        program.and(0xf0);
        program.jump_if_not_equal(0x60, self.returns.unknown);
        for (number, then) in [(protocol::UDP, udp), (protocol::TCP, tcp)] {
            let next = program.label();
            program.load_byte(6);
            program.jump_if_not_equal(number.into(), next);
            program.add_to_x(40);
            program.jump(then);
            program.bind(next);
        }
        program.jump_if_equal(protocol::IPV6_FRAGMENT.into(), self.returns.whole);
        program.jump(self.returns.unknown);
    }

    /// Passes SIP whole, by either port. Leaves the destination port in A.
    fn sip(&mut self) {
        for offset in [0, 2] {
            self.program.load_half(offset);
            for port in self.sip_ports {
                self.program
                    .jump_if_equal((*port).into(), self.returns.whole);
            }
        }
    }

    /// RFC 9293 §3.1: passes SIP whole, and truncates any other segment after its header.
    fn tcp(&mut self) {
        self.program.require_at_any_x(TCP, self.returns.unknown);
        self.sip();
        self.program.return_x_plus(TCP);
    }

    fn udp(&mut self, tunnels: bool) {
        let program = &mut self.program;
        let (vxlan, media, other, channel) = (
            program.label(),
            program.label(),
            program.label(),
            program.label(),
        );
        program.require_at_any_x(UDP + 2, self.returns.unknown);
        self.sip();
        let program = &mut self.program;
        for port in VXLAN_PORTS {
            program.jump_if_equal(
                port.into(),
                if tunnels { vxlan } else { self.returns.unknown },
            );
        }
        for port in OTHER_TUNNEL_PORTS {
            program.jump_if_equal(port.into(), self.returns.unknown);
        }
        // RFC 7983 §7.
        program.load_byte(UDP);
        program.jump_if_at_least(192, other);
        program.jump_if_at_least(128, media);
        program.jump_if_at_least(80, other);
        program.jump_if_at_least(64, channel);
        program.jump_if_at_least(4, other);
        program.load_half(UDP);
        // TURN indications carry media (RFC 8656 §11.5, §18.1).
        program.jump_if_equal(0x0016, self.returns.unknown);
        program.jump_if_equal(0x0017, self.returns.unknown);
        program.jump(self.returns.whole);
        program.bind(other);
        program.return_x_plus(UDP + OTHER_PAYLOAD);
        program.bind(channel);
        if self.media == Media::Whole {
            program.jump(self.returns.whole);
        }
        // RFC 8656 §12.4: channel number and length, then application data.
        program.require(UDP + CHANNEL + 2, self.returns.unknown);
        program.load_byte(UDP + CHANNEL);
        program.and(0xc0);
        program.jump_if_not_equal(0x80, self.returns.unknown);
        program.add_to_x(CHANNEL);
        let cut = program.label();
        program.jump(cut);
        program.bind(media);
        if self.media == Media::Whole {
            program.jump(self.returns.whole);
        }
        program.load_byte(UDP + 1);
        program.and(0x7f);
        program.jump_if_at_least(FIRST_VIDEO, cut);
        program.load_half(UDP_LENGTH);
        program.jump_if_at_least(MERGED, self.returns.whole);
        program.bind(cut);
        self.media();
        self.program.bind(vxlan);
        if tunnels {
            // RFC 7348 §5: only the I flag is set; otherwise it is not VXLAN.
            let program = &mut self.program;
            program.load_byte(UDP);
            program.jump_if_not_equal(0x08, self.returns.unknown);
            program.require(UDP + VXLAN + ETHERTYPE, self.returns.unknown);
            program.add_to_x(UDP + VXLAN + ETHERTYPE);
            self.ethertype(1, false);
        }
    }

    /// RTCP passes whole (RFC 5761 §4). RTP passes up to its last contributing source, with the four octets
    /// that give the length of its extension: they tell RTP from other payloads.
    fn media(&mut self) {
        let program = &mut self.program;
        let extended = program.label();
        program.load_byte(UDP + 1);
        program.and(0xe0);
        program.jump_if_equal(0xc0, self.returns.whole);
        program.load_byte(UDP);
        program.jump_if_any_bit(0x10, extended);
        program.and(0x0f);
        program.shift_left(2);
        program.return_a_plus_x_plus(UDP + RTP);
        program.bind(extended);
        program.and(0x0f);
        program.shift_left(2);
        program.return_a_plus_x_plus(UDP + RTP + EXTENSION);
    }
}

#[cfg(test)]
mod tests;
