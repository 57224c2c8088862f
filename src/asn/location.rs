//! Reads the text of `location dump` (Debian's libloc-database, by IPFire), packed or not.
//!
//! Blocks of `key: value` apart by empty lines: `aut-num: AS64500` with a `name`, and
//! `net: 192.0.2.0/24` with or without an `aut-num`. Other keys (`country`, `is-anycast`, …) say
//! nothing here. A network without number is nobody's, although a shorter one around it may have a
//! number: so does `location lookup`.
//!
//! The remark `# Generated: Sat, 29 Oct 2022 05:59:54 GMT` says when its data was built.
//!
//! Refuses the whole file for one wrong line, as a prefix list does and for the same reason.

use super::input::{self, Lines};
use super::notation;
use super::source::LoadError;
use super::source_builder::SourceBuilder;
use crate::files::Load;
use crate::units::{Asn, Prefix};
use std::io::BufRead;
use std::path::Path;

/// Reads a dump.
///
/// # Errors
/// [`LoadError`] where the file cannot be read, with line and value where it is not a dump, and
/// where no prefix with an AS number is in it.
pub(super) fn load(path: &Path, load: &Load) -> Result<SourceBuilder, LoadError> {
    read(path, input::open(path, load)?)
}

/// The block that is read, so far.
enum Block {
    /// Nothing.
    Empty,
    /// This AS; a name is its name.
    As(Asn),
    /// This network; a number is who announces it.
    Net(Prefix, Option<Asn>),
}

/// Reads a dump line by line; `path` is for messages.
fn read(path: &Path, input: impl BufRead) -> Result<SourceBuilder, LoadError> {
    let mut lines = Lines::new(path, input);
    let mut listed = SourceBuilder::default();
    let mut block = Block::Empty;
    while lines.advance()? {
        let text = lines.text();
        if text.is_empty() {
            close(&mut block, &mut listed);
            listed.bounded(path)?;
            continue;
        }
        if let Some(remark) = text.strip_prefix('#') {
            let generated = remark.trim_start().strip_prefix("Generated:");
            if let Some(seconds) = generated.and_then(|date| notation::date(date.trim())) {
                listed.built_at(seconds);
            }
            continue;
        }
        let Some((key, value)) = text.split_once(':') else {
            return Err(lines.wrong(&text, "is not a line of a location dump"));
        };
        let value = value.trim_start();
        entry(&mut block, key, value, &mut listed).map_err(|reason| lines.wrong(value, &reason))?;
    }
    close(&mut block, &mut listed);
    if listed.is_empty() {
        return Err(LoadError::format(path, "no prefix in it"));
    }
    Ok(listed)
}

/// Takes one line.
fn entry(
    block: &mut Block,
    key: &str,
    value: &str,
    listed: &mut SourceBuilder,
) -> Result<(), String> {
    match (key, &mut *block) {
        ("net", Block::Empty) => {
            let prefix = notation::prefix(value).map_err(|error| error.to_string())?;
            *block = Block::Net(prefix, None);
        }
        ("aut-num", Block::Empty) => {
            *block = Block::As(notation::asn(value).map_err(|error| error.to_string())?);
        }
        ("aut-num", Block::Net(_, by @ None)) => {
            *by = Some(notation::asn(value).map_err(|error| error.to_string())?);
        }
        ("net" | "aut-num", _) => return Err(format!("is a second {key} in one block")),
        ("name", Block::As(asn)) => listed.name(*asn, value),
        _ => {}
    }
    Ok(())
}

/// Ends the block.
fn close(block: &mut Block, listed: &mut SourceBuilder) {
    if let Block::Net(prefix, by) = std::mem::replace(block, Block::Empty) {
        listed.network(prefix, by);
    }
}

#[cfg(test)]
#[path = "location_tests.rs"]
mod tests;
