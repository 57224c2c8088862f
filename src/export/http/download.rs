//! The body of an answer that is a part of a file. A chunk is read, on the runtime's threads for blocking
//! work, when the client has taken the one before.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::convert::Infallible;
use std::fs::File;
use std::future::Future;
use std::io::{Read, Seek, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;

/// Files that are read at the same time. A guess: a witness reads one after the other.
pub(super) const MAX_DOWNLOADS: usize = 16;

/// Octets that are read at once.
const CHUNK: u64 = 1 << 18;

/// What holds the place of a download, in all and of its client.
pub(super) type Permits = (OwnedSemaphorePermit, OwnedSemaphorePermit);

/// A file that is being read.
struct OpenFile {
    file: File,
    next: u64,
    end: u64,
    _permits: Permits,
}

impl OpenFile {
    /// The next chunk; none at the end, and where the file cannot be read to where it ended.
    async fn chunk(mut self) -> Option<(Bytes, Self)> {
        if self.next >= self.end {
            return None;
        }
        let read = spawn_blocking(move || {
            let length = CHUNK.min(self.end - self.next);
            let mut octets = Vec::new();
            let found = self.file.seek(SeekFrom::Start(self.next));
            let read = found.and_then(|_| (&self.file).take(length).read_to_end(&mut octets));
            let is_whole = read.is_ok_and(|count| count as u64 == length);
            self.next += length;
            is_whole.then(|| (Bytes::from(octets), self))
        });
        read.await.ok().flatten()
    }
}

/// The next piece of a file, and how to go on; none at its end.
type NextPiece = Pin<Box<dyn Future<Output = Option<(Bytes, OpenFile)>> + Send>>;

/// A part of a file. One that ends early is cut off by hyper, since its length was said.
pub(super) struct Download {
    left: u64,
    next: NextPiece,
}

impl Download {
    /// The octets of a file from the first up to the one behind the last.
    pub(super) fn new(file: File, (first, end): (u64, u64), permits: Permits) -> Self {
        let file = OpenFile {
            file,
            next: first,
            end,
            _permits: permits,
        };
        Self {
            left: end - first,
            next: Box::pin(file.chunk()),
        }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let Some((octets, file)) = ready!(self.next.as_mut().poll(context)) else {
            self.left = 0;
            return Poll::Ready(None);
        };
        self.left = self.left.saturating_sub(octets.len() as u64);
        self.next = Box::pin(file.chunk());
        Poll::Ready(Some(Ok(Frame::data(octets))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
