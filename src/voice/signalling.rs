//! What signalling tells of media before it comes: session descriptions, read from SIP messages
//! in datagrams, in fragments of datagrams and in TCP segments.
//!
//! One [`Signalling`] per worker; every worker hears all SIP, whoever counts it. A fact may
//! confirm, name or clock a stream, never un-count one (DESIGN). Everything held is bounded.

mod facts;
mod fragments;
mod segments;

pub use facts::{Format, Known};

use crate::units::{Endpoint, Second, Timestamp};
use crate::voice::{Content, Packet};
use crate::wire::{Fragment, sdp, sip};
use facts::Facts;
use fragments::Fragments;
use segments::Segments;

/// What was heard.
#[derive(Debug, Default)]
pub struct Signalling {
    facts: Facts,
    fragments: Fragments,
    segments: Segments,
}

impl Signalling {
    /// Listens to a packet that may carry SIP.
    pub fn hear(&mut self, packet: &Packet<'_>) {
        match packet.content {
            Content::Sip(message) => self.facts.learn_from(packet.time, message),
            Content::SipSegment(segment) => {
                let facts = &mut self.facts;
                let time = packet.time;
                self.segments
                    .take(packet.src, packet.dst, time, segment, |message| {
                        facts.learn_from(time, message);
                    });
            }
            Content::Rtp { .. } | Content::Rtcp { .. } | Content::Stun(_) => {}
        }
    }

    /// Takes a piece of a datagram; the last one makes it whole.
    pub fn hear_fragment(&mut self, fragment: &Fragment<'_>) {
        if let Some(payload) = self.fragments.take(fragment) {
            self.facts.learn_from(fragment.time, &payload);
        }
    }

    /// What is known of media with a payload type between two ends.
    pub fn about(&self, src: Endpoint, dst: Endpoint, payload_type: u8) -> Option<Known> {
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

impl Facts {
    /// Learns from a whole SIP message, if it carries a session description.
    fn learn_from(&mut self, time: Timestamp, message: &[u8]) {
        let message = sip::parse(message);
        let description = message.and_then(|message| sdp::parse(message.description()?));
        if let Some(description) = description {
            self.learn(time, &description);
        }
    }
}

#[cfg(test)]
mod tests;
