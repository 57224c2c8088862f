use crate::example;
use asnmeter::export::http::security::Security;
use asnmeter::export::http::{self, HttpLimits};
use asnmeter::export::questions::{Answerers, HistoryQuestion, PendingQuestion};
use asnmeter::export::{HttpRefusals, Published, collector, json};
use asnmeter::units::{Asn, Second};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// A listener served on a thread of its own until it is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    publish: watch::Sender<Published>,
    pub(crate) refused: Arc<HttpRefusals>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    pub(crate) fn new(published: Published, limits: HttpLimits) -> Self {
        Self::secured(published, limits, Security::default())
    }

    /// For those only whom a file lets in.
    pub(crate) fn secured(published: Published, limits: HttpLimits, security: Security) -> Self {
        let (_, security) = watch::channel(Arc::new(security));
        let listener = http::bind("127.0.0.1:0".parse().unwrap())
            .unwrap()
            .with_limits(limits)
            .with_security(security);
        let (address, refused) = (listener.address(), listener.refused());
        let (publish, published) = watch::channel(published);
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let shutdown = async { drop(stopped.await) };
            runtime
                .block_on(http::serve(listener, published, shutdown))
                .unwrap();
        });
        Self {
            address,
            publish,
            refused,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    /// Status line with headers, and body, of a request on a connection of its own.
    fn ask(&self, head: &str) -> (String, String) {
        let mut stream = self.connect();
        // Whoever is refused in the middle of a long head may find the door shut.
        let _ = write!(stream, "{head}\r\nHost: meter\r\nConnection: close\r\n\r\n");
        read_answer(&mut stream)
    }
}

pub(crate) fn read_answer(stream: &mut TcpStream) -> (String, String) {
    let mut octets = Vec::new();
    // A reset after the answer is an answer still.
    let _ = stream.read_to_end(&mut octets);
    let text = String::from_utf8(octets).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    (head.to_lowercase(), body.to_owned())
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

fn served() -> Served {
    Served::new(example::published(), HttpLimits::default())
}

/// Head and body, as octets, of a request that may be answered with gzip.
fn packed(served: &Served, path: &str) -> (String, Vec<u8>) {
    let mut stream = served.connect();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: meter\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).unwrap();
    let end = octets.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let body = octets.split_off(end + 4);
    (String::from_utf8(octets).unwrap().to_lowercase(), body)
}

#[test]
fn a_scrape_is_packed_for_who_asks_for_it_and_says_the_same() {
    let served = served();
    for path in ["/metrics", "/api/v1/asns"] {
        let (head, body) = packed(&served, path);
        assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
        assert!(head.contains("vary: accept-encoding\r\n"), "{head}");
        let mut unpacked = String::new();
        let mut decoder = flate2::read::GzDecoder::new(&body[..]);
        decoder.read_to_string(&mut unpacked).unwrap();
        let (head, plain) = served.ask(&format!("GET {path} HTTP/1.1"));
        assert!(!head.contains("content-encoding"), "{head}");
        assert!(head.contains("vary: accept-encoding\r\n"), "{head}");
        assert!(unpacked == plain, "{path}");
        assert!(
            body.len() * 3 < plain.len(),
            "{} of {}",
            body.len(),
            plain.len()
        );
        // packed once for a state, whoever asks
        assert!(packed(&served, path).1 == body, "{path}");
    }
    assert!(!packed(&served, "/").0.contains("content-encoding"));
}

#[test]
fn every_route_answers_get_and_head() {
    let served = served();
    for (path, kind, begins) in [
        ("/", "text/html; charset=utf-8", "<!doctype html>"),
        (
            "/docs/runbook",
            "text/html; charset=utf-8",
            "<!doctype html>",
        ),
        (
            "/metrics",
            "text/plain; version=0.0.4; charset=utf-8",
            "# HELP asnmeter_",
        ),
        ("/api/v1/asns", "application/json", "{\"judged\":"),
        ("/api/v1/asns/3320", "application/json", "{\"judged\":"),
        ("/-/healthy", "text/plain; charset=utf-8", "healthy\n"),
        ("/-/ready", "text/plain; charset=utf-8", "ready\n"),
    ] {
        let (head, body) = served.ask(&format!("GET {path} HTTP/1.1"));
        assert!(head.starts_with("http/1.1 200 ok"), "{head}");
        assert!(head.contains(&format!("content-type: {kind}")), "{head}");
        assert!(head.contains("x-content-type-options: nosniff"), "{head}");
        assert!(
            head.contains("content-security-policy: default-src 'none'"),
            "{head}"
        );
        assert!(body.starts_with(begins), "{path}: {body:.80}");
        let (head_only, nothing) = served.ask(&format!("HEAD {path} HTTP/1.1"));
        assert!(
            head_only.contains(&format!("content-length: {}", body.len())),
            "{head_only}"
        );
        assert_eq!(nothing, "");
    }
}

/// Questions go to whoever can answer, as they are asked; what comes back is the answer.
#[test]
fn a_question_is_answered_by_whom_it_is_for_and_refused_where_there_is_nobody() {
    let nobody = served();
    let (head, body) = nobody.ask("GET /api/v1/history?commitment=a&asn=1 HTTP/1.1");
    assert!(head.starts_with("http/1.1 404 "), "{head}");
    assert_eq!(body, "no ledger is kept\n");
    let (head, body) = nobody.ask("GET /api/v1/streams?asn=1 HTTP/1.1");
    assert!(head.starts_with("http/1.1 404 "), "{head}");
    assert_eq!(body, "streams are not shown: export.streams is false\n");

    let (sender, questions) = std::sync::mpsc::sync_channel::<PendingQuestion<HistoryQuestion>>(1);
    let reader = std::thread::spawn(move || {
        let (question, answer) = questions.recv().unwrap();
        answer.send(Ok("{\"a\":1}".into())).unwrap();
        // The next one waits.
        (question, questions.recv().unwrap())
    });
    let answerers = Answerers {
        history: Some(sender),
        streams: None,
    };
    let published = Published {
        answerers,
        ..example::published()
    };
    let served = Served::new(published, HttpLimits::default());
    let asked =
        "GET /api/v1/history?commitment=voice+fra&asn=3320&from=2026-01-01T00:00:00Z HTTP/1.1";
    let (head, body) = served.ask(asked);
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(head.contains("content-type: application/json") && head.contains("nosniff"));
    assert_eq!(body, "{\"a\":1}");
    let mut waiting = served.connect();
    write!(
        waiting,
        "{asked}\r\nHost: meter\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let (question, (_, answer)) = reader.join().unwrap();
    assert_eq!(
        (question.commitment.as_str(), question.asn),
        ("voice fra", Asn(3320))
    );
    assert_eq!(question.from, Second(1_767_225_600));
    // Whoever should answer has ended.
    drop(answer);
    let (head, body) = read_answer(&mut waiting);
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert_eq!(body, "no answer: it ended\n");
    let (head, body) = served.ask(asked);
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert_eq!(body, "no answer: it ended\n");
    let (head, body) = served.ask("GET /api/v1/history?asn=1 HTTP/1.1");
    assert!(head.starts_with("http/1.1 400 "), "{head}");
    assert_eq!(body, "commitment: is missing\n");
}

#[test]
fn the_scrape_is_what_was_last_published() {
    let served = served();
    // Behind it stands what the process costs, which no test can know.
    let scrape = || {
        let (_, text) = served.ask("GET /metrics HTTP/1.1");
        let (published, of_process) = text.split_once("# HELP process_").unwrap();
        assert!(of_process.contains("\nprocess_resident_memory_bytes "));
        published.to_owned()
    };
    assert_eq!(scrape(), collector::encode(&example::published()).unwrap());
    served.publish.send(Published::default()).unwrap();
    assert_eq!(scrape(), collector::encode(&Published::default()).unwrap());
}

#[test]
fn not_ready_is_503_until_there_is_something_to_show() {
    let served = Served::new(Published::default(), HttpLimits::default());
    assert!(
        served
            .ask("GET /-/ready HTTP/1.1")
            .0
            .starts_with("http/1.1 503")
    );
    assert!(
        served
            .ask("GET /-/healthy HTTP/1.1")
            .0
            .starts_with("http/1.1 200")
    );
    served.publish.send(example::published()).unwrap();
    assert!(
        served
            .ask("GET /-/ready HTTP/1.1")
            .0
            .starts_with("http/1.1 200")
    );
}

#[test]
fn what_is_not_there_is_404_and_what_is_not_allowed_is_405_with_allow() {
    let served = served();
    assert!(
        served
            .ask("GET /metrics/ HTTP/1.1")
            .0
            .starts_with("http/1.1 404")
    );
    assert!(
        served
            .ask("GET /../etc/passwd HTTP/1.1")
            .0
            .starts_with("http/1.1 404")
    );
    for nobody in ["64999", "-1", "4294967296", "local", "3320/", ""] {
        let (head, _) = served.ask(&format!("GET /api/v1/asns/{nobody} HTTP/1.1"));
        assert!(head.starts_with("http/1.1 404"), "{nobody}: {head}");
    }
    let (head, _) = served.ask("DELETE /metrics HTTP/1.1");
    assert!(
        head.starts_with("http/1.1 405") && head.contains("allow: get, head"),
        "{head}"
    );
}

#[test]
fn bodies_are_refused_and_heads_are_bounded() {
    let served = served();
    let (head, _) = served.ask("GET /metrics HTTP/1.1\r\nContent-Length: 4");
    assert!(
        head.starts_with("http/1.1 413") && head.contains("connection: close"),
        "{head}"
    );
    let long = format!("GET / HTTP/1.1\r\nX-Long: {}", "x".repeat(32 * 1024));
    assert!(served.ask(&long).0.starts_with("http/1.1 431"), "too long");
    let many = format!("GET / HTTP/1.1{}", "\r\nX: y".repeat(100));
    assert!(served.ask(&many).0.starts_with("http/1.1 431"), "too many");
    assert!(served.ask("GET / HTTP/9.9").0.starts_with("http/1.1 400"));
    assert!(
        served
            .ask("GET /-/healthy HTTP/1.1")
            .0
            .starts_with("http/1.1 200"),
        "still there"
    );
}

#[test]
fn one_connection_too_many_is_answered_503_and_counted() {
    let limits = HttpLimits {
        connections: 1,
        ..HttpLimits::default()
    };
    let served = Served::new(example::published(), limits);
    let first = listen(served.connect());
    let (head, _) = read_answer(&mut served.connect());
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert_eq!(served.refused.connections.load(Ordering::Relaxed), 1);
    drop(first);
}

#[test]
fn whoever_sends_no_whole_request_is_cut_off() {
    let request_wait = Duration::from_millis(50);
    let served = Served::new(
        example::published(),
        HttpLimits {
            request_wait,
            ..HttpLimits::default()
        },
    );
    let mut silent = served.connect();
    let mut slow = served.connect();
    write!(slow, "GET / HTTP/1.1\r\nHost:").unwrap();
    let mut idle = served.connect();
    write!(idle, "GET /-/healthy HTTP/1.1\r\nHost: meter\r\n\r\n").unwrap();
    for stream in [&mut silent, &mut slow, &mut idle] {
        let mut octets = Vec::new();
        stream
            .read_to_end(&mut octets)
            .expect("closed before the client's own timeout");
    }
}

#[test]
fn a_connection_ends_at_its_age_behind_its_answer() {
    let connection_age = Duration::from_millis(50);
    let served = Served::new(
        example::published(),
        HttpLimits {
            connection_age,
            ..HttpLimits::default()
        },
    );
    let mut stream = served.connect();
    write!(stream, "GET /-/healthy HTTP/1.1\r\nHost: meter\r\n\r\n").unwrap();
    assert!(read_answer(&mut stream).1.ends_with("healthy\n"));
}

/// Listens to the live updates; the stream behind its head.
pub(crate) fn listen(stream: TcpStream) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(stream);
    write!(
        stream.get_mut(),
        "GET /api/v1/live HTTP/1.1\r\nHost: meter\r\n\r\n"
    )
    .unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
    }
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    stream
}

/// The next event.
fn event(stream: &mut BufReader<TcpStream>) -> String {
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).unwrap() > 0, "ended");
        if let Some(event) = line.strip_prefix("data: ") {
            return event.trim_end().to_owned();
        }
    }
}

#[test]
fn a_listener_hears_the_present_state_at_once_and_each_new_one() {
    let served = served();
    let mut stream = listen(served.connect());
    let state = |published: &Published| json::page::state(published).unwrap();
    assert_eq!(event(&mut stream), state(&example::published()));
    served.publish.send(Published::default()).unwrap();
    assert_eq!(event(&mut stream), state(&Published::default()));
}

#[test]
fn one_listener_too_many_is_answered_503_until_another_leaves() {
    let limits = HttpLimits {
        listeners: 1,
        ..HttpLimits::default()
    };
    let served = Served::new(example::published(), limits);
    let mut stream = listen(served.connect());
    event(&mut stream);
    let (head, body) = served.ask("GET /api/v1/live HTTP/1.1");
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert_eq!(body, "too many listeners\n");
    drop(stream);
    // Its place is free once the listener has noticed, with the next state at the latest.
    while served
        .ask("HEAD /api/v1/live HTTP/1.1")
        .0
        .starts_with("http/1.1 503")
    {
        served.publish.send(example::published()).unwrap();
    }
}

#[test]
fn a_stream_ends_at_its_age_and_when_the_daemon_stops() {
    let limits = HttpLimits {
        listener_age: Duration::from_millis(50),
        ..HttpLimits::default()
    };
    let aged = Served::new(example::published(), limits);
    let mut rest = String::new();
    listen(aged.connect()).read_line(&mut rest).unwrap();
    let mut stream = listen(aged.connect());
    while stream.read_line(&mut rest).unwrap() > 0 && !rest.ends_with("\r\n0\r\n") {}
    assert!(rest.ends_with("\r\n0\r\n"), "the last chunk: {rest:.80}");

    let served = served();
    let mut stream = listen(served.connect());
    drop(served);
    stream.read_to_string(&mut rest).unwrap();
}

#[test]
fn shutdown_closes_idle_connections_at_once() {
    let served = served();
    let mut idle = served.connect();
    write!(idle, "GET /-/healthy HTTP/1.1\r\nHost: meter\r\n\r\n").unwrap();
    let mut octet = [0];
    idle.read_exact(&mut octet).unwrap();
    drop(served);
    assert!(read_answer(&mut idle).1.ends_with("healthy\n"));
}

#[test]
fn an_address_in_use_is_named_with_the_reason() {
    let first = http::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let error = http::bind(first.address()).unwrap_err();
    let expected = format!("listen address {}: Address already in use", first.address());
    assert_eq!(error.to_string(), expected);
}
