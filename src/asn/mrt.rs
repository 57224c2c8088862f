//! Routing tables in MRT (RFC 6396), as RouteViews, RIPE RIS and one's own routers write them:
//! TABLE_DUMP_V2 unicast RIBs, with and without ADD-PATH (RFC 8050), and the older TABLE_DUMP.
//! Packed or not. Framing and attributes are read by bgpkit-parser.
//!
//! What the peers of a collector announce for a prefix is a [vote](super::vote). A table is usually in
//! order of prefixes, so a vote is closed as soon as the next prefix begins. Where a prefix comes again
//! with another outcome, there are several tables in the file, and it is read [once more](tables) with
//! all votes kept to its end. Records that are not unicast routes are passed over and counted. Refuses a
//! file that is damaged or cut anywhere: half a table attributes traffic to covering prefixes.

mod peers;
mod tables;

use super::cache::CompiledSource;
use super::input;
use super::path::PathSegment;
use super::source::LoadError;
use super::source_builder::SourceBuilder;
use super::vote::{AnnouncedPath, Candidate, Vote, Voter};
use crate::files::Load;
use crate::units::{Asn, Prefix};
use bgpkit_parser::models::{
    AsPath, AsPathSegment, Attributes, EntryType, MrtMessage, NetworkPrefix, TableDumpV2Message,
    TableDumpV2Type,
};
use bgpkit_parser::{ParserError, RawMrtRecord, chunk_mrt_record};
use peers::PeerIndex;
use std::collections::HashSet;
use std::io::BufRead;
use std::path::Path;
use tables::Tables;

/// Octets of a file, unpacked. A guess with room to spare: RIBs of RouteViews' largest collector
/// have some 3 GiB, but a small bzip2 file can unpack to anything.
const MAX_FILE: u64 = 1 << 35;

/// Reads a table; `own` numbers are left out of its paths.
///
/// # Errors
/// [`LoadError`] where the file cannot be read, with the record where it is not MRT or damaged,
/// and where no route with an origin is in it.
pub(super) fn load(
    path: &Path,
    own: &HashSet<Asn>,
    load: &Load,
) -> Result<CompiledSource, LoadError> {
    compiled(path, || input::open(path, load), own)
}

/// Reads a table from wherever `open` begins it, twice if need be; `path` is for messages.
fn compiled<R: BufRead>(
    path: &Path,
    open: impl Fn() -> Result<R, LoadError>,
    own: &HashSet<Asn>,
) -> Result<CompiledSource, LoadError> {
    let compiled = read(path, open()?, OneTable, own)?.finish();
    if compiled.counts.conflicts == 0 {
        return Ok(compiled);
    }
    drop(compiled);
    Ok(read(path, open()?, Tables::default(), own)?.finish())
}

/// What takes the votes on prefixes.
trait Ballot {
    /// A table begins; when it was written.
    fn table(&mut self, written: u32);
    /// A prefix has no more routes here.
    fn close(&mut self, prefix: Prefix, vote: Vote, listed: &mut SourceBuilder);
    /// Refuses what cannot be tables any more.
    fn bounded(&self, path: &Path) -> Result<(), LoadError>;
    /// There are no more records.
    fn end(self, listed: &mut SourceBuilder);
}

/// Each vote is decided when it is closed.
struct OneTable;

impl Ballot for OneTable {
    fn table(&mut self, _: u32) {}

    fn close(&mut self, prefix: Prefix, mut vote: Vote, listed: &mut SourceBuilder) {
        listed.add_voted(prefix, &vote.result());
    }

    fn bounded(&self, _: &Path) -> Result<(), LoadError> {
        Ok(())
    }

    fn end(self, _: &mut SourceBuilder) {}
}

/// Reads a file record by record; `path` is for messages.
fn read<B: Ballot>(
    path: &Path,
    mut input: impl BufRead,
    ballot: B,
    own: &HashSet<Asn>,
) -> Result<SourceBuilder, LoadError> {
    // what cannot be read says so below
    let begins = super::notation::beginning(input.fill_buf().unwrap_or_default());
    let mut input = input.take(MAX_FILE);
    let mut tally = Tally {
        own,
        peers: PeerIndex::default(),
        ballot,
        listed: SourceBuilder::default(),
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
                error if number == 1 => {
                    return Err(LoadError::format(
                        path,
                        &format!("MRT record 1: {error}; {begins}"),
                    ));
                }
                error => return Err(wrong(&error.to_string())),
            },
        };
        tally.record(record).map_err(|reason| wrong(&reason))?;
        tally.listed.bounded(path)?;
        tally.ballot.bounded(path)?;
    }
    if input.limit() == 0 {
        return Err(LoadError::format(path, "is larger than 32 GiB unpacked"));
    }
    let listed = tally.end();
    if listed.is_empty() {
        return Err(LoadError::format(path, "no route with an origin in it"));
    }
    Ok(listed)
}

/// The routes read so far, and those to the prefix that may go on in the next record.
struct Tally<'a, B> {
    own: &'a HashSet<Asn>,
    peers: PeerIndex,
    ballot: B,
    listed: SourceBuilder,
    vote: Option<(Prefix, Vote)>,
}

impl<B: Ballot> Tally<'_, B> {
    /// Takes a record.
    fn record(&mut self, record: RawMrtRecord) -> Result<(), String> {
        let header = &record.common_header;
        let (subtype, written) = (header.entry_subtype, header.timestamp);
        let declared = match header.entry_type {
            EntryType::TABLE_DUMP => {
                self.listed.built_at(written.into());
                None
            }
            EntryType::TABLE_DUMP_V2 if is_unicast(subtype) => {
                Some(entry_count(&record.message_bytes).ok_or("is cut short")?)
            }
            EntryType::TABLE_DUMP_V2 if subtype == TableDumpV2Type::PeerIndexTable as u16 => None,
            _ => {
                self.listed.passed_over();
                return Ok(());
            }
        };
        match record.parse().map_err(|error| error.to_string())?.message {
            MrtMessage::TableDumpV2Message(TableDumpV2Message::PeerIndexTable(index)) => {
                self.close();
                self.listed.built_at(written.into());
                self.ballot.table(written);
                self.peers.begin(&index);
            }
            MrtMessage::TableDumpV2Message(TableDumpV2Message::RibAfi(rib)) => {
                // the parser stops at a damaged entry and says nothing
                if declared != Some(rib.rib_entries.len()) {
                    return Err("is damaged: entries are missing".into());
                }
                for entry in &rib.rib_entries {
                    let peer = self.peers.indexed(entry.peer_index)?;
                    self.route(&rib.prefix, peer, &entry.attributes)?;
                }
            }
            MrtMessage::TableDumpMessage(route) => {
                let peer = self
                    .peers
                    .named(route.peer_ip, Asn(route.peer_asn.into()))?;
                self.route(&route.prefix, peer, &route.attributes)?;
            }
            MrtMessage::TableDumpMessageBatch(routes) => {
                for route in routes {
                    let peer = self
                        .peers
                        .named(route.peer_ip, Asn(route.peer_asn.into()))?;
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
        (peer, asn): (u32, Option<Asn>),
        attributes: &Attributes,
    ) -> Result<(), String> {
        let Some(prefix) = announced(prefix) else {
            self.listed.passed_over();
            return Ok(());
        };
        if self.vote.as_ref().is_none_or(|(open, _)| *open != prefix) {
            self.close();
        }
        let (_, vote) = self.vote.get_or_insert_with(|| (prefix, Vote::default()));
        let announced = match attributes.effective_as_path() {
            Some(path) => {
                let is_ours = |asn: &Asn| self.own.contains(asn);
                let internal = asn.filter(|asn| is_ours(asn) || is_of_confederation(&path));
                AnnouncedPath::from_peer(&segments(&path), internal, self.own)
            }
            // no attribute is no empty one: nothing is known of the path
            None => AnnouncedPath::new(&[], self.own),
        };
        vote.add(Candidate {
            announced: announced.into(),
            voter: Voter::Number(peer),
        })
    }

    /// Ends the vote on the prefix before this one.
    fn close(&mut self) {
        if let Some((prefix, vote)) = self.vote.take() {
            self.ballot.close(prefix, vote, &mut self.listed);
        }
    }

    /// What was read.
    fn end(mut self) -> SourceBuilder {
        self.close();
        self.ballot.end(&mut self.listed);
        self.listed
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

/// A prefix as the parser gives it; none where IPv6 says something of mapped addresses, which would be
/// taken for IPv4 (RFC 6890).
fn announced(prefix: &NetworkPrefix) -> Option<Prefix> {
    let network = prefix.prefix;
    let family = if network.addr().is_ipv4() { 96 } else { 0 };
    let prefix = Prefix::new(network.addr().into(), family + network.prefix_len());
    let is_mapped = family == 0 && prefix.length() >= 96 && prefix.range().0.is_v4();
    (!is_mapped).then_some(prefix)
}

/// Whether a path leads through members of a confederation: who sends it is of the same one (RFC 5065
/// §4).
pub(super) fn is_of_confederation(path: &AsPath) -> bool {
    use AsPathSegment::{ConfedSequence, ConfedSet};
    let mut segments = path.segments.iter();
    segments.any(|segment| matches!(segment, ConfedSequence(_) | ConfedSet(_)))
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
