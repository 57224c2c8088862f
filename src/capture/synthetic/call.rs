//! A running call: two RTP legs, their RTCP reports, and SIP signalling.
//!
//! A state machine without a clock: the repetition performs an action at its time, and gets at most one
//! frame and the follow-up actions. Without scheduled actions the call has ended. The next repetition
//! restarts it as a new call.

mod leg;
mod signalling;

use super::scenario::{Call, SplitMix, nanos};
use super::{Truth, frame};
use crate::units::{Endpoint, Timestamp};
use leg::CallLeg;
use signalling::Dialog;
use std::net::SocketAddr;
use std::time::Duration;

/// Packet interval of every codec in nanoseconds: 20 ms (RFC 3551 §4.2).
const PACKET_INTERVAL: u64 = 20_000_000;

/// Round trip from the capture point to `to`, in nanoseconds: a host in the same building.
const NEAR_ROUND_TRIP: u64 = 500_000;

/// Delay before an end answers a sender report, in 1/65536 s (RFC 3550 §6.4.1): 40 ms.
const REPLY_DELAY: u32 = 2621;

/// From INVITE to media, in nanoseconds.
const SETUP: u64 = 300_000_000;

/// From the last packet to BYE, and from BYE to its answer, in nanoseconds.
const TEARDOWN: u64 = 20_000_000;

/// Port offset of every other repetition: a phone that starts a call while the last one ends uses
/// another port.
const PORT_OFFSET: u16 = 1000;

/// 2^64 divided by the golden ratio: its multiples modulo 2^64 are evenly spread.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The leg of an action, by the sender of its RTP.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Side {
    From,
    To,
}

/// An action of a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Action {
    Invite,
    Accept,
    Acknowledge,
    /// An RTP packet of a leg.
    Rtp(Side),
    /// The sender report of a leg.
    Report(Side),
    /// The receiver report of the other end about a leg.
    Reply(Side),
    /// The RTCP BYE of a leg.
    Goodbye(Side),
    Bye,
    Confirm,
}

impl Action {
    /// Most actions of a call scheduled at the same time: four per leg, one of call setup, one of call
    /// teardown.
    pub(super) const PER_CALL: usize = 10;
}

/// Schedules a follow-up action; the time is in nanoseconds from the start of the scenario.
type Scheduler<'a> = dyn FnMut(u64, Action) + 'a;

/// A call and its state.
pub(super) struct LiveCall {
    call: Call,
    /// Start of this repetition, in nanoseconds from the start of the scenario.
    origin: u64,
    repetition: u32,
    packets: u64,
    report_interval: u64,
    from: CallLeg,
    to: CallLeg,
}

impl LiveCall {
    /// A call before its start.
    pub(super) fn new(call: &Call, report_interval: Duration) -> Self {
        Self {
            origin: 0,
            repetition: 0,
            packets: nanos(call.length).div_ceil(PACKET_INTERVAL).max(1),
            report_interval: nanos(report_interval).max(PACKET_INTERVAL),
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

    /// Time of the last packet.
    fn media_end(&self) -> u64 {
        let length = (self.packets - 1).saturating_mul(PACKET_INTERVAL);
        self.media_start().saturating_add(length)
    }

    /// End of the call.
    pub(super) fn end(&self) -> u64 {
        self.media_end().saturating_add(2 * TEARDOWN)
    }

    fn first_action(&self) -> u64 {
        let setup = if self.call.sip { SETUP } else { 0 };
        self.origin + nanos(self.call.start).saturating_sub(setup)
    }

    /// Starts a repetition with new streams and a new Call-ID. `random` is the same in each repetition.
    pub(super) fn begin(
        &mut self,
        (repetition, origin): (u32, u64),
        random: [u64; 2],
        schedule: &mut Scheduler<'_>,
    ) {
        (self.repetition, self.origin) = (repetition, origin);
        let salt = u64::from(repetition).wrapping_mul(GOLDEN);
        let ssrc = self.call.ssrc.wrapping_add(high(salt));
        let offset = if repetition % 2 == 0 { 0 } else { PORT_OFFSET };
        let (from, to) = (
            port_above(self.call.from, offset),
            port_above(self.call.to, offset),
        );
        let [one, two] = random.map(|random| random ^ salt);
        self.from.begin((from, to), ssrc, one);
        self.to.begin((to, from), !ssrc, two);
        self.schedule_start(schedule);
    }

    fn schedule_start(&self, schedule: &mut Scheduler<'_>) {
        let (media, end) = (self.media_start(), self.media_end());
        if self.call.sip {
            schedule(self.first_action(), Action::Invite);
            schedule(end + TEARDOWN, Action::Bye);
        }
        // The legs are half a packet interval apart, as with two independent clocks.
        let sides = [(Side::From, 0), (Side::To, PACKET_INTERVAL / 2)];
        let count = if self.call.both_ways { 2 } else { 1 };
        for (side, apart) in sides.into_iter().take(count) {
            schedule(media + apart, Action::Rtp(side));
            if self.call.round_trip.is_some() {
                let first = media + self.report_interval / 2 + apart;
                self.schedule_report(side, first, schedule);
                schedule(end + apart + PACKET_INTERVAL / 4, Action::Goodbye(side));
            }
        }
    }

    /// Schedules a report, if it can be answered before the call ends.
    fn schedule_report(&self, side: Side, at: u64, schedule: &mut Scheduler<'_>) {
        if self.answered_at(side, at) < self.media_end() {
            schedule(at, Action::Report(side));
        }
    }

    /// Time at which the answer to a report passes the capture point.
    fn answered_at(&self, side: Side, at: u64) -> u64 {
        let round_trip = match side {
            Side::From => NEAR_ROUND_TRIP,
            Side::To => nanos(self.call.round_trip.unwrap_or_default()),
        };
        let delay = u64::from(REPLY_DELAY) * 1_000_000_000 / 65_536;
        at.saturating_add(round_trip + delay)
    }

    /// Performs an action at its time. Returns whether `buffer` now holds a frame.
    pub(super) fn perform(
        &mut self,
        action: Action,
        (at, time): (u64, Timestamp),
        losses: &mut SplitMix,
        buffer: &mut Vec<u8>,
        schedule: &mut Scheduler<'_>,
    ) -> bool {
        match action {
            Action::Rtp(side) => return self.send_rtp(side, at, losses, buffer, schedule),
            Action::Report(side) => self.send_report(side, (at, time), buffer, schedule),
            Action::Reply(side) => {
                let leg = self.leg(side);
                let (src, dst) = (port_above(leg.dst, 1), port_above(leg.src, 1));
                frame::write(buffer, src, dst, |out| leg.write_reply(REPLY_DELAY, out));
            }
            Action::Goodbye(side) => {
                let clock = self.clock(side, time);
                self.send_rtcp(side, buffer, |leg, out| leg.write_goodbye(clock, out));
            }
            Action::Invite | Action::Accept => {
                let gap = self.media_start().saturating_sub(at);
                let next = if action == Action::Invite {
                    Action::Accept
                } else {
                    Action::Acknowledge
                };
                schedule(at + gap / 2, next);
                self.signal(action, buffer);
            }
            Action::Bye => {
                schedule(at + TEARDOWN, Action::Confirm);
                self.signal(action, buffer);
            }
            Action::Acknowledge | Action::Confirm => self.signal(action, buffer),
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
        schedule: &mut Scheduler<'_>,
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
            schedule(at + PACKET_INTERVAL, Action::Rtp(side));
        }
        !withheld
    }

    fn send_report(
        &mut self,
        side: Side,
        (at, time): (u64, Timestamp),
        buffer: &mut Vec<u8>,
        schedule: &mut Scheduler<'_>,
    ) {
        let clock = self.clock(side, time);
        self.send_rtcp(side, buffer, |leg, out| leg.write_report(clock, out));
        self.leg(side).truth.round_trips += 1;
        let answered = self.answered_at(side, at);
        schedule(answered, Action::Reply(side));
        // An answer that takes longer than the interval delays the next report, so that one is pending.
        let next = at.saturating_add(self.report_interval).max(answered + 1);
        self.schedule_report(side, next, schedule);
    }

    /// The sender's clock at sending, for a packet that passes the capture point at `time`.
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

    fn signal(&self, action: Action, buffer: &mut Vec<u8>) {
        let [from, to] = [self.from.src, self.to.src];
        let port = |end: SocketAddr| SocketAddr::new(end.ip(), signalling::PORT);
        let (src, dst) = match action {
            Action::Accept | Action::Confirm => (port(to), port(from)),
            _ => (port(from), port(to)),
        };
        let dialog = Dialog {
            call: &self.call,
            media: [from, to],
            id: self.from.ssrc,
            repetition: self.repetition % 16,
        };
        frame::write(buffer, src, dst, |out| {
            signalling::write(action, &dialog, out);
        });
    }
}

/// The same address with a higher port; RTCP uses the RTP port plus one (RFC 3550 §11).
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
