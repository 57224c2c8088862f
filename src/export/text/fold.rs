//! Folds lines that are longer than the page, at spaces, below where they begin.

use std::io::{self, Write};

/// How much further in a line goes on.
const HANGING: usize = 4;

/// Writes whole lines, folded. What stands behind the last newline is written with [`Write::flush`].
pub(super) struct FoldingWriter<W> {
    out: W,
    page: usize,
    line: Vec<u8>,
}

impl<W: Write> FoldingWriter<W> {
    pub(super) fn new(out: W, page: usize) -> Self {
        Self {
            out,
            page,
            line: Vec::new(),
        }
    }

    fn write_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let mut rest = text.as_ref();
        let indent = rest.len() - rest.trim_start().len() + HANGING;
        let (mut begun, mut room) = (0, self.page);
        while rest.chars().count() > room {
            // Behind the blanks with which a line begins.
            let beyond = rest.char_indices().nth(room + 1);
            let beyond = beyond.map_or(rest.len(), |(place, _)| place);
            let first = rest.len() - rest.trim_start().len();
            let fitting = rest.get(first..beyond).unwrap_or_default();
            let Some(space) = last_break(fitting, rest.get(first..).unwrap_or_default()) else {
                break;
            };
            let (head, tail) = rest.split_at(first + space);
            writeln!(self.out, "{:begun$}{}", "", head.trim_end())?;
            rest = tail.trim_start();
            (begun, room) = (indent, self.page.saturating_sub(indent));
        }
        writeln!(self.out, "{:begun$}{rest}", "")
    }
}

/// Units that stay with their number.
const UNITS: [&str; 7] = ["s", "%", "ms", "B", "kB", "MB", "GB"];

/// The last space of `fitting`, the begin of `text`, at which a line may end.
fn last_break(fitting: &str, text: &str) -> Option<usize> {
    let spaces = fitting.rmatch_indices(' ').map(|(place, _)| place);
    let keeps_unit = |space: &usize| {
        let next = text.get(space + 1..).unwrap_or_default();
        let word = next.split([' ', ',', ';', ')']).next().unwrap_or_default();
        !UNITS.contains(&word)
    };
    spaces.filter(|space| *space > 0).find(keeps_unit)
}

impl<W: Write> Write for FoldingWriter<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        for octet in octets {
            if *octet == b'\n' {
                self.write_line()?;
            } else {
                self.line.push(*octet);
            }
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            self.write_line()?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str, page: usize) -> String {
        let mut out = Vec::new();
        let mut folding = FoldingWriter::new(&mut out, page);
        folding.write_all(text.as_bytes()).unwrap();
        folding.flush().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_long_line_goes_on_further_in_and_loses_no_word() {
        let text = "  one two three four five six\n";
        assert_eq!(
            folded(text, 15),
            "  one two three\n      four five\n      six\n"
        );
        assert_eq!(folded(text, 30), text);
        assert_eq!(
            folded("met 79 s, unseen 10 s\n", 20),
            "met 79 s, unseen\n    10 s\n"
        );
        assert_eq!(folded("nospaceanywhere and\n", 5), "nospaceanywhere and\n");
        assert_eq!(folded("\n\n", 5), "\n\n");
    }
}
