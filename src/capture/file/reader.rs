//! Records are looked at where they were read; only those that lie across two pieces of the tape are
//! put together.
//!
//! No mmap: a file that another process truncates would end us by SIGBUS, and pipes need this
//! path anyway.

use super::chunk::Chunk;
use super::shared_reader::Cursor;
use super::work_queue::{QueuePosition, WorkQueue};
use std::io::{self, Read};
use std::sync::Arc;

/// A window on a tape that moves forward only. Lives as long as its source.
pub(super) struct Reader<C> {
    cursor: Cursor<C>,
    chunk: Arc<Chunk<C>>,
    /// Where the octets not yet consumed begin and end: in the bridge, if there is one, or in the
    /// piece.
    start: usize,
    end: usize,
    /// What lies across the end of a piece.
    bridge: Vec<u8>,
    /// Where the piece goes on behind the bridge; none without one.
    resume: Option<usize>,
    /// How far it has come in what was dealt to it of the piece.
    position: QueuePosition,
    /// Records of the file so far, if it has just come to the end of what was dealt.
    records: Option<u64>,
    /// Offset in the file of `start`.
    offset: u64,
    ended: bool,
}

impl<C> Reader<C> {
    /// Before the first file.
    pub(super) fn new(cursor: Cursor<C>) -> Self {
        Self {
            cursor,
            chunk: Arc::default(),
            start: 0,
            end: 0,
            bridge: Vec::new(),
            resume: None,
            position: QueuePosition::default(),
            records: None,
            offset: 0,
            ended: true,
        }
    }

    /// Begins the next file, after the end of the one before.
    ///
    /// # Errors
    /// What `open` fails with.
    pub(super) fn begin(
        &mut self,
        open: impl FnOnce() -> io::Result<Box<dyn Read + Send>>,
    ) -> io::Result<()> {
        self.cursor.begin(open)?;
        (self.start, self.end, self.resume) = (0, 0, None);
        (self.offset, self.ended) = (0, false);
        Ok(())
    }

    /// Whether `wanted` octets are ahead, after reading as needed; `false` at the end of the
    /// input. The caller bounds `wanted`.
    #[inline]
    pub(super) fn want(&mut self, wanted: usize) -> io::Result<bool> {
        if self.end - self.start >= wanted {
            return Ok(true);
        }
        self.fill(wanted)
    }

    /// What is begun goes onto the bridge, which is made just as long as wanted, so that it is left as
    /// soon as its record has been consumed.
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
                self.bridge.clear();
                self.bridge.extend_from_slice(octets.unwrap_or_default());
                (self.start, self.end, self.resume) = (0, had, Some(resume));
            }
            if resume == length {
                resume = 0;
                self.resume = self.resume.map(|_| 0);
                if !self.turn()? {
                    return Ok(false);
                }
            }
            if had > 0 {
                let rest = self.chunk.octets().get(resume..).unwrap_or_default();
                let more = rest.get(..wanted - had).unwrap_or(rest);
                self.bridge.extend_from_slice(more);
                (self.end, self.resume) = (self.bridge.len(), Some(resume + more.len()));
            } else {
                (self.start, self.end) = (resume, self.chunk.octets().len());
                self.resume = None;
            }
        }
    }

    /// Takes the next piece; `false` at the end of the file.
    fn turn(&mut self) -> io::Result<bool> {
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

    /// The octets at hand, from the first not yet consumed.
    #[inline]
    pub(super) fn ahead(&self) -> &[u8] {
        self.at(self.start, self.end - self.start)
    }

    /// Moves on by `octets`, which are at hand.
    #[inline]
    pub(super) fn consume(&mut self, octets: usize) {
        let octets = octets.min(self.end - self.start);
        self.start += octets;
        self.offset += octets as u64;
    }

    /// Moves on by `octets` that need not be at hand; `false` where the input ends before.
    pub(super) fn skip(&mut self, mut octets: usize) -> io::Result<bool> {
        loop {
            let step = octets.min(self.end - self.start);
            self.consume(step);
            octets -= step;
            if octets == 0 {
                return Ok(true);
            }
            if !self.want(1)? {
                return Ok(false);
            }
        }
    }

    /// What this reader has got of the piece at hand; `None` where it has to look at everything.
    #[inline]
    fn queue(&self) -> Option<&WorkQueue<C>> {
        match self.resume {
            Some(_) => None,
            None => self.chunk.partitioned().queue(self.cursor.number()),
        }
    }

    /// Whether the piece at hand was dealt: then [`Self::take`] and [`Self::seek`] are the way through.
    #[inline]
    pub(super) fn is_partitioned(&self) -> bool {
        self.queue().is_some()
    }

    /// Takes cards that come before the next record to be looked at, where the piece was dealt: so many
    /// at most, and as long as they are `fit`.
    #[inline]
    pub(super) fn take_items(&mut self, most: usize, mut fit: impl FnMut(&C) -> bool) -> &[C] {
        let queue = self.chunk.partitioned().queue(self.cursor.number());
        let items = queue.map_or(&[][..], |queue| queue.items(self.position));
        let items = items.get(..most).unwrap_or(items);
        let taken = items.iter().take_while(|item| fit(item)).count();
        self.position.skip(taken);
        items.get(..taken).unwrap_or_default()
    }

    /// Moves on to the next record that has a card or is to be looked at, or to what lies across the
    /// end of the piece.
    pub(super) fn seek(&mut self) {
        let Some(queue) = self.queue() else {
            return;
        };
        let place = if let Some((place, _)) = queue.next(self.position) {
            place
        } else {
            let partitioned = self.chunk.partitioned();
            self.records = Some(partitioned.records);
            partitioned.tail
        };
        self.consume(place.saturating_sub(self.start));
    }

    /// What has been consumed need not be looked at any more.
    pub(super) fn pass(&mut self) {
        while let Some(queue) = self.queue()
            && let Some((place, position)) = queue.next(self.position)
            && place < self.start
        {
            self.position = position;
        }
    }

    /// Records of the file so far, if it has just come to the end of what was dealt: not all of them
    /// came by here.
    pub(super) fn records(&mut self) -> Option<u64> {
        self.records.take()
    }

    /// Offset in the file of the first octet not yet consumed.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Place of the first octet not yet consumed; good until the next [`Self::want`] or
    /// [`Self::skip`].
    #[inline]
    pub(super) const fn place(&self) -> usize {
        self.start
    }

    /// The octets at a [`Self::place`].
    #[inline]
    pub(super) fn at(&self, place: usize, length: usize) -> &[u8] {
        let octets = match self.resume {
            Some(_) => &self.bridge,
            None => self.chunk.octets(),
        };
        octets.get(place..place + length).unwrap_or_default()
    }
}
