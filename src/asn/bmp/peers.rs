//! Keeps the BGP peers that routers report on, and the connections of the routers.
//!
//! Owned by the [`Feed`](super::Feed). Numbers are never given twice, so that a peer that comes back
//! is told from what is left of it. What was said over a connection that has gone is stale: it stays
//! until the same peer says otherwise, or has said everything, or its time is over. Bounded.

use super::preference::{PeerId, RouteSource, View};
use super::update::AddressFamily;
use crate::asn::vote::Voter;
use crate::units::{Asn, Timestamp};
use bgpkit_parser::bmp::messages::{BmpPerPeerHeader, PeerUpNotification};
use bgpkit_parser::models::capabilities::AddPathSendReceive;
use bgpkit_parser::models::{Afi, BgpMessage, BgpOpenMessage, CapabilityValue, ParamValue, Safi};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// Views of peers of all routers, and as many again of those that have gone: a large route reflector has
/// some hundred peers. A guess.
const MAX_PEERS: usize = 4096;

/// Connections of a router whose routes are stale at a time: one that comes and goes sooner than it has
/// said everything. A guess.
const MAX_STALE: usize = 4;

/// One view of one peer of one router.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Peer {
    /// The peer's address (RFC 7854 §4.2).
    pub(super) address: IpAddr,
    /// Its route distinguisher (RFC 7854 §4.2).
    pub(super) distinguisher: u64,
    pub(super) view: View,
}

impl Peer {
    /// All views of this peer that go up and down together: those before and after policy.
    pub(super) fn views(self) -> impl Iterator<Item = Self> {
        let views = match self.view {
            View::LocRib => &[View::LocRib][..],
            View::PrePolicy | View::PostPolicy => &[View::PrePolicy, View::PostPolicy],
        };
        views.iter().map(move |view| Self {
            view: *view,
            ..self
        })
    }
}

/// A BGP session, as its Peer Up describes it (RFC 7854 §4.10).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Session {
    /// By family, whether prefixes have path identifiers.
    pub(super) path_ids: [bool; 2],
    /// The router's own AS.
    router: Option<Asn>,
}

/// What is known of a view of a peer whose router is connected.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerState {
    /// By family.
    pub(super) ids: [PeerId; 2],
    pub(super) path_ids: [bool; 2],
    /// Its AS; of a router's own choice the router's.
    pub(super) asn: Option<Asn>,
    /// The router is of the same AS.
    pub(super) is_internal: bool,
}

/// What is left of a view of a peer.
#[derive(Clone, Copy, Debug)]
struct Stale {
    /// By family; none where all was said again.
    ids: [Option<PeerId>; 2],
    since: Timestamp,
}

/// Peers that are up, and those whose router has gone.
#[derive(Debug, Default)]
pub(super) struct Peers {
    routers: BTreeMap<u32, IpAddr>,
    known: BTreeMap<(u32, Peer), PeerState>,
    /// Views of routers that have gone, by address of the router; the oldest first.
    stale: BTreeMap<(IpAddr, Peer), Vec<Stale>>,
    sources: HashMap<PeerId, RouteSource>,
    next: u32,
}

impl Peers {
    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// A connection's number.
    pub(super) fn connected(&mut self, router: IpAddr) -> u32 {
        let number = self.number();
        self.routers.insert(number, router);
        number
    }

    /// A connection has ended. The numbers of what there is no room for any more.
    pub(super) fn disconnected(&mut self, router: u32, now: Timestamp) -> Vec<PeerId> {
        let Some(address) = self.routers.remove(&router) else {
            return Vec::new();
        };
        let Self {
            known,
            stale,
            sources,
            ..
        } = self;
        let mut over = Vec::new();
        known.retain(|(of, peer), known| {
            if *of != router {
                return true;
            }
            for id in known.ids {
                if let Some(source) = sources.get_mut(&id) {
                    source.is_current = false;
                }
            }
            if stale.len() >= MAX_PEERS && !stale.contains_key(&(address, *peer)) {
                over.extend(known.ids);
                return false;
            }
            let before = stale.entry((address, *peer)).or_default();
            before.push(Stale {
                ids: known.ids.map(Some),
                since: now,
            });
            if before.len() > MAX_STALE {
                over.extend(before.remove(0).ids.into_iter().flatten());
            }
            false
        });
        for id in &over {
            sources.remove(id);
        }
        over
    }

    /// A peer is up: from now on its routes are said anew. The numbers of what it had over this
    /// connection, and whether there is room for it.
    pub(super) fn up(
        &mut self,
        router: u32,
        peer: Peer,
        header: &BmpPerPeerHeader,
        session: Session,
    ) -> (Vec<PeerId>, bool) {
        let had = self.known.remove(&(router, peer));
        let had: Vec<PeerId> = had.into_iter().flat_map(|known| known.ids).collect();
        for id in &had {
            self.sources.remove(id);
        }
        let is_there = self.add(router, peer, header, session).is_some();
        (had, is_there)
    }

    /// A peer is down; the numbers of what it had.
    pub(super) fn down(&mut self, router: u32, peer: Peer) -> Vec<PeerId> {
        let known = self.known.remove(&(router, peer));
        let stale = self.routers.get(&router);
        let stale = stale.and_then(|address| self.stale.remove(&(*address, peer)));
        let stale = stale.into_iter().flatten().flat_map(|stale| stale.ids);
        let known = known.into_iter().flat_map(|known| known.ids);
        let gone: Vec<PeerId> = known.chain(stale.flatten()).collect();
        for id in &gone {
            self.sources.remove(id);
        }
        gone
    }

    /// A peer says something. None where there is no room for one more.
    pub(super) fn find_or_add(
        &mut self,
        router: u32,
        peer: Peer,
        header: &BmpPerPeerHeader,
    ) -> Option<PeerState> {
        if let Some(known) = self.known.get(&(router, peer)) {
            return Some(*known);
        }
        // a station that has missed the Peer Up does not know of path identifiers either
        self.add(router, peer, header, Session::default())
    }

    fn add(
        &mut self,
        router: u32,
        peer: Peer,
        header: &BmpPerPeerHeader,
        session: Session,
    ) -> Option<PeerState> {
        if self.known.len() >= MAX_PEERS {
            return None;
        }
        let address = *self.routers.get(&router)?;
        let (asn, identifier) = (Asn(header.peer_asn.into()), header.peer_bgp_id.into());
        // the peer of a router's own choice is the router: RFC 9069 §4.1 leaves it without an address
        let voter = match (peer.view, identifier) {
            (View::LocRib, 0) => Voter::Connection(router),
            (View::LocRib, _) => Voter::Router(address, identifier),
            (View::PrePolicy | View::PostPolicy, _) => Voter::Peer(peer.address, asn, identifier),
        };
        let known = PeerState {
            ids: [PeerId(self.number()), PeerId(self.number())],
            path_ids: session.path_ids,
            asn: match peer.view {
                View::LocRib => Some(asn).filter(|asn| *asn != Asn::NONE).or(session.router),
                View::PrePolicy | View::PostPolicy => Some(asn),
            },
            is_internal: peer.view == View::LocRib || session.router == Some(asn),
        };
        for id in known.ids {
            let source = RouteSource {
                voter,
                router,
                view: peer.view,
                is_current: true,
                id,
            };
            self.sources.insert(id, source);
        }
        self.known.insert((router, peer), known);
        Some(known)
    }

    /// The numbers of what a peer said of a family before its router came back, and has not said
    /// again.
    pub(super) fn stale(&self, router: u32, peer: Peer, family: AddressFamily) -> Vec<PeerId> {
        let address = self.routers.get(&router);
        let stale = address.and_then(|address| self.stale.get(&(*address, peer)));
        let stale = stale.into_iter().flatten();
        let ids = stale.filter_map(|stale| stale.ids.get(family as usize).copied());
        ids.flatten().collect()
    }

    /// A peer has said everything of a family: the numbers of what it said before.
    pub(super) fn end_of_rib(
        &mut self,
        router: u32,
        peer: Peer,
        family: AddressFamily,
    ) -> Vec<PeerId> {
        let before = self.stale(router, peer, family);
        let address = self.routers.get(&router);
        if let Some(place) = address.map(|address| (*address, peer))
            && let Some(stale) = self.stale.get_mut(&place)
        {
            for id in stale
                .iter_mut()
                .filter_map(|it| it.ids.get_mut(family as usize))
            {
                *id = None;
            }
            stale.retain(|stale| stale.ids.iter().any(Option::is_some));
            if stale.is_empty() {
                self.stale.remove(&place);
            }
        }
        for id in &before {
            self.sources.remove(id);
        }
        before
    }

    /// The source of the routes under this number.
    pub(super) fn source(&self, id: PeerId) -> Option<RouteSource> {
        self.sources.get(&id).copied()
    }

    /// Lets go of what has been stale since before `since`.
    pub(super) fn expire(&mut self, since: Timestamp) -> Vec<PeerId> {
        let (mut over, sources) = (Vec::new(), &mut self.sources);
        self.stale.retain(|_, stale| {
            stale.retain(|stale| {
                let stays = stale.since > since;
                if !stays {
                    over.extend(stale.ids.into_iter().flatten());
                }
                stays
            });
            !stale.is_empty()
        });
        for id in &over {
            sources.remove(id);
        }
        over
    }

    /// Routers connected.
    pub(super) fn routers(&self) -> usize {
        self.routers.len()
    }

    /// Views of peers, stale ones too.
    pub(super) fn len(&self) -> usize {
        self.known.len() + self.stale.len()
    }
}

impl Session {
    /// What the two OPEN messages say. A peer sends path identifiers (RFC 7911 §4) if it said that it
    /// can, and the router that it wants them.
    pub(super) fn new(up: &PeerUpNotification) -> Self {
        use AddPathSendReceive::{Receive, Send, SendReceive};
        let (BgpMessage::Open(sent), BgpMessage::Open(received)) =
            (&up.sent_open, &up.received_open)
        else {
            return Self::default();
        };
        let says = |open: &BgpOpenMessage, afi: Afi, words: [AddPathSendReceive; 2]| {
            let mut families = capabilities(open).filter_map(|capability| match capability {
                CapabilityValue::AddPath(add_path) => Some(&add_path.address_families),
                _ => None,
            });
            families.any(|families| {
                let mut families = families.iter();
                families.any(|it| {
                    it.afi == afi && it.safi == Safi::Unicast && words.contains(&it.send_receive)
                })
            })
        };
        let path_ids = [Afi::Ipv4, Afi::Ipv6].map(|afi| {
            says(received, afi, [Send, SendReceive]) && says(sent, afi, [Receive, SendReceive])
        });
        let mut long = capabilities(sent).filter_map(|capability| match capability {
            CapabilityValue::FourOctetAs(long) => Some(Asn(long.asn)),
            _ => None,
        });
        let router = long.next().unwrap_or(Asn(sent.asn.into()));
        Self {
            path_ids,
            router: Some(router),
        }
    }
}

fn capabilities(open: &BgpOpenMessage) -> impl Iterator<Item = &CapabilityValue> {
    let params = open.opt_params.iter();
    let lists = params.flat_map(|param| match &param.param_value {
        ParamValue::Capacities(capabilities) => capabilities.as_slice(),
        ParamValue::Raw(_) => &[],
    });
    lists.map(|capability| &capability.value)
}
