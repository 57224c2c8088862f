//! Puts the seconds of all workers together: a second is whole when every worker has closed it.
//!
//! Pure: reports in, merged seconds out. What waits is bounded by the channels in front.

use crate::attribution::scopes::ScopePlan;
use crate::meter::second::{
    ClosedSecond, IncompleteRange, SecondCounts, WorkerReport, WorkerState,
};
use crate::units::Second;
use std::collections::VecDeque;
use std::sync::Arc;

/// What the judge takes next.
#[derive(Debug)]
pub enum JudgeInput {
    /// All workers have begun; the last of them in this second.
    Opened(Second),
    /// Packet time has jumped back into this second.
    Stepped(Second),
    /// A second of all workers, and the idle ones after it up to and with `through`.
    Second {
        /// The second.
        second: Second,
        /// The last idle second after it.
        through: Second,
        /// What each worker that had something has counted.
        parts: Vec<WorkerPart>,
    },
}

/// One worker's part of a second.
#[derive(Debug)]
pub struct WorkerPart {
    /// Which worker.
    pub number: usize,
    /// What it counted.
    pub counts: SecondCounts,
    /// What came for seconds before.
    pub amendments: Vec<(Second, SecondCounts)>,
    /// Seconds not seen whole.
    pub incomplete: Vec<IncompleteRange>,
    /// The scopes its masks refer to.
    pub scopes: Arc<ScopePlan>,
    /// Its own state.
    pub worker: WorkerState,
}

#[derive(Debug, Default)]
struct Queue {
    reports: VecDeque<WorkerReport>,
    /// The last second closed by what is queued or was; none before it has opened.
    horizon: Option<Second>,
    over: bool,
}

/// Who tells the workers that packet time has jumped back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepDetection {
    /// One reader tells all of them, at the same place of the capture.
    Together,
    /// Each finds out by its own packets, a little sooner or later, or never.
    Apart,
}

/// The workers' reports that wait for each other.
#[derive(Debug)]
pub struct Assembly {
    queues: Vec<Queue>,
    pacing: StepDetection,
    opened: bool,
}

impl Assembly {
    /// For so many workers.
    pub fn new(workers: usize, pacing: StepDetection) -> Self {
        Self {
            queues: (0..workers).map(|_| Queue::default()).collect(),
            pacing,
            opened: false,
        }
    }

    /// Takes a worker's report.
    pub fn push(&mut self, worker: usize, report: WorkerReport) {
        let Some(queue) = self.queues.get_mut(worker) else {
            return;
        };
        match &report {
            WorkerReport::Opened(second) => {
                queue.horizon = Some(second.previous());
                // The windows of the others go on: this one was not there before.
                if self.opened {
                    return;
                }
            }
            WorkerReport::Stepped(second) => queue.horizon = Some(second.previous()),
            WorkerReport::Closed(closed) => queue.horizon = Some(closed.through),
        }
        queue.reports.push_back(report);
    }

    /// Nothing more will come from a worker.
    pub fn finish(&mut self, worker: usize) {
        if let Some(queue) = self.queues.get_mut(worker) {
            queue.over = true;
        }
    }

    /// Reports queued of one worker.
    pub fn queued(&self, worker: usize) -> usize {
        self.queues
            .get(worker)
            .map_or(0, |queue| queue.reports.len())
    }

    /// Pairs of origins in the reports queued of one worker.
    pub fn queued_pairs(&self, worker: usize) -> usize {
        let queue = self.queues.get(worker);
        let reports = queue.map(|queue| queue.reports.iter());
        reports.map_or(0, |reports| reports.map(WorkerReport::pairs).sum())
    }

    /// The worker that the others wait for: the one to listen to. None when all are over.
    pub fn slowest(&self) -> Option<usize> {
        let alive = self
            .queues
            .iter()
            .enumerate()
            .filter(|(_, queue)| !queue.over);
        // One that has stepped back waits for the others, not they for it.
        let slowest = alive.min_by_key(|(_, queue)| (queue.has_step(), queue.horizon));
        slowest.map(|(number, _)| number)
    }

    /// The next thing that is complete, if any.
    pub fn next_merged(&mut self) -> Option<JudgeInput> {
        if !self.opened {
            return self.open();
        }
        if let Some(stepped) = self.step() {
            return Some(stepped);
        }
        let limit = self.limit();
        let second = self.earliest()?;
        if second > limit {
            return None;
        }
        Some(self.merge(second, limit))
    }

    /// All seconds up to this one are complete.
    fn limit(&self) -> Second {
        // A worker with a step in its queue is not waited for: it left this time line.
        let waiting = self
            .queues
            .iter()
            .filter(|queue| !queue.over && !queue.has_step());
        let everything = Second(u64::MAX);
        waiting
            .map(|queue| queue.horizon.unwrap_or_default())
            .min()
            .unwrap_or(everything)
    }

    fn open(&mut self) -> Option<JudgeInput> {
        let mut latest = None;
        for queue in &self.queues {
            match queue.reports.front() {
                Some(WorkerReport::Opened(second)) => latest = latest.max(Some(*second)),
                Some(WorkerReport::Closed(_) | WorkerReport::Stepped(_)) => {}
                None if queue.over => {}
                None => return None,
            }
        }
        self.opened = true;
        for queue in &mut self.queues {
            if matches!(queue.reports.front(), Some(WorkerReport::Opened(_))) {
                queue.reports.pop_front();
            }
        }
        latest.map(JudgeInput::Opened)
    }

    /// A step back, once what its workers still have of the old time line is judged. Where they
    /// are paced together all of them step together.
    fn step(&mut self) -> Option<JudgeInput> {
        let steps = |queue: &&Queue| match self.pacing {
            StepDetection::Together => !queue.over || !queue.reports.is_empty(),
            StepDetection::Apart => queue.has_step(),
        };
        let mut stepping = self.queues.iter().filter(steps).peekable();
        stepping.peek()?;
        if !stepping.all(|queue| queue.front_step().is_some()) {
            return None;
        }
        let mut back_to = None;
        for queue in &mut self.queues {
            if let Some(second) = queue.front_step() {
                queue.reports.pop_front();
                back_to = Some(back_to.map_or(second, |earliest| second.min(earliest)));
            }
        }
        back_to.map(JudgeInput::Stepped)
    }

    /// The earliest second that any worker has something for.
    fn earliest(&self) -> Option<Second> {
        let fronts = self
            .queues
            .iter()
            .filter_map(|queue| match queue.reports.front()? {
                WorkerReport::Closed(closed) => Some(closed.second),
                WorkerReport::Opened(_) | WorkerReport::Stepped(_) => None,
            });
        fronts.min()
    }

    fn merge(&mut self, second: Second, limit: Second) -> JudgeInput {
        let mut closed_now = Vec::new();
        for (number, queue) in self.queues.iter_mut().enumerate() {
            if matches!(queue.reports.front(), Some(WorkerReport::Closed(c)) if c.second == second)
                && let Some(WorkerReport::Closed(closed)) = queue.reports.pop_front()
            {
                closed_now.push((number, closed));
            }
        }
        let idle = closed_now
            .iter()
            .map(|(_, closed)| closed.through)
            .max()
            .unwrap_or(second);
        let next = self.earliest().map_or(limit, Second::previous);
        let through = idle.min(limit).min(next).max(second);
        let parts = closed_now
            .into_iter()
            .map(|(number, closed)| self.part(number, *closed, through));
        JudgeInput::Second {
            second,
            through,
            parts: parts.collect(),
        }
    }

    /// A worker's part of a second; idle time after `through` goes back into its queue.
    fn part(&mut self, number: usize, closed: ClosedSecond, through: Second) -> WorkerPart {
        let ClosedSecond {
            counts,
            amendments,
            incomplete,
            scopes,
            worker,
            through: idle,
            ..
        } = closed;
        if idle > through
            && let Some(queue) = self.queues.get_mut(number)
        {
            let rest = ClosedSecond {
                second: through.next(),
                through: idle,
                counts: SecondCounts::default(),
                amendments: Vec::new(),
                incomplete: Vec::new(),
                scopes: scopes.clone(),
                worker: worker.clone(),
            };
            queue
                .reports
                .push_front(WorkerReport::Closed(Box::new(rest)));
        }
        WorkerPart {
            number,
            counts,
            amendments,
            incomplete,
            scopes,
            worker,
        }
    }
}

impl Queue {
    fn has_step(&self) -> bool {
        self.reports
            .iter()
            .any(|report| matches!(report, WorkerReport::Stepped(_)))
    }

    /// Where a step back leads to, if it is what comes next.
    fn front_step(&self) -> Option<Second> {
        match self.reports.front()? {
            WorkerReport::Stepped(second) => Some(*second),
            WorkerReport::Opened(_) | WorkerReport::Closed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
