//! The peers of the tables in one file, each with one number however many tables name it.
//!
//! Lives while the file is read. Bounded by the files themselves: an index has 65535 peers at most.

use crate::units::Asn;
use bgpkit_parser::models::PeerIndexTable;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Peers of a file: twice what one index can have. A guess.
const MAX_PEERS: usize = 1 << 17;
const TOO_MANY: &str = "has more than 131072 different peers in all";

/// A peer's address, AS and BGP identifier (RFC 6396 §4.3.1); no identifier in TABLE_DUMP.
type Peer = (IpAddr, Asn, u32);

/// Peers by name, and those of the index in force.
#[derive(Debug, Default)]
pub(super) struct PeerIndex {
    numbers: HashMap<Peer, u32>,
    /// By index: number and AS.
    index: Vec<Option<(u32, Asn)>>,
}

impl PeerIndex {
    /// A peer index table: the records behind it refer to its peers.
    pub(super) fn begin(&mut self, table: &PeerIndexTable) {
        self.index.clear();
        for (index, peer) in &table.id_peer_map {
            let asn = Asn(peer.peer_asn.into());
            let name = (peer.peer_ip, asn, u32::from(peer.peer_bgp_id));
            let number = self.number(name);
            let index = usize::from(*index);
            if self.index.len() <= index {
                self.index.resize(index + 1, None);
            }
            if let Some(known) = self.index.get_mut(index) {
                *known = number.map(|number| (number, asn));
            }
        }
    }

    /// The peer with an index: its number, and its AS. One that no index table names has a number as
    /// well, and nobody knows its AS.
    ///
    /// # Errors
    /// That there are too many.
    pub(super) fn indexed(&mut self, index: u16) -> Result<(u32, Option<Asn>), String> {
        let known = self.index.get(usize::from(index)).copied();
        if let Some((number, asn)) = known.flatten() {
            return Ok((number, Some(asn)));
        }
        let nobody = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let number = self.number((nobody, Asn::NONE, index.into()));
        Ok((number.ok_or(TOO_MANY)?, None))
    }

    /// A peer of TABLE_DUMP, which has no index.
    ///
    /// # Errors
    /// As [`indexed`](Self::indexed).
    pub(super) fn named(
        &mut self,
        address: IpAddr,
        asn: Asn,
    ) -> Result<(u32, Option<Asn>), String> {
        let number = self.number((address, asn, 0));
        Ok((number.ok_or(TOO_MANY)?, Some(asn)))
    }

    fn number(&mut self, peer: Peer) -> Option<u32> {
        let next = self.numbers.len();
        if next >= MAX_PEERS && !self.numbers.contains_key(&peer) {
            return None;
        }
        let next = u32::try_from(next).ok()?;
        Some(*self.numbers.entry(peer).or_insert(next))
    }
}
