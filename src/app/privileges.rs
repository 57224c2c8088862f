//! Least privilege: what the daemon gives up before it starts any thread or reads any file.
//!
//! It keeps the capabilities that it needs later too: to capture (`CAP_NET_RAW`, also to open an
//! interface again that comes back) and to listen below port 1024 (`CAP_NET_BIND_SERVICE`); as root
//! without a user to become, to read the files that the configuration names, whoever owns them, and to
//! write the ledger where it belongs to another (`CAP_DAC_OVERRIDE`). All others leave the bounding set,
//! so that nothing brings them back, and no program that it could be made to start has more
//! (`PR_SET_NO_NEW_PRIVS`).
//!
//! Capabilities belong to a thread, and threads inherit them: so this comes first. Linux only.

use super::AppError;
use crate::events;
use crate::files;
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};
use std::io;
use std::path::Path;

/// Octets of /etc/passwd that are read at most.
const MAX_PASSWD: u64 = 1 << 20;

/// What capturing and listening need.
const NEEDED: CapabilitySet = CapabilitySet::NET_RAW.union(CapabilitySet::NET_BIND_SERVICE);

/// Becomes `user`, if one is named, and gives up every capability that is not needed. Those kept, by
/// their names; none where nothing was given up.
///
/// # Errors
/// [`AppError::System`]: there is no such user, or the kernel refuses.
pub(super) fn reduce(user: Option<&str>) -> Result<Option<Vec<String>>, AppError> {
    let failed = |what| {
        move |source: rustix::io::Errno| AppError::System {
            what,
            source: source.into(),
        }
    };
    let before = capabilities(None).map_err(failed("asking for capabilities"))?;
    let is_root = geteuid().is_root();
    let kept = if is_root && user.is_none() {
        NEEDED.union(CapabilitySet::DAC_OVERRIDE)
    } else {
        NEEDED
    };
    if before.effective.contains(CapabilitySet::SETPCAP) {
        for capability in CapabilitySet::all().difference(kept).iter() {
            // one that this kernel does not know is not there either
            let _ = remove_capability_from_bounding_set(capability);
        }
    }
    if let Some(name) = user {
        let (uid, gid) = find(name).map_err(|source| AppError::System {
            what: "--user",
            source,
        })?;
        set_keep_capabilities(true).map_err(failed("keeping capabilities"))?;
        set_thread_groups(&[gid]).map_err(failed("giving up groups"))?;
        set_thread_res_gid(gid, gid, gid).map_err(failed("becoming a group"))?;
        set_thread_res_uid(uid, uid, uid).map_err(failed("becoming a user"))?;
    }
    let left = before.permitted.intersection(kept);
    let sets = CapabilitySets {
        effective: left,
        permitted: left,
        inheritable: CapabilitySet::empty(),
    };
    let mut kept_names = None;
    // A sandbox that has taken them already may forbid the call too.
    if user.is_some() || left != before.permitted {
        // not there before Linux 4.3
        let _ = clear_ambient_capability_set();
        let given_up = set_capabilities(None, sets).map_err(failed("giving up capabilities"));
        match given_up {
            Ok(()) => {
                let names = left.iter_names().map(|(name, _)| format!("CAP_{name}"));
                kept_names = Some(names.collect());
            }
            Err(error) if user.is_none() => events::warning_logged(&error),
            Err(error) => return Err(error),
        }
    }
    set_no_new_privs(true).map_err(failed("giving up new privileges"))?;
    Ok(kept_names)
}

/// The numbers of a user and of its group, by its name in /etc/passwd (passwd(5)).
fn find(name: &str) -> io::Result<(Uid, Gid)> {
    let text = files::read_text(Path::new("/etc/passwd"), MAX_PASSWD)?;
    let (uid, gid) = find_in(&text, name).ok_or_else(|| {
        let reason = format!("{name:?} is no user in /etc/passwd, or is root");
        io::Error::new(io::ErrorKind::NotFound, reason)
    })?;
    Ok((Uid::from_raw(uid), Gid::from_raw(gid)))
}

/// The numbers of a user in a text of this form; none of root's, who gives nothing up.
fn find_in(text: &str, name: &str) -> Option<(u32, u32)> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(name);
        let mut numbers = fields.skip(1).map(str::parse::<u32>);
        let (uid, gid) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        (is_it && uid != 0).then_some((uid, gid))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name_and_root_never_is() {
        let text = "root:x:0:0:root:/root:/bin/sh\nbroken\nasn:x:7:8::/:/bin/false\n\
                    asnmeter:x:901:902:Meter:/var/lib/asnmeter:/usr/sbin/nologin\n\
                    toor:x:0:0::/:/bin/sh\nword:x:y:1::/:/bin/sh\n";
        assert_eq!(find_in(text, "asnmeter"), Some((901, 902)));
        assert_eq!(find_in(text, "asn"), Some((7, 8)));
        for name in ["root", "toor", "asnm", "broken", "word", "", "nobody"] {
            assert_eq!(find_in(text, name), None, "{name}");
        }
    }
}
