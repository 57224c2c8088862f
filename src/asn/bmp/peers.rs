//! The peers that routers speak of, and the routers.
//!
//! Owned by the [`Feed`](super::Feed). Numbers are never given twice, so that a peer that comes back
//! is told from what is left of it. Bounded.

use crate::units::{Address, Timestamp};
use bgpkit_parser::bmp::messages::PeerUpNotification;
use bgpkit_parser::models::capabilities::AddPathSendReceive;
use bgpkit_parser::models::{BgpMessage, CapabilityValue, ParamValue, Safi};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Peers of all routers: a large route reflector has some hundred. A guess.
const MAX_PEERS: usize = 4096;

/// A peer's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct PeerId(u32);

#[cfg(test)]
impl PeerId {
    pub(super) fn numbered(number: u32) -> Self {
        Self(number)
    }
}

/// One view of one peer over one connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Peer {
    /// The connection.
    pub(super) router: u32,
    /// The peer's address (RFC 7854 §4.2).
    pub(super) address: IpAddr,
    /// The instance it is in.
    pub(super) distinguisher: u64,
    /// Before policy, after it, or the router's own choice (RFC 9069).
    pub(super) view: u8,
}

impl Peer {
    /// All views of this peer that go up and down together: those before and after policy.
    pub(super) fn views(self) -> impl Iterator<Item = Self> {
        let views = if self.view == 2 { 2..=2 } else { 0..=1 };
        views.map(move |view| Self { view, ..self })
    }
}

/// What is known of a view of a peer.
#[derive(Clone, Copy, Debug)]
struct Known {
    id: PeerId,
    has_path_ids: bool,
    /// What it was before its router came back, until it has said everything again.
    before: Option<PeerId>,
}

/// Peers that are up, and those whose router has gone.
#[derive(Debug, Default)]
pub(super) struct Peers {
    routers: BTreeMap<u32, IpAddr>,
    known: BTreeMap<Peer, Known>,
    /// Views of routers that have gone, by address of the router, and since when.
    stale: BTreeMap<(IpAddr, Peer), (PeerId, Timestamp)>,
    voters: BTreeMap<PeerId, u128>,
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

    /// A connection has ended.
    pub(super) fn disconnected(&mut self, router: u32, now: Timestamp) {
        let Some(address) = self.routers.remove(&router) else {
            return;
        };
        let stale = &mut self.stale;
        self.known.retain(|peer, known| {
            let goes = peer.router == router;
            for id in [Some(known.id), known.before].into_iter().flatten() {
                if goes {
                    // the connection's number says nothing any more but that they are apart
                    let place = Peer {
                        router: id.0,
                        ..*peer
                    };
                    stale.insert((address, place), (id, now));
                }
            }
            !goes
        });
    }

    /// A peer is up: from now on its routes are said anew. The number of what it had.
    pub(super) fn up(&mut self, peer: &Peer, has_path_ids: bool) -> Option<PeerId> {
        let had = self.down(peer);
        self.add(peer, has_path_ids);
        had
    }

    /// A peer is down; the number of what it had.
    pub(super) fn down(&mut self, peer: &Peer) -> Option<PeerId> {
        let known = self.known.remove(peer)?;
        self.voters.remove(&known.id);
        if let Some(before) = known.before {
            self.mark_stale(peer, before);
        }
        Some(known.id)
    }

    /// What was before is let go of at the next occasion.
    fn mark_stale(&mut self, peer: &Peer, before: PeerId) {
        if let Some(address) = self.routers.get(&peer.router) {
            let place = Peer {
                router: before.0,
                ..*peer
            };
            self.stale
                .insert((*address, place), (before, Timestamp::default()));
        }
    }

    /// A peer says something: its number, and whether its routes have path identifiers. None where
    /// there is no room for one more.
    pub(super) fn speaking(&mut self, peer: &Peer) -> Option<(PeerId, bool)> {
        if let Some(known) = self.known.get(peer) {
            return Some((known.id, known.has_path_ids));
        }
        // a station that has missed the Peer Up does not know of path identifiers either
        Some((self.add(peer, false)?, false))
    }

    fn add(&mut self, peer: &Peer, has_path_ids: bool) -> Option<PeerId> {
        if self.known.len() + self.stale.len() >= MAX_PEERS {
            return None;
        }
        let address = *self.routers.get(&peer.router)?;
        let before = self.stale.keys().find(|(router, place)| {
            let same = Peer {
                router: peer.router,
                ..*place
            };
            *router == address && same == *peer
        });
        let before = before.copied().and_then(|place| self.stale.remove(&place));
        let id = PeerId(self.number());
        let known = Known {
            id,
            has_path_ids,
            before: before.map(|(before, _)| before),
        };
        self.known.insert(*peer, known);
        // an instance's own choice of routes is one more vote, whatever the zeros in its address
        let voter = Address::from(peer.address).number() ^ u128::from(peer.view == 2) << 127;
        self.voters.insert(id, voter);
        Some(id)
    }

    /// A peer has said everything: the number of what it was before.
    pub(super) fn is_complete(&mut self, peer: PeerId) -> Option<PeerId> {
        let known = self.known.values_mut().find(|known| known.id == peer)?;
        let before = known.before.take()?;
        self.voters.remove(&before);
        Some(before)
    }

    /// Whose vote a peer's is: two views of one peer, and one peer of two routers, have one.
    pub(super) fn voter(&self, peer: PeerId) -> u128 {
        self.voters
            .get(&peer)
            .copied()
            .unwrap_or(u128::from(peer.0))
    }

    /// Lets go of what has been stale since before `since`.
    pub(super) fn expire(&mut self, since: Timestamp) -> Vec<PeerId> {
        let (mut over, voters) = (Vec::new(), &mut self.voters);
        self.stale.retain(|_, (id, gone)| {
            let stays = *gone > since;
            if !stays {
                voters.remove(id);
                over.push(*id);
            }
            stays
        });
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

/// Whether the peer sends path identifiers with its unicast routes (RFC 7911 §4): it said that it
/// can, and the router that it wants them.
pub(super) fn has_path_ids(up: &PeerUpNotification) -> bool {
    use AddPathSendReceive::{Receive, Send, SendReceive};
    let says = |open: &BgpMessage, words: [AddPathSendReceive; 2]| {
        let BgpMessage::Open(open) = open else {
            return false;
        };
        let capabilities = open
            .opt_params
            .iter()
            .flat_map(|param| match &param.param_value {
                ParamValue::Capacities(capabilities) => capabilities.as_slice(),
                ParamValue::Raw(_) => &[],
            });
        let mut families = capabilities.flat_map(|capability| match &capability.value {
            CapabilityValue::AddPath(add_path) => add_path.address_families.as_slice(),
            _ => &[],
        });
        families.any(|family| family.safi == Safi::Unicast && words.contains(&family.send_receive))
    };
    says(&up.received_open, [Send, SendReceive]) && says(&up.sent_open, [Receive, SendReceive])
}
