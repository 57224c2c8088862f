//! Databases in MaxMind's format: GeoLite2 ASN, GeoIP2 ISP, DB-IP, IPinfo, or one's own. Read
//! into memory whole, then every network is taken into the same table as a prefix list: what is
//! wrong with a file shows when it is loaded, not in the middle of a call.
//!
//! Refuses a database in which no record has an AS number, and one that is corrupt anywhere a
//! network points to.

use super::input::Packed;
use super::listed::{Announcers, Listed};
use super::notation;
use super::source::LoadError;
use crate::files::{self, Load};
use crate::units::{Asn, Prefix};
use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader, WithinOptions};
use std::collections::HashMap;
use std::path::Path;

/// MiB of a database. A guess with room to spare: published ASN databases are some ten.
const MAX_DATABASE_MIB: u64 = 512;

/// What a record says.
#[derive(Clone, Copy)]
struct Record<'a> {
    asn: Asn,
    name: Option<&'a str>,
}

/// Reads a database.
///
/// # Errors
/// [`LoadError`] where the file cannot be read, is not a database, is corrupt, or has no AS
/// number in any record.
pub(super) fn load(path: &Path, load: &Load) -> Result<Listed, LoadError> {
    let octets = Packed::open(path, load).and_then(|file| files::read_all(file, MAX_DATABASE_MIB));
    let octets = octets.map_err(|error| LoadError::read(path, error))?;
    read(path, &octets, load)
}

/// Reads a database from memory; `path` is for messages.
pub(super) fn read(path: &Path, octets: &[u8], load: &Load) -> Result<Listed, LoadError> {
    let corrupt =
        |error: MaxMindDbError| LoadError::format(path, &notation::excerpt(&error.to_string()));
    let reader = Reader::from_source(octets).map_err(corrupt)?;
    // a tree of n nodes has at most n + 1 ends; one that points back into itself has no end
    let mut ends = u64::from(reader.metadata().node_count) + 1;
    let mut records: HashMap<usize, Option<Record<'_>>> = HashMap::new();
    let mut listed = Listed::default();
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
        let record = if let Some(record) = records.get(&offset) {
            *record
        } else {
            let record = record(&network).map_err(corrupt)?;
            records.insert(offset, record);
            record
        };
        let block = network.network().map_err(corrupt)?;
        let family = if block.is_ipv4() { 96 } else { 0 };
        let prefix = Prefix::new(block.ip().into(), family + block.prefix());
        let lowest = record.map_or(Asn::NONE, |record| record.asn);
        let name = record.and_then(|record| record.name);
        listed.row(
            &[prefix],
            Announcers {
                lowest,
                several: false,
            },
            name,
        );
        listed.bounded(path)?;
    }
    if listed.is_empty() {
        let kind = notation::excerpt(&reader.metadata().database_type);
        let reason = format!("no AS number in any record of this {kind:?} database");
        return Err(LoadError::format(path, &reason));
    }
    Ok(listed)
}

/// AS number and name under the keys of the publishers: MaxMind and DB-IP, then IPinfo.
fn record<'a>(network: &LookupResult<'a, &'a [u8]>) -> Result<Option<Record<'a>>, MaxMindDbError> {
    let text = |key| network.decode_path::<&'a str>(&[PathElement::Key(key)]);
    let number = [PathElement::Key("autonomous_system_number")];
    if let Some(number) = network.decode_path::<u32>(&number)? {
        let name = text("autonomous_system_organization")?;
        return Ok(Some(Record {
            asn: Asn(number),
            name,
        }));
    }
    let Some(written) = text("asn")?.filter(|written| !written.is_empty()) else {
        return Ok(None);
    };
    let asn = notation::asn(written).map_err(|error| MaxMindDbError::Decoding {
        message: format!("asn {} {error}", notation::excerpt(written)),
        offset: network.offset(),
        path: None,
    })?;
    let name = match text("as_name")? {
        Some(name) => Some(name),
        None => text("name")?,
    };
    Ok(Some(Record { asn, name }))
}

#[cfg(test)]
#[path = "mmdb_tests.rs"]
mod tests;
