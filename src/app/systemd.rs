//! Notifies the service manager with `sd_notify(3)`: ready, reloading, stopping, a line for
//! `systemctl status`, and the watchdog.
//!
//! Without `NOTIFY_SOCKET` nothing is sent. A notification that cannot be delivered is dropped; the
//! service manager has timeouts for that.

use crate::asn::Origin;
use crate::events::counted;
use crate::export::Published;
use crate::snapshot::{Label, Snapshot};
use sd_notify::NotifyState;
use std::collections::BTreeSet;
use tokio::sync::watch;

/// The daemon captures and serves: units ordered after it may start.
pub(super) fn ready() {
    notify_manager(&[NotifyState::Ready]);
}

/// The daemon reloads its configuration. [`ready`] ends the reload, whether it succeeded or not.
pub(super) fn reloading() {
    // From version 253 on, systemd needs the time to tell reloads apart.
    let now = NotifyState::monotonic_usec_now();
    let states = [Some(NotifyState::Reloading), now.ok()];
    notify_manager(&states.into_iter().flatten().collect::<Vec<_>>());
}

/// The daemon stops.
pub(super) fn stopping() {
    notify_manager(&[NotifyState::Stopping]);
}

/// Sends the status of every published state, until the publisher is gone.
///
/// Only a newly judged second resets the watchdog. So it fires if the judge hangs, or a worker that the
/// judge waits for, or this thread. Seconds are judged without traffic too.
pub(super) async fn notify_states(mut published: watch::Receiver<Published>) {
    let mut previous = published.borrow_and_update().clone();
    while published.changed().await.is_ok() {
        let now = published.borrow_and_update().clone();
        let status = status(&previous, &now);
        let progress = now.snapshot.judged != previous.snapshot.judged;
        let mut states = vec![NotifyState::Status(&status)];
        states.extend(progress.then_some(NotifyState::Watchdog));
        notify_manager(&states);
        // A state without a new judged second keeps the start of the rate.
        if progress {
            previous = now;
        }
    }
}

fn notify_manager(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

/// `2 interfaces, 41 kpps, 0 dropped, 37 ASNs, 1 out of SLA`: frames per second since
/// `previous`, drops since the start, ASNs seen, and ASNs now out of SLA under any commitment.
fn status(previous: &Published, now: &Published) -> String {
    let (old, new) = (&previous.snapshot, &now.snapshot);
    let interfaces = &new.capture.interfaces;
    let dropped: u64 = interfaces.iter().map(|interface| interface.dropped).sum();
    let labels = new.asns.iter().map(|row| row.label);
    let asns = labels.filter(|label| matches!(label, Label::Origin(Origin::As(_))));
    let rows = new
        .commitments
        .iter()
        .flat_map(|commitment| &commitment.asns);
    let out: BTreeSet<_> = rows
        .filter(|row| row.out_of_sla)
        .map(|row| row.asn)
        .collect();
    let mut parts = vec![
        counted(interfaces.len() as u64, "interface", "interfaces"),
        rate(old, new),
        format!("{dropped} dropped"),
        counted(asns.count() as u64, "ASN", "ASNs"),
        format!("{} out of SLA", out.len()),
    ];
    if !now.daemon.config_ok {
        parts.push("new configuration refused, the old one is in force".into());
    }
    parts.join(", ")
}

/// Frames per second between two states; 0 if the clock stepped back.
fn rate(old: &Snapshot, new: &Snapshot) -> String {
    let seconds = match (old.judged, new.judged) {
        (Some(old), Some(new)) if new > old => new.0 - old.0,
        _ => return "0 pps".into(),
    };
    match new.capture.frames.saturating_sub(old.capture.frames) / seconds {
        rate @ 0..10_000 => format!("{rate} pps"),
        rate @ 10_000..10_000_000 => format!("{} kpps", rate / 1000),
        rate => format!("{} Mpps", rate / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::DaemonState;
    use crate::snapshot::InterfaceRow;
    use crate::units::Second;
    use std::sync::Arc;

    fn published(judged: u64, frames: u64, config_ok: bool) -> Published {
        let mut snapshot = Snapshot {
            judged: Some(Second(judged)),
            ..Snapshot::default()
        };
        snapshot.capture.frames = frames;
        snapshot.capture.interfaces = vec![InterfaceRow {
            name: "eth1".into(),
            frames,
            dropped: 3,
            ..InterfaceRow::default()
        }];
        let daemon = DaemonState {
            config_ok,
            ..DaemonState::default()
        };
        Published {
            snapshot: Arc::new(snapshot),
            daemon: Arc::new(daemon),
            ..Published::default()
        }
    }

    #[test]
    fn the_rate_covers_the_seconds_judged_since_the_previous_state() {
        for (seconds, frames, shown) in [
            (1, 0, "0 pps"),
            (2, 19_999, "9999 pps"),
            (2, 20_000, "10 kpps"),
            (1, 41_900, "41 kpps"),
            (3, 36_000_000, "12 Mpps"),
            (0, 7, "0 pps"),
        ] {
            let (before, now) = (
                published(100, 5, true),
                published(100 + seconds, 5 + frames, true),
            );
            let expected = format!("1 interface, {shown}, 3 dropped, 0 ASNs, 0 out of SLA");
            assert_eq!(status(&before, &now), expected);
        }
        let back = status(&published(100, 5, true), &published(40, 9, true));
        assert!(back.contains("0 pps"), "{back}");
    }

    #[test]
    fn a_refused_configuration_is_in_the_status() {
        let line = status(&published(1, 1, false), &published(2, 2, false));
        assert!(line.ends_with("0 out of SLA, new configuration refused, the old one is in force"));
    }
}
