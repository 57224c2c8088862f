//! What signalling tells of media before it comes: session descriptions, read from SIP messages
//! in datagrams, in fragments of datagrams and in TCP segments.
//!
//! One [`Signalling`] per worker; every worker hears all SIP, whoever counts it. A fact may
//! confirm, name or clock a stream, never un-count one (MODEL §4.3). Everything held is bounded.

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

/// A session description and when it was said.
pub type Announcement = (Timestamp, Arc<Description>);

/// Announcements waiting to be told to others; beyond that they are not told, and counted.
const MAX_UNTOLD: usize = 256;

/// What was heard.
#[derive(Debug, Default)]
pub struct Signalling {
    facts: Facts,
    /// To be told to other workers, where there are others.
    untold: Option<Vec<Announcement>>,
    missed: u64,
    fragments: Fragments,
    segments: Segments,
}

impl Signalling {
    /// Listens to a packet that may carry SIP.
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
            Content::Rtp { .. } | Content::Rtcp { .. } | Content::Stun(_) => {}
        }
    }

    /// Takes a piece of a datagram; the last one makes it whole.
    pub fn observe_fragment(&mut self, fragment: &Fragment<'_>) {
        if let Some(payload) = self.fragments.insert(fragment) {
            self.learn_from(fragment.time, &payload);
        }
    }

    /// Learns from a whole SIP message, if it carries a session description.
    fn learn_from(&mut self, time: Timestamp, message: &[u8]) {
        if let Some(description) = description(message) {
            self.announce(time, description);
        }
    }

    /// Learns a description at first hand.
    fn announce(&mut self, time: Timestamp, description: Description) {
        self.facts.learn(time, &description);
        match &mut self.untold {
            Some(untold) if untold.len() < MAX_UNTOLD => untold.push((time, description.into())),
            Some(_) => self.missed += 1,
            None => {}
        }
    }

    /// Learns what another worker has heard.
    pub fn learn(&mut self, (time, description): &Announcement) {
        self.facts.learn(*time, description);
    }

    /// Keeps from now on what is heard, for [`Self::take_for_peers`].
    pub fn keep_for_peers(&mut self) {
        self.untold = Some(Vec::new());
    }

    /// What was heard since the last call, to be told to others.
    #[inline]
    pub fn take_for_peers(&mut self) -> Vec<Announcement> {
        self.untold.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What could not be kept for others.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// What is known of media with a payload type between two ends.
    pub fn about(&self, src: Endpoint, dst: Endpoint, payload_type: u8) -> Option<MediaFact> {
        self.facts.about(src, dst, payload_type)
    }

    /// Whether nothing is known of anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// Forgets what is too old to matter.
    pub fn expire(&mut self, now: Second) {
        self.facts.expire(now);
        self.fragments.expire(now.start());
        self.segments.expire(now.start());
    }
}

/// The session description that a whole SIP message carries, if any.
fn description(message: &[u8]) -> Option<Description> {
    sip::parse(message).and_then(|message| sdp::parse(message.description()?))
}

#[cfg(test)]
mod tests;
