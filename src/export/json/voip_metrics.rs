//! What receivers say that they hear (RTCP XR): of what an ASN sent, and of what was sent to it.

use crate::snapshot::AsnRow;
use crate::stream::reports::voip_counts::{VoipCounts, VoipMetric, VoipSamples};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// Both directions: as the receivers behind the tap say, and as the ASN's end does.
#[derive(Serialize)]
pub(super) struct VoipMetricsJson<'a> {
    from: Heard<'a>,
    to: Heard<'a>,
}

impl<'a> VoipMetricsJson<'a> {
    /// None where nobody says anything.
    pub(super) fn of(row: &'a AsnRow) -> Option<Self> {
        let [from, to] = row.voip_metrics.as_deref()?;
        Some(Self {
            from: Heard(from),
            to: Heard(to),
        })
    }
}

/// The number of blocks, and each quantity with a value.
struct Heard<'a>(&'a VoipCounts);

impl Serialize for Heard<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("blocks", &self.0.blocks)?;
        for (metric, samples) in self.0.each().filter(|(_, samples)| samples.count > 0) {
            map.serialize_entry(metric.as_str(), &SamplesJson::of(metric, samples))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct SamplesJson {
    count: u64,
    mean: f64,
    /// By upper bound, cumulative.
    buckets: Buckets,
}

impl SamplesJson {
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    fn of(metric: VoipMetric, samples: &VoipSamples) -> Self {
        let steps = samples.sum as f64 / samples.count.max(1) as f64;
        // Four decimals: the steps of the wire are coarser.
        let mean = (steps / f64::from(metric.steps_per_unit()) * 1e4).round() / 1e4;
        Self {
            count: samples.count,
            mean,
            buckets: Buckets(metric, *samples),
        }
    }
}

struct Buckets(VoipMetric, VoipSamples);

impl Serialize for Buckets {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(metric, samples) = self;
        let each = samples.cumulative(*metric);
        to.collect_map(each.map(|(bound, count)| (bound.to_string(), count)))
    }
}
