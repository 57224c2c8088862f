//! Synthetic calls: real Ethernet frames with known truth, for tests, benches and the demo.
//!
//! A [`Synthetic`] is a [`FrameSource`] like any other: IPv4 or IPv6, UDP, RTP, RTCP and SIP as
//! its [`Scenario`] says, in time order, the same frames for the same seed. Its worker owns it.
//! It holds a fixed number of pending events per call and one frame buffer: nothing grows while it
//! runs. A repeated scenario is made of other calls each time. What it sent and what it withheld is in
//! [`Synthetic::truth`].

mod call;
mod demo;
mod frame;
pub mod pcap;
mod repetition;
pub mod scenario;

use crate::capture::{CaptureError, Event, FrameSource};
use crate::clock;
use crate::frame::{Frame, InterfaceId, LinkType};
use crate::units::{Endpoint, NANOS_PER_SECOND, Second, Timestamp};
use repetition::Repetition;
use scenario::Scenario;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use demo::{DEMO_COMMITTED_BPS, DEMO_WINDOW_SECONDS, DemoPrefix, demo};

/// How fast frames come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendPace {
    /// One after the other, with packet times from `start` on; ends when all calls have ended.
    AsFastAsPossible {
        /// Packet time of the scenario's beginning.
        start: Timestamp,
    },
    /// By the wall clock, beginning with the next full second, so that no second is half seen.
    RealTime,
}

/// What was sent, and what was withheld, of one direction of one call, in all repetitions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Truth {
    /// Source of the RTP, the first time.
    pub src: Endpoint,
    /// Its destination, the first time.
    pub dst: Endpoint,
    /// SSRC, the first time.
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
    /// The repetition under way, and the one that follows, if one does: it may begin before the
    /// other is over.
    repetitions: Vec<Repetition>,
    /// Nanoseconds from the beginning of one to that of the next.
    period: u64,
    pace: SendPace,
    /// Packet time of the scenario's beginning; none before the first event.
    start: Option<Timestamp>,
    stop: Arc<AtomicBool>,
    buffer: Vec<u8>,
}

impl Synthetic {
    /// Prepares a scenario; `stop` ends it at the next event.
    pub fn new(scenario: &Scenario, pace: SendPace, stop: Arc<AtomicBool>) -> Self {
        let mut repetitions = vec![Repetition::new(scenario)];
        let mut period = 0;
        if let (Some(repeat), [first]) = (scenario.repeat, repetitions.as_slice()) {
            // Two at a time, no more: the third begins when the first is over.
            period = scenario::nanos(repeat).max(first.end().div_ceil(2));
            let mut second = Repetition::new(scenario);
            second.follow(first, period);
            repetitions.push(second);
        }
        Self {
            repetitions,
            period,
            pace,
            start: None,
            stop,
            buffer: Vec::with_capacity(2048),
        }
    }

    /// What was sent so far, two rows per call in the order of the scenario: forth, and back.
    pub fn truth(&self) -> impl Iterator<Item = Truth> + '_ {
        let mut repetitions = self.repetitions.iter().map(Repetition::truth);
        let first = repetitions.next().into_iter().flatten();
        let mut second = repetitions.next().into_iter().flatten();
        first.map(move |mut truth| {
            let other = second.next().unwrap_or_default();
            truth.packets += other.packets;
            truth.bytes += other.bytes;
            truth.lost += other.lost;
            truth.round_trips += other.round_trips;
            truth
        })
    }

    /// When the next act is due; none when there is nothing more to come.
    fn due(&self) -> Option<u64> {
        self.repetitions.iter().filter_map(Repetition::due).min()
    }

    /// Does the act that is due next, of the earlier repetition if both have one; the time of the
    /// frame that the buffer now holds, if there is one.
    fn act(&mut self, start: Timestamp) -> Option<Timestamp> {
        let acting = self.repetitions.iter_mut();
        let first = acting.min_by_key(|one| one.due().unwrap_or(u64::MAX))?;
        let sent = first.act(start, &mut self.buffer);
        if let [over, next] = self.repetitions.as_mut_slice()
            && over.due().is_none()
        {
            std::mem::swap(over, next);
            next.follow(over, self.period);
        }
        sent
    }

    /// In real time: waits until an act is due. The moment that is idle, if none is.
    fn wait(&mut self, start: Timestamp, at: u64) -> Option<Timestamp> {
        let now = clock::now();
        let mut due = start.plus(Duration::from_nanos(at));
        let lag = now.since(due);
        if lag > MAX_LAG {
            // By whole seconds, so that each second of the scenario stays one of packet time.
            let later = Duration::from_secs(lag.as_secs() + 1);
            self.start = Some(start.plus(later));
            due = due.plus(later);
        }
        if due <= now {
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
        if self.start.is_none() {
            self.start = Some(match self.pace {
                SendPace::AsFastAsPossible { start } => start,
                SendPace::RealTime => {
                    Second(clock::now().as_nanos().div_ceil(NANOS_PER_SECOND)).start()
                }
            });
            return Ok(Event::Interface(INTERFACE, "synthetic"));
        }
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Event::End);
            }
            let (Some(start), Some(at)) = (self.start, self.due()) else {
                return Ok(Event::End);
            };
            if self.pace == SendPace::RealTime
                && let Some(idle) = self.wait(start, at)
            {
                return Ok(Event::Idle(idle));
            }
            let start = self.start.unwrap_or(start);
            if let Some(time) = self.act(start) {
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
