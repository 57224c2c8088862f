//! Synthetic calls: real Ethernet frames with known truth, for tests, benches and the demo.
//!
//! A [`Synthetic`] is a [`FrameSource`] like any other: IPv4 or IPv6, UDP, RTP, RTCP and SIP as
//! its [`Scenario`] says, in time order, the same frames for the same seed. Its worker owns it.
//! It holds a fixed number of pending events per call and one frame buffer: nothing grows while it
//! runs. What it sent and what it withheld is in [`Synthetic::truth`].

mod call;
mod demo;
mod frame;
pub mod pcap;
pub mod scenario;

use crate::capture::{CaptureError, Event, Frame, FrameSource, InterfaceId, LinkType};
use crate::clock;
use crate::units::{Endpoint, NANOS_PER_SECOND, Second, Timestamp};
use call::{Act, LiveCall};
use scenario::{Scenario, SplitMix};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use demo::{DEMO_COMMITTED_BPS, DEMO_WINDOW_SECONDS, DemoPrefix, demo};

/// How fast frames come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// One after the other, with packet times from `start` on; ends when all calls have ended.
    AsFastAsPossible {
        /// Packet time of the scenario's beginning.
        start: Timestamp,
    },
    /// By the wall clock, beginning with the next full second, so that no second is half seen.
    RealTime,
}

/// What was sent, and what was withheld, of one direction of one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Truth {
    /// Source of the RTP.
    pub src: Endpoint,
    /// Its destination.
    pub dst: Endpoint,
    /// SSRC of the last repetition.
    pub ssrc: u32,
    /// RTP packets that came past the tap.
    pub packets: u64,
    /// Their IP total lengths.
    pub bytes: u64,
    /// RTP packets withheld; never the first nor the last of a stream, so each is a gap.
    pub lost: u64,
    /// Sender reports that were answered: round trips to the other end that can be measured.
    pub round_trips: u64,
}

/// A live source returns at the latest after this (the contract of [`FrameSource::next`]).
const POLL: Duration = Duration::from_millis(100);

/// In real time frames are handed over in batches of this: 200 wakeups a second, not one a frame.
const BATCH: Duration = Duration::from_millis(5);

/// A process that slept longer than this goes on from now, not with a burst of the past.
const MAX_LAG: Duration = Duration::from_secs(1);

/// Where all frames of this source are captured.
const INTERFACE: InterfaceId = InterfaceId(0);

/// A source of synthetic frames.
pub struct Synthetic {
    calls: Vec<LiveCall>,
    /// Next acts by time; at most [`Act::PER_CALL`] per call.
    queue: BinaryHeap<Reverse<(u64, u32, Act)>>,
    rng: SplitMix,
    pace: Pace,
    /// Packet time of the scenario's beginning; none before the first event.
    start: Option<Timestamp>,
    repeat_nanos: Option<u64>,
    stop: Arc<AtomicBool>,
    buffer: Vec<u8>,
}

impl Synthetic {
    /// Prepares a scenario; `stop` ends it at the next event.
    pub fn new(scenario: &Scenario, pace: Pace, stop: Arc<AtomicBool>) -> Self {
        let mut rng = SplitMix::new(scenario.seed);
        let calls: Vec<LiveCall> = scenario
            .calls
            .iter()
            .map(|call| LiveCall::new(call, scenario.report_interval, &mut rng))
            .collect();
        let mut queue = BinaryHeap::with_capacity(calls.len() * Act::PER_CALL);
        for (index, call) in (0_u32..).zip(&calls) {
            call.begin(&mut |at, act| queue.push(Reverse((at, index, act))));
        }
        Self {
            calls,
            queue,
            rng,
            pace,
            start: None,
            repeat_nanos: scenario.repeat.map(scenario::nanos),
            stop,
            buffer: Vec::with_capacity(2048),
        }
    }

    /// What was sent so far, two rows per call in the order of the scenario: forth, and back.
    pub fn truth(&self) -> impl Iterator<Item = Truth> + '_ {
        self.calls.iter().flat_map(LiveCall::truth)
    }

    /// In real time: waits until the next act is due. The moment that is idle, if none is.
    fn wait(&mut self, start: Timestamp, due: u64) -> Option<Timestamp> {
        let now = clock::now();
        let due = start.plus(Duration::from_nanos(due));
        if due <= now {
            let lag = now.since(due);
            if lag > MAX_LAG {
                self.start = Some(start.plus(lag));
            }
            return None;
        }
        let ahead = due.since(now);
        clock::wait(ahead.clamp(BATCH, POLL));
        let now = clock::now();
        // Nothing from before the last moment still to come: what is due is later than `now`.
        (due > now).then_some(now)
    }
}

impl FrameSource for Synthetic {
    fn next(&mut self) -> Result<Event<'_>, CaptureError> {
        let Some(start) = self.start else {
            self.start = Some(match self.pace {
                Pace::AsFastAsPossible { start } => start,
                Pace::RealTime => {
                    Second(clock::now().as_nanos().div_ceil(NANOS_PER_SECOND)).start()
                }
            });
            return Ok(Event::Interface(INTERFACE, "synthetic"));
        };
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Event::End);
            }
            let Some(Reverse((due, _, _))) = self.queue.peek().copied() else {
                return Ok(Event::End);
            };
            if self.pace == Pace::RealTime
                && let Some(idle) = self.wait(start, due)
            {
                return Ok(Event::Idle(idle));
            }
            let start = self.start.unwrap_or(start);
            let Some(Reverse((at, index, act))) = self.queue.pop() else {
                return Ok(Event::End);
            };
            let Some(call) = self.calls.get_mut(index as usize) else {
                continue;
            };
            let queue = &mut self.queue;
            let mut then = |at, act| queue.push(Reverse((at, index, act)));
            let time = start.plus(Duration::from_nanos(at));
            let sent = call.act(act, at, time, &mut self.rng, &mut self.buffer, &mut then);
            if act == Act::End
                && let Some(repeat) = self.repeat_nanos
            {
                call.begin_again(repeat, &mut then);
            }
            if sent {
                let length = u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
                return Ok(Event::Frame(Frame {
                    time,
                    link: LinkType::Ethernet,
                    octets: &self.buffer,
                    length,
                    interface: INTERFACE,
                    vlan: None,
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
