//! One time through a scenario: its calls, and what they do next.
//!
//! Each time the calls are others (SSRC, numbers, timestamps, ports, Call-ID, by the number of the
//! repetition), and what they do is the same to the nanosecond and to the lost packet.

use super::Truth;
use super::call::{Act, LiveCall};
use super::scenario::{Scenario, SplitMix};
use crate::units::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A repetition. It is begun anew when it is over, so that nothing is allocated while it runs.
pub(super) struct Repetition {
    number: u32,
    /// Its beginning, nanoseconds from the scenario's.
    origin: u64,
    seed: u64,
    calls: Vec<LiveCall>,
    /// Next acts by time; at most [`Act::PER_CALL`] per call.
    queue: BinaryHeap<Reverse<(u64, u32, Act)>>,
    losses: SplitMix,
}

impl Repetition {
    /// The first repetition.
    pub(super) fn new(scenario: &Scenario) -> Self {
        let calls = scenario.calls.iter();
        let calls: Vec<_> = calls
            .map(|call| LiveCall::new(call, scenario.report_interval))
            .collect();
        let mut repetition = Self {
            number: 0,
            origin: 0,
            seed: scenario.seed,
            queue: BinaryHeap::with_capacity(calls.len() * Act::PER_CALL),
            calls,
            losses: SplitMix::new(scenario.seed),
        };
        repetition.begin();
        repetition
    }

    /// Begins anew as the one after another, so many nanoseconds later.
    pub(super) fn follow(&mut self, before: &Self, period: u64) {
        self.number = before.number.wrapping_add(1);
        self.origin = before.origin.saturating_add(period);
        self.begin();
    }

    fn begin(&mut self) {
        let place = (self.number, self.origin);
        self.queue.clear();
        self.losses = SplitMix::new(self.seed);
        for (index, call) in (0_u32..).zip(&mut self.calls) {
            let random = [self.losses.next_u64(), self.losses.next_u64()];
            let queue = &mut self.queue;
            call.begin(place, random, &mut |at, act| {
                queue.push(Reverse((at, index, act)));
            });
        }
    }

    /// When all its calls are over.
    pub(super) fn end(&self) -> u64 {
        let ends = self.calls.iter().map(LiveCall::end);
        ends.max().unwrap_or(self.origin)
    }

    /// When its next act is due; none when it is over.
    pub(super) fn due(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Does what is due next, of a scenario that began at `start`: the time of the frame that
    /// `buffer` now holds, unless the packet is withheld.
    pub(super) fn act(&mut self, start: Timestamp, buffer: &mut Vec<u8>) -> Option<Timestamp> {
        let Reverse((at, index, act)) = self.queue.pop()?;
        let call = self.calls.get_mut(index as usize)?;
        let queue = &mut self.queue;
        let mut then = |at, act| queue.push(Reverse((at, index, act)));
        let time = start.plus(Duration::from_nanos(at));
        let is_sent = call.act(act, (at, time), &mut self.losses, buffer, &mut then);
        is_sent.then_some(time)
    }

    /// What was sent each time that it was begun.
    pub(super) fn truth(&self) -> impl Iterator<Item = Truth> + '_ {
        self.calls.iter().flat_map(LiveCall::truth)
    }

    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.queue.capacity()
    }
}
