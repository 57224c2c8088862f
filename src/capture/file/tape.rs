//! Capture files as one tape: read once, piece by piece, and gone along by each of its readers.
//!
//! Whoever needs the next piece first reads it and deals it; there is no thread for it. A [`Tape`] lives
//! as long as the last of its [`Seat`]s. Pieces go round: filled, let go by every seat, filled again; so
//! many as there may be bound the memory and how far one reader gets ahead of another.

use super::input::{FindDealer, Input};
use super::piece::Piece;
use super::progress::Progress;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Pieces for each reader that lie between the first and the last of them.
const PIECES: usize = 2;

/// A reader with fewer pieces before it reads one more, if no other is about it: whoever is first
/// works for those behind. A reader that is alone reads when it has none.
const LEAD: u64 = 2;

/// A seat looks so many times more, some microseconds in all, before it sleeps: what it waits for is
/// often there by then, and a processor that has gone to sleep wakes slowly.
const PATIENCE: u32 = 100;

/// What stands on the tape.
enum Entry<C> {
    /// Octets that somebody deals just now.
    Coming,
    Octets(Arc<Piece<C>>),
    /// A file ends.
    End,
    /// Reading failed, for everybody.
    Failed(io::Error),
}

/// The part of the tape that somebody has still to look at.
struct Stretch<C> {
    /// Number of the first entry.
    first: u64,
    entries: VecDeque<Entry<C>>,
    /// What each seat looks at or waits for.
    held: Vec<u64>,
    /// What all have looked at, to be filled again.
    spare: Vec<Piece<C>>,
    /// Pieces that there are.
    made: usize,
}

impl<C> Stretch<C> {
    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn entry(&self, number: u64) -> Option<&Entry<C>> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries.get(place)
    }

    fn entry_mut(&mut self, number: u64) -> Option<&mut Entry<C>> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(place)
    }

    /// A piece to be filled by this seat: best one that it has filled before.
    fn spare(&mut self, seat: usize) -> Piece<C> {
        let own = self.spare.iter().rposition(|piece| piece.seat == seat);
        let spare = match own {
            Some(place) => Some(self.spare.swap_remove(place)),
            None if self.made <= self.room() => None,
            None => self.spare.pop(),
        };
        spare.unwrap_or_else(|| {
            self.made += 1;
            Piece::of(seat)
        })
    }

    /// So many entries may be there.
    fn room(&self) -> usize {
        PIECES * self.held.len()
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

struct Tape<C> {
    /// Whoever holds it reads.
    input: Mutex<Input<C>>,
    /// Held for moments only, and waited for while `input` is held, never the other way round.
    stretch: Mutex<Stretch<C>>,
    /// Something was read, or there is room again.
    news: Condvar,
    seats: usize,
    /// So many entries before a seat are enough.
    lead: u64,
    progress: Arc<Progress>,
}

/// One reader's place on a tape.
pub(super) struct Seat<C> {
    tape: Arc<Tape<C>>,
    place: usize,
    /// The entry that it takes next.
    next: u64,
    /// Files that it has begun.
    begun: usize,
}

/// So many seats at one tape, all at its beginning, before the first file.
pub(super) fn seats<C>(
    count: usize,
    progress: &Arc<Progress>,
    find_dealer: FindDealer<C>,
) -> Vec<Seat<C>> {
    let tape = Arc::new(Tape::new(count, progress.clone(), find_dealer));
    (0..count).map(|place| Seat::new(&tape, place)).collect()
}

impl<C> Seat<C> {
    fn new(tape: &Arc<Tape<C>>, place: usize) -> Self {
        Self {
            tape: tape.clone(),
            place,
            next: 0,
            begun: 0,
        }
    }

    /// The only seat at a tape of its own.
    pub(super) fn alone() -> Self {
        let nobody = Box::new(|_: &[u8]| None);
        Self::new(&Arc::new(Tape::new(1, Arc::default(), nobody)), 0)
    }

    /// Which of the seats it is.
    #[inline]
    pub(super) fn number(&self) -> usize {
        self.place
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
        input.begin(self.begun, open)?;
        self.begun += 1;
        drop(input);
        self.tape.tell(lock(&self.tape.stretch));
        Ok(())
    }

    /// Gives a piece back and takes the next one; none at the end of the file, which comes once.
    ///
    /// # Errors
    /// What reading failed with.
    pub(super) fn exchange(&mut self, read: Arc<Piece<C>>) -> io::Result<Option<Arc<Piece<C>>>> {
        drop(read);
        let tape = &*self.tape;
        let mut stretch = lock(&tape.stretch);
        stretch.hold(self.place, self.next);
        tape.news.notify_all();
        let mut turns = 0;
        loop {
            let enough = stretch.end() - self.next >= tape.lead;
            let has_room = stretch.entries.len() < stretch.room();
            if !enough
                && has_room
                && let Ok(input) = tape.input.try_lock()
                && input.is_open()
            {
                let piece = stretch.spare(self.place);
                drop(stretch);
                tape.read(input, piece);
                stretch = lock(&tape.stretch);
                continue;
            }
            match stretch.entry(self.next) {
                None | Some(Entry::Coming) => {}
                Some(entry) => {
                    self.next += 1;
                    return entry.look();
                }
            }
            stretch = if turns < PATIENCE {
                turns += 1;
                drop(stretch);
                thread::yield_now();
                lock(&tape.stretch)
            } else {
                let waited = tape.news.wait(stretch);
                waited.unwrap_or_else(PoisonError::into_inner)
            };
        }
    }
}

impl<C> Drop for Seat<C> {
    /// Nobody waits for a reader that is gone.
    fn drop(&mut self) {
        let mut stretch = lock(&self.tape.stretch);
        stretch.hold(self.place, u64::MAX);
        self.tape.tell(stretch);
    }
}

impl<C> Tape<C> {
    fn new(seats: usize, progress: Arc<Progress>, find_dealer: FindDealer<C>) -> Self {
        let stretch = Stretch {
            first: 0,
            entries: VecDeque::new(),
            held: vec![0; seats],
            spare: Vec::new(),
            made: 0,
        };
        Self {
            input: Mutex::new(Input::new(find_dealer)),
            stretch: Mutex::new(stretch),
            news: Condvar::new(),
            seats,
            lead: if seats > 1 { LEAD } else { 1 },
            progress,
        }
    }

    /// Reads a piece and deals it. It has its place on the tape before it is dealt, so that others can
    /// read on meanwhile.
    fn read(&self, mut input: MutexGuard<'_, Input<C>>, mut piece: Piece<C>) {
        let entry = match input.read(&mut piece) {
            Ok(0) => Entry::End,
            Ok(read) => {
                self.progress.add(read);
                let follows = input.follow(&piece);
                let place = Place::behind(self);
                drop(input);
                self.tell(lock(&self.stretch));
                piece.deal(follows, self.seats);
                return place.fill(Entry::Octets(Arc::new(piece)));
            }
            Err(error) => Entry::Failed(error),
        };
        Place::behind(self).fill(entry);
    }

    /// Wakes all that wait. Whoever found nothing still held the lock, or waits by now.
    fn tell(&self, stretch: MutexGuard<'_, Stretch<C>>) {
        drop(stretch);
        self.news.notify_all();
    }
}

/// A place on the tape for what is still to come.
struct Place<'t, C> {
    tape: &'t Tape<C>,
    number: u64,
}

impl<'t, C> Place<'t, C> {
    /// The one behind all others.
    fn behind(tape: &'t Tape<C>) -> Self {
        let mut stretch = lock(&tape.stretch);
        let number = stretch.end();
        stretch.entries.push_back(Entry::Coming);
        Self { tape, number }
    }

    fn fill(&self, with: Entry<C>) {
        let mut stretch = lock(&self.tape.stretch);
        if let Some(entry) = stretch.entry_mut(self.number) {
            *entry = with;
        }
        self.tape.tell(stretch);
    }
}

impl<C> Drop for Place<'_, C> {
    /// Nobody waits for what will not come, because who deals it has panicked.
    fn drop(&mut self) {
        let mut stretch = lock(&self.tape.stretch);
        if let Some(entry @ Entry::Coming) = stretch.entry_mut(self.number) {
            *entry = Entry::Failed(io::ErrorKind::Other.into());
            self.tape.tell(stretch);
        }
    }
}

impl<C> Entry<C> {
    /// The same for each seat.
    fn look(&self) -> io::Result<Option<Arc<Piece<C>>>> {
        match self {
            Self::Octets(piece) => Ok(Some(piece.clone())),
            Self::End | Self::Coming => Ok(None),
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
