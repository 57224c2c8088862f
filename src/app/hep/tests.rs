//! Packets over loopback, made here octet by octet.

use super::*;
use std::sync::mpsc::{Receiver, sync_channel};

fn chunk(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(6 + value.len()).unwrap();
    [
        &[0, 0][..],
        &kind.to_be_bytes(),
        &length.to_be_bytes(),
        value,
    ]
    .concat()
}

fn packet(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    let length = u16::try_from(6 + chunks.len()).unwrap();
    [&b"HEP3"[..], &length.to_be_bytes(), &chunks].concat()
}

/// What Kamailio sends of a message that came a while ago, in seconds.
fn mirrored(ago: u64, message: &str) -> Vec<u8> {
    let seconds = u32::try_from(clock::now().second().0 - ago).unwrap();
    packet(&[
        chunk(1, &[2]),
        chunk(2, &[17]),
        chunk(3, &[203, 0, 113, 1]),
        chunk(4, &[198, 51, 100, 1]),
        chunk(7, &5060_u16.to_be_bytes()),
        chunk(8, &5061_u16.to_be_bytes()),
        chunk(9, &seconds.to_be_bytes()),
        chunk(10, &7_u32.to_be_bytes()),
        chunk(11, &[1]),
        chunk(12, &9_u32.to_be_bytes()),
        chunk(15, message.as_bytes()),
    ])
}

const INVITE: &str = "INVITE sip:b@example.net SIP/2.0\r\nFrom: <sip:a@example.net>;tag=a\r\n\
    To: <sip:b@example.net>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";

struct Desk {
    status: Arc<HepStatus>,
    told: Vec<Receiver<Announcement>>,
    workers: Vec<SyncSender<Announcement>>,
}

fn desk(room: usize) -> Desk {
    let (workers, told) = (0..2).map(|_| sync_channel(room)).unzip();
    Desk {
        status: Arc::default(),
        told,
        workers,
    }
}

fn counted(status: &HepStatus) -> [u64; 6] {
    let all = [
        &status.taken,
        &status.foreign,
        &status.malformed,
        &status.other,
        &status.dropped,
        &status.clock_differs,
    ];
    all.map(|counter| counter.load(Ordering::Relaxed))
}

#[test]
fn every_packet_is_counted_once_by_what_became_of_it() {
    let desk = desk(8);
    let take = |packet: &[u8]| {
        take(packet, &desk.workers, &desk.status);
        counted(&desk.status)
    };
    assert_eq!(take(&mirrored(0, INVITE)), [1, 0, 0, 0, 0, 0]);
    assert_eq!(take(&mirrored(3_600, INVITE)), [2, 0, 0, 0, 0, 1]);
    assert_eq!(
        take(&mirrored(
            0,
            "OPTIONS sip:b@example.net SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
        )),
        [2, 0, 0, 1, 0, 1]
    );
    assert_eq!(take(b"HEP3"), [2, 0, 1, 1, 0, 1]);
    assert_eq!(
        take(&packet(&[chunk(11, &[5]), chunk(15, b"{}")])),
        [2, 0, 2, 1, 0, 1]
    );
    let both = desk.told.iter().map(|told| told.try_iter().count());
    assert_eq!(both.collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn no_prefix_and_no_slip_of_a_packet_is_taken_for_another_one() {
    let whole = mirrored(0, INVITE);
    for end in 0..whole.len() {
        assert_eq!(hep::parse(&whole[..end]), Err(HepError::Malformed), "{end}");
    }
    // A length of a chunk that is too short for its own header, and one beyond the packet.
    for length in [0_u8, 5, 255] {
        let mut wrong = whole.clone();
        wrong[11] = length;
        assert_eq!(hep::parse(&wrong), Err(HepError::Malformed), "{length}");
    }
    let many: Vec<_> = (0..70).map(|_| chunk(99, &[])).collect();
    assert_eq!(hep::parse(&packet(&many)), Err(HepError::Malformed));
}

#[test]
fn a_full_channel_drops_and_is_counted() {
    let desk = desk(1);
    for _ in 0..3 {
        take(&mirrored(0, INVITE), &desk.workers, &desk.status);
    }
    assert_eq!(counted(&desk.status)[..5], [1, 0, 0, 0, 2]);
}

#[tokio::test]
async fn whoever_is_not_allowed_is_refused_over_loopback() {
    let settings = |allow: &str| HepSettings {
        listen: Some("127.0.0.1:0".parse().unwrap()),
        allow: vec![crate::asn::notation::prefix(allow).unwrap()],
    };
    for (allow, right) in [("127.0.0.0/8", [1, 0]), ("192.0.2.0/24", [0, 1])] {
        let listener = listen(&settings(allow)).await.unwrap().unwrap();
        let address = listener.socket.local_addr().unwrap();
        let desk = desk(8);
        let task = tokio::spawn(listener.receive(desk.workers, desk.status.clone()));
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(&mirrored(0, INVITE), address).await.unwrap();
        while counted(&desk.status)[..2] == [0, 0] {
            tokio::task::yield_now().await;
        }
        assert_eq!(counted(&desk.status)[..2], right);
        task.abort();
    }
}
