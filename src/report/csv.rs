//! The report as CSV (RFC 4180): one line for each ledger, contract, ASN and measure.
//!
//! What does not depend on the measure stands in each of the lines of an ASN. Contracts, coverage and
//! changes are in the other formats.

use super::model::{GivenByMeasure, Peak, Report, ReportRow};
use crate::sla::measure::Measure;
use std::io::{self, Write};

/// The columns.
const HEAD: &str = "origin,commitment,role,asn,measure,from,until,period_s,guaranteed_s,\
    met_s,missed_s,void_s,indeterminate_s,silent_s,samples,over,maybe_over,\
    from_bytes,to_bytes,mean_from_ppm,mean_to_ppm,peak_ppm,peak_direction,peak_second,\
    out_of_sla_s,intervals,p95_5min_from_bps,p95_5min_to_bps,\
    from_expected,from_lost,from_maybe_lost,to_expected,to_lost,to_maybe_lost";

/// The last columns.
const LAST: &str = "from_confirmed_bytes,to_confirmed_bytes,mean_confirmed_from_ppm,\
    mean_confirmed_to_ppm,confirmed_peak_ppm,confirmed_peak_direction,confirmed_peak_second,\
    kept_at_least_ppm,kept_at_most_ppm,credit_at_least_ppm,credit_at_most_ppm";

/// What the five columns of seconds are of: behind [`HEAD`] for each of these.
const BESIDE: [&str; 7] = [
    "settled",
    "without_maintenance",
    "settled_without_maintenance",
    "without_retroactive",
    "settled_without_retroactive",
    "with",
    "with_settled",
];

/// Writes the lines.
///
/// # Errors
/// What `out` says.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    write!(out, "{HEAD}")?;
    for what in BESIDE {
        for verdict in ["met", "missed", "void", "indeterminate", "silent"] {
            write!(out, ",{what}_{verdict}_s")?;
        }
    }
    write!(out, ",{LAST}\r\n")?;
    for ledger in &report.ledgers {
        for commitment in &ledger.commitments {
            let asns = commitment.asns.iter().map(|row| ("origin", row));
            let transit = commitment.transit_asns.iter().map(|row| ("transit", row));
            let all = [("origin", &commitment.all)];
            for (role, row) in asns.chain(transit).chain(all) {
                let begin = [ledger.origin.as_str(), &commitment.name, role]
                    .map(field)
                    .join(",");
                let with = commitment.with.as_ref().filter(|_| role == "origin");
                let with = with.and_then(|with| {
                    let mut rows = with.asns.iter().chain([&with.all]);
                    rows.find(|other| other.asn == row.asn)
                });
                lines(out, report, &begin, (row, with))?;
            }
        }
    }
    Ok(())
}

fn lines(
    out: &mut dyn Write,
    report: &Report,
    begin: &str,
    (row, with): (&ReportRow, Option<&ReportRow>),
) -> io::Result<()> {
    let asn = row
        .asn
        .map_or_else(|| "all".to_owned(), |asn| asn.to_string());
    let measures: Vec<_> = Measure::ALL
        .into_iter()
        .filter(|measure| row.given.contains_key(measure.as_str()))
        .map(Some)
        .collect();
    let measures = if measures.is_empty() {
        vec![None]
    } else {
        measures
    };
    for measure in measures {
        write!(out, "{begin},{asn},{}", measure.map_or("", Measure::as_str))?;
        write!(out, ",{},{},{}", report.from, report.until, report.period_s)?;
        match measure.and_then(|measure| row.given.get(measure.as_str())) {
            Some(given) => write!(out, ",{}", given.sum())?,
            None => write!(out, ",")?,
        }
        write_seconds(out, Some(&row.given), measure)?;
        let samples = match measure {
            Some(Measure::Latency) => Some(row.latency),
            Some(Measure::Jitter) => Some(row.jitter),
            Some(Measure::Loss) | None => None,
        };
        match samples {
            Some(one) => write!(out, ",{},{},{}", one.samples, one.over, one.maybe_over)?,
            None => write!(out, ",,,")?,
        }
        rest(out, row)?;
        for seconds in [
            Some(&row.settled),
            Some(&row.given_without_maintenance),
            Some(&row.settled_without_maintenance),
            Some(&row.given_without_retroactive),
            Some(&row.settled_without_retroactive),
            with.map(|with| &with.given),
            with.map(|with| &with.settled),
        ] {
            write_seconds(out, seconds, measure)?;
        }
        for bytes in [row.from.confirmed_bytes, row.to.confirmed_bytes] {
            write!(out, ",{bytes}")?;
        }
        for mean in [row.from.mean_confirmed_ppm, row.to.mean_confirmed_ppm] {
            write!(out, ",{mean}")?;
        }
        write_peak(out, row.confirmed_peak.as_ref())?;
        match measure.and_then(|measure| row.credit.get(measure.as_str())) {
            Some(credit) => write!(
                out,
                ",{},{},{},{}",
                credit.kept_at_least_ppm,
                credit.kept_at_most_ppm,
                credit.credit_at_least_ppm,
                credit.credit_at_most_ppm
            )?,
            None => write!(out, ",,,,")?,
        }
        write!(out, "\r\n")?;
    }
    Ok(())
}

/// Five columns, empty where there is nothing.
fn write_seconds(
    out: &mut dyn Write,
    seconds: Option<&GivenByMeasure>,
    measure: Option<Measure>,
) -> io::Result<()> {
    let of_measure = |seconds: &GivenByMeasure| seconds.get(measure?.as_str()).copied();
    match seconds.and_then(of_measure) {
        Some(given) => write!(
            out,
            ",{},{},{},{},{}",
            given.met_s, given.missed_s, given.void_s, given.indeterminate_s, given.silent_s
        ),
        None => write!(out, ",,,,,"),
    }
}

/// What does not depend on the measure.
fn rest(out: &mut dyn Write, row: &ReportRow) -> io::Result<()> {
    let optional = |number: Option<u64>| number.map_or_else(String::new, |it| it.to_string());
    write!(out, ",{},{}", row.from.bytes, row.to.bytes)?;
    write!(
        out,
        ",{},{}",
        row.from.mean_share_ppm, row.to.mean_share_ppm
    )?;
    write_peak(out, row.peak.as_ref())?;
    write!(out, ",{},{}", row.out_of_sla_s, row.intervals)?;
    for one in [row.from, row.to] {
        write!(out, ",{}", optional(one.p95_5min_bps))?;
    }
    for one in [row.from, row.to] {
        write!(out, ",{},{},{}", one.expected, one.lost, one.maybe_lost)?;
    }
    Ok(())
}

/// Three columns, empty where there was no window.
fn write_peak(out: &mut dyn Write, peak: Option<&Peak>) -> io::Result<()> {
    match peak {
        Some(peak) => write!(
            out,
            ",{},{},{}",
            peak.share_ppm, peak.direction, peak.second
        ),
        None => write!(out, ",,,"),
    }
}

/// A text as a field: in quotes where it must be (RFC 4180 §2), and never a spreadsheet's formula.
fn field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t']);
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_where_it_must_be() {
        assert_eq!(field("voice"), "voice");
        assert_eq!(field("a,b"), "\"a,b\"");
        assert_eq!(field("say \"a\""), "\"say \"\"a\"\"\"");
        assert_eq!(field("=1+1"), "'=1+1");
    }
}
