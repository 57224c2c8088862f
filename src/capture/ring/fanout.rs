//! Distributes the frames of an interface among its queues: a classic BPF program of the fanout group
//! (packet(7), `PACKET_FANOUT_CBPF`).
//!
//! The program hashes the address pair of the innermost IP packet, so that both directions of a call,
//! and RTCP on any port, go to one queue. The kernel's own hash includes the ports, and of a VXLAN
//! mirror it sees only the outer pair. A frame without IP addresses goes to the first queue.
#![forbid(unsafe_code)]

use super::Failure;
use super::program::{Instruction, JumpLabel, Program};
use super::socket::{self, FilterKind};
use crate::wire::numbers::{port, protocol};
use std::ffi::c_int;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

/// The fanout group of one interface. Shared by the rings of its queues, which are reopened when the
/// interface comes back.
///
/// The kernel numbers the queues of a group in the order in which they join, so they join in order: what
/// the program takes for queue 2 of one interface is queue 2 of every other, whoever is reopened first.
#[derive(Debug, Default)]
pub struct Group {
    current: Mutex<Option<Members>>,
}

/// The queues that have joined.
#[derive(Clone, Copy, Debug)]
struct Members {
    /// The interface index, to which the group is bound.
    interface: c_int,
    /// The group's id.
    id: u16,
    joined: usize,
}

impl Group {
    /// Adds a bound socket to the group as this queue; the first queue of an interface creates the group.
    /// Fails with `EAGAIN` before it is this queue's turn.
    pub(super) fn join(
        &self,
        socket: &OwnedFd,
        interface: c_int,
        queue: usize,
    ) -> Result<(), Failure> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let members = current.filter(|members| members.interface == interface);
        if queue != members.map_or(0, |members| members.joined) {
            let error = io::Error::from_raw_os_error(libc::EAGAIN);
            return Err(("setsockopt PACKET_FANOUT", error));
        }
        let id = if let Some(Members { id, .. }) = members {
            socket::set(socket, libc::PACKET_FANOUT, &argument(id, 0))?;
            id
        } else {
            create(socket)?
        };
        *current = Some(Members {
            interface,
            id,
            joined: queue + 1,
        });
        Ok(())
    }
}

/// Creates a group with this socket as its first queue; the group's id.
fn create(socket: &OwnedFd) -> Result<u16, Failure> {
    // The kernel chooses an id that no other process uses.
    let create = argument(0, libc::PACKET_FANOUT_FLAG_UNIQUEID);
    socket::set(socket, libc::PACKET_FANOUT, &create)?;
    let program = address_pair_program().unwrap_or_default();
    socket::attach(socket, &program, FilterKind::Fanout)?;
    let created: c_int = socket::get(socket, libc::SOL_PACKET, libc::PACKET_FANOUT)?;
    let [.., high, low] = created.to_be_bytes();
    Ok(u16::from_be_bytes([high, low]))
}

/// The option value: id, mode and flags.
fn argument(id: u16, flags: u32) -> u32 {
    u32::from(id) | (libc::PACKET_FANOUT_CBPF | flags) << 16
}

/// `SKF_NET_OFF`: offsets relative to the IP header. A fanout program sees received frames without
/// their link header and sent frames with it.
const NETWORK: u32 = (-0x10_0000_i32).cast_unsigned();

/// Offset from the outer to the inner IP header of VXLAN: IPv4, UDP, VXLAN and Ethernet headers.
const INNER_IP: u32 = 20 + 8 + 8 + 14;

/// The program. The kernel takes its return value modulo the number of queues.
fn address_pair_program() -> Option<Vec<Instruction>> {
    let mut program = Program::default();
    let (v6, vxlan, hash, first_queue) = (
        program.label(),
        program.label(),
        program.label(),
        program.label(),
    );
    program.load_byte_at(NETWORK);
    program.and(0xf0);
    program.jump_if_equal(0x60, v6);
    program.jump_if_not_equal(0x40, first_queue);
    let plain = program.label();
    program.load_byte_at(NETWORK + 9);
    program.jump_if_not_equal(protocol::UDP.into(), plain);
    program.load_byte_at(NETWORK);
    program.jump_if_not_equal(0x45, plain);
    program.load_half_at(NETWORK + 6);
    program.jump_if_any_bit(0x3fff, plain);
    program.load_half_at(NETWORK + 22);
    program.jump_if_equal(port::VXLAN.into(), vxlan);
    program.jump_if_equal(port::VXLAN_LINUX.into(), vxlan);
    program.bind(plain);
    v4_pair(&mut program, 0, hash);
    program.bind(vxlan);
    program.load_byte_at(NETWORK + INNER_IP);
    program.and(0xf0);
    let inner_v6 = program.label();
    program.jump_if_equal(0x60, inner_v6);
    program.jump_if_not_equal(0x40, first_queue);
    v4_pair(&mut program, INNER_IP, hash);
    program.bind(inner_v6);
    v6_pair(&mut program, INNER_IP, hash);
    program.bind(v6);
    v6_pair(&mut program, 0, hash);
    program.bind(hash);
    // Fibonacci hashing, as for the workers of a replay: addresses differ mostly in their low bits.
    program.multiply(0x9e37_79b9);
    program.shift_right(16);
    program.return_a();
    program.bind(first_queue);
    program.return_k(0);
    program.assemble()
}

fn v4_pair(program: &mut Program, at: u32, then: JumpLabel) {
    program.load_word_at(NETWORK + at + 12);
    program.xor_word_at(NETWORK + at + 16);
    program.jump(then);
}

fn v6_pair(program: &mut Program, at: u32, then: JumpLabel) {
    program.load_word_at(NETWORK + at + 8);
    for word in 1..8 {
        program.xor_word_at(NETWORK + at + 8 + 4 * word);
    }
    program.jump(then);
}
