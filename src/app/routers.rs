//! Accepts BMP connections of routers, and passes their messages to the feed of their source.
//!
//! One task per source and one per connection, on the main thread. Tables are built on another thread,
//! in steps that release the lock of the feed. A router that sends an invalid message length, or takes
//! too long for a message, is disconnected; it may reconnect.

mod connections;
mod signature;

pub(super) use signature::{RouterKey, read_keys, signature_refusal};

use super::AppError;
use crate::asn::bmp::{self, Feed, State};
use crate::asn::{OriginSettings, Source, SourceTable};
use crate::clock;
use crate::events;
use crate::units::Prefix;
use connections::{AdmittedRouter, RouterConnection, RouterConnections, RouterLimit};
use rustix::net::sockopt;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

/// Longest time from the connection to the end of its first message, and from the first octet of any
/// message to its last: three losses of a packet in a row. Between messages a router may be silent.
const MESSAGE_WAIT: Duration = Duration::from_secs(30);

/// TCP keepalive: the first probe goes out after this time without data.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

/// TCP keepalive: interval and number of unanswered probes before the router counts as gone.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

/// Shortest interval of log lines about refused routers; the counters have each of them.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Shortest interval between two tables: verdicts are per second.
const TABLE_INTERVAL: Duration = Duration::from_secs(1);

/// Building tables takes at most this fraction (1/n) of one processor's time.
const PROCESSOR_FRACTION: u32 = 10;

/// One BMP source, with its listener and its feed.
pub(super) struct BmpSource {
    address: SocketAddr,
    feed: Arc<Mutex<Feed>>,
    /// The table under construction. Returns the table, and the uptimes of start and end.
    building: Option<JoinHandle<(SourceTable, Duration, Duration)>>,
    /// Uptime from which the next table may be built.
    next: Duration,
}

/// Listens on the address of every BMP source of a configuration.
///
/// # Errors
/// [`AppError::Listen`] if an address cannot be bound, [`AppError::Signature`] if the kernel does not take
/// a key.
pub(super) async fn listen(
    settings: &OriginSettings,
    keys: &[RouterKey],
) -> Result<Vec<BmpSource>, AppError> {
    let mut sources = Vec::new();
    for source in &settings.sources {
        let Source::Bmp(address) = source else {
            continue;
        };
        let failed = |source| AppError::Listen {
            what: "asn source",
            address: *address,
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        signature::require(listener.as_fd(), *address, keys)?;
        let feed = Feed::new(&settings.own, settings.bmp_stale);
        let feed = Arc::new(Mutex::new(feed));
        let allowed = settings.bmp_routers.clone();
        tokio::spawn(accept(listener, allowed, feed.clone()));
        sources.push(BmpSource {
            address: *address,
            feed,
            building: None,
            next: Duration::ZERO,
        });
    }
    Ok(sources)
}

/// Reads the keys of routers, and asks the kernel whether it would take them.
///
/// # Errors
/// As [`listen`]; [`AppError::Read`].
pub(super) fn check_keys(settings: &OriginSettings) -> Result<(), AppError> {
    let keys = read_keys(&settings.bmp_keys)?;
    for source in &settings.sources {
        let Source::Bmp(address) = source else {
            continue;
        };
        let loopback: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        // Where it has no such family `run` cannot listen either, and says so.
        if let Ok(socket) = std::net::TcpListener::bind((loopback, 0)) {
            signature::require(socket.as_fd(), *address, &keys)?;
        }
    }
    Ok(())
}

impl BmpSource {
    /// The name of the source.
    pub(super) fn name(&self) -> String {
        Source::Bmp(self.address).name()
    }

    /// The state of its feed.
    pub(super) async fn state(&self) -> State {
        self.feed.lock().await.state()
    }

    /// The table under construction, if it is complete. Starts the next one if the feed has changed and it
    /// is time.
    pub(super) async fn table(&mut self) -> Option<SourceTable> {
        let mut feed = self.feed.lock().await;
        feed.expire(clock::now());
        match &mut self.building {
            Some(building) if building.is_finished() => {
                let built = building.await;
                self.building = None;
                let (table, began, ended) = built.ok()?;
                self.next = ended
                    + TABLE_INTERVAL.max(ended.saturating_sub(began) * (PROCESSOR_FRACTION - 1));
                Some(table)
            }
            None if feed.has_changed() && clock::uptime() >= self.next => {
                let (feed, name) = (self.feed.clone(), self.name());
                self.building = Some(spawn_blocking(move || {
                    let began = clock::uptime();
                    let table = build_table(&feed, &name);
                    (table, began, clock::uptime())
                }));
                None
            }
            Some(_) | None => None,
        }
    }
}

/// Builds a table of a feed. Locks the feed for one step at a time.
fn build_table(feed: &Mutex<Feed>, name: &str) -> SourceTable {
    let mut table = feed.blocking_lock().begin_table(clock::now());
    while feed.blocking_lock().extend_table(&mut table) {}
    table.finish(name, clock::now)
}

/// Accepts connections for as long as the daemon runs, from `allowed` prefixes; if empty, from any.
async fn accept(listener: TcpListener, allowed: Vec<Prefix>, feed: Arc<Mutex<Feed>>) {
    let connections = Arc::<RouterConnections>::default();
    let mut last_logged = None;
    loop {
        let Ok((stream, router)) = listener.accept().await else {
            // out of file descriptors, most likely: try again later
            tokio::time::sleep(TABLE_INTERVAL).await;
            continue;
        };
        let is_allowed = |prefix: &Prefix| prefix.contains(router.ip().into());
        let admitted = if allowed.is_empty() || allowed.iter().any(is_allowed) {
            connections.admit(router.ip()).map_err(Some)
        } else {
            Err(None)
        };
        let bound = match &admitted {
            Ok(admitted) => admitted.reached.map(Some),
            Err(refused) => Some(*refused),
        };
        if let Some(bound) = bound {
            let mut feed = feed.lock().await;
            let refused_connections = &mut feed.refused_connections;
            let (count, why) = match bound {
                None => {
                    let why = "its address is not in asn.bmp_routers";
                    (&mut refused_connections.address, why)
                }
                Some(RouterLimit::All) => (&mut refused_connections.limit, "too many routers"),
                Some(RouterLimit::Address) => {
                    (&mut refused_connections.share, "too many of its address")
                }
            };
            *count += 1;
            let now = clock::uptime();
            if last_logged.is_none_or(|last_logged| now.saturating_sub(last_logged) >= LOG_INTERVAL)
            {
                last_logged = Some(now);
                events::router_refused(&router, why);
            }
        }
        let Ok(AdmittedRouter {
            connection,
            displaced,
            ..
        }) = admitted
        else {
            continue;
        };
        if let Err(error) = set_keepalive(&stream) {
            events::router_not_asked(&router, &error);
        }
        let feed = feed.clone();
        tokio::spawn(async move {
            events::router_connected(&router);
            let id = feed.lock().await.connected(router.ip());
            let why = tokio::select! {
                why = receive(stream, &feed, id, &connection, MESSAGE_WAIT) => why,
                _ = displaced => "another connection took its place before it said anything".into(),
            };
            feed.lock().await.disconnected(id, clock::now());
            events::router_gone(&router, &why);
        });
    }
}

/// Enables TCP keepalive. BMP has no keepalive of its own, so a router that lost power would stay
/// connected for ever.
fn set_keepalive(stream: &TcpStream) -> rustix::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)
}

/// Receives the messages of a router until the connection ends, each within `wait`. Returns the reason.
async fn receive(
    mut stream: TcpStream,
    feed: &Mutex<Feed>,
    id: bmp::RouterId,
    connection: &RouterConnection,
    wait: Duration,
) -> String {
    let (mut message, mut is_first) = (Vec::new(), true);
    loop {
        let mut first = [0; 1];
        if !is_first && let Err(why) = fill(&mut stream, &mut first).await {
            return why;
        }
        let read = async {
            if is_first {
                fill(&mut stream, &mut first).await?;
            }
            let [version] = first;
            let mut header = [version; bmp::HEADER];
            let [_, rest @ ..] = &mut header;
            fill(&mut stream, rest).await?;
            message.resize(bmp::length(header)?, 0);
            message.splice(..bmp::HEADER, header);
            fill(
                &mut stream,
                message.get_mut(bmp::HEADER..).unwrap_or_default(),
            )
            .await
        };
        match timeout(wait, read).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return why,
            Err(_) => {
                feed.lock().await.refused_connections.slow += 1;
                return format!("a message took longer than {} s", wait.as_secs());
            }
        }
        is_first = false;
        connection.note_message();
        if !feed.lock().await.receive(id, &message, clock::now()) {
            return "it has ended the session".into();
        }
    }
}

/// Reads until the buffer is full.
async fn fill(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<(), String> {
    match stream.read_exact(buffer).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Err("it has closed the connection".into())
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
