//! The page's sections. What page.js draws must be the same nodes, classes and words.

use crate::export::Published;
use crate::sla::Verdict;
use crate::sla::commitment::DirectionRule;
use crate::snapshot::{CommitmentAsnRow, CommitmentRow, GuaranteeRow, PerDirection};
use crate::units::Ratio;
use std::fmt::{self, Write as _};
use std::time::Duration;

/// ASNs drawn per commitment, those with the largest share; the JSON has all.
const MAX_ROWS: usize = 100;

/// From this part of the threshold on a share is shown as near it. For the eye, no verdict.
const NEAR: f64 = 0.8;

/// A space that does not break a line, between digits and before units.
const THIN: char = '\u{202f}';

/// Text made safe as HTML text and as a quoted attribute.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                _ => out.write_char(character)?,
            }
        }
        Ok(())
    }
}

/// How a share stands to the threshold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Over,
    Near,
    Within,
}

impl State {
    /// `over` is the judge's word; a share alone never says it for an ASN.
    fn of(over: bool, share: f64, threshold: f64) -> Self {
        if over {
            Self::Over
        } else if share > threshold * NEAR {
            Self::Near
        } else {
            Self::Within
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Near => "near",
            Self::Within => "within",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Over => "▲ Out of SLA",
            Self::Near => "◆ Near the limit",
            Self::Within => "● Within",
        }
    }
}

/// The shares that the commitment judges.
fn directions(value: PerDirection<f64>, rule: DirectionRule) -> Vec<(&'static str, f64)> {
    match rule {
        DirectionRule::Sum => vec![("sum", value.from)],
        DirectionRule::From => vec![("from", value.from)],
        DirectionRule::To => vec![("to", value.to)],
        DirectionRule::Either => vec![("from", value.from), ("to", value.to)],
    }
}

fn largest(value: PerDirection<f64>, rule: DirectionRule) -> f64 {
    directions(value, rule)
        .into_iter()
        .map(|(_, share)| share)
        .fold(0.0, f64::max)
}

pub(super) fn push_commitment(page: &mut String, terms: &CommitmentRow) {
    let threshold = terms.threshold.as_f64();
    let share_of = |row: &CommitmentAsnRow| largest(row.share, terms.direction);
    let mut rows: Vec<&CommitmentAsnRow> = terms.asns.iter().collect();
    rows.sort_by(|a, b| share_of(b).total_cmp(&share_of(a)).then(a.asn.cmp(&b.asn)));
    let over = rows.iter().filter(|row| row.out_of_sla).count();
    let widest = rows.iter().map(|row| share_of(row)).fold(0.0, f64::max);
    let scale = match (threshold * 2.0).max(widest * 1.05) {
        scale if scale > 0.0 => scale,
        _ => 1.0,
    };
    let (class, sum) = match (over, rows.len()) {
        (0, 0) => ("none", "no traffic of any ASN".to_owned()),
        (0, all) => ("within", format!("● none of {all} out of SLA")),
        (over, all) => ("over", format!("▲ {over} of {all} out of SLA")),
    };
    let limit = limit(terms.threshold);
    // Writing to a String can not fail; the same below.
    let _ = write!(
        page,
        "<section><span class=\"sum {class}\">{sum}</span><h2>{}</h2>\
         <p class=\"terms\">{} committed, no guarantee above {limit} in {} s</p>\n<table><thead><tr>\
         <th scope=\"col\">Autonomous system</th><th scope=\"col\">State</th>\
         <th scope=\"col\">Share now (line: limit {limit})</th><th scope=\"col\">Loss</th>\
         <th scope=\"col\">Latency</th><th scope=\"col\" class=\"right\">Peak</th>\
         <th scope=\"col\" class=\"right\">Out of SLA</th></tr></thead><tbody>\n",
        Escaped(&terms.name),
        rate(terms.committed_rate.0),
        terms.window_seconds,
    );
    for row in rows.iter().take(MAX_ROWS) {
        push_asn(page, row, terms, scale);
    }
    page.push_str("</tbody></table>");
    if let Some(more) = rows.len().checked_sub(MAX_ROWS).filter(|more| *more > 0) {
        let _ = write!(page, "<p class=\"note\">and {more} more in the JSON</p>");
    }
    page.push_str("</section>\n");
}

fn push_asn(page: &mut String, row: &CommitmentAsnRow, terms: &CommitmentRow, scale: f64) {
    let threshold = terms.threshold.as_f64();
    let state = State::of(
        row.out_of_sla,
        largest(row.share, terms.direction),
        threshold,
    );
    let _ = write!(
        page,
        "<tr{}><th scope=\"row\">AS{}<span class=\"name\">{}</span></th>\
         <td class=\"state {}\">{}</td><td class=\"shares\">",
        if state == State::Over {
            " class=\"out\""
        } else {
            ""
        },
        row.asn,
        Escaped(row.name.as_deref().unwrap_or_default()),
        state.class(),
        state.words(),
    );
    for (direction, share) in directions(row.share, terms.direction) {
        let side = match State::of(false, share, threshold) {
            State::Near if share > threshold => state,
            side => side,
        };
        let _ = write!(
            page,
            "<div class=\"dir\"><span>{direction}</span>\
             <svg viewBox=\"0 0 100 9\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect class=\"track\" width=\"100\" height=\"9\"/>\
             <rect class=\"fill {}\" width=\"{:.2}\" height=\"9\"/>\
             <rect class=\"limit\" x=\"{:.2}\" width=\"0.5\" height=\"9\"/></svg><b>{}</b></div>",
            side.class(),
            (share / scale).min(1.0) * 100.0,
            threshold / scale * 100.0,
            percent(share),
        );
    }
    page.push_str("</td>");
    push_verdict(page, "Loss", row.loss.as_ref());
    push_verdict(page, "Latency", row.latency.as_ref());
    let _ = writeln!(
        page,
        "<td class=\"right\" data-label=\"Peak\">{}</td>\
         <td class=\"right\" data-label=\"Out of SLA\">{}{THIN}s</td></tr>",
        percent(largest(row.peak_share, terms.direction)),
        grouped(row.out_of_sla_seconds),
    );
}

fn push_verdict(page: &mut String, label: &str, guarantee: Option<&GuaranteeRow>) {
    let (class, words) = match guarantee.map(|guarantee| guarantee.verdict) {
        None => ("none", "not guaranteed"),
        Some(None) => ("none", "no voice"),
        Some(Some(verdict)) => (
            verdict.as_str(),
            match verdict {
                Verdict::Met => "✓ met",
                Verdict::Missed => "✕ missed",
                Verdict::Void => "– void",
                Verdict::Indeterminate => "? indeterminate",
            },
        ),
    };
    let _ = write!(
        page,
        "<td class=\"{class}\" data-label=\"{label}\">{words}</td>"
    );
}

const COPIES_WARNING: &str = "<p class=\"note\">The mirror port shows frames twice: every \
    share is too high by their octets. <code>capture.deduplicate</code> takes them out.</p>";

pub(super) fn push_health(page: &mut String, published: &Published) {
    let (snapshot, standing) = (&*published.snapshot, &*published.standing);
    let dropped: u64 = snapshot
        .capture
        .interfaces
        .iter()
        .map(|row| row.dropped)
        .sum();
    page.push_str("<section><h2>The meter itself</h2><dl>");
    for (name, count, may_warn) in [
        ("Frames", snapshot.capture.frames, false),
        ("Voice packets", snapshot.voice.packets, false),
        ("Discarded frames", snapshot.discards.total(), false),
        ("Pending frames", snapshot.pending_frames, false),
        ("Dropped frames", dropped, true),
        ("Tainted seconds", snapshot.tainted_seconds, true),
        ("Late frames", snapshot.late_frames, false),
        ("Clock steps", snapshot.clock_steps, true),
        ("Streams refused", snapshot.streams_refused, true),
        (
            "Mirror copies in the shares",
            snapshot.counted_copies(),
            true,
        ),
    ] {
        push_fact(page, name, &grouped(count), may_warn && count > 0);
    }
    for source in &standing.sources {
        let age = match (source.loaded, snapshot.judged) {
            (None, _) => ", not loaded".to_owned(),
            (Some(loaded), Some(judged)) => {
                format!(", {} old", age(judged.start().since(loaded)))
            }
            (Some(_), None) => String::new(),
        };
        let text = format!("{} prefixes{age}", grouped(source.prefixes));
        push_fact(page, &source.name, &text, source.loaded.is_none());
    }
    let configuration = if standing.config_ok {
        "as written"
    } else {
        "last reload failed"
    };
    push_fact(page, "Configuration", configuration, !standing.config_ok);
    page.push_str("</dl>");
    let reasons: Vec<String> = snapshot
        .discards
        .iter()
        .filter(|(_, frames)| *frames > 0)
        .map(|(reason, frames)| format!("{} {}", reason.as_str(), grouped(frames)))
        .collect();
    if !reasons.is_empty() {
        let _ = write!(
            page,
            "<p class=\"note\">Discarded: {}</p>",
            reasons.join(", ")
        );
    }
    if snapshot.counted_copies() > 0 {
        page.push_str(COPIES_WARNING);
    }
    page.push_str("</section>\n");
}

fn push_fact(page: &mut String, name: &str, value: &str, warn: bool) {
    let class = if warn { " class=\"warn\"" } else { "" };
    let _ = write!(
        page,
        "<div><dt>{}</dt><dd{class}>{}</dd></div>",
        Escaped(name),
        Escaped(value)
    );
}

fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(THIN);
        }
        text.push(digit);
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.2}{THIN}%", share * 100.0)
}

/// A configured ratio, with as many decimals as it has.
fn limit(ratio: Ratio) -> String {
    format!("{}{THIN}%", f64::from(ratio.ppm()) / 1e4)
}

/// A configured rate: whole in its unit, or to three decimals.
#[expect(clippy::cast_precision_loss, reason = "for display only")]
fn rate(bits_per_second: u64) -> String {
    for (unit, size) in [("Gbps", 1e9), ("Mbps", 1e6), ("kbps", 1e3)] {
        let value = bits_per_second as f64 / size;
        if value >= 1.0 {
            return format!("{} {unit}", (value * 1e3).round() / 1e3);
        }
    }
    format!("{bits_per_second} bps")
}

fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, size) in [("d", 86_400), ("h", 3_600), ("min", 60)] {
        if seconds >= size {
            return format!("{} {unit}", seconds / size);
        }
    }
    format!("{seconds} s")
}
