//! Capture files, one after the other: pcap and pcapng, from disk or standard input.
//!
//! The reading thread owns a [`FileSource`] for one replay. Frames are borrowed from the read
//! buffer. A file that is cut off at its end gives what it has and a warning; one that is damaged
//! in the middle is refused with the offset, because what would follow is guesswork.

mod ahead;
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
use self::step::{Aside, Found};
use super::{CaptureError, Event, FrameSource, Take, Unseen, UnseenCause};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A source of the frames of capture files.
pub struct FileSource {
    /// Files not yet begun, the next one last.
    waiting: Vec<PathBuf>,
    current: Option<Opened>,
    names: Names,
    /// The last frame found.
    found: Found,
    /// Whether it still waits behind what had to be said before it.
    held: bool,
    /// Whether the first frame has come.
    started: bool,
    /// Whether another thread reads.
    ahead: bool,
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
            found: Found::NONE,
            held: false,
            started: false,
            ahead: false,
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

    /// Lets a thread of its own read the files from now on.
    ///
    /// # Errors
    /// [`CaptureError::Read`] where there can be none.
    pub fn read_ahead(&mut self) -> Result<(), CaptureError> {
        self.ahead = true;
        self.current.as_mut().map_or(Ok(()), Opened::read_ahead)
    }

    fn begin_next(&mut self) -> Result<(), CaptureError> {
        self.current = match self.waiting.pop() {
            Some(path) => Some(Opened::open(&path, Arc::clone(&self.progress))?),
            None => None,
        };
        if self.ahead {
            self.read_ahead()?;
        }
        Ok(())
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
    fn start(&mut self) -> Option<Unseen> {
        let found = self.found;
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
        while !std::mem::take(&mut self.held) {
            let Some(current) = &mut self.current else {
                return Ok(Event::End);
            };
            let Err(aside) = current.step(&mut self.names, &mut self.found) else {
                break;
            };
            match *aside {
                Aside::End => self.end_current(None)?,
                Aside::Cut(offset) => self.end_current(Some(offset))?,
                Aside::Interface(id) => return Ok(Event::Interface(id, self.names.name(id))),
                Aside::Unseen(unseen, frame_follows) => {
                    self.held = frame_follows;
                    return Ok(Event::Unseen(unseen));
                }
                Aside::Read(_) | Aside::Format(_) => return Err(current.failed(*aside)),
            }
        }
        if !self.started
            && let Some(unseen) = self.start()
        {
            self.held = true;
            return Ok(Event::Unseen(unseen));
        }
        match &self.current {
            Some(current) => Ok(Event::Frame(self.found.frame(&current.reader))),
            None => Ok(Event::End),
        }
    }

    #[inline]
    fn burst(&mut self, taker: &mut impl Take) {
        if let (Some(current), true, false) = (&mut self.current, self.started, self.held) {
            current.burst(taker);
        }
    }
}
