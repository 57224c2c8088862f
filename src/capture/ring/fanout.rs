//! Which of several queues of an interface a frame goes to: a classic BPF program of the fanout
//! group (packet(7), `PACKET_FANOUT_CBPF`).
//!
//! The addresses of the innermost IP packet are mixed so that both directions of a call, and RTCP on
//! whatever port, meet in one queue. The kernel's own hash takes the ports in, and of a VXLAN mirror
//! it sees one pair only. What has no addresses here goes to the first queue.
#![forbid(unsafe_code)]

use super::Failure;
use super::program::{Instruction, JumpLabel, Program};
use super::socket::{self, FilterKind};
use crate::wire::numbers::{port, protocol};
use std::ffi::c_int;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

/// The queues of one interface. Shared by their rings, which come and go with the interface.
#[derive(Debug, Default)]
pub struct Group {
    /// The kernel's numbers of the interface and of the group, which is bound to it.
    current: Mutex<Option<(c_int, u16)>>,
}

impl Group {
    /// Makes a bound socket a member: the first one of an interface founds the group.
    pub(super) fn join(&self, socket: &OwnedFd, interface: c_int) -> Result<(), Failure> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, number)) = *current
            && known == interface
        {
            return socket::set(socket, libc::PACKET_FANOUT, &argument(number, 0));
        }
        // The kernel finds a number that no other process uses.
        let founding = argument(0, libc::PACKET_FANOUT_FLAG_UNIQUEID);
        socket::set(socket, libc::PACKET_FANOUT, &founding)?;
        let program = by_address_pair().unwrap_or_default();
        socket::run(socket, &program, FilterKind::Fanout)?;
        let found: c_int = socket::get(socket, libc::SOL_PACKET, libc::PACKET_FANOUT)?;
        let [.., high, low] = found.to_be_bytes();
        *current = Some((interface, u16::from_be_bytes([high, low])));
        Ok(())
    }
}

/// Number, kind and flags as the option wants them.
fn argument(number: u16, flags: u32) -> u32 {
    u32::from(number) | (libc::PACKET_FANOUT_CBPF | flags) << 16
}

/// `SKF_NET_OFF`: offsets from the IP header, wherever the frame begins. A fanout program sees
/// received frames without their link header and sent ones with it.
const NETWORK: u32 = (-0x10_0000_i32).cast_unsigned();

/// From the outer IP header to what a VXLAN carries: IPv4, UDP, VXLAN, Ethernet.
const INSIDE: u32 = 20 + 8 + 8 + 14;

/// The program; its answer is taken modulo the number of queues.
pub(super) fn by_address_pair() -> Option<Vec<Instruction>> {
    let mut program = Program::default();
    let (v6, inside, mixed, none) = (
        program.label(),
        program.label(),
        program.label(),
        program.label(),
    );
    program.octet_at(NETWORK);
    program.and(0xf0);
    program.if_equal(0x60, v6);
    program.if_not(0x40, none);
    let plain = program.label();
    program.octet_at(NETWORK + 9);
    program.if_not(protocol::UDP.into(), plain);
    program.octet_at(NETWORK);
    program.if_not(0x45, plain);
    program.half_at(NETWORK + 6);
    program.if_any(0x3fff, plain);
    program.half_at(NETWORK + 22);
    program.if_equal(port::VXLAN.into(), inside);
    program.if_equal(port::VXLAN_LINUX.into(), inside);
    program.place(plain);
    v4_pair(&mut program, 0, mixed);
    program.place(inside);
    program.octet_at(NETWORK + INSIDE);
    program.and(0xf0);
    let inner_v6 = program.label();
    program.if_equal(0x60, inner_v6);
    program.if_not(0x40, none);
    v4_pair(&mut program, INSIDE, mixed);
    program.place(inner_v6);
    v6_pair(&mut program, INSIDE, mixed);
    program.place(v6);
    v6_pair(&mut program, 0, mixed);
    program.place(mixed);
    // Fibonacci hashing, as among the workers of a replay: low bits are the ones that differ.
    program.multiply(0x9e37_79b9);
    program.shift_right(16);
    program.answer();
    program.place(none);
    program.answer_with(0);
    program.finish()
}

fn v4_pair(program: &mut Program, at: u32, then: JumpLabel) {
    program.word_at(NETWORK + at + 12);
    program.xor_word_at(NETWORK + at + 16);
    program.go(then);
}

fn v6_pair(program: &mut Program, at: u32, then: JumpLabel) {
    program.word_at(NETWORK + at + 8);
    for word in 1..8 {
        program.xor_word_at(NETWORK + at + 8 + 4 * word);
    }
    program.go(then);
}
