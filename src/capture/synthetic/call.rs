//! One call while it runs: two legs of RTP, their reports, and the signalling around them.
//!
//! A state machine: the source asks for an act at its time and gets at most one frame and the
//! acts that follow. Owned by the source; it lives through all repetitions.

mod leg;
mod signalling;

use super::scenario::{Call, SplitMix, nanos};
use super::{Truth, frame};
use crate::units::{Endpoint, Timestamp};
use leg::Leg;
use std::net::SocketAddr;
use std::time::Duration;

/// 20 ms, every codec's packet (RFC 3551 §4.2).
const PACKET: u64 = 20_000_000;

/// From the tap to `to` and back: a machine in the same building.
const NEAR_ROUND_TRIP: u64 = 500_000;

/// How long an end waits before it answers a sender report, in 1/65536 s (RFC 3550 §6.4.1): 40 ms.
const REPLY_DELAY: u32 = 2621;

/// Between INVITE and media.
const SETUP: u64 = 300_000_000;

/// Between BYE and its answer, and between that and the end.
const TEARDOWN: u64 = 20_000_000;

/// Which leg an act is about, by who sends its RTP.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Side {
    From,
    To,
}

/// What a call does next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Act {
    Invite,
    Accept,
    Acknowledge,
    /// A packet of a leg.
    Rtp(Side),
    /// A leg's sender report.
    Report(Side),
    /// The other end's receiver report on a leg.
    Reply(Side),
    Bye,
    Confirm,
    /// After everything else: nothing of this repetition is pending.
    End,
}

impl Act {
    /// Acts of one call pending at the same time, at most: two of each on a leg, one of the
    /// signalling's beginning, one of its end, the end.
    pub(super) const PER_CALL: usize = 9;
}

/// Takes the acts that follow, with their time in nanoseconds from the scenario's beginning.
type Then<'a> = dyn FnMut(u64, Act) + 'a;

/// A call and where it stands.
pub(super) struct LiveCall {
    call: Call,
    /// Beginning of this repetition, nanoseconds from the scenario's.
    origin: u64,
    repetition: u32,
    packets: u64,
    report_interval: u64,
    from: Leg,
    to: Leg,
}

impl LiveCall {
    pub(super) fn new(call: &Call, report_interval: Duration, rng: &mut SplitMix) -> Self {
        Self {
            origin: 0,
            repetition: 0,
            packets: nanos(call.length).div_ceil(PACKET).max(1),
            report_interval: nanos(report_interval).max(PACKET),
            from: Leg::new(call.from, call.to, call.ssrc, rng),
            to: Leg::new(call.to, call.from, !call.ssrc, rng),
            call: call.clone(),
        }
    }

    pub(super) fn truth(&self) -> [Truth; 2] {
        [self.from.truth, self.to.truth]
    }

    fn media_start(&self) -> u64 {
        self.origin.saturating_add(nanos(self.call.start))
    }

    /// When the last packet is sent.
    fn media_end(&self) -> u64 {
        let length = (self.packets - 1).saturating_mul(PACKET);
        self.media_start().saturating_add(length)
    }

    fn first_act(&self) -> u64 {
        let setup = if self.call.sip { SETUP } else { 0 };
        self.origin + nanos(self.call.start).saturating_sub(setup)
    }

    /// Schedules the beginning of a repetition.
    pub(super) fn begin(&self, then: &mut Then<'_>) {
        let media = self.media_start();
        if self.call.sip {
            then(self.first_act(), Act::Invite);
            then(self.media_end() + TEARDOWN, Act::Bye);
        }
        then(media, Act::Rtp(Side::From));
        if self.call.both_ways {
            // Half a packet apart: two clocks do not tick together.
            then(media + PACKET / 2, Act::Rtp(Side::To));
        }
        if self.call.round_trip.is_some() {
            let first = self.report_interval / 2;
            then(media + first, Act::Report(Side::From));
            if self.call.both_ways {
                then(media + first + PACKET / 2, Act::Report(Side::To));
            }
        }
        then(self.media_end() + 3 * TEARDOWN, Act::End);
    }

    /// Schedules the next repetition; beginnings that lie in the past are left out.
    pub(super) fn begin_again(&mut self, repeat: u64, then: &mut Then<'_>) {
        let ended = self.media_end() + 3 * TEARDOWN;
        let busy = ended.saturating_sub(self.first_act());
        let Some(missed) = busy.checked_div(repeat) else {
            return;
        };
        self.origin = self
            .origin
            .saturating_add(repeat.saturating_mul(missed + 1));
        self.repetition = self.repetition.wrapping_add(1);
        self.begin(then);
    }

    /// Does an act at its time; whether `buffer` now holds a frame.
    pub(super) fn act(
        &mut self,
        act: Act,
        at: u64,
        time: Timestamp,
        rng: &mut SplitMix,
        buffer: &mut Vec<u8>,
        then: &mut Then<'_>,
    ) -> bool {
        match act {
            Act::Rtp(side) => self.send_rtp(side, at, rng, buffer, then),
            Act::Report(side) => self.send_report(side, at, time, buffer, then),
            Act::Reply(side) => {
                let leg = self.leg(side);
                let (src, dst) = (after(leg.dst), after(leg.src));
                frame::write(buffer, src, dst, |out| leg.write_reply(REPLY_DELAY, out));
                true
            }
            Act::Invite => {
                let gap = self.media_start().saturating_sub(at);
                then(at + gap / 2, Act::Accept);
                self.signal(act, buffer)
            }
            Act::Accept => {
                let gap = self.media_start().saturating_sub(at);
                then(at + gap / 2, Act::Acknowledge);
                self.signal(act, buffer)
            }
            Act::Bye => {
                then(at + TEARDOWN, Act::Confirm);
                self.signal(act, buffer)
            }
            Act::Acknowledge | Act::Confirm => self.signal(act, buffer),
            Act::End => false,
        }
    }

    fn leg(&mut self, side: Side) -> &mut Leg {
        match side {
            Side::From => &mut self.from,
            Side::To => &mut self.to,
        }
    }

    fn send_rtp(
        &mut self,
        side: Side,
        at: u64,
        rng: &mut SplitMix,
        buffer: &mut Vec<u8>,
        then: &mut Then<'_>,
    ) -> bool {
        let (codec, packets, repetition) = (self.call.codec, self.packets, self.repetition);
        let per_mille = match side {
            Side::From => self.call.loss_per_mille,
            Side::To => 0,
        };
        let leg = self.leg(side);
        if leg.sent == 0 {
            leg.restart(repetition);
        }
        let is_edge = leg.sent == 0 || leg.sent + 1 == packets;
        let withheld = !is_edge && rng.next_u64() % 1000 < u64::from(per_mille);
        if !withheld {
            let octets = frame::write(buffer, leg.src, leg.dst, |out| leg.write_rtp(codec, out));
            leg.truth.bytes += octets as u64;
        }
        leg.advance(codec, withheld);
        if leg.sent < packets {
            then(at + PACKET, Act::Rtp(side));
        } else {
            leg.sent = 0;
        }
        !withheld
    }

    fn send_report(
        &mut self,
        side: Side,
        at: u64,
        time: Timestamp,
        buffer: &mut Vec<u8>,
        then: &mut Then<'_>,
    ) -> bool {
        let far = nanos(self.call.round_trip.unwrap_or_default());
        // The other end answers; the way to it and back lies between tap and answer.
        let (way, sent_before) = match side {
            Side::From => (NEAR_ROUND_TRIP, far / 2),
            Side::To => (far, 0),
        };
        let delay = u64::from(REPLY_DELAY) * 1_000_000_000 / 65_536;
        let reply_at = at.saturating_add(way + delay);
        let (end, interval) = (self.media_end(), self.report_interval);
        if reply_at >= end {
            return false;
        }
        let leg = self.leg(side);
        let clock = time.minus(Duration::from_nanos(sent_before));
        let (src, dst) = (after(leg.src), after(leg.dst));
        frame::write(buffer, src, dst, |out| leg.write_report(clock, out));
        leg.truth.round_trips += 1;
        then(reply_at, Act::Reply(side));
        // An answer that takes longer than the interval holds the next report up: one is pending.
        then(
            at.saturating_add(interval).max(reply_at + 1),
            Act::Report(side),
        );
        true
    }

    fn signal(&self, act: Act, buffer: &mut Vec<u8>) -> bool {
        let (caller, callee) = (self.call.from, self.call.to);
        let port = |end: SocketAddr| SocketAddr::new(end.ip(), signalling::PORT);
        let (src, dst) = match act {
            Act::Accept | Act::Confirm => (port(callee), port(caller)),
            _ => (port(caller), port(callee)),
        };
        frame::write(buffer, src, dst, |out| {
            signalling::write(act, &self.call, self.repetition, out);
        });
        true
    }
}

/// RTCP's port: the one after (RFC 3550 §11).
fn after(end: SocketAddr) -> SocketAddr {
    SocketAddr::new(end.ip(), end.port().wrapping_add(1))
}

fn endpoint(end: SocketAddr) -> Endpoint {
    Endpoint {
        address: end.ip().into(),
        port: end.port(),
    }
}
