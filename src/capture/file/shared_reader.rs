//! Reads capture files once, chunk by chunk, for several readers.
//!
//! The first reader that needs a chunk reads and partitions it; no extra thread does. A [`SharedReader`]
//! lives as long as the last of its [`Cursor`]s. Chunks are recycled: a chunk that every cursor has passed
//! is filled again. The number of chunks bounds the memory, and how far one reader gets ahead of another.

use super::chunk::Chunk;
use super::input::{FindPartitioner, Input};
use super::progress::ReadProgress;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Chunks per reader between the fastest and the slowest reader.
const CHUNKS_PER_READER: usize = 2;

/// A reader with fewer chunks ahead of it prefetches one, unless another reader is reading. So the
/// fastest reader works for the slower ones. A single reader reads when it has no chunk left.
const PREFETCH: u64 = 2;

/// A cursor polls this many times, some microseconds in all, before it sleeps: the chunk often arrives
/// in that time, and a sleeping processor wakes slowly.
const SPINS_BEFORE_SLEEP: u32 = 100;

/// One entry of the read-ahead window.
enum Entry<C> {
    /// A chunk that was read and is being partitioned.
    Pending,
    Chunk(Arc<Chunk<C>>),
    /// The end of a file.
    End,
    /// Reading failed; every cursor gets the error.
    Failed(io::Error),
}

/// The entries that at least one cursor has not passed.
struct ReadAhead<C> {
    /// Number of the first entry.
    first: u64,
    entries: VecDeque<Entry<C>>,
    /// The entry that each cursor uses or waits for.
    positions: Vec<u64>,
    /// Chunks that all cursors have passed, to be filled again.
    spare: Vec<Chunk<C>>,
    /// Chunks allocated.
    allocated: usize,
}

impl<C> ReadAhead<C> {
    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn entry(&self, number: u64) -> Option<&Entry<C>> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries.get(index)
    }

    fn entry_mut(&mut self, number: u64) -> Option<&mut Entry<C>> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(index)
    }

    /// A chunk to be filled by this cursor; prefers one that the same cursor filled before.
    fn take_spare(&mut self, cursor: usize) -> Chunk<C> {
        let own = self.spare.iter().rposition(|chunk| chunk.cursor == cursor);
        let spare = match own {
            Some(index) => Some(self.spare.swap_remove(index)),
            None if self.allocated <= self.capacity() => None,
            None => self.spare.pop(),
        };
        spare.unwrap_or_else(|| {
            self.allocated += 1;
            Chunk::new(cursor)
        })
    }

    /// Most entries in the window.
    fn capacity(&self) -> usize {
        CHUNKS_PER_READER * self.positions.len()
    }

    /// Moves a cursor to this entry, and drops the entries that all cursors have passed.
    fn advance(&mut self, cursor: usize, number: u64) {
        if let Some(position) = self.positions.get_mut(cursor) {
            *position = number;
        }
        let slowest = self.positions.iter().copied().min().unwrap_or(u64::MAX);
        while self.first < slowest
            && let Some(entry) = self.entries.pop_front()
        {
            self.first += 1;
            if let Entry::Chunk(chunk) = entry {
                self.spare.extend(Arc::into_inner(chunk));
            }
        }
    }
}

struct SharedReader<C> {
    /// The thread that holds this lock reads.
    input: Mutex<Input<C>>,
    /// Locked briefly. Lock order: `input` first, then `window`, never the reverse.
    window: Mutex<ReadAhead<C>>,
    /// Signalled when an entry was added or freed.
    changed: Condvar,
    cursors: usize,
    /// A cursor with this many entries ahead does not read.
    prefetch: u64,
    progress: Arc<ReadProgress>,
}

/// The position of one reader.
pub(super) struct Cursor<C> {
    shared_reader: Arc<SharedReader<C>>,
    /// Number of the cursor, from 0.
    index: usize,
    /// The entry to take next.
    next: u64,
    /// Files started.
    files_begun: usize,
}

/// Creates `count` cursors of one shared reader, all before the first file.
pub(super) fn cursors<C>(
    count: usize,
    progress: &Arc<ReadProgress>,
    find_partitioner: FindPartitioner<C>,
) -> Vec<Cursor<C>> {
    let shared_reader = Arc::new(SharedReader::new(count, progress.clone(), find_partitioner));
    (0..count)
        .map(|index| Cursor::new(&shared_reader, index))
        .collect()
}

impl<C> Cursor<C> {
    fn new(shared_reader: &Arc<SharedReader<C>>, index: usize) -> Self {
        Self {
            shared_reader: shared_reader.clone(),
            index,
            next: 0,
            files_begun: 0,
        }
    }

    /// The only cursor of a shared reader.
    pub(super) fn single() -> Self {
        let no_partitioner = Box::new(|_: &[u8]| None);
        let shared_reader = SharedReader::new(1, Arc::default(), no_partitioner);
        Self::new(&Arc::new(shared_reader), 0)
    }

    /// Number of the cursor, from 0.
    #[inline]
    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// Starts the next file; the first cursor that does so opens it. All cursors start the same
    /// files in the same order, each after the end of the previous file.
    ///
    /// # Errors
    /// The error of `open`.
    pub(super) fn begin(
        &mut self,
        open: impl FnOnce() -> io::Result<Box<dyn Read + Send>>,
    ) -> io::Result<()> {
        let mut input = lock(&self.shared_reader.input);
        input.begin(self.files_begun, open)?;
        self.files_begun += 1;
        drop(input);
        self.shared_reader
            .wake_all(lock(&self.shared_reader.window));
        Ok(())
    }

    /// Returns a chunk and takes the next one; `None` once, at the end of the file.
    ///
    /// # Errors
    /// The read error.
    pub(super) fn exchange(&mut self, read: Arc<Chunk<C>>) -> io::Result<Option<Arc<Chunk<C>>>> {
        drop(read);
        let shared_reader = &*self.shared_reader;
        let mut window = lock(&shared_reader.window);
        window.advance(self.index, self.next);
        shared_reader.changed.notify_all();
        let mut spins = 0;
        loop {
            let has_prefetched = window.end() - self.next >= shared_reader.prefetch;
            let has_room = window.entries.len() < window.capacity();
            if !has_prefetched
                && has_room
                && let Ok(input) = shared_reader.input.try_lock()
                && input.is_open()
            {
                let chunk = window.take_spare(self.index);
                drop(window);
                shared_reader.read(input, chunk);
                window = lock(&shared_reader.window);
                continue;
            }
            match window.entry(self.next) {
                None | Some(Entry::Pending) => {}
                Some(entry) => {
                    self.next += 1;
                    return entry.result();
                }
            }
            window = if spins < SPINS_BEFORE_SLEEP {
                spins += 1;
                drop(window);
                thread::yield_now();
                lock(&shared_reader.window)
            } else {
                let waited = shared_reader.changed.wait(window);
                waited.unwrap_or_else(PoisonError::into_inner)
            };
        }
    }
}

impl<C> Drop for Cursor<C> {
    /// Frees the entries that only this cursor holds, so that no other reader waits for it.
    fn drop(&mut self) {
        let mut window = lock(&self.shared_reader.window);
        window.advance(self.index, u64::MAX);
        self.shared_reader.wake_all(window);
    }
}

impl<C> SharedReader<C> {
    fn new(
        cursors: usize,
        progress: Arc<ReadProgress>,
        find_partitioner: FindPartitioner<C>,
    ) -> Self {
        let window = ReadAhead {
            first: 0,
            entries: VecDeque::new(),
            positions: vec![0; cursors],
            spare: Vec::new(),
            allocated: 0,
        };
        Self {
            input: Mutex::new(Input::new(find_partitioner, progress.clone())),
            window: Mutex::new(window),
            changed: Condvar::new(),
            cursors,
            prefetch: if cursors > 1 { PREFETCH } else { 1 },
            progress,
        }
    }

    /// Reads and partitions a chunk. Its entry is reserved before it is partitioned, so that others can
    /// read the next chunk meanwhile.
    fn read(&self, mut input: MutexGuard<'_, Input<C>>, mut chunk: Chunk<C>) {
        let entry = match input.read(&mut chunk) {
            Ok(0) => Entry::End,
            Ok(read) => {
                self.progress.add(read);
                let plan = input.scan(&chunk);
                let reserved = ReservedEntry::append(self);
                drop(input);
                self.wake_all(lock(&self.window));
                chunk.partition(plan, self.cursors);
                return reserved.fill(Entry::Chunk(Arc::new(chunk)));
            }
            Err(error) => Entry::Failed(error),
        };
        ReservedEntry::append(self).fill(entry);
    }

    /// Wakes all waiting cursors. Takes the guard, so that none can miss the change between its check
    /// and its wait.
    fn wake_all(&self, window: MutexGuard<'_, ReadAhead<C>>) {
        drop(window);
        self.changed.notify_all();
    }
}

/// An entry whose chunk is still being partitioned.
struct ReservedEntry<'t, C> {
    shared_reader: &'t SharedReader<C>,
    number: u64,
}

impl<'t, C> ReservedEntry<'t, C> {
    /// Appends a pending entry.
    fn append(shared_reader: &'t SharedReader<C>) -> Self {
        let mut window = lock(&shared_reader.window);
        let number = window.end();
        window.entries.push_back(Entry::Pending);
        Self {
            shared_reader,
            number,
        }
    }

    fn fill(&self, with: Entry<C>) {
        let mut window = lock(&self.shared_reader.window);
        if let Some(entry) = window.entry_mut(self.number) {
            *entry = with;
        }
        self.shared_reader.wake_all(window);
    }
}

impl<C> Drop for ReservedEntry<'_, C> {
    /// Fails an entry that was not filled because its thread panicked, so that nobody waits for it.
    fn drop(&mut self) {
        let mut window = lock(&self.shared_reader.window);
        if let Some(entry @ Entry::Pending) = window.entry_mut(self.number) {
            *entry = Entry::Failed(io::ErrorKind::Other.into());
            self.shared_reader.wake_all(window);
        }
    }
}

impl<C> Entry<C> {
    /// The entry as a cursor gets it; the same for each.
    fn result(&self) -> io::Result<Option<Arc<Chunk<C>>>> {
        match self {
            Self::Chunk(chunk) => Ok(Some(chunk.clone())),
            Self::End | Self::Pending => Ok(None),
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
