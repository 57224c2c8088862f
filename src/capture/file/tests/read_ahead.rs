//! A single reader has a thread that reads ahead of it.

use crate::capture::file::chunk::Chunk;
use crate::capture::file::shared_reader::{Cursor, cursors};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, ThreadId};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Fills whatever it is given, and says which thread asked; fails at one of the reads as told.
struct Endless {
    asked: Sender<ThreadId>,
    reads_left: usize,
    at_the_end: fn() -> io::Result<usize>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Nobody listens any more when the test has seen enough.
        _ = self.asked.send(thread::current().id());
        if self.reads_left == 0 {
            return (self.at_the_end)();
        }
        self.reads_left -= 1;
        buffer.fill(7);
        Ok(buffer.len())
    }
}

fn begun(count: usize, at_the_end: fn() -> io::Result<usize>) -> (Cursor<()>, Receiver<ThreadId>) {
    let (asked, threads) = channel();
    let input = Endless {
        asked,
        reads_left: count,
        at_the_end,
    };
    let mut cursor = cursors(1, &Arc::default(), Box::new(|_| None))
        .pop()
        .unwrap();
    cursor.begin(|| Ok(Box::new(input))).unwrap();
    (cursor, threads)
}

fn take(cursor: &mut Cursor<()>) -> io::Result<Option<Arc<Chunk<()>>>> {
    cursor.exchange(Arc::default())
}

#[test]
fn what_comes_behind_the_first_chunk_is_read_before_it_is_asked_for() {
    let (mut cursor, threads) = begun(usize::MAX, || Ok(0));
    assert!(take(&mut cursor).unwrap().is_some());
    assert_eq!(threads.recv_timeout(PATIENCE), Ok(thread::current().id()));
    assert!(threads.try_recv().is_err(), "no thread for a small file");
    assert!(take(&mut cursor).unwrap().is_some());
    for _ in 0..2 {
        let ahead = threads.recv_timeout(PATIENCE).unwrap();
        assert_ne!(ahead, thread::current().id());
    }
    assert!(
        threads.recv_timeout(Duration::from_millis(50)).is_err(),
        "no more than there is room for"
    );
    drop(cursor);
    // The thread ends, and the input with it: nobody is left who could ask.
    while threads.recv_timeout(PATIENCE).is_ok() {}
    assert_eq!(
        threads.try_recv(),
        Err(std::sync::mpsc::TryRecvError::Disconnected)
    );
}

#[test]
fn the_end_and_a_failure_come_behind_all_that_was_read() {
    let failed = || Err(io::ErrorKind::PermissionDenied.into());
    for (at_the_end, expected) in [
        ((|| Ok(0)) as fn() -> io::Result<usize>, None),
        (failed, Some(io::ErrorKind::PermissionDenied)),
        (|| panic!("an unpacker's fault"), Some(io::ErrorKind::Other)),
    ] {
        let (mut cursor, _threads) = begun(3, at_the_end);
        for _ in 0..3 {
            assert!(take(&mut cursor).unwrap().is_some());
        }
        let end = take(&mut cursor).map(|chunk| chunk.is_some());
        match expected {
            None => assert!(!end.unwrap()),
            Some(kind) => assert_eq!(end.unwrap_err().kind(), kind),
        }
    }
}
