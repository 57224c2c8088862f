//! The rings of several interfaces as one source, in order of capture time.
//!
//! With `capture.deduplicate` one worker reads the same queue of every interface, so that both copies
//! of a packet that two of them show come to one table of streams, and the first comes first (MODEL
//! §13). A frame waits until no other ring can hold an older one: some 120 ms beside a busy interface,
//! 250 ms beside a silent one. Until then it lies in its ring, which must have room for as much. Lives
//! as long as its worker.
#![forbid(unsafe_code)]

use super::Ring;
use super::block::BlockFrame;
use super::source::{RingSource, SETTLE_TIME, Supply};
use crate::capture::live::POLL;
use crate::capture::{BurstSink, CaptureError, Event, FrameSource};
use crate::clock;
use crate::units::Timestamp;
use std::time::Duration;

/// A frame so far in the future was captured before the clock was set back: packet time takes no smaller
/// step back for one either, and none waits longer than this for the others.
const CLOCK_STEP: Duration = Duration::from_secs(1);

/// Several rings, read together.
pub struct MergedRings {
    inputs: Vec<Input>,
}

/// A ring, and how far it is known.
struct Input {
    source: RingSource,
    /// The time of its next frame; `None` before its next block.
    next: Option<Timestamp>,
    /// No frame of a block to come is older, as of the last look.
    quiet_until: Timestamp,
    /// Whether its next frame was captured before the clock was set back.
    is_before_step: bool,
    has_ended: bool,
}

/// What comes next.
enum Turn {
    Event(usize),
    Frame(usize, BlockFrame),
    Idle(Timestamp),
    End,
}

impl MergedRings {
    /// Reads these sources together. Their interfaces must have different ids; of frames of one time that
    /// of the first source comes first.
    pub fn new(sources: Vec<RingSource>) -> Self {
        let inputs = sources.into_iter().map(|source| Input {
            source,
            next: None,
            quiet_until: Timestamp::default(),
            is_before_step: false,
            has_ended: false,
        });
        Self {
            inputs: inputs.collect(),
        }
    }

    /// The input with the oldest frame, and the time before which all its frames come before those of
    /// the others. `None` if another may still have an older one.
    #[inline]
    fn choose(&self) -> Option<(usize, Timestamp)> {
        if let Some(index) = self.inputs.iter().position(|input| input.is_before_step) {
            return Some((index, Timestamp::from_nanos(u64::MAX)));
        }
        let known = self.inputs.iter().enumerate();
        let known = known.filter_map(|(index, input)| Some((input.next?, index)));
        let (time, index) = known.min()?;
        let others = self.inputs.iter().enumerate();
        let limits = others.filter_map(|(other, input)| {
            // At one time, the first of them.
            let tie = Duration::from_nanos(u64::from(other > index));
            (other != index && !input.has_ended).then(|| input.bound().plus(tie))
        });
        let limit = limits.min().unwrap_or(Timestamp::from_nanos(u64::MAX));
        (time < limit).then_some((index, limit))
    }

    /// What comes next, after a wait if need be.
    fn turn(&mut self) -> Result<Turn, CaptureError> {
        loop {
            if let Some(index) = self.inputs.iter().position(|it| it.source.has_event()) {
                return Ok(Turn::Event(index));
            }
            let chosen = self.choose().map(|(index, _)| index);
            if let Some(index) = chosen
                && let Some(input) = self.inputs.get_mut(index)
                && let Some(found) = input.source.advance()
            {
                input.look();
                return Ok(Turn::Frame(index, found));
            }
            if self.inputs.iter().all(|input| input.has_ended) {
                return Ok(Turn::End);
            }
            let now = clock::now();
            if self.refill(now)? || self.choose().is_some() {
                continue;
            }
            self.wait(now)?;
            let open = self.inputs.iter().filter(|input| !input.has_ended);
            if let Some(idle) = open.map(Input::bound).min() {
                return Ok(Turn::Idle(idle));
            }
        }
    }

    /// Looks for the next block of each input that has none; whether there was anything.
    fn refill(&mut self, now: Timestamp) -> Result<bool, CaptureError> {
        let mut found = false;
        for input in &mut self.inputs {
            found |= input.refill(now)?;
        }
        for input in &mut self.inputs {
            let next = input.next.unwrap_or_default();
            input.is_before_step = next > now.plus(CLOCK_STEP);
        }
        Ok(found)
    }

    /// Waits for a block of an input that has none, or until the oldest frame need not wait any more.
    fn wait(&mut self, now: Timestamp) -> Result<(), CaptureError> {
        let oldest = self.inputs.iter().filter_map(|input| input.next).min();
        let until = oldest.map(|oldest| oldest.plus(SETTLE_TIME).since(now));
        let timeout = until.map_or(POLL, |until| POLL.min(until + Duration::from_millis(1)));
        let empty = self.inputs.iter_mut().filter(|input| input.is_empty());
        let mut empty: Vec<&mut Input> = empty.collect();
        let rings: Vec<&Ring> = empty.iter().map(|input| input.source.ring()).collect();
        match Ring::wait_for(&rings, timeout) {
            Ok(woken) => {
                for (input, wake) in empty.iter_mut().zip(woken) {
                    input.source.woken(wake);
                }
                Ok(())
            }
            Err(failure) => match empty.first() {
                Some(input) => Err(input.source.failed(failure)),
                None => Ok(()),
            },
        }
    }
}

impl Input {
    /// No frame that comes of it is older.
    fn bound(&self) -> Timestamp {
        self.next.unwrap_or(self.quiet_until)
    }

    /// Whether it waits for a block.
    fn is_empty(&self) -> bool {
        self.next.is_none() && !self.has_ended
    }

    /// Notes the next frame of its block.
    #[inline]
    fn look(&mut self) {
        self.next = self.source.peek().map(BlockFrame::time);
        self.is_before_step &= self.next.is_some();
    }

    /// Takes the next block, if it needs one; whether there was anything.
    fn refill(&mut self, now: Timestamp) -> Result<bool, CaptureError> {
        if !self.is_empty() {
            return Ok(false);
        }
        // Gives back the block that was read.
        if self.source.advance().is_some() {
            return Ok(true);
        }
        match self.source.supply()? {
            Supply::Block => self.look(),
            Supply::Events => {}
            Supply::Ended => self.has_ended = true,
            Supply::Nothing => {
                if let Some(time) = self.source.quiet_until(now) {
                    self.quiet_until = time;
                }
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl FrameSource for MergedRings {
    #[inline]
    fn burst(&mut self, sink: &mut impl BurstSink) {
        if self.inputs.iter().any(|input| input.source.has_event()) {
            return;
        }
        while let Some((index, limit)) = self.choose() {
            let Some(input) = self.inputs.get_mut(index) else {
                return;
            };
            let is_refused = input.source.offer_while(|time| time < limit, sink);
            input.look();
            if is_refused || input.next.is_none() {
                return;
            }
        }
    }

    #[inline]
    fn next(&mut self) -> Result<Event<'_>, CaptureError> {
        let turn = self.turn()?;
        let (Turn::Event(index) | Turn::Frame(index, _)) = turn else {
            return Ok(match turn {
                Turn::Idle(time) => Event::Idle(time),
                _ => Event::End,
            });
        };
        let Some(Input { source, .. }) = self.inputs.get_mut(index) else {
            return Ok(Event::End);
        };
        match turn {
            Turn::Frame(_, found) => source.taken(found).map(Event::Frame),
            _ => Ok(source.pop_event().unwrap_or(Event::End)),
        }
    }
}
