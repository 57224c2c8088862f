//! Listens for routers that send BMP, and keeps what they say in the feed of their source.
//!
//! One task per source and one per connection, on the main thread; a table is made aside, in steps
//! between which the feed is anybody's, since others wait for it. A router
//! that says nonsense about where its messages end is cut off; it may come again.

use super::AppError;
use crate::asn::bmp::{self, Feed, State};
use crate::asn::{OriginSettings, Source, SourceTable};
use crate::clock;
use crate::events;
use crate::units::Prefix;
use rustix::net::sockopt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

/// Routers connected to one source at a time. A guess.
const MAX_ROUTERS: usize = 64;

/// A router that has been silent for so long is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(30);

/// How often it is asked again, and how many times, before it is taken for gone.
const AGAIN: Duration = Duration::from_secs(10);
const TIMES: u32 = 3;

/// The log is told no more often of routers that are turned away; counters know of each.
const QUIET: Duration = Duration::from_secs(60);

/// Tables are made no more often than this: seconds are what is judged.
const LEAST: Duration = Duration::from_secs(1);

/// And not more often than takes one part in so many of a processor's time.
const SHARE: u32 = 10;

/// One BMP source.
pub(super) struct Router {
    address: SocketAddr,
    feed: Arc<Mutex<Feed>>,
    /// The table that is being made: it, when that began, and when it ended.
    making: Option<JoinHandle<(SourceTable, Duration, Duration)>>,
    /// When the next table may be made, by the clock that never steps.
    next: Duration,
}

/// Listens at every BMP source of a configuration.
///
/// # Errors
/// [`AppError::System`] where an address cannot be had.
pub(super) async fn listen(settings: &OriginSettings) -> Result<Vec<Router>, AppError> {
    let mut routers = Vec::new();
    for source in &settings.sources {
        let Source::Bmp(address) = source else {
            continue;
        };
        let failed = |source| AppError::Listen {
            address: *address,
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let feed = Feed::new(&settings.own, settings.bmp_stale);
        let feed = Arc::new(Mutex::new(feed));
        let allowed = settings.bmp_routers.clone();
        tokio::spawn(accept(listener, allowed, feed.clone()));
        routers.push(Router {
            address: *address,
            feed,
            making: None,
            next: Duration::ZERO,
        });
    }
    Ok(routers)
}

impl Router {
    /// The name of its source.
    pub(super) fn name(&self) -> String {
        Source::Bmp(self.address).name()
    }

    /// How it stands.
    pub(super) async fn state(&self) -> State {
        self.feed.lock().await.state()
    }

    /// The table that was being made, if it is done; begins the next if there is news and it is time.
    pub(super) async fn table(&mut self) -> Option<SourceTable> {
        let mut feed = self.feed.lock().await;
        feed.expire(clock::now());
        match &mut self.making {
            Some(making) if making.is_finished() => {
                let made = making.await;
                self.making = None;
                let (table, began, ended) = made.ok()?;
                self.next = ended + LEAST.max(ended.saturating_sub(began) * (SHARE - 1));
                Some(table)
            }
            None if feed.has_changed() && clock::uptime() >= self.next => {
                let (feed, name) = (self.feed.clone(), self.name());
                self.making = Some(spawn_blocking(move || {
                    let began = clock::uptime();
                    let table = make(&feed, &name);
                    (table, began, clock::uptime())
                }));
                None
            }
            Some(_) | None => None,
        }
    }
}

/// Makes a table of what a feed knows. Holds the feed for one step at a time.
fn make(feed: &Mutex<Feed>, name: &str) -> SourceTable {
    let mut table = feed.blocking_lock().begin_table(clock::now());
    while feed.blocking_lock().extend_table(&mut table) {}
    table.finish(name, clock::now)
}

/// Takes connections for as long as the daemon runs: from `allowed` addresses, or from any.
async fn accept(listener: TcpListener, allowed: Vec<Prefix>, feed: Arc<Mutex<Feed>>) {
    let connected = Arc::new(AtomicUsize::new(0));
    let mut told = None;
    loop {
        let Ok((stream, router)) = listener.accept().await else {
            // out of file descriptors, most likely: it passes, or the log of others says so
            tokio::time::sleep(LEAST).await;
            continue;
        };
        let is_allowed = |prefix: &Prefix| prefix.contains(router.ip().into());
        let is_foreign = !allowed.is_empty() && !allowed.iter().any(is_allowed);
        if is_foreign || connected.load(Ordering::Relaxed) >= MAX_ROUTERS {
            let mut feed = feed.lock().await;
            let turned_away = &mut feed.turned_away;
            let (count, why) = if is_foreign {
                let why = "its address is not in asn.bmp_routers";
                (&mut turned_away.address, why)
            } else {
                (&mut turned_away.limit, "too many routers")
            };
            *count += 1;
            let now = clock::uptime();
            if told.is_none_or(|told| now.saturating_sub(told) >= QUIET) {
                told = Some(now);
                events::router_refused(&router, why);
            }
            continue;
        }
        connected.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = keep_asking(&stream) {
            events::router_not_asked(&router, &error);
        }
        let (feed, connected) = (feed.clone(), connected.clone());
        tokio::spawn(async move {
            events::router_connected(&router);
            let id = feed.lock().await.connected(router.ip());
            let why = follow(stream, &feed, id).await;
            feed.lock().await.disconnected(id, clock::now());
            events::router_gone(&router, &why);
            connected.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Has the kernel ask a silent router whether it is there. BMP says nothing when there is no news, so
/// one that lost its power would be believed for ever.
fn keep_asking(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, SILENCE)?;
    sockopt::set_tcp_keepintvl(stream, AGAIN)?;
    sockopt::set_tcp_keepcnt(stream, TIMES)
}

/// Takes one router's messages until there are no more; why.
async fn follow(stream: TcpStream, feed: &Mutex<Feed>, id: bmp::RouterId) -> String {
    let mut message = Vec::new();
    loop {
        let mut header = [0; bmp::HEADER];
        if let Err(why) = fill(&stream, &mut header).await {
            return why;
        }
        match bmp::length(header) {
            Ok(length) => message.resize(length, 0),
            Err(why) => return why,
        }
        message.splice(..bmp::HEADER, header);
        let rest = message.get_mut(bmp::HEADER..).unwrap_or_default();
        if let Err(why) = fill(&stream, rest).await {
            return why;
        }
        if !feed.lock().await.hear(id, &message, clock::now()) {
            return "it has ended the session".into();
        }
    }
}

/// Reads until the buffer is full.
async fn fill(stream: &TcpStream, mut rest: &mut [u8]) -> Result<(), String> {
    while !rest.is_empty() {
        stream.readable().await.map_err(|error| error.to_string())?;
        match stream.try_read(rest) {
            Ok(0) => return Err("it has closed the connection".into()),
            Ok(octets) => rest = rest.get_mut(octets..).unwrap_or_default(),
            // readable was a guess
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}
