//! What both live sources share: errors of an interface, its kind, and how a capture begins.

pub(super) mod watch;

use super::{CaptureError, CaptureGap, GapCause};
use crate::frame::{InterfaceId, LinkType};
use crate::units::Timestamp;
use ::pnet::datalink;
use std::io;
use std::time::Duration;

/// Longest wait for a frame.
pub(super) const POLL: Duration = Duration::from_millis(100);
/// Between two attempts to open an interface that went away.
pub(super) const REOPEN: Duration = Duration::from_secs(1);

/// The kernel's `ARPHRD_*` of an interface says what its raw frames begin with.
pub(super) const fn link_type(hardware: u16) -> LinkType {
    match hardware {
        // Frames of a loopback have an Ethernet header with empty addresses.
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => LinkType::Ethernet,
        libc::ARPHRD_NONE
        | ARPHRD_RAWIP
        | libc::ARPHRD_PPP
        | libc::ARPHRD_TUNNEL
        | libc::ARPHRD_TUNNEL6
        | libc::ARPHRD_SIT => LinkType::RawIp,
        // Not a number of the pcap registry, but one that names what it is.
        other => LinkType::Other(other as u32),
    }
}

/// linux/if_arp.h; not in libc.
const ARPHRD_RAWIP: u16 = 519;

/// The rest of the second in which a capture begins was seen, its beginning was not.
pub(super) fn started(interface: InterfaceId, now: Timestamp) -> Option<CaptureGap> {
    let from = now.second().start();
    (from < now).then_some(CaptureGap {
        from,
        until: now,
        frames: 0,
        interface,
        cause: GapCause::Started,
    })
}

/// A system call on an interface that failed.
pub(super) fn failed(interface: &str, call: &'static str, source: io::Error) -> CaptureError {
    let interface = interface.to_owned();
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => CaptureError::Permission { interface },
        Some(libc::ENODEV | libc::ENXIO) => absent(interface),
        _ => CaptureError::System {
            interface,
            call,
            source,
        },
    }
}

/// An interface that is not there, with those that are.
pub(super) fn absent(interface: String) -> CaptureError {
    let present = datalink::interfaces();
    CaptureError::NoInterface {
        interface,
        present: present.into_iter().map(|present| present.name).collect(),
    }
}
