//! Proves that no client keeps another from an answer, nor itself: with real connections from two
//! addresses, which send half a head, one octet at a time, nothing more, or guesses.

use crate::example;
use crate::http::{Served, listen, read_answer};
use crate::sockets::connect;
use asnmeter::clock;
use asnmeter::export::http::HttpLimits;
use asnmeter::export::http::security::Security;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const ONE: &str = "127.0.0.2";
const OTHER: &str = "127.0.0.3";

const ASK: &str = "GET /-/healthy HTTP/1.1\r\nHost: meter\r\n\r\n";

fn served(limits: HttpLimits) -> Served {
    Served::new(example::published(), limits)
}

/// The status line of an answer to a question from an address.
fn status(served: &Served, from: &str) -> String {
    let mut stream = connect(from, served.address, 1).remove(0);
    // Who is refused may find the door shut.
    let _ = write!(
        stream,
        "GET /-/healthy HTTP/1.1\r\nConnection: close\r\n\r\n"
    );
    let (head, _) = read_answer(&mut stream);
    head.lines().next().unwrap_or_default().to_owned()
}

/// Asks on a connection that stays, and reads the whole answer.
fn ask(stream: &mut TcpStream) {
    write!(stream, "{ASK}").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"healthy\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).unwrap();
        answer.extend(octet);
    }
}

fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = stream.read(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    match read {
        Ok(octets) => octets == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[test]
fn who_holds_its_share_of_half_requests_keeps_nobody_from_an_answer_nor_itself() {
    let served = served(HttpLimits::default());
    let mut quiet = connect(OTHER, served.address, 1).remove(0);
    let mut held = connect(ONE, served.address, 300);
    for stream in &mut held {
        let _ = write!(stream, "GET /metrics HTTP/1.1\r\nX: ");
    }
    for _ in 0..10 {
        for from in [ONE, OTHER, "127.0.0.1"] {
            assert_eq!(status(&served, from), "http/1.1 200 ok", "{from}");
        }
    }
    ask(&mut quiet);
    // 300 and ten that asked are 246 more than 64.
    let displaced = count(&served.refused.displaced);
    assert!((236..=246).contains(&displaced), "{displaced}");
    assert_eq!(count(&served.refused.connections), 0);
    let closed = held.iter_mut().map(is_closed).collect::<Vec<_>>();
    assert!(
        closed.is_sorted_by(|a, b| a >= b),
        "the oldest gave way: {closed:?}"
    );
}

#[test]
fn idle_connections_give_way_too_and_a_full_table_takes_from_whoever_waits_the_longest() {
    let limits = HttpLimits {
        connections: 3,
        client_connections: 2,
        ..HttpLimits::default()
    };
    let served = served(limits);
    let mut half = connect(OTHER, served.address, 1).remove(0);
    let mut idle = connect(ONE, served.address, 2);
    idle.iter_mut().for_each(ask);
    ask(&mut connect("127.0.0.1", served.address, 1)[0]);
    assert_eq!(half.read(&mut [0]).unwrap_or(0), 0, "waited longest of all");
    ask(&mut connect(ONE, served.address, 1)[0]);
    assert_eq!(
        idle[0].read(&mut [0]).unwrap_or(0),
        0,
        "longest of its client"
    );
    ask(&mut idle[1]);
    assert_eq!(count(&served.refused.displaced), 2);
}

#[test]
fn who_is_being_answered_keeps_its_place_and_the_newcomer_is_refused() {
    let limits = HttpLimits {
        client_connections: 2,
        ..HttpLimits::default()
    };
    let served = served(limits);
    let hear = || {
        let stream = connect(ONE, served.address, 1).remove(0);
        listen(stream)
    };
    let streams = [hear(), hear()];
    assert_eq!(status(&served, ONE), "http/1.1 503 service unavailable");
    assert_eq!(status(&served, OTHER), "http/1.1 200 ok");
    assert_eq!(count(&served.refused.connections), 1);
    assert_eq!(count(&served.refused.displaced), 0);
    drop(streams);
}

#[test]
fn a_client_has_its_share_of_event_streams() {
    let limits = HttpLimits {
        client_listeners: 1,
        ..HttpLimits::default()
    };
    let served = served(limits);
    let hear = |from: &str| {
        let mut stream = connect(from, served.address, 1).remove(0);
        write!(stream, "GET /api/v1/live HTTP/1.1\r\nHost: meter\r\n\r\n").unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        (String::from_utf8(status.into()).unwrap(), stream)
    };
    let first = hear(ONE);
    assert_eq!(first.0, "HTTP/1.1 200");
    assert_eq!(hear(ONE).0, "HTTP/1.1 503");
    assert_eq!(hear(OTHER).0, "HTTP/1.1 200");
}

#[test]
fn a_head_that_drips_is_cut_off_at_its_deadline_and_an_idle_connection_is_not() {
    let head_wait = Duration::from_millis(300);
    let served = served(HttpLimits {
        head_wait,
        ..HttpLimits::default()
    });
    let mut idle = connect(OTHER, served.address, 1).remove(0);
    ask(&mut idle);
    let mut first = connect(ONE, served.address, 1).remove(0);
    let mut second = connect(ONE, served.address, 1).remove(0);
    ask(&mut second);
    let began = clock::uptime();
    for stream in [&mut first, &mut second] {
        write!(stream, "GET / HTTP/1.1\r\nX: ").unwrap();
    }
    while !(is_closed(&mut first) && is_closed(&mut second)) {
        let took = clock::uptime().saturating_sub(began);
        assert!(took < Duration::from_secs(10), "still taken after {took:?}");
        for stream in [&mut first, &mut second] {
            let _ = stream.write(b"x");
        }
        clock::wait(Duration::from_millis(10));
    }
    let took = clock::uptime().saturating_sub(began);
    assert!(took >= head_wait, "cut off after {took:?}");
    assert_eq!(count(&served.refused.slow), 2);
    ask(&mut idle);
}

#[test]
fn who_guesses_passwords_waits_for_its_own_guesses_and_another_does_not() {
    // Costly enough that a few dozen checks outlast what is done beside them.
    let hash = bcrypt::hash("open sesame", 9).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.yml");
    std::fs::write(&file, format!("basic_auth_users:\n  a: '{hash}'\n")).unwrap();
    let security = Security::load(&file).unwrap();
    let served = Served::secured(example::published(), HttpLimits::default(), security);
    let question = |credentials: &str| {
        format!("GET /-/healthy HTTP/1.1\r\nAuthorization: Basic {credentials}\r\n\r\n")
    };
    let mut guesses = connect(ONE, served.address, 40);
    for stream in &mut guesses {
        // a:wrong
        write!(stream, "{}", question("YTp3cm9uZw==")).unwrap();
    }
    for stream in &guesses {
        stream.set_nonblocking(true).unwrap();
    }
    // Which guess is checked first nobody knows.
    let answered = || {
        let answered = guesses.iter().filter(|one| one.peek(&mut [0]).is_ok());
        answered.count()
    };
    while answered() == 0 {
        clock::wait(Duration::from_millis(1));
    }
    let mut user = connect(OTHER, served.address, 1).remove(0);
    // a:open sesame
    write!(user, "{}", question("YTpvcGVuIHNlc2FtZQ==")).unwrap();
    let mut status = [0; 12];
    user.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    // Behind the two that had their turn already, not behind all.
    assert!(answered() < 40, "all guesses were checked before");
}
