//! Round-trip latency: of the round trips to an ASN's endpoints those that took too long.

use super::{Column, Guaranteed, Properties, Term, percentile_kept};
use crate::meter::asn_counts::{AsnCounts, SampleCounts};
use crate::meter::second::RoundTrip;
use crate::sla::IndeterminateReason;
use crate::sla::unseen::Unseen;
use crate::stream::rtt::method::RttMethods;
use std::time::Duration;

pub(super) const PROPERTIES: Properties = Properties {
    label: "latency",
    title: "Latency",
    columns: &[
        Column {
            key: "round_trips",
            from: |counts| counts.round_trips.samples.cast_signed(),
            to: None,
        },
        Column {
            key: "over_limit",
            from: |counts| counts.round_trips.over.cast_signed(),
            to: None,
        },
        Column {
            key: "maybe_over_limit",
            from: |counts| counts.round_trips.maybe_over.cast_signed(),
            to: None,
        },
    ],
    // Round trips come by themselves: see `LatencyGuarantee::sample`.
    sent: |_, _, _| {},
    received: |_, _, _| {},
    forget: |counts| counts.round_trips = SampleCounts::default(),
    counts_alike: |one, other| {
        let counted = |of: &super::Guarantee| of.latency.map(|it| (it.limit, it.methods));
        counted(one) == counted(other)
    },
};

/// Guaranteed latency: missed if 100·(samples over the limit) > (100 − percentile)·samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LatencyGuarantee {
    /// The limit of a round trip.
    pub limit: Duration,
    /// Percentile, 1 to 100.
    pub percentile: u8,
    /// Which measurements count; pooled.
    pub methods: RttMethods,
    /// Fewer round trips than this in the window: indeterminate. Default 20.
    pub min_round_trips: u64,
}

impl LatencyGuarantee {
    /// One of which only the limit is written.
    pub const fn new(limit: Duration) -> Self {
        Self {
            limit,
            percentile: 95,
            methods: RttMethods::DEFAULT,
            min_round_trips: 20,
        }
    }

    /// What a round trip counts as; none where its method does not.
    pub fn sample(&self, trip: &RoundTrip) -> Option<AsnCounts> {
        let counts = self.methods.contains(trip.method);
        counts.then(|| AsnCounts {
            round_trips: SampleCounts {
                maybe_over: trip.is_maybe_over(self.limit).into(),
                ..SampleCounts::one(trip.is_over(self.limit))
            },
            ..AsnCounts::default()
        })
    }
}

impl Guaranteed for LatencyGuarantee {
    fn limit(&self) -> f64 {
        self.limit.as_secs_f64()
    }

    fn terms(&self) -> Vec<(&'static str, Term)> {
        vec![
            ("limit_ms", Term::Number(self.limit.as_secs_f64() * 1e3)),
            ("percentile", Term::Count(self.percentile.into())),
            ("min_round_trips", Term::Count(self.min_round_trips)),
        ]
    }

    fn is_kept(&self, window: &AsnCounts, unseen: Unseen) -> Result<bool, IndeterminateReason> {
        percentile_kept(
            self.percentile,
            self.min_round_trips,
            window.round_trips,
            (window, unseen),
        )
    }
}
