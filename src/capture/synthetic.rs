//! Synthetic calls: Ethernet frames with a known truth, for tests, benches and the demo.
//!
//! A [`Synthetic`] is a [`FrameSource`]: IPv4 or IPv6, UDP, RTP, RTCP and SIP as its [`Scenario`]
//! says, in time order. The same seed gives the same frames. Its worker owns it. It holds a fixed
//! number of scheduled actions per call and one frame buffer; nothing grows while it runs. Each
//! repetition of a scenario has new calls. [`Synthetic::truth`] returns the sent and withheld packets.

mod call;
mod demo;
mod frame;
pub mod pcap;
mod repetition;
pub mod scenario;

use crate::capture::{CaptureError, Event, FrameSource};
use crate::clock;
use crate::frame::{Frame, InterfaceId, LinkType, Offload};
use crate::units::{Endpoint, NANOS_PER_SECOND, Second, Timestamp};
use repetition::Repetition;
use scenario::Scenario;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use demo::{DEMO_COMMITTED_BPS, DEMO_WINDOW_SECONDS, DemoPrefix, demo};

/// How fast frames are produced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendPace {
    /// Without waiting, with packet times from `start` on. Ends after the last call.
    AsFastAsPossible {
        /// Packet time of the start of the scenario.
        start: Timestamp,
    },
    /// By the wall clock. Starts at the next full second, so that no second is incomplete.
    RealTime,
}

/// The packets sent and withheld in one direction of one call, over all repetitions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Truth {
    /// Source of the RTP in the first repetition.
    pub src: Endpoint,
    /// Destination of the RTP in the first repetition.
    pub dst: Endpoint,
    /// SSRC in the first repetition.
    pub ssrc: u32,
    /// RTP packets that passed the capture point.
    pub packets: u64,
    /// Sum of their IP total lengths, in octets.
    pub bytes: u64,
    /// RTP packets withheld. Never the first or last of a stream, so each leaves a sequence gap.
    pub lost: u64,
    /// Sender reports that were answered: each is a measurable round trip to the other end.
    pub round_trips: u64,
}

/// Longest wait of one call of [`FrameSource::next`].
const POLL: Duration = Duration::from_millis(100);

/// Shortest wait in real time: frames come in batches, with 200 wakeups a second instead of one per
/// frame.
const BATCH: Duration = Duration::from_millis(5);

/// If the source is later than this, it moves the schedule on, and does not send a burst.
const MAX_LAG: Duration = Duration::from_secs(1);

/// The interface of all frames of this source.
const INTERFACE: InterfaceId = InterfaceId(0);

/// A source of synthetic frames.
pub struct Synthetic {
    /// The current repetition, and the next one, if the scenario repeats. They may overlap.
    repetitions: Vec<Repetition>,
    /// Nanoseconds from the start of one repetition to the start of the next.
    period: u64,
    pace: SendPace,
    /// Packet time of the start of the scenario; `None` before the first event.
    start: Option<Timestamp>,
    stop: Arc<AtomicBool>,
    buffer: Vec<u8>,
}

impl Synthetic {
    /// Prepares a scenario. Setting `stop` ends it at the next event.
    pub fn new(scenario: &Scenario, pace: SendPace, stop: Arc<AtomicBool>) -> Self {
        let mut repetitions = vec![Repetition::new(scenario)];
        let mut period = 0;
        if let (Some(repeat), [first]) = (scenario.repeat, repetitions.as_slice()) {
            // At most two overlap: the third starts when the first has ended.
            period = scenario::nanos(repeat).max(first.end().div_ceil(2));
            let mut second = Repetition::new(scenario);
            second.restart_after(first, period);
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

    /// The truth so far: two rows per call in the order of the scenario, first the caller's direction.
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

    /// Time of the next action, in nanoseconds from the start; `None` after the last.
    fn due(&self) -> Option<u64> {
        self.repetitions.iter().filter_map(Repetition::due).min()
    }

    /// Performs the next action of both repetitions. Returns the time of the frame in the buffer, if the
    /// action sends one.
    fn perform_next(&mut self, start: Timestamp) -> Option<Timestamp> {
        let repetitions = self.repetitions.iter_mut();
        let first = repetitions.min_by_key(|one| one.due().unwrap_or(u64::MAX))?;
        let sent = first.perform_next(start, &mut self.buffer);
        if let [ended, next] = self.repetitions.as_mut_slice()
            && ended.due().is_none()
        {
            std::mem::swap(ended, next);
            next.restart_after(ended, self.period);
        }
        sent
    }

    /// Waits in real time for an action at `at`, in nanoseconds from the start. Returns the time up to
    /// which the source is idle, if the action is not due yet.
    fn wait(&mut self, start: Timestamp, at: u64) -> Option<Timestamp> {
        let now = clock::now();
        let mut due = start.plus(Duration::from_nanos(at));
        let lag = now.since(due);
        if lag > MAX_LAG {
            // By whole seconds, so that seconds of the scenario stay aligned to UTC seconds.
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
        // The action is later than `now`, so no frame from before `now` follows.
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
            if let Some(time) = self.perform_next(start) {
                let length = u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
                return Ok(Event::Frame(Frame {
                    time,
                    link: LinkType::Ethernet,
                    octets: &self.buffer,
                    length,
                    interface: INTERFACE,
                    vlan: None,
                    offload: Offload::Single,
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
