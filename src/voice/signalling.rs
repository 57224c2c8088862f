//! Facts about media from signalling: session descriptions in SIP messages, from datagrams, from
//! fragments of datagrams and from TCP segments.
//!
//! One [`Signalling`] per worker. Every worker observes all SIP, whichever worker counts it. A fact may
//! confirm a stream, or give its codec or clock rate; it never removes one (MODEL §4.3). All state is
//! bounded.

mod facts;
mod fragments;
mod segments;

pub use facts::{CodecFormat, MediaFact};

use crate::wire::sdp::Description;
use std::sync::Arc;

use crate::units::{Endpoint, Second, Timestamp};
use crate::voice::{Content, Packet};
use crate::wire::{Fragment, sdp, sip};
use facts::Facts;
use fragments::Fragments;
use segments::Segments;

/// A session description and its capture time.
pub type Announcement = (Timestamp, Arc<Description>);

/// Most announcements that wait to be sent to peers; further ones are dropped and counted.
const MAX_UNSENT: usize = 256;

/// The signalling state of a worker.
#[derive(Debug, Default)]
pub struct Signalling {
    facts: Facts,
    /// Announcements for the peers; `None` without peers.
    unsent: Option<Vec<Announcement>>,
    missed: u64,
    fragments: Fragments,
    segments: Segments,
}

impl Signalling {
    /// Observes a packet that may carry SIP.
    pub fn observe(&mut self, packet: &Packet<'_>) {
        match packet.content {
            Content::Sip(message) => self.learn_from(packet.time, message),
            Content::SipSegment(segment) => {
                let mut descriptions = Vec::new();
                let (src, dst, time) = (packet.src, packet.dst, packet.time);
                self.segments.insert(src, dst, time, segment, |message| {
                    descriptions.extend(description(message));
                });
                for description in descriptions {
                    self.announce(time, description);
                }
            }
            Content::Rtp { .. } | Content::Rtcp { .. } | Content::Stun(..) => {}
        }
    }

    /// Observes a fragment; the last one completes its datagram.
    pub fn observe_fragment(&mut self, fragment: &Fragment<'_>) {
        if let Some(payload) = self.fragments.insert(fragment) {
            self.learn_from(fragment.time, &payload);
        }
    }

    /// Learns from a complete SIP message, if it carries a session description.
    fn learn_from(&mut self, time: Timestamp, message: &[u8]) {
        if let Some(description) = description(message) {
            self.announce(time, description);
        }
    }

    /// Learns a description that this worker observed, and keeps it for the peers.
    fn announce(&mut self, time: Timestamp, description: Description) {
        self.facts.learn(time, &description);
        match &mut self.unsent {
            Some(unsent) if unsent.len() < MAX_UNSENT => unsent.push((time, description.into())),
            Some(_) => self.missed += 1,
            None => {}
        }
    }

    /// Learns an announcement of a peer.
    pub fn learn(&mut self, (time, description): &Announcement) {
        self.facts.learn(*time, description);
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

    /// Number of announcements dropped because too many waited.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// The fact about media with a payload type between two endpoints.
    pub fn about(&self, src: Endpoint, dst: Endpoint, payload_type: u8) -> Option<MediaFact> {
        self.facts.about(src, dst, payload_type)
    }

    /// Whether there are no facts.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// Removes expired facts, fragments and segments.
    pub fn expire(&mut self, now: Second) {
        self.facts.expire(now);
        self.fragments.expire(now.start());
        self.segments.expire(now.start());
    }
}

/// The session description in a complete SIP message, if any.
fn description(message: &[u8]) -> Option<Description> {
    sip::parse(message).and_then(|message| sdp::parse(message.description()?))
}

#[cfg(test)]
mod tests;
