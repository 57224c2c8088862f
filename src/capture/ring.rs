//! `AF_PACKET` with a `TPACKET_V3` ring: the kernel fills blocks of frames in shared memory
//! (Linux Documentation/networking/packet_mmap.rst).
//!
//! This file and `socket` are the only ones with `unsafe`. It owns the socket and the mapping, and
//! returns blocks as plain octets; the other files of this module are safe code. A worker owns a
//! [`RingSource`] for as long as it captures.
#![allow(
    unsafe_code,
    reason = "system calls that std does not provide, and memory shared with the kernel"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "libc has these constants as c_int; they fit their narrower fields"
)]

mod block;
mod fanout;
mod filter;
mod merged;
mod program;
mod socket;
mod source;

pub use self::fanout::Group;
pub use self::merged::MergedRings;
pub use self::socket::receive_offload;
pub use self::source::RingSource;

use self::filter::Media;
use self::socket::FilterKind;
use super::live;
use std::ffi::{c_int, c_short};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Block timeout. The kernel closes a block with frames after twice this time at the latest, because its
/// timer closes only a block that it saw open once before. Short enough that seconds close on time,
/// long enough that blocks fill at a useful rate.
const RETIRE_TIMEOUT: Duration = Duration::from_millis(60);
/// Octets of a block. Bounds the longest frame; with segmentation offload a frame has up to 64 KiB.
const BLOCK_SIZE: usize = 1 << 20;
/// Octets of a block of a ring smaller than [`SMALL_RING_MIB`], so that it has at least 8 blocks.
const SMALL_BLOCK_SIZE: usize = 128 << 10;
const SMALL_RING_MIB: u32 = 16;
/// `tp_frame_size`. `TPACKET_V3` does not use it, but it must divide the block size.
const FRAME_SIZE: u32 = 2048;
/// Offset of `block_status` in a block.
const STATUS_OFFSET: usize = 8;

/// Settings of a ring.
#[derive(Clone, Debug)]
pub struct RingSettings {
    /// Its size in MiB, 1 to 4096.
    pub mib: u32,
    /// Whether to capture frames that are addressed to other hosts.
    pub promiscuous: bool,
    /// If set, the kernel truncates media, and passes SIP on these ports whole. `None`: frames are not
    /// truncated.
    pub cut_for: Option<Vec<u16>>,
    /// The fanout group that shares the interface's frames, and which of its queues this is, counted
    /// from 0; `None` for a single queue.
    pub queue: Option<(Arc<Group>, usize)>,
}

/// A failed system call: its name and error.
type Failure = (&'static str, io::Error);

/// The current state of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Interface {
    /// The kernel's interface index; a recreated interface of the same name has another one.
    index: c_int,
    /// Whether it is up and has a carrier.
    running: bool,
    /// `ARPHRD_*`.
    hardware: u16,
}

/// Why a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wake {
    /// A block may be ready, or the timeout expired.
    BlockOrTimeout,
    /// The interface went down or was removed.
    SocketError,
}

/// A packet socket with its mapped ring, bound to one interface.
struct Ring {
    socket: OwnedFd,
    /// Start of the mapping of `blocks` times `block_octets`; unmapped at drop.
    map: NonNull<u8>,
    blocks: usize,
    block_octets: usize,
    /// The interface at the time of opening.
    interface: Interface,
    /// Whether the kernel says of each frame whether it holds several packets.
    vnet: bool,
}

// SAFETY: this value alone owns the mapping, and the mapping is not bound to a thread.
unsafe impl Send for Ring {}

impl Ring {
    /// Opens a ring on an interface, which may be down. Outgoing frames are captured too, except on a
    /// loopback, where each of them arrives again.
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
            SMALL_BLOCK_SIZE
        } else {
            BLOCK_SIZE
        };
        let blocks = ((mib.max(1) as usize) << 20) / block_octets;
        let vnet = socket::knows_udp_segments();
        if vnet {
            socket::set(&socket, libc::PACKET_VNET_HDR, &1_i32)?;
        }
        let request = request(block_octets, blocks);
        socket::set(&socket, libc::PACKET_RX_RING, &request)?;
        let map = map(&socket, block_octets * blocks)?;
        let ring = Self {
            socket,
            map,
            blocks,
            block_octets,
            interface,
            vnet,
        };

        ring.start(settings)?;
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

    /// Starts the capture. The filter drops all frames until the ring is a member of its group, because
    /// until then each frame would go to every queue.
    fn start(&self, settings: &RingSettings) -> Result<(), Failure> {
        socket::attach(&self.socket, &filter::drop_all(), FilterKind::Filter)?;
        socket::bind(&self.socket, self.interface.index)?;
        if let Some((group, queue)) = &settings.queue {
            group.join(&self.socket, self.interface.index, *queue)?;
        }
        self.set_filter(settings, Media::Cut)
    }

    /// Sets the program that truncates frames, if the settings have one.
    fn set_filter(&self, settings: &RingSettings, media: Media) -> Result<(), Failure> {
        let link = live::link_type(self.interface.hardware);
        let cut = settings.cut_for.as_ref();
        match cut.and_then(|sip_ports| filter::filter(link, sip_ports, media)) {
            Some(program) => socket::attach(&self.socket, &program, FilterKind::Filter),
            None => socket::detach_filter(&self.socket),
        }
    }

    /// Number of blocks.
    const fn blocks(&self) -> usize {
        self.blocks
    }

    /// The octets of a block that the kernel has closed; `None` while the kernel owns it, or if the number
    /// is out of range.
    fn block(&self, number: usize) -> Option<&[u8]> {
        let status = self.status(number)?;
        // Acquire: makes the frames visible that the kernel wrote before the status.
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

    /// Returns a block to the kernel.
    fn release(&mut self, number: usize) {
        if let Some(status) = self.status(number) {
            // Release: our reads end before the kernel may write.
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
    }

    fn status(&self, number: usize) -> Option<&AtomicU32> {
        if number >= self.blocks {
            return None;
        }
        // SAFETY: inside the mapping, which lives as long as `self`; aligned, because blocks are
        // pages and `STATUS_OFFSET` is a multiple of four; both sides access it as a whole word.
        Some(unsafe {
            let word = self
                .map
                .as_ptr()
                .add(number * self.block_octets + STATUS_OFFSET);
            AtomicU32::from_ptr(word.cast())
        })
    }

    /// Waits until the kernel closes a block. A signal ends the wait too.
    fn wait(&self, timeout: Duration) -> Result<Wake, Failure> {
        let woken = Self::wait_for(&[self], timeout)?;
        Ok(woken.first().copied().unwrap_or(Wake::BlockOrTimeout))
    }

    /// Waits until the kernel closes a block of one of these rings; why, for each of them.
    fn wait_for(rings: &[&Self], timeout: Duration) -> Result<Vec<Wake>, Failure> {
        let polled = rings.iter().map(|ring| libc::pollfd {
            fd: ring.socket.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        });
        let mut polled: Vec<libc::pollfd> = polled.collect();
        let timeout = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: pointer and number are those of one live slice, borrowed for the call.
        let result = unsafe {
            let number = polled.len() as libc::nfds_t;
            libc::poll(polled.as_mut_ptr(), number, timeout)
        };
        if result < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::Interrupted => Ok(vec![Wake::BlockOrTimeout; rings.len()]),
                _ => Err(("poll", error)),
            };
        }
        let woken = rings.iter().zip(polled);
        woken.map(|(ring, poll)| ring.wake(poll.revents)).collect()
    }

    /// What `poll` says of this socket.
    fn wake(&self, events: c_short) -> Result<Wake, Failure> {
        if events & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) == 0 {
            return Ok(Wake::BlockOrTimeout);
        }
        // Reading the error clears it; otherwise the next poll would return at once.
        socket::get::<c_int>(&self.socket, libc::SOL_SOCKET, libc::SO_ERROR)?;
        Ok(Wake::SocketError)
    }

    /// Frames dropped by the kernel since the last call.
    fn dropped(&self) -> Result<u32, Failure> {
        let statistics: libc::tpacket_stats_v3 =
            socket::get(&self.socket, libc::SOL_PACKET, libc::PACKET_STATISTICS)?;
        Ok(statistics.tp_drops)
    }

    /// The interface with this name now, if any.
    fn lookup(&self, name: &str) -> Option<Interface> {
        socket::lookup(&self.socket, name).ok()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: `open` made this mapping, and no borrow of it outlives `self`.
        unsafe { libc::munmap(self.map.as_ptr().cast(), self.blocks * self.block_octets) };
    }
}

fn request(block_octets: usize, blocks: usize) -> libc::tpacket_req3 {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let (block_octets, blocks) = (number(block_octets), number(blocks));
    libc::tpacket_req3 {
        tp_block_size: block_octets,
        tp_block_nr: blocks,
        tp_frame_size: FRAME_SIZE,
        tp_frame_nr: block_octets / FRAME_SIZE * blocks,
        tp_retire_blk_tov: number(RETIRE_TIMEOUT.as_millis() as usize),
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    }
}

fn map(socket: &OwnedFd, octets: usize) -> Result<NonNull<u8>, Failure> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address that the kernel chooses overlaps no memory of this process.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            octets,
            protection,
            libc::MAP_SHARED,
            socket.as_raw_fd(),
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(("mmap", io::Error::last_os_error()));
    }
    NonNull::new(address.cast()).ok_or_else(|| ("mmap", io::ErrorKind::OutOfMemory.into()))
}
