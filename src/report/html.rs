//! The report as one HTML file that prints on A4: no script, nothing from a network, black on white.

mod drawings;

use super::model::{CommitmentReport, LedgerReport, Report};
use super::tables::{self, ReportTable};
use super::words;
use std::fmt::Display;
use std::io::{self, Write};

/// The sheet of style.
const STYLE: &str = include_str!("html/report.css");

/// Writes the document.
///
/// # Errors
/// What `out` says.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let (from, until) = (words::time(&report.from), words::time(&report.until));
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Voice traffic {from} to {until}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    )?;
    writeln!(out, "<h1>Voice traffic against committed data rates</h1>")?;
    let period = [
        ("from", from),
        ("until", until),
        ("time zone", report.time_zone.clone()),
        ("seconds", words::count(report.period_s)),
    ];
    write_pairs(out, &period)?;
    for ledger in &report.ledgers {
        write_ledger(out, ledger, report)?;
    }
    write_check(out)?;
    write_signatures(out)?;
    writeln!(out, "</body>\n</html>")
}

fn write_ledger(out: &mut dyn Write, ledger: &LedgerReport, report: &Report) -> io::Result<()> {
    writeln!(out, "<h2>Ledger of {}</h2>", Escaped(&ledger.origin))?;
    writeln!(out, "<p>")?;
    for line in tables::evidence(&ledger.evidence) {
        writeln!(out, "{}<br>", Escaped(&line))?;
    }
    writeln!(out, "{}", Escaped(&tables::settled(ledger.settled_late)))?;
    writeln!(out, "</p>")?;
    if let Some(note) = &ledger.evidence.checkpoint {
        writeln!(out, "<pre>{}</pre>", Escaped(note.trim_end()))?;
    }
    write_table(out, &tables::coverage(&ledger.coverage, report.period_s))?;
    write_table(out, &tables::changes(ledger))?;
    for commitment in &ledger.commitments {
        write_commitment(out, commitment)?;
    }
    Ok(())
}

fn write_commitment(out: &mut dyn Write, commitment: &CommitmentReport) -> io::Result<()> {
    writeln!(
        out,
        "<h2 class=\"contract\">Commitment {}</h2>",
        Escaped(&commitment.name)
    )?;
    let mut before = None;
    for version in &commitment.versions {
        writeln!(out, "<section class=\"terms\">")?;
        let title = tables::version_title(&version.from, &version.until);
        writeln!(out, "<h3>{}</h3>", Escaped(&title))?;
        let mut terms = words::changed_terms(&version.terms, before);
        if before.replace(&version.terms).is_some() {
            terms.push(("otherwise", "as before".to_owned()));
        }
        terms.push(("sha256", version.sha256.clone()));
        write_pairs(out, &terms)?;
        writeln!(out, "</section>")?;
    }
    drawings::write_strip(out, commitment)?;
    drawings::write_shares(out, commitment)?;
    for table in tables::commitment(commitment) {
        write_table(out, &table)?;
    }
    Ok(())
}

fn write_pairs(out: &mut dyn Write, pairs: &[(&str, String)]) -> io::Result<()> {
    writeln!(out, "<dl>")?;
    for (key, value) in pairs {
        writeln!(out, "<dt>{}</dt><dd>{}</dd>", Escaped(key), Escaped(value))?;
    }
    writeln!(out, "</dl>")
}

fn write_table(out: &mut dyn Write, table: &ReportTable) -> io::Result<()> {
    if table.rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h3>{}</h3>", Escaped(&table.title))?;
    if !table.note.is_empty() {
        writeln!(out, "<p class=\"note\">{}</p>", Escaped(table.note))?;
    }
    let is_prose = table.is_prose;
    writeln!(
        out,
        "<table{}>",
        if is_prose { " class=\"prose\"" } else { "" }
    )?;
    write!(out, "<thead><tr>")?;
    for head in &table.head {
        write!(out, "<th scope=\"col\">{}</th>", Escaped(head))?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for row in &table.rows {
        write!(out, "<tr>")?;
        for (place, cell) in row.iter().enumerate() {
            if place == 0 {
                write!(out, "<th scope=\"row\">{}</th>", Escaped(cell))?;
            } else {
                write!(out, "<td>{}</td>", Escaped(cell))?;
            }
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table>")
}

fn write_check(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section class=\"check\"><h2>How to check it</h2>")?;
    for (what, command) in tables::CHECK {
        writeln!(
            out,
            "<p>{}</p><pre>{}</pre>",
            Escaped(what),
            Escaped(command)
        )?;
    }
    writeln!(out, "</section>")
}

fn write_signatures(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section class=\"signatures\">")?;
    for side in ["For the provider", "For the customer"] {
        writeln!(
            out,
            "<div><p>{side}</p><p class=\"line\">Place, date</p><p class=\"line\">Name, signature</p></div>"
        )?;
    }
    writeln!(out, "</section>")
}

/// A text in HTML.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_fmt(format_args!("{other}"))?,
            }
        }
        Ok(())
    }
}
