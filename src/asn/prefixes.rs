//! Prefix lists as text, packed or not, in the forms they are published in, told apart line by line:
//!
//! - `prefix asn [name]`: pyasn's data files, lists by hand;
//! - `first last asn country name`: iptoasn.com, ranges;
//! - `address length asn`: CAIDA pfx2as, where `1_2` is announced by several (MOAS) and `1,2` is
//!   an AS set.
//!
//! Fields are apart by blanks or tabs; empty lines and lines that begin with `#` or `;` say
//! nothing. `None` and `-` are nobody. A prefix that is too short to be anybody's is counted and left
//! out, also if somebody has written it by hand: lists are made of routing tables, and those have such
//! routes; an override of so much would be an override of everything. One wrong line refuses the whole file: a table with silent holes would attribute
//! traffic to a covering prefix.

use super::input::{self, Lines};
use super::notation::{self, NotationError};
use super::numbers;
use super::source::LoadError;
use super::source_builder::{Announcers, PrefixForm, SourceBuilder};
use crate::files::Load;
use crate::units::{Address, Asn, Prefix};
use std::io::BufRead;
use std::net::IpAddr;
use std::path::Path;

/// Reads a list.
///
/// # Errors
/// [`LoadError`] where the file cannot be read, with line and value where it is not a list, and
/// where no prefix is in it.
pub(super) fn load(path: &Path, load: &Load) -> Result<SourceBuilder, LoadError> {
    read(path, input::open(path, load)?)
}

/// Reads a list line by line; `path` is for messages.
pub(super) fn read(path: &Path, input: impl BufRead) -> Result<SourceBuilder, LoadError> {
    let mut lines = Lines::new(path, input);
    let mut listed = SourceBuilder::default();
    while lines.advance()? {
        let text = lines.text();
        entry(&text, &mut listed).map_err(|(value, reason)| lines.wrong(value, &reason))?;
        listed.bounded(path)?;
    }
    if listed.is_empty() {
        return Err(LoadError::format(path, "no prefix in it"));
    }
    Ok(listed)
}

/// A value and what is wrong with it.
type Wrong<'a> = (&'a str, String);

/// Reads one line.
fn entry<'a>(line: &'a str, listed: &mut SourceBuilder) -> Result<(), Wrong<'a>> {
    if line.is_empty() || line.starts_with(['#', ';']) {
        return Ok(());
    }
    let (first, rest) = field(line);
    let (second, rest) = field(rest);
    if first.contains('/') {
        let prefix = prefix(first)?;
        let by = announcers(second)?;
        listed.row(PrefixForm::Routes, &[prefix], by, Some(rest));
        return Ok(());
    }
    let (third, rest) = field(rest);
    let Ok(start) = first.parse::<IpAddr>() else {
        return Err((line, "is not a line of a prefix list".into()));
    };
    if let Ok(end) = second.parse::<IpAddr>() {
        let by = announcers(third)?;
        // the country may be empty: only the tab tells it from the name
        let name = rest
            .strip_prefix('\t')
            .and_then(|rest| rest.split_once('\t'));
        let prefixes = range(start, end).ok_or_else(|| (line, "is not a range".to_owned()))?;
        let name = name.map(|(_country, name)| name);
        listed.row(PrefixForm::Blocks, &prefixes, by, name);
    } else if third.is_empty() {
        return Err((line, "is not a line of a prefix list".into()));
    } else {
        let prefix = prefix(&format!("{first}/{second}")).map_err(|(_, reason)| (line, reason))?;
        listed.row(PrefixForm::Routes, &[prefix], announcers(third)?, None);
    }
    Ok(())
}

/// The first field of a line, and what stands behind it.
fn field(line: &str) -> (&str, &str) {
    let line = line.trim_start();
    line.split_at(line.find([' ', '\t']).unwrap_or(line.len()))
}

fn prefix(text: &str) -> Result<Prefix, (&str, String)> {
    notation::prefix(text).map_err(|error| (text, error.to_string()))
}

/// One AS number or several (`1_2` announced by both, `1,2` an AS set).
fn announcers(text: &str) -> Result<Announcers, Wrong<'_>> {
    if notation::is_no_asn(text) {
        return Ok(Announcers {
            lowest: Asn::NONE,
            several: false,
        });
    }
    let mut lowest = Asn::NONE;
    let mut named = 0;
    for part in text.split(['_', ',']) {
        let asn = notation::asn(part).map_err(|error: NotationError| (text, error.to_string()))?;
        if asn != Asn::NONE {
            let is_first = numbers::precedence(asn) < numbers::precedence(lowest);
            lowest = if named == 0 || is_first { asn } else { lowest };
            named += 1;
        }
    }
    Ok(Announcers {
        lowest,
        several: named > 1,
    })
}

/// The prefixes that make up a range of addresses of one family, in order; at most 254 of them.
fn range(start: IpAddr, end: IpAddr) -> Option<Vec<Prefix>> {
    if start.is_ipv4() != end.is_ipv4() || start > end {
        return None;
    }
    let shortest = if start.is_ipv4() { 96 } else { 0 };
    let (mut next, end) = (Address::from(start).number(), Address::from(end).number());
    let mut prefixes = Vec::new();
    loop {
        let fits = |length: &u8| {
            let prefix = Prefix::new(Address::from_number(next), *length);
            prefix.range().0.number() == next && prefix.range().1.number() <= end
        };
        let length = (shortest..=128).find(fits)?;
        let prefix = Prefix::new(Address::from_number(next), length);
        prefixes.push(prefix);
        let last = prefix.range().1.number();
        if last == end {
            return Some(prefixes);
        }
        next = last.checked_add(1)?;
    }
}

#[cfg(test)]
#[path = "prefixes_tests.rs"]
mod tests;
