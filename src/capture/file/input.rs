//! The input of the shared reader: the files, read one after the other by the thread that holds the
//! lock.

use super::chunk::{Chunk, PAGE};
use super::partition::{Partition, RecordScan, RecordSpan};
use super::progress::ReadProgress;
use crate::clock;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

/// How often a file that grows is asked for more.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(100);

/// Least octets of a chunk, except the last of a file; a pipe that returns fewer is read again. So
/// every reader finds the file header in the first chunk, and any of them can start first.
const MIN_READ: usize = PAGE;

/// The files of a replay and the partitioner of the current one.
pub(super) struct Input<C> {
    /// Files started so far.
    files_begun: usize,
    /// The current file; `None` after its end.
    current: Option<Box<dyn Read + Send>>,
    /// Whether nothing of it was read yet.
    is_new: bool,
    /// Partitions its chunks, if its format allows that.
    partitioner: Option<(Arc<dyn Partition<C>>, RecordScan)>,
    find_partitioner: FindPartitioner<C>,
    progress: Arc<ReadProgress>,
    /// Whether the input was stopped. Decided once, under the lock, so that it is so for every reader.
    is_stopped: bool,
}

/// Returns the partitioner of a file that starts with the given octets, if its format has one.
pub(super) type FindPartitioner<C> =
    Box<dyn Fn(&[u8]) -> Option<(Arc<dyn Partition<C>>, RecordScan)> + Send>;

impl<C> Input<C> {
    /// An input before its first file.
    pub(super) fn new(find_partitioner: FindPartitioner<C>, progress: Arc<ReadProgress>) -> Self {
        Self {
            files_begun: 0,
            current: None,
            is_new: false,
            partitioner: None,
            find_partitioner,
            progress,
            is_stopped: false,
        }
    }

    /// Starts file number `begun`, counted from 0, unless another reader has started it. Fails with
    /// [`io::ErrorKind::Interrupted`] where the input was stopped before.
    pub(super) fn begin(
        &mut self,
        begun: usize,
        open: impl FnOnce() -> io::Result<Box<dyn Read + Send>>,
    ) -> io::Result<()> {
        if self.files_begun == begun {
            self.is_stopped |= self.progress.is_stopped();
            if self.is_stopped {
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.current = Some(open()?);
            self.files_begun += 1;
            self.is_new = true;
        }
        Ok(())
    }

    /// Whether the current file is not at its end.
    pub(super) fn is_open(&self) -> bool {
        self.current.is_some()
    }

    /// Fills a chunk and returns its octets; 0 at the end of the file.
    pub(super) fn read(&mut self, chunk: &mut Chunk<C>) -> io::Result<usize> {
        chunk.length = 0;
        let Some(file) = &mut self.current else {
            return Ok(0);
        };
        // The header of a file is read in any case: without it nothing can be said.
        if !self.is_new && self.progress.is_stopped() {
            self.is_stopped = true;
            self.current = None;
            return Ok(0);
        }
        let ended = loop {
            let free = chunk.length..;
            match file.read(chunk.buffer_mut().get_mut(free).unwrap_or_default()) {
                Ok(0) if chunk.length == 0 && self.progress.is_following() => {
                    clock::wait(FOLLOW_INTERVAL);
                    continue;
                }
                Ok(0) => break Ok(chunk.length),
                Ok(read) => chunk.length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
            if chunk.length >= MIN_READ {
                return Ok(chunk.length);
            }
        };
        if !matches!(ended, Ok(1..)) {
            self.current = None;
        }
        ended
    }

    /// Scans the records of the next chunk. Returns the partitioner and the records that it can
    /// assign; `None` if the chunk cannot be partitioned.
    pub(super) fn scan(&mut self, chunk: &Chunk<C>) -> Option<(Arc<dyn Partition<C>>, RecordSpan)> {
        let octets = chunk.octets();
        if std::mem::take(&mut self.is_new) {
            self.partitioner = (self.find_partitioner)(octets);
        }
        let (partitioner, mut scan) = self.partitioner.take()?;
        let span = partitioner.scan_records(octets, &mut scan)?;
        self.partitioner = Some((partitioner.clone(), scan));
        Some((partitioner, span))
    }
}
