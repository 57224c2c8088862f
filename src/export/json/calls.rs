//! Calls of an ASN, where their signalling is seen, by the names of RFC 6076; and where its packets are lost.

use crate::export::loss_path::{LossPath, LossSide};
use crate::snapshot::{AsnRow, CallTotals, Label};
use crate::voice::signalling::{CallDurations, CallOutcome};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// Both directions: calls that the ASN set up, and those that were set up to it.
#[derive(Serialize)]
pub(super) struct CallsJson<'a> {
    from: CallJson<'a>,
    to: CallJson<'a>,
}

impl<'a> CallsJson<'a> {
    /// None where there was no call.
    pub(super) fn of(row: &'a AsnRow) -> Option<Self> {
        let [from, to] = &row.calls;
        let is_any = row
            .calls
            .iter()
            .any(|calls| *calls != CallTotals::default());
        is_any.then(|| Self {
            from: CallJson::of(from),
            to: CallJson::of(to),
        })
    }
}

#[derive(Serialize)]
struct CallJson<'a> {
    attempts: u64,
    answered: u64,
    failed: u64,
    /// Answered ÷ (attempts − redirected) (RFC 6076 §4.6).
    session_establishment_ratio: Option<f64>,
    responses: Responses<'a>,
    request_delay: DurationsJson,
    session_duration: DurationsJson,
    one_way_streams: u64,
    one_way_seconds: u64,
}

impl<'a> CallJson<'a> {
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    fn of(calls: &'a CallTotals) -> Self {
        let counts = &calls.counts;
        let answered = counts.of(CallOutcome::ANSWERED);
        let redirected = counts.of(CallOutcome::REDIRECTED);
        let asked = counts.attempts.saturating_sub(redirected);
        Self {
            attempts: counts.attempts,
            answered,
            failed: counts.failed(),
            session_establishment_ratio: (asked > 0).then(|| answered as f64 / asked as f64),
            responses: Responses(calls),
            request_delay: DurationsJson::of(&counts.request_delay),
            session_duration: DurationsJson::of(&counts.session_duration),
            one_way_streams: calls.one_way_streams,
            one_way_seconds: calls.one_way_seconds,
        }
    }
}

/// Outcomes that occurred.
struct Responses<'a>(&'a CallTotals);

impl Serialize for Responses<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let each = CallOutcome::all().map(|outcome| (outcome.as_str(), self.0.counts.of(outcome)));
        to.collect_map(each.filter(|(_, calls)| *calls > 0))
    }
}

/// Durations in seconds.
#[derive(Serialize)]
struct DurationsJson {
    count: u64,
    sum_s: f64,
    mean_s: Option<f64>,
    buckets: BucketsJson,
}

impl DurationsJson {
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    fn of(durations: &CallDurations) -> Self {
        let CallDurations {
            count, sum_millis, ..
        } = *durations;
        let mean = sum_millis.checked_div(count);
        Self {
            count,
            sum_s: sum_millis as f64 / 1e3,
            mean_s: mean.map(|millis| millis as f64 / 1e3),
            buckets: BucketsJson(*durations),
        }
    }
}

/// By upper bound, cumulative; nothing where there is none.
struct BucketsJson(CallDurations);

impl Serialize for BucketsJson {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        if self.0.count > 0 {
            for (bound, count) in self.0.cumulative() {
                map.serialize_entry(&bound.to_string(), &count)?;
            }
        }
        map.end()
    }
}

/// Where packets of an ASN are lost.
#[derive(Serialize)]
pub(super) struct LossPathJson {
    from: SideJson,
    to: SideJson,
}

#[derive(Serialize)]
struct SideJson {
    side: LossSide,
    text: Option<String>,
}

impl LossPathJson {
    pub(super) fn of(row: &AsnRow) -> Self {
        let said = |path: LossPath, label: Label| SideJson {
            side: path.side(),
            text: path.sentence(label),
        };
        Self {
            from: said(LossPath::from(row), row.label),
            to: said(LossPath::to(row), row.label),
        }
    }
}
