//! The files, read one after the other by whoever holds the input.

use super::chunk::{Chunk, PAGE};
use super::partition::{Partition, RecordScan, RecordSpan};
use std::io::{self, Read};
use std::sync::Arc;

/// A pipe that gives less is asked again: every reader finds a file's header in the first piece, so
/// that one of them can begin before the others do.
const LEAST: usize = PAGE;

/// What is read from.
pub(super) struct Input<C> {
    /// Files begun so far.
    begun: usize,
    /// The last of them; none after its end.
    open: Option<Box<dyn Read + Send>>,
    /// Whether nothing has been read of it yet.
    is_new: bool,
    /// Deals its pieces, if they can be dealt.
    partitioner: Option<(Arc<dyn Partition<C>>, RecordScan)>,
    find_dealer: FindPartitioner<C>,
}

/// The dealer of a file that begins with some octets, if there is one.
pub(super) type FindPartitioner<C> =
    Box<dyn Fn(&[u8]) -> Option<(Arc<dyn Partition<C>>, RecordScan)> + Send>;

impl<C> Input<C> {
    /// Before the first file.
    pub(super) fn new(find_dealer: FindPartitioner<C>) -> Self {
        Self {
            begun: 0,
            open: None,
            is_new: false,
            partitioner: None,
            find_dealer,
        }
    }

    /// Begins the file behind those `begun` before, unless it was begun already.
    pub(super) fn begin(
        &mut self,
        begun: usize,
        open: impl FnOnce() -> io::Result<Box<dyn Read + Send>>,
    ) -> io::Result<()> {
        if self.begun == begun {
            self.open = Some(open()?);
            self.begun += 1;
            self.is_new = true;
        }
        Ok(())
    }

    /// Whether there is more to read of the last file that was begun.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Fills a piece; how many octets, 0 at the end of the file.
    pub(super) fn read(&mut self, chunk: &mut Chunk<C>) -> io::Result<usize> {
        chunk.length = 0;
        let Some(open) = &mut self.open else {
            return Ok(0);
        };
        let ended = loop {
            let free = chunk.length..;
            match open.read(chunk.room().get_mut(free).unwrap_or_default()) {
                Ok(0) => break Ok(chunk.length),
                Ok(read) => chunk.length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
            if chunk.length >= LEAST {
                return Ok(chunk.length);
            }
        };
        if !matches!(ended, Ok(1..)) {
            self.open = None;
        }
        ended
    }

    /// Who deals the next piece, and what can be dealt of it.
    pub(super) fn follow(
        &mut self,
        chunk: &Chunk<C>,
    ) -> Option<(Arc<dyn Partition<C>>, RecordSpan)> {
        let octets = chunk.octets();
        if std::mem::take(&mut self.is_new) {
            self.partitioner = (self.find_dealer)(octets);
        }
        let (partitioner, mut scan) = self.partitioner.take()?;
        let span = partitioner.scan_records(octets, &mut scan)?;
        self.partitioner = Some((partitioner.clone(), scan));
        Some((partitioner, span))
    }
}
