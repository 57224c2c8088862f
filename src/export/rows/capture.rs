//! Rows of the meter itself: what it captured, what it discarded, what it could not see or keep.

use super::number;
use crate::export::Published;
use crate::export::series::Series;
use crate::stream::rtt::method::RttMethod;

pub(crate) fn capture_frames(published: &Published, series: &mut Series) {
    for row in &published.snapshot.capture.interfaces {
        series.add(&[&row.name], number(row.frames));
    }
}

pub(crate) fn capture_unknown(published: &Published, series: &mut Series) {
    for row in &published.snapshot.capture.interfaces {
        series.add(&[&row.name], number(row.unknown));
    }
}

pub(crate) fn capture_dropped(published: &Published, series: &mut Series) {
    for row in &published.snapshot.capture.interfaces {
        series.add(&[&row.name], number(row.dropped));
    }
}

pub(crate) fn discarded(published: &Published, series: &mut Series) {
    for (reason, frames) in published.snapshot.discards.iter() {
        series.add(&[reason.as_str()], number(frames));
    }
}

pub(crate) fn pending(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.pending_frames));
}

pub(crate) fn fragments_refused(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.fragments_refused));
}

pub(crate) fn doubled(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.doubled_packets));
}

pub(crate) fn merged(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.merged_packets));
}

pub(crate) fn unsplit(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.unsplit_frames));
}

pub(crate) fn late(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.late_frames));
}

pub(crate) fn clock_steps(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.clock_steps));
}

pub(crate) fn tainted(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.incomplete_seconds));
}

pub(crate) fn announcements_missed(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.announcements_missed));
}

pub(crate) fn mirror_copies(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.mirror_copies));
}

pub(crate) fn round_trips_refused(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.round_trips_refused));
}

pub(crate) fn round_trips_unanswered(published: &Published, series: &mut Series) {
    let unanswered = published.snapshot.round_trips_unanswered;
    for (method, count) in RttMethod::ALL.iter().zip(unanswered) {
        series.add(&[method.as_str()], number(count));
    }
}

pub(crate) fn contradicting_reports(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.contradicting_reports));
}

pub(crate) fn unmatched_reports(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.unmatched_reports));
}

pub(crate) fn dialogs_refused(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.dialogs_refused));
}

pub(crate) fn streams_refused(published: &Published, series: &mut Series) {
    series.add(&[], number(published.snapshot.streams_refused));
}

pub(crate) fn judged_second(published: &Published, series: &mut Series) {
    if let Some(second) = published.snapshot.judged {
        series.add(&[], number(second.0));
    }
}
