//! `AF_PACKET` with a `TPACKET_V3` ring: the kernel fills blocks of frames in memory that we share
//! (Linux Documentation/networking/packet_mmap.rst).
//!
//! The only file with `unsafe`. It holds the socket and the mapping and nothing that decides
//! anything: blocks leave here as plain octets, and `block` and `source` under it are safe
//! code. A worker owns a [`RingSource`] for as long as it captures.
#![allow(
    unsafe_code,
    reason = "system calls that std has no form for, and memory shared with the kernel"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "constants that libc has as c_int and that fit the narrower fields they are for"
)]

mod block;
mod source;

pub use self::source::RingSource;

use std::ffi::{c_int, c_short};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
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
    fn open(name: &str, mib: u32, promiscuous: bool) -> Result<Self, Failure> {
        // Protocol 0: nothing arrives before the ring stands and the socket is bound.
        // SAFETY: takes no pointers.
        let socket =
            unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if socket < 0 {
            return Err(("socket", io::Error::last_os_error()));
        }
        // SAFETY: just opened, and nobody else knows it.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        let interface = lookup(&socket, name).map_err(|error| ("ioctl", error))?;

        let version = libc::tpacket_versions::TPACKET_V3 as c_int;
        set(&socket, libc::PACKET_VERSION, &version)?;
        if interface.hardware == libc::ARPHRD_LOOPBACK {
            set(&socket, libc::PACKET_IGNORE_OUTGOING, &1_i32)?;
        }
        let block_octets = if mib < SMALL_RING_MIB {
            SMALL_BLOCK
        } else {
            BLOCK
        };
        let blocks = ((mib.max(1) as usize) << 20) / block_octets;
        let request = request(block_octets, blocks);
        set(&socket, libc::PACKET_RX_RING, &request)?;
        let map = map(&socket, block_octets * blocks)?;
        let ring = Self {
            socket,
            map,
            blocks,
            block_octets,
            interface,
        };

        bind(&ring.socket, interface.index)?;
        if promiscuous {
            let membership = libc::packet_mreq {
                mr_ifindex: interface.index,
                mr_type: libc::PACKET_MR_PROMISC as u16,
                mr_alen: 0,
                mr_address: [0; 8],
            };
            set(&ring.socket, libc::PACKET_ADD_MEMBERSHIP, &membership)?;
        }
        Ok(ring)
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
        get::<c_int>(&self.socket, libc::SOL_SOCKET, libc::SO_ERROR)?;
        Ok(Wake::Error)
    }

    /// Frames that the kernel dropped since this was last asked.
    fn dropped(&self) -> Result<u32, Failure> {
        let statistics: libc::tpacket_stats_v3 =
            get(&self.socket, libc::SOL_PACKET, libc::PACKET_STATISTICS)?;
        Ok(statistics.tp_drops)
    }

    /// The interface that has this name now; `None` if none has.
    fn lookup(&self, name: &str) -> Option<Interface> {
        lookup(&self.socket, name).ok()
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

fn bind(socket: &OwnedFd, index: c_int) -> Result<(), Failure> {
    // SAFETY: a C struct of integers, for which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index;
    // SAFETY: pointer and length are those of one live sockaddr_ll.
    let result = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size::<libc::sockaddr_ll>(),
        )
    };
    if result < 0 {
        return Err(("bind", io::Error::last_os_error()));
    }
    Ok(())
}

/// Asks the kernel for number, flags and kind of the interface with a name.
fn lookup(socket: &OwnedFd, name: &str) -> io::Result<Interface> {
    let fits = !name.is_empty() && name.len() < libc::IFNAMSIZ && !name.contains('\0');
    if !fits {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    let ask = |what| {
        // SAFETY: a C struct of integers and a pointer, for which zero is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (place, octet) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *place = octet.cast_signed();
        }
        // SAFETY: these requests read the name and write the union of this live ifreq.
        match unsafe { libc::ioctl(socket.as_raw_fd(), what, &raw mut request) } {
            0 => Ok(request.ifr_ifru),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: each request just filled the field that is read.
    let (index, flags, hardware) = unsafe {
        (
            ask(libc::SIOCGIFINDEX)?.ifru_ifindex,
            ask(libc::SIOCGIFFLAGS)?.ifru_flags,
            ask(libc::SIOCGIFHWADDR)?.ifru_hwaddr.sa_family,
        )
    };
    let both = (libc::IFF_UP | libc::IFF_RUNNING) as c_short;
    Ok(Interface {
        index,
        running: flags & both == both,
        hardware,
    })
}

/// Sets a packet socket option to a value of plain octets.
fn set<T: Copy>(socket: &OwnedFd, option: c_int, value: &T) -> Result<(), Failure> {
    // SAFETY: pointer and length are those of one live value, which the kernel only reads.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            std::ptr::from_ref(value).cast(),
            size::<T>(),
        )
    };
    if result < 0 {
        let call = match option {
            libc::PACKET_RX_RING => "setsockopt PACKET_RX_RING",
            libc::PACKET_ADD_MEMBERSHIP => "setsockopt PACKET_ADD_MEMBERSHIP",
            libc::PACKET_IGNORE_OUTGOING => "setsockopt PACKET_IGNORE_OUTGOING",
            _ => "setsockopt PACKET_VERSION",
        };
        return Err((call, io::Error::last_os_error()));
    }
    Ok(())
}

/// Options whose value is integers only, so that any octets make one.
trait Integers: Copy {}
impl Integers for c_int {}
impl Integers for libc::tpacket_stats_v3 {}

/// Reads a socket option.
fn get<T: Integers>(socket: &OwnedFd, level: c_int, option: c_int) -> Result<T, Failure> {
    let mut length = size::<T>();
    // SAFETY: the bound says that zero is a value, as is whatever the kernel writes into the
    // `length` octets of it.
    let (result, value) = unsafe {
        let mut value: T = std::mem::zeroed();
        let place = (&raw mut value).cast();
        let socket = socket.as_raw_fd();
        let result = libc::getsockopt(socket, level, option, place, &raw mut length);
        (result, value)
    };
    if result < 0 {
        return Err(("getsockopt", io::Error::last_os_error()));
    }
    Ok(value)
}

/// The size of a type as system calls want it.
fn size<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}
