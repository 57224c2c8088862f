//! Routes as routers send them in BMP (RFC 7854): what their peers announce, live.
//!
//! A [`Feed`] is one source: it is told what came over which connection and when, and gives a table
//! in steps when asked for one. Owned by `app`, which listens, and lives from start to end of the daemon. It
//! does no I/O. Messages are read by bgpkit-parser.
//!
//! Adj-RIB-In (before and after policy) and Loc-RIB (RFC 9069) count; Adj-RIB-Out (RFC 8671) is
//! what the router says itself, and VPN instances are not the Internet: both are passed over. One peer
//! has one vote, however many views and routers show it, and so has each router that tells its own
//! choice; [`preference`] says which of their words counts. What a message that cannot be read has said
//! is lost, and counted; the connection stays, since the next message has its own length. Refuses routes
//! beyond a bound.

mod peers;
mod preference;
mod routes;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod update;

use super::mrt::{is_of_confederation, segments};
use super::vote::AnnouncedPath;
use crate::units::{Asn, Prefix, Timestamp};
use bgpkit_parser::bmp::messages::{
    BmpMsgType, BmpPeerType, BmpPerPeerHeader, PerPeerFlags, parse_bmp_common_header,
    parse_peer_up_notification, parse_per_peer_header,
};
use bytes::Bytes;
use peers::{Peer, PeerState, Peers, Session};
use preference::{PeerId, View};
use routes::Routes;
pub use state::{BmpStats, RouterRefusals, State};
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
pub use table::UnfinishedTable;
use update::{AddressFamily, MalformedUpdate, PathPrefix, Update};

/// Octets of a common header (RFC 7854 §4.1).
pub const HEADER: usize = 6;

/// Octets of a message: two BGP messages of the extended length (RFC 8654) and room beside them.
/// A bound against nonsense, not a measured limit.
const MAX_MESSAGE: usize = 1 << 18;

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
    /// Connections that were refused or closed: counted by whoever listens.
    pub refused_connections: RouterRefusals,
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
    /// Nothing announced yet. `own` numbers are left out of paths; routes are good for `stale` after
    /// their router has gone.
    pub fn new(own: &[Asn], stale: Duration) -> Self {
        Self {
            own: own.iter().copied().collect(),
            stale,
            peers: Peers::default(),
            routes: Routes::default(),
            stats: BmpStats::default(),
            refused_connections: RouterRefusals::default(),
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
        let over = self.peers.disconnected(router.0, now);
        self.stats.refused += over.len() as u64;
        self.forget(over);
    }

    /// Takes one message, whole. Whether the router has more to say.
    pub fn receive(&mut self, router: RouterId, message: &[u8], now: Timestamp) -> bool {
        self.last = Some(now);
        let taken = self.take(router, Bytes::copy_from_slice(message));
        taken.unwrap_or_else(|MalformedUpdate| {
            self.stats.malformed += 1;
            true
        })
    }

    fn take(&mut self, router: RouterId, mut message: Bytes) -> Result<bool, MalformedUpdate> {
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
        let Some(peer) = peer(&of_peer) else {
            self.stats.passed_over += 1;
            return Ok(true);
        };
        match kind {
            BmpMsgType::PeerUpNotification => self.peer_up(router, peer, &of_peer, &mut message),
            BmpMsgType::PeerDownNotification => {
                self.stats.peers_down += 1;
                for view in peer.views() {
                    let gone = self.peers.down(router.0, view);
                    self.forget(gone);
                }
            }
            _ => self.monitoring(router, peer, &of_peer, message)?,
        }
        Ok(true)
    }

    /// Takes a Peer Up. One that cannot be read tells nothing of the session, but that it is new.
    fn peer_up(
        &mut self,
        router: RouterId,
        peer: Peer,
        header: &BmpPerPeerHeader,
        message: &mut Bytes,
    ) {
        let (afi, length) = (header.afi(), header.asn_length());
        let up = parse_peer_up_notification(message, &afi, &length, Some(&header.peer_type));
        let session = match &up {
            Ok(up) => Session::new(up),
            Err(_) => Session::default(),
        };
        match up {
            Ok(_) => self.stats.peers_up += 1,
            Err(_) => self.stats.malformed += 1,
        }
        for view in peer.views() {
            let (had, is_there) = self.peers.up(router.0, view, header, session);
            self.stats.refused += u64::from(!is_there);
            self.forget(had);
        }
    }

    /// Takes a Route Monitoring message (RFC 7854 §4.6): an UPDATE, though some routers send several
    /// in one.
    fn monitoring(
        &mut self,
        router: RouterId,
        peer: Peer,
        header: &BmpPerPeerHeader,
        mut message: Bytes,
    ) -> Result<(), MalformedUpdate> {
        let Some(known) = self.peers.find_or_add(router.0, peer, header) else {
            self.stats.refused += 1;
            return Ok(());
        };
        loop {
            match update::next(&mut message)? {
                Some(body) => match Update::read(body, known.path_ids, header.asn_length()) {
                    Ok(update) => self.update(router, peer, &known, &update),
                    Err(MalformedUpdate) => self.stats.malformed += 1,
                },
                None => self.stats.passed_over += 1,
            }
            if message.is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes an UPDATE (RFC 4271 §4.3, RFC 4760) of a peer.
    fn update(&mut self, router: RouterId, peer: Peer, known: &PeerState, update: &Update) {
        let lists = update.reached.iter().chain(&update.gone);
        let has_none = lists.map(Vec::len).sum::<usize>() == 0;
        if has_none && update.has_peers && !update.is_malformed {
            self.stats.passed_over += 1;
            return;
        }
        self.stats.routes += 1;
        let stats = self.announced_path(peer, known, update);
        let is_lost = stats.is_none() && update.reached.iter().any(|list| !list.is_empty());
        self.stats.malformed += u64::from(update.is_malformed || is_lost);
        for family in AddressFamily::ALL {
            let place = family as usize;
            if update.end_of_rib.get(place) == Some(&true) {
                // what it said before its router came back and has not said again is gone
                let before = self.peers.end_of_rib(router.0, peer, family);
                self.forget(before);
            }
            let (Some(id), Some(gone), Some(reached)) = (
                known.ids.get(place),
                update.gone.get(place),
                update.reached.get(place),
            ) else {
                continue;
            };
            let before = self.peers.stale(router.0, peer, family);
            self.withdraw(*id, &before, gone);
            match &stats {
                Some(stats) => self.announce(*id, &before, reached, stats),
                // what comes with a path that cannot be read goes (RFC 7606 §7.2, §3 d)
                None => self.withdraw(*id, &before, reached),
            }
        }
    }

    /// The path that an UPDATE announces its prefixes with; none where it cannot be read.
    fn announced_path(
        &self,
        peer: Peer,
        known: &PeerState,
        update: &Update,
    ) -> Option<Arc<AnnouncedPath>> {
        let (segments, is_of_confederation) = match &update.path {
            Some(path) => (segments(path), is_of_confederation(path)),
            // a router's own choice has its own routes in it, which have no path yet
            None if peer.view == View::LocRib && !update.is_malformed => (Vec::new(), false),
            None => return None,
        };
        let is_ours = |asn: &Asn| self.own.contains(asn);
        let internal = known
            .asn
            .filter(|asn| known.is_internal || is_of_confederation || is_ours(asn));
        Some(Arc::new(AnnouncedPath::from_peer(
            &segments, internal, &self.own,
        )))
    }

    /// Takes routes, each in place of the one with its identifier, and of all that the same peer said
    /// of the prefix `before` its router came back.
    fn announce(
        &mut self,
        id: PeerId,
        before: &[PeerId],
        reached: &[PathPrefix],
        stats: &Arc<AnnouncedPath>,
    ) {
        for (prefix, path_id) in reached {
            self.drop_stale(before, *prefix);
            match self.routes.insert(*prefix, (id, *path_id), stats) {
                Some(is_new) => self.has_changed |= is_new,
                None => self.stats.refused += 1,
            }
        }
    }

    fn withdraw(&mut self, id: PeerId, before: &[PeerId], gone: &[PathPrefix]) {
        for (prefix, path_id) in gone {
            self.drop_stale(before, *prefix);
            self.has_changed |= self.routes.remove(*prefix, (id, *path_id));
        }
    }

    /// Drops what a peer said of a prefix before its router came back.
    fn drop_stale(&mut self, before: &[PeerId], prefix: Prefix) {
        for id in before {
            self.has_changed |= self.routes.remove_all(prefix, *id);
        }
    }

    /// Drops all routes of peers.
    fn forget(&mut self, peers: Vec<PeerId>) {
        for peer in peers {
            self.has_changed |= self.routes.forget(peer);
        }
    }

    /// Lets go of what has been stale for too long.
    pub fn expire(&mut self, now: Timestamp) {
        let over = self.peers.expire(now.minus(self.stale));
        self.forget(over);
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
            refused_connections: self.refused_connections,
            last: self.last,
        }
    }
}

/// Which view of which peer a message is about; none where that does not count.
fn peer(header: &BmpPerPeerHeader) -> Option<Peer> {
    let view = match (header.peer_type, header.peer_flags) {
        (BmpPeerType::Global | BmpPeerType::Local, PerPeerFlags::PeerFlags(flags)) => {
            match (flags.is_adj_rib_out(), flags.is_post_policy()) {
                (true, _) => None,
                (false, true) => Some(View::PostPolicy),
                (false, false) => Some(View::PrePolicy),
            }
        }
        (BmpPeerType::LocalRib, _) if header.peer_distinguisher == 0 => Some(View::LocRib),
        _ => None,
    };
    Some(Peer {
        address: header.peer_ip,
        distinguisher: header.peer_distinguisher,
        view: view?,
    })
}
