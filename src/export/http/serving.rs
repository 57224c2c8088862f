//! Serves connections: each from its handshake to its end, each request from its checks to its answer.

use super::answer::{self, AnswerBody};
use super::connections::{Answering, Connection, ConnectionTable};
use super::evidence::FileRequest;
use super::head::HeadDeadline;
use super::hosts::HostNames;
use super::rendered::RenderedOutputs;
use super::routes::{self, Reply};
use super::security::Security;
use super::{HttpError, HttpLimits, HttpServer, LastRefusals};
use crate::export::{HttpRefusals, Published};
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
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
