//! What the service manager is told by `sd_notify(3)`: that the daemon is ready, reloads or stops,
//! one line for `systemctl status`, and that the judge goes on.
//!
//! A process that nobody asked to tell (no `NOTIFY_SOCKET`) says nothing. A notice that cannot be
//! delivered is lost: whoever should have had it draws its own conclusions.

use crate::asn::Origin;
use crate::export::Published;
use crate::snapshot::{Label, Snapshot};
use sd_notify::NotifyState;
use std::collections::BTreeSet;
use tokio::sync::watch;

/// Captures and serves: what is ordered after us may start.
pub(super) fn ready() {
    notify_manager(&[NotifyState::Ready]);
}

/// Reads its configuration again; [`ready`] ends it, whether it was taken or not.
pub(super) fn reloading() {
    // systemd from 253 on wants to know when, to tell this reload from an earlier one.
    let now = NotifyState::monotonic_usec_now();
    let states = [Some(NotifyState::Reloading), now.ok()];
    notify_manager(&states.into_iter().flatten().collect::<Vec<_>>());
}

/// Goes down.
pub(super) fn stopping() {
    notify_manager(&[NotifyState::Stopping]);
}

/// Tells of every state that is published, until nobody publishes any more.
///
/// The watchdog is fed by a second that was judged, and by nothing else: a judge that hangs, or a
/// worker that it waits for, or this thread, lets it fire. Without traffic seconds are judged all
/// the same.
pub(super) async fn notify_states(mut published: watch::Receiver<Published>) {
    let mut before = published.borrow_and_update().clone();
    while published.changed().await.is_ok() {
        let now = published.borrow_and_update().clone();
        let status = status(&before, &now);
        let progress = now.snapshot.judged != before.snapshot.judged;
        let mut states = vec![NotifyState::Status(&status)];
        states.extend(progress.then_some(NotifyState::Watchdog));
        notify_manager(&states);
        // What was refused in between has not been judged: the rate runs from judgement to judgement.
        if progress {
            before = now;
        }
    }
}

fn notify_manager(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

/// `2 interfaces, 41 kpps, 0 dropped, 37 ASNs, 1 out of SLA`: frames a second since an earlier
/// state, drops since the start, ASNs seen, those out of SLA now under any commitment.
fn status(before: &Published, now: &Published) -> String {
    let (old, new) = (&before.snapshot, &now.snapshot);
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
        plural(interfaces.len(), "interface"),
        rate(old, new),
        format!("{dropped} dropped"),
        plural(asns.count(), "ASN"),
        format!("{} out of SLA", out.len()),
    ];
    if !now.standing.config_ok {
        parts.push("new configuration refused, the old one is in force".into());
    }
    parts.join(", ")
}

fn plural(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Frames a second between two states; the clock may have stepped back between them.
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
        let standing = DaemonState {
            config_ok,
            ..DaemonState::default()
        };
        Published {
            snapshot: Arc::new(snapshot),
            standing: Arc::new(standing),
            ..Published::default()
        }
    }

    #[test]
    fn the_rate_is_of_the_seconds_judged_since() {
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
    fn a_refused_configuration_stays_in_the_line() {
        let line = status(&published(1, 1, false), &published(2, 2, false));
        assert!(line.ends_with("0 out of SLA, new configuration refused, the old one is in force"));
    }
}
