//! A replay for people at a terminal: what was captured, how each ASN stands under each
//! commitment, the traffic per ASN, the streams. Plain text, no colour, no cursor movement.
//!
//! Pure formatting of a snapshot. Names from ASN tables cannot move the cursor or reorder the
//! line: see [`printable`]. Long stream lists are cut; the JSON output has them all.

mod commitments;
mod fold;
mod numbers;
mod table;
mod transit;

use crate::export::loss_path::LossPath;
use crate::snapshot::{AsnRow, CallTotals, Snapshot, StreamRow};
use crate::stream::rtt::method::RttMethod;
use crate::stream::tally::ShownLoss;
use crate::voice::signalling::CallOutcome;
use commitments::write_commitment;
use fold::FoldingWriter;
use numbers::{grouped, octets, percent, several};
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
            "Merged     frames held {} more than one each (receive offload); {} cut and could not be split",
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
