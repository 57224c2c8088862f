//! Routing tables in MRT (RFC 6396), as RouteViews, RIPE RIS and one's own routers write them:
//! TABLE_DUMP_V2 unicast RIBs, with and without ADD-PATH (RFC 8050), and the older TABLE_DUMP.
//! Plain, gzip or bzip2. Framing and attributes are read by bgpkit-parser.
//!
//! What the peers of a collector announce for a prefix is a [vote](super::vote); records that are not unicast
//! routes are passed over and counted. Refuses a file that is damaged or cut anywhere: half a table
//! attributes traffic to covering prefixes.

use super::input;
use super::listed::Listed;
use super::path::PathSegment;
use super::source::LoadError;
use super::vote::{Candidate, HeardPath, Vote};
use crate::files::Load;
use crate::units::{Address, Asn, Prefix};
use bgpkit_parser::models::{
    AsPath, AsPathSegment, Attributes, EntryType, MrtMessage, NetworkPrefix, TableDumpV2Message,
    TableDumpV2Type,
};
use bgpkit_parser::{ParserError, RawMrtRecord, chunk_mrt_record};
use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

/// Octets of a file, unpacked. A guess with room to spare: RIBs of RouteViews' largest collector
/// have some 3 GiB, but a small bzip2 file can unpack to anything.
const MAX_FILE: u64 = 1 << 35;

/// Reads a table; `own` numbers are left out of its paths.
///
/// # Errors
/// [`LoadError`] where the file cannot be read, with the record where it is not MRT or damaged,
/// and where no route with an origin is in it.
pub(super) fn load(path: &Path, own: &HashSet<Asn>, load: &Load) -> Result<Listed, LoadError> {
    read(path, input::open(path, load)?, own)
}

/// Reads a table record by record; `path` is for messages.
fn read(path: &Path, input: impl Read, own: &HashSet<Asn>) -> Result<Listed, LoadError> {
    let mut input = input.take(MAX_FILE);
    let mut tally = Tally {
        own,
        listed: Listed::default(),
        vote: None,
    };
    for number in 1_u64.. {
        let wrong = |reason: &str| {
            let reason = super::notation::excerpt(reason);
            LoadError::format(path, &format!("MRT record {number}: {reason}"))
        };
        let record = match chunk_mrt_record(&mut input) {
            Ok(record) => record,
            Err(error) => match error.error {
                ParserError::EofExpected => break,
                ParserError::IoError(error) | ParserError::EofError(error) => {
                    return Err(wrong(&error.to_string()));
                }
                error => return Err(wrong(&error.to_string())),
            },
        };
        tally.record(record).map_err(|reason| wrong(&reason))?;
        tally.listed.bounded(path)?;
    }
    if input.limit() == 0 {
        return Err(LoadError::format(path, "is larger than 32 GiB unpacked"));
    }
    tally.close();
    if tally.listed.is_empty() {
        return Err(LoadError::format(path, "no route with an origin in it"));
    }
    Ok(tally.listed)
}

/// The routes read so far, and those to the prefix that may go on in the next record.
struct Tally<'a> {
    own: &'a HashSet<Asn>,
    listed: Listed,
    vote: Option<(Prefix, Vote)>,
}

impl Tally<'_> {
    /// Takes a record.
    fn record(&mut self, record: RawMrtRecord) -> Result<(), String> {
        let subtype = record.common_header.entry_subtype;
        let declared = match record.common_header.entry_type {
            EntryType::TABLE_DUMP => None,
            EntryType::TABLE_DUMP_V2 if is_unicast(subtype) => {
                Some(entry_count(&record.message_bytes).ok_or("is cut short")?)
            }
            // the votes need peers told apart, which their index does: no peer table
            EntryType::TABLE_DUMP_V2 if subtype == TableDumpV2Type::PeerIndexTable as u16 => {
                return Ok(());
            }
            _ => {
                self.listed.passed_over();
                return Ok(());
            }
        };
        match record.parse().map_err(|error| error.to_string())?.message {
            MrtMessage::TableDumpV2Message(TableDumpV2Message::RibAfi(rib)) => {
                // the parser stops at a damaged entry and says nothing
                if declared != Some(rib.rib_entries.len()) {
                    return Err("is damaged: entries are missing".into());
                }
                for entry in &rib.rib_entries {
                    self.route(&rib.prefix, entry.peer_index.into(), &entry.attributes)?;
                }
            }
            MrtMessage::TableDumpMessage(route) => {
                let peer = Address::from(route.peer_ip).number();
                self.route(&route.prefix, peer, &route.attributes)?;
            }
            MrtMessage::TableDumpMessageBatch(routes) => {
                for route in routes {
                    let peer = Address::from(route.peer_ip).number();
                    self.route(&route.prefix, peer, &route.attributes)?;
                }
            }
            _ => self.listed.passed_over(),
        }
        Ok(())
    }

    /// Takes one peer's route to a prefix.
    fn route(
        &mut self,
        prefix: &NetworkPrefix,
        peer: u128,
        attributes: &Attributes,
    ) -> Result<(), String> {
        let prefix = announced(prefix);
        if self.vote.as_ref().is_none_or(|(open, _)| *open != prefix) {
            self.close();
        }
        let (_, vote) = self.vote.get_or_insert_with(|| (prefix, Vote::default()));
        let segments = attributes.effective_as_path().map(|path| segments(&path));
        let heard = HeardPath::new(&segments.unwrap_or_default(), self.own).into();
        vote.add(Candidate { heard, peer })
    }

    /// Decides the vote on the prefix before this one.
    fn close(&mut self) {
        if let Some((prefix, mut vote)) = self.vote.take() {
            self.listed.add_voted(prefix, &vote.result());
        }
    }
}

/// Whether a TABLE_DUMP_V2 record holds unicast routes (RFC 6396 §4.3.2, RFC 8050 §4).
fn is_unicast(subtype: u16) -> bool {
    [
        TableDumpV2Type::RibIpv4Unicast,
        TableDumpV2Type::RibIpv6Unicast,
        TableDumpV2Type::RibIpv4UnicastAddPath,
        TableDumpV2Type::RibIpv6UnicastAddPath,
    ]
    .into_iter()
    .any(|unicast| unicast as u16 == subtype)
}

/// How many entries a RIB record says it has (RFC 6396 §4.3.2): behind the sequence number (4
/// octets), the prefix length in bits and the prefix.
fn entry_count(message: &[u8]) -> Option<usize> {
    let bits = usize::from(*message.get(4)?);
    let count = message.get(5 + bits.div_ceil(8)..)?.first_chunk()?;
    Some(u16::from_be_bytes(*count).into())
}

/// A prefix as the parser gives it.
pub(super) fn announced(prefix: &NetworkPrefix) -> Prefix {
    let network = prefix.prefix;
    let family = if network.addr().is_ipv4() { 96 } else { 0 };
    Prefix::new(network.addr().into(), family + network.prefix_len())
}

/// The segments of a path but those of confederations.
pub(super) fn segments(path: &AsPath) -> Vec<PathSegment> {
    let asns = |asns: &[bgpkit_parser::models::Asn]| {
        let asns = asns.iter().map(|asn| Asn((*asn).into()));
        asns.collect::<Vec<_>>()
    };
    let segments = path.segments.iter().filter_map(|segment| match segment {
        AsPathSegment::AsSequence(sequence) => Some(PathSegment::Sequence(asns(sequence))),
        AsPathSegment::AsSet(set) => Some(PathSegment::Set(asns(set))),
        AsPathSegment::ConfedSequence(_) | AsPathSegment::ConfedSet(_) => None,
    });
    segments.collect()
}

#[cfg(test)]
mod tests;
