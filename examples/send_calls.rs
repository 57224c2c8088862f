//! Sends many concurrent G.711 calls out of an interface, as fast as asked or as fast as it goes,
//! for the comparison in `benches/live`. Only for a network namespace made for it.
//!
//! ```text
//! cargo run --release --example send_calls -- INTERFACE STREAMS SECONDS PACKETS-A-SECOND|max
//! ```
//!
//! Past the queueing discipline, 64 frames a system call. Prints how many it sent, and in what time.

#![allow(
    unsafe_code,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a generator for benches, which speaks to the kernel"
)]

#[path = "many_calls.rs"]
#[allow(dead_code, reason = "its streams are what is needed here")]
mod many_calls;

use asnmeter::capture::synthetic::scenario::SplitMix;
use asnmeter::clock;
use many_calls::Stream;
use std::ffi::{CString, c_int};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// What remains of a wait when the processor is not given away any more.
const SPIN: Duration = Duration::from_micros(150);

/// Frames a system call.
const BATCH: usize = 64;

/// A packet socket bound to an interface.
fn open(interface: &str) -> io::Result<OwnedFd> {
    let name = CString::new(interface)?;
    // SAFETY: takes no pointers.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else knows it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // SAFETY: a C string that lives on.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    // SAFETY: a C struct of integers, for which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_ifindex = index.cast_signed();
    let one: c_int = 1;
    // SAFETY: pointers and lengths are those of one live integer and one live sockaddr_ll.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_QDISC_BYPASS,
            (&raw const one).cast(),
            size_of::<c_int>() as u32,
        ) < 0
            || libc::bind(
                socket.as_raw_fd(),
                (&raw const address).cast(),
                size_of::<libc::sockaddr_ll>() as u32,
            ) < 0
    };
    if index == 0 || failed {
        return Err(io::Error::last_os_error());
    }
    Ok(socket)
}

/// Sends the next packet of each; how many the kernel took. Those it did not take are lost.
fn send(socket: &OwnedFd, streams: &mut [Stream]) -> u64 {
    let mut parts: Vec<libc::iovec> = Vec::with_capacity(BATCH);
    for stream in streams {
        stream.advance();
        parts.push(libc::iovec {
            iov_base: stream.frame.as_mut_ptr().cast(),
            iov_len: stream.frame.len(),
        });
    }
    let message = |part: &mut libc::iovec| {
        // SAFETY: a C struct of integers and pointers, for which zero is a value.
        let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
        message.msg_hdr.msg_iov = part;
        message.msg_hdr.msg_iovlen = 1;
        message
    };
    let mut messages: Vec<_> = parts.iter_mut().map(message).collect();
    // SAFETY: the messages, their parts and the frames live until the call returns.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr(),
            messages.len() as u32,
            0,
        )
    };
    u64::try_from(sent).unwrap_or(0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const USAGE: &str = "usage: send_calls INTERFACE STREAMS SECONDS PACKETS-A-SECOND|max";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [interface, count, seconds, rate] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let (count, seconds): (u64, u64) = (count.parse()?, seconds.parse()?);
    let between = match rate.as_str() {
        "max" => Duration::ZERO,
        rate => Duration::from_secs(1) / rate.parse::<u32>()?,
    };
    let socket = open(interface)?;
    let mut streams = many_calls::streams(count, &mut SplitMix::new(1));
    let (begun, length) = (clock::uptime(), Duration::from_secs(seconds));
    let (mut sent, mut due) = (0_u64, Duration::ZERO);
    'all: loop {
        for some in streams.chunks_mut(BATCH) {
            loop {
                let gone = clock::uptime().saturating_sub(begun);
                if gone >= length {
                    break 'all;
                }
                if gone >= due {
                    break;
                }
                // A pause is late by some 60 microseconds: only a near end is waited for on the processor.
                match due.saturating_sub(gone).checked_sub(SPIN) {
                    Some(pause) => clock::wait(pause),
                    None => std::hint::spin_loop(),
                }
            }
            due += between * some.len() as u32;
            sent += send(&socket, some);
        }
    }
    let took = clock::uptime().saturating_sub(begun).as_secs_f64();
    println!("{sent} {took:.3} {:.0}", sent as f64 / took);
    Ok(())
}
