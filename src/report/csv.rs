//! The report as CSV (RFC 4180): one line for each ledger, contract, ASN and measure.
//!
//! What does not depend on the measure stands in each of the lines of an ASN. Contracts, coverage and
//! changes are in the other formats.

use super::model::{Report, ReportRow};
use crate::sla::measure::Measure;
use std::io::{self, Write};

/// The columns.
const HEAD: &str = "origin,commitment,role,asn,measure,from,until,period_s,guaranteed_s,\
    met_s,missed_s,void_s,indeterminate_s,silent_s,samples,over,maybe_over,\
    from_bytes,to_bytes,mean_from_ppm,mean_to_ppm,peak_ppm,peak_direction,peak_second,\
    out_of_sla_s,intervals,p95_5min_from_bps,p95_5min_to_bps,\
    from_expected,from_lost,from_maybe_lost,to_expected,to_lost,to_maybe_lost";

/// Writes the lines.
///
/// # Errors
/// What `out` says.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    write!(out, "{HEAD}\r\n")?;
    for ledger in &report.ledgers {
        for commitment in &ledger.commitments {
            let asns = commitment.asns.iter().map(|row| ("origin", row));
            let transit = commitment.transit_asns.iter().map(|row| ("transit", row));
            let all = [("origin", &commitment.all)];
            for (role, row) in asns.chain(transit).chain(all) {
                let begin = [ledger.origin.as_str(), &commitment.name, role]
                    .map(field)
                    .join(",");
                lines(out, report, &begin, row)?;
            }
        }
    }
    Ok(())
}

fn lines(out: &mut dyn Write, report: &Report, begin: &str, row: &ReportRow) -> io::Result<()> {
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
            Some(given) => write!(
                out,
                ",{},{},{},{},{},{}",
                given.sum(),
                given.met_s,
                given.missed_s,
                given.void_s,
                given.indeterminate_s,
                given.silent_s
            )?,
            None => write!(out, ",,,,,,")?,
        }
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
    }
    Ok(())
}

/// What does not depend on the measure.
fn rest(out: &mut dyn Write, row: &ReportRow) -> io::Result<()> {
    let optional = |number: Option<u64>| number.map_or_else(String::new, |it| it.to_string());
    let peak = row.peak.as_ref();
    write!(out, ",{},{}", row.from.bytes, row.to.bytes)?;
    write!(
        out,
        ",{},{}",
        row.from.mean_share_ppm, row.to.mean_share_ppm
    )?;
    write!(
        out,
        ",{},{},{}",
        optional(peak.map(|peak| peak.share_ppm)),
        peak.map_or("", |peak| peak.direction),
        peak.map_or("", |peak| &peak.second)
    )?;
    write!(out, ",{},{}", row.out_of_sla_s, row.intervals)?;
    for one in [row.from, row.to] {
        write!(out, ",{}", optional(one.p95_5min_bps))?;
    }
    for one in [row.from, row.to] {
        write!(out, ",{},{},{}", one.expected, one.lost, one.maybe_lost)?;
    }
    write!(out, "\r\n")
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
