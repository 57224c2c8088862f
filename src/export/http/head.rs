//! A deadline for the head of a request, from its first octet on.
//!
//! hyper's own timer counts from the end of the last answer. It bounds idle connections too, and is
//! therefore too long for a head that arrives slowly. This deadline of [`HttpLimits::head_wait`] counts
//! from the first octet of the head; for the first head, from the start of the connection.
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

/// A stream that fails to read once a head takes too long.
pub(super) struct HeadDeadline<S> {
    stream: S,
    connection: Arc<Connection>,
    head_wait: Duration,
    /// Number of the wait in which a head has started, and the deadline of that head.
    head: Option<(u64, Pin<Box<Sleep>>)>,
}

impl<S> HeadDeadline<S> {
    /// The first head starts now.
    pub(super) fn new(stream: S, connection: Arc<Connection>, head_wait: Duration) -> Self {
        let wait = connection.wait();
        Self {
            stream,
            connection,
            head_wait,
            head: wait.map(|wait| (wait, Box::pin(sleep(head_wait)))),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadDeadline<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(wait) = self.connection.wait() else {
            return read;
        };
        if self.head.as_ref().is_none_or(|(of, _)| *of != wait) {
            let has_begun = buffer.filled().len() > before;
            self.head = has_begun.then(|| (wait, Box::pin(sleep(self.head_wait))));
        }
        if let Some((_, deadline)) = &mut self.head
            && deadline.as_mut().poll(context).is_ready()
        {
            self.connection.count_slow();
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadDeadline<S> {
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
