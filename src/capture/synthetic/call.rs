//! One call while it runs: two legs of RTP, their reports, and the signalling around them.
//!
//! A state machine: its repetition asks for an act at its time and gets at most one frame and the
//! acts that follow. When none is left the call is over, and the next repetition is another call.

mod leg;
mod signalling;

use super::scenario::{Call, SplitMix, nanos};
use super::{Truth, frame};
use crate::units::{Endpoint, Timestamp};
use leg::CallLeg;
use signalling::Dialog;
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

/// Between the last packet and BYE, and between that and its answer.
const TEARDOWN: u64 = 20_000_000;

/// Every other repetition is on ports so much higher: a telephone that takes a new call while the
/// last one ends has another port for it.
const PORTS_APART: u16 = 1000;

/// 2^64 divided by the golden ratio: its multiples never come near each other.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

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
    /// A leg's RTCP BYE.
    Goodbye(Side),
    Bye,
    Confirm,
}

impl Act {
    /// Acts of one call pending at the same time, at most: four of each leg, one of the signalling's
    /// beginning, one of its end.
    pub(super) const PER_CALL: usize = 10;
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
    from: CallLeg,
    to: CallLeg,
}

impl LiveCall {
    /// A call that has not begun.
    pub(super) fn new(call: &Call, report_interval: Duration) -> Self {
        Self {
            origin: 0,
            repetition: 0,
            packets: nanos(call.length).div_ceil(PACKET).max(1),
            report_interval: nanos(report_interval).max(PACKET),
            from: CallLeg::new(call.from, call.to, call.ssrc),
            to: CallLeg::new(call.to, call.from, !call.ssrc),
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

    /// When the call is over.
    pub(super) fn end(&self) -> u64 {
        self.media_end().saturating_add(2 * TEARDOWN)
    }

    fn first_act(&self) -> u64 {
        let setup = if self.call.sip { SETUP } else { 0 };
        self.origin + nanos(self.call.start).saturating_sub(setup)
    }

    /// Begins a repetition: new streams under a new Call-ID. `random` is the same each time.
    pub(super) fn begin(
        &mut self,
        (repetition, origin): (u32, u64),
        random: [u64; 2],
        then: &mut Then<'_>,
    ) {
        (self.repetition, self.origin) = (repetition, origin);
        let other = u64::from(repetition).wrapping_mul(GOLDEN);
        let ssrc = self.call.ssrc.wrapping_add(high(other));
        let further = if repetition % 2 == 0 { 0 } else { PORTS_APART };
        let (from, to) = (
            port_above(self.call.from, further),
            port_above(self.call.to, further),
        );
        let [one, two] = random.map(|random| random ^ other);
        self.from.begin((from, to), ssrc, one);
        self.to.begin((to, from), !ssrc, two);
        self.schedule(then);
    }

    fn schedule(&self, then: &mut Then<'_>) {
        let (media, end) = (self.media_start(), self.media_end());
        if self.call.sip {
            then(self.first_act(), Act::Invite);
            then(end + TEARDOWN, Act::Bye);
        }
        // Half a packet apart: two clocks do not tick together.
        let sides = [(Side::From, 0), (Side::To, PACKET / 2)];
        let count = if self.call.both_ways { 2 } else { 1 };
        for (side, apart) in sides.into_iter().take(count) {
            then(media + apart, Act::Rtp(side));
            if self.call.round_trip.is_some() {
                let first = media + self.report_interval / 2 + apart;
                self.schedule_report(side, first, then);
                then(end + apart + PACKET / 4, Act::Goodbye(side));
            }
        }
    }

    /// Schedules a report, if it can be answered before the call ends.
    fn schedule_report(&self, side: Side, at: u64, then: &mut Then<'_>) {
        if self.answered_at(side, at) < self.media_end() {
            then(at, Act::Report(side));
        }
    }

    /// When the answer to a report comes past the tap.
    fn answered_at(&self, side: Side, at: u64) -> u64 {
        let way = match side {
            Side::From => NEAR_ROUND_TRIP,
            Side::To => nanos(self.call.round_trip.unwrap_or_default()),
        };
        let delay = u64::from(REPLY_DELAY) * 1_000_000_000 / 65_536;
        at.saturating_add(way + delay)
    }

    /// Does an act at its time; whether `buffer` now holds a frame.
    pub(super) fn act(
        &mut self,
        act: Act,
        (at, time): (u64, Timestamp),
        losses: &mut SplitMix,
        buffer: &mut Vec<u8>,
        then: &mut Then<'_>,
    ) -> bool {
        match act {
            Act::Rtp(side) => return self.send_rtp(side, at, losses, buffer, then),
            Act::Report(side) => self.send_report(side, (at, time), buffer, then),
            Act::Reply(side) => {
                let leg = self.leg(side);
                let (src, dst) = (port_above(leg.dst, 1), port_above(leg.src, 1));
                frame::write(buffer, src, dst, |out| leg.write_reply(REPLY_DELAY, out));
            }
            Act::Goodbye(side) => {
                let clock = self.clock(side, time);
                self.send_rtcp(side, buffer, |leg, out| leg.write_goodbye(clock, out));
            }
            Act::Invite | Act::Accept => {
                let gap = self.media_start().saturating_sub(at);
                let next = if act == Act::Invite {
                    Act::Accept
                } else {
                    Act::Acknowledge
                };
                then(at + gap / 2, next);
                self.signal(act, buffer);
            }
            Act::Bye => {
                then(at + TEARDOWN, Act::Confirm);
                self.signal(act, buffer);
            }
            Act::Acknowledge | Act::Confirm => self.signal(act, buffer),
        }
        true
    }

    fn leg(&mut self, side: Side) -> &mut CallLeg {
        match side {
            Side::From => &mut self.from,
            Side::To => &mut self.to,
        }
    }

    fn send_rtp(
        &mut self,
        side: Side,
        at: u64,
        losses: &mut SplitMix,
        buffer: &mut Vec<u8>,
        then: &mut Then<'_>,
    ) -> bool {
        let (codec, packets) = (self.call.codec, self.packets);
        let per_mille = match side {
            Side::From => self.call.loss_per_mille,
            Side::To => 0,
        };
        let leg = self.leg(side);
        let is_edge = leg.sent == 0 || leg.sent + 1 == packets;
        let withheld = !is_edge && losses.next_u64() % 1000 < u64::from(per_mille);
        if !withheld {
            let octets = frame::write(buffer, leg.src, leg.dst, |out| leg.write_rtp(codec, out));
            leg.truth.bytes += octets as u64;
        }
        leg.advance(codec, withheld);
        if leg.sent < packets {
            then(at + PACKET, Act::Rtp(side));
        }
        !withheld
    }

    fn send_report(
        &mut self,
        side: Side,
        (at, time): (u64, Timestamp),
        buffer: &mut Vec<u8>,
        then: &mut Then<'_>,
    ) {
        let clock = self.clock(side, time);
        self.send_rtcp(side, buffer, |leg, out| leg.write_report(clock, out));
        self.leg(side).truth.round_trips += 1;
        let answered = self.answered_at(side, at);
        then(answered, Act::Reply(side));
        // An answer that takes longer than the interval holds the next report up: one is pending.
        let next = at.saturating_add(self.report_interval).max(answered + 1);
        self.schedule_report(side, next, then);
    }

    /// What the sender's clock said when it sent what comes past the tap at a time.
    fn clock(&self, side: Side, time: Timestamp) -> Timestamp {
        let far = nanos(self.call.round_trip.unwrap_or_default());
        let before = match side {
            Side::From => far / 2,
            Side::To => 0,
        };
        time.minus(Duration::from_nanos(before))
    }

    fn send_rtcp(
        &mut self,
        side: Side,
        buffer: &mut Vec<u8>,
        write: impl FnOnce(&mut CallLeg, &mut Vec<u8>),
    ) {
        let leg = self.leg(side);
        let (src, dst) = (port_above(leg.src, 1), port_above(leg.dst, 1));
        frame::write(buffer, src, dst, |out| write(leg, out));
    }

    fn signal(&self, act: Act, buffer: &mut Vec<u8>) {
        let [from, to] = [self.from.src, self.to.src];
        let port = |end: SocketAddr| SocketAddr::new(end.ip(), signalling::PORT);
        let (src, dst) = match act {
            Act::Accept | Act::Confirm => (port(to), port(from)),
            _ => (port(from), port(to)),
        };
        let dialog = Dialog {
            call: &self.call,
            media: [from, to],
            id: self.from.ssrc,
            repetition: self.repetition % 16,
        };
        frame::write(buffer, src, dst, |out| signalling::write(act, &dialog, out));
    }
}

/// The same address on a higher port; RTCP's is the one after (RFC 3550 §11).
fn port_above(end: SocketAddr, by: u16) -> SocketAddr {
    SocketAddr::new(end.ip(), end.port().wrapping_add(by))
}

/// The upper 32 bits.
fn high(bits: u64) -> u32 {
    u32::try_from(bits >> 32).unwrap_or(0)
}

fn endpoint(end: SocketAddr) -> Endpoint {
    Endpoint {
        address: end.ip().into(),
        port: end.port(),
    }
}
