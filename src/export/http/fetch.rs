//! Asks another meter over HTTP/1.1: one request a connection, with a deadline and a bound on the answer.
//! For witnesses, who follow a ledger from outside.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Longest time for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(thiserror::Error, Debug)]
pub enum FetchError {
    /// The URL is none that is understood.
    #[error("{0:?} is no URL such as https://meter.example:10179")]
    Url(String),
    /// The certificates that are trusted cannot be used.
    #[error("trusted certificates: {0}")]
    Roots(String),
    /// Nobody answers, or not as HTTP is.
    #[error("{url}: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What happened.
        reason: String,
    },
    /// Another answer than 200.
    #[error("{url}: answers {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The answer.
        status: u16,
    },
}

/// Another meter.
#[derive(Debug)]
pub struct RemoteMeter {
    base: String,
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    authorization: Option<HeaderValue>,
}

impl RemoteMeter {
    /// A meter at a URL; its path, if it has one, comes before each name. `roots` are the certificates that
    /// are trusted, in PEM: for `https`. `login` is a user and a password.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn new(
        url: &str,
        roots: Option<&[u8]>,
        login: Option<(&str, &str)>,
    ) -> Result<Self, FetchError> {
        let wrong = || FetchError::Url(url.to_owned());
        let parsed: Uri = url.parse().map_err(|_| wrong())?;
        let host = parsed.host().ok_or_else(wrong)?.to_owned();
        let tls = match parsed.scheme_str() {
            Some("http") => None,
            Some("https") => Some(trusting(roots.unwrap_or_default())?),
            _ => return Err(wrong()),
        };
        if parsed.query().is_some() {
            return Err(wrong());
        }
        let basic =
            |(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let mut authorization = login.and_then(|login| HeaderValue::try_from(basic(login)).ok());
        if let Some(secret) = &mut authorization {
            secret.set_sensitive(true);
        }
        Ok(Self {
            base: url.trim_end_matches('/').to_owned(),
            port: parsed
                .port_u16()
                .unwrap_or(if tls.is_some() { 443 } else { 80 }),
            host,
            tls,
            authorization,
        })
    }

    /// What is at a name below the URL: at most so many octets. None where there is nothing (404).
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self, name: &str, at_most: usize) -> Result<Option<Bytes>, FetchError> {
        let url = format!("{}/{name}", self.base);
        let failed = |reason: String| FetchError::Unreachable {
            url: url.clone(),
            reason,
        };
        let answered = timeout(PATIENCE, self.ask(&url, at_most)).await;
        let answered =
            answered.map_err(|_| failed(format!("no answer in {} s", PATIENCE.as_secs())))?;
        match answered.map_err(|error| failed(error.to_string()))? {
            (StatusCode::OK, body) => Ok(Some(body)),
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, _) => Err(FetchError::Status {
                url,
                status: status.as_u16(),
            }),
        }
    }

    async fn ask(&self, url: &str, at_most: usize) -> Result<(StatusCode, Bytes), Failure> {
        let bare = self.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((bare, self.port)).await?;
        let Some(tls) = &self.tls else {
            return self.exchange(stream, url, at_most).await;
        };
        let name = ServerName::try_from(bare.to_owned())?;
        let stream = TlsConnector::from(tls.clone())
            .connect(name, stream)
            .await?;
        self.exchange(stream, url, at_most).await
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        url: &str,
        at_most: usize,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let uri: Uri = url.parse()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let host = uri.authority().map_or("", |authority| authority.as_str());
        // without a name before it
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder()
            .uri(path)
            .header(HOST, host)
            .header(USER_AGENT, "asnmeter");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Empty::<Bytes>::new())?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), at_most).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => format!("answers more than {at_most} octets").into(),
                None => error,
            })?;
            Ok((status, body.to_bytes()))
        };
        let mut exchange = std::pin::pin!(exchange);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            answer = &mut exchange => answer,
            // it may have brought the last of the answer
            ended = &mut connection => {
                ended?;
                exchange.await
            }
        }
    }
}

/// Whatever went wrong on the way.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// TLS 1.2 and 1.3, to who has a certificate under these.
fn trusting(roots: &[u8]) -> Result<Arc<ClientConfig>, FetchError> {
    let wrong = |error: String| FetchError::Roots(error);
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(roots) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        // a bundle may hold one that is too old to be read
        let _ = store.add(certificate);
    }
    if store.is_empty() {
        return Err(wrong("none: name a file with them (PEM)".into()));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| wrong(error.to_string()))?;
    let config = builder.with_root_certificates(store).with_no_client_auth();
    Ok(Arc::new(config))
}
