//! Receives the signalling that one's own SIP servers mirror in HEP, and passes it to the workers.
//!
//! One task on the main thread, over UDP. Facts go to the workers by the bounded channels that dialogs use:
//! when one is full the message is dropped and counted, nobody waits. The first worker counts calls.

use super::AppError;
use crate::clock;
use crate::config::checked::HepSettings;
use crate::events;
use crate::export::HepStatus;
use crate::units::Prefix;
use crate::voice::signalling::Announcement;
use crate::wire::hep::{self, HepError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::net::UdpSocket;

/// The largest UDP datagram.
const LARGEST: usize = 65_535;

/// A capture time that is further from ours than this says nothing: the message counts as of now. A guess:
/// servers keep time by NTP, and a queue there is shorter.
const CLOCKS_DIFFER: Duration = Duration::from_secs(2);

/// Shortest interval of log lines about senders that are not allowed; the counter has each packet.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The socket of a listener.
#[derive(Debug)]
pub(super) struct HepListener {
    socket: UdpSocket,
    allowed: Vec<Prefix>,
}

/// Listens where the configuration says so.
///
/// # Errors
/// [`AppError::Listen`] if the address cannot be bound.
pub(super) async fn listen(settings: &HepSettings) -> Result<Option<HepListener>, AppError> {
    let Some(address) = settings.listen else {
        return Ok(None);
    };
    let failed = |source| AppError::Listen {
        what: "hep.listen",
        address,
        source,
    };
    let socket = UdpSocket::bind(address).await.map_err(failed)?;
    Ok(Some(HepListener {
        socket,
        allowed: settings.allow.clone(),
    }))
}

impl HepListener {
    /// Receives for as long as the daemon runs.
    pub(super) async fn receive(
        self,
        workers: Vec<SyncSender<Announcement>>,
        status: Arc<HepStatus>,
    ) {
        let (mut buffer, mut last_logged) = (vec![0; LARGEST], None);
        loop {
            let Ok((length, sender)) = self.socket.recv_from(&mut buffer).await else {
                // An error of an earlier packet, or no memory: try again.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let is_allowed = |prefix: &Prefix| prefix.contains(sender.ip().into());
            if !self.allowed.iter().any(is_allowed) {
                count(&status.foreign);
                let now = clock::uptime();
                if last_logged.is_none_or(|logged| now.saturating_sub(logged) >= LOG_INTERVAL) {
                    last_logged = Some(now);
                    events::hep_refused(&sender);
                }
                continue;
            }
            let packet = buffer.get(..length).unwrap_or_default();
            take(packet, &workers, &status);
        }
    }
}

/// Passes a packet on; every one is counted once.
fn take(packet: &[u8], workers: &[SyncSender<Announcement>], status: &HepStatus) {
    let mirrored = match hep::parse(packet) {
        Ok(mirrored) => mirrored,
        Err(HepError::Malformed) => return count(&status.malformed),
        Err(HepError::NotSip) => return count(&status.other),
    };
    let now = clock::now();
    let is_near = |time| now.since(time).max(time.since(now)) <= CLOCKS_DIFFER;
    let time = mirrored.time.filter(|time| is_near(*time));
    if mirrored.time.is_some() && time.is_none() {
        count(&status.clock_differs);
    }
    let ends = [mirrored.src.address, mirrored.dst.address];
    let Some(announcement) = Announcement::read(time.unwrap_or(now), ends, mirrored.payload) else {
        return count(&status.other);
    };
    let mut is_dropped = false;
    for (worker, place) in workers.iter().zip(0..) {
        let told = if place == 0 {
            announcement.counted()
        } else {
            announcement.clone()
        };
        is_dropped |= worker.try_send(told).is_err();
    }
    count(if is_dropped {
        &status.dropped
    } else {
        &status.taken
    });
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
