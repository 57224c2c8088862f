//! TCP-MD5 (RFC 2385): the kernel drops each segment of a router that is not signed with the router's key.
//!
//! The keys are set on the listening socket; the kernel hands them on to the connections. A router without
//! a key of its own needs no signature.
#![allow(
    unsafe_code,
    reason = "a socket option that neither std nor rustix has"
)]

use crate::app::AppError;
use crate::asn::BmpKey;
use crate::events;
use crate::files;
use crate::units::Prefix;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;

/// linux/tcp.h `TCP_MD5SIG_EXT`; not in libc for Linux.
const TCP_MD5SIG_EXT: libc::c_int = 32;
/// linux/tcp.h `TCP_MD5SIG_FLAG_PREFIX`: the address is a prefix. Since Linux 4.13.
const FLAG_PREFIX: u8 = 1;
/// linux/tcp.h `TCP_MD5SIG_MAXKEYLEN`: octets of a key at most.
const MAX_KEY: usize = 80;

/// linux/tcp.h `tcp_md5sig`.
#[repr(C)]
struct Signature {
    address: libc::sockaddr_storage,
    flags: u8,
    prefix_length: u8,
    key_length: u16,
    interface: libc::c_int,
    key: [u8; MAX_KEY],
}

/// The key of some routers, as read from its file.
pub(crate) struct RouterKey {
    routers: Prefix,
    key: Vec<u8>,
}

/// Reads the keys of a configuration. Warns of a file that everybody on this host may read.
///
/// # Errors
/// [`AppError`]: a file cannot be read, or holds no key.
pub(crate) fn read_keys(keys: &[BmpKey]) -> Result<Vec<RouterKey>, AppError> {
    keys.iter().map(read_key).collect()
}

fn read_key(BmpKey { routers, file }: &BmpKey) -> Result<RouterKey, AppError> {
    let text = files::read_small(file, MAX_KEY as u64 + 2).map_err(AppError::read(file))?;
    let key = text.strip_suffix(b"\n").unwrap_or(&text);
    let key = key.strip_suffix(b"\r").unwrap_or(key);
    if key.is_empty() || key.len() > MAX_KEY || key.contains(&b'\n') {
        let reason = format!(
            "a key of asn.bmp_keys is one line of 1 to {MAX_KEY} octets, not {}",
            key.len()
        );
        let error = io::Error::new(io::ErrorKind::InvalidData, reason);
        return Err(AppError::read(file)(error));
    }
    let mode = file.metadata().map_err(AppError::read(file))?.mode();
    if mode & 0o007 != 0 {
        events::key_readable(file, mode & 0o777);
    }
    Ok(RouterKey {
        routers: *routers,
        key: key.to_vec(),
    })
}

/// Has the kernel check what comes from these routers to a socket that listens on `local`.
///
/// # Errors
/// [`AppError::Signature`]: the kernel has no TCP-MD5, or does not take the key.
pub(crate) fn require(
    socket: BorrowedFd<'_>,
    local: SocketAddr,
    keys: &[RouterKey],
) -> Result<(), AppError> {
    for RouterKey { routers, key } in keys {
        // An address of the other family cannot come in.
        let Some((address, length)) = socket_address(*routers, local) else {
            continue;
        };
        let mut signature = Signature {
            address,
            flags: FLAG_PREFIX,
            prefix_length: length,
            key_length: u16::try_from(key.len()).unwrap_or(0),
            interface: 0,
            key: [0; MAX_KEY],
        };
        for (target, octet) in signature.key.iter_mut().zip(key) {
            *target = *octet;
        }
        let size = libc::socklen_t::try_from(size_of::<Signature>()).unwrap_or(0);
        // SAFETY: pointer and length are those of one live value, which the kernel only reads.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                TCP_MD5SIG_EXT,
                (&raw const signature).cast(),
                size,
            )
        };
        if result < 0 {
            let source = io::Error::last_os_error();
            let routers = *routers;
            return Err(AppError::Signature { routers, source });
        }
    }
    Ok(())
}

/// The address of routers as the socket knows them, and the length of their prefix: an IPv6 socket has
/// IPv4 as mapped addresses (RFC 4291 §2.5.5.2), whose length the kernel counts within IPv4.
#[expect(
    clippy::cast_possible_truncation,
    reason = "families are small numbers"
)]
fn socket_address(routers: Prefix, local: SocketAddr) -> Option<(libc::sockaddr_storage, u8)> {
    let first = routers.range().0.ip();
    let octets = match (local, first) {
        (SocketAddr::V4(_), IpAddr::V4(first)) => Ok(first.octets()),
        (SocketAddr::V4(_), IpAddr::V6(_)) => return None,
        (SocketAddr::V6(_), IpAddr::V4(first)) => Err(first.to_ipv6_mapped().octets()),
        (SocketAddr::V6(_), IpAddr::V6(first)) => Err(first.octets()),
    };
    // SAFETY: a C struct of integers, for which zero is a value.
    let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let storage_at = &raw mut storage;
    match octets {
        Ok(octets) => {
            let address = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: 0,
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(octets),
                },
                sin_zero: [0; 8],
            };
            // SAFETY: the storage has room for, and is aligned to, an address of any family.
            unsafe { storage_at.cast::<libc::sockaddr_in>().write(address) };
        }
        Err(octets) => {
            let address = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: 0,
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: octets },
                sin6_scope_id: 0,
            };
            // SAFETY: the storage has room for, and is aligned to, an address of any family.
            unsafe { storage_at.cast::<libc::sockaddr_in6>().write(address) };
        }
    }
    // Within the family.
    let length = match first {
        IpAddr::V4(_) => routers.length().saturating_sub(96),
        IpAddr::V6(_) => routers.length(),
    };
    Some((storage, length))
}

/// Why the kernel does not take a key.
pub(crate) fn signature_refusal(source: &io::Error) -> String {
    match source.raw_os_error() {
        Some(libc::ENOPROTOOPT) => "this kernel has none (CONFIG_TCP_MD5SIG, Linux 4.13)".into(),
        _ => source.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_line_of_at_most_80_octets() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let read = |text: &[u8]| {
            std::fs::write(&file, text).unwrap();
            let routers = crate::asn::notation::prefix("192.0.2.1").unwrap();
            let file = file.clone();
            read_key(&BmpKey { routers, file }).map(|key| key.key)
        };
        for text in ["secret", "secret\n", "secret\r\n"] {
            assert_eq!(read(text.as_bytes()).unwrap(), b"secret");
        }
        let longest = [b'x'; MAX_KEY];
        assert_eq!(read(&[&longest[..], b"\r\n"].concat()).unwrap(), longest);
        for wrong in ["", "\n", "a\nb\n", "\r\n"] {
            let error = read(wrong.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("1 to 80 octets"), "{error}");
        }
        for octets in [MAX_KEY + 1, 4096] {
            let error = read(&vec![b'x'; octets]).unwrap_err().to_string();
            assert!(error.contains("key"), "{error}");
        }
    }
}
