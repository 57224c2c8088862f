//! A replay as CSV (RFC 4180): one line for each commitment, ASN and guaranteed measure, one without a
//! measure where nothing is guaranteed. What does not depend on the measure stands in each line.

use crate::asn::Origin;
use crate::export::text::printable;
use crate::sla::commitment::DirectionRule;
use crate::sla::direction::{Direction, Directions};
use crate::sla::measure::Measure;
use crate::sla::{IndeterminateReason, Verdict};
use crate::snapshot::{AsnRow, CommitmentAsnRow, CommitmentRow, GuaranteeRow, Label, Snapshot};
use std::io::{self, Write};

/// The columns. Shares are parts of the committed rate: 0.1 is 10 %.
const HEAD: &str = "commitment,role,asn,name,measure,verdict,reason,\
    met_s,missed_s,void_s,unseen_s,in_doubt_s,few_samples_s,\
    share_from,share_to,share_sum,peak_from,peak_to,peak_sum,out_of_sla,out_of_sla_s,intervals,\
    from_packets,from_bytes,from_expected,from_lost,from_maybe_lost,\
    to_packets,to_bytes,reported_expected,reported_lost,reported_maybe_lost";

/// Writes the lines.
///
/// # Errors
/// What `out` fails with.
pub fn write_replay(mut out: impl Write, snapshot: &Snapshot) -> io::Result<()> {
    write!(out, "{HEAD}\r\n")?;
    for commitment in &snapshot.commitments {
        let origins = commitment.asns.iter().map(|row| ("origin", row));
        let transit = commitment.transit.iter().map(|row| ("transit", row));
        for (role, row) in origins.chain(transit) {
            write_asn(&mut out, snapshot, commitment, (role, row))?;
        }
    }
    out.flush()
}

fn write_asn(
    out: &mut impl Write,
    snapshot: &Snapshot,
    commitment: &CommitmentRow,
    (role, row): (&str, &CommitmentAsnRow),
) -> io::Result<()> {
    let name = row.name.as_deref().unwrap_or_default();
    let begin = format!(
        "{},{role},{},{}",
        field(&commitment.name),
        row.asn.0,
        field(name)
    );
    let share = shares(row.share, commitment.direction);
    let peak = shares(row.peak_share, commitment.direction);
    let label = Label::Origin(Origin::As(row.asn));
    let totals = snapshot.asns.iter().find(|totals| totals.label == label);
    let end = format!(
        "{share},{peak},{},{},{},{}",
        u8::from(row.out_of_sla),
        row.out_of_sla_seconds,
        row.out_of_sla_intervals.len(),
        // What goes through a transit ASN is in no origin's totals.
        counted(totals.filter(|_| role == "origin")),
    );
    let guarantees = row.guarantees.iter();
    let known: Vec<_> = guarantees
        .filter_map(|(measure, one)| Some((measure, one.as_ref()?)))
        .collect();
    for (measure, guarantee) in &known {
        write!(
            out,
            "{begin},{},{end}\r\n",
            verdict_cell(*measure, guarantee)
        )?;
    }
    if known.is_empty() {
        write!(out, "{begin},,,,,,,,,,{end}\r\n")?;
    }
    Ok(())
}

fn verdict_cell(measure: Measure, guarantee: &GuaranteeRow) -> String {
    let verdict = guarantee.verdict.map_or("", Verdict::as_str);
    let reason = guarantee.indeterminate_reason;
    let seconds = [Verdict::Met, Verdict::Missed, Verdict::Void];
    let seconds = seconds.map(|verdict| guarantee.seconds_of(verdict));
    let reasons = IndeterminateReason::ALL.map(|reason| guarantee.indeterminate_for(reason));
    let numbers = seconds.iter().chain(&reasons).map(u64::to_string);
    let words = [
        measure.as_str(),
        verdict,
        reason.map_or("", IndeterminateReason::as_str),
    ];
    let words = words.into_iter().map(str::to_owned);
    words.chain(numbers).collect::<Vec<_>>().join(",")
}

fn shares(value: Directions<f64>, rule: DirectionRule) -> String {
    let shown = [Direction::From, Direction::To, Direction::Sum].map(|direction| {
        let is_shown = rule.shown().contains(&direction);
        is_shown.then(|| format!("{:.6}", value.get(direction)))
    });
    shown.map(Option::unwrap_or_default).join(",")
}

fn counted(totals: Option<&AsnRow>) -> String {
    let Some(row) = totals else {
        return ",".repeat(9);
    };
    let (from, to) = (row.from.total(), row.to.total());
    let (sent, reported) = (row.from.loss.shown(), row.reported.shown());
    let numbers = [
        from.packets,
        from.bytes,
        sent.expected,
        sent.lost,
        sent.maybe_lost,
        to.packets,
        to.bytes,
        reported.expected,
        reported.lost,
        reported.maybe_lost,
    ];
    numbers.map(|number| number.to_string()).join(",")
}

/// Untrusted text as a field.
fn field(text: &str) -> String {
    let text = printable(text);
    if text.contains([',', '"']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
