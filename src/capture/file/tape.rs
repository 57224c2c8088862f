//! Capture files as one tape: read once, piece by piece, and seen whole by each of its readers.
//!
//! Whoever needs the next piece first reads it; there is no thread for it. A [`Tape`] lives as long
//! as the last of its [`Seat`]s. Pieces go round: filled, looked at by every seat, filled again; so
//! many as there may be bound the memory and how far one reader gets ahead of another.

use super::progress::Progress;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Octets read at once: a system call per about 4500 frames of voice. Less is read more slowly; more
/// is out of the second cache before it is looked at (docs/decisions/speed.md).
const PIECE: usize = 1 << 20;

/// A pipe that gives less is asked again: every reader finds a file's header in the first piece, so
/// that one of them can begin before the others do.
const LEAST: usize = PAGE;

/// Pieces that lie between the first reader and the last.
const PIECES: usize = 6;

/// A reader with fewer pieces before it reads one more, if no other is about it: whoever is first
/// works for those behind. A reader that is alone reads when it has none.
const LEAD: u64 = 2;

/// Octets of a page. A kernel that copies pages to what begins just behind a page's start, where the
/// allocator puts large blocks, takes twice as long on some processors.
const PAGE: usize = 4096;

/// Octets as they were read.
#[derive(Debug, Default)]
pub(super) struct Piece {
    buffer: Vec<u8>,
    /// Where a page of the buffer begins.
    start: usize,
    length: usize,
}

impl Piece {
    #[inline]
    pub(super) fn octets(&self) -> &[u8] {
        let octets = self.buffer.get(self.start..self.start + self.length);
        octets.unwrap_or_default()
    }

    /// All the room that there is.
    fn room(&mut self) -> &mut [u8] {
        if self.buffer.is_empty() {
            self.buffer = vec![0; PAGE + PIECE];
            self.start = self.buffer.as_ptr().align_offset(PAGE).min(PAGE);
        }
        let room = self.buffer.get_mut(self.start..self.start + PIECE);
        room.unwrap_or_default()
    }
}

/// What stands on the tape.
enum Entry {
    Octets(Arc<Piece>),
    /// A file ends.
    End,
    /// Reading failed, for everybody.
    Failed(io::Error),
}

/// The part of the tape that somebody has still to look at.
struct Stretch {
    /// Number of the first entry.
    first: u64,
    entries: VecDeque<Entry>,
    /// What each seat looks at or waits for.
    held: Vec<u64>,
    /// What all have looked at, to be filled again.
    spare: Vec<Piece>,
}

impl Stretch {
    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn entry(&self, number: u64) -> Option<&Entry> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries.get(place)
    }

    /// A seat is at this entry, and has let go of those before it.
    fn hold(&mut self, seat: usize, number: u64) {
        if let Some(held) = self.held.get_mut(seat) {
            *held = number;
        }
        let slowest = self.held.iter().copied().min().unwrap_or(u64::MAX);
        while self.first < slowest
            && let Some(entry) = self.entries.pop_front()
        {
            self.first += 1;
            if let Entry::Octets(piece) = entry {
                self.spare.extend(Arc::into_inner(piece));
            }
        }
    }
}

/// What is read from.
struct Input {
    /// Files begun so far.
    begun: usize,
    /// The last of them; none after its end.
    open: Option<Box<dyn Read + Send>>,
}

struct Tape {
    /// Whoever holds it reads.
    input: Mutex<Input>,
    /// Held for moments only, and waited for while `input` is held, never the other way round.
    stretch: Mutex<Stretch>,
    /// Something was read, or there is room again.
    news: Condvar,
    /// So many entries before a seat are enough.
    lead: u64,
    progress: Arc<Progress>,
}

/// One reader's place on a tape.
pub(super) struct Seat {
    tape: Arc<Tape>,
    place: usize,
    /// The entry that it takes next.
    next: u64,
    /// Files that it has begun.
    begun: usize,
}

/// So many seats at one tape, all at its beginning, before the first file.
pub(super) fn seats(count: usize, progress: &Arc<Progress>) -> Vec<Seat> {
    let tape = Arc::new(Tape::new(count, progress.clone()));
    (0..count).map(|place| Seat::new(&tape, place)).collect()
}

impl Seat {
    fn new(tape: &Arc<Tape>, place: usize) -> Self {
        Self {
            tape: tape.clone(),
            place,
            next: 0,
            begun: 0,
        }
    }

    /// The only seat at a tape of its own.
    pub(super) fn alone() -> Self {
        Self::new(&Arc::new(Tape::new(1, Arc::default())), 0)
    }

    /// Begins the next file; whoever comes first opens it. All seats begin the same files in the
    /// same order, each after the end of the one before.
    ///
    /// # Errors
    /// What `open` fails with.
    pub(super) fn begin(
        &mut self,
        open: impl FnOnce() -> io::Result<Box<dyn Read + Send>>,
    ) -> io::Result<()> {
        let mut input = lock(&self.tape.input);
        if input.begun == self.begun {
            input.open = Some(open()?);
            input.begun += 1;
        }
        self.begun += 1;
        drop(input);
        self.tape.tell(lock(&self.tape.stretch));
        Ok(())
    }

    /// Gives a piece back and takes the next one; none at the end of the file, which comes once.
    ///
    /// # Errors
    /// What reading failed with.
    pub(super) fn exchange(&mut self, read: Arc<Piece>) -> io::Result<Option<Arc<Piece>>> {
        drop(read);
        let tape = &*self.tape;
        let mut stretch = lock(&tape.stretch);
        stretch.hold(self.place, self.next);
        tape.news.notify_all();
        loop {
            let enough = stretch.end() - self.next >= tape.lead;
            let has_room = stretch.entries.len() < PIECES;
            if !enough
                && has_room
                && let Ok(mut input) = tape.input.try_lock()
                && input.open.is_some()
            {
                let piece = stretch.spare.pop().unwrap_or_default();
                drop(stretch);
                let entry = input.read(piece);
                if let Entry::Octets(piece) = &entry {
                    tape.progress.add(piece.length);
                }
                stretch = lock(&tape.stretch);
                stretch.entries.push_back(entry);
                tape.news.notify_all();
                continue;
            }
            if let Some(entry) = stretch.entry(self.next) {
                self.next += 1;
                return entry.look();
            }
            let waited = tape.news.wait(stretch);
            stretch = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Seat {
    /// Nobody waits for a reader that is gone.
    fn drop(&mut self) {
        let mut stretch = lock(&self.tape.stretch);
        stretch.hold(self.place, u64::MAX);
        self.tape.tell(stretch);
    }
}

impl Tape {
    fn new(seats: usize, progress: Arc<Progress>) -> Self {
        let input = Input {
            begun: 0,
            open: None,
        };
        let stretch = Stretch {
            first: 0,
            entries: VecDeque::new(),
            held: vec![0; seats],
            spare: Vec::new(),
        };
        Self {
            input: Mutex::new(input),
            stretch: Mutex::new(stretch),
            news: Condvar::new(),
            lead: if seats > 1 { LEAD } else { 1 },
            progress,
        }
    }

    /// Wakes all that wait. Whoever found nothing still held the lock, or waits by now.
    fn tell(&self, stretch: MutexGuard<'_, Stretch>) {
        drop(stretch);
        self.news.notify_all();
    }
}

impl Input {
    fn read(&mut self, mut piece: Piece) -> Entry {
        let Some(open) = &mut self.open else {
            return Entry::End;
        };
        piece.length = 0;
        let ended = loop {
            let free = piece.length..;
            match open.read(piece.room().get_mut(free).unwrap_or_default()) {
                Ok(0) if piece.length > 0 => break None,
                Ok(0) => break Some(Entry::End),
                Ok(read) => piece.length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(Entry::Failed(error)),
            }
            if piece.length >= LEAST {
                break None;
            }
        };
        let Some(entry) = ended else {
            return Entry::Octets(Arc::new(piece));
        };
        self.open = None;
        entry
    }
}

impl Entry {
    /// The same for each seat.
    fn look(&self) -> io::Result<Option<Arc<Piece>>> {
        match self {
            Self::Octets(piece) => Ok(Some(piece.clone())),
            Self::End => Ok(None),
            Self::Failed(error) => Err(match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(error.kind(), error.to_string()),
            }),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
