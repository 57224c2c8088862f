//! Facts about media from signalling: what the dialogs of SIP agree on, from datagrams, from fragments
//! of datagrams and from TCP segments.
//!
//! One [`Signalling`] per worker. Every worker observes all SIP, whichever worker counts it. A fact may
//! confirm a stream, or give its codec or clock rate; it never removes one (MODEL §4.3). All state is
//! bounded.

mod call_counts;
mod calls;
mod dialogs;
mod fragments;
mod message;
mod ports;
mod section;
mod segments;

pub use call_counts::{CALL_BOUNDS_SECONDS, CallCounts, CallDurations, CallOutcome, OUTCOMES};
pub use calls::CallNews;
pub use message::Announcement;
pub use ports::{CodecFormat, Hold, MediaFact, Naming, Settled, StandingMedia};

use crate::units::occupancy::{BoundedTable, Occupancy};
use crate::units::{Address, Endpoint, Prefix, Second, Timestamp};
use crate::voice::{Content, Packet};
use crate::wire::Fragment;
use calls::{CallMessage, CallSource, CallTable};
use dialogs::Dialogs;
use fragments::Fragments;
use message::{AnnouncementSource, SipFacts};
use segments::Segments;
use std::sync::Arc;

/// Most announcements that wait to be sent to peers; further ones are dropped and counted.
const MAX_UNSENT: usize = 256;

/// The signalling state of a worker.
#[derive(Debug, Default)]
pub struct Signalling {
    dialogs: Dialogs,
    calls: CallTable,
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

    /// Observes a packet that may carry SIP; whether a message of a call ends in it that has an offer and
    /// its answer.
    pub fn observe(&mut self, packet: &Packet<'_>) -> bool {
        self.observe_packet(packet, false)
    }

    /// The same where this worker counts the packet, and what becomes of its call.
    pub fn observe_counted(&mut self, packet: &Packet<'_>) -> bool {
        self.observe_packet(packet, true)
    }

    fn observe_packet(&mut self, packet: &Packet<'_>, is_counted: bool) -> bool {
        let (src, dst, time) = (packet.src, packet.dst, packet.time);
        let ends = [src.address, dst.address];
        match packet.content {
            Content::Sip(message) => self.learn_from(time, ends, message, is_counted),
            Content::SipSegment(segment) => {
                let mut messages = Vec::new();
                self.segments.insert(src, dst, time, segment, |message| {
                    messages.extend(SipFacts::read(time, ends, message));
                });
                let mut answered = false;
                for facts in messages {
                    answered |= self.take(facts, is_counted);
                }
                answered
            }
            Content::Rtp { .. } | Content::Rtcp { .. } | Content::Stun(..) => false,
        }
    }

    /// Observes a fragment; the last one completes its datagram. `is_counted`: this worker counts the fragment.
    pub fn take_fragment(&mut self, fragment: &Fragment<'_>, is_counted: bool) {
        if let Some(payload) = self.fragments.insert(fragment) {
            let ends = [fragment.src, fragment.dst];
            self.learn_from(fragment.time, ends, &payload, is_counted);
        }
    }

    /// Learns from a complete SIP message; whether its call has an offer and its answer.
    fn learn_from(
        &mut self,
        time: Timestamp,
        ends: [Address; 2],
        message: &[u8],
        is_counted: bool,
    ) -> bool {
        let facts = SipFacts::read(time, ends, message);
        facts.is_some_and(|facts| self.take(facts, is_counted))
    }

    /// Takes what this worker observed, and keeps what it says of media for the peers.
    fn take(&mut self, facts: SipFacts, is_counted: bool) -> bool {
        let facts = Arc::new(facts);
        if let Some(call) = facts.call.as_ref().filter(|_| is_counted) {
            self.calls.take(call, CallSource::Wire);
        }
        let has_call = || self.dialogs.has_call(&facts.call_id);
        let dialog = facts.dialog.as_ref();
        let dialog = dialog.filter(|message| !message.is_perhaps_of_no_call() || has_call());
        if let Some(message) = dialog {
            self.dialogs.take(message);
        }
        let begins = facts.call.as_ref().is_some_and(CallMessage::is_invite);
        if facts.dialog.is_some() || begins {
            let announcement = Announcement::of(facts.clone());
            match &mut self.unsent {
                Some(unsent) if unsent.len() < MAX_UNSENT => unsent.push(announcement),
                Some(_) => self.missed += 1,
                None => {}
            }
        }
        self.dialogs.is_answered(&facts.call_id)
    }

    /// Learns an announcement of a peer, or of who mirrors its signalling to us.
    pub fn learn(&mut self, announcement: &Announcement) {
        let facts = &announcement.facts;
        if let Some(message) = &facts.dialog {
            self.dialogs.take(message);
        }
        let Some(call) = &facts.call else {
            return;
        };
        match announcement.source {
            // Its own worker counts what comes on the wire.
            AnnouncementSource::Peer => self.calls.leave(call),
            AnnouncementSource::Mirror { is_counted: true } => {
                // Alone, a worker has seen itself what there is to see.
                let has_peers = self.unsent.is_some();
                let source = if has_peers {
                    CallSource::Mirror
                } else {
                    CallSource::Wire
                };
                self.calls.take(call, source);
            }
            AnnouncementSource::Mirror { is_counted: false } => self.calls.note_mirrored(call),
        }
    }

    /// What became of calls since the last call.
    pub fn take_calls(&mut self) -> Vec<CallNews> {
        self.calls.take_news()
    }

    /// Whether anything did.
    #[inline]
    pub const fn has_calls(&self) -> bool {
        self.calls.has_news()
    }

    /// Calls that found no room, or gave theirs: what became of them is not counted.
    pub fn calls_refused(&self) -> u64 {
        self.calls.refused()
    }

    /// Packet time has jumped: how long anything took is not known.
    pub fn forget_calls(&mut self) {
        self.calls.clear();
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

    /// How answered dialogs name media between two endpoints.
    pub fn naming(&self, src: Endpoint, dst: Endpoint) -> Naming {
        if self.dialogs.knows_local() {
            self.dialogs.ports().naming(src, dst)
        } else {
            // Who answered may be anybody.
            Naming::None
        }
    }

    /// Our end of media between two endpoints that an answered dialog names for the other host.
    pub fn named_end(&self, src: Endpoint, dst: Endpoint) -> Option<(Endpoint, bool)> {
        self.dialogs.ports().named_end(src, dst)
    }

    /// What a dialog that was accepted says of media between two endpoints.
    pub fn standing(&self, src: Endpoint, dst: Endpoint) -> Option<StandingMedia> {
        self.dialogs.ports().standing(src, dst)
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
        self.calls.expire(now);
        self.fragments.expire(now.start());
        self.segments.expire(now.start());
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod mirrored_tests;
