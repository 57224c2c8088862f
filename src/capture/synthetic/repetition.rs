//! One repetition of a scenario: its calls and their scheduled actions.
//!
//! Each repetition has new calls: SSRC, sequence numbers, timestamps, ports and Call-ID depend on its
//! number. Times and losses are the same in each.

use super::Truth;
use super::call::{Action, LiveCall};
use super::scenario::{Scenario, SplitMix};
use crate::units::Timestamp;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A repetition. It is restarted after its end, so that nothing is allocated while it runs.
pub(super) struct Repetition {
    number: u32,
    /// Its start, in nanoseconds from the start of the scenario.
    origin: u64,
    seed: u64,
    calls: Vec<LiveCall>,
    /// Scheduled actions by time; at most [`Action::PER_CALL`] per call.
    queue: BinaryHeap<Reverse<(u64, u32, Action)>>,
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
            queue: BinaryHeap::with_capacity(calls.len() * Action::PER_CALL),
            calls,
            losses: SplitMix::new(scenario.seed),
        };
        repetition.begin();
        repetition
    }

    /// Restarts as the repetition after `previous`, `period` nanoseconds later.
    pub(super) fn restart_after(&mut self, previous: &Self, period: u64) {
        self.number = previous.number.wrapping_add(1);
        self.origin = previous.origin.saturating_add(period);
        self.begin();
    }

    fn begin(&mut self) {
        let position = (self.number, self.origin);
        self.queue.clear();
        self.losses = SplitMix::new(self.seed);
        for (index, call) in (0_u32..).zip(&mut self.calls) {
            let random = [self.losses.next_u64(), self.losses.next_u64()];
            let queue = &mut self.queue;
            call.begin(position, random, &mut |at, action| {
                queue.push(Reverse((at, index, action)));
            });
        }
    }

    /// End of its last call, in nanoseconds from the start of the scenario.
    pub(super) fn end(&self) -> u64 {
        let ends = self.calls.iter().map(LiveCall::end);
        ends.max().unwrap_or(self.origin)
    }

    /// Time of its next action, in nanoseconds from the start of the scenario; `None` after the last.
    pub(super) fn due(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Performs the next action of a scenario that began at `start`. Returns the time of the frame in
    /// `buffer`, unless the packet is withheld.
    pub(super) fn perform_next(
        &mut self,
        start: Timestamp,
        buffer: &mut Vec<u8>,
    ) -> Option<Timestamp> {
        let Reverse((at, index, action)) = self.queue.pop()?;
        let call = self.calls.get_mut(index as usize)?;
        let queue = &mut self.queue;
        let mut schedule = |at, action| queue.push(Reverse((at, index, action)));
        let time = start.plus(Duration::from_nanos(at));
        let is_sent = call.perform(action, (at, time), &mut self.losses, buffer, &mut schedule);
        is_sent.then_some(time)
    }

    /// The truth over all restarts of this repetition.
    pub(super) fn truth(&self) -> impl Iterator<Item = Truth> + '_ {
        self.calls.iter().flat_map(LiveCall::truth)
    }

    #[cfg(test)]
    pub(super) fn queue_capacity(&self) -> usize {
        self.queue.capacity()
    }
}
