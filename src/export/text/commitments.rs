//! How each ASN stands under each commitment, by its own traffic and as transit.

use super::MAX_INTERVALS;
use super::numbers::{grouped, octets, percent, rate, several};
use super::table::{Align, TextTable, printable};
use crate::sla::commitment::DirectionRule;
use crate::sla::direction::Directions;
use crate::sla::measure::Measure;
use crate::sla::{IndeterminateReason, Verdict};
use crate::snapshot::{CommitmentAsnRow, CommitmentRow, ExcessIntervalRow, GuaranteeRow};
use crate::stream::tally::Layer;
use crate::units::Asn;
use std::io::{self, Write};

/// Transit ASNs named in one line; the JSON output has them all.
const MAX_NAMED: usize = 12;

pub(super) fn write_commitment(
    out: &mut impl Write,
    commitment: &CommitmentRow,
    page: usize,
) -> io::Result<()> {
    let direction = match commitment.direction {
        DirectionRule::Either => "either direction",
        DirectionRule::From => "from the ASN",
        DirectionRule::To => "to the ASN",
        DirectionRule::Sum => "both directions together",
    };
    let layer = match commitment.layer {
        Layer::Ip => "IP",
        Layer::Ethernet => "Ethernet",
        Layer::Wire => "wire",
    };
    writeln!(
        out,
        "\nCommitment {}: {} committed, no guarantee above {} in {} s, {direction}, {layer} octets",
        printable(&commitment.name),
        rate(commitment.committed_rate.0),
        percent(commitment.threshold.as_f64()),
        commitment.window_seconds,
    )?;
    if commitment.asns.is_empty() {
        return writeln!(out, "  no traffic of any ASN");
    }
    let titles = Measure::ALL.map(|measure| (measure.properties().title, Align::Left));
    let mut table = TextTable::new(page, &[&STATE_COLUMNS[..], &titles].concat());
    for row in &commitment.asns {
        let mut cells = Vec::from(state_cells(row, commitment.direction));
        cells.extend(row.guarantees.iter().map(|(_, one)| seconds(one.as_ref())));
        table.row(cells);
    }
    table.write(out)?;
    for row in &commitment.asns {
        write_intervals(out, "", row)?;
    }
    write_transit(out, commitment, page)
}

/// The transit ASNs that a commitment judges.
fn write_transit(out: &mut impl Write, commitment: &CommitmentRow, page: usize) -> io::Result<()> {
    if commitment.transit.is_empty() {
        return Ok(());
    }
    writeln!(out, "  Transit, by all that goes through it")?;
    let mut table = TextTable::new(page, &STATE_COLUMNS);
    for row in &commitment.transit {
        table.row(state_cells(row, commitment.direction));
    }
    table.write(out)?;
    for row in &commitment.transit {
        write_intervals(out, "transit ", row)?;
    }
    Ok(())
}

/// How an ASN stands to the threshold, whatever it is judged as.
const STATE_COLUMNS: [(&str, Align); 6] = [
    ("ASN", Align::Right),
    ("Name", Align::Left),
    ("Last window from / to", Align::Right),
    ("Peak from / to", Align::Right),
    ("Out of SLA", Align::Right),
    ("Now", Align::Left),
];

/// The cells of [`STATE_COLUMNS`].
fn state_cells(row: &CommitmentAsnRow, direction: DirectionRule) -> [String; 6] {
    [
        row.asn.to_string(),
        row.name.as_deref().unwrap_or_default().to_owned(),
        shares(row.share, direction),
        shares(row.peak_share, direction),
        format!("{} s", grouped(row.out_of_sla_seconds)),
        now(row),
    ]
}

fn write_intervals(out: &mut impl Write, role: &str, row: &CommitmentAsnRow) -> io::Result<()> {
    if let Some(outage) = row.silence.outage {
        writeln!(
            out,
            "  {role}AS{} fell silent at {}: {} of {}",
            row.asn,
            outage.since,
            grouped(outage.streams),
            several(outage.active, "stream", "streams"),
        )?;
    }
    for interval in row.out_of_sla_intervals.iter().take(MAX_INTERVALS) {
        write_interval(out, role, row.asn, interval)?;
    }
    let more = row.out_of_sla_intervals.len().saturating_sub(MAX_INTERVALS);
    if more > 0 {
        writeln!(
            out,
            "  {role}AS{}: … and {} more (--format json lists all)",
            row.asn,
            several(more as u64, "interval", "intervals"),
        )?;
    }
    Ok(())
}

fn write_interval(
    out: &mut impl Write,
    role: &str,
    asn: Asn,
    interval: &ExcessIntervalRow,
) -> io::Result<()> {
    let until = interval.last.next();
    writeln!(
        out,
        "  {role}AS{asn}: out of SLA ({}) {} to {until}{}, {} s, peak {} ({} in the window){}",
        interval.direction.as_str(),
        interval.from,
        if interval.open { " and still" } else { "" },
        grouped(until.0.saturating_sub(interval.from.0)),
        percent(interval.peak_share),
        octets(interval.peak_window_bytes),
        covered(&interval.transit),
    )
}

fn shares(value: Directions<f64>, rule: DirectionRule) -> String {
    let shown = value.of(rule.shown());
    let shown: Vec<_> = shown.map(|(_, share)| percent(*share)).collect();
    shown.join(" / ")
}

/// Seconds of each verdict that occurred, those that are indeterminate by the reason: `met 50 s, unseen 8 s`.
fn seconds(guarantee: Option<&GuaranteeRow>) -> String {
    let Some(guarantee) = guarantee else {
        return "not guaranteed".to_owned();
    };
    let verdicts = [Verdict::Met, Verdict::Missed, Verdict::Void];
    let verdicts = verdicts.map(|it| (it.as_str(), guarantee.seconds_of(it)));
    let reasons = IndeterminateReason::ALL;
    let reasons = reasons.map(|it| (it.as_str(), guarantee.indeterminate_for(it)));
    let occurred: Vec<String> = verdicts
        .into_iter()
        .chain(reasons)
        .filter(|(_, seconds)| *seconds > 0)
        .map(|(word, seconds)| format!("{} {} s", word.replace('_', " "), grouped(seconds)))
        .collect();
    if occurred.is_empty() {
        "no verdict".to_owned()
    } else {
        occurred.join(", ")
    }
}

/// What the exclusion of an ASN covers besides: `; covers transit AS174, AS1299`.
fn covered(transit: &[Asn]) -> String {
    if transit.is_empty() {
        return String::new();
    }
    let named = transit.iter().take(MAX_NAMED).map(|asn| format!("AS{asn}"));
    let named: Vec<String> = named.collect();
    let more = match transit.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("; covers transit {}{more}", named.join(", "))
}

/// How an ASN stands now: by its own traffic, and by what lies on its paths.
fn now(row: &CommitmentAsnRow) -> String {
    let mut guarantees = row.guarantees.iter();
    let void = guarantees.find_map(|(_, guarantee)| guarantee.as_ref()?.void_by_transit);
    match (row.out_of_sla, void) {
        (true, _) => "over".to_owned(),
        (false, None) => "within".to_owned(),
        (false, Some(asn)) => format!("void: transit AS{asn}"),
    }
}
