//! Prefix lists as text, plain or gzip, in the forms they are published in, told apart line by
//! line:
//!
//! - `prefix asn [name]`: pyasn's data files, lists by hand;
//! - `first last asn country name`: iptoasn.com, ranges;
//! - `address length asn`: CAIDA pfx2as, where `1_2` is announced by several (MOAS) and `1,2` is
//!   an AS set.
//!
//! Fields are apart by blanks or tabs; empty lines and lines that begin with `#` or `;` say
//! nothing. One wrong line refuses the whole file: a table with silent holes would attribute
//! traffic to a covering prefix.

use super::notation::{self, NotationError};
use super::source::{Listed, LoadError};
use crate::units::{Address, Asn, Prefix};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::Path;

/// The first octets of a gzip member (RFC 1952 §2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Octets of a line. A guess with room to spare: prefix, number and name need a tenth of it.
const MAX_LINE: usize = 4096;

/// Octets of a list, unpacked. A guess with room to spare: pyasn's table of 512 621 prefixes has
/// 10 MiB, but a small gzip file can unpack to anything.
const MAX_LIST: u64 = 1 << 30;

/// Reads a list.
///
/// # Errors
/// [`LoadError`] where the file can not be read, with line and value where it is not a list, and
/// where no prefix is in it.
pub(super) fn load(path: &Path) -> Result<Listed, LoadError> {
    let file = File::open(path).map_err(|error| LoadError::read(path, error))?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    let head = file
        .fill_buf()
        .map_err(|error| LoadError::read(path, error))?;
    if head.starts_with(&GZIP_MAGIC) {
        read(
            path,
            BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file)),
        )
    } else {
        read(path, file)
    }
}

/// Reads a list line by line; `path` is for messages.
pub(super) fn read(path: &Path, input: impl BufRead) -> Result<Listed, LoadError> {
    let mut input = input.take(MAX_LIST);
    let mut listed = Listed::default();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let longest = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        let octets = (&mut input)
            .take(longest)
            .read_until(b'\n', &mut line)
            .map_err(|error| LoadError::read(path, error))?;
        if octets == 0 {
            break;
        }
        let at = |value: &str, reason: &str| LoadError::Line {
            path: path.into(),
            line: number,
            value: notation::excerpt(value),
            reason: reason.into(),
        };
        let text = String::from_utf8_lossy(&line);
        if octets == MAX_LINE && !text.ends_with('\n') {
            return Err(at(&text, "is too long for a line"));
        }
        entry(text.trim(), &mut listed).map_err(|(value, reason)| at(value, &reason))?;
        listed.bounded(path)?;
    }
    if input.limit() == 0 {
        return Err(LoadError::format(path, "is larger than 1 GiB unpacked"));
    }
    if listed.is_empty() {
        return Err(LoadError::format(path, "no prefix in it"));
    }
    Ok(listed)
}

/// A value and what is wrong with it.
type Wrong<'a> = (&'a str, String);

/// Reads one line.
fn entry<'a>(line: &'a str, listed: &mut Listed) -> Result<(), Wrong<'a>> {
    if line.is_empty() || line.starts_with(['#', ';']) {
        return Ok(());
    }
    let (first, rest) = field(line);
    let (second, rest) = field(rest);
    if first.contains('/') {
        let prefix = prefix(first)?;
        let by = announcers(second)?;
        listed.row(&[prefix], by, Some(rest));
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
        listed.row(&prefixes, by, name.map(|(_country, name)| name));
    } else if third.is_empty() {
        return Err((line, "is not a line of a prefix list".into()));
    } else {
        let prefix = prefix(&format!("{first}/{second}")).map_err(|(_, reason)| (line, reason))?;
        listed.row(&[prefix], announcers(third)?, None);
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

/// Who announces a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Announcers {
    /// The lowest of the numbers, so that the order in a list does not matter; 0 if nobody does.
    pub(super) lowest: Asn,
    /// More than one is named.
    pub(super) several: bool,
}

/// One AS number or several (`1_2` announced by both, `1,2` an AS set).
fn announcers(text: &str) -> Result<Announcers, Wrong<'_>> {
    if text.eq_ignore_ascii_case("none") {
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
            lowest = if named == 0 { asn } else { lowest.min(asn) };
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
