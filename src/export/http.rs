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

use crate::export::{HttpRefusals, Published};
use answer::AnswerBody;
use connections::{Answering, Connection, ConnectionTable};
pub use connections::{Client, LimitReached};
use evidence::FileRequest;
use head::HeadDeadline;
use hosts::HostNames;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rendered::RenderedOutputs;
use routes::Reply;
use security::{Security, SecurityError};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

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

/// Who was turned away last, by reason: for the log. The counters have each of them.
#[derive(Clone, Debug)]
pub struct LastRefusals {
    /// A connection beyond a limit.
    pub limit_reached: watch::Sender<Option<LimitReached>>,
    /// A name that is none of this endpoint's, and who asked for it.
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

    /// Who was turned away last.
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

/// Answers requests from the last published state, until `shutdown` is ready. Then waits for the current
/// answers, for at most [`HttpLimits::drain_wait`].
///
/// # Errors
/// [`HttpError::Bind`] if the runtime cannot take the socket.
pub async fn serve(
    listener: HttpServer,
    published: watch::Receiver<Published>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), HttpError> {
    let HttpServer {
        socket,
        address,
        limits,
        refused,
        last_refused,
        hosts,
        security,
    } = listener;
    let socket =
        TcpListener::from_std(socket).map_err(|source| HttpError::Bind { address, source })?;
    let (stop, stopped) = watch::channel(());
    let state = HttpState {
        shown: Arc::new(RenderedOutputs::new(published, stopped.clone(), &limits)),
        limits,
        refused,
        last_refused,
        hosts: hosts.into(),
        security,
        stopped,
    };
    let limit_reached = state.last_refused.limit_reached.clone();
    let table = ConnectionTable::new(limits, state.refused.clone(), limit_reached);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = socket.accept() => if let Ok((stream, from)) = accepted {
                match table.admit(from.ip()) {
                    Some((connection_guard, displaced)) => {
                        let state = state.clone();
                        connections.spawn(async move {
                            tokio::select! {
                                () = state.receive(stream, connection_guard) => {}
                                _ = displaced => {}
                            }
                        });
                    }
                    None if state.security.borrow().tls.is_none() => refuse(&stream),
                    None => {}
                }
            } else {
                // Out of descriptors, mostly: who has waited longest gives way, and has time to end.
                table.make_room();
                sleep(Duration::from_millis(10)).await;
            },
        }
    }
    drop(stop);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(limits.drain_wait, all_ended).await;
    Ok(())
}

/// State that all connections share.
#[derive(Clone)]
struct HttpState {
    shown: Arc<RenderedOutputs>,
    limits: HttpLimits,
    refused: Arc<HttpRefusals>,
    last_refused: LastRefusals,
    hosts: Arc<HostNames>,
    security: watch::Receiver<Arc<Security>>,
    stopped: watch::Receiver<()>,
}

impl HttpState {
    /// Handles one connection, from its handshake to its end.
    async fn receive(self, stream: TcpStream, connection_guard: Arc<Connection>) {
        let tls = self.security.borrow().tls.clone();
        let Some(tls) = tls else {
            return self.serve_connection(stream, connection_guard).await;
        };
        match timeout(self.limits.handshake_wait, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve_connection(stream, connection_guard).await,
            Ok(Err(_)) | Err(_) => {
                self.refused.handshakes.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn serve_connection(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        connection_guard: Arc<Connection>,
    ) {
        let answer = service_fn(|request| {
            let answering = connection_guard.answer();
            let security = self.security.borrow().clone();
            let (shown, refused, share) = (&self.shown, &self.refused, &connection_guard.share);
            let (last_refused, hosts) = (&self.last_refused, &self.hosts);
            async move {
                let credentials = request.headers().get(AUTHORIZATION);
                let host = hosts.check(request.uri(), request.headers(), security.is_guarded());
                let mut response = if !security.has_room() {
                    refused.rate.fetch_add(1, Ordering::Relaxed);
                    answer::too_many()
                } else if let Err(name) = host {
                    refused.hosts.fetch_add(1, Ordering::Relaxed);
                    last_refused.hosts.send_replace(Some((share.client, name)));
                    answer::misdirected()
                } else if security.is_open(request.uri().path())
                    || security
                        .basic_auth
                        .admits(credentials, &share.password_checks)
                        .await
                {
                    match FileRequest::of(&request).filter(|_| routes::is_plain_get(&request)) {
                        Some(file) => routes::answer_file(file, shown, &share.listeners).await,
                        None => match routes::answer(&request, shown, &share.listeners) {
                            Reply::Ready(response) => response,
                            Reply::Pending(answer) => answer.await,
                        },
                    }
                } else {
                    refused.credentials.fetch_add(1, Ordering::Relaxed);
                    if credentials.is_some() {
                        last_refused.credentials.send_replace(Some(share.client));
                    }
                    answer::unauthorized()
                };
                for (name, value) in &security.headers {
                    response.headers_mut().insert(name, value.clone());
                }
                Ok::<_, Infallible>(response.map(|body| AnsweringBody {
                    body,
                    _answering: answering,
                }))
            }
        });
        let limits = self.limits;
        let stream = HeadDeadline::new(stream, connection_guard.clone(), limits.head_wait);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.request_wait)
            .max_buf_size(limits.head_bytes)
            .max_headers(limits.header_fields)
            .serve_connection(TokioIo::new(stream), answer);
        let mut connection = pin!(connection);
        let mut stopped = self.stopped.clone();
        // Errors of the client, and its disconnection, need no report.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = sleep(limits.connection_age) => {}
            _ = stopped.changed() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(limits.drain_wait, connection).await;
    }
}

/// The body of an answer. Marks the connection as being answered until hyper has all of it.
struct AnsweringBody {
    body: AnswerBody,
    _answering: Answering,
}

impl Body for AnsweringBody {
    type Data = Bytes;
    type Error = <AnswerBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Writes a 503 answer, as far as the socket's buffer takes it.
fn refuse(stream: &TcpStream) {
    const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Length: 21\r\n\r\ntoo many connections\n";
    let _ = stream.try_write(TOO_MANY);
}
