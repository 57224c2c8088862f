//! Finds out what the host does to frames before the meter sees them: it merges packets (receive
//! offload), or shows the same packet on several interfaces.
//!
//! Read from the kernel when asked; no state. What cannot be read is not warned of: the interface may not be
//! there yet.

use super::ring::receive_offload;
use pnet::datalink;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where Linux lists its interfaces (Documentation/ABI/testing/sysfs-class-net).
const INTERFACES: &str = "/sys/class/net";

/// Whether frames can come from an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinkState {
    /// There is no interface of this name; those that there are.
    Missing(Vec<String>),
    /// Not set up.
    Down,
    /// Set up, with nothing at the other end (`IFF_RUNNING`, netdevice(7)).
    NoCarrier,
    /// Frames can come.
    Running,
}

/// The state of an interface, now, in this network namespace.
pub fn link_state(name: &str) -> LinkState {
    let present = datalink::interfaces();
    match present.iter().find(|one| one.name == name) {
        None => LinkState::Missing(present.into_iter().map(|one| one.name).collect()),
        Some(one) if !one.is_up() => LinkState::Down,
        Some(one) if !one.is_running() => LinkState::NoCarrier,
        Some(_) => LinkState::Running,
    }
}

/// Warnings about interfaces that merge packets, one line each.
pub fn offload_warnings(interfaces: &[String]) -> Vec<String> {
    let warnings = interfaces.iter().filter_map(|name| merging(name));
    warnings.collect()
}

/// Pairs of interfaces that show the same packets, by what the kernel says of them, and why.
pub fn doubled_interfaces(interfaces: &[String]) -> Vec<(String, String, &'static str)> {
    doubled(Path::new(INTERFACES), interfaces)
}

/// The warning about an interface that merges packets.
fn merging(name: &str) -> Option<String> {
    receive_offload(name)?.then(|| {
        format!(
            "interface {name}: generic receive offload is on: a frame may hold several packets, which is \
             slower to count and exact only on Linux 6.2 and later: \
             ethtool -K {name} gro off rx-gro-list off rx-udp-gro-forwarding off"
        )
    })
}

fn doubled(root: &Path, interfaces: &[String]) -> Vec<(String, String, &'static str)> {
    let names: BTreeSet<&String> = interfaces.iter().collect();
    let mut found = Vec::new();
    for (number, first) in names.iter().enumerate() {
        for second in names.iter().skip(number + 1) {
            let why = reason(root, first, second).or_else(|| reason(root, second, first));
            if let Some(why) = why {
                found.push(((*first).clone(), (*second).clone(), why));
            }
        }
    }
    found
}

/// Why one interface shows packets of the other, or both those of a third.
fn reason(root: &Path, upper: &str, lower: &str) -> Option<&'static str> {
    let master = |name: &str| fs::read_link(root.join(name).join("master")).ok();
    let master_of_lower = master(lower);
    let name = master_of_lower.as_deref().and_then(Path::file_name);
    if name.is_some_and(|name| name == upper) {
        return Some("one is a port of the other");
    }
    if fs::symlink_metadata(root.join(upper).join(format!("lower_{lower}"))).is_ok() {
        return Some("one lies on the other");
    }
    let bridge = master_of_lower.filter(|found| Some(found) == master(upper).as_ref())?;
    let is_bridge = root.join(lower).join("brport").exists() && bridge.file_name().is_some();
    is_bridge.then_some("both are ports of one bridge")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn interfaces_that_show_the_same_packets_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["bond0", "eth0", "eth1", "br0", "p1", "p2", "eth2", "eth2.7"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        for (port, master) in [
            ("eth0", "bond0"),
            ("eth1", "bond0"),
            ("p1", "br0"),
            ("p2", "br0"),
        ] {
            symlink(format!("../{master}"), root.join(port).join("master")).unwrap();
        }
        for port in ["p1", "p2"] {
            fs::create_dir(root.join(port).join("brport")).unwrap();
        }
        symlink("../eth2", root.join("eth2.7").join("lower_eth2")).unwrap();
        let found = |names: &[&str]| -> Vec<(String, String, &'static str)> {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            doubled(root, &names)
        };
        for (names, why) in [
            (["bond0", "eth0"], "one is a port of the other"),
            (["eth1", "bond0"], "one is a port of the other"),
            (["p1", "p2"], "both are ports of one bridge"),
            (["br0", "p2"], "one is a port of the other"),
            (["eth2", "eth2.7"], "one lies on the other"),
        ] {
            let pairs = found(&names);
            assert_eq!(pairs.len(), 1, "{names:?}");
            assert_eq!(pairs[0].2, why, "{names:?}");
        }
        // The ports of a bond share its packets; two names of nothing are nothing.
        for names in [
            ["eth0", "eth1"],
            ["eth0", "p1"],
            ["eth0", "none"],
            ["p1", "p1"],
        ] {
            assert!(found(&names).is_empty(), "{names:?}");
        }
    }
}
