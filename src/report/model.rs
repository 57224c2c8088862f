//! What a report says: one value, from which every format is written.
//!
//! Octets are those of the contract's layer, rates in bit/s, shares and ratios in millionths, times in
//! RFC 3339 with the offset of the report's time zone.

use super::period::PeriodDay;
use super::seconds::GivenSeconds;
use crate::ledger::checkpoint::SignedCheckpoint;
use crate::ledger::leaf::{CommitmentTerms, TableTerms};
use crate::ledger::verify::Verified;
use serde::Serialize;
use std::collections::BTreeMap;

/// What happened in a period, by one ledger or several.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The time zone's name in the tz database.
    pub time_zone: String,
    /// The first second.
    pub from: String,
    /// The second behind the last.
    pub until: String,
    /// How many seconds it has.
    pub period_s: u64,
    /// Each ledger by itself, in the order in which they were named.
    pub ledgers: Vec<LedgerReport>,
}

/// What one meter saw.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct LedgerReport {
    /// Names the meter.
    pub origin: String,
    /// What the figures rest on.
    pub evidence: EvidenceSummary,
    /// What was seen.
    pub coverage: Coverage,
    /// What changed, in order of time; at most [`super::MAX_CHANGES`].
    pub changes: Vec<Change>,
    /// Changes that are not listed.
    pub changes_left_out: u64,
    /// Counts that came too late even for the settled verdicts; none where nothing could be settled.
    pub settled_late: Option<u64>,
    /// The contracts, in the order of the ledger.
    pub commitments: Vec<CommitmentReport>,
}

/// What was verified before anything was said.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct EvidenceSummary {
    /// The number of the first leaf that was read.
    pub first_leaf: u64,
    /// The number behind the last.
    pub end_leaf: u64,
    /// Leaves up to the last checkpoint of these.
    pub sealed: u64,
    /// Leaves up to the last checkpoint that the ledger's key has signed; 0: none is.
    pub signed: u64,
    /// The last checkpoint, as its note stands in the ledger.
    pub checkpoint: Option<String>,
    /// Verdicts that were judged again and came out as recorded.
    pub verdicts_recomputed: u64,
    /// Intervals that were.
    pub intervals_recomputed: u64,
    /// Verdicts and intervals that were taken as recorded: what they rest on is not all there.
    pub taken_as_recorded: u64,
    /// Verdicts and intervals by rules that this version does not know.
    pub by_other_rules: u64,
}

impl From<&Verified> for EvidenceSummary {
    fn from(verified: &Verified) -> Self {
        Self {
            first_leaf: verified.first_leaf,
            end_leaf: verified.first_leaf + verified.leaves,
            sealed: verified.sealed,
            signed: verified.signed,
            checkpoint: verified.head.as_ref().map(SignedCheckpoint::to_note),
            verdicts_recomputed: verified.rejudged.verdicts,
            intervals_recomputed: verified.rejudged.intervals,
            taken_as_recorded: verified.rejudged.taken,
            by_other_rules: verified
                .rejudged
                .other_rules
                .map_or(0, |(leaves, _)| leaves),
        }
    }
}

/// The seconds of a period by what was seen of them; they add up to the period.
#[derive(Serialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    /// Seen whole.
    pub whole_s: u64,
    /// Seen, but not whole.
    pub incomplete_s: u64,
    /// Not seen: the meter did not run, or what it saw is not in the ledger.
    pub not_running_s: u64,
    /// `incomplete_s` by reason: `capture`, `clock`, `stop` (the seconds in which the meter stopped and started).
    pub incomplete_by: BTreeMap<&'static str, u64>,
    /// `not_running_s` by reason: `before` (the ledger begins later), `stop`, `disk`, `after` (the ledger
    /// ends before).
    pub not_running_by: BTreeMap<&'static str, u64>,
    /// Seconds that ran twice, because the clock jumped back: they stand as they were judged first.
    pub repeated_s: u64,
}

/// What changed, and when.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The first second with it.
    pub second: String,
    /// What.
    #[serde(flatten)]
    pub what: ChangeKind,
}

/// What can change.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum ChangeKind {
    /// The meter started.
    Start {
        /// The program's version.
        version: String,
        /// The commit it was built from.
        revision: String,
        /// The version of the rules.
        rules: u32,
    },
    /// It stopped.
    Stop,
    /// Contracts, or settings that change what is counted.
    Policy {
        /// Of the contracts and these settings.
        sha256: String,
    },
    /// ASN tables other than those that routers announce.
    Table {
        /// In the order of precedence.
        sources: Vec<TableTerms>,
    },
    /// A period was judged again under another contract; the time is that of the entry.
    Revision {
        /// The period's first second.
        from: String,
        /// The second behind its last.
        until: String,
        /// The contracts by which.
        policy: Vec<CommitmentTerms>,
        /// Of the document.
        sha256: String,
    },
}

/// One contract in the period.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct CommitmentReport {
    /// Its name.
    pub name: String,
    /// What it said, from when on.
    pub versions: Vec<CommitmentVersion>,
    /// Seconds in which each measure was guaranteed: what the seconds of each row add up to.
    pub guaranteed_s: BTreeMap<&'static str, u64>,
    /// One for each ASN of which anything was counted or judged, by number.
    pub asns: Vec<ReportRow>,
    /// One for each transit ASN that is held against the threshold itself.
    pub transit_asns: Vec<ReportRow>,
    /// Sums over `asns`; a share is that of all of them together, and a peak the largest of one.
    pub all: ReportRow,
    /// Announced maintenance in the period.
    pub exclusions: Vec<Exclusion>,
    /// The same under another contract, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<WithReport>,
    /// What happened when, for the drawing.
    #[serde(skip)]
    pub strip: VerdictStrip,
}

/// What a contract said for a time.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct CommitmentVersion {
    /// The first second of the period in which it was in force.
    pub from: String,
    /// The second behind the last.
    pub until: String,
    /// The policy leaf's that began it: of all contracts and of the settings that change what is counted.
    pub sha256: String,
    /// All of its values.
    pub terms: CommitmentTerms,
    /// Seconds of the period, from its beginning on.
    #[serde(skip)]
    pub seconds: (u64, u64),
}

/// One ASN under one contract.
#[derive(Serialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct ReportRow {
    /// Its number; none in the row of all.
    pub asn: Option<u32>,
    /// What it sent.
    pub from: DirectionRow,
    /// What was sent to it.
    pub to: DirectionRow,
    /// The largest window that was held against the threshold.
    pub peak: Option<Peak>,
    /// The largest window of confirmed octets, whether it is held against the threshold or not.
    pub confirmed_peak: Option<Peak>,
    /// Seconds in which it was out of SLA for its own traffic.
    pub out_of_sla_s: u64,
    /// How often it was: times without a second between in which it was not.
    pub intervals: u64,
    /// Round trips.
    pub latency: SampleRow,
    /// Stream-seconds with a jitter.
    pub jitter: SampleRow,
    /// How its seconds were given, by measure.
    pub given: GivenByMeasure,
    /// The same without maintenance that was announced before it began; only where some is entered.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub given_without_maintenance: GivenByMeasure,
    /// The same also without maintenance that was entered afterwards.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub given_without_retroactive: GivenByMeasure,
    /// How its seconds are settled: judged with all that became known later.
    pub settled: GivenByMeasure,
    /// The same without maintenance that was announced before it began.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settled_without_maintenance: GivenByMeasure,
    /// The same also without maintenance that was entered afterwards.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settled_without_retroactive: GivenByMeasure,
    /// What is credited by its settled seconds, by measure, where the contract has steps for that.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub credit: CreditByMeasure,
    /// The same without maintenance that was announced before it began.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub credit_without_maintenance: CreditByMeasure,
    /// The same also without maintenance that was entered afterwards.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub credit_without_retroactive: CreditByMeasure,
    /// The largest share in each part of the period, in millionths; for the drawing.
    #[serde(skip)]
    pub shares: Vec<u32>,
}

/// Credit by measure.
pub type CreditByMeasure = BTreeMap<&'static str, CreditRow>;

/// What is credited for a measure, in millionths. The two ends differ where some seconds are indeterminate.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CreditRow {
    /// The share of `met` among the seconds met, missed or indeterminate: with all of the last missed, rounded down.
    pub kept_at_least_ppm: u64,
    /// With all of them met, rounded up.
    pub kept_at_most_ppm: u64,
    /// What is credited if all of them were met.
    pub credit_at_least_ppm: u64,
    /// If all of them were missed.
    pub credit_at_most_ppm: u64,
}

/// Seconds by measure.
pub type GivenByMeasure = BTreeMap<&'static str, GivenSeconds>;

impl ReportRow {
    /// All that is counted in seconds.
    pub(super) const fn seconds(&self) -> [&GivenByMeasure; 6] {
        [
            &self.given,
            &self.given_without_maintenance,
            &self.given_without_retroactive,
            &self.settled,
            &self.settled_without_maintenance,
            &self.settled_without_retroactive,
        ]
    }

    pub(super) const fn seconds_mut(&mut self) -> [&mut GivenByMeasure; 6] {
        [
            &mut self.given,
            &mut self.given_without_maintenance,
            &mut self.given_without_retroactive,
            &mut self.settled,
            &mut self.settled_without_maintenance,
            &mut self.settled_without_retroactive,
        ]
    }
}

/// Announced maintenance.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Exclusion {
    /// Its first second.
    pub from: String,
    /// The second behind its last.
    pub until: String,
    /// When it was entered into the ledger.
    pub entered: String,
    /// It was entered only after it had begun.
    pub retroactive: bool,
    /// Why.
    pub reason: String,
    /// The ASNs that it is about; empty: all.
    pub asns: Vec<u32>,
    /// How many of its seconds lie in the period.
    pub period_s: u64,
}

/// The same leaves, judged by another contract.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct WithReport {
    /// The contract by which they were judged; what the ledger cannot answer is left out of its guarantees.
    pub terms: CommitmentTerms,
    /// What of the other contract the ledger cannot answer, and why.
    pub unanswered: Vec<String>,
    /// Seconds in which each measure is guaranteed by it.
    pub guaranteed_s: BTreeMap<&'static str, u64>,
    /// As those of the commitment.
    pub asns: Vec<ReportRow>,
    /// Sums over these.
    pub all: ReportRow,
}

/// One direction of an ASN's traffic.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DirectionRow {
    /// Octets.
    pub bytes: u64,
    /// Of these, confirmed (MODEL §3.4): a lower bound of what somebody answered.
    pub confirmed_bytes: u64,
    /// Share of what the committed rate allows in the seconds that were seen, in millionths.
    pub mean_share_ppm: u64,
    /// The same of the confirmed octets.
    pub mean_confirmed_ppm: u64,
    /// 95th percentile of the rates of 5 minutes, in bit/s; of one ASN only. Shown, not judged.
    pub p95_5min_bps: Option<u64>,
    /// RTP packets that should have come.
    pub expected: i64,
    /// Of these, missing for certain.
    pub lost: i64,
    /// What may have been lost besides.
    pub maybe_lost: i64,
}

/// The largest window of an ASN.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Peak {
    /// Share in millionths.
    pub share_ppm: u64,
    /// `from`, `to`, `sum`.
    pub direction: &'static str,
    /// The last second of the window; the first of several that are as large.
    pub second: String,
}

/// Samples of a measure by percentile.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SampleRow {
    /// Samples.
    pub samples: u64,
    /// Of these, over the limit for certain.
    pub over: u64,
    /// Of the others, those that may be.
    pub maybe_over: u64,
}

/// Seconds of a part of a [`VerdictStrip`].
pub const STRIP_PART: u64 = 900;

/// Which verdicts were given in each quarter of an hour of the period.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VerdictStrip {
    /// From the period's first second on.
    pub quarters: Vec<VerdictsSeen>,
    /// Its days.
    pub days: Vec<PeriodDay>,
    /// The period: its first second, and the one behind its last.
    pub period: (u64, u64),
}

/// Which verdicts stood on any ASN.
#[expect(clippy::struct_excessive_bools, reason = "each verdict by itself")]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VerdictsSeen {
    /// A guarantee was kept.
    pub met: bool,
    /// One was not.
    pub missed: bool,
    /// An ASN was out of SLA.
    pub void: bool,
    /// Not enough was seen.
    pub indeterminate: bool,
}
