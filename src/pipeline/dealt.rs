//! Captures that several workers replay: whoever reads a piece tells the others of the plain voice in
//! it, so that a frame is looked at once, however many workers there are.

#[cfg(test)]
mod tests;

use crate::capture::file::{Dealing, FileSource, SHOWN_EVERY};
use crate::capture::{CaptureError, Frame};
use crate::pipeline::pace::GRACE;
use crate::pipeline::share::Share;
use crate::pipeline::steps::{Interest, Paced, Step, StepSource, TOGETHER};
use crate::voice::{Glanced, Rules};
use crate::wire::media::{self, Glance, Ip, Plain};

// Else a second could close at a frame that not all workers are shown.
const _: () = assert!(
    GRACE.as_nanos().is_multiple_of(SHOWN_EVERY.as_nanos())
        && 1_000_000_000_u128.is_multiple_of(SHOWN_EVERY.as_nanos())
);

/// One worker's source of steps.
pub struct Dealt(Paced<FileSource<Glanced>>);

impl Dealt {
    /// A worker's part of some files.
    pub fn new(source: FileSource<Glanced>) -> Self {
        Self(Paced::new(source))
    }

    /// The source.
    pub fn source(&self) -> &FileSource<Glanced> {
        self.0.source()
    }
}

impl StepSource for Dealt {
    #[inline]
    fn next(&mut self) -> Result<Step<'_>, CaptureError> {
        self.0.next()
    }

    #[inline]
    fn gather(&mut self, interest: &Interest) -> &[Glanced] {
        if !self.0.source().is_dealt() {
            return self.0.gather(interest);
        }
        let (source, pace) = self.0.parts();
        source.take(TOGETHER, |card| pace.follows(card.held.time))
    }
}

/// Says of a frame which of so many workers has to know of it.
pub fn dealer(
    workers: usize,
    rules: Rules,
) -> impl Fn(&Frame<'_>, Dealing<'_, Glanced>) + Clone + Send + Sync + 'static {
    let table = Table { workers, rules };
    move |frame, dealing| match media::glance(frame) {
        Some(Glance::V4(plain)) => table.tell(frame, &plain, dealing),
        Some(Glance::V6(plain)) => table.tell(frame, &plain, dealing),
        None => dealing.show_all(),
    }
}

/// Who sits there, and what they play by.
#[derive(Clone)]
struct Table {
    workers: usize,
    rules: Rules,
}

impl Table {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a frame is not worth a call")]
    fn tell(&self, frame: &Frame<'_>, plain: &Plain<'_, impl Ip>, dealing: Dealing<'_, Glanced>) {
        let ends = plain.ends();
        let worker = Share::number(ends, self.workers);
        match self.rules.glance(frame, plain) {
            Some(packet) => dealing.tell(worker, packet),
            // Signalling is heard by all.
            None if self.rules.is_sip_port(ends) => dealing.show_all(),
            None => dealing.show(worker),
        }
    }
}
