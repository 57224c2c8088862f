//! A deadline for the head of a request, from its first octet on.
//!
//! hyper's own timer counts from the end of the last answer, so it is the bound of an idle
//! connection too; a head that drips in would have as long. Here a head that has begun has
//! [`HttpLimits::head_wait`]; the first one of a connection begins with the connection.
//!
//! [`HttpLimits::head_wait`]: super::HttpLimits::head_wait

use super::connections::Connection;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A connection that fails to be read once a head takes too long.
pub(super) struct Timed<S> {
    stream: S,
    place: Arc<Connection>,
    head_wait: Duration,
    /// The wait that a head has begun in, and when it has to be whole.
    head: Option<(u64, Pin<Box<Sleep>>)>,
}

impl<S> Timed<S> {
    /// The first head begins now.
    pub(super) fn new(stream: S, place: Arc<Connection>, head_wait: Duration) -> Self {
        let wait = place.wait();
        Self {
            stream,
            place,
            head_wait,
            head: wait.map(|wait| (wait, Box::pin(sleep(head_wait)))),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(wait) = self.place.wait() else {
            return read;
        };
        if self.head.as_ref().is_none_or(|(of, _)| *of != wait) {
            let has_begun = buffer.filled().len() > before;
            self.head = has_begun.then(|| (wait, Box::pin(sleep(self.head_wait))));
        }
        if let Some((_, deadline)) = &mut self.head
            && deadline.as_mut().poll(context).is_ready()
        {
            self.place.count_slow();
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, octets)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
