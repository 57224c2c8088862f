//! System calls on a packet socket and its interface, as safe functions with plain arguments. This keeps
//! the other files of the ring free of `unsafe`.

use super::program::Instruction;
use super::{Failure, Interface};
use std::ffi::{c_int, c_short};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// linux/sockios.h; not in libc for every target.
const SIOCETHTOOL: libc::Ioctl = 0x8946;
/// linux/ethtool.h; not in libc.
const ETHTOOL_GGRO: u32 = 0x2b;

/// A packet socket that receives nothing yet: protocol 0.
pub(super) fn open() -> Result<OwnedFd, Failure> {
    // SAFETY: takes no pointers.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(("socket", io::Error::last_os_error()));
    }
    // SAFETY: just opened, and no other owner exists.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

/// Binds the socket to an interface; its frames arrive from now on.
pub(super) fn bind(socket: &OwnedFd, index: c_int) -> Result<(), Failure> {
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

/// Whether the kernel can say of a frame that it is several UDP datagrams: `VIRTIO_NET_HDR_GSO_UDP_L4` came
/// with Linux 6.2. Before, a socket with `PACKET_VNET_HDR` loses such frames.
pub(super) fn knows_udp_segments() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.is_ok_and(|release| is_at_least(&release, [6, 2]))
}

/// Whether a kernel's release, as `6.1.0-13-amd64`, is this version or a later one.
fn is_at_least(release: &str, version: [u32; 2]) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next()?.parse().ok();
    let found: Option<[u32; 2]> = number().zip(number()).map(|(major, minor)| [major, minor]);
    found.is_some_and(|found| found >= version)
}

/// Looks up index, flags and hardware type of an interface by name.
pub(super) fn lookup(socket: &OwnedFd, name: &str) -> io::Result<Interface> {
    let fits = !name.is_empty() && name.len() < libc::IFNAMSIZ && !name.contains('\0');
    if !fits {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    let ask = |what| {
        // SAFETY: a C struct of integers and a pointer, for which zero is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (target, octet) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *target = octet.cast_signed();
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

/// Whether an interface merges received packets (generic receive offload); `None` if it cannot be asked.
pub fn receive_offload(name: &str) -> Option<bool> {
    if name.is_empty() || name.len() >= libc::IFNAMSIZ || name.contains('\0') {
        return None;
    }
    // SAFETY: takes no pointers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return None;
    }
    // SAFETY: just opened, and no other owner exists.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // linux/ethtool.h `ethtool_value`: the command, and its answer.
    let mut value: [u32; 2] = [ETHTOOL_GGRO, 0];
    // SAFETY: a C struct of integers and a pointer, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (target, octet) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *target = octet.cast_signed();
    }
    request.ifr_ifru.ifru_data = value.as_mut_ptr().cast();
    // SAFETY: the request reads the name of this live ifreq, and reads and writes the live `value`.
    let answered = unsafe {
        libc::ioctl(
            socket.as_raw_fd(),
            SIOCETHTOOL,
            std::ptr::from_mut(&mut request),
        )
    };
    let [_, is_on] = value;
    (answered == 0).then_some(is_on != 0)
}

/// Sets a packet socket option to a value of plain octets.
pub(super) fn set<T: Copy>(socket: &OwnedFd, option: c_int, value: &T) -> Result<(), Failure> {
    let call = match option {
        libc::PACKET_RX_RING => "setsockopt PACKET_RX_RING",
        libc::PACKET_ADD_MEMBERSHIP => "setsockopt PACKET_ADD_MEMBERSHIP",
        libc::PACKET_IGNORE_OUTGOING => "setsockopt PACKET_IGNORE_OUTGOING",
        libc::PACKET_FANOUT => "setsockopt PACKET_FANOUT",
        libc::PACKET_VNET_HDR => "setsockopt PACKET_VNET_HDR",
        _ => "setsockopt PACKET_VERSION",
    };
    set_at(socket, (libc::SOL_PACKET, option), value, call)
}

fn set_at<T: Copy>(
    socket: &OwnedFd,
    (level, option): (c_int, c_int),
    value: &T,
    call: &'static str,
) -> Result<(), Failure> {
    // SAFETY: pointer and length are those of one live value, which the kernel only reads. The program
    // that a `sock_fprog` points to lives for the call too, see `attach`.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(value).cast(),
            size::<T>(),
        )
    };
    if result < 0 {
        return Err((call, io::Error::last_os_error()));
    }
    Ok(())
}

/// Use of a BPF program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FilterKind {
    /// On every frame of the socket; returns the number of octets that pass.
    Filter,
    /// On every frame of the fanout group; the return value modulo the number of queues is the queue.
    Fanout,
}

/// Attaches a program to the socket.
pub(super) fn attach(
    socket: &OwnedFd,
    code: &[Instruction],
    kind: FilterKind,
) -> Result<(), Failure> {
    let program = libc::sock_fprog {
        len: u16::try_from(code.len()).unwrap_or(u16::MAX),
        // The kernel copies the program and writes nothing.
        filter: code.as_ptr().cast_mut(),
    };
    let (option, call) = match kind {
        FilterKind::Filter => (
            (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER),
            "setsockopt SO_ATTACH_FILTER",
        ),
        FilterKind::Fanout => (
            (libc::SOL_PACKET, libc::PACKET_FANOUT_DATA),
            "setsockopt PACKET_FANOUT_DATA",
        ),
    };
    set_at(socket, option, &program, call)
}

/// Detaches the filter.
pub(super) fn detach_filter(socket: &OwnedFd) -> Result<(), Failure> {
    let option = (libc::SOL_SOCKET, libc::SO_DETACH_FILTER);
    set_at(socket, option, &0_i32, "setsockopt SO_DETACH_FILTER")
}

/// Option values that consist of integers only, so that every bit pattern is valid.
pub(super) trait Integers: Copy {}
impl Integers for c_int {}
impl Integers for libc::tpacket_stats_v3 {}

/// Reads a socket option.
pub(super) fn get<T: Integers>(
    socket: &OwnedFd,
    level: c_int,
    option: c_int,
) -> Result<T, Failure> {
    let mut length = size::<T>();
    // SAFETY: by the trait bound, zero and whatever the kernel writes into the `length` octets are valid
    // values.
    let (result, value) = unsafe {
        let mut value: T = std::mem::zeroed();
        let pointer = (&raw mut value).cast();
        let socket = socket.as_raw_fd();
        let result = libc::getsockopt(socket, level, option, pointer, &raw mut length);
        (result, value)
    };
    if result < 0 {
        return Err(("getsockopt", io::Error::last_os_error()));
    }
    Ok(value)
}

/// The size of a type as `socklen_t`.
fn size<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_compared_by_its_two_first_numbers() {
        for (release, expected) in [
            ("6.2.0\n", true),
            ("6.18.44-fc-v595\n", true),
            ("7.0", true),
            ("6.1.0-13-amd64\n", false),
            ("5.15.0", false),
            ("", false),
            ("6", false),
            ("unknown", false),
        ] {
            assert_eq!(is_at_least(release, [6, 2]), expected, "{release}");
        }
    }
}
