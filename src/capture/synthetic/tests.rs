use super::scenario::{Call, Codec, Scenario};
use super::*;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;

mod repetitions;

const START: Timestamp = Timestamp::from_nanos(1_767_225_600_000_000_000);

fn source(scenario: &Scenario) -> Synthetic {
    let pace = SendPace::AsFastAsPossible { start: START };
    Synthetic::new(scenario, pace, Arc::default())
}

fn call(from: &str, to: &str, start_ms: u64, length_ms: u64) -> Call {
    Call::new(
        from.parse().unwrap(),
        to.parse().unwrap(),
        Duration::from_millis(start_ms),
        Duration::from_millis(length_ms),
    )
}

/// Three calls: lossy G.711 with RTCP and SIP, unidirectional Opus over IPv6, G.729 with a later start.
fn three_calls() -> Scenario {
    let mut calls = vec![
        call("80.128.0.1:40000", "198.51.100.1:10000", 1000, 60_000),
        call("[2003::1]:40002", "[2001:db8::1]:10002", 500, 20_000),
        call("90.224.0.9:40004", "198.51.100.2:10004", 7003, 31_000),
    ];
    calls[0].loss_per_mille = 30;
    calls[0].round_trip = Some(Duration::from_millis(42));
    calls[0].sip = true;
    calls[1].codec = Codec::Opus;
    calls[1].both_ways = false;
    calls[1].loss_per_mille = 500;
    calls[2].codec = Codec::G729;
    calls[2].round_trip = Some(Duration::from_millis(300));
    Scenario::new(calls, 7)
}

/// Reads all frames, and asserts that the queues never grow.
fn drain(source: &mut Synthetic) -> Vec<(Timestamp, Vec<u8>)> {
    let capacities = |source: &Synthetic| -> Vec<_> {
        let repetitions = source.repetitions.iter();
        repetitions.map(Repetition::queue_capacity).collect()
    };
    let capacity = capacities(source);
    let mut frames = Vec::new();
    loop {
        match source.next().unwrap() {
            Event::Frame(frame) => frames.push((frame.time, frame.octets.to_vec())),
            Event::End => break,
            Event::Interface(..) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(capacities(source), capacity, "no allocation per frame");
    }
    frames
}

#[test]
fn frames_come_in_time_order_and_are_the_same_for_the_same_seed() {
    let frames = drain(&mut source(&three_calls()));
    assert!(frames.is_sorted_by_key(|(time, _)| *time));
    assert_eq!(frames, drain(&mut source(&three_calls())));
    let mut other = three_calls();
    other.seed += 1;
    assert_ne!(frames, drain(&mut source(&other)));
}

#[test]
fn truth_counts_the_gaps_in_the_sequence_numbers() {
    let mut source = source(&three_calls());
    let mut seen: BTreeMap<(u16, u32), Vec<u16>> = BTreeMap::new();
    for (_, octets) in drain(&mut source) {
        let udp = if octets[12] == 8 { 34 } else { 54 };
        let (port, rtp) = (u16::from_be_bytes([octets[udp], octets[udp + 1]]), udp + 8);
        if octets[rtp] == 0x80 && !(200..=202).contains(&octets[rtp + 1]) {
            let ssrc = u32::from_be_bytes(octets[rtp + 8..rtp + 12].try_into().unwrap());
            let number = u16::from_be_bytes([octets[rtp + 2], octets[rtp + 3]]);
            seen.entry((port, ssrc)).or_default().push(number);
        }
    }
    let truths: Vec<Truth> = source.truth().filter(|truth| truth.packets > 0).collect();
    assert_eq!(truths.len(), seen.len());
    for truth in &truths {
        let numbers = &seen[&(truth.src.port, truth.ssrc)];
        let span = numbers.last().unwrap().wrapping_sub(numbers[0]);
        assert_eq!(truth.packets, numbers.len() as u64);
        assert_eq!(truth.packets + truth.lost, u64::from(span) + 1, "{truth:?}");
    }
    assert_eq!(truths[0].packets + truths[0].lost, 3000);
    assert!(
        (60..120).contains(&truths[0].lost),
        "about 3 %: {:?}",
        truths[0]
    );
    assert_eq!(truths[1].lost, 0, "the near end loses nothing");
    assert_eq!(truths[0].bytes, truths[0].packets * 200);
}

fn tshark(path: &std::path::Path, arguments: &[&str]) -> String {
    let output = Command::new("tshark")
        .args(["-n", "-r"])
        .arg(path)
        .args(arguments)
        .output();
    let output = output.expect("tshark is needed for this test");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const RTP: [&str; 2] = ["--enable-heuristic", "rtp_udp"];

fn with_rtp<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&RTP, more].concat()
}

#[test]
fn tshark_finds_the_streams_and_losses_of_the_truth_and_nothing_malformed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("three_calls.pcap");
    let mut source = source(&three_calls());
    let frames = pcap::write_pcap(&path, &mut source).unwrap();
    let listed = tshark(&path, &with_rtp(&["-q", "-z", "rtp,streams"]));
    for truth in source.truth().filter(|truth| truth.packets > 0) {
        let ssrc = format!("0x{:08X}", truth.ssrc);
        let line = listed
            .lines()
            .find(|line| line.contains(&ssrc))
            .expect(&listed);
        let counts = format!(" {} ", truth.packets);
        let share = format!(" {} (", truth.lost);
        assert!(
            line.contains(&counts) && line.contains(&share),
            "{truth:?}\n{line}"
        );
    }
    let checks = [
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
    ];
    let bad = "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 \
               || _ws.expert.severity >= 0x600000";
    let bad = tshark(&path, &with_rtp(&[&checks[..], &["-Y", bad]].concat()));
    assert_eq!(bad, "");
    let good = "udp.checksum.status == 1";
    let good = tshark(&path, &with_rtp(&[&checks[..], &["-Y", good]].concat()));
    assert_eq!(good.lines().count() as u64, frames);
}

#[test]
fn tshark_computes_the_round_trips_of_the_scenario_from_the_reports() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("three_calls.pcap");
    let mut source = source(&three_calls());
    pcap::write_pcap(&path, &mut source).unwrap();
    let fields = [
        "-o",
        "rtcp.show_roundtrip_calculation:TRUE",
        "-o",
        "rtcp.roundtrip_min_threshhold:0",
        "-d",
        "udp.port==10000-10005,rtp",
        "-d",
        "udp.port==10001,rtcp",
        "-d",
        "udp.port==10005,rtcp",
        "-Y",
        "rtcp.pt == 201",
        "-T",
        "fields",
        "-e",
        "ip.src",
        "-e",
        "rtcp.roundtrip-delay",
    ];
    let text = tshark(&path, &fields);
    let mut measured: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for line in text.lines() {
        let (src, delay) = line.split_once('\t').unwrap();
        // tshark leaves the field out where it is 0: the near end's half millisecond.
        measured
            .entry(src.into())
            .or_default()
            .push(delay.parse().unwrap_or(0));
    }
    assert!(
        measured["80.128.0.1"]
            .iter()
            .all(|ms| (41..=43).contains(ms)),
        "{measured:?}"
    );
    assert!(
        measured["90.224.0.9"]
            .iter()
            .all(|ms| (299..=301).contains(ms)),
        "{measured:?}"
    );
    assert!(
        measured["198.51.100.1"]
            .iter()
            .all(|ms| (0..=1).contains(ms)),
        "{measured:?}"
    );
    let replies: usize = measured.values().map(Vec::len).sum();
    let truth: u64 = source.truth().map(|truth| truth.round_trips).sum();
    assert!(truth > 0);
    assert_eq!(
        replies as u64,
        truth - source.truth().nth(2).unwrap().round_trips
    );
}

#[test]
fn sip_sets_up_a_call_before_its_media_and_ends_it_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sip.pcap");
    pcap::write_pcap(&path, &mut source(&three_calls())).unwrap();
    let fields = [
        "-Y",
        "sip",
        "-T",
        "fields",
        "-e",
        "frame.time_epoch",
        "-e",
        "sip.CSeq",
        "-e",
        "sip.Status-Code",
        "-e",
        "sdp.media.port",
    ];
    let text = tshark(&path, &fields);
    let facts: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let expected = [
        ["1767225600.700000000", "1 INVITE", "", "40000"],
        ["1767225600.850000000", "1 INVITE", "200", "10000"],
        ["1767225600.925000000", "1 ACK", "", ""],
        ["1767225661.000000000", "2 BYE", "", ""],
        ["1767225661.020000000", "2 BYE", "200", ""],
    ];
    assert_eq!(facts, expected);
}

#[test]
fn the_demo_takes_its_largest_network_over_a_tenth_and_back() {
    let (scenario, prefixes) = demo();
    let mut source = source(&scenario);
    // Octets by ASN and second.
    let mut windows = BTreeMap::<(u32, u64), u64>::new();
    loop {
        if let Event::Frame(frame) = source.next().unwrap() {
            let second = frame.time.since(START).as_secs();
            if second >= 123 {
                break;
            }
            let src: [u8; 4] = frame.octets[26..30].try_into().unwrap();
            let known = prefixes
                .iter()
                .find(|p| p.prefix.contains(crate::units::Address::v4(src)));
            if let Some(known) = known {
                *windows.entry((known.asn.0, second)).or_default() += u64::from(frame.length) - 14;
            }
        }
    }
    let limit = DEMO_COMMITTED_BPS / 8 / 10 * u64::from(DEMO_WINDOW_SECONDS);
    let over = |asn: u32, last: u64| {
        let first = last.saturating_sub(u64::from(DEMO_WINDOW_SECONDS) - 1);
        let bytes: u64 = windows
            .range((asn, first)..=(asn, last))
            .map(|(_, bytes)| bytes)
            .sum();
        bytes > limit
    };
    for asn in prefixes.iter().map(|known| known.asn.0) {
        let seconds: Vec<u64> = (0..123).filter(|second| over(asn, *second)).collect();
        if asn == 3320 {
            assert!((15..28).contains(&seconds[0]), "{seconds:?}");
            assert!(
                seconds.iter().any(|s| *s > 88),
                "again in the second cycle: {seconds:?}"
            );
            assert!((30..50).contains(&seconds.iter().filter(|s| **s < 88).count()));
        } else {
            assert_eq!(seconds, [0; 0], "AS{asn}");
        }
    }
}

#[test]
fn in_real_time_the_source_reports_idle_within_its_poll_interval_and_ends_when_stopped() {
    let far: SocketAddr = "192.0.2.1:4000".parse().unwrap();
    let later = Call::new(far, far, Duration::from_secs(3600), Duration::from_secs(1));
    let stop = Arc::new(AtomicBool::new(false));
    let mut source = Synthetic::new(
        &Scenario::new(vec![later], 1),
        SendPace::RealTime,
        Arc::clone(&stop),
    );
    assert!(matches!(
        source.next().unwrap(),
        Event::Interface(_, "synthetic")
    ));
    let before = clock::now();
    let Event::Idle(until) = source.next().unwrap() else {
        panic!("nothing is due for an hour")
    };
    assert!(until >= before && until <= clock::now());
    stop.store(true, Ordering::Relaxed);
    assert_eq!(source.next().unwrap(), Event::End);
}
