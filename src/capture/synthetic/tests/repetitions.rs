//! Repeated scenarios: each repetition has new calls with the same times and losses.

use super::*;
use crate::wire::rtcp::{self, RtcpPacket};
use std::collections::BTreeSet;

/// A datagram over IPv4.
struct Sent {
    /// Nanoseconds from the start of the scenario.
    at: u64,
    ports: (u16, u16),
    payload: Vec<u8>,
}

impl Sent {
    fn is_sip(&self) -> bool {
        self.ports.0 == 5060
    }

    fn is_rtp(&self) -> bool {
        !self.is_sip() && self.ports.0.is_multiple_of(2)
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// SSRC, sequence number and timestamp of an RTP packet.
    fn rtp(&self) -> (u32, u16, u32) {
        let number = u16::from_be_bytes([self.payload[2], self.payload[3]]);
        (self.word(8), number, self.word(4))
    }

    fn call_id(&self) -> Option<String> {
        let message = std::str::from_utf8(&self.payload).ok()?;
        let mut lines = message.lines();
        lines.find_map(|line| line.strip_prefix("Call-ID: ").map(str::to_owned))
    }
}

/// The datagrams of the first `seconds`.
fn sent(scenario: &Scenario, seconds: u64) -> Vec<Sent> {
    let mut source = source(scenario);
    let mut sent = Vec::new();
    loop {
        match source.next().unwrap() {
            Event::Frame(frame) => {
                let at = frame.time.since(START);
                if at.as_secs() >= seconds {
                    return sent;
                }
                let octets = frame.octets;
                let port = |at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
                sent.push(Sent {
                    at: scenario::nanos(at),
                    ports: (port(34), port(36)),
                    payload: octets[42..].to_vec(),
                });
            }
            Event::End => return sent,
            _ => {}
        }
    }
}

/// A lossy call with RTCP and SIP, and one with a later start: 61 s, repeated every 62 s.
fn repeated() -> Scenario {
    let mut scenario = three_calls();
    scenario.calls.remove(1);
    scenario.repeat = Some(Duration::from_secs(62));
    scenario
}

/// The datagrams of each repetition, with times from its start.
fn repetitions(count: u64) -> Vec<Vec<Sent>> {
    let length = 62 * NANOS_PER_SECOND;
    let mut all: Vec<Vec<Sent>> = (0..count).map(|_| Vec::new()).collect();
    for mut one in sent(&repeated(), 62 * count) {
        let number = usize::try_from(one.at / length).unwrap();
        one.at %= length;
        all[number].push(one);
    }
    all
}

#[test]
fn each_repetition_has_the_same_times_and_losses() {
    let shape = |all: &Vec<Sent>| -> Vec<_> {
        let all = all.iter();
        all.map(|one| (one.at, one.payload.len(), one.payload[1]))
            .collect()
    };
    let all: Vec<_> = repetitions(5).iter().map(shape).collect();
    assert!(all[0].len() > 4 * 1500, "as many packets as the calls have");
    for (number, one) in all.iter().enumerate() {
        assert!(*one == all[0], "repetition {number}");
    }
}

#[test]
fn each_repetition_has_new_calls_on_other_ports_than_the_previous_one() {
    let mut streams = BTreeSet::new();
    let mut starts = BTreeSet::new();
    let mut dialogs = BTreeSet::new();
    let mut reports = BTreeSet::new();
    let mut ports = Vec::<BTreeSet<u16>>::new();
    let all = repetitions(5);
    for one in &all {
        let rtp = one.iter().filter(|sent| sent.is_rtp());
        let mut own = BTreeMap::new();
        rtp.for_each(|sent| {
            let (ssrc, number, timestamp) = sent.rtp();
            own.entry(ssrc).or_insert((number, timestamp));
        });
        assert_eq!(own.len(), 4, "two calls, both ways");
        streams.extend(own.keys().copied());
        starts.extend(own.into_values());
        dialogs.extend(one.iter().filter_map(Sent::call_id));
        let media = one.iter().filter(|sent| sent.is_rtp());
        ports.push(media.map(|sent| sent.ports.0).collect());
        for sent in one.iter().filter(|sent| !sent.is_rtp() && !sent.is_sip()) {
            for packet in rtcp::packets(&sent.payload) {
                if let RtcpPacket::SenderReport { ssrc, ntp, .. } = packet {
                    assert!(reports.insert((ssrc, ntp)), "sent twice");
                }
            }
        }
    }
    assert_eq!((streams.len(), starts.len(), dialogs.len()), (20, 20, 5));
    assert!(ports[0].is_disjoint(&ports[1]));
    assert_eq!((&ports[0], &ports[1]), (&ports[2], &ports[3]));
}

#[test]
fn a_report_refers_to_streams_of_its_own_repetition() {
    for one in repetitions(3) {
        let rtp = one.iter().filter(|sent| sent.is_rtp());
        let streams: BTreeMap<u32, (u16, u16)> =
            rtp.map(|sent| (sent.rtp().0, sent.ports)).collect();
        let mut reports = 0;
        for sent in one.iter().filter(|sent| !sent.is_rtp() && !sent.is_sip()) {
            for packet in rtcp::packets(&sent.payload) {
                let RtcpPacket::ReceiverReport {
                    ssrc,
                    reports: blocks,
                } = packet
                else {
                    continue;
                };
                let [src, dst] = [sent.ports.0 - 1, sent.ports.1 - 1];
                assert_eq!(streams[&ssrc], (src, dst), "who reports");
                for block in blocks {
                    assert_eq!(streams[&block.ssrc], (dst, src), "what is reported");
                    reports += 1;
                }
            }
        }
        assert_eq!(reports, 2 * 12 + 2 * 6, "one in 5 s");
    }
}

#[test]
fn every_stream_with_rtcp_ends_with_bye_and_every_call_with_sip_too() {
    for one in repetitions(3) {
        let last = |ssrc: u32| {
            let of = one
                .iter()
                .filter(|sent| sent.is_rtp() && sent.rtp().0 == ssrc);
            of.map(|sent| sent.at).max().unwrap()
        };
        let mut gone = BTreeSet::new();
        for sent in one.iter().filter(|sent| !sent.is_rtp() && !sent.is_sip()) {
            for packet in rtcp::packets(&sent.payload) {
                if let RtcpPacket::Goodbye(_) = packet {
                    let ssrc = sent.word(4);
                    assert!(
                        sent.at > last(ssrc) && gone.insert(ssrc),
                        "once, at the end"
                    );
                }
            }
        }
        assert_eq!(gone.len(), 4);
        let sip = one.iter().filter(|sent| sent.is_sip());
        let first: Vec<_> = sip.map(|sent| &sent.payload[..3]).collect();
        assert_eq!(first, [b"INV", b"SIP", b"ACK", b"BYE", b"SIP"]);
    }
}

#[test]
fn calls_that_last_until_the_next_begin_give_a_constant_rate() {
    let mut scenario = Scenario::new(
        vec![call("192.0.2.1:4000", "198.51.100.1:4002", 500, 4000)],
        1,
    );
    scenario.calls[0].sip = true;
    scenario.calls[0].round_trip = Some(Duration::from_millis(30));
    scenario.repeat = Some(Duration::from_secs(4));
    let sent = sent(&scenario, 40);
    assert!(sent.is_sorted_by_key(|sent| sent.at));
    for near in [4000, 4002] {
        let own = sent
            .iter()
            .filter(|sent| sent.is_rtp() && sent.ports.0 % 1000 == near % 1000);
        let times: Vec<u64> = own.map(|sent| sent.at).collect();
        assert!(times.len() > 39 * 50);
        assert!(times.windows(2).all(|two| two[1] - two[0] == 20_000_000));
    }
}

#[test]
fn at_most_two_repetitions_overlap() {
    let mut scenario = Scenario::new(
        vec![call("192.0.2.1:4000", "198.51.100.1:4002", 0, 10_000)],
        1,
    );
    scenario.repeat = Some(Duration::from_secs(1));
    let mut firsts = BTreeMap::<u32, (u64, u64)>::new();
    for one in sent(&scenario, 60) {
        let span = firsts.entry(one.rtp().0).or_insert((one.at, one.at));
        span.1 = one.at;
    }
    let mut spans: Vec<_> = firsts.into_values().collect();
    spans.sort_unstable();
    // Both directions of each.
    for ahead in spans.windows(5) {
        assert!(ahead[0].1 < ahead[4].0, "{ahead:?}");
    }
    assert!(spans.len() > 2 * 10, "{spans:?}");
}

#[test]
fn a_repeated_scenario_runs_until_it_is_stopped_and_its_truth_covers_all_repetitions() {
    let calls = vec![call("192.0.2.1:4000", "198.51.100.1:4002", 0, 1000)];
    let mut scenario = Scenario::new(calls, 1);
    scenario.repeat = Some(Duration::from_secs(2));
    let stop = Arc::new(AtomicBool::new(false));
    let pace = SendPace::AsFastAsPossible { start: START };
    let mut source = Synthetic::new(&scenario, pace, Arc::clone(&stop));
    let mut seconds = BTreeMap::<u64, u64>::new();
    loop {
        match source.next().unwrap() {
            Event::Frame(frame) => {
                *seconds
                    .entry(frame.time.since(START).as_secs())
                    .or_default() += 1;
                stop.store(seconds.len() == 4, Ordering::Relaxed);
            }
            Event::End => break,
            _ => {}
        }
    }
    let expected = BTreeMap::from([(0, 100), (2, 100), (4, 100), (6, 1)]);
    assert_eq!(seconds, expected);
    let [forward, back] = source.truth().collect::<Vec<_>>()[..] else {
        panic!("two rows a call");
    };
    assert_eq!((forward.packets, back.packets), (151, 150));
    assert_eq!(forward.bytes, 151 * 200);
    assert_eq!(forward.ssrc, scenario.calls[0].ssrc);
}

#[test]
fn a_late_source_moves_on_by_whole_seconds_and_without_a_burst() {
    let calls = vec![call("192.0.2.1:4000", "198.51.100.1:4002", 250, 60_000)];
    let mut source = Synthetic::new(&Scenario::new(calls, 1), SendPace::RealTime, Arc::default());
    // As if the source had started earlier and had not run since.
    let start = clock::now().minus(Duration::from_millis(7_400));
    source.start = Some(start);
    let now = clock::now();
    let first = loop {
        match source.next().unwrap() {
            Event::Frame(frame) => break frame.time,
            Event::Idle(until) => assert!(until >= now),
            other => panic!("{other:?}"),
        }
    };
    assert!(first >= now, "nothing of the past");
    assert!(first <= clock::now() && first.since(now) <= Duration::from_secs(1));
    let on = first.since(start.plus(Duration::from_millis(250)));
    assert_eq!(on.subsec_nanos(), 0, "{on:?}");
}
