//! Capture files, one after the other: pcap and pcapng, from disk or standard input.
//!
//! A worker owns a [`FileSource`] for one replay; several read each file once between them, and tell
//! each other what is in it. Frames are borrowed from what was read. A file that is cut off
//! at its end gives what it has and a warning; one that is damaged in the middle is refused with the
//! offset, because what would follow is guesswork.

mod byte_order;
mod chunk;
mod input;
mod names;
mod opened;
mod partition;
mod partitioned;
mod pcap;
mod pcap_partitioner;
mod pcapng;
mod progress;
mod reader;
mod shared_reader;
mod step;
#[cfg(test)]
mod tests;
mod work_queue;

pub use self::partitioned::Assignment;
pub use self::pcap_partitioner::SHOWN_EVERY;
pub use self::progress::ReadProgress;

use self::names::InterfaceNames;
use self::opened::{Opened, STDIN};
use self::partition::{Partition, RecordScan};
use self::pcap_partitioner::PcapPartitioner;
use self::reader::Reader;
use self::step::{FoundFrame, NonFrame};
use super::{BurstSink, CaptureError, CaptureGap, Event, FrameSource, GapCause};
use crate::frame::Frame;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A source of the frames of capture files; if it is one of several, of cards for some of them.
pub struct FileSource<C = ()> {
    /// Files not yet begun, the next one last.
    waiting: Vec<PathBuf>,
    current: Option<Opened>,
    reader: Reader<C>,
    names: InterfaceNames,
    /// The last frame found.
    found: FoundFrame,
    /// Whether it still waits behind what had to be said before it.
    held: bool,
    /// Whether the first frame has come.
    started: bool,
    warnings: Vec<String>,
    progress: Arc<ReadProgress>,
}

impl FileSource {
    /// Opens capture files; `-` is standard input. Pipes are read first, in the order given,
    /// because their first frame cannot be looked at without reading them; then files in the
    /// order of their first frame's time. Nothing is merged.
    ///
    /// # Errors
    /// [`CaptureError::NoFile`], [`CaptureError::Read`] or [`CaptureError::Format`] for the first
    /// path that is no readable capture.
    pub fn open(paths: &[PathBuf]) -> Result<Self, CaptureError> {
        let mut only = Self::open_for(1, paths, |_, assignment| assignment.show_all())?;
        Ok(only.swap_remove(0))
    }
}

impl<C: Send + Sync + 'static> FileSource<C> {
    /// The same for so many readers, at least one, each on a thread of its own. `whose` says of a frame
    /// which of them, counted from 0, has to know of it; a reader may be shown more than that. What all
    /// are shown tells them the time: a frame that is not shown is of the same stretch of
    /// [`SHOWN_EVERY`] as the last that was shown to all, and not earlier. Memory is bounded, so that
    /// none can get far ahead of another.
    ///
    /// # Errors
    /// As [`FileSource::open`].
    pub fn open_for(
        readers: usize,
        paths: &[PathBuf],
        whose: impl Fn(&Frame<'_>, Assignment<'_, C>) + Clone + Send + Sync + 'static,
    ) -> Result<Vec<Self>, CaptureError> {
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
        let waiting: Vec<_> = waiting.into_iter().rev().map(|(.., path)| path).collect();
        let progress = Arc::new(ReadProgress::new(total));
        let find_dealer = move |octets: &[u8]| -> Option<(Arc<dyn Partition<C>>, RecordScan)> {
            let (partitioner, scan) = PcapPartitioner::new(octets, whose.clone())?;
            (readers > 1).then(|| (Arc::new(partitioner) as _, scan))
        };
        let cursors = shared_reader::cursors(readers.max(1), &progress, Box::new(find_dealer));
        cursors
            .into_iter()
            .map(|cursor| Self::begin(waiting.clone(), Reader::new(cursor), progress.clone()))
            .collect()
    }

    fn begin(
        waiting: Vec<PathBuf>,
        reader: Reader<C>,
        progress: Arc<ReadProgress>,
    ) -> Result<Self, CaptureError> {
        let mut source = Self {
            waiting,
            current: None,
            reader,
            names: InterfaceNames::new(),
            found: FoundFrame::NONE,
            held: false,
            started: false,
            warnings: Vec::new(),
            progress,
        };
        source.begin_next()?;
        Ok(source)
    }

    /// Whether [`Self::take`] is the way on, beside [`Self::next`]; if not, there may be a burst.
    #[inline]
    pub fn is_partitioned(&self) -> bool {
        !self.held && self.reader.is_partitioned()
    }

    /// Takes cards that come next, before anything that has to be looked at: so many at most, and as
    /// long as they are `fit`.
    #[inline]
    pub fn take_items(&mut self, most: usize, fit: impl FnMut(&C) -> bool) -> &[C] {
        self.reader.take_items(most, fit)
    }

    /// What is to be said about the files read so far, one line each, without a frame lost: a
    /// file that was cut off, frames without a time. Complete after [`Event::End`].
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// How far reading has come; may be watched from another thread.
    pub fn progress(&self) -> Arc<ReadProgress> {
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
        let next = self.waiting.pop();
        let begun = next.map(|path| Opened::begin(&path, &mut self.reader));
        self.current = begun.transpose()?;
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
    fn start(&mut self) -> Option<CaptureGap> {
        let found = self.found;
        self.started = true;
        let from = found.time.second().start();
        (from < found.time).then_some(CaptureGap {
            from,
            until: found.time,
            frames: 0,
            interface: found.interface,
            cause: GapCause::Started,
        })
    }
}

impl<C: Send + Sync + 'static> FrameSource for FileSource<C> {
    #[inline]
    fn next(&mut self) -> Result<Event<'_>, CaptureError> {
        while !std::mem::take(&mut self.held) {
            let Some(current) = &mut self.current else {
                return Ok(Event::End);
            };
            let Err(non_frame) = current.step(&mut self.reader, &mut self.names, &mut self.found)
            else {
                break;
            };
            match *non_frame {
                NonFrame::End => self.end_current(None)?,
                NonFrame::Cut(offset) => self.end_current(Some(offset))?,
                NonFrame::Interface(id) => return Ok(Event::Interface(id, self.names.name(id))),
                NonFrame::CaptureGap(unseen, frame_follows) => {
                    self.held = frame_follows;
                    return Ok(Event::CaptureGap(unseen));
                }
                NonFrame::Read(_) | NonFrame::Format(_) => return Err(current.failed(*non_frame)),
            }
        }
        if !self.started
            && let Some(unseen) = self.start()
        {
            self.held = true;
            return Ok(Event::CaptureGap(unseen));
        }
        Ok(Event::Frame(self.found.frame(&self.reader)))
    }

    #[inline]
    fn burst(&mut self, taker: &mut impl BurstSink) {
        if let (Some(current), true, false) = (&mut self.current, self.started, self.held) {
            current.burst(&mut self.reader, taker);
        }
    }
}
