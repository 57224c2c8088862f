//! The HTTP listener: page, metrics, JSON and health over HTTP/1.1, read-only.
//!
//! `app` binds first, so that an address in use is an error at the start, and runs [`serve`] until
//! shutdown. Every bound is a number in [`HttpLimits`]: connections, the wait for a request, the size
//! of its head, the age of a connection; `connections` decides which connection is closed at a limit.
//! Request bodies are refused. Each output is rendered at most once per published state.

mod answer;
mod connections;
mod download;
mod evidence;
pub mod fetch;
mod head;
pub mod hosts;
mod live;
mod questions;
mod rendered;
mod routes;
pub mod security;
mod serving;

use crate::export::HttpRefusals;
pub use connections::{Client, LimitReached};
use hosts::HostNames;
use security::{Security, SecurityError};
pub use serving::serve;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The bounds of the listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HttpLimits {
    /// Connections at the same time. A further one closes the connection that has waited longest for a
    /// whole request. If all are being answered, the new one is answered 503. Both are counted.
    pub connections: usize,
    /// The same for one client: an IPv4 address, or an IPv6 network of 64 bits.
    pub client_connections: usize,
    /// Longest time for a request's head, from its first octet. The first head of a connection starts with
    /// the connection.
    pub head_wait: Duration,
    /// Longest time of a connection without a whole request: idle, or reading the last answer.
    pub request_wait: Duration,
    /// Longest time for a TLS handshake.
    pub handshake_wait: Duration,
    /// Octets of a request's head (at least 8192, hyper's minimum); more is answered 431.
    pub head_bytes: usize,
    /// Header fields of a request; more is answered 431.
    pub header_fields: usize,
    /// Age at which a connection is closed after its current answer: bounds slow readers.
    pub connection_age: Duration,
    /// Longest time for that answer, and for all answers at shutdown.
    pub drain_wait: Duration,
    /// Event streams of the page at the same time; a further one is answered 503.
    pub listeners: usize,
    /// The same for one client.
    pub client_listeners: usize,
    /// Age at which an event stream ends; the page reconnects.
    pub listener_age: Duration,
}

impl Default for HttpLimits {
    /// Two Prometheus servers, a dashboard and some people need a dozen connections, and all of them
    /// may come through one proxy; a scrape interval of up to a minute keeps its connection. A head is
    /// one or two packets: 10 s allow two losses of the first one with TCP's retransmission timeouts.
    fn default() -> Self {
        Self {
            connections: 256,
            client_connections: 64,
            head_wait: Duration::from_secs(10),
            request_wait: Duration::from_secs(75),
            handshake_wait: Duration::from_secs(10),
            head_bytes: 16 * 1024,
            header_fields: 64,
            connection_age: Duration::from_secs(3600),
            drain_wait: Duration::from_secs(10),
            listeners: 32,
            client_listeners: 16,
            listener_age: Duration::from_secs(900),
        }
    }
}

/// Why the listener cannot start.
#[derive(thiserror::Error, Debug)]
pub enum HttpError {
    /// The address cannot be listened on.
    #[error("listen address {address}: {}", plain(source))]
    Bind {
        /// As configured.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The security file is missing or invalid.
    #[error(transparent)]
    Security(#[from] SecurityError),
}

/// The text of a system error, without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// A bound address, not served yet.
#[derive(Debug)]
pub struct HttpServer {
    socket: std::net::TcpListener,
    address: SocketAddr,
    limits: HttpLimits,
    refused: Arc<HttpRefusals>,
    last_refused: LastRefusals,
    hosts: HostNames,
    security: watch::Receiver<Arc<Security>>,
}

/// The clients that were refused last, by reason: for the log. The counters have all of them.
#[derive(Clone, Debug)]
pub struct LastRefusals {
    /// A connection beyond a limit.
    pub limit_reached: watch::Sender<Option<LimitReached>>,
    /// A client that asked for a name that this endpoint does not have, and the name.
    pub hosts: watch::Sender<Option<(Client, String)>>,
    /// A client with a wrong name or password.
    pub credentials: watch::Sender<Option<Client>>,
}

impl Default for LastRefusals {
    fn default() -> Self {
        Self {
            limit_reached: watch::channel(None).0,
            hosts: watch::channel(None).0,
            credentials: watch::channel(None).0,
        }
    }
}

impl HttpServer {
    /// The bound address; the port is never 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the limits.
    #[must_use]
    pub fn with_limits(self, limits: HttpLimits) -> Self {
        Self { limits, ..self }
    }

    /// Adds the security settings, with their later changes.
    #[must_use]
    pub fn with_security(self, security: watch::Receiver<Arc<Security>>) -> Self {
        Self { security, ..self }
    }

    /// The counters of refused clients, which count for as long as the listener is served.
    pub fn refused(&self) -> Arc<HttpRefusals> {
        Arc::clone(&self.refused)
    }

    /// Sets the names that requests may ask for.
    #[must_use]
    pub fn with_hosts(self, hosts: HostNames) -> Self {
        Self { hosts, ..self }
    }

    /// The clients that were refused last.
    pub fn last_refused(&self) -> LastRefusals {
        self.last_refused.clone()
    }

    /// The URL of the page, without the trailing slash.
    pub fn url(&self) -> String {
        format!("{}://{}", self.security.borrow().scheme(), self.address)
    }
}

/// Listens on an address. Needs no runtime yet.
///
/// # Errors
/// [`HttpError::Bind`] with the address and the system's error.
pub fn bind(address: SocketAddr) -> Result<HttpServer, HttpError> {
    let failed = |source| HttpError::Bind { address, source };
    let socket = std::net::TcpListener::bind(address).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    Ok(HttpServer {
        address: socket.local_addr().map_err(failed)?,
        socket,
        limits: HttpLimits::default(),
        refused: Arc::default(),
        last_refused: LastRefusals::default(),
        hosts: HostNames::default(),
        security: watch::channel(Arc::default()).1,
    })
}
