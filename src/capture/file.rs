//! Capture files, read in order of time: pcap and pcapng, packed or not, from disk or standard input.
//!
//! Each worker of a replay owns one [`FileSource`]. The sources of one replay share a reader: each
//! file is read once, chunk by chunk, and partitioned among the workers. Frames borrow from the chunk.
//! A file that is truncated at its end yields the frames before the cut and a warning. A file that is
//! damaged in the middle is refused with the offset, because the octets behind it cannot be trusted.

mod byte_order;
mod chunk;
mod input;
mod merge;
mod names;
mod opened;
mod order;
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
pub use self::pcap_partitioner::BROADCAST_INTERVAL;
pub use self::progress::ReadProgress;

use self::merge::{MergeStep, MergedFiles};
use self::names::InterfaceNames;
use self::opened::{Opened, STDIN};
use self::order::FileGroup;
use self::partition::{Partition, RecordScan};
use self::pcap_partitioner::PcapPartitioner;
use self::reader::Reader;
use self::step::{FoundFrame, NonFrame};
use super::{BurstSink, CaptureError, CaptureGap, Event, FrameSource, GapCause};
use crate::files::unpack::is_packed;
use crate::frame::{Frame, InterfaceId};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The frames of capture files, for one worker. With several workers, most frames arrive as items of
/// type `C`, which the partitioner has already decoded for the worker that counts them.
pub struct FileSource<C = ()> {
    /// Files not yet started, in reverse order.
    pending_files: Vec<FileGroup>,
    current: Option<Opened>,
    /// Files that overlap, instead of a current one.
    merged: Option<MergedFiles>,
    /// The gap before the next frame.
    hole: Option<CaptureGap>,
    reader: Reader<C>,
    names: InterfaceNames,
    /// The frame read last.
    found: FoundFrame,
    /// Whether `found` was not returned yet, because another event had to come before it.
    frame_pending: bool,
    /// Whether the first frame of the replay was read.
    started: bool,
    warnings: Vec<String>,
    progress: Arc<ReadProgress>,
}

impl FileSource {
    /// Opens capture files for one worker; `-` is standard input. Pipes are read first, in the order
    /// given, because the time of their first frame is not known before they are read. Regular files
    /// follow in the order of their first frames; those that overlap are merged by time. Nobody captured
    /// between two files: that is a capture gap.
    ///
    /// # Errors
    /// [`CaptureError::NoFile`], [`CaptureError::Read`] or [`CaptureError::Format`] for the first
    /// path that is not a readable capture.
    pub fn open(paths: &[PathBuf]) -> Result<Self, CaptureError> {
        let mut sources = Self::open_for(1, paths, |_, assignment| assignment.broadcast())?;
        Ok(sources.swap_remove(0))
    }
}

impl<C: Send + Sync + 'static> FileSource<C> {
    /// Opens capture files for `readers` workers, at least one, each on its own thread.
    /// `assign_frame` decides which reader, counted from 0, gets a frame; a reader may get further
    /// frames. Broadcast frames tell every reader the time: a frame that a reader does not get lies in
    /// the same [`BROADCAST_INTERVAL`] as the last broadcast frame, and is not earlier. Memory is
    /// bounded, so no reader can run far ahead of another.
    ///
    /// # Errors
    /// As [`FileSource::open`].
    pub fn open_for(
        readers: usize,
        paths: &[PathBuf],
        assign_frame: impl Fn(&Frame<'_>, Assignment<'_, C>) + Clone + Send + Sync + 'static,
    ) -> Result<Vec<Self>, CaptureError> {
        let mut files = Vec::with_capacity(paths.len());
        let mut total = Some(0_u64);
        for path in paths {
            let size = Self::size(path)?;
            // How much comes out of a packed file is known at its end.
            let octets = size.filter(|_| !is_packed(path));
            total = total.zip(octets).map(|(total, octets)| total + octets);
            files.push((path.clone(), size.is_some()));
        }
        let mut pending_files = order::group(files)?;
        if pending_files.iter().any(|group| group.paths.len() > 1) {
            total = None;
        }
        pending_files.reverse();
        let progress = Arc::new(ReadProgress::new(total));
        let find_partitioner = move |octets: &[u8]| -> Option<(Arc<dyn Partition<C>>, RecordScan)> {
            let (partitioner, scan) = PcapPartitioner::new(octets, assign_frame.clone())?;
            (readers > 1).then(|| (Arc::new(partitioner) as _, scan))
        };
        let cursors = shared_reader::cursors(readers.max(1), &progress, Box::new(find_partitioner));
        cursors
            .into_iter()
            .map(|cursor| Self::begin(pending_files.clone(), Reader::new(cursor), progress.clone()))
            .collect()
    }

    fn begin(
        pending_files: Vec<FileGroup>,
        reader: Reader<C>,
        progress: Arc<ReadProgress>,
    ) -> Result<Self, CaptureError> {
        let mut source = Self {
            pending_files,
            current: None,
            merged: None,
            hole: None,
            reader,
            names: InterfaceNames::new(),
            found: FoundFrame::NONE,
            frame_pending: false,
            started: false,
            warnings: Vec::new(),
            progress,
        };
        source.begin_next()?;
        Ok(source)
    }

    /// Whether the current chunk was partitioned. If so, call [`Self::take_items`] before
    /// [`Self::next`]; if not, the source may offer a burst.
    #[inline]
    pub fn is_partitioned(&self) -> bool {
        !self.frame_pending && self.reader.is_partitioned()
    }

    /// Takes up to `limit` of the items that come before the next event, and stops at the first
    /// that `accept` refuses.
    #[inline]
    pub fn take_items(&mut self, limit: usize, accept: impl FnMut(&C) -> bool) -> &[C] {
        self.reader.take_items(limit, accept)
    }

    /// Warnings about the files read so far, one line each: a truncated file, frames without a
    /// timestamp. Complete after [`Event::End`].
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Octets read so far. Another thread may poll it.
    pub fn progress(&self) -> Arc<ReadProgress> {
        Arc::clone(&self.progress)
    }

    /// Size of a regular file in octets; `None` for a pipe.
    fn size(path: &Path) -> Result<Option<u64>, CaptureError> {
        if path.as_os_str() == STDIN {
            return Ok(None);
        }
        let metadata =
            std::fs::metadata(path).map_err(|source| opened::open_error(path, source))?;
        Ok(metadata.is_file().then_some(metadata.len()))
    }

    fn begin_next(&mut self) -> Result<(), CaptureError> {
        let Some(FileGroup { paths, hole }) = self.pending_files.pop() else {
            return Ok(());
        };
        self.hole = hole.map(|(from, until)| CaptureGap {
            from,
            until,
            frames: 0,
            at_most: None,
            interface: InterfaceId(0),
            cause: GapCause::NotCaptured,
        });
        match paths.as_slice() {
            [path] => match Opened::begin(path, &mut self.reader) {
                Err(CaptureError::Read { source, .. })
                    if source.kind() == std::io::ErrorKind::Interrupted =>
                {
                    self.pending_files.clear();
                    self.hole = None;
                }
                opened => self.current = Some(opened?),
            },
            several => self.merged = Some(MergedFiles::open(several)?),
        }
        Ok(())
    }

    #[cold]
    fn end_current(&mut self, cut: Option<u64>) -> Result<(), CaptureError> {
        if let Some(ended) = self.current.take() {
            let cut = cut.filter(|_| !self.progress.is_stopped());
            self.warnings.extend(ended.warnings(cut));
        }
        self.begin_next()
    }

    /// The next step through files that are read together; begins the next file at their end.
    #[cold]
    fn step_merged(&mut self) -> Result<MergeStep, CaptureError> {
        let Some(merged) = &mut self.merged else {
            return Ok(MergeStep::End);
        };
        let step = merged.step(&mut self.names)?;
        if let Some(frame) = merged.frame() {
            (self.found.time, self.found.interface) = (frame.time, frame.interface);
        }
        if matches!(step, MergeStep::End) {
            self.warnings.extend(merged.take_warnings());
            self.merged = None;
            self.begin_next()?;
        }
        Ok(step)
    }

    /// The gap before the first frame: the capture began inside a second.
    #[cold]
    fn start(&mut self) -> Option<CaptureGap> {
        let found = self.found;
        self.started = true;
        let from = found.time.second().start();
        (from < found.time).then_some(CaptureGap {
            from,
            until: found.time,
            frames: 0,
            at_most: None,
            interface: found.interface,
            cause: GapCause::Started,
        })
    }
}

impl<C: Send + Sync + 'static> FrameSource for FileSource<C> {
    #[inline]
    fn next(&mut self) -> Result<Event<'_>, CaptureError> {
        while !std::mem::take(&mut self.frame_pending) {
            if let Some(hole) = self.hole.take() {
                return Ok(Event::CaptureGap(hole));
            }
            let Some(current) = &mut self.current else {
                if self.merged.is_none() {
                    return Ok(Event::End);
                }
                match self.step_merged()? {
                    MergeStep::Frame => break,
                    MergeStep::Interface(id) => {
                        return Ok(Event::Interface(id, self.names.name(id)));
                    }
                    MergeStep::CaptureGap(gap) => return Ok(Event::CaptureGap(gap)),
                    MergeStep::End => continue,
                }
            };
            let Err(non_frame) = current.step(&mut self.reader, &mut self.names, &mut self.found)
            else {
                break;
            };
            match *non_frame {
                NonFrame::End => self.end_current(None)?,
                NonFrame::Cut(offset) => self.end_current(Some(offset))?,
                NonFrame::Interface(id) => return Ok(Event::Interface(id, self.names.name(id))),
                NonFrame::CaptureGap(gap, frame_follows) => {
                    self.frame_pending = frame_follows;
                    return Ok(Event::CaptureGap(gap));
                }
                NonFrame::Read(_) | NonFrame::Format(_) => return Err(current.failed(*non_frame)),
            }
        }
        if !self.started
            && let Some(gap) = self.start()
        {
            self.frame_pending = true;
            return Ok(Event::CaptureGap(gap));
        }
        let merged = self.merged.as_ref().and_then(MergedFiles::frame);
        Ok(Event::Frame(
            merged.unwrap_or_else(|| self.found.frame(&self.reader)),
        ))
    }

    #[inline]
    fn burst(&mut self, sink: &mut impl BurstSink) {
        if let (Some(current), true, false) = (&mut self.current, self.started, self.frame_pending)
        {
            current.burst(&mut self.reader, sink);
        }
    }
}
