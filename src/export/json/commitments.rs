//! The document's commitments: terms, and how each ASN stands under them.

use crate::export::measures::ByPresentMeasure;
use crate::sla::commitment::{DirectionRule, TransitRule};
use crate::sla::direction::{Direction, Directions};
use crate::sla::{IndeterminateReason, Verdict};
use crate::snapshot::{
    CommitmentAsnRow, CommitmentRow, ExcessIntervalRow, GuaranteeRow, Outage, SilenceRow,
};
use crate::units::Asn;
use serde::Serialize;

/// The terms of a contract but its guarantees.
#[derive(Serialize)]
pub(super) struct TermsJson<'a> {
    name: &'a str,
    committed_bps: u64,
    threshold: f64,
    window_s: u32,
    direction: &'static str,
    count: &'static str,
    layer: &'static str,
    /// The first second that was judged by these terms, if others held before.
    since: Option<String>,
}

impl<'a> TermsJson<'a> {
    pub(super) fn of(row: &'a CommitmentRow) -> Self {
        Self {
            name: &row.name,
            committed_bps: row.committed_rate.0,
            threshold: row.threshold.as_f64(),
            window_s: row.window_seconds,
            direction: row.direction.as_str(),
            count: row.count.as_str(),
            layer: row.layer.as_str(),
            since: row.since.map(|second| second.to_string()),
        }
    }
}

#[derive(Serialize)]
pub(super) struct CommitmentJson<'a> {
    #[serde(flatten)]
    terms: TermsJson<'a>,
    /// Seconds in which all networks had stopped at once: the tap may have failed.
    tap_gap_s: u64,
    /// The last second of which the verdicts are settled.
    settled_until: Option<String>,
    asns: Vec<JudgedJson<'a>>,
    judges_transit: bool,
    transit: Vec<JudgedJson<'a>>,
}

impl<'a> CommitmentJson<'a> {
    pub(super) fn of(row: &'a CommitmentRow) -> Self {
        let judged = |asn: &'a CommitmentAsnRow| JudgedJson::of(asn, row.direction);
        let transit = |asn: &'a CommitmentAsnRow| JudgedJson {
            role: Some("transit"),
            ..judged(asn)
        };
        Self {
            terms: TermsJson::of(row),
            tap_gap_s: row.tap_gap_seconds,
            settled_until: row.settled_until.map(|second| second.to_string()),
            asns: row.asns.iter().map(judged).collect(),
            judges_transit: row.transit_rule == TransitRule::Judge,
            transit: row.transit.iter().map(transit).collect(),
        }
    }
}

/// One ASN under one commitment. `name`, `share`, `window_bytes`, `over`, `transit` are what the
/// page lives on.
#[derive(Serialize)]
pub(super) struct JudgedJson<'a> {
    asn: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    name: Option<&'a str>,
    share: SharesJson<f64>,
    window_bytes: SharesJson<u64>,
    confirmed_share: SharesJson<f64>,
    confirmed_window_bytes: SharesJson<u64>,
    over: bool,
    unconfirmed_excess: bool,
    unconfirmed_excess_seconds: u64,
    peak_share: SharesJson<f64>,
    out_of_sla_seconds: u64,
    out_of_sla: Vec<OutOfSlaJson>,
    transit: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silence: Option<SilenceJson>,
    guarantees: ByPresentMeasure<GuaranteeJson>,
}

/// Silent streams of an ASN, where there is or was any.
#[derive(Serialize)]
struct SilenceJson {
    active_streams: u64,
    silent_streams: u64,
    open: u64,
    unjudged: u64,
    outage: Option<OutageJson>,
}

impl SilenceJson {
    fn of(row: &SilenceRow) -> Option<Self> {
        (*row != SilenceRow::default()).then(|| Self {
            active_streams: row.active,
            silent_streams: row.silent,
            open: row.open,
            unjudged: row.unjudged,
            outage: row.outage.map(OutageJson::of),
        })
    }
}

/// Streams that fell silent together.
#[derive(Serialize)]
pub(super) struct OutageJson {
    since: String,
    streams: u64,
    active_streams: u64,
}

impl OutageJson {
    pub(super) fn of(outage: Outage) -> Self {
        Self {
            since: outage.since.to_string(),
            streams: outage.streams,
            active_streams: outage.active,
        }
    }
}

/// A commitment judged on both directions together has one value, `sum`, and null for each.
#[derive(Serialize)]
pub(super) struct SharesJson<T> {
    from: Option<T>,
    to: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<T>,
}

impl<T: Copy> SharesJson<T> {
    pub(super) fn of(value: Directions<T>, rule: DirectionRule) -> Self {
        let shown = |direction: Direction| {
            let is_shown = rule.shown().contains(&direction);
            is_shown.then(|| *value.get(direction))
        };
        Self {
            from: shown(Direction::From),
            to: shown(Direction::To),
            sum: shown(Direction::Sum),
        }
    }
}

#[derive(Serialize)]
pub(super) struct OutOfSlaJson {
    direction: &'static str,
    from: String,
    until: String,
    open: bool,
    peak_share: f64,
    peak_window_bytes: u64,
    /// What it was over: the contract at the time.
    committed_bps: u64,
    threshold: f64,
    window_s: u32,
    layer: &'static str,
    /// Covered by the exclusion, for this ASN's traffic.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transit: Vec<u32>,
}

fn numbers(asns: &[Asn]) -> Vec<u32> {
    asns.iter().map(|asn| asn.0).collect()
}

impl OutOfSlaJson {
    pub(super) fn of(interval: &ExcessIntervalRow) -> Self {
        Self {
            direction: interval.direction.as_str(),
            from: interval.from.to_string(),
            until: interval.last.next().to_string(),
            open: interval.open,
            peak_share: interval.peak_share,
            peak_window_bytes: interval.peak_window_bytes,
            committed_bps: interval.limit.committed_rate.0,
            threshold: interval.limit.threshold.as_f64(),
            window_s: interval.limit.window.get(),
            layer: interval.limit.layer.as_str(),
            transit: numbers(&interval.transit),
        }
    }
}

#[derive(Serialize)]
pub(super) struct GuaranteeJson {
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    indeterminate_reason: Option<&'static str>,
    met_s: u64,
    missed_s: u64,
    void_s: u64,
    indeterminate_s: u64,
    unseen_s: u64,
    in_doubt_s: u64,
    few_samples_s: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled: Option<SettledJson>,
}

/// Seconds as settled: judged again with all that became known later, up to `settled_until`.
#[expect(clippy::struct_field_names, reason = "the keys of JSON")]
#[derive(Serialize)]
pub(super) struct SettledJson {
    met_s: u64,
    missed_s: u64,
    void_s: u64,
    indeterminate_s: u64,
}

impl SettledJson {
    fn of(seconds: [u64; Verdict::ALL.len()]) -> Self {
        let of = |verdict: Verdict| seconds.get(verdict as usize).copied().unwrap_or(0);
        Self {
            met_s: of(Verdict::Met),
            missed_s: of(Verdict::Missed),
            void_s: of(Verdict::Void),
            indeterminate_s: of(Verdict::Indeterminate),
        }
    }
}

impl GuaranteeJson {
    pub(super) fn of(row: &GuaranteeRow) -> Self {
        Self {
            verdict: row.verdict.map(Verdict::as_str),
            reason: row.void_by_transit.map(|asn| format!("transit AS{asn}")),
            indeterminate_reason: row.indeterminate_reason.map(IndeterminateReason::as_str),
            met_s: row.seconds_of(Verdict::Met),
            missed_s: row.seconds_of(Verdict::Missed),
            void_s: row.seconds_of(Verdict::Void),
            indeterminate_s: row.seconds_of(Verdict::Indeterminate),
            unseen_s: row.indeterminate_for(IndeterminateReason::Unseen),
            in_doubt_s: row.indeterminate_for(IndeterminateReason::InDoubt),
            few_samples_s: row.indeterminate_for(IndeterminateReason::FewSamples),
            settled: row.settled.map(SettledJson::of),
        }
    }
}

impl<'a> JudgedJson<'a> {
    fn of(row: &'a CommitmentAsnRow, rule: DirectionRule) -> Self {
        Self {
            asn: row.asn.0,
            role: None,
            name: row.name.as_deref(),
            share: SharesJson::of(row.share, rule),
            window_bytes: SharesJson::of(row.window_bytes, rule),
            confirmed_share: SharesJson::of(row.confirmed_share, rule),
            confirmed_window_bytes: SharesJson::of(row.confirmed_window_bytes, rule),
            over: row.out_of_sla,
            unconfirmed_excess: row.unconfirmed_excess,
            unconfirmed_excess_seconds: row.unconfirmed_excess_seconds,
            peak_share: SharesJson::of(row.peak_share, rule),
            out_of_sla_seconds: row.out_of_sla_seconds,
            out_of_sla: row
                .out_of_sla_intervals
                .iter()
                .map(OutOfSlaJson::of)
                .collect(),
            transit: numbers(&row.transit),
            silence: SilenceJson::of(&row.silence),
            guarantees: ByPresentMeasure(
                row.guarantees
                    .map(|one| one.as_ref().map(GuaranteeJson::of)),
            ),
        }
    }
}
