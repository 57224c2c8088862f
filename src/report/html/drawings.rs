//! The drawings of a contract: how verdicts stood each day, and the shares of the largest ASNs.

use super::Escaped;
use crate::report::asn_account::SHARE_PARTS;
use crate::report::model::{CommitmentReport, ReportRow, STRIP_PART, VerdictsSeen};
use crate::report::tables::name;
use crate::report::words::percent;
use std::io::{self, Write};

/// ASNs whose shares are drawn: those with the largest peaks.
const DRAWN: usize = 12;

/// Millimetres of an hour in the strip.
const HOUR: u64 = 6;

/// Millimetres of a day's line.
const DAY_HEIGHT: u64 = 3;

/// Where the hours begin, in millimetres.
const HOURS_AT: u64 = 20;

/// How a quarter of an hour is drawn: what of its verdicts matters most.
fn fill(seen: VerdictsSeen) -> Option<(&'static str, u8)> {
    if seen.missed {
        Some(("#000", 3))
    } else if seen.indeterminate {
        Some(("#fff", 3))
    } else if seen.void {
        Some(("#aaa", 3))
    } else if seen.met {
        Some(("#000", 1))
    } else {
        None
    }
}

/// One line for each day, one cell for each quarter of an hour.
pub(super) fn write_strip(out: &mut dyn Write, of: &CommitmentReport) -> io::Result<()> {
    let days = &of.strip.days;
    let height = DAY_HEIGHT * (days.len() as u64 + 1) + 1;
    writeln!(out, "<h3>Verdicts of each day</h3>\n<figure>")?;
    writeln!(
        out,
        "<svg viewBox=\"0 0 172 {height}\" role=\"img\" aria-label=\"Verdicts of each day\">"
    )?;
    for hour in (0..=24).step_by(3) {
        let x = HOURS_AT + hour * HOUR;
        writeln!(
            out,
            "<text x=\"{x}\" y=\"2.4\" text-anchor=\"middle\">{hour}</text>"
        )?;
    }
    for (place, day) in (1_u64..).zip(days) {
        let (top, bottom) = (place * DAY_HEIGHT, (place + 1) * DAY_HEIGHT);
        writeln!(
            out,
            "<text x=\"0\" y=\"{}.45\">{}</text>",
            top + 2,
            Escaped(&day.name)
        )?;
        let width = Millimetres((day.end - day.begin) * HOUR);
        writeln!(
            out,
            "<path d=\"M{HOURS_AT} {bottom}h{width}\" stroke=\"#999\" stroke-width=\".15\"/>"
        )?;
        write_day(out, of, (day.begin, day.end), top)?;
    }
    writeln!(
        out,
        "</svg>\n<figcaption>Of a quarter of an hour: black, a guarantee was missed for some ASN; framed, \
         indeterminate; grey, void; a thin line, met; empty, nobody spoke. Hours since the day began.\
         </figcaption></figure>"
    )
}

fn write_day(
    out: &mut dyn Write,
    of: &CommitmentReport,
    (begin, end): (u64, u64),
    top: u64,
) -> io::Result<()> {
    let (from, last) = of.strip.period;
    let first = begin.max(from).saturating_sub(from) / STRIP_PART;
    let quarters = of.strip.quarters.iter().enumerate();
    let quarters = quarters.skip(usize::try_from(first).unwrap_or(usize::MAX));
    // what follows each other alike is one rectangle
    let mut open: Option<(u64, u64, (&'static str, u8))> = None;
    for (place, seen) in quarters {
        let at = from + place as u64 * STRIP_PART;
        if at >= end {
            break;
        }
        let until = (at + STRIP_PART).min(end).min(last);
        let fill = fill(*seen);
        if let (Some(one), Some(fill)) = (&mut open, fill)
            && one.1 == at
            && one.2 == fill
        {
            one.1 = until;
            continue;
        }
        if let Some(one) = open.take() {
            write_cells(out, one, begin, top)?;
        }
        open = fill.map(|fill| (at.max(begin), until, fill));
    }
    match open {
        Some(one) => write_cells(out, one, begin, top),
        None => Ok(()),
    }
}

fn write_cells(
    out: &mut dyn Write,
    (from, until, (fill, height)): (u64, u64, (&'static str, u8)),
    begin: u64,
    top: u64,
) -> io::Result<()> {
    let x = Millimetres(HOURS_AT * 3600 + (from - begin) * HOUR);
    let width = Millimetres((until - from) * HOUR);
    let (y, height) = match height {
        1 => (format!("{}.3", top + 1), ".3"),
        _ => (format!("{top}.4"), "2.3"),
    };
    let stroke = if fill == "#fff" {
        " stroke=\"#000\" stroke-width=\".25\""
    } else {
        ""
    };
    writeln!(
        out,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"{stroke}/>"
    )
}

/// A length in 3600ths of a millimetre, written with three digits.
struct Millimetres(u64);

impl std::fmt::Display for Millimetres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let thousandths = self.0 * 1000 / 3600;
        write!(f, "{}.{:03}", thousandths / 1000, thousandths % 1000)
    }
}

/// The largest share in each part of the period, for the ASNs with the largest peaks.
pub(super) fn write_shares(out: &mut dyn Write, of: &CommitmentReport) -> io::Result<()> {
    let peak = |row: &ReportRow| row.peak.as_ref().map_or(0, |peak| peak.share_ppm);
    let mut rows: Vec<_> = of.asns.iter().filter(|row| peak(row) > 0).collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(peak(row)), row.asn));
    let left_out = rows.len().saturating_sub(DRAWN);
    rows.truncate(DRAWN);
    if rows.is_empty() {
        return Ok(());
    }
    let thresholds = of.versions.iter().map(|one| u64::from(one.terms.threshold));
    let most = thresholds.chain(rows.iter().map(|row| peak(row))).max();
    let most = most.unwrap_or(1).max(1);
    writeln!(
        out,
        "<h3>Share of the largest ASNs over the period</h3>\n<div class=\"small\">"
    )?;
    for row in &rows {
        write_share(out, of, row, most)?;
    }
    writeln!(out, "</div>")?;
    let others = if left_out > 0 {
        format!(" {left_out} more ASNs had smaller peaks.")
    } else {
        String::new()
    };
    writeln!(
        out,
        "<p class=\"note\">The largest window of each {SHARE_PARTS}th of the period, all on one scale up to {}. \
         Dashed: the threshold.{others}</p>",
        percent(most)
    )
}

fn write_share(
    out: &mut dyn Write,
    of: &CommitmentReport,
    row: &ReportRow,
    most: u64,
) -> io::Result<()> {
    // hundredths of a millimetre
    let y = |ppm: u64| 1500 - (ppm * 1400 / most);
    let hundredths = |value: u64| format!("{}.{:02}", value / 100, value % 100);
    let peak = row.peak.as_ref().map_or(0, |peak| peak.share_ppm);
    writeln!(
        out,
        "<figure><figcaption>{} · peak {}</figcaption><svg viewBox=\"0 0 {SHARE_PARTS} 45\" \
         preserveAspectRatio=\"none\" role=\"img\" aria-label=\"share of {}\">",
        name(row),
        percent(peak),
        name(row)
    )?;
    let mut path = String::from("M0 45");
    for (place, share) in row.shares.iter().enumerate() {
        let height = hundredths(3 * y(u64::from(*share).min(most)));
        path.extend([format!("L{place} {height}H{}", place + 1)]);
    }
    writeln!(out, "<path d=\"{path}V45Z\" fill=\"#777\"/>")?;
    let (begin, end) = of.strip.period;
    let length = end.saturating_sub(begin).max(1);
    for version in &of.versions {
        let at = |second: u64| hundredths((second - begin) * SHARE_PARTS * 100 / length);
        let height = hundredths(3 * y(version.terms.threshold.into()));
        writeln!(
            out,
            "<path d=\"M{} {height}H{}\" stroke=\"#000\" stroke-width=\".6\" stroke-dasharray=\"3 2\"/>",
            at(version.seconds.0),
            at(version.seconds.1)
        )?;
    }
    writeln!(
        out,
        "<path d=\"M0 45H{SHARE_PARTS}\" stroke=\"#000\" stroke-width=\".4\"/></svg></figure>"
    )
}
