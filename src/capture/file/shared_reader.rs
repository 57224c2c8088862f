//! Capture files as one tape: read once, piece by piece, and gone along by each of its readers.
//!
//! Whoever needs the next piece first reads it and deals it; there is no thread for it. A [`SharedReader`] lives
//! as long as the last of its [`Cursor`]s. Pieces go round: filled, let go by every seat, filled again; so
//! many as there may be bound the memory and how far one reader gets ahead of another.

use super::chunk::Chunk;
use super::input::{FindPartitioner, Input};
use super::progress::ReadProgress;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Pieces for each reader that lie between the first and the last of them.
const CHUNKS: usize = 2;

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
    Octets(Arc<Chunk<C>>),
    /// A file ends.
    End,
    /// Reading failed, for everybody.
    Failed(io::Error),
}

/// The part of the tape that somebody has still to look at.
struct ReadAhead<C> {
    /// Number of the first entry.
    first: u64,
    entries: VecDeque<Entry<C>>,
    /// What each seat looks at or waits for.
    held: Vec<u64>,
    /// What all have looked at, to be filled again.
    take_spare: Vec<Chunk<C>>,
    /// Pieces that there are.
    made: usize,
}

impl<C> ReadAhead<C> {
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
    fn take_spare(&mut self, cursor: usize) -> Chunk<C> {
        let own = self
            .take_spare
            .iter()
            .rposition(|chunk| chunk.cursor == cursor);
        let take_spare = match own {
            Some(place) => Some(self.take_spare.swap_remove(place)),
            None if self.made <= self.room() => None,
            None => self.take_spare.pop(),
        };
        take_spare.unwrap_or_else(|| {
            self.made += 1;
            Chunk::of(cursor)
        })
    }

    /// So many entries may be there.
    fn room(&self) -> usize {
        CHUNKS * self.held.len()
    }

    /// A seat is at this entry, and has let go of those before it.
    fn hold(&mut self, cursor: usize, number: u64) {
        if let Some(held) = self.held.get_mut(cursor) {
            *held = number;
        }
        let slowest = self.held.iter().copied().min().unwrap_or(u64::MAX);
        while self.first < slowest
            && let Some(entry) = self.entries.pop_front()
        {
            self.first += 1;
            if let Entry::Octets(chunk) = entry {
                self.take_spare.extend(Arc::into_inner(chunk));
            }
        }
    }
}

struct SharedReader<C> {
    /// Whoever holds it reads.
    input: Mutex<Input<C>>,
    /// Held for moments only, and waited for while `input` is held, never the other way round.
    ahead_window: Mutex<ReadAhead<C>>,
    /// Something was read, or there is room again.
    news: Condvar,
    cursors: usize,
    /// So many entries before a seat are enough.
    lead: u64,
    progress: Arc<ReadProgress>,
}

/// One reader's place on a tape.
pub(super) struct Cursor<C> {
    shared_reader: Arc<SharedReader<C>>,
    place: usize,
    /// The entry that it takes next.
    next: u64,
    /// Files that it has begun.
    begun: usize,
}

/// So many seats at one tape, all at its beginning, before the first file.
pub(super) fn cursors<C>(
    count: usize,
    progress: &Arc<ReadProgress>,
    find_dealer: FindPartitioner<C>,
) -> Vec<Cursor<C>> {
    let shared_reader = Arc::new(SharedReader::new(count, progress.clone(), find_dealer));
    (0..count)
        .map(|place| Cursor::new(&shared_reader, place))
        .collect()
}

impl<C> Cursor<C> {
    fn new(shared_reader: &Arc<SharedReader<C>>, place: usize) -> Self {
        Self {
            shared_reader: shared_reader.clone(),
            place,
            next: 0,
            begun: 0,
        }
    }

    /// The only seat at a tape of its own.
    pub(super) fn single() -> Self {
        let nobody = Box::new(|_: &[u8]| None);
        Self::new(&Arc::new(SharedReader::new(1, Arc::default(), nobody)), 0)
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
        let mut input = lock(&self.shared_reader.input);
        input.begin(self.begun, open)?;
        self.begun += 1;
        drop(input);
        self.shared_reader
            .wake_all(lock(&self.shared_reader.ahead_window));
        Ok(())
    }

    /// Gives a piece back and takes the next one; none at the end of the file, which comes once.
    ///
    /// # Errors
    /// What reading failed with.
    pub(super) fn exchange(&mut self, read: Arc<Chunk<C>>) -> io::Result<Option<Arc<Chunk<C>>>> {
        drop(read);
        let shared_reader = &*self.shared_reader;
        let mut ahead_window = lock(&shared_reader.ahead_window);
        ahead_window.hold(self.place, self.next);
        shared_reader.news.notify_all();
        let mut turns = 0;
        loop {
            let enough = ahead_window.end() - self.next >= shared_reader.lead;
            let has_room = ahead_window.entries.len() < ahead_window.room();
            if !enough
                && has_room
                && let Ok(input) = shared_reader.input.try_lock()
                && input.is_open()
            {
                let chunk = ahead_window.take_spare(self.place);
                drop(ahead_window);
                shared_reader.read(input, chunk);
                ahead_window = lock(&shared_reader.ahead_window);
                continue;
            }
            match ahead_window.entry(self.next) {
                None | Some(Entry::Coming) => {}
                Some(entry) => {
                    self.next += 1;
                    return entry.look();
                }
            }
            ahead_window = if turns < PATIENCE {
                turns += 1;
                drop(ahead_window);
                thread::yield_now();
                lock(&shared_reader.ahead_window)
            } else {
                let waited = shared_reader.news.wait(ahead_window);
                waited.unwrap_or_else(PoisonError::into_inner)
            };
        }
    }
}

impl<C> Drop for Cursor<C> {
    /// Nobody waits for a reader that is gone.
    fn drop(&mut self) {
        let mut ahead_window = lock(&self.shared_reader.ahead_window);
        ahead_window.hold(self.place, u64::MAX);
        self.shared_reader.wake_all(ahead_window);
    }
}

impl<C> SharedReader<C> {
    fn new(cursors: usize, progress: Arc<ReadProgress>, find_dealer: FindPartitioner<C>) -> Self {
        let ahead_window = ReadAhead {
            first: 0,
            entries: VecDeque::new(),
            held: vec![0; cursors],
            take_spare: Vec::new(),
            made: 0,
        };
        Self {
            input: Mutex::new(Input::new(find_dealer)),
            ahead_window: Mutex::new(ahead_window),
            news: Condvar::new(),
            cursors,
            lead: if cursors > 1 { LEAD } else { 1 },
            progress,
        }
    }

    /// Reads a piece and deals it. It has its place on the tape before it is dealt, so that others can
    /// read on meanwhile.
    fn read(&self, mut input: MutexGuard<'_, Input<C>>, mut chunk: Chunk<C>) {
        let entry = match input.read(&mut chunk) {
            Ok(0) => Entry::End,
            Ok(read) => {
                self.progress.add(read);
                let follows = input.follow(&chunk);
                let place = ReservedEntry::behind(self);
                drop(input);
                self.wake_all(lock(&self.ahead_window));
                chunk.partition(follows, self.cursors);
                return place.fill(Entry::Octets(Arc::new(chunk)));
            }
            Err(error) => Entry::Failed(error),
        };
        ReservedEntry::behind(self).fill(entry);
    }

    /// Wakes all that wait. Whoever found nothing still held the lock, or waits by now.
    fn wake_all(&self, ahead_window: MutexGuard<'_, ReadAhead<C>>) {
        drop(ahead_window);
        self.news.notify_all();
    }
}

/// A place on the tape for what is still to come.
struct ReservedEntry<'t, C> {
    shared_reader: &'t SharedReader<C>,
    number: u64,
}

impl<'t, C> ReservedEntry<'t, C> {
    /// The one behind all others.
    fn behind(shared_reader: &'t SharedReader<C>) -> Self {
        let mut ahead_window = lock(&shared_reader.ahead_window);
        let number = ahead_window.end();
        ahead_window.entries.push_back(Entry::Coming);
        Self {
            shared_reader,
            number,
        }
    }

    fn fill(&self, with: Entry<C>) {
        let mut ahead_window = lock(&self.shared_reader.ahead_window);
        if let Some(entry) = ahead_window.entry_mut(self.number) {
            *entry = with;
        }
        self.shared_reader.wake_all(ahead_window);
    }
}

impl<C> Drop for ReservedEntry<'_, C> {
    /// Nobody waits for what will not come, because who deals it has panicked.
    fn drop(&mut self) {
        let mut ahead_window = lock(&self.shared_reader.ahead_window);
        if let Some(entry @ Entry::Coming) = ahead_window.entry_mut(self.number) {
            *entry = Entry::Failed(io::ErrorKind::Other.into());
            self.shared_reader.wake_all(ahead_window);
        }
    }
}

impl<C> Entry<C> {
    /// The same for each seat.
    fn look(&self) -> io::Result<Option<Arc<Chunk<C>>>> {
        match self {
            Self::Octets(chunk) => Ok(Some(chunk.clone())),
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
