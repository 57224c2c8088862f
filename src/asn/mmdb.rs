//! Databases in MaxMind's format: GeoLite2 ASN, GeoIP2 ISP, DB-IP, IPinfo, or one's own, packed or not.
//! Read into memory whole, then every network is taken into the same table as a prefix list: what is
//! wrong with a file shows when it is loaded, not in the middle of a call.
//!
//! An AS number may have any of the format's integer types, or be text: writers choose. Refuses a
//! database in which no record has an AS number, one in which something else stands in its place, and
//! one that is corrupt anywhere a network points to.

use super::input;
use super::notation;
use super::source::LoadError;
use super::source_builder::{Announcers, PrefixForm, SourceBuilder};
use crate::files::{self, Load};
use crate::units::{Asn, Prefix};
use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader, WithinOptions};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashMap;
use std::path::Path;

/// MiB of a database. A guess with room to spare: published ASN databases are some ten.
const MAX_DATABASE_MIB: u64 = 512;

/// Keys of the number, and of the name beside it: MaxMind and DB-IP, then IPinfo and IP2Location.
const KEYS: [(&str, &[&str]); 2] = [
    (
        "autonomous_system_number",
        &["autonomous_system_organization"],
    ),
    ("asn", &["as_name", "name"]),
];

/// A record, as far as it is used.
#[derive(Clone, Copy)]
struct Record<'a> {
    asn: Asn,
    name: Option<&'a str>,
}

/// What may stand under a key.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value<'a> {
    Number(u64),
    Signed(i64),
    #[serde(borrow)]
    Text(&'a str),
    Other(IgnoredAny),
}

/// Reads a database.
///
/// # Errors
/// [`LoadError`] where the file cannot be read, is not a database, is corrupt, or has no AS
/// number in any record.
pub(super) fn load(path: &Path, load: &Load) -> Result<SourceBuilder, LoadError> {
    let octets = files::read_all(input::open(path, load)?, MAX_DATABASE_MIB);
    let octets = octets.map_err(|error| LoadError::read(path, error))?;
    read(path, &octets, load)
}

/// Reads a database from memory; `path` is for messages.
pub(super) fn read(path: &Path, octets: &[u8], load: &Load) -> Result<SourceBuilder, LoadError> {
    let corrupt =
        |error: MaxMindDbError| LoadError::format(path, &notation::excerpt(&error.to_string()));
    let reader = Reader::from_source(octets).map_err(|error| {
        let (error, found) = (error.to_string(), notation::beginning(octets));
        LoadError::format(path, &format!("{}; {found}", notation::excerpt(&error)))
    })?;
    // a tree of n nodes has at most n + 1 ends; one that points back into itself has no end
    let mut ends = u64::from(reader.metadata().node_count) + 1;
    let mut records: HashMap<usize, Option<Record<'_>>> = HashMap::new();
    let mut listed = SourceBuilder::default();
    listed.built_at(reader.metadata().build_epoch);
    for network in reader.networks(WithinOptions::default()).map_err(corrupt)? {
        load.check_cancelled()
            .map_err(|error| LoadError::read(path, error))?;
        let network = network.map_err(corrupt)?;
        ends = ends
            .checked_sub(1)
            .ok_or_else(|| LoadError::format(path, "its search tree points back into itself"))?;
        let Some(offset) = network.offset() else {
            continue;
        };
        let block = network.network().map_err(corrupt)?;
        let record = if let Some(record) = records.get(&offset) {
            *record
        } else {
            let record = record(&network)
                .map_err(|reason| LoadError::format(path, &format!("{block}: {reason}")))?;
            records.insert(offset, record);
            record
        };
        let family = if block.is_ipv4() { 96 } else { 0 };
        let prefix = Prefix::new(block.ip().into(), family + block.prefix());
        let lowest = record.map_or(Asn::NONE, |record| record.asn);
        let name = record.and_then(|record| record.name);
        let by = Announcers {
            lowest,
            several: false,
        };
        listed.row(PrefixForm::Blocks, &[prefix], by, name);
        listed.bounded(path)?;
    }
    if listed.is_empty() {
        let kind = notation::excerpt(&reader.metadata().database_type);
        let reason = format!("no AS number in any record of this {kind:?} database");
        return Err(LoadError::format(path, &reason));
    }
    Ok(listed)
}

/// AS number and name under the keys of the publishers; none where nobody announces the network.
fn record<'a>(network: &LookupResult<'a, &'a [u8]>) -> Result<Option<Record<'a>>, String> {
    let value = |key| {
        let value = network.decode_path::<Value<'a>>(&[PathElement::Key(key)]);
        value.map_err(|error| notation::excerpt(&error.to_string()))
    };
    for (key, names) in KEYS {
        let Some(number) = value(key)? else {
            continue;
        };
        let Some(asn) = asn(&number).map_err(|reason| format!("{key} {reason}"))? else {
            return Ok(None);
        };
        let mut name = None;
        for key in names {
            // a name is for people: one that is no text is none
            if let (None, Some(Value::Text(text))) = (name, value(key)?) {
                name = Some(text);
            }
        }
        return Ok(Some(Record { asn, name }));
    }
    Ok(None)
}

/// The AS number that a value is; none where it says that there is none.
fn asn(value: &Value<'_>) -> Result<Option<Asn>, String> {
    let number = match value {
        Value::Number(number) => u32::try_from(*number).map_err(|_| number.to_string()),
        Value::Signed(number) => Err(number.to_string()),
        Value::Text(text) if text.is_empty() || notation::is_no_asn(text) => return Ok(None),
        Value::Text(text) => {
            let wrong = |error| format!("{} {error}", notation::excerpt(text));
            return notation::asn(text).map(Some).map_err(wrong);
        }
        Value::Other(_) => return Err("is neither a whole number nor text".into()),
    };
    let number = number.map_err(|number| format!("{number} is not an AS number"))?;
    Ok(Some(Asn(number)))
}

#[cfg(test)]
#[path = "mmdb_tests.rs"]
mod tests;
