//! Facts about media from signalling: what the dialogs of SIP agree on, from datagrams, from fragments
//! of datagrams and from TCP segments.
//!
//! One [`Signalling`] per worker. Every worker observes all SIP, whichever worker counts it. A fact may
//! confirm a stream, or give its codec or clock rate; it never removes one (MODEL §4.3). All state is
//! bounded.

mod dialogs;
mod fragments;
mod message;
mod ports;
mod section;
mod segments;

pub use message::DialogMessage;
pub use ports::{CodecFormat, Hold, MediaFact, Settled};

use crate::units::occupancy::{BoundedTable, Occupancy};
use crate::units::{Address, Endpoint, Prefix, Second, Timestamp};
use crate::voice::{Content, Packet};
use crate::wire::Fragment;
use dialogs::Dialogs;
use fragments::Fragments;
use segments::Segments;
use std::sync::Arc;

/// A message of a dialog, for all workers.
pub type Announcement = Arc<DialogMessage>;

/// Most announcements that wait to be sent to peers; further ones are dropped and counted.
const MAX_UNSENT: usize = 256;

/// The signalling state of a worker.
#[derive(Debug, Default)]
pub struct Signalling {
    dialogs: Dialogs,
    /// Announcements for the peers; `None` without peers.
    unsent: Option<Vec<Announcement>>,
    missed: u64,
    fragments: Fragments,
    segments: Segments,
}

impl Signalling {
    /// Takes our own addresses: of an offer and its answer, one must come from there. None: any may.
    pub fn set_local_prefixes(&mut self, local: Arc<[Prefix]>) {
        self.dialogs.set_local(local);
    }

    /// Observes a packet that may carry SIP.
    pub fn observe(&mut self, packet: &Packet<'_>) {
        let (src, dst, time) = (packet.src, packet.dst, packet.time);
        let ends = [src.address, dst.address];
        match packet.content {
            Content::Sip(message) => self.learn_from(time, ends, message),
            Content::SipSegment(segment) => {
                let mut messages = Vec::new();
                self.segments.insert(src, dst, time, segment, |message| {
                    messages.extend(DialogMessage::read(time, ends, message));
                });
                for message in messages {
                    self.announce(message.into());
                }
            }
            Content::Rtp { .. } | Content::Rtcp { .. } | Content::Stun(..) => {}
        }
    }

    /// Observes a fragment; the last one completes its datagram.
    pub fn observe_fragment(&mut self, fragment: &Fragment<'_>) {
        if let Some(payload) = self.fragments.insert(fragment) {
            self.learn_from(fragment.time, [fragment.src, fragment.dst], &payload);
        }
    }

    /// Learns from a complete SIP message, if it says something of a dialog's media.
    fn learn_from(&mut self, time: Timestamp, ends: [Address; 2], message: &[u8]) {
        if let Some(message) = DialogMessage::read(time, ends, message) {
            self.announce(message.into());
        }
    }

    /// Learns a message that this worker observed, and keeps it for the peers.
    fn announce(&mut self, message: Announcement) {
        self.dialogs.take(&message);
        match &mut self.unsent {
            Some(unsent) if unsent.len() < MAX_UNSENT => unsent.push(message),
            Some(_) => self.missed += 1,
            None => {}
        }
    }

    /// Learns an announcement of a peer.
    pub fn learn(&mut self, announcement: &Announcement) {
        self.dialogs.take(announcement);
    }

    /// Keeps announcements from now on, for [`Self::take_for_peers`].
    pub fn keep_for_peers(&mut self) {
        self.unsent = Some(Vec::new());
    }

    /// Takes the announcements since the last call.
    #[inline]
    pub fn take_for_peers(&mut self) -> Vec<Announcement> {
        self.unsent.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes the number of announcements dropped since the last call, because too many waited.
    #[inline]
    pub fn take_missed(&mut self) -> u64 {
        std::mem::take(&mut self.missed)
    }

    /// The fact about media with a payload type between two endpoints.
    pub fn about(&self, src: Endpoint, dst: Endpoint, payload_type: u8) -> Option<MediaFact> {
        self.dialogs.ports().about(src, dst, payload_type)
    }

    /// When media between two endpoints was forbidden last, by each answered dialog about it.
    pub fn holds(&self, src: Endpoint, dst: Endpoint) -> impl Iterator<Item = Hold> {
        self.dialogs.ports().holds(src, dst)
    }

    /// What dialogs settled lately about media between two endpoints.
    pub fn settled(&self, src: Endpoint, dst: Endpoint) -> Option<Settled> {
        self.dialogs.ports().settled(src, dst)
    }

    /// The endpoints of the media that RTCP between two endpoints is about, where `a=rtcp` names them.
    pub fn media_of_rtcp(&self, src: Endpoint, dst: Endpoint) -> Option<(Endpoint, Endpoint)> {
        self.dialogs.ports().media_of(src, dst)
    }

    /// Dialogs, forks and addresses that found no room.
    pub fn dialogs_refused(&self) -> u64 {
        self.dialogs.refused()
    }

    /// How full its tables are.
    pub fn occupancy(&self) -> [(BoundedTable, Occupancy); 5] {
        let [offers, dialogs, addresses] = self.dialogs.occupancy();
        [
            (BoundedTable::SipOffers, offers),
            (BoundedTable::SipDialogs, dialogs),
            (BoundedTable::SipAddresses, addresses),
            (BoundedTable::SipConnections, self.segments.occupancy()),
            (BoundedTable::SipDatagrams, self.fragments.occupancy()),
        ]
    }

    /// Whether there are no facts.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.dialogs.ports().is_empty()
    }

    /// Removes expired dialogs, fragments and segments.
    pub fn expire(&mut self, now: Second) {
        self.dialogs.expire(now);
        self.fragments.expire(now.start());
        self.segments.expire(now.start());
    }
}

#[cfg(test)]
mod tests;
