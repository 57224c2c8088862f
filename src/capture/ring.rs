//! `AF_PACKET` with a `TPACKET_V3` ring: the kernel fills blocks of frames in memory that we share
//! (Linux Documentation/networking/packet_mmap.rst).
//!
//! With `socket` the only file with `unsafe`. It holds the socket and the mapping and nothing that
//! decides anything: blocks leave here as plain octets, and all else under it is safe code. A worker owns a [`RingSource`] for as long as it captures.
#![allow(
    unsafe_code,
    reason = "system calls that std has no form for, and memory shared with the kernel"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "constants that libc has as c_int and that fit the narrower fields they are for"
)]

mod block;
mod fanout;
mod filter;
mod program;
mod socket;
mod source;

pub use self::fanout::Group;
pub use self::source::RingSource;

use self::socket::FilterKind;
use super::live;
use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The kernel closes a block that has frames at the latest after twice this time: its timer only
/// closes a block that it has met before. Short enough for seconds to close on time, long enough
/// to fill blocks at a useful rate.
const RETIRE: Duration = Duration::from_millis(60);
/// Octets of a block. It bounds the longest frame, which segmentation offload makes 64 KiB.
const BLOCK: usize = 1 << 20;
/// Octets of a block of a ring under [`SMALL_RING_MIB`], so that it has 8 blocks at least.
const SMALL_BLOCK: usize = 128 << 10;
const SMALL_RING_MIB: u32 = 16;
/// Has no effect with `TPACKET_V3` but must divide the block.
const FRAME: u32 = 2048;
/// Where `block_status` stands in a block.
const STATUS: usize = 8;

/// How a ring is set up.
#[derive(Clone, Debug)]
pub struct RingSettings {
    /// Its size in MiB, 1 to 4096.
    pub mib: u32,
    /// Frames addressed to others as well.
    pub promiscuous: bool,
    /// Media is left in the kernel; SIP on these ports is not. None: all of every frame comes.
    pub cut_for: Option<Vec<u16>>,
    /// Which other rings share the interface's frames with this one.
    pub group: Option<Arc<Group>>,
}

/// A system call that failed.
type Failure = (&'static str, io::Error);

/// What an interface is at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Interface {
    /// The kernel's number; an interface made anew under its old name has another one.
    index: c_int,
    /// Up, and with a carrier.
    running: bool,
    /// `ARPHRD_*`.
    hardware: u16,
}

/// Why a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wake {
    /// Perhaps there is a block, perhaps the time is over.
    Calm,
    /// The interface went down or away.
    Error,
}

/// A packet socket with its mapped ring, bound to one interface.
struct Ring {
    socket: OwnedFd,
    /// `blocks` times `block_octets`, mapped until drop.
    map: NonNull<u8>,
    blocks: usize,
    block_octets: usize,
    /// The interface as it was when the ring was opened.
    interface: Interface,
}

// SAFETY: the mapping belongs to this value alone and is not bound to a thread.
unsafe impl Send for Ring {}

impl Ring {
    /// Opens a ring of `mib` MiB on an interface, which may be down. Own outgoing frames are seen
    /// too, but not on a loopback, where each of them comes in again.
    fn open(name: &str, settings: &RingSettings) -> Result<Self, Failure> {
        let mib = settings.mib;
        let socket = socket::open()?;
        let interface = socket::lookup(&socket, name).map_err(|error| ("ioctl", error))?;

        let version = libc::tpacket_versions::TPACKET_V3 as c_int;
        socket::set(&socket, libc::PACKET_VERSION, &version)?;
        if interface.hardware == libc::ARPHRD_LOOPBACK {
            socket::set(&socket, libc::PACKET_IGNORE_OUTGOING, &1_i32)?;
        }
        let block_octets = if mib < SMALL_RING_MIB {
            SMALL_BLOCK
        } else {
            BLOCK
        };
        let blocks = ((mib.max(1) as usize) << 20) / block_octets;
        let request = request(block_octets, blocks);
        socket::set(&socket, libc::PACKET_RX_RING, &request)?;
        let map = map(&socket, block_octets * blocks)?;
        let ring = Self {
            socket,
            map,
            blocks,
            block_octets,
            interface,
        };

        ring.begin(settings)?;
        if settings.promiscuous {
            let membership = libc::packet_mreq {
                mr_ifindex: interface.index,
                mr_type: libc::PACKET_MR_PROMISC as u16,
                mr_alen: 0,
                mr_address: [0; 8],
            };
            socket::set(&ring.socket, libc::PACKET_ADD_MEMBERSHIP, &membership)?;
        }
        Ok(ring)
    }

    /// Lets frames in. They pass the filter once the ring is a member of its group: until then
    /// each of them would come to every queue.
    fn begin(&self, settings: &RingSettings) -> Result<(), Failure> {
        socket::run(&self.socket, &filter::nothing(), FilterKind::Filter)?;
        socket::bind(&self.socket, self.interface.index)?;
        if let Some(group) = &settings.group {
            group.join(&self.socket, self.interface.index)?;
        }
        let link = live::link_type(self.interface.hardware);
        let cut = settings.cut_for.as_ref();
        match cut.and_then(|sip_ports| filter::filter(link, sip_ports)) {
            Some(program) => socket::run(&self.socket, &program, FilterKind::Filter),
            None => socket::unfilter(&self.socket),
        }
    }

    /// Number of blocks.
    const fn blocks(&self) -> usize {
        self.blocks
    }

    /// The octets of a block that the kernel has handed over; `None` while it is the kernel's, or
    /// where there is no such block.
    fn block(&self, number: usize) -> Option<&[u8]> {
        let status = self.status(number)?;
        // Acquire: what the kernel wrote before the status is seen after it.
        if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        // SAFETY: inside the mapping (`status` checked the number), initialised by the kernel,
        // and the kernel does not write to it until `release`, which needs `&mut self` and so
        // ends this borrow.
        Some(unsafe {
            let start = self.map.as_ptr().add(number * self.block_octets);
            std::slice::from_raw_parts(start, self.block_octets)
        })
    }

    /// Gives a block back to the kernel.
    fn release(&mut self, number: usize) {
        if let Some(status) = self.status(number) {
            // Release: we are done reading before the kernel may write.
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
    }

    fn status(&self, number: usize) -> Option<&AtomicU32> {
        if number >= self.blocks {
            return None;
        }
        // SAFETY: inside the mapping, which lives as long as `self`; aligned, because blocks are
        // pages and `STATUS` is a multiple of four; both sides access it as a whole word.
        Some(unsafe {
            let word = self.map.as_ptr().add(number * self.block_octets + STATUS);
            AtomicU32::from_ptr(word.cast())
        })
    }

    /// Waits for the kernel to hand a block over. A signal ends the wait too.
    fn wait(&self, timeout: Duration) -> Result<Wake, Failure> {
        let mut poll = libc::pollfd {
            fd: self.socket.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let timeout = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: one pollfd, borrowed for the call.
        if unsafe { libc::poll(&raw mut poll, 1, timeout) } < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::Interrupted => Ok(Wake::Calm),
                _ => Err(("poll", error)),
            };
        }
        if poll.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) == 0 {
            return Ok(Wake::Calm);
        }
        // Reading the error clears it; else the next poll would end at once.
        socket::get::<c_int>(&self.socket, libc::SOL_SOCKET, libc::SO_ERROR)?;
        Ok(Wake::Error)
    }

    /// Frames that the kernel dropped since this was last asked.
    fn dropped(&self) -> Result<u32, Failure> {
        let statistics: libc::tpacket_stats_v3 =
            socket::get(&self.socket, libc::SOL_PACKET, libc::PACKET_STATISTICS)?;
        Ok(statistics.tp_drops)
    }

    /// The interface that has this name now; `None` if none has.
    fn lookup(&self, name: &str) -> Option<Interface> {
        socket::lookup(&self.socket, name).ok()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: this is the mapping made in `open`, and no borrow of it outlives `self`.
        unsafe { libc::munmap(self.map.as_ptr().cast(), self.blocks * self.block_octets) };
    }
}

fn request(block_octets: usize, blocks: usize) -> libc::tpacket_req3 {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let (block_octets, blocks) = (number(block_octets), number(blocks));
    libc::tpacket_req3 {
        tp_block_size: block_octets,
        tp_block_nr: blocks,
        tp_frame_size: FRAME,
        tp_frame_nr: block_octets / FRAME * blocks,
        tp_retire_blk_tov: number(RETIRE.as_millis() as usize),
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    }
}

fn map(socket: &OwnedFd, octets: usize) -> Result<NonNull<u8>, Failure> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at a place of the kernel's choice touches no memory of ours.
    let place = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            octets,
            protection,
            libc::MAP_SHARED,
            socket.as_raw_fd(),
            0,
        )
    };
    if place == libc::MAP_FAILED {
        return Err(("mmap", io::Error::last_os_error()));
    }
    NonNull::new(place.cast()).ok_or_else(|| ("mmap", io::ErrorKind::OutOfMemory.into()))
}
