//! Capture files, one after the other: pcap and pcapng, from disk or standard input.
//!
//! The reading thread owns a [`FileSource`] for one replay. Frames are borrowed from the read
//! buffer. A file that is cut off at its end gives what it has and a warning; one that is damaged
//! in the middle is refused with the offset, because what would follow is guesswork.

mod names;
mod opened;
mod order;
mod pcap;
mod pcapng;
mod progress;
mod reader;
mod step;
#[cfg(test)]
mod tests;

pub use self::progress::Progress;

use self::names::Names;
use self::opened::{Opened, STDIN};
use self::step::{Found, Step};
use super::{CaptureError, Event, FrameSource, Unseen, UnseenCause};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A source of the frames of capture files.
pub struct FileSource {
    /// Files not yet begun, the next one last.
    waiting: Vec<PathBuf>,
    current: Option<Opened>,
    names: Names,
    /// A frame that waits behind what had to be said before it.
    held: Option<Found>,
    /// Whether the first frame has come.
    started: bool,
    warnings: Vec<String>,
    progress: Arc<Progress>,
}

impl FileSource {
    /// Opens capture files; `-` is standard input. Pipes are read first, in the order given,
    /// because their first frame can not be looked at without reading them; then files in the
    /// order of their first frame's time. Nothing is merged.
    ///
    /// # Errors
    /// [`CaptureError::NoFile`], [`CaptureError::Read`] or [`CaptureError::Format`] for the first
    /// path that is no readable capture.
    pub fn open(paths: &[PathBuf]) -> Result<Self, CaptureError> {
        let mut waiting = Vec::with_capacity(paths.len());
        let mut total = Some(0_u64);
        for path in paths {
            let size = Self::size(path)?;
            total = total.zip(size).map(|(total, size)| total + size);
            let first = match size {
                Some(_) if paths.len() > 1 => opened::first_time(path)?,
                _ => None,
            };
            waiting.push((size.is_some(), first, path.clone()));
        }
        // Stable: what has no first frame, or the same, stays in the order given.
        waiting.sort_by_key(|&(regular, first, _)| (regular, first));
        let mut source = Self {
            waiting: waiting.into_iter().rev().map(|(.., path)| path).collect(),
            current: None,
            names: Names::new(),
            held: None,
            started: false,
            warnings: Vec::new(),
            progress: Arc::new(Progress::new(total)),
        };
        source.begin_next()?;
        Ok(source)
    }

    /// What is to be said about the files read so far, one line each, without a frame lost: a
    /// file that was cut off, frames without a time. Complete after [`Event::End`].
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// How far this source has come; may be watched from another thread.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Octets of a regular file, `None` for a pipe.
    fn size(path: &Path) -> Result<Option<u64>, CaptureError> {
        if path.as_os_str() == STDIN {
            return Ok(None);
        }
        let metadata = std::fs::metadata(path).map_err(|source| opened::missing(path, source))?;
        Ok(metadata.is_file().then_some(metadata.len()))
    }

    fn begin_next(&mut self) -> Result<(), CaptureError> {
        self.current = match self.waiting.pop() {
            Some(path) => Some(Opened::open(&path, Arc::clone(&self.progress))?),
            None => None,
        };
        Ok(())
    }

    /// The next step, over the ends of files.
    #[inline]
    fn step(&mut self) -> Result<Step, CaptureError> {
        loop {
            let Some(current) = &mut self.current else {
                return Ok(Step::End);
            };
            match current.step(&mut self.names)? {
                Step::End => self.end_current(None)?,
                Step::Cut { offset } => self.end_current(Some(offset))?,
                step => return Ok(step),
            }
        }
    }

    #[cold]
    fn end_current(&mut self, cut: Option<u64>) -> Result<(), CaptureError> {
        if let Some(ended) = self.current.take() {
            self.warnings.extend(ended.remarks(cut));
        }
        self.begin_next()
    }

    /// Frames of the second in which the capture began, from before it began, are missing.
    #[cold]
    fn start(&mut self, found: Found) -> Option<Unseen> {
        self.started = true;
        let from = found.time.second().start();
        (from < found.time).then_some(Unseen {
            from,
            until: found.time,
            frames: 0,
            interface: found.interface,
            cause: UnseenCause::Started,
        })
    }
}

impl FrameSource for FileSource {
    #[inline]
    fn next(&mut self) -> Result<Event<'_>, CaptureError> {
        let step = match self.held.take() {
            Some(found) => Step::Frame(found),
            None => self.step()?,
        };
        let found = match step {
            Step::Frame(found) => found,
            Step::FrameAfter(unseen, found) => {
                self.held = Some(found);
                return Ok(Event::Unseen(unseen));
            }
            Step::Unseen(unseen) => return Ok(Event::Unseen(unseen)),
            Step::Interface(id) => return Ok(Event::Interface(id, self.names.name(id))),
            Step::Cut { .. } | Step::End => return Ok(Event::End),
        };
        if !self.started
            && let Some(unseen) = self.start(found)
        {
            self.held = Some(found);
            return Ok(Event::Unseen(unseen));
        }
        match &self.current {
            Some(opened) => Ok(Event::Frame(found.frame(&opened.reader))),
            None => Ok(Event::End),
        }
    }
}
