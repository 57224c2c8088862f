//! The objects inside the document but the commitments, key by key in the order in which they are written.

use super::calls::{CallsJson, LossPathJson};
use super::voip_metrics::VoipMetricsJson;
use crate::asn::Origin;
use crate::discard::DiscardCounts;
use crate::export::{Published, SourceRow};
use crate::snapshot::{
    AsnRow, Count, DirectionTotals, Distribution, InterfaceRow, Label, Snapshot, StreamRow,
    TransitRow,
};
use crate::stream::booking::LossReason;
use crate::stream::rtt::method::RttMethod;
use crate::stream::tally::{LossCounts, ShownLoss, shown};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// Milliseconds with three decimals: a microsecond is finer than any capture's clock is right.
fn millis(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

fn nanos_to_millis(nanos: u64) -> f64 {
    // In integers first: the same digits on every machine.
    let micros = nanos.saturating_add(500) / 1000;
    std::time::Duration::from_micros(micros).as_secs_f64() * 1e3
}

#[derive(Serialize)]
pub(super) struct CaptureJson {
    frames: u64,
    bytes: u64,
    first: Option<String>,
    last: Option<String>,
    /// Frames found to be copies of others, taken out or not.
    mirror_copies: u64,
    /// Packets beyond the first of frames that held several, and such frames that could not be split.
    merged_packets: u64,
    unsplit_frames: u64,
}

impl CaptureJson {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let capture = &snapshot.capture;
        Self {
            frames: capture.frames,
            bytes: capture.bytes,
            first: capture.first.map(|time| time.to_string()),
            last: capture.last.map(|time| time.to_string()),
            mirror_copies: snapshot.mirror_copies,
            merged_packets: snapshot.merged_packets,
            unsplit_frames: snapshot.unsplit_frames,
        }
    }
}

#[derive(Serialize)]
pub(super) struct TotalsJson {
    packets: u64,
    bytes: u64,
}

impl TotalsJson {
    pub(super) fn of(count: Count) -> Self {
        Self {
            packets: count.packets,
            bytes: count.bytes,
        }
    }
}

/// Reasons that occurred.
pub(super) struct Discarded<'a>(pub(super) &'a DiscardCounts);

impl Serialize for Discarded<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let occurred = self.0.iter().filter(|(_, frames)| *frames > 0);
        to.collect_map(occurred.map(|(reason, frames)| (reason.as_str(), frames)))
    }
}

/// A number, `"local"` or `"other"`.
struct LabelJson(Label);

impl Serialize for LabelJson {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Label::Origin(Origin::As(asn)) => to.serialize_u32(asn.0),
            label @ (Label::Origin(Origin::Local) | Label::Other) => to.collect_str(&label),
        }
    }
}

#[derive(Serialize)]
pub(super) struct StreamJson<'a> {
    src: String,
    dst: String,
    ssrc: String,
    payload_type: u8,
    codec: Option<&'a str>,
    kind: &'static str,
    packets: u64,
    bytes: u64,
    expected: u64,
    lost: u64,
    maybe_lost: u64,
    late: u64,
    duplicates: u64,
    reordered: u64,
    restarts: u64,
    jitter_mean_ms: Option<f64>,
    jitter_max_ms: Option<f64>,
    src_asn: LabelJson,
    dst_asn: LabelJson,
    first: String,
    last: String,
}

impl<'a> StreamJson<'a> {
    pub(super) fn of(row: &'a StreamRow) -> Self {
        Self {
            src: row.src.to_string(),
            dst: row.dst.to_string(),
            ssrc: format!("0x{:08x}", row.ssrc),
            payload_type: row.payload_type,
            codec: (!row.codec.is_empty()).then_some(&*row.codec),
            kind: row.kind.as_str(),
            packets: row.packets,
            bytes: row.bytes,
            expected: row.loss.expected,
            lost: row.loss.lost,
            maybe_lost: row.loss.maybe_lost,
            late: row.late,
            duplicates: row.duplicates,
            reordered: row.reordered,
            restarts: row.restarts,
            jitter_mean_ms: row.jitter_mean_nanos.map(nanos_to_millis).map(millis),
            jitter_max_ms: row.jitter_max_nanos.map(nanos_to_millis).map(millis),
            src_asn: LabelJson(Label::Origin(row.src_asn)),
            dst_asn: LabelJson(Label::Origin(row.dst_asn)),
            first: row.first.to_string(),
            last: row.last.to_string(),
        }
    }
}

/// A jitter in milliseconds, as streams have it.
pub(super) fn jitter_ms(nanos: u64) -> f64 {
    millis(nanos_to_millis(nanos))
}

#[derive(Serialize)]
pub(super) struct AsnJson<'a> {
    #[serde(rename = "asn")]
    label: LabelJson,
    name: Option<&'a str>,
    from: Direction,
    to: DirectionWithReports,
    /// What the receivers of what it sent report, behind the tap.
    received: Losses,
    loss_path: LossPathJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<CallsJson<'a>>,
    /// What receivers say that they hear (RTCP XR).
    #[serde(skip_serializing_if = "Option::is_none")]
    voip_metrics: Option<VoipMetricsJson<'a>>,
    rtt_ms: RoundTrips<'a>,
}

#[derive(Serialize)]
struct Direction {
    packets: u64,
    bytes: u64,
    confirmed_bytes: u64,
    #[serde(flatten)]
    loss: Losses,
    late: u64,
    unfollowed: u64,
    excused: Excused,
}

/// By the reason, in the order of [`LossReason::ALL`].
struct Excused([u64; LossReason::ALL.len()]);

impl Serialize for Excused {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            LossReason::ALL
                .iter()
                .map(|excuse| excuse.as_str())
                .zip(&self.0),
        )
    }
}

impl Direction {
    fn of(totals: &DirectionTotals) -> Self {
        let Count { packets, bytes } = totals.total();
        Self {
            packets,
            bytes,
            confirmed_bytes: totals.confirmed_bytes,
            loss: Losses::of(totals.loss),
            late: totals.late,
            unfollowed: totals.unfollowed,
            excused: Excused(totals.excused.map(shown)),
        }
    }
}

#[derive(Serialize)]
struct DirectionWithReports {
    #[serde(flatten)]
    totals: Direction,
    reported: Losses,
}

#[derive(Serialize)]
struct Losses {
    expected: u64,
    lost: u64,
    maybe_lost: u64,
}

impl Losses {
    fn of(counts: LossCounts) -> Self {
        let ShownLoss {
            expected,
            lost,
            maybe_lost,
        } = counts.shown();
        Self {
            expected,
            lost,
            maybe_lost,
        }
    }
}

impl<'a> AsnJson<'a> {
    pub(super) fn of(row: &'a AsnRow) -> Self {
        Self {
            label: LabelJson(row.label),
            name: row.name.as_deref(),
            from: Direction::of(&row.from),
            to: DirectionWithReports {
                totals: Direction::of(&row.to),
                reported: Losses::of(row.reported),
            },
            received: Losses::of(row.received),
            loss_path: LossPathJson::of(row),
            calls: CallsJson::of(row),
            voip_metrics: VoipMetricsJson::of(row),
            rtt_ms: RoundTrips(&row.round_trips),
        }
    }
}

/// What went through an ASN: no part of any origin's traffic.
#[derive(Serialize)]
pub(super) struct TransitJson<'a> {
    #[serde(rename = "asn")]
    label: LabelJson,
    name: Option<&'a str>,
    role: &'static str,
    from: TotalsJson,
    to: TotalsJson,
}

impl<'a> TransitJson<'a> {
    pub(super) fn of(row: &'a TransitRow) -> Self {
        Self {
            label: LabelJson(row.label),
            name: row.name.as_deref(),
            role: "transit",
            from: TotalsJson::of(row.from),
            to: TotalsJson::of(row.to),
        }
    }
}

/// Methods with a sample.
struct RoundTrips<'a>(&'a [Option<Distribution>; RttMethod::ALL.len()]);

impl Serialize for RoundTrips<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (method, samples) in RttMethod::ALL.iter().zip(self.0) {
            if let Some(samples) = samples.as_ref().filter(|samples| samples.count > 0) {
                map.serialize_entry(method.as_str(), &Quantiles::of(samples))?;
            }
        }
        map.end()
    }
}

/// Samples since the start, in milliseconds.
#[derive(Serialize)]
pub(super) struct Quantiles {
    count: u64,
    p50: f64,
    pub(super) p95: f64,
    max: f64,
}

impl Quantiles {
    pub(super) fn of(samples: &Distribution) -> Self {
        Self {
            count: samples.count,
            p50: millis(samples.p50_ms),
            p95: millis(samples.p95_ms),
            max: millis(samples.max_ms),
        }
    }
}

/// The meter's own health.
#[derive(Serialize)]
pub(super) struct MeterJson<'a> {
    ready: bool,
    pending_frames: u64,
    late_frames: u64,
    clock_steps: u64,
    tainted_seconds: u64,
    streams_refused: u64,
    transit_left_out: u64,
    /// Of round trips, by method.
    unanswered: Unanswered,
    /// Sender reports that do not fit the numbers that came.
    contradicting_sender_reports: u64,
    interfaces: Vec<InterfaceFrames<'a>>,
    sources: Vec<Source<'a>>,
    config_last_reload_successful: bool,
    version: &'a str,
    revision: &'a str,
}

impl<'a> MeterJson<'a> {
    pub(super) fn of(published: &'a Published) -> Self {
        let (snapshot, daemon) = (&*published.snapshot, &*published.daemon);
        let interfaces = snapshot.capture.interfaces.iter();
        Self {
            ready: published.is_ready(),
            pending_frames: snapshot.pending_frames,
            late_frames: snapshot.late_frames,
            clock_steps: snapshot.clock_steps,
            tainted_seconds: snapshot.incomplete_seconds,
            streams_refused: snapshot.streams_refused,
            transit_left_out: snapshot.transit_left_out,
            unanswered: Unanswered(snapshot.round_trips_unanswered),
            contradicting_sender_reports: snapshot.contradicting_reports,
            interfaces: interfaces.map(InterfaceFrames::of).collect(),
            sources: daemon.sources.iter().map(Source::of).collect(),
            config_last_reload_successful: daemon.config_ok,
            version: &daemon.version,
            revision: &daemon.revision,
        }
    }
}

/// Questions that nobody answered, by method.
struct Unanswered([u64; RttMethod::ALL.len()]);

impl Serialize for Unanswered {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let methods = RttMethod::ALL.iter().map(|method| method.as_str());
        to.collect_map(methods.zip(self.0))
    }
}

#[derive(Serialize)]
struct InterfaceFrames<'a> {
    name: &'a str,
    frames: u64,
    dropped_frames: u64,
}

impl<'a> InterfaceFrames<'a> {
    fn of(row: &'a InterfaceRow) -> Self {
        Self {
            name: &row.name,
            frames: row.frames,
            dropped_frames: row.dropped,
        }
    }
}

#[derive(Serialize)]
struct Source<'a> {
    name: &'a str,
    prefixes: u64,
    loaded: Option<String>,
    built: Option<String>,
}

impl<'a> Source<'a> {
    fn of(row: &'a SourceRow) -> Self {
        Self {
            name: &row.name,
            prefixes: row.prefixes,
            loaded: row.loaded.map(|time| time.to_string()),
            built: row.built.map(|time| time.second().to_string()),
        }
    }
}
