//! What the page at `/` draws: its state each second, and one ASN in detail. Made for our own page,
//! and so without a promise: `/api/v1/asns` is the stable interface.

use super::calls::LossPathJson;
use super::commitments::{GuaranteeJson, OutOfSlaJson, OutageJson, SharesJson, TermsJson};
use super::shapes::{AsnJson, CaptureJson, Discarded, MeterJson, Quantiles, TotalsJson};
use crate::asn::Origin;
use crate::export::Published;
use crate::export::measures::{self, ByMeasure};
use crate::sla::commitment::DirectionRule;
use crate::sla::direction::Directions;
use crate::sla::measure::{Column, Counter, Measure, PerMeasure};
use crate::snapshot::evidence::AsnCounts;
use crate::snapshot::{AsnRow, CommitmentAsnRow, CommitmentRow, Label, Minute, Snapshot};
use crate::units::{Asn as Number, NANOS_PER_SECOND};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

/// ASNs drawn per commitment, the nearest to their limit; 100 of them are 60 kB.
const MAX_ROWS: usize = 100;

/// Times out of SLA in the detail of an ASN, the latest; `/api/v1/asns` has all that are kept.
const MAX_INTERVALS: usize = 20;

/// Minutes of the sparkline.
const MINUTES: u64 = 60;

#[derive(Serialize)]
struct StateJson<'a> {
    judged: Option<String>,
    last_tainted: Option<String>,
    capture: CaptureJson,
    voice: TotalsJson,
    discarded: Discarded<'a>,
    commitments: Vec<Listed<'a>>,
    meter: MeterJson<'a>,
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    terms: GuaranteedTermsJson<'a>,
    judged_asns: usize,
    out_of_sla: usize,
    asns: Vec<Row<'a>>,
    /// Transit ASNs that are judged by what goes through them, those with most first.
    transit: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct GuaranteedTermsJson<'a> {
    #[serde(flatten)]
    terms: TermsJson<'a>,
    #[serde(flatten)]
    guarantee: ByMeasure<Option<measures::GuaranteeTerms<'a>>>,
}

#[derive(Serialize)]
struct Row<'a> {
    asn: u32,
    name: Option<&'a str>,
    share: SharesJson<f64>,
    /// On its paths now; where it is out of SLA, what the exclusion covers besides.
    transit: Vec<u32>,
    /// Of the judged direction that is nearer to its limit.
    most: f64,
    peak: f64,
    over: bool,
    /// It exceeds only by what nobody answered.
    unconfirmed_excess: bool,
    confirmed_share: SharesJson<f64>,
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outage: Option<OutageJson>,
    out_of_sla_seconds: u64,
    #[serde(flatten)]
    standings: ByMeasure<Option<GuaranteeJson>>,
    #[serde(flatten)]
    counted: Counted<'a>,
    /// Round trip by RTCP (or, without one, STUN) that 95 % keep, since the start.
    p95_ms: Option<f64>,
    /// Thousandths of the limit, one for each minute of the hour that ends now; null before the
    /// capture began.
    last_hour: Vec<Option<u32>>,
}

/// What the verdicts rest on: what is counted of both directions under `sent` and `reported`, the
/// rest beside them.
struct Counted<'a>(&'a AsnCounts);

impl Serialize for Counted<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry(
            "sent",
            &Numbers(self.0, |column| column.to.and(Some(column.from))),
        )?;
        map.serialize_entry("reported", &Numbers(self.0, |column| column.to))?;
        for column in columns().filter(|column| column.to.is_none()) {
            map.serialize_entry(column.key, &(column.from)(self.0))?;
        }
        map.end()
    }
}

/// Numbers of a window, of the columns that have one.
struct Numbers<'a>(&'a AsnCounts, fn(&Column) -> Option<Counter>);

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(cell, number) = self;
        to.collect_map(columns().filter_map(|column| Some((column.key, number(column)?(cell)))))
    }
}

fn columns() -> impl Iterator<Item = &'static Column> {
    let measures = Measure::ALL.into_iter();
    measures.flat_map(|measure| measure.properties().columns)
}

#[derive(Serialize)]
struct DetailJson<'a> {
    judged: Option<String>,
    asn: Option<AsnJson<'a>>,
    /// All that our own ends send and receive.
    local: Option<LossPathJson>,
    streams: u64,
    jitter_ms: Option<Quantiles>,
    commitments: Vec<JudgedJson<'a>>,
}

#[derive(Serialize)]
struct JudgedJson<'a> {
    terms: GuaranteedTermsJson<'a>,
    row: Row<'a>,
    intervals: Vec<OutOfSlaJson>,
    /// For each minute of the hour that ends now, and each measure in order, the seconds that were met,
    /// missed, void and indeterminate; null where there was none.
    verdicts: Vec<Vec<Option<[u8; 4]>>>,
}

/// The state that the page draws, as one line.
///
/// # Errors
/// What the serialiser refuses; no snapshot is known to make it.
pub fn state(published: &Published) -> Result<String, serde_json::Error> {
    let snapshot = &*published.snapshot;
    serde_json::to_string(&StateJson {
        judged: snapshot.judged.map(|second| second.to_string()),
        last_tainted: snapshot.last_incomplete.map(|second| second.to_string()),
        capture: CaptureJson::of(snapshot),
        voice: TotalsJson::of(snapshot.voice),
        discarded: Discarded(&snapshot.discards),
        commitments: snapshot
            .commitments
            .iter()
            .map(|commitment| listed(commitment, snapshot))
            .collect(),
        meter: MeterJson::of(published),
    })
}

/// One ASN with everything that is known of it; `None` where nothing is.
///
/// # Errors
/// What the serialiser refuses; no snapshot is known to make it.
pub fn detail(published: &Published, asn: Number) -> Option<Result<String, serde_json::Error>> {
    let snapshot = &*published.snapshot;
    let totals = totals_of(snapshot, asn);
    let commitments: Vec<_> = snapshot
        .commitments
        .iter()
        .filter_map(|commitment| {
            let place = commitment.asns.binary_search_by_key(&asn, |row| row.asn);
            let row = commitment.asns.get(place.ok()?)?;
            Some(judged(commitment, row, snapshot))
        })
        .collect();
    if totals.is_none() && commitments.is_empty() {
        return None;
    }
    Some(serde_json::to_string(&DetailJson {
        judged: snapshot.judged.map(|second| second.to_string()),
        asn: totals.map(AsnJson::of),
        local: local(snapshot).map(LossPathJson::of),
        streams: totals.map_or(0, |row| row.streams),
        jitter_ms: totals
            .and_then(|row| row.jitter.as_ref())
            .map(Quantiles::of),
        commitments,
    }))
}

fn totals_of(snapshot: &Snapshot, asn: Number) -> Option<&AsnRow> {
    let label = Label::Origin(Origin::As(asn));
    let place = snapshot.asns.binary_search_by_key(&label, |row| row.label);
    snapshot.asns.get(place.ok()?)
}

/// Our own ends, all together.
fn local(snapshot: &Snapshot) -> Option<&AsnRow> {
    let label = Label::Origin(Origin::Local);
    snapshot.asns.iter().find(|row| row.label == label)
}

fn listed<'a>(commitment: &'a CommitmentRow, snapshot: &'a Snapshot) -> Listed<'a> {
    let drawn = |rows: &'a [CommitmentAsnRow]| {
        let nearest = nearest_first(rows, commitment.direction);
        let drawn = nearest.into_iter().take(MAX_ROWS);
        drawn.map(|asn| row(commitment, asn, snapshot)).collect()
    };
    let out = commitment.asns.iter().filter(|row| row.out_of_sla);
    Listed {
        terms: GuaranteedTermsJson::of(commitment),
        judged_asns: commitment.asns.len(),
        out_of_sla: out.count(),
        asns: drawn(&commitment.asns),
        transit: drawn(&commitment.transit),
    }
}

/// Sorted by share; what is out of SLA stands before, so that none of it is ever cut off.
fn nearest_first(rows: &[CommitmentAsnRow], rule: DirectionRule) -> Vec<&CommitmentAsnRow> {
    let mut rows: Vec<_> = rows.iter().collect();
    let most = |row: &CommitmentAsnRow| largest(row.share, rule);
    rows.sort_by(|a, b| {
        (b.out_of_sla.cmp(&a.out_of_sla))
            .then(most(b).total_cmp(&most(a)))
            .then(a.asn.cmp(&b.asn))
    });
    rows
}

fn judged<'a>(
    commitment: &'a CommitmentRow,
    asn: &'a CommitmentAsnRow,
    snapshot: &'a Snapshot,
) -> JudgedJson<'a> {
    let intervals = asn.out_of_sla_intervals.iter().rev().take(MAX_INTERVALS);
    let minutes = by_minute(&asn.last_hour, snapshot, |minute| {
        minute.map_or_else(PerMeasure::default, |minute| minute.verdicts)
    });
    let seconds = |verdicts: &PerMeasure<[u8; 4]>| {
        let seconds = verdicts.iter();
        let some = |(_, seconds): (_, &[u8; 4])| Some(*seconds).filter(|all| all != &[0; 4]);
        seconds.map(some).collect()
    };
    JudgedJson {
        terms: GuaranteedTermsJson::of(commitment),
        row: row(commitment, asn, snapshot),
        intervals: intervals.map(OutOfSlaJson::of).collect(),
        verdicts: minutes.iter().map(seconds).collect(),
    }
}

fn row<'a>(commitment: &CommitmentRow, asn: &'a CommitmentAsnRow, snapshot: &Snapshot) -> Row<'a> {
    let transit = if asn.out_of_sla {
        &asn.covered
    } else {
        &asn.transit
    };
    let open = asn.out_of_sla_intervals.iter().find(|over| over.open);
    let [rtcp, stun, ..] = totals_of(snapshot, asn.asn).map_or([None; 4], |totals| {
        totals.round_trips.each_ref().map(Option::as_ref)
    });
    Row {
        asn: asn.asn.0,
        name: asn.name.as_deref(),
        share: SharesJson::of(asn.share, commitment.direction),
        transit: transit.iter().map(|one| one.0).collect(),
        most: largest(asn.share, commitment.direction),
        peak: largest(asn.peak_share, commitment.direction),
        over: asn.out_of_sla,
        unconfirmed_excess: asn.unconfirmed_excess,
        confirmed_share: SharesJson::of(asn.confirmed_share, commitment.direction),
        since: open.map(|over| over.from.to_string()),
        outage: asn.silence.outage.map(OutageJson::of),
        out_of_sla_seconds: asn.out_of_sla_seconds,
        standings: ByMeasure(
            asn.guarantees
                .map(|one| one.as_ref().map(GuaranteeJson::of)),
        ),
        counted: Counted(&asn.remaining),
        p95_ms: rtcp.or(stun).map(|samples| Quantiles::of(samples).p95),
        last_hour: by_minute(&asn.last_hour, snapshot, |minute| {
            Some(minute.map_or(0, |minute| minute.peak_thousandths))
        }),
    }
}

/// A value for each of the last 60 minutes, of `None` where the ASN had no voice; the default for
/// minutes before the capture began.
fn by_minute<T: Default>(
    minutes: &[Minute],
    snapshot: &Snapshot,
    value: impl Fn(Option<&Minute>) -> T,
) -> Vec<T> {
    let (Some(judged), Some(first)) = (snapshot.judged, snapshot.capture.first) else {
        return Vec::new();
    };
    let (begun, last) = (first.as_nanos() / NANOS_PER_SECOND / 60, judged.0 / 60);
    ((last + 1).saturating_sub(MINUTES)..=last)
        .map(|minute| {
            let known = minutes.iter().find(|one| one.start.0 == minute * 60);
            if minute < begun {
                T::default()
            } else {
                value(known)
            }
        })
        .collect()
}

fn largest(share: Directions<f64>, rule: DirectionRule) -> f64 {
    let judged = share.of(rule.judged());
    judged.map(|(_, share)| *share).fold(0.0, f64::max)
}

impl<'a> GuaranteedTermsJson<'a> {
    fn of(row: &'a CommitmentRow) -> Self {
        Self {
            terms: TermsJson::of(row),
            guarantee: ByMeasure(PerMeasure::from_fn(|measure| {
                row.guarantee.get(measure).map(measures::GuaranteeTerms)
            })),
        }
    }
}
