//! What both live sources share: interface errors, link types, and the gap at the start of a capture.

pub(super) mod watch;

use super::{CaptureError, CaptureGap, GapCause};
use crate::frame::{InterfaceId, LinkType};
use crate::units::Timestamp;
use ::pnet::datalink;
use std::io;
use std::time::Duration;

/// Longest wait for a frame.
pub(super) const POLL: Duration = Duration::from_millis(100);
/// Interval of attempts to open a missing interface.
pub(super) const REOPEN_INTERVAL: Duration = Duration::from_secs(1);

/// The link type of an interface by its hardware type (`ARPHRD_*`).
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
        // A hardware type, not a number of the pcap registry; it serves to name the link.
        other => LinkType::Other(other as u32),
    }
}

/// linux/if_arp.h; not in libc.
const ARPHRD_RAWIP: u16 = 519;

/// The gap before a capture that begins inside a second.
pub(super) fn started(interface: InterfaceId, now: Timestamp) -> Option<CaptureGap> {
    let from = now.second().start();
    (from < now).then_some(CaptureGap {
        from,
        until: now,
        frames: 0,
        at_most: None,
        interface,
        cause: GapCause::Started,
    })
}

/// The error of a failed system call on an interface.
pub(super) fn failed(interface: &str, call: &'static str, source: io::Error) -> CaptureError {
    let interface = interface.to_owned();
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => CaptureError::Permission { interface },
        Some(libc::ENODEV | libc::ENXIO) => no_interface(interface),
        _ => CaptureError::System {
            interface,
            call,
            source,
        },
    }
}

/// The error for a missing interface; lists the existing ones.
pub(super) fn no_interface(interface: String) -> CaptureError {
    let present = datalink::interfaces();
    CaptureError::NoInterface {
        interface,
        present: present.into_iter().map(|present| present.name).collect(),
    }
}
