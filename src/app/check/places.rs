//! Whether the host has what `run` would take on it: the addresses where it listens, and a place for the
//! ledger.

use super::CheckReport;
use crate::asn::Source;
use crate::config::checked::Config;
use crate::ledger::directory::LedgerDirectory;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// The exit code of `run` where it cannot listen, or cannot write.
const FAILED: u8 = 1;

pub(super) fn check(config: &Config, report: &mut CheckReport) {
    let web = ("web.listen_address", config.web.listen_address);
    let routers = config.asn.sources.iter().filter_map(|source| match source {
        Source::Bmp(address) => Some(("asn.sources", *address)),
        _ => None,
    });
    for (key, address) in [web].into_iter().chain(routers) {
        bound(key, address, TcpListener::bind(address).map(drop), report);
    }
    if let Some(address) = config.hep.listen {
        let socket = UdpSocket::bind(address).map(drop);
        bound("hep.listen", address, socket, report);
    }
    if let Some(path) = &config.evidence.directory
        && let Err(error) = LedgerDirectory::new(path).could_be_created()
    {
        let path = path.display();
        if error.kind() == io::ErrorKind::PermissionDenied {
            let message = format!("{path}: whoever checks may not look there: {error}");
            report.warning("evidence.directory", message);
        } else {
            let message = format!("{path}: cannot be the ledger's: {error}");
            report.error("evidence.directory", FAILED, message);
        }
    }
}

/// What binding an address has shown. Another process may be the daemon whose configuration this is, and
/// the service may have rights that whoever checks has not.
fn bound(
    key: &'static str,
    address: SocketAddr,
    outcome: io::Result<()>,
    report: &mut CheckReport,
) {
    let Err(error) = outcome else { return };
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let message = format!(
                "{address}: is in use: unless by the asnmeter that runs, `run` cannot listen there"
            );
            report.warning(key, message);
        }
        io::ErrorKind::PermissionDenied => {
            let message = format!("{address}: whoever checks may not listen there: {error}");
            report.warning(key, message);
        }
        _ => report.error(key, FAILED, format!("{address}: {error}")),
    }
}
