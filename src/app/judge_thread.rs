//! The judge's thread: takes the reports of all workers, and publishes snapshots.

use super::shared_policy::PolicyReader;
use crate::events;
use crate::judge::Judge;
use crate::judge::assembly::{Assembly, StepDetection};
use crate::meter::second::WorkerReport;
use crate::snapshot::evidence::JudgementObserver;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Capacity of a worker's channel in reports. If it is full, the worker waits and its ring buffers frames.
const CHANNEL: usize = 64;

/// Most reports of one worker that wait for slower workers; further ones stay in its channel.
const HELD_BACK: usize = 256;

/// Pairs of origins that a place of the channel stands for: a report with more takes more places. So no
/// more than 786,432 pairs of a worker are on their way, some 350 MB.
const PAIRS_OF_PLACE: usize = 8192;

/// Pairs in reports of one worker that wait for slower ones; further reports stay in its channel.
const MAX_HELD_PAIRS: usize = 1 << 19;

/// What goes over a worker's channel; none: a place that the report before it takes as well.
type ReportSlot = Option<WorkerReport>;

/// A worker's end of its channel.
#[derive(Clone, Debug)]
pub(super) struct ReportSender(SyncSender<ReportSlot>);

impl ReportSender {
    /// Sends a report. Waits for room.
    pub(super) fn send(&self, report: WorkerReport) {
        let more = report.pairs() / PAIRS_OF_PLACE;
        // Fails only if the judge panicked; joining its thread reports that.
        let _ = self.0.send(Some(report));
        for _ in 0..more {
            let _ = self.0.send(None);
        }
    }
}

/// The judge's end of a worker's channel.
#[derive(Debug)]
pub(super) struct ReportReceiver(Receiver<ReportSlot>);

impl ReportReceiver {
    /// Waits for the next report; none: the worker has ended.
    pub(super) fn recv(&self) -> Option<WorkerReport> {
        loop {
            if let Some(report) = self.0.recv().ok()? {
                return Some(report);
            }
        }
    }

    /// The next report, if one is there.
    pub(super) fn try_recv(&self) -> Option<WorkerReport> {
        loop {
            if let Some(report) = self.0.try_recv().ok()? {
                return Some(report);
            }
        }
    }
}

/// A channel.
pub(super) fn channel() -> (ReportSender, ReportReceiver) {
    let (sender, receiver) = sync_channel(CHANNEL);
    (ReportSender(sender), ReportReceiver(receiver))
}

/// Creates a channel to the judge for each worker.
pub(super) fn channels(workers: usize) -> (Vec<ReportSender>, Vec<ReportReceiver>) {
    (0..workers).map(|_| channel()).unzip()
}

/// Judges until all workers have ended. Calls `judged` after each merged second.
pub(super) fn run(
    mut judge: Judge,
    mut policy: PolicyReader,
    receivers: &[ReportReceiver],
    pacing: StepDetection,
    evidence: &mut dyn JudgementObserver,
    mut judged: impl FnMut(&Judge),
) -> Judge {
    let mut assembly = Assembly::new(receivers.len(), pacing);
    while let Some(slowest) = assembly.slowest() {
        // Wait for the slowest worker, then take what the others have sent, so that they do not block.
        match receivers.get(slowest).and_then(ReportReceiver::recv) {
            Some(report) => assembly.push(slowest, report),
            None => assembly.finish(slowest),
        }
        for (worker, receiver) in receivers.iter().enumerate() {
            while assembly.queued(worker) < HELD_BACK
                && assembly.queued_pairs(worker) < MAX_HELD_PAIRS
                && let Some(report) = receiver.try_recv()
            {
                assembly.push(worker, report);
            }
        }
        while let Some(merged) = assembly.next_merged() {
            if let Some(policy) = policy.newer() {
                judge.revise(policy);
            }
            judge.judge_input(merged, evidence);
            for notice in judge.take_notices() {
                events::out_of_sla(&notice);
            }
            judged(&judge);
        }
    }
    judge
}
