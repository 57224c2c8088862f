//! Rows of commitments, and of the ASNs that are judged under one.

use crate::meter::asn_counts::AsnCounts;
use crate::sla::commitment::{CountRule, DirectionRule, TransitRule};
use crate::sla::direction::{Direction, Directions};
use crate::sla::limit::Limit;
use crate::sla::measure::{Guarantee, PerMeasure};
use crate::sla::{IndeterminateReason, Verdict};
use crate::stream::tally::Layer;
use crate::units::{Asn, BitRate, Ratio, Second};
use std::sync::Arc;

/// One commitment and the ASNs judged by it.
#[derive(Clone, Debug)]
pub struct CommitmentRow {
    /// Its name.
    pub name: Arc<str>,
    /// The committed data rate.
    pub committed_rate: BitRate,
    /// The threshold.
    pub threshold: Ratio,
    /// Seconds in the window.
    pub window_seconds: u32,
    /// Which traffic is held against the threshold.
    pub direction: DirectionRule,
    /// Whether unconfirmed octets are held against it.
    pub count: CountRule,
    /// Which octets count.
    pub layer: Layer,
    /// What is guaranteed below the threshold.
    pub guarantee: Guarantee,
    /// The first second that was judged by all this, after another contract; none: all were.
    pub since: Option<Second>,
    /// Judged ASNs, sorted by number.
    pub asns: Vec<CommitmentAsnRow>,
    /// Seconds judged in which all networks had stopped at once: the tap may have failed.
    pub tap_gap_seconds: u64,
    /// What is done about transit ASNs.
    pub transit_rule: TransitRule,
    /// ASNs judged by what goes through them, sorted by number; without guarantees.
    pub transit: Vec<CommitmentAsnRow>,
    /// The last second of which the verdicts are settled; none where none is yet.
    pub settled_until: Option<Second>,
}

/// One ASN under one commitment.
#[derive(Clone, Debug)]
pub struct CommitmentAsnRow {
    /// Which ASN.
    pub asn: Asn,
    /// Its name, untrusted text.
    pub name: Option<Arc<str>>,
    /// Octets in the current window.
    pub window_bytes: Directions<u64>,
    /// The confirmed octets among them.
    pub confirmed_window_bytes: Directions<u64>,
    /// Share of the committed rate in the current window: 1.0 is all of it.
    pub share: Directions<f64>,
    /// The share of confirmed octets.
    pub confirmed_share: Directions<f64>,
    /// Whether the current window exceeds the threshold only with its unconfirmed octets.
    pub unconfirmed_excess: bool,
    /// Seconds in which it did.
    pub unconfirmed_excess_seconds: u64,
    /// The largest share so far, each of the committed rate that held.
    pub peak_share: Directions<f64>,
    /// Whether the current window exceeds the threshold.
    pub out_of_sla: bool,
    /// Seconds out of SLA.
    pub out_of_sla_seconds: u64,
    /// Intervals out of SLA, in order of their start; the open ones included.
    pub out_of_sla_intervals: Vec<ExcessIntervalRow>,
    /// The transit ASNs on its paths in the current window, ascending: the way to it known, the way
    /// back assumed. While it is out of SLA the exclusion covers them, for its traffic.
    pub transit: Vec<Asn>,
    /// Every transit ASN that was ever covered so, ascending.
    pub covered: Vec<Asn>,
    /// Each measure, if guaranteed now or judged before.
    pub guarantees: PerMeasure<Option<GuaranteeRow>>,
    /// What the verdicts of the current window rest on.
    pub remaining: AsnCounts,
    /// Streams that it sends and that are silent.
    pub silence: SilenceRow,
    /// The last hour, oldest minute first; minutes without voice are left out.
    pub last_hour: Vec<Minute>,
}

/// The silent streams of an ASN under a commitment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SilenceRow {
    /// Streams that are active; 0 where none is silent.
    pub active: u64,
    /// Streams that are silent without a reason.
    pub silent: u64,
    /// Packets that these would have sent so far, of each for 10 s at most.
    pub open: u64,
    /// Packets of silences that have ended, which no verdict took into account.
    pub unjudged: u64,
    /// Streams that fell silent together.
    pub outage: Option<Outage>,
}

/// Streams of an ASN that fell silent together, and have not gone on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outage {
    /// The second of the first one's last packet.
    pub since: Second,
    /// How many they are.
    pub streams: u64,
    /// Of so many that are active.
    pub active: u64,
}

/// A minute of an ASN under a commitment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Minute {
    /// Its first second.
    pub start: Second,
    /// The largest window that ended in it, in thousandths of the limit that held, in the judged
    /// direction that had more.
    pub peak_thousandths: u32,
    /// Of each measure the seconds with each verdict, in the order of [`Verdict`]; 60 at most.
    pub verdicts: PerMeasure<[u8; 4]>,
}

/// A time out of SLA in one direction.
#[derive(Clone, PartialEq, Debug)]
pub struct ExcessIntervalRow {
    /// Which traffic went over.
    pub direction: Direction,
    /// Start of the first second over the threshold.
    pub from: Second,
    /// The last second over the threshold so far.
    pub last: Second,
    /// Still over.
    pub open: bool,
    /// The largest window in it, in octets.
    pub peak_window_bytes: u64,
    /// Its share.
    pub peak_share: f64,
    /// What it was over.
    pub limit: Limit,
    /// The transit ASNs that the exclusion covered, for this ASN's traffic; ascending.
    pub transit: Vec<Asn>,
}

/// How a guarantee stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GuaranteeRow {
    /// Verdict of the last judged second; none without voice in the window.
    pub verdict: Option<Verdict>,
    /// Where that is void for the sake of transit and not of the ASN's own traffic: the lowest
    /// transit ASN out of SLA that its packets crossed.
    pub void_by_transit: Option<Asn>,
    /// Where it is indeterminate: why.
    pub indeterminate_reason: Option<IndeterminateReason>,
    /// Seconds of each verdict, in the order of [`Verdict::ALL`].
    pub seconds: [u64; Verdict::ALL.len()],
    /// Of those that are indeterminate the seconds of each reason, in the order of
    /// [`IndeterminateReason::ALL`].
    pub indeterminate: [u64; IndeterminateReason::ALL.len()],
    /// Seconds of each verdict as settled, in the same order: up to [`CommitmentRow::settled_until`].
    pub settled: Option<[u64; Verdict::ALL.len()]>,
}

impl GuaranteeRow {
    /// Seconds with this verdict.
    pub fn seconds_of(&self, verdict: Verdict) -> u64 {
        self.seconds.get(verdict as usize).copied().unwrap_or(0)
    }

    /// Seconds that are indeterminate for this reason.
    pub fn indeterminate_for(&self, reason: IndeterminateReason) -> u64 {
        let seconds = self.indeterminate.get(reason as usize);
        seconds.copied().unwrap_or(0)
    }
}
