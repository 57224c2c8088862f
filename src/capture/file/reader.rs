//! Plain read(2) into one large buffer; records are looked at where they lie in it.
//!
//! No mmap: a file that another process truncates would end us by SIGBUS, and pipes need this
//! path anyway. The buffer starts at [`BUFFER`] octets and grows to the largest record wanted.

use super::ahead::{Ahead, Chunk, HEADROOM, read_some};
use super::progress::Progress;
use std::io::{self, Read};
use std::sync::Arc;

/// Octets of a buffer at first: a system call per about 1000 frames of voice, and small enough
/// that what the kernel copied is still in the second cache when it is looked at.
const BUFFER: usize = 1 << 18;

/// Where octets come from.
enum Input {
    Here(Box<dyn Read + Send>),
    Ahead(Ahead),
}

/// A window on an input that moves forward only. Lives as long as its file is read.
pub(super) struct Reader {
    input: Input,
    buffer: Vec<u8>,
    /// Where the octets not yet consumed begin and end in `buffer`.
    start: usize,
    end: usize,
    /// Offset in the file of `start`.
    offset: u64,
    ended: bool,
    progress: Arc<Progress>,
}

impl Reader {
    pub(super) fn new(input: Box<dyn Read + Send>, progress: Arc<Progress>) -> Self {
        Self {
            input: Input::Here(input),
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            progress,
        }
    }

    /// Lets another thread read from now on.
    ///
    /// # Errors
    /// What the system says where there can be no thread.
    pub(super) fn read_ahead(&mut self) -> io::Result<()> {
        if let Input::Here(input) = &mut self.input {
            let input = std::mem::replace(input, Box::new(io::empty()));
            self.input = Input::Ahead(Ahead::start(input)?);
        }
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

    #[cold]
    fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        while self.end - self.start < wanted && !self.ended {
            let read = match &mut self.input {
                Input::Here(_) => self.read_here(wanted)?,
                Input::Ahead(ahead) => {
                    let chunk = ahead.next()?;
                    self.append(chunk)
                }
            };
            self.ended = read == 0;
            self.progress.add(read);
        }
        Ok(self.end - self.start >= wanted)
    }

    /// Moves what is at hand to the front, and reads behind it.
    fn read_here(&mut self, wanted: usize) -> io::Result<usize> {
        self.make_room(wanted);
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let Input::Here(input) = &mut self.input else {
            return Ok(0);
        };
        let read = read_some(&mut **input, room)?;
        self.end = (self.end + read).min(self.buffer.len());
        Ok(read)
    }

    /// Moves what is at hand to the front of a buffer of at least so many octets.
    fn make_room(&mut self, length: usize) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < length {
            self.buffer.resize(length.next_power_of_two(), 0);
        }
    }

    /// Goes on in a chunk that was read ahead, with what is at hand moved in front of it; how much
    /// came.
    fn append(&mut self, mut chunk: Chunk) -> usize {
        let came = chunk.octets().len();
        if came == 0 {
            return 0;
        }
        let left = self.ahead();
        if let Some(front) = HEADROOM.checked_sub(left.len()) {
            let room = chunk.buffer.get_mut(front..HEADROOM).unwrap_or_default();
            room.copy_from_slice(left);
            (self.start, self.end) = (front, chunk.end);
            std::mem::swap(&mut self.buffer, &mut chunk.buffer);
        } else {
            // A record longer than that, in pieces.
            self.make_room(self.end - self.start + came);
            let end = self.end + came;
            let room = self.buffer.get_mut(self.end..end).unwrap_or_default();
            room.copy_from_slice(chunk.octets());
            self.end = end;
        }
        if let Input::Ahead(ahead) = &self.input {
            ahead.give_back(chunk.buffer);
        }
        came
    }

    /// The octets at hand, from the first not yet consumed.
    #[inline]
    pub(super) fn ahead(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
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

    /// Offset in the file of the first octet not yet consumed.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Place in the buffer of the first octet not yet consumed; good until the next
    /// [`Self::want`] or [`Self::skip`].
    #[inline]
    pub(super) const fn place(&self) -> usize {
        self.start
    }

    /// The octets at a [`Self::place`].
    #[inline]
    pub(super) fn at(&self, place: usize, length: usize) -> &[u8] {
        self.buffer.get(place..place + length).unwrap_or_default()
    }
}
