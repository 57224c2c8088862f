//! The event stream of the page: one server-sent event per published state (HTML Living Standard §9.2).
//! The number of streams is limited, in all and per client.
//!
//! A stream holds two permits while it lives. A slow reader gets the newest state, never a queue of old
//! ones. The stream ends after [`HttpLimits::listener_age`], and the browser reconnects by itself. It
//! also ends when the daemon stops.
//!
//! [`HttpLimits::listener_age`]: super::HttpLimits::listener_age

use super::rendered::{Output, RenderedOutputs};
use crate::export::Published;
use hyper::body::{Body, Bytes, Frame};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Sleep, sleep};

/// Interval of comments while no state is published: they keep the connection alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The future of the next event; it returns the listener for the event after.
type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Listener)>> + Send>>;

/// The body of an event stream.
pub(super) struct EventStream {
    next: Next,
}

struct Listener {
    shown: Arc<RenderedOutputs>,
    published: watch::Receiver<Published>,
    stopped: watch::Receiver<()>,
    age: Pin<Box<Sleep>>,
    _permits: [OwnedSemaphorePermit; 2],
}

impl EventStream {
    /// A stream that starts with the current state. `None` if there are too many, in all or of the client
    /// with the permits `client`.
    pub(super) fn new(shown: &Arc<RenderedOutputs>, client: &Arc<Semaphore>) -> Option<Self> {
        let permit = |of: &Arc<Semaphore>| of.clone().try_acquire_owned().ok();
        let permits = [permit(client)?, permit(&shown.listeners)?];
        let mut published = shown.published.clone();
        published.mark_changed();
        let listener = Listener {
            shown: Arc::clone(shown),
            published,
            stopped: shown.stopped.clone(),
            age: Box::pin(sleep(shown.listener_age)),
            _permits: permits,
        };
        Some(Self {
            next: Box::pin(next(listener)),
        })
    }
}

/// The next event of a stream; `None` at its end.
async fn next(mut listener: Listener) -> Option<(Bytes, Listener)> {
    tokio::select! {
        () = &mut listener.age => None,
        // The sender is only ever dropped, when the listener stops.
        _ = listener.stopped.changed() => None,
        changed = listener.published.changed() => {
            changed.ok()?;
            let event = listener.shown.render(Output::Event, false).ok()?;
            Some((event, listener))
        }
        () = sleep(KEEP_ALIVE) => Some((Bytes::from_static(b":\n\n"), listener)),
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some((event, listener)) = ready!(self.next.as_mut().poll(context)) else {
            // A poll after the end must return the end again.
            self.next = Box::pin(async { None });
            return Poll::Ready(None);
        };
        self.next = Box::pin(next(listener));
        Poll::Ready(Some(Ok(Frame::data(event))))
    }
}
