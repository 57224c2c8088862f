//! The objects inside the document, key by key in DESIGN's order.

use crate::asn::Origin;
use crate::discard::DiscardCounts;
use crate::export::SourceRow;
use crate::sla::Verdict;
use crate::sla::commitment::{DirectionRule, Layer, Method};
use crate::snapshot::{
    AsnRow, CommitmentAsnRow, CommitmentRow, Count, DirectionTotals, Distribution, GuaranteeRow,
    InterfaceRow, Interval, Label, PerDirection, Reported, Snapshot, StreamRow,
};
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
pub(super) struct CaptureTotals {
    frames: u64,
    bytes: u64,
    first: Option<String>,
    last: Option<String>,
}

impl CaptureTotals {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let capture = &snapshot.capture;
        Self {
            frames: capture.frames,
            bytes: capture.bytes,
            first: capture.first.map(|time| time.to_string()),
            last: capture.last.map(|time| time.to_string()),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Totals {
    packets: u64,
    bytes: u64,
}

impl Totals {
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
struct Whose(Label);

impl Serialize for Whose {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Label::Origin(Origin::As(asn)) => to.serialize_u32(asn.0),
            label @ (Label::Origin(Origin::Local) | Label::Other) => to.collect_str(&label),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Stream<'a> {
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
    late: u64,
    duplicates: u64,
    reordered: u64,
    jitter_mean_ms: Option<f64>,
    jitter_max_ms: Option<f64>,
    src_asn: Whose,
    dst_asn: Whose,
    first: String,
    last: String,
}

impl<'a> Stream<'a> {
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
            expected: row.expected,
            lost: row.lost,
            late: row.late,
            duplicates: row.duplicates,
            reordered: row.reordered,
            jitter_mean_ms: row.jitter_mean_nanos.map(nanos_to_millis).map(millis),
            jitter_max_ms: row.jitter_max_nanos.map(nanos_to_millis).map(millis),
            src_asn: Whose(Label::Origin(row.src_asn)),
            dst_asn: Whose(Label::Origin(row.dst_asn)),
            first: row.first.to_string(),
            last: row.last.to_string(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Asn<'a> {
    asn: Whose,
    name: Option<&'a str>,
    from: Direction,
    to: DirectionWithReports,
    rtt_ms: RoundTrips<'a>,
}

#[derive(Serialize)]
struct Direction {
    packets: u64,
    bytes: u64,
    expected: u64,
    lost: u64,
}

impl Direction {
    fn of(totals: &DirectionTotals) -> Self {
        let Count { packets, bytes } = totals.total();
        Self {
            packets,
            bytes,
            expected: totals.expected,
            lost: totals.lost,
        }
    }
}

#[derive(Serialize)]
struct DirectionWithReports {
    packets: u64,
    bytes: u64,
    expected: u64,
    lost: u64,
    reported: ReportedCounts,
}

#[derive(Serialize)]
struct ReportedCounts {
    expected: u64,
    lost: u64,
}

impl<'a> Asn<'a> {
    pub(super) fn of(row: &'a AsnRow) -> Self {
        let Direction {
            packets,
            bytes,
            expected,
            lost,
        } = Direction::of(&row.to);
        let Reported {
            expected: reported_expected,
            lost: reported_lost,
        } = row.reported;
        Self {
            asn: Whose(row.label),
            name: row.name.as_deref(),
            from: Direction::of(&row.from),
            to: DirectionWithReports {
                packets,
                bytes,
                expected,
                lost,
                reported: ReportedCounts {
                    expected: reported_expected,
                    lost: reported_lost,
                },
            },
            rtt_ms: RoundTrips(&row.round_trips),
        }
    }
}

/// Methods with a sample.
struct RoundTrips<'a>(&'a [Option<Distribution>; Method::ALL.len()]);

impl Serialize for RoundTrips<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Quantiles {
            count: u64,
            p50: f64,
            p95: f64,
            max: f64,
        }
        let mut map = to.serialize_map(None)?;
        for (method, samples) in Method::ALL.iter().zip(self.0) {
            if let Some(samples) = samples.as_ref().filter(|samples| samples.count > 0) {
                let quantiles = Quantiles {
                    count: samples.count,
                    p50: millis(samples.p50_ms),
                    p95: millis(samples.p95_ms),
                    max: millis(samples.max_ms),
                };
                map.serialize_entry(method.as_str(), &quantiles)?;
            }
        }
        map.end()
    }
}

#[derive(Serialize)]
pub(super) struct Commitment<'a> {
    name: &'a str,
    committed_bps: u64,
    threshold: f64,
    window_s: u32,
    direction: &'static str,
    layer: &'static str,
    asns: Vec<Judged<'a>>,
}

impl<'a> Commitment<'a> {
    pub(super) fn of(row: &'a CommitmentRow) -> Self {
        let judged = |asn: &'a CommitmentAsnRow| Judged::of(asn, row.direction);
        Self {
            name: &row.name,
            committed_bps: row.committed_rate.0,
            threshold: row.threshold.as_f64(),
            window_s: row.window_seconds,
            direction: match row.direction {
                DirectionRule::Either => "either",
                DirectionRule::From => "from",
                DirectionRule::To => "to",
                DirectionRule::Sum => "sum",
            },
            layer: match row.layer {
                Layer::Ip => "ip",
                Layer::Ethernet => "ethernet",
                Layer::Wire => "wire",
            },
            asns: row.asns.iter().map(judged).collect(),
        }
    }
}

/// One ASN under one commitment. `name`, `share`, `window_bytes`, `over` are additions of ours to
/// DESIGN's keys: the page lives on them.
#[derive(Serialize)]
pub(super) struct Judged<'a> {
    asn: u32,
    name: Option<&'a str>,
    share: Shares<f64>,
    window_bytes: Shares<u64>,
    over: bool,
    peak_share: Shares<f64>,
    out_of_sla_seconds: u64,
    out_of_sla: Vec<OutOfSla>,
    guarantees: Guarantees,
}

/// A commitment judged on both directions together has one value, `sum`, and null for each.
#[derive(Serialize)]
struct Shares<T> {
    from: Option<T>,
    to: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<T>,
}

impl<T> Shares<T> {
    fn of(value: PerDirection<T>, rule: DirectionRule) -> Self {
        match rule {
            DirectionRule::Sum => Self {
                from: None,
                to: None,
                sum: Some(value.from),
            },
            DirectionRule::Either | DirectionRule::From | DirectionRule::To => Self {
                from: Some(value.from),
                to: Some(value.to),
                sum: None,
            },
        }
    }
}

#[derive(Serialize)]
struct OutOfSla {
    direction: &'static str,
    from: String,
    until: String,
    open: bool,
    peak_share: f64,
    peak_window_bytes: u64,
}

impl OutOfSla {
    fn of(interval: &Interval) -> Self {
        Self {
            direction: interval.direction,
            from: interval.from.to_string(),
            until: interval.last.next().to_string(),
            open: interval.open,
            peak_share: interval.peak_share,
            peak_window_bytes: interval.peak_window_bytes,
        }
    }
}

/// Only what is guaranteed.
#[derive(Serialize)]
struct Guarantees {
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<Standing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<Standing>,
}

#[derive(Serialize)]
struct Standing {
    verdict: Option<&'static str>,
    met_s: u64,
    missed_s: u64,
    void_s: u64,
    indeterminate_s: u64,
}

impl Standing {
    fn of(row: &GuaranteeRow) -> Self {
        Self {
            verdict: row.verdict.map(Verdict::as_str),
            met_s: row.seconds_of(Verdict::Met),
            missed_s: row.seconds_of(Verdict::Missed),
            void_s: row.seconds_of(Verdict::Void),
            indeterminate_s: row.seconds_of(Verdict::Indeterminate),
        }
    }
}

impl<'a> Judged<'a> {
    fn of(row: &'a CommitmentAsnRow, rule: DirectionRule) -> Self {
        Self {
            asn: row.asn.0,
            name: row.name.as_deref(),
            share: Shares::of(row.share, rule),
            window_bytes: Shares::of(row.window_bytes, rule),
            over: row.out_of_sla,
            peak_share: Shares::of(row.peak_share, rule),
            out_of_sla_seconds: row.out_of_sla_seconds,
            out_of_sla: row.out_of_sla_intervals.iter().map(OutOfSla::of).collect(),
            guarantees: Guarantees {
                loss: row.loss.as_ref().map(Standing::of),
                latency: row.latency.as_ref().map(Standing::of),
            },
        }
    }
}

/// The meter's own health.
#[derive(Serialize)]
pub(super) struct Meter<'a> {
    pub(super) ready: bool,
    pub(super) pending_frames: u64,
    pub(super) late_frames: u64,
    pub(super) clock_steps: u64,
    pub(super) tainted_seconds: u64,
    pub(super) streams_refused: u64,
    pub(super) interfaces: Vec<InterfaceFrames<'a>>,
    pub(super) sources: Vec<Source<'a>>,
    pub(super) config_last_reload_successful: bool,
    pub(super) version: &'a str,
    pub(super) revision: &'a str,
}

#[derive(Serialize)]
pub(super) struct InterfaceFrames<'a> {
    name: &'a str,
    frames: u64,
    dropped_frames: u64,
}

impl<'a> InterfaceFrames<'a> {
    pub(super) fn of(row: &'a InterfaceRow) -> Self {
        Self {
            name: &row.name,
            frames: row.frames,
            dropped_frames: row.dropped,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Source<'a> {
    name: &'a str,
    prefixes: u64,
    loaded: Option<String>,
}

impl<'a> Source<'a> {
    pub(super) fn of(row: &'a SourceRow) -> Self {
        Self {
            name: &row.name,
            prefixes: row.prefixes,
            loaded: row.loaded.map(|time| time.to_string()),
        }
    }
}
