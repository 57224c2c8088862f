//! The page's live updates: one server-sent event for each published state, to listeners of which
//! there are only so many (HTML Living Standard §9.2), and of one client fewer.
//!
//! A listener holds two permits for as long as it is there. One that reads slowly gets the newest state
//! when it is ready for it, never a queue of old ones. After [`HttpLimits::listener_age`] its stream ends,
//! and the browser comes back by itself; so does a stop of the daemon end it.
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

/// A comment after so long without a state: shows both ends that the other is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a stream waits for: its next piece, and the listener back for the one after.
type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Listener)>> + Send>>;

/// The body of an answer that does not end by itself.
pub(super) struct Live {
    next: Next,
}

struct Listener {
    shown: Arc<RenderedOutputs>,
    published: watch::Receiver<Published>,
    stopped: watch::Receiver<()>,
    age: Pin<Box<Sleep>>,
    _permits: [OwnedSemaphorePermit; 2],
}

impl Live {
    /// A stream that begins with the present state; `None` where there are too many already, in all
    /// or of the client whose `own` these are.
    pub(super) fn new(shown: &Arc<RenderedOutputs>, own: &Arc<Semaphore>) -> Option<Self> {
        let permit = |of: &Arc<Semaphore>| of.clone().try_acquire_owned().ok();
        let permits = [permit(own)?, permit(&shown.listeners)?];
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

/// The next piece of a stream; `None` at its end.
async fn next(mut listener: Listener) -> Option<(Bytes, Listener)> {
    tokio::select! {
        () = &mut listener.age => None,
        // Only ever dropped, with the listener's end.
        _ = listener.stopped.changed() => None,
        changed = listener.published.changed() => {
            changed.ok()?;
            let event = listener.shown.render(Output::Event, false).ok()?;
            Some((event, listener))
        }
        () = sleep(KEEP_ALIVE) => Some((Bytes::from_static(b":\n\n"), listener)),
    }
}

impl Body for Live {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some((piece, listener)) = ready!(self.next.as_mut().poll(context)) else {
            // Asked again after its end, it has ended still.
            self.next = Box::pin(async { None });
            return Poll::Ready(None);
        };
        self.next = Box::pin(next(listener));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
