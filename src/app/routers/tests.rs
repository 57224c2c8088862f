//! Deadlines of messages, over real connections of the loopback.
use super::*;
use std::io::Write as _;
use std::net::TcpStream as Client;

/// An initiation message without any information (RFC 7854 §4.3).
const INITIATION: [u8; 6] = [3, 0, 0, 0, 6, 4];

const WAIT: Duration = Duration::from_millis(200);

/// What ends a connection over which `send` says something; none where nothing does within `patience`.
async fn ends(patience: Duration, send: impl FnOnce(&mut Client)) -> (Option<String>, Feed) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = Client::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, from) = listener.accept().await.unwrap();
    send(&mut client);
    let feed = Mutex::new(Feed::new(&[], WAIT));
    let id = feed.lock().await.connected(from.ip());
    let admitted = Arc::<RouterConnections>::default()
        .admit(from.ip())
        .unwrap();
    let received = receive(stream, &feed, id, &admitted.connection, WAIT);
    let why = timeout(patience, received).await.ok();
    (why, feed.into_inner())
}

#[tokio::test]
async fn who_connects_and_says_nothing_is_cut_off() {
    let (why, feed) = ends(WAIT * 50, |_| {}).await;
    assert_eq!(why.unwrap(), "a message took longer than 0 s");
    assert_eq!(feed.refused_connections.slow, 1);
}

#[tokio::test]
async fn a_message_that_does_not_end_is_cut_off_though_others_came_before() {
    let begin = |client: &mut Client| {
        client.write_all(&INITIATION).unwrap();
        client.write_all(&INITIATION[..5]).unwrap();
    };
    let (why, feed) = ends(WAIT * 50, begin).await;
    assert_eq!(why.unwrap(), "a message took longer than 0 s");
    assert_eq!(feed.state().stats.passed_over, 1);
}

#[tokio::test]
async fn between_two_messages_a_router_may_be_silent() {
    let say = |client: &mut Client| client.write_all(&INITIATION).unwrap();
    let (why, feed) = ends(WAIT * 4, say).await;
    assert_eq!(why, None);
    assert_eq!(
        (
            feed.state().stats.passed_over,
            feed.refused_connections.slow
        ),
        (1, 0)
    );
}
