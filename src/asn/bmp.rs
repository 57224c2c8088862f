//! Routes as routers send them in BMP (RFC 7854): what their peers announce, live.
//!
//! A [`Feed`] is one source: it is told what came over which connection and when, and gives a table
//! in steps when asked for one. Owned by `app`, which listens, and lives from start to end of the daemon. It
//! does no I/O. Messages are read by bgpkit-parser.
//!
//! Adj-RIB-In (before and after policy) and Loc-RIB (RFC 9069) count; Adj-RIB-Out (RFC 8671) is
//! what the router says itself, and VPN instances are not the Internet: both are passed over. Two
//! views of one peer have one vote. What a message that cannot be read has said is lost, and
//! counted; the connection stays, since the next message has its own length. Refuses routes beyond
//! a bound.

mod peers;
mod routes;
#[cfg(test)]
mod tests;

use super::SourceTable;
use super::listed::Listed;
use super::memory::{InMemory, Loaded};
use super::mrt::{announced, segments};
use super::vote::HeardPath;
use crate::units::{Asn, Prefix, Timestamp};
use bgpkit_parser::bgp::parse_bgp_message;
use bgpkit_parser::bmp::messages::{
    BmpMsgType, BmpPeerType, PerPeerFlags, parse_bmp_common_header, parse_peer_up_notification,
    parse_per_peer_header,
};
use bgpkit_parser::error::BgpValidationWarning;
use bgpkit_parser::models::{
    AttributeValue, BgpMessage, BgpUpdateMessage, NetworkPrefix, Nlri, Safi,
};
use bytes::Bytes;
use peers::{Peer, PeerId, Peers};
use routes::Routes;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Octets of a common header (RFC 7854 §4.1).
pub const HEADER: usize = 6;

/// Octets of a message: two BGP messages of the extended length (RFC 8654) and room beside them.
/// A bound against nonsense, not a measured limit.
const MAX_MESSAGE: usize = 1 << 18;

/// What came, by what became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BmpStats {
    /// Route Monitoring, taken.
    pub routes: u64,
    /// Peer Up.
    pub peers_up: u64,
    /// Peer Down.
    pub peers_down: u64,
    /// Initiation, Termination, statistics, mirrored messages, and views that do not count.
    pub passed_over: u64,
    /// Could not be read, whole or in part.
    pub malformed: u64,
    /// Routes and peers beyond the bounds.
    pub refused: u64,
}

/// What a source of this kind is like at the moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// Routers connected.
    pub routers: usize,
    /// Their peers, and those of routers that have gone not long ago.
    pub peers: usize,
    /// Routes of all peers.
    pub routes: usize,
    /// What came so far.
    pub stats: BmpStats,
    /// When a router last said something.
    pub last: Option<Timestamp>,
}

/// A connection, by its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RouterId(u32);

/// What all routers of one source say.
#[derive(Debug)]
pub struct Feed {
    own: HashSet<Asn>,
    stale: Duration,
    peers: Peers,
    routes: Routes,
    stats: BmpStats,
    last: Option<Timestamp>,
    has_changed: bool,
}

/// How long a message is, from its common header.
///
/// # Errors
/// What is wrong with it: the connection cannot go on, since nothing says where the next begins.
pub fn length(header: [u8; HEADER]) -> Result<usize, String> {
    let [version, length @ .., _kind] = header;
    let length = u32::from_be_bytes(length) as usize;
    if version != 3 {
        Err(format!("BMP version {version} is not 3"))
    } else if !(HEADER..=MAX_MESSAGE).contains(&length) {
        Err(format!("a BMP message of {length} octets"))
    } else {
        Ok(length)
    }
}

impl Feed {
    /// Nothing heard yet. `own` numbers are left out of paths; routes are good for `stale` after
    /// their router has gone.
    pub fn new(own: &[Asn], stale: Duration) -> Self {
        Self {
            own: own.iter().copied().collect(),
            stale,
            peers: Peers::default(),
            routes: Routes::default(),
            stats: BmpStats::default(),
            last: None,
            has_changed: false,
        }
    }

    /// A router has connected.
    pub fn connected(&mut self, router: IpAddr) -> RouterId {
        RouterId(self.peers.connected(router))
    }

    /// A router has gone; what it said stays for a while.
    pub fn disconnected(&mut self, router: RouterId, now: Timestamp) {
        self.peers.disconnected(router.0, now);
    }

    /// Takes one message, whole. Whether the router has more to say.
    pub fn hear(&mut self, router: RouterId, message: &[u8], now: Timestamp) -> bool {
        self.last = Some(now);
        let taken = self.take(router, Bytes::copy_from_slice(message));
        taken.unwrap_or_else(|Unread| {
            self.stats.malformed += 1;
            true
        })
    }

    fn take(&mut self, router: RouterId, mut message: Bytes) -> Result<bool, Unread> {
        let header = parse_bmp_common_header(&mut message)?;
        let kind = header.msg_type;
        let of_peer = match kind {
            BmpMsgType::RouteMonitoring
            | BmpMsgType::PeerUpNotification
            | BmpMsgType::PeerDownNotification => parse_per_peer_header(&mut message)?,
            BmpMsgType::TerminationMessage => {
                self.stats.passed_over += 1;
                return Ok(false);
            }
            BmpMsgType::StatisticsReport
            | BmpMsgType::InitiationMessage
            | BmpMsgType::RouteMirroringMessage => {
                self.stats.passed_over += 1;
                return Ok(true);
            }
        };
        let counts = match (of_peer.peer_type, of_peer.peer_flags) {
            (BmpPeerType::Global | BmpPeerType::Local, PerPeerFlags::PeerFlags(flags)) => {
                !flags.is_adj_rib_out()
            }
            (kind, _) => kind == BmpPeerType::LocalRib && of_peer.peer_distinguisher == 0,
        };
        if !counts {
            self.stats.passed_over += 1;
            return Ok(true);
        }
        let peer = Peer {
            router: router.0,
            address: of_peer.peer_ip,
            distinguisher: of_peer.peer_distinguisher,
            view: match of_peer.peer_flags {
                PerPeerFlags::PeerFlags(flags) => flags.is_post_policy().into(),
                PerPeerFlags::LocalRibPeerFlags(_) => 2,
            },
        };
        match kind {
            BmpMsgType::PeerUpNotification => {
                let (afi, length) = (of_peer.afi(), of_peer.asn_length());
                let up = parse_peer_up_notification(
                    &mut message,
                    &afi,
                    &length,
                    Some(&of_peer.peer_type),
                )?;
                self.stats.peers_up += 1;
                let has_path_ids = peers::has_path_ids(&up);
                for view in peer.views() {
                    let before = self.peers.up(&view, has_path_ids);
                    self.forget(before);
                }
            }
            BmpMsgType::PeerDownNotification => {
                self.stats.peers_down += 1;
                for view in peer.views() {
                    let gone = self.peers.down(&view);
                    self.forget(gone);
                }
            }
            _ => {
                let Some((id, has_path_ids)) = self.peers.speaking(&peer) else {
                    self.stats.refused += 1;
                    return Ok(true);
                };
                match parse_bgp_message(&mut message, has_path_ids, &of_peer.asn_length())? {
                    BgpMessage::Update(update) => self.update(id, &update),
                    _ => self.stats.passed_over += 1,
                }
            }
        }
        Ok(true)
    }

    /// Takes an UPDATE (RFC 4271 §4.3, RFC 4760) of a peer.
    fn update(&mut self, peer: PeerId, update: &BgpUpdateMessage) {
        self.stats.routes += 1;
        if update.is_end_of_rib() {
            // what it said before its router came back and has not said again is gone
            let stale = self.peers.is_complete(peer);
            self.forget(stale);
            return;
        }
        let attributes = &update.attributes;
        let mut warnings = attributes.validation_warnings().iter();
        if warnings.any(is_about_routes) {
            self.stats.malformed += 1;
        }
        let unicast = |nlri: &&Nlri| nlri.safi == Safi::Unicast;
        let (mut reached, mut gone) = (Vec::new(), Vec::new());
        reached.extend(&update.announced_prefixes);
        gone.extend(&update.withdrawn_prefixes);
        for attribute in attributes {
            match attribute {
                AttributeValue::MpReachNlri(nlri) => {
                    reached.extend(
                        Some(nlri)
                            .filter(unicast)
                            .iter()
                            .flat_map(|it| &it.prefixes),
                    );
                }
                AttributeValue::MpUnreachNlri(nlri) => {
                    gone.extend(
                        Some(nlri)
                            .filter(unicast)
                            .iter()
                            .flat_map(|it| &it.prefixes),
                    );
                }
                _ => {}
            }
        }
        for prefix in gone {
            self.has_changed |= self.routes.remove(announced(prefix), key(peer, prefix));
        }
        if reached.is_empty() {
            return;
        }
        let path = attributes.effective_as_path();
        let segments = path.as_ref().map(segments).unwrap_or_default();
        let stats = Arc::new(HeardPath::new(&segments, &self.own));
        for prefix in reached {
            match self
                .routes
                .insert(announced(prefix), key(peer, prefix), &stats)
            {
                Some(is_new) => self.has_changed |= is_new,
                None => self.stats.refused += 1,
            }
        }
    }

    /// Drops all routes of a peer.
    fn forget(&mut self, peer: Option<PeerId>) {
        if let Some(peer) = peer {
            self.has_changed |= self.routes.forget(peer);
        }
    }

    /// Lets go of what has been stale for too long.
    pub fn expire(&mut self, now: Timestamp) {
        for peer in self.peers.expire(now.minus(self.stale)) {
            self.has_changed |= self.routes.forget(peer);
        }
    }

    /// Whether a table made now would differ from the last one taken.
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// How it stands.
    pub fn state(&self) -> State {
        State {
            routers: self.peers.routers(),
            peers: self.peers.len(),
            routes: self.routes.len(),
            stats: self.stats,
            last: self.last,
        }
    }

    /// Begins a table of what is known: for each prefix what most peers say. Whatever is new from
    /// now on is for the next one.
    pub fn begin_table(&mut self, now: Timestamp) -> UnfinishedTable {
        self.has_changed = false;
        UnfinishedTable {
            listed: Listed::default(),
            shard: 0,
            loaded: Loaded {
                written: self.last,
                begun: now,
                done: None,
            },
        }
    }

    /// Takes the votes on some of the prefixes into a table; whether there are more. Others may be
    /// told something in between: what has changed then is for the next table.
    pub fn extend_table(&mut self, table: &mut UnfinishedTable) -> bool {
        let (peers, listed) = (&self.peers, &mut table.listed);
        self.routes.votes(
            table.shard,
            |id| peers.voter(id),
            |prefix: Prefix, verdict| listed.add_voted(prefix, verdict),
        );
        table.shard += 1;
        table.shard < routes::SHARDS
    }
}

/// A table of a BMP source that is being made, in steps: to vote on a whole table takes seconds,
/// which nobody who waits for the feed has.
#[derive(Debug)]
pub struct UnfinishedTable {
    listed: Listed,
    /// The next part of the prefixes.
    shard: usize,
    loaded: Loaded,
}

impl UnfinishedTable {
    /// The table; `name` is the source's.
    pub fn finish(self, name: &str, now: impl Fn() -> Timestamp) -> SourceTable {
        let mut table = InMemory::new(name, "bmp", self.listed.finish(), self.loaded);
        table.loaded.done = Some(now());
        SourceTable(Arc::new(table))
    }
}

/// A route's key beside its prefix: who says it, and which of its routes it is (RFC 7911).
fn key(peer: PeerId, prefix: &NetworkPrefix) -> (PeerId, u32) {
    (peer, prefix.path_id.unwrap_or(0))
}

/// Whether what is odd with an UPDATE keeps routes from us. Much is odd with what routers send
/// that makes no difference here: flags, a next hop that stands elsewhere (RFC 7606).
fn is_about_routes(warning: &BgpValidationWarning) -> bool {
    use BgpValidationWarning::{MalformedAsPath, MalformedAttributeList, MalformedNlri};
    matches!(
        warning,
        MalformedAsPath { .. } | MalformedAttributeList { .. } | MalformedNlri { .. }
    )
}

/// A message that cannot be read.
struct Unread;

impl<E: std::error::Error> From<E> for Unread {
    fn from(_: E) -> Self {
        Self
    }
}
