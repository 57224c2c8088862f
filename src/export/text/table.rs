//! Columns for a terminal: widths from the content, names cut, nothing that a terminal obeys.

use std::fmt::Write as _;
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Widest cell; a longer one (an AS name, an IPv6 address with port is 47) is cut.
const MAX_WIDTH: usize = 48;

/// Where a column's text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// The column that is made narrower first.
const NAME: &str = "Name";

/// The least that is left of a name.
const LEAST_NAME: usize = 20;

/// A table that is written once. Columns that do not fit stand on lines of their own below each row.
pub(super) struct TextTable {
    page: usize,
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// With these columns, on a page of so many.
    pub(super) fn new(page: usize, columns: &[(&'static str, Align)]) -> Self {
        Self {
            page,
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, a cell for each column; they may hold untrusted text.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells
            .into_iter()
            .map(|cell| cut(&printable(&cell), MAX_WIDTH));
        let cells: Vec<_> = cells.collect();
        debug_assert_eq!(cells.len(), self.columns.len(), "{cells:?}");
        self.rows.push(cells);
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let titles = self.columns.iter().map(|(title, _)| *title);
        let mut widths: Vec<_> = titles.clone().map(UnicodeWidthStr::width).collect();
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(cell.width());
            }
        }
        let total = |widths: &[usize]| -> usize { widths.iter().map(|width| width + 2).sum() };
        let excess = total(&widths).saturating_sub(self.page);
        let whole = widths.clone();
        let names = titles.clone().zip(&mut widths);
        for (_, name) in names.filter(|(title, _)| *title == NAME) {
            *name = (*name).min(name.saturating_sub(excess).max(LEAST_NAME));
        }
        while widths.len() > 1 && total(&widths) > self.page {
            widths.pop();
        }
        // Where columns went below, the name has room again.
        let room = self.page.saturating_sub(total(&widths));
        let names = titles.clone().zip(widths.iter_mut().zip(&whole));
        for (_, (name, whole)) in names.filter(|(title, _)| *title == NAME) {
            *name = (*name + room).min(*whole);
        }
        self.line(out, &widths, titles.clone())?;
        for row in &self.rows {
            self.line(out, &widths, row.iter().map(String::as_str))?;
            let below: Vec<_> = titles
                .clone()
                .zip(row)
                .skip(widths.len())
                .map(|(title, cell)| format!("{title}: {cell}"))
                .collect();
            if !below.is_empty() {
                let first = widths.first().copied().unwrap_or_default();
                writeln!(
                    out,
                    "{:indent$}{}",
                    "",
                    below.join("; "),
                    indent = first + 4
                )?;
            }
        }
        Ok(())
    }

    fn line<'a>(
        &self,
        out: &mut impl Write,
        widths: &[usize],
        cells: impl Iterator<Item = &'a str>,
    ) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, widest), (_, align)) in cells.zip(widths).zip(&self.columns) {
            let cell = cut(cell, *widest);
            let padding = widest.saturating_sub(cell.width());
            // Writing to a String cannot fail.
            let _ = match align {
                Align::Left => write!(line, "  {cell}{:padding$}", ""),
                Align::Right => write!(line, "  {:padding$}{cell}", ""),
            };
        }
        writeln!(out, "{}", line.trim_end())
    }
}

/// Untrusted text made safe for a terminal and a log line: control characters, and the format
/// characters that hide or reorder text (UAX #9 §2), are written as escapes.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_invisible(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Format characters, line and paragraph separators, tags: seen by a terminal, not by a person.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

fn cut(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut used = 0;
    let fits = |character: &char| {
        used += character.width().unwrap_or(0);
        used < most
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_neither_move_the_cursor_nor_turn_the_line_around() {
        assert_eq!(
            printable("A\u{1b}[2JB\nC\u{202e}D"),
            "A\\u{1b}[2JB\\u{a}C\\u{202e}D"
        );
        assert_eq!(printable("Téléphonie 東京"), "Téléphonie 東京");
    }

    #[test]
    fn columns_line_up_for_wide_and_for_combining_characters() {
        let mut table = TextTable::new(100, &[("Name", Align::Left), ("N", Align::Right)]);
        table.row(["東京".into(), "1".into()]);
        table.row(["e\u{301}t".into(), "22".into()]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "  Name   N\n  東京   1\n  e\u{301}t    22\n");
    }

    #[test]
    fn a_long_name_is_cut_to_its_column() {
        let short = cut(&"東".repeat(40), MAX_WIDTH);
        assert!(
            short.width() <= MAX_WIDTH && short.ends_with('…'),
            "{short}"
        );
    }

    #[test]
    fn what_does_not_fit_stands_below_its_row_and_a_name_gives_way_first() {
        let mut table = TextTable::new(
            34,
            &[
                ("N", Align::Right),
                (NAME, Align::Left),
                ("Loss", Align::Left),
            ],
        );
        table.row([
            "1".into(),
            "Deutsche Telekom AG und".into(),
            "met 5 s".into(),
        ]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "  N  Name                  Loss\n  1  Deutsche Telekom AG…  met 5 s\n"
        );
        table.row(["2".into(), "A".into(), "met 500 s, missed 3 s".into()]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.ends_with("  2  A\n     Loss: met 500 s, missed 3 s\n"),
            "{text}"
        );
    }
}
