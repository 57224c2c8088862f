//! NATS JetStream as a fleet uses it: a connection that comes back by itself, one stream with a subject for
//! each probe, messages that are appended only behind the one that was last.

use super::Subjects;
use crate::units::Second;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::stream::{Config, DirectGetErrorKind, DiscardPolicy, RetentionPolicy};
use async_nats::jetstream::{Context, stream::StorageType};
use async_nats::{Client, ConnectOptions, Event, HeaderMap, ServerAddr, Subscriber, header};
use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The header with the number of a message's first leaf.
const FIRST: &str = "Asnmeter-First";

/// How long an answer of a server is waited for.
const ANSWER: Duration = Duration::from_secs(5);

/// How long the stream keeps messages: longer than a week, so that a weekend's failure loses nothing.
const MAX_AGE: Duration = Duration::from_secs(691_200);

/// Messages asked of the server at once; the rest stays there.
const MAX_PULLED: i64 = 256;

/// The addresses of the servers, and our credentials.
#[derive(Clone, Debug, Default)]
pub struct NatsServers {
    /// Their addresses.
    pub addresses: Vec<String>,
    /// A credentials file.
    pub credentials: Option<PathBuf>,
    /// Whether TLS has to be used.
    pub tls_required: bool,
    /// Roots besides the system's.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Our name, for the servers' lists.
    pub name: String,
}

/// Why something did not work with a server.
#[derive(thiserror::Error, Debug)]
pub enum NatsError {
    /// The credentials cannot be read.
    #[error("{}: {source}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// No connection.
    #[error("nats: no connection: {0}")]
    Connect(String),
    /// The stream is not there, and cannot be made.
    #[error("nats: stream {0}: {1}")]
    Stream(String, String),
    /// Another sender has appended.
    #[error("nats: another message is the last one of {0}")]
    NotLast(String),
    /// A message was not taken.
    #[error("nats: {0} was not taken: {1}")]
    Publish(String, String),
    /// Messages cannot be read.
    #[error("nats: reading {0}: {1}")]
    Read(String, String),
}

/// A message of the stream.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    /// Its subject.
    pub subject: String,
    /// Its place in the stream.
    pub sequence: u64,
    /// The number of its first leaf, if it has leaves.
    pub first: Option<u64>,
    /// Its text; empty where it is no UTF-8.
    pub text: String,
    /// Messages behind it that the server knew of.
    pub pending: u64,
}

fn first_of(headers: Option<&HeaderMap>) -> Option<u64> {
    headers?.get(FIRST)?.as_str().parse().ok()
}

/// The user and password that addresses have; the client does not take them from there by itself.
fn user(addresses: &[String]) -> Result<Option<(String, String)>, NatsError> {
    let failed = |error: &dyn std::fmt::Display| NatsError::Connect(error.to_string());
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut found = None;
    for address in addresses {
        let address: ServerAddr = address.parse().map_err(|error| failed(&error))?;
        let Some(user) = address.username() else {
            continue;
        };
        let this = (
            decoded(user),
            decoded(address.password().unwrap_or_default()),
        );
        if found.get_or_insert_with(|| this.clone()) != &this {
            return Err(failed(
                &"fleet.servers: each address needs the same user and password",
            ));
        }
    }
    Ok(found)
}

/// A connection to the servers of a fleet.
#[derive(Clone, Debug)]
pub struct NatsConnection {
    context: Context,
    subjects: Subjects,
    is_connected: Arc<AtomicBool>,
}

impl NatsConnection {
    /// Connects, as long as it takes: the servers may not be there yet.
    ///
    /// # Errors
    /// [`NatsError`]: a file cannot be read, or the servers do not take us.
    pub async fn connect(servers: &NatsServers, subjects: Subjects) -> Result<Self, NatsError> {
        let mut options = ConnectOptions::new()
            .name(&servers.name)
            .require_tls(servers.tls_required)
            .subscription_capacity(usize::try_from(MAX_PULLED).unwrap_or_default() * 4)
            .client_capacity(256)
            .connection_timeout(ANSWER)
            .reconnect_delay_callback(|attempts| match attempts {
                0 | 1 => Duration::from_millis(100),
                _ => Duration::from_secs(1),
            })
            .retry_on_initial_connect();
        if let Some((user, password)) = user(&servers.addresses)? {
            options = options.user_and_password(user, password);
        }
        if let Some(path) = &servers.credentials {
            let read = options.credentials_file(path).await;
            options = read.map_err(|source| NatsError::Credentials {
                path: path.clone(),
                source,
            })?;
        }
        if let Some(ca) = &servers.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let Some((certificate, key)) = &servers.identity {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        let is_connected = Arc::<AtomicBool>::default();
        let known = is_connected.clone();
        options = options.event_callback(move |event| {
            let known = known.clone();
            async move {
                match event {
                    Event::Connected => known.store(true, Ordering::Relaxed),
                    Event::Disconnected | Event::Closed => known.store(false, Ordering::Relaxed),
                    _ => {}
                }
            }
        });
        let client = options.connect(servers.addresses.clone()).await;
        let client = client.map_err(|error| NatsError::Connect(error.to_string()))?;
        let mut context = async_nats::jetstream::new(client);
        context.set_timeout(ANSWER);
        Ok(Self {
            context,
            subjects,
            is_connected,
        })
    }

    /// Whether there is a connection now.
    pub fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }

    /// The fleet's subjects.
    pub fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    fn client(&self) -> Client {
        self.context.client()
    }

    /// Makes the stream where it is not there. Where it is, it stays as its owner made it.
    ///
    /// # Errors
    /// [`NatsError`]: nobody answers, or we may not.
    pub async fn make_stream(&self) -> Result<(), NatsError> {
        let name = self.subjects.stream();
        let config = Config {
            name: name.clone(),
            subjects: self.subjects.stored(),
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            storage: StorageType::File,
            max_age: MAX_AGE,
            num_replicas: 1,
            allow_direct: true,
            ..Config::default()
        };
        let made = self.context.get_or_create_stream(config).await;
        made.map(drop)
            .map_err(|error| NatsError::Stream(name, error.to_string()))
    }

    /// The last message of a subject; none where there is none.
    ///
    /// # Errors
    /// [`NatsError::Read`].
    pub async fn last(&self, subject: &str) -> Result<Option<StoredMessage>, NatsError> {
        let failed =
            |error: &dyn std::fmt::Display| NatsError::Read(subject.to_owned(), error.to_string());
        let stream = self.context.get_stream_no_info(self.subjects.stream());
        let stream = stream.await.map_err(|error| failed(&error))?;
        match stream.direct_get_last_for_subject(subject).await {
            Ok(message) => Ok(Some(StoredMessage {
                subject: message.subject.to_string(),
                sequence: message.sequence,
                first: first_of(Some(&message.headers)),
                text: String::from_utf8(message.payload.to_vec()).unwrap_or_default(),
                pending: 0,
            })),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// The place of the last message of all.
    ///
    /// # Errors
    /// [`NatsError::Read`].
    pub async fn end(&self) -> Result<u64, NatsError> {
        let name = self.subjects.stream();
        let stream = self.context.get_stream(&name).await;
        let stream = stream.map_err(|error| NatsError::Read(name, error.to_string()))?;
        Ok(stream.cached_info().state.last_sequence)
    }

    /// Appends a message; only behind the one with this place, where one is said. Its place.
    ///
    /// # Errors
    /// [`NatsError::NotLast`] where another is behind it.
    pub async fn append(
        &self,
        subject: &str,
        (first, behind): (Option<u64>, Option<u64>),
        text: String,
    ) -> Result<u64, NatsError> {
        let mut headers = HeaderMap::new();
        if let Some(first) = first {
            headers.insert(FIRST, first.to_string());
        }
        if let Some(behind) = behind {
            let key = header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
            headers.insert(key, behind.to_string());
        }
        let failed = |error: async_nats::jetstream::context::PublishError| match error.kind() {
            PublishErrorKind::WrongLastSequence => NatsError::NotLast(subject.to_owned()),
            PublishErrorKind::StreamNotFound => {
                NatsError::Stream(self.subjects.stream(), "is not there".into())
            }
            _ => NatsError::Publish(subject.to_owned(), error.to_string()),
        };
        let sent = self
            .context
            .publish_with_headers(subject.to_owned(), headers, text.into());
        let acknowledged = sent.await.map_err(failed)?.await.map_err(failed)?;
        Ok(acknowledged.sequence)
    }

    /// Asks a probe for its leaves from a number on, or from its newest day on.
    ///
    /// # Errors
    /// [`NatsError::Publish`].
    pub async fn request_leaves(&self, probe: &str, from: Option<u64>) -> Result<(), NatsError> {
        let subject = self.subjects.leaf_requests(probe);
        let text = from.map_or_else(|| "day".to_owned(), |from| from.to_string());
        let sent = self.client().publish(subject.clone(), text.into()).await;
        sent.map_err(|error| NatsError::Publish(subject, error.to_string()))
    }

    /// What is asked of a probe.
    ///
    /// # Errors
    /// [`NatsError::Read`].
    pub async fn leaf_requests(&self, probe: &str) -> Result<LeafRequests, NatsError> {
        let subject = self.subjects.leaf_requests(probe);
        let subscribed = self.client().subscribe(subject.clone()).await;
        let failed =
            |error: async_nats::SubscribeError| NatsError::Read(subject, error.to_string());
        subscribed.map(LeafRequests).map_err(failed)
    }

    /// The messages of a subject, or of all where it is empty.
    ///
    /// # Errors
    /// [`NatsError::Read`].
    pub async fn read(&self, filter: &str, from: ReadFrom) -> Result<MessageReader, NatsError> {
        let failed =
            |error: &dyn std::fmt::Display| NatsError::Read(filter.to_owned(), error.to_string());
        let deliver_policy = match from {
            ReadFrom::First => DeliverPolicy::All,
            ReadFrom::Behind(sequence) => DeliverPolicy::ByStartSequence {
                start_sequence: sequence + 1,
            },
            ReadFrom::Time(second) => {
                let time = async_nats::datetime::parse_rfc3339(&second.to_string());
                time.map_or(DeliverPolicy::All, |start_time| {
                    DeliverPolicy::ByStartTime { start_time }
                })
            }
        };
        let stream = self.context.get_stream_no_info(self.subjects.stream());
        let stream = stream.await.map_err(|error| failed(&error))?;
        let config = pull::OrderedConfig {
            filter_subject: filter.to_owned(),
            deliver_policy,
            max_batch: MAX_PULLED,
            ..pull::OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer.map_err(|error| failed(&error))?;
        let messages = consumer.messages().await.map_err(|error| failed(&error))?;
        Ok(MessageReader {
            messages: Box::new(messages),
            filter: filter.to_owned(),
        })
    }
}

/// Where to begin to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadFrom {
    /// With the first message that is kept.
    First,
    /// Behind the one with this place.
    Behind(u64),
    /// With the first that came in this second or later.
    Time(Second),
}

/// Messages as they come.
pub struct MessageReader {
    messages: Box<pull::Ordered>,
    filter: String,
}

impl MessageReader {
    /// The next one.
    ///
    /// # Errors
    /// [`NatsError::Read`]: it has to begin anew.
    pub async fn next(&mut self) -> Result<StoredMessage, NatsError> {
        let failed = |reason: String| NatsError::Read(self.filter.clone(), reason);
        let message = match self.messages.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(failed(error.to_string())),
            None => return Err(failed("has ended".into())),
        };
        let info = message.info();
        let info = info.map(|info| (info.stream_sequence, info.pending));
        let (sequence, pending) = info.map_err(|error| failed(error.to_string()))?;
        let message = &message.message;
        Ok(StoredMessage {
            subject: message.subject.to_string(),
            sequence,
            first: first_of(message.headers.as_ref()),
            text: String::from_utf8(message.payload.to_vec()).unwrap_or_default(),
            pending,
        })
    }
}

/// What is asked of a probe.
#[derive(Debug)]
pub struct LeafRequests(Subscriber);

impl LeafRequests {
    /// The next number from which leaves are wanted; none: from the newest day on.
    pub async fn next(&mut self) -> Option<u64> {
        loop {
            let Some(message) = self.0.next().await else {
                // the connection is gone for good
                return std::future::pending().await;
            };
            match std::str::from_utf8(&message.payload) {
                Ok("day") => return None,
                Ok(text) => {
                    if let Ok(from) = text.parse() {
                        return Some(from);
                    }
                }
                Err(_) => {}
            }
        }
    }
}
