//! Parses an UPDATE (RFC 4271 §4.3): the prefixes that it announces and withdraws, and their path.
//!
//! ```text
//! | Withdrawn Routes Length (2) | Withdrawn Routes | Total Path Attribute Length (2) | Path Attributes | NLRI |
//! ```
//!
//! Path attributes are read by bgpkit-parser. Prefixes are read here: whether each has a path identifier
//! before it (RFC 7911) stands nowhere in the message, and who reads them wrong reads other prefixes. No
//! state. Refuses what does not add up.

use crate::units::{Address, Prefix};
use bgpkit_parser::bgp::attributes::parse_attributes;
use bgpkit_parser::error::BgpValidationWarning;
use bgpkit_parser::models::{AsPath, AsnLength, AttrType, Attributes};
use bytes::{Buf, Bytes};

/// Octets of a message's header: marker, length, type (RFC 4271 §4.1).
const HEADER: usize = 19;

/// The type of an UPDATE.
const UPDATE: u8 = 2;

/// Attributes with prefixes in them (RFC 4760).
const MP_REACH_NLRI: u8 = 14;
const MP_UNREACH_NLRI: u8 = 15;

/// The flag of an attribute with a length of two octets.
const EXTENDED_LENGTH: u8 = 0x10;

/// Unicast (RFC 4760 §6).
const UNICAST: u8 = 1;

/// What cannot be read.
#[derive(Debug)]
pub(super) struct MalformedUpdate;

impl<E: std::error::Error> From<E> for MalformedUpdate {
    fn from(_: E) -> Self {
        Self
    }
}

/// An address family.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum AddressFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl AddressFamily {
    /// Both of them.
    pub(super) const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// By its number (AFI).
    fn numbered(afi: u16) -> Option<Self> {
        match afi {
            1 => Some(Self::V4),
            2 => Some(Self::V6),
            _ => None,
        }
    }

    /// Its longest prefix.
    const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    fn prefix(self, octets: &[u8], length: u8) -> Option<Prefix> {
        let (address, before) = match self {
            Self::V4 => (Address::v4(padded(octets)), 96),
            Self::V6 => (Address::v6(padded(octets)), 0),
        };
        let prefix = Prefix::new(address, before + length);
        // what an IPv6 route says of mapped addresses would be taken for IPv4 (RFC 6890)
        let is_mapped = self == Self::V6 && length >= 96 && prefix.range().0.is_v4();
        (!is_mapped).then_some(prefix)
    }
}

fn padded<const N: usize>(octets: &[u8]) -> [u8; N] {
    let mut padded = [0; N];
    for (to, from) in padded.iter_mut().zip(octets) {
        *to = *from;
    }
    padded
}

/// A prefix and its path identifier; 0 where it has none.
pub(super) type PathPrefix = (Prefix, u32);

/// An UPDATE, as far as it is used.
#[derive(Debug, Default)]
pub(super) struct Update {
    /// Prefixes that come, by family.
    pub(super) reached: [Vec<PathPrefix>; 2],
    /// Prefixes that go, by family.
    pub(super) gone: [Vec<PathPrefix>; 2],
    /// It marks the end of what there is of these families (RFC 4724 §2).
    pub(super) end_of_rib: [bool; 2],
    /// It has prefixes of other families.
    pub(super) has_peers: bool,
    /// The path to what comes; none where it cannot be read, or there is none.
    pub(super) path: Option<AsPath>,
    /// Some of it cannot be read.
    pub(super) is_malformed: bool,
}

/// The next BGP message of several one behind the other, as an UPDATE's body; none if it is another.
pub(super) fn next(octets: &mut Bytes) -> Result<Option<Bytes>, MalformedUpdate> {
    let [.., high, low, kind] = *octets.first_chunk::<HEADER>().ok_or(MalformedUpdate)?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < HEADER || length > octets.len() {
        return Err(MalformedUpdate);
    }
    let mut message = octets.split_to(length);
    message.advance(HEADER);
    Ok((kind == UPDATE).then_some(message))
}

impl Update {
    /// Reads an UPDATE's body; `path_ids` tells of each family whether its prefixes should have path
    /// identifiers.
    pub(super) fn read(
        mut body: Bytes,
        path_ids: [bool; 2],
        asns: AsnLength,
    ) -> Result<Self, MalformedUpdate> {
        let withdrawn = counted(&mut body)?;
        let attributes = counted(&mut body)?;
        let mut update = Self::default();
        if withdrawn.is_empty() && attributes.is_empty() && body.is_empty() {
            update.end_of_rib = [true, false];
            return Ok(update);
        }
        let mut gone = Vec::new();
        gone.push((AddressFamily::V4, withdrawn));
        let mut reached = vec![(AddressFamily::V4, body)];
        update.families(&attributes, &mut reached, &mut gone);
        for (lists, to) in [(reached, &mut update.reached), (gone, &mut update.gone)] {
            for (family, list) in lists {
                let has_ids = path_ids.get(family as usize).copied().unwrap_or(false);
                match (
                    prefixes(&list, family, has_ids),
                    to.get_mut(family as usize),
                ) {
                    (Some(entries), Some(to)) => to.extend(entries),
                    _ => update.is_malformed = true,
                }
            }
        }
        update.attributes(attributes, asns);
        Ok(update)
    }

    /// Finds the prefixes of RFC 4760 among the attributes.
    fn families(
        &mut self,
        attributes: &Bytes,
        reached: &mut Vec<(AddressFamily, Bytes)>,
        gone: &mut Vec<(AddressFamily, Bytes)>,
    ) {
        let mut rest = attributes.clone();
        let (mut only, mut count) = (None, 0);
        while let Some((kind, value)) = attribute(&mut rest) {
            count += 1;
            let found = match kind {
                MP_REACH_NLRI => Multiprotocol::reached(value),
                MP_UNREACH_NLRI => Multiprotocol::withdrawn(value),
                _ => continue,
            };
            match found {
                None => self.is_malformed = true,
                Some(Multiprotocol { family: None, .. }) => self.has_peers = true,
                Some(Multiprotocol {
                    family: Some(family),
                    list,
                }) => {
                    if kind == MP_UNREACH_NLRI && list.is_empty() {
                        only = Some(family);
                    }
                    let to = if kind == MP_REACH_NLRI {
                        &mut *reached
                    } else {
                        &mut *gone
                    };
                    to.push((family, list));
                }
            }
        }
        self.is_malformed |= !rest.is_empty();
        let lists = reached.iter().chain(gone.iter());
        let is_marker = count == 1 && lists.map(|(_, list)| list).all(Bytes::is_empty);
        if let (true, Some(family)) = (is_marker, only)
            && let Some(marker) = self.end_of_rib.get_mut(family as usize)
        {
            *marker = true;
        }
    }

    /// Reads the path, and notes what is odd with the attributes.
    fn attributes(&mut self, attributes: Bytes, asns: AsnLength) {
        // the library guesses at path identifiers: what it makes of prefixes is not looked at
        let Ok(attributes) = parse_attributes(attributes, &asns, false, None, None, None) else {
            self.is_malformed = true;
            return;
        };
        let mut warnings = attributes.validation_warnings().iter();
        self.is_malformed |= warnings.any(is_about_path);
        self.path = path(&attributes);
    }
}

/// The path of a route: whole, or none.
fn path(attributes: &Attributes) -> Option<AsPath> {
    let mut warnings = attributes.validation_warnings().iter();
    if warnings.any(is_about_path) {
        return None;
    }
    attributes.effective_as_path()
}

/// Whether what is odd with an UPDATE keeps the path from us. Much is odd with what routers send that
/// makes no difference here: flags, a next hop that stands elsewhere (RFC 7606).
fn is_about_path(warning: &BgpValidationWarning) -> bool {
    use BgpValidationWarning::{
        AttributeLengthError, MalformedAsPath, MalformedAttributeList, OptionalAttributeError,
        PartialAttributeError,
    };
    match warning {
        MalformedAsPath { .. } | MalformedAttributeList { .. } => true,
        AttributeLengthError { attr_type, .. }
        | OptionalAttributeError { attr_type, .. }
        | PartialAttributeError { attr_type, .. } => {
            matches!(attr_type, AttrType::AS_PATH | AttrType::AS4_PATH)
        }
        _ => false,
    }
}

/// Octets behind their own number, which is of two octets.
fn counted(body: &mut Bytes) -> Result<Bytes, MalformedUpdate> {
    let length = usize::from(u16::from_be_bytes(
        *body.first_chunk().ok_or(MalformedUpdate)?,
    ));
    body.advance(2);
    if length > body.len() {
        return Err(MalformedUpdate);
    }
    Ok(body.split_to(length))
}

/// Code and value of the next attribute (RFC 4271 §4.3); none where they end, or do not add up.
fn attribute(rest: &mut Bytes) -> Option<(u8, Bytes)> {
    let &[flags, kind, low] = rest.first_chunk()?;
    let (header, length) = if flags & EXTENDED_LENGTH == 0 {
        (3, usize::from(low))
    } else {
        let &[.., high, low] = rest.first_chunk::<4>()?;
        (4, usize::from(u16::from_be_bytes([high, low])))
    };
    if header + length > rest.len() {
        return None;
    }
    rest.advance(header);
    Some((kind, rest.split_to(length)))
}

/// The prefixes in an attribute of RFC 4760.
struct Multiprotocol {
    /// None where they are no unicast routes of the Internet.
    family: Option<AddressFamily>,
    list: Bytes,
}

impl Multiprotocol {
    /// MP_REACH_NLRI: family, next hop behind its length, a reserved octet, prefixes.
    fn reached(value: Bytes) -> Option<Self> {
        let mut found = Self::withdrawn(value)?;
        let next_hop = usize::from(*found.list.first()?);
        if found.list.len() < next_hop + 2 {
            return None;
        }
        found.list.advance(next_hop + 2);
        Some(found)
    }

    /// MP_UNREACH_NLRI: family, prefixes.
    fn withdrawn(mut value: Bytes) -> Option<Self> {
        let &[high, low, subsequent] = value.first_chunk()?;
        let family = AddressFamily::numbered(u16::from_be_bytes([high, low]));
        value.advance(3);
        Some(Self {
            family: family.filter(|_| subsequent == UNICAST),
            list: value,
        })
    }
}

/// The prefixes of a list, all or none. Routers err about path identifiers: some send them where they
/// have not announced them, and some the other way round. The first is told by its nonsense: a list that
/// begins with two default routes is none, but one whose first identifier is below 65536. The second is
/// told by a list that adds up only without.
fn prefixes(list: &[u8], family: AddressFamily, has_ids: bool) -> Option<Vec<PathPrefix>> {
    if has_ids || list.starts_with(&[0, 0]) {
        let read = read_prefixes(list, family, true);
        if read.is_some() || list.first() == Some(&0) {
            return read;
        }
    }
    read_prefixes(list, family, false)
}

fn read_prefixes(mut list: &[u8], family: AddressFamily, has_ids: bool) -> Option<Vec<PathPrefix>> {
    let mut entries = Vec::new();
    while !list.is_empty() {
        let mut id = 0;
        if has_ids {
            let (octets, rest) = list.split_first_chunk()?;
            (id, list) = (u32::from_be_bytes(*octets), rest);
        }
        let (&length, rest) = list.split_first()?;
        if length > family.bits() {
            return None;
        }
        let (octets, rest) = rest.split_at_checked(usize::from(length).div_ceil(8))?;
        entries.push((family.prefix(octets, length)?, id));
        list = rest;
    }
    Some(entries)
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
