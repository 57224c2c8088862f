//! Reads a file on a thread of its own, so that it costs whoever looks at the records no time.
//!
//! Buffers go round: filled here, emptied by the [`Reader`](super::reader::Reader), filled again.
//! So many as there are bound the memory; the thread ends with the input or with its reader.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Octets left free in front of what was read, for the begun record from the buffer before.
pub(super) const HEADROOM: usize = 1 << 16;

/// Octets read at once.
const CHUNK: usize = 1 << 18;

/// Buffers on their way.
const BUFFERS: usize = 8;

/// Octets behind the [`HEADROOM`].
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) buffer: Vec<u8>,
    /// Where they end.
    pub(super) end: usize,
}

impl Chunk {
    /// What was read.
    pub(super) fn octets(&self) -> &[u8] {
        self.buffer.get(HEADROOM..self.end).unwrap_or_default()
    }
}

/// The reader's end.
#[derive(Debug)]
pub(super) struct Ahead {
    filled: Receiver<io::Result<Chunk>>,
    emptied: SyncSender<Vec<u8>>,
}

impl Ahead {
    /// Starts reading.
    ///
    /// # Errors
    /// What the system says where there can be no thread; the input is lost then.
    pub(super) fn start(input: Box<dyn Read + Send>) -> io::Result<Self> {
        let (sender, filled) = sync_channel(BUFFERS);
        let (emptied, receiver) = sync_channel(BUFFERS + 1);
        for _ in 0..BUFFERS {
            // There is room for all of them.
            let _ = emptied.try_send(vec![0; HEADROOM + CHUNK]);
        }
        thread::Builder::new()
            .name("read ahead".into())
            .spawn(move || read_all(input, &receiver, &sender))?;
        Ok(Self { filled, emptied })
    }

    /// What comes next; empty at the end.
    ///
    /// # Errors
    /// What reading failed with.
    pub(super) fn next(&self) -> io::Result<Chunk> {
        self.filled.recv().unwrap_or_else(|_| Ok(Chunk::default()))
    }

    /// Gives a buffer back.
    pub(super) fn give_back(&self, buffer: Vec<u8>) {
        // A thread that has come to the end needs none.
        let _ = self.emptied.try_send(buffer);
    }
}

/// Reads once, whatever signal comes in between.
pub(super) fn read_some(input: &mut dyn Read, room: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

fn read_all(
    mut input: Box<dyn Read + Send>,
    emptied: &Receiver<Vec<u8>>,
    filled: &SyncSender<io::Result<Chunk>>,
) {
    while let Ok(mut buffer) = emptied.recv() {
        if buffer.len() <= HEADROOM {
            buffer.resize(HEADROOM + CHUNK, 0);
        }
        let room = buffer.get_mut(HEADROOM..).unwrap_or_default();
        let chunk = read_some(&mut *input, room).map(|read| Chunk {
            end: (HEADROOM + read).min(buffer.len()),
            buffer,
        });
        let goes_on = matches!(&chunk, Ok(chunk) if !chunk.octets().is_empty());
        if filled.send(chunk).is_err() || !goes_on {
            return;
        }
    }
}
