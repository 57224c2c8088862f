//! How each row of the metrics table gets its series from a snapshot: one small function per row,
//! in the order of the table.
//!
//! Pure functions. Only ASNs with a row in the snapshot get series (the judge bounds those), and
//! any that was ever out of SLA: an ASN over its threshold is never hidden in `other`.

pub(crate) mod calls;
pub(crate) mod evidence;
pub(crate) mod fleet;
pub(crate) mod reload;
pub(crate) mod tables;
pub(crate) mod transit;
pub(crate) mod voip_metrics;

use crate::asn::{Origin, bmp};
use crate::export::Published;
use crate::export::series::Series;
use crate::sla::direction::Directions;
use crate::sla::measure::Measure;
use crate::sla::{IndeterminateReason, Verdict};
use crate::snapshot::{
    AsnRow, CommitmentAsnRow, CommitmentRow, Count, DirectionTotals, GuaranteeRow, Label, Snapshot,
};
use crate::stream::booking::LossReason;
use crate::stream::rtt::method::RttMethod;
use crate::units::NANOS_PER_SECOND;
use crate::voice::class::Class;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// A sample's value: Prometheus knows nothing but doubles.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact below 2^53, which 10 Gbit/s of octets reach after 83 days; rates stay right"
)]
fn number(count: u64) -> f64 {
    count as f64
}

fn flag(set: bool) -> f64 {
    f64::from(u8::from(set))
}

fn each_asn(published: &Published, mut visit: impl FnMut(&AsnRow, &str)) {
    for row in &published.snapshot.asns {
        visit(row, &row.label.to_string());
    }
}

fn per_class(published: &Published, series: &mut Series, value: fn(&Count) -> u64) {
    each_asn(published, |row, asn| {
        for (direction, totals) in [("from", &row.from), ("to", &row.to)] {
            for (class, count) in Class::ALL.iter().zip(&totals.classes) {
                series.add(&[asn, direction, class.as_str()], number(value(count)));
            }
        }
    });
}

pub(crate) fn voice_bytes(published: &Published, series: &mut Series) {
    per_class(published, series, |count| count.bytes);
}

pub(crate) fn voice_packets(published: &Published, series: &mut Series) {
    per_class(published, series, |count| count.packets);
}

pub(crate) fn confirmed_bytes(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.confirmed_bytes);
}

fn per_direction(published: &Published, series: &mut Series, value: fn(&DirectionTotals) -> u64) {
    each_asn(published, |row, asn| {
        series.add(&[asn, "from"], number(value(&row.from)));
        series.add(&[asn, "to"], number(value(&row.to)));
    });
}

pub(crate) fn rtp_expected(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.counters.loss.expected);
}

pub(crate) fn rtp_lost(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.counters.loss.lost);
}

pub(crate) fn rtp_maybe_lost(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.counters.loss.maybe_lost);
}

pub(crate) fn rtp_excused(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        for (direction, totals) in [("from", &row.from), ("to", &row.to)] {
            for (excuse, packets) in LossReason::ALL.iter().zip(totals.counters.excused) {
                series.add(&[asn, direction, excuse.as_str()], number(packets));
            }
            series.add(&[asn, direction, "late"], number(totals.late));
        }
    });
}

pub(crate) fn rtp_duplicates(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.duplicates);
}

pub(crate) fn rtp_reordered(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.reordered);
}

pub(crate) fn rtp_late(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.late);
}

pub(crate) fn rtp_unfollowed(published: &Published, series: &mut Series) {
    per_direction(published, series, |totals| totals.unfollowed);
}

pub(crate) fn reported_expected(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        series.add(&[asn], number(row.reported.shown().expected));
    });
}

pub(crate) fn reported_lost(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        series.add(&[asn], number(row.reported.shown().lost));
    });
}

pub(crate) fn jitter(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        if let Some(samples) = &row.jitter {
            series.add_distribution(&[asn], samples);
        }
    });
}

pub(crate) fn round_trips(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        for (method, samples) in RttMethod::ALL.iter().zip(&row.round_trips) {
            if let Some(samples) = samples {
                series.add_distribution(&[asn, method.as_str()], samples);
            }
        }
    });
}

pub(crate) fn streams(published: &Published, series: &mut Series) {
    each_asn(published, |row, asn| {
        series.add(&[asn], number(row.streams));
    });
}

pub(crate) fn committed_rate(published: &Published, series: &mut Series) {
    for row in &published.snapshot.commitments {
        series.add(&[&row.name], row.committed_rate.bytes_per_second());
    }
}

pub(crate) fn threshold(published: &Published, series: &mut Series) {
    for row in &published.snapshot.commitments {
        series.add(&[&row.name], row.threshold.as_f64());
    }
}

pub(crate) fn window(published: &Published, series: &mut Series) {
    for row in &published.snapshot.commitments {
        series.add(&[&row.name], f64::from(row.window_seconds));
    }
}

/// The limit of a measure, where one is guaranteed.
pub(crate) fn guaranteed(measure: Measure, published: &Published, series: &mut Series) {
    for row in &published.snapshot.commitments {
        if let Some(guaranteed) = row.guarantee.get(measure) {
            series.add(&[&row.name], guaranteed.limit());
        }
    }
}

pub(crate) fn commitment_info(published: &Published, series: &mut Series) {
    for row in &published.snapshot.commitments {
        let labels = [&*row.name, row.direction.as_str(), row.layer.as_str()];
        series.add(&labels, 1.0);
    }
}

/// Whether an ASN under a commitment has series of its own.
fn is_shown(snapshot: &Snapshot, row: &CommitmentAsnRow) -> bool {
    let label = Label::Origin(Origin::As(row.asn));
    row.out_of_sla
        || row.out_of_sla_seconds > 0
        || snapshot
            .asns
            .binary_search_by(|asn| asn.label.cmp(&label))
            .is_ok()
}

fn each_judged(
    published: &Published,
    mut visit: impl FnMut(&CommitmentRow, &CommitmentAsnRow, &str),
) {
    for commitment in &published.snapshot.commitments {
        for row in &commitment.asns {
            if is_shown(&published.snapshot, row) {
                visit(commitment, row, &row.asn.to_string());
            }
        }
    }
}

/// One series per direction that is shown.
fn add_directions<T: Copy>(
    (terms, asn): (&CommitmentRow, &str),
    values: &Directions<T>,
    series: &mut Series,
    value: impl Fn(T) -> f64,
) {
    for (direction, one) in values.of(terms.direction.shown()) {
        series.add(&[&terms.name, asn, direction.as_str()], value(*one));
    }
}

pub(crate) fn share(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        add_directions((commitment, asn), &row.share, series, f64::from);
    });
}

pub(crate) fn window_bytes(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        add_directions((commitment, asn), &row.window_bytes, series, number);
    });
}

pub(crate) fn confirmed_window_bytes(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        let bytes = &row.confirmed_window_bytes;
        add_directions((commitment, asn), bytes, series, number);
    });
}

pub(crate) fn unconfirmed_excess(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        series.add(&[&commitment.name, asn], flag(row.unconfirmed_excess));
    });
}

pub(crate) fn unconfirmed_excess_seconds(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        let seconds = row.unconfirmed_excess_seconds;
        series.add(&[&commitment.name, asn], number(seconds));
    });
}

pub(crate) fn out_of_sla(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        series.add(&[&commitment.name, asn], flag(row.out_of_sla));
    });
}

pub(crate) fn out_of_sla_seconds(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        series.add(&[&commitment.name, asn], number(row.out_of_sla_seconds));
    });
}

pub(crate) fn silent_streams(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        series.add(&[&commitment.name, asn], number(row.silence.silent));
    });
}

pub(crate) fn outage_streams(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        let streams = row.silence.outage.map_or(0, |outage| outage.streams);
        series.add(&[&commitment.name, asn], number(streams));
    });
}

pub(crate) fn tap_gap(published: &Published, series: &mut Series) {
    for commitment in &published.snapshot.commitments {
        let seconds = number(commitment.tap_gap_seconds);
        series.add(&[&commitment.name], seconds);
    }
}

pub(crate) fn unjudged_silence(published: &Published, series: &mut Series) {
    each_judged(published, |commitment, row, asn| {
        series.add(&[&commitment.name, asn], number(row.silence.unjudged));
    });
}

/// One series per guarantee that exists and per word that is said of it.
fn per_guarantee<const N: usize>(
    published: &Published,
    series: &mut Series,
    values: impl Fn(&GuaranteeRow) -> [(&'static str, f64); N],
) {
    each_judged(published, |commitment, row, asn| {
        for (measure, guarantee) in row.guarantees.iter() {
            for (word, value) in guarantee.iter().flat_map(&values) {
                let labels = [&*commitment.name, asn, measure.as_str(), word];
                series.add(&labels, value);
            }
        }
    });
}

pub(crate) fn verdict(published: &Published, series: &mut Series) {
    per_guarantee(published, series, |guarantee| {
        Verdict::ALL.map(|it| (it.as_str(), flag(guarantee.verdict == Some(it))))
    });
}

pub(crate) fn verdict_seconds(published: &Published, series: &mut Series) {
    per_guarantee(published, series, |guarantee| {
        Verdict::ALL.map(|it| (it.as_str(), number(guarantee.seconds_of(it))))
    });
}

pub(crate) fn settled_seconds(published: &Published, series: &mut Series) {
    per_guarantee(published, series, |guarantee| {
        let settled = guarantee.settled.unwrap_or_default();
        let of = |it: Verdict| settled.get(it as usize).copied().unwrap_or(0);
        Verdict::ALL.map(|it| (it.as_str(), number(of(it))))
    });
}

pub(crate) fn indeterminate_seconds(published: &Published, series: &mut Series) {
    per_guarantee(published, series, |guarantee| {
        IndeterminateReason::ALL.map(|it| (it.as_str(), number(guarantee.indeterminate_for(it))))
    });
}

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

pub(crate) fn asn_info(published: &Published, series: &mut Series) {
    let origins = published.snapshot.asns.iter();
    let origins = origins.map(|row| (row.label, &row.name));
    let transit = published.snapshot.transit.iter();
    let transit = transit.map(|row| (row.label, &row.name));
    // Once for an ASN that is both: it has one name.
    let names: BTreeMap<Label, _> = origins.chain(transit).collect();
    for (label, name) in names {
        if let Some(name) = name {
            series.add(&[&label.to_string(), name], 1.0);
        }
    }
}

pub(crate) fn table_prefixes(published: &Published, series: &mut Series) {
    for source in &published.daemon.sources {
        series.add(&[&source.name], number(source.prefixes));
    }
}

pub(crate) fn table_loaded(published: &Published, series: &mut Series) {
    for source in &published.daemon.sources {
        if let Some(loaded) = source.loaded {
            // Whole seconds: a double does not hold nanoseconds since 1970.
            series.add(
                &[&source.name],
                number(loaded.as_nanos() / NANOS_PER_SECOND),
            );
        }
    }
}

pub(crate) fn table_built(published: &Published, series: &mut Series) {
    for source in &published.daemon.sources {
        if let Some(built) = source.built {
            let seconds = number(built.as_nanos() / NANOS_PER_SECOND);
            series.add(&[&source.name], seconds);
        }
    }
}

pub(crate) fn table_written(published: &Published, series: &mut Series) {
    for source in &published.daemon.sources {
        if let Some(written) = source.written {
            let seconds = number(written.as_nanos() / NANOS_PER_SECOND);
            series.add(&[&source.name], seconds);
        }
    }
}

pub(crate) fn table_failures(published: &Published, series: &mut Series) {
    for source in &published.daemon.sources {
        series.add(&[&source.name], number(source.failures));
    }
}

pub(crate) fn disputed(published: &Published, series: &mut Series) {
    for (source, octets) in &published.snapshot.disputed {
        series.add(&[source], number(*octets));
    }
}

/// Every BMP source.
fn each_bmp(published: &Published, mut add: impl FnMut(&str, &bmp::State)) {
    for source in &published.daemon.sources {
        if let Some(state) = &source.bmp {
            add(&source.name, state);
        }
    }
}

pub(crate) fn bmp_routers(published: &Published, series: &mut Series) {
    each_bmp(published, |source, state| {
        series.add(&[source], number(state.routers as u64));
    });
}

pub(crate) fn bmp_peers(published: &Published, series: &mut Series) {
    each_bmp(published, |source, state| {
        series.add(&[source], number(state.peers as u64));
    });
}

pub(crate) fn bmp_routes(published: &Published, series: &mut Series) {
    each_bmp(published, |source, state| {
        series.add(&[source], number(state.routes as u64));
    });
}

pub(crate) fn bmp_messages(published: &Published, series: &mut Series) {
    each_bmp(published, |source, state| {
        let stats = state.stats;
        for (outcome, count) in [
            ("routes", stats.routes),
            ("peer_up", stats.peers_up),
            ("peer_down", stats.peers_down),
            ("passed_over", stats.passed_over),
            ("malformed", stats.malformed),
            ("refused", stats.refused),
        ] {
            series.add(&[source, outcome], number(count));
        }
    });
}

pub(crate) fn bmp_refused_connections(published: &Published, series: &mut Series) {
    each_bmp(published, |source, state| {
        let turned_away = state.turned_away;
        for (reason, count) in [
            ("address", turned_away.address),
            ("limit", turned_away.limit),
            ("share", turned_away.share),
            ("slow", turned_away.slow),
        ] {
            series.add(&[source, reason], number(count));
        }
    });
}

pub(crate) fn judged_second(published: &Published, series: &mut Series) {
    if let Some(second) = published.snapshot.judged {
        series.add(&[], number(second.0));
    }
}

pub(crate) fn http_refused(published: &Published, series: &mut Series) {
    let refused = &published.refused;
    for (reason, count) in [
        ("connections", &refused.connections),
        ("displaced", &refused.displaced),
        ("slow", &refused.slow),
        ("tls", &refused.handshakes),
        ("credentials", &refused.credentials),
        ("rate", &refused.rate),
        ("host", &refused.hosts),
    ] {
        series.add(&[reason], number(count.load(Ordering::Relaxed)));
    }
}

pub(crate) fn build_info(published: &Published, series: &mut Series) {
    let daemon = &published.daemon;
    series.add(&[&daemon.version, &daemon.revision], 1.0);
}
