//! Calls that a server mirrors, and that another worker may see on the wire (MODEL §4.7).

use super::*;
use crate::voice::CapturePoint;

fn host(last: u8) -> Address {
    Address::v4([192, 0, 2, last])
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_nanos(1_000_000_000_000 + millis * 1_000_000)
}

fn message(start: &str, call: &str) -> Vec<u8> {
    let tag = if start.starts_with("SIP") {
        ";tag=b"
    } else {
        ""
    };
    format!(
        "{start}\r\nCall-ID: {call}\r\nFrom: <sip:a@example.net>;tag=a\r\nTo: <sip:b@example.net>{tag}\r\n\
         CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

fn invite(call: &str) -> Vec<u8> {
    message("INVITE sip:b@example.net SIP/2.0", call)
}

/// Two workers, of which the first counts what is mirrored and the second sees the wire.
struct Workers([Signalling; 2]);

impl Workers {
    fn new() -> Self {
        let mut workers = [Signalling::default(), Signalling::default()];
        workers.iter_mut().for_each(Signalling::keep_for_peers);
        Self(workers)
    }

    /// A server mirrors a message from a host to another.
    fn mirror(&mut self, millis: u64, hosts: [u8; 2], message: &[u8]) {
        let read = Announcement::read(at(millis), hosts.map(host), message).unwrap();
        let [first, second] = &mut self.0;
        first.learn(&read.counted());
        second.learn(&read);
    }

    /// The second worker sees a message, and tells the first.
    fn see(&mut self, millis: u64, hosts: [u8; 2], message: &[u8]) {
        let [src, dst] = hosts.map(|last| Endpoint {
            address: host(last),
            port: 5060,
        });
        let packet = Packet {
            time: at(millis),
            capture_point: CapturePoint::default(),
            src,
            dst,
            ip_bytes: 500,
            dedup_key: crate::wire::DedupKey::default(),
            content: Content::Sip(message),
        };
        let [first, second] = &mut self.0;
        second.observe_counted(&packet);
        for announcement in second.take_for_peers() {
            first.learn(&announcement);
        }
    }

    /// Session requests and answers that both have told, ten seconds later.
    fn told(&mut self) -> (u64, u64) {
        let mut sum = CallCounts::default();
        for worker in &mut self.0 {
            worker.expire(at(10_000).second());
            worker
                .take_calls()
                .iter()
                .for_each(|news| sum.add(&news.counts));
        }
        (sum.attempts, sum.of(CallOutcome::ANSWERED))
    }
}

#[test]
fn a_call_that_is_mirrored_and_on_the_wire_counts_once_whichever_comes_first() {
    let ok = message("SIP/2.0 200 OK", "one");
    for (wire, mirror) in [
        (0, 3),
        (3, 0),
        (0, 900),
        (900, 0),
        (0, 1_500),
        (1_500, 0),
        (0, 9_000),
        (9_000, 0),
    ] {
        let mut workers = Workers::new();
        let mut both = |is_wire: bool, late: u64, hosts, message: &[u8]| {
            if is_wire {
                workers.see(wire + late, hosts, message);
            } else {
                workers.mirror(mirror + late, hosts, message);
            }
        };
        let order = [wire < mirror, wire >= mirror];
        for (late, hosts, message) in [(0, [1, 2], invite("one")), (50, [2, 1], ok.clone())] {
            for is_wire in order {
                both(is_wire, late, hosts, &message);
            }
        }
        assert_eq!(workers.told(), (1, 1), "wire {wire} ms, mirror {mirror} ms");
    }
}

#[test]
fn a_call_that_comes_on_the_wire_after_its_mirror_was_told_counts_once() {
    let mut workers = Workers::new();
    workers.mirror(0, [1, 2], &invite("one"));
    let ok = message("SIP/2.0 200 OK", "one");
    workers.mirror(50, [2, 1], &ok);
    workers.0[0].expire(at(3_000).second());
    workers.0[1].expire(at(3_000).second());
    workers.see(3_100, [1, 2], &invite("one"));
    workers.see(3_150, [2, 1], &ok);
    assert_eq!(workers.told(), (1, 1));
}

#[test]
fn a_call_that_only_a_mirror_shows_counts_in_the_second_of_its_messages() {
    let mut workers = Workers::new();
    workers.mirror(0, [1, 2], &invite("one"));
    workers.mirror(80, [2, 1], &message("SIP/2.0 200 OK", "one"));
    let [first, _] = &mut workers.0;
    assert!(!first.has_calls(), "it may still come on the wire");
    first.expire(at(3_000).second());
    let news = first.take_calls();
    let times: Vec<_> = news.iter().map(|one| one.time).collect();
    assert_eq!(times, [at(0), at(80)]);
    assert_eq!(workers.told(), (0, 0), "nothing is told twice");
}

#[test]
fn another_hop_of_the_call_is_another_call() {
    let mut workers = Workers::new();
    workers.see(0, [1, 2], &invite("one"));
    workers.mirror(5, [2, 3], &invite("one"));
    assert_eq!(workers.told(), (2, 0));
}

#[test]
fn a_worker_without_peers_waits_for_nobody() {
    let mut alone = Signalling::default();
    let read = Announcement::read(at(0), [host(1), host(2)], &invite("one")).unwrap();
    alone.learn(&read.counted());
    alone.learn(&read.counted());
    assert_eq!(alone.take_calls().len(), 1);
}
