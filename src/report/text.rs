//! The report for a terminal or a mail: at most [`WIDTH`] columns.

use super::model::{CommitmentReport, LedgerReport, Report};
use super::tables::{self, ReportTable};
use super::words;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// Columns at most, but for a name that is longer by itself.
pub const WIDTH: usize = 100;

/// Writes the report.
///
/// # Errors
/// What `out` says.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    writeln!(out, "Voice traffic against committed data rates")?;
    writeln!(out)?;
    writeln!(out, "from       {}", words::time(&report.from))?;
    writeln!(out, "until      {}", words::time(&report.until))?;
    writeln!(out, "time zone  {}", report.time_zone)?;
    writeln!(out, "seconds    {}", words::count(report.period_s))?;
    for ledger in &report.ledgers {
        write_ledger(out, ledger, report.period_s)?;
    }
    writeln!(out)?;
    writeln!(out, "How to check it")?;
    for (what, command) in tables::CHECK {
        writeln!(out, "  {what}\n    {command}")?;
    }
    Ok(())
}

fn write_ledger(out: &mut dyn Write, ledger: &LedgerReport, period_s: u64) -> io::Result<()> {
    writeln!(out)?;
    title(out, &format!("Ledger of {}", ledger.origin), '=')?;
    for line in tables::evidence(&ledger.evidence) {
        paragraph(out, &line)?;
    }
    paragraph(out, &tables::settled(ledger.settled_late))?;
    if let Some(note) = &ledger.evidence.checkpoint {
        writeln!(out, "Checkpoint:")?;
        for line in note.trim_end().lines() {
            writeln!(out, "    {line}")?;
        }
    }
    write_table(out, &tables::coverage(&ledger.coverage, period_s))?;
    write_table(out, &tables::changes(ledger))?;
    for commitment in &ledger.commitments {
        write_commitment(out, commitment)?;
    }
    Ok(())
}

fn write_commitment(out: &mut dyn Write, commitment: &CommitmentReport) -> io::Result<()> {
    writeln!(out)?;
    title(out, &format!("Commitment {}", commitment.name), '=')?;
    let mut before = None;
    for version in &commitment.versions {
        writeln!(out)?;
        writeln!(
            out,
            "{}",
            tables::version_title(&version.from, &version.until)
        )?;
        writeln!(out, "  sha256 {}", version.sha256)?;
        for (key, value) in words::changed_terms(&version.terms, before) {
            writeln!(out, "  {key:<20} {value}")?;
        }
        if before.replace(&version.terms).is_some() {
            writeln!(out, "  otherwise as before")?;
        }
    }
    for table in tables::commitment(commitment) {
        write_table(out, &table)?;
    }
    Ok(())
}

fn title(out: &mut dyn Write, text: &str, line: char) -> io::Result<()> {
    writeln!(out, "{text}")?;
    let line: String = std::iter::repeat_n(line, text.width()).collect();
    writeln!(out, "{line}")
}

/// Writes words, as many on a line as there is room for.
fn paragraph(out: &mut dyn Write, text: &str) -> io::Result<()> {
    for line in wrapped(text, WIDTH) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Words on lines of at most so many columns, but for a word that is longer by itself.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        let has = line.width();
        if has > 0 && has + 1 + word.width() > width {
            lines.push(word.to_owned());
        } else {
            if has > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// What a text lacks to so many columns of a terminal.
fn padding(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(text.width()))
}

/// A table of two columns, the second of which is words.
fn write_list(out: &mut dyn Write, rows: &[Vec<String>]) -> io::Result<()> {
    let names = rows.iter().filter_map(|row| row.first());
    let width = names.map(|name| name.width()).max().unwrap_or(0);
    for row in rows {
        let [name, text] = row.as_slice() else {
            continue;
        };
        let mut name = name.as_str();
        for line in wrapped(text, WIDTH.saturating_sub(width + 2)) {
            writeln!(out, "{name}{}  {line}", padding(name, width))?;
            name = "";
        }
    }
    Ok(())
}

fn write_table(out: &mut dyn Write, table: &ReportTable) -> io::Result<()> {
    if table.rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    title(out, &table.title, '-')?;
    if !table.note.is_empty() {
        paragraph(out, table.note)?;
    }
    let mut widths: Vec<_> = table.head.iter().map(|head| head.width()).collect();
    for row in &table.rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    if table.is_prose {
        return write_list(out, &table.rows);
    }
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells
            .zip(&widths)
            .enumerate()
            .map(|(place, (cell, &width))| {
                let padding = padding(cell, width);
                if place == 0 {
                    format!("{cell}{padding}")
                } else {
                    format!("{padding}{cell}")
                }
            });
        let cells: Vec<_> = cells.collect();
        writeln!(out, "{}", cells.join("  ").trim_end())
    };
    line(&mut table.head.iter().copied())?;
    for row in &table.rows {
        line(&mut row.iter().map(String::as_str))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_for_wide_and_for_combining_characters() {
        let row = |name: &str, count: &str| vec![name.to_owned(), count.to_owned()];
        let table = ReportTable {
            title: "東京".into(),
            note: "",
            head: vec!["ASN", "N"],
            is_prose: false,
            rows: vec![row("東京", "1"), row("e\u{301}t", "22")],
        };
        let mut out = Vec::new();
        write_table(&mut out, &table).unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "\n東京\n----\nASN    N\n東京   1\ne\u{301}t    22\n";
        assert_eq!(text, expected);
    }
}
