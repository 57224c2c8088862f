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

/// Creates a channel to the judge for each worker.
pub(super) fn channels(
    workers: usize,
) -> (Vec<SyncSender<WorkerReport>>, Vec<Receiver<WorkerReport>>) {
    (0..workers).map(|_| sync_channel(CHANNEL)).unzip()
}

/// Judges until all workers have ended. Calls `judged` after each merged second.
pub(super) fn run(
    mut judge: Judge,
    mut policy: PolicyReader,
    receivers: &[Receiver<WorkerReport>],
    pacing: StepDetection,
    evidence: &mut dyn JudgementObserver,
    mut judged: impl FnMut(&Judge),
) -> Judge {
    let mut assembly = Assembly::new(receivers.len(), pacing);
    while let Some(slowest) = assembly.slowest() {
        // Wait for the slowest worker, then take what the others have sent, so that they do not block.
        match receivers.get(slowest).map(Receiver::recv) {
            Some(Ok(report)) => assembly.push(slowest, report),
            Some(Err(_)) | None => assembly.finish(slowest),
        }
        for (worker, receiver) in receivers.iter().enumerate() {
            while assembly.queued(worker) < HELD_BACK
                && let Ok(report) = receiver.try_recv()
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
