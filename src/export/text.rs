//! A replay for people at a terminal: what was captured, how each ASN stands under each
//! commitment, the traffic per ASN, the streams. Plain text, no colour, no cursor movement.
//!
//! Pure formatting of a snapshot. Names from ASN tables cannot move the cursor or reorder the
//! line: see [`printable`]. Long stream lists are cut; the JSON output has them all.

mod fold;
mod table;
mod transit;

use crate::export::loss_path::LossPath;
use crate::sla::commitment::DirectionRule;
use crate::sla::direction::Directions;
use crate::sla::measure::Measure;
use crate::sla::{IndeterminateReason, Verdict};
use crate::snapshot::{
    AsnRow, CallTotals, CommitmentAsnRow, CommitmentRow, ExcessIntervalRow, GuaranteeRow, Snapshot,
    StreamRow,
};
use crate::stream::rtt::method::RttMethod;
use crate::stream::tally::{Layer, ShownLoss};
use crate::units::Asn;
use crate::voice::signalling::CallOutcome;
use fold::FoldingWriter;
use std::io::{self, Write};
use table::{Align, TextTable};

pub use table::printable;

/// Streams shown; a terminal's height, as far as one can know.
pub const MAX_STREAMS: usize = 40;

/// Intervals shown per ASN and commitment.
pub const MAX_INTERVALS: usize = 5;

/// Columns of a page that is no terminal.
pub const PAGE: usize = 100;

/// Writes the whole report, on a page of so many columns. Streams are sorted by [`StreamRow::order`].
///
/// # Errors
/// What `out` fails with.
pub fn write_replay(
    out: impl Write,
    snapshot: &Snapshot,
    streams: &[StreamRow],
    page: usize,
) -> io::Result<()> {
    let mut out = FoldingWriter::new(out, page);
    write_totals(&mut out, snapshot)?;
    for commitment in &snapshot.commitments {
        write_commitment(&mut out, commitment, page)?;
    }
    write_asns(&mut out, snapshot, page)?;
    write_loss_paths(&mut out, snapshot)?;
    write_calls(&mut out, snapshot)?;
    transit::write_totals(&mut out, snapshot, page)?;
    write_streams(&mut out, streams, page)?;
    out.flush()
}

/// Where packets are lost, of each ASN of which some are missing at the tap or behind it.
fn write_loss_paths(out: &mut impl Write, snapshot: &Snapshot) -> io::Result<()> {
    let mut is_first = true;
    for row in &snapshot.asns {
        let ways = [("from", LossPath::from(row)), ("to", LossPath::to(row))];
        for (direction, path) in ways {
            let sentence = path.sentence(row.label).filter(|_| path.is_any_lost());
            let Some(sentence) = sentence else { continue };
            if std::mem::take(&mut is_first) {
                writeln!(out, "\nWhere packets are lost")?;
            }
            let label = row.label.to_string();
            writeln!(out, "  {label:>8} {direction:<4}  {sentence}")?;
        }
    }
    Ok(())
}

/// Calls, where their signalling is seen.
fn write_calls(out: &mut impl Write, snapshot: &Snapshot) -> io::Result<()> {
    let mut is_first = true;
    for row in &snapshot.asns {
        for (direction, calls) in ["from", "to"].into_iter().zip(&row.calls) {
            if *calls == CallTotals::default() {
                continue;
            }
            if std::mem::take(&mut is_first) {
                writeln!(out, "\nCalls")?;
            }
            let counts = &calls.counts;
            let outcomes = CallOutcome::all().filter(|outcome| counts.of(*outcome) > 0);
            let outcomes: Vec<_> = outcomes
                .map(|outcome| format!("{} × {}", grouped(counts.of(outcome)), outcome.as_str()))
                .collect();
            let (label, attempts) = (row.label.to_string(), grouped(counts.attempts));
            write!(
                out,
                "  {label:>8} {direction:<4}  {attempts} set up: {}",
                outcomes.join(", ")
            )?;
            if calls.one_way_seconds > 0 {
                let seconds = grouped(calls.one_way_seconds);
                write!(out, "; one-way audio for {seconds} s of streams")?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

fn write_totals(out: &mut impl Write, snapshot: &Snapshot) -> io::Result<()> {
    let capture = &snapshot.capture;
    write!(
        out,
        "Capture    {}, {}",
        several(capture.frames, "frame", "frames"),
        octets(capture.bytes)
    )?;
    if let (Some(first), Some(last)) = (capture.first, capture.last) {
        let length = last.since(first).as_secs_f64();
        write!(out, ", {first} to {last} ({length:.3} s)")?;
    }
    writeln!(out)?;
    let voice = snapshot.voice;
    writeln!(
        out,
        "Voice      {}, {}",
        several(voice.packets, "packet", "packets"),
        octets(voice.bytes)
    )?;
    let reasons: Vec<String> = snapshot
        .discards
        .iter()
        .filter(|(_, frames)| *frames > 0)
        .map(|(reason, frames)| format!("{} {}", reason.as_str(), grouped(frames)))
        .collect();
    if !reasons.is_empty() {
        let total = several(snapshot.discards.total(), "frame", "frames");
        writeln!(out, "Discarded  {total}: {}", reasons.join(", "))?;
    }
    let copies = snapshot.counted_copies();
    if copies > 0 {
        writeln!(
            out,
            "Copies     {} like a mirror port's copies and inflate every share: \
             capture.deduplicate takes them out",
            several(copies, "frame looks", "frames look")
        )?;
    }
    if snapshot.merged_packets > 0 || snapshot.unsplit_frames > 0 {
        writeln!(
            out,
            "JudgeInput     frames held {} more than one each (receive offload); {} cut and could not be split",
            several(snapshot.merged_packets, "packet", "packets"),
            several(snapshot.unsplit_frames, "frame was", "frames were")
        )?;
    }
    let dropped: u64 = capture.interfaces.iter().map(|row| row.dropped).sum();
    let unseen = [
        (
            dropped,
            "frame dropped",
            "frames dropped",
            " before the meter",
        ),
        (
            snapshot.incomplete_seconds,
            "second",
            "seconds",
            " not seen whole",
        ),
        (snapshot.late_frames, "late frame", "late frames", ""),
        (
            snapshot.clock_steps,
            "backward clock step",
            "backward clock steps",
            "",
        ),
        (snapshot.streams_refused, "stream", "streams", " refused"),
        (snapshot.pending_frames, "frame", "frames", " pending"),
    ];
    let unseen: Vec<String> = unseen
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many, what)| several(*count, one, many) + what)
        .collect();
    if !unseen.is_empty() {
        writeln!(out, "Unseen     {}", unseen.join(", "))?;
    }
    Ok(())
}

fn write_commitment(
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
    let mut table = TextTable::new(page, &[&STANDING[..], &titles].concat());
    for row in &commitment.asns {
        let mut cells = Vec::from(standing(row, commitment.direction));
        cells.extend(row.guarantees.iter().map(|(_, one)| seconds(one.as_ref())));
        table.row(cells);
    }
    table.write(out)?;
    for row in &commitment.asns {
        write_intervals(out, "", row)?;
    }
    transit::write_judged(out, commitment, page)
}

/// How an ASN stands to the threshold, whatever it is judged as.
const STANDING: [(&str, Align); 6] = [
    ("ASN", Align::Right),
    ("Name", Align::Left),
    ("Last window from / to", Align::Right),
    ("Peak from / to", Align::Right),
    ("Out of SLA", Align::Right),
    ("Now", Align::Left),
];

/// The cells of [`STANDING`].
fn standing(row: &CommitmentAsnRow, direction: DirectionRule) -> [String; 6] {
    [
        row.asn.to_string(),
        row.name.as_deref().unwrap_or_default().to_owned(),
        shares(row.share, direction),
        shares(row.peak_share, direction),
        format!("{} s", grouped(row.out_of_sla_seconds)),
        transit::now(row),
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
        transit::covered(&interval.transit),
    )
}

fn write_asns(out: &mut impl Write, snapshot: &Snapshot, page: usize) -> io::Result<()> {
    if snapshot.asns.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nASNs")?;
    let mut table = TextTable::new(
        page,
        &[
            ("ASN", Align::Right),
            ("Name", Align::Left),
            ("From packets", Align::Right),
            ("bytes", Align::Right),
            ("lost", Align::Right),
            ("To packets", Align::Right),
            ("bytes", Align::Right),
            ("lost", Align::Right),
            ("Reported lost", Align::Right),
            ("Round trip p50 / p95 ms", Align::Left),
        ],
    );
    for row in &snapshot.asns {
        let (from, to) = (row.from.total(), row.to.total());
        table.row([
            row.label.to_string(),
            row.name.as_deref().unwrap_or_default().to_owned(),
            grouped(from.packets),
            octets(from.bytes),
            ratio(row.from.loss.shown()),
            grouped(to.packets),
            octets(to.bytes),
            ratio(row.to.loss.shown()),
            ratio(row.reported.shown()),
            round_trips(row),
        ]);
    }
    table.write(out)
}

fn write_streams(out: &mut impl Write, streams: &[StreamRow], page: usize) -> io::Result<()> {
    if streams.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nStreams")?;
    let mut table = TextTable::new(
        page,
        &[
            ("Source", Align::Left),
            ("Destination", Align::Left),
            ("SSRC", Align::Right),
            ("Codec", Align::Left),
            ("ASN", Align::Left),
            ("Packets", Align::Right),
            ("Lost", Align::Right),
            ("Late", Align::Right),
            ("Dup.", Align::Right),
            ("Jitter mean / max ms", Align::Right),
        ],
    );
    let sorted = StreamRow::sorted(streams);
    for row in sorted.iter().take(MAX_STREAMS) {
        let codec = if row.codec.is_empty() {
            format!("PT {}", row.payload_type)
        } else {
            row.codec.to_string()
        };
        table.row([
            row.src.to_string(),
            row.dst.to_string(),
            format!("0x{:08x}", row.ssrc),
            format!("{} {codec}", row.kind.as_str()),
            format!("{} > {}", row.src_asn, row.dst_asn),
            grouped(row.packets),
            ratio(row.loss),
            grouped(row.late),
            grouped(row.duplicates),
            jitter(row),
        ]);
    }
    table.write(out)?;
    match sorted.len().saturating_sub(MAX_STREAMS) {
        0 => Ok(()),
        more => writeln!(out, "  … and {more} more (--format json lists all)"),
    }
}

/// Digits in groups of three, with a space that does not break a column.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A count of something, in the form that the count asks for.
fn several(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// Scales by thousands; one decimal above the base unit.
#[expect(clippy::cast_precision_loss, reason = "for display only")]
fn scaled(value: u64, units: [&str; 5]) -> String {
    let [base, larger @ ..] = units;
    let mut scaled = (value as f64, base);
    for unit in larger {
        if scaled.0 < 1000.0 {
            break;
        }
        scaled = (scaled.0 / 1000.0, unit);
    }
    let (number, unit) = scaled;
    if unit == base {
        format!("{value} {unit}")
    } else {
        format!("{number:.1} {unit}")
    }
}

fn octets(bytes: u64) -> String {
    scaled(bytes, ["B", "kB", "MB", "GB", "TB"])
}

fn rate(bits_per_second: u64) -> String {
    scaled(bits_per_second, ["bps", "kbps", "Mbps", "Gbps", "Tbps"])
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
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

#[expect(clippy::cast_precision_loss, reason = "for display only")]
fn ratio(ShownLoss { expected, lost, .. }: ShownLoss) -> String {
    if expected == 0 {
        "-".to_owned()
    } else {
        let part = percent(lost as f64 / expected as f64);
        format!("{} ({part})", grouped(lost))
    }
}

fn round_trips(row: &AsnRow) -> String {
    let measured: Vec<String> = RttMethod::ALL
        .iter()
        .zip(&row.round_trips)
        .filter_map(|(method, samples)| Some((method, samples.as_ref()?)))
        .filter(|(_, samples)| samples.count > 0)
        .map(|(method, samples)| {
            format!(
                "{} {:.1} / {:.1}",
                method.as_str(),
                samples.p50_ms,
                samples.p95_ms
            )
        })
        .collect();
    measured.join(", ")
}

#[expect(clippy::cast_precision_loss, reason = "for display only")]
fn jitter(row: &StreamRow) -> String {
    match (row.jitter_mean_nanos, row.jitter_max_nanos) {
        (Some(mean), Some(max)) => format!("{:.2} / {:.2}", mean as f64 / 1e6, max as f64 / 1e6),
        _ => "-".to_owned(),
    }
}
