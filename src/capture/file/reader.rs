//! Record access for one worker. Records are decoded in place in their chunk; only a record that
//! crosses a chunk boundary is copied.
//!
//! No mmap: if another process truncates a mapped file, SIGBUS ends the daemon. Pipes need this path
//! anyway.

use super::chunk::Chunk;
use super::shared_reader::Cursor;
use super::work_queue::{QueuePosition, WorkQueue};
use std::io::{self, Read};
use std::sync::Arc;

/// A forward-only view of the octets of the current file. Lives as long as its source.
pub(super) struct Reader<C> {
    cursor: Cursor<C>,
    chunk: Arc<Chunk<C>>,
    /// Range of the octets not yet consumed: in the carry buffer, if it is in use, or in the chunk.
    start: usize,
    end: usize,
    /// The record that crosses a chunk boundary.
    carry: Vec<u8>,
    /// Index in the chunk behind the octets of `carry`; `None` while `carry` is not in use.
    resume: Option<usize>,
    /// Position in this reader's work queue of the chunk.
    position: QueuePosition,
    /// Records of the file so far; set when the end of a work queue is reached.
    records: Option<u64>,
    /// Offset of `start` in the file.
    offset: u64,
    ended: bool,
}

impl<C> Reader<C> {
    /// A reader before its first file.
    pub(super) fn new(cursor: Cursor<C>) -> Self {
        Self {
            cursor,
            chunk: Arc::default(),
            start: 0,
            end: 0,
            carry: Vec::new(),
            resume: None,
            position: QueuePosition::default(),
            records: None,
            offset: 0,
            ended: true,
        }
    }

    /// Starts the next file, after the end of the previous one.
    ///
    /// # Errors
    /// The error of `open`.
    pub(super) fn begin(
        &mut self,
        open: impl FnOnce() -> io::Result<Box<dyn Read + Send>>,
    ) -> io::Result<()> {
        self.cursor.begin(open)?;
        (self.start, self.end, self.resume) = (0, 0, None);
        (self.offset, self.ended) = (0, false);
        Ok(())
    }

    /// Makes `wanted` octets available, and reads if needed; `false` at the end of the file. The caller
    /// bounds `wanted`.
    #[inline]
    pub(super) fn ensure(&mut self, wanted: usize) -> io::Result<bool> {
        if self.end - self.start >= wanted {
            return Ok(true);
        }
        self.fill(wanted)
    }

    /// Copies the incomplete record to the carry buffer, with exactly the wanted octets, so that the
    /// buffer is out of use as soon as the record is consumed.
    #[cold]
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        loop {
            let had = self.end - self.start;
            if had >= wanted {
                return Ok(true);
            }
            let length = self.chunk.octets().len();
            let mut resume = self.resume.unwrap_or(length);
            if had > 0 && self.resume.is_none() {
                let octets = self.chunk.octets().get(self.start..self.end);
                self.carry.clear();
                self.carry.extend_from_slice(octets.unwrap_or_default());
                (self.start, self.end, self.resume) = (0, had, Some(resume));
            }
            if resume == length {
                resume = 0;
                self.resume = self.resume.map(|_| 0);
                if !self.next_chunk()? {
                    return Ok(false);
                }
            }
            if had > 0 {
                let rest = self.chunk.octets().get(resume..).unwrap_or_default();
                let more = rest.get(..wanted - had).unwrap_or(rest);
                self.carry.extend_from_slice(more);
                (self.end, self.resume) = (self.carry.len(), Some(resume + more.len()));
            } else {
                (self.start, self.end) = (resume, self.chunk.octets().len());
                self.resume = None;
            }
        }
    }

    /// Takes the next chunk; `false` at the end of the file.
    fn next_chunk(&mut self) -> io::Result<bool> {
        let read = std::mem::take(&mut self.chunk);
        self.position = QueuePosition::default();
        if !self.ended {
            match self.cursor.exchange(read)? {
                Some(chunk) => self.chunk = chunk,
                None => self.ended = true,
            }
        }
        Ok(!self.ended)
    }

    /// The available octets, from the first not yet consumed.
    #[inline]
    pub(super) fn available(&self) -> &[u8] {
        self.slice(self.start, self.end - self.start)
    }

    /// Consumes `octets` of the available ones.
    #[inline]
    pub(super) fn consume(&mut self, octets: usize) {
        let octets = octets.min(self.end - self.start);
        self.start += octets;
        self.offset += octets as u64;
    }

    /// Consumes `octets`, and reads if needed; `false` if the file ends before.
    pub(super) fn skip(&mut self, mut octets: usize) -> io::Result<bool> {
        loop {
            let step = octets.min(self.end - self.start);
            self.consume(step);
            octets -= step;
            if octets == 0 {
                return Ok(true);
            }
            if !self.ensure(1)? {
                return Ok(false);
            }
        }
    }

    /// This reader's work queue of the chunk; `None` if the reader must decode every record.
    #[inline]
    fn queue(&self) -> Option<&WorkQueue<C>> {
        match self.resume {
            Some(_) => None,
            None => self.chunk.partitioned().queue(self.cursor.index()),
        }
    }

    /// Whether the chunk was partitioned. If so, use [`Self::take_items`] and [`Self::seek`].
    #[inline]
    pub(super) fn is_partitioned(&self) -> bool {
        self.queue().is_some()
    }

    /// Takes up to `limit` of the items that come before the next frame of the work queue, and stops at
    /// the first that `accept` refuses.
    #[inline]
    pub(super) fn take_items(&mut self, limit: usize, mut accept: impl FnMut(&C) -> bool) -> &[C] {
        let queue = self.chunk.partitioned().queue(self.cursor.index());
        let items = queue.map_or(&[][..], |queue| queue.items(self.position));
        let items = items.get(..limit).unwrap_or(items);
        let taken = items.iter().take_while(|item| accept(item)).count();
        self.position.skip(taken);
        items.get(..taken).unwrap_or_default()
    }

    /// Moves to the next record of the work queue, or to the record that crosses the end of the chunk.
    pub(super) fn seek(&mut self) {
        let Some(queue) = self.queue() else {
            return;
        };
        let record = if let Some((record, _)) = queue.next(self.position) {
            record
        } else {
            let partitioned = self.chunk.partitioned();
            self.records = Some(partitioned.records);
            partitioned.tail
        };
        self.consume(record.saturating_sub(self.start));
    }

    /// Drops the consumed records from the work queue.
    pub(super) fn drop_consumed(&mut self) {
        while let Some(queue) = self.queue()
            && let Some((record, position)) = queue.next(self.position)
            && record < self.start
        {
            self.position = position;
        }
    }

    /// Records of the file so far, once at the end of each work queue; this reader did not see all of
    /// them.
    pub(super) fn take_records(&mut self) -> Option<u64> {
        self.records.take()
    }

    /// Offset of the first octet not yet consumed, in the file.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Index of the first octet not yet consumed, for [`Self::slice`]. Valid until the next
    /// [`Self::ensure`] or [`Self::skip`].
    #[inline]
    pub(super) const fn start(&self) -> usize {
        self.start
    }

    /// `length` octets from an index that [`Self::start`] returned.
    #[inline]
    pub(super) fn slice(&self, start: usize, length: usize) -> &[u8] {
        let octets = match self.resume {
            Some(_) => &self.carry,
            None => self.chunk.octets(),
        };
        octets.get(start..start + length).unwrap_or_default()
    }
}
