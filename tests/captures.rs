//! Proves on every real capture of `tests/captures/list.tsv`, made by nobody of this project, that a
//! replay counts each frame exactly once, gives the same octets of output however often and with
//! however many workers it runs, finds no audio where there is none, and agrees with an independent
//! tool (`tests/captures/oracle/streams.tsv`) about streams, packets and losses.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use support::captures;
use support::desk::Desk;
use support::program::{list, number, replay, replay_text, text};

fn path(name: &str) -> String {
    captures::path(name).display().to_string()
}

fn sum(rows: &[Value], pointer: &str) -> u64 {
    rows.iter().map(|row| number(row, pointer)).sum()
}

#[test]
fn every_frame_is_counted_exactly_once() {
    for (name, packets) in captures::index() {
        let document = replay(&[&path(name)]);
        let discarded = document["discarded"].as_object().unwrap().values();
        let discarded: u64 = discarded.map(|frames| frames.as_u64().unwrap()).sum();
        assert_eq!(number(&document, "/capture/frames"), packets, "{name}");
        assert_eq!(
            number(&document, "/voice/packets") + discarded,
            packets,
            "{name}"
        );
        let (asns, voice) = (list(&document, "/asns"), number(&document, "/voice/bytes"));
        assert_eq!(sum(asns, "/from/bytes"), voice, "{name}");
        assert_eq!(sum(asns, "/to/bytes"), voice, "{name}");
        let packets = number(&document, "/voice/packets");
        assert_eq!(sum(asns, "/from/packets"), packets, "{name}");
        assert_eq!(sum(asns, "/to/packets"), packets, "{name}");
        let (first, last) = (&document["capture"]["first"], &document["capture"]["last"]);
        assert!(
            first.is_string() && first.as_str() <= last.as_str(),
            "{name}: {first} {last}"
        );
    }
}

#[test]
fn the_output_is_the_same_for_every_run_and_any_number_of_workers() {
    let desk = Desk::new();
    let config = desk.file(
        "asnmeter.toml",
        "[asn]\nsources = [{ prefixes = \"halves.tsv\" }]\n\
         [[commitment]]\nname = \"c\"\ncommitted_rate = \"1 Mbps\"\nthreshold = \"1%\"\n\
         window = \"5s\"\nguarantee = { loss = \"0.5%\", latency = \"150ms\" }\n",
    );
    // a prefix that is shorter attributes nothing
    let halves = (0..256).map(|net| format!("{net}.0.0.0/8 {}\n", 64500 + net / 128));
    let global = (0x200..0x400).map(|net| format!("{net:x}0::/12 64502\n"));
    desk.file("halves.tsv", halves.chain(global).collect::<String>());
    for (name, _) in captures::index() {
        let capture = path(name);
        let run = |workers: &str, seconds: &str| {
            let seconds_file = desk.name(seconds);
            let document = replay_text(&[
                "--config",
                &config,
                "--workers",
                workers,
                "--seconds",
                &seconds_file,
                &capture,
            ]);
            (document, desk.read(seconds))
        };
        let first = run("1", "first");
        assert!(run("1", "again") == first, "{name}: another run");
        for workers in ["2", "3"] {
            let (document, seconds) = run(workers, "more");
            assert_eq!(document, first.0, "{name}: {workers} workers");
            assert!(seconds == first.1, "{name}: {workers} workers, --seconds");
        }
    }
}

#[test]
fn a_judged_configuration_is_not_needed_to_find_the_same_streams() {
    // What the commitments are must not change what is counted.
    let desk = Desk::new();
    let judged = desk.file(
        "asnmeter.toml",
        "[[commitment]]\nname = \"c\"\ncommitted_rate = \"1 kbps\"\nwindow = \"1s\"\n",
    );
    let capture = path("dev/voice/heplify_FAX-Call-t38-CA-TDM-SIP-FB-1.pcap");
    let (plain, judged) = (
        replay(&[&capture]),
        replay(&["--config", &judged, &capture]),
    );
    for key in ["capture", "voice", "discarded", "streams", "asns"] {
        assert_eq!(plain[key], judged[key], "{key}");
    }
}

/// What tshark, nDPI and plain arithmetic on sequence numbers say of the streams.
const ORACLE: &str = include_str!("captures/oracle/streams.tsv");

/// A stream's name in tables and messages.
fn stream_name(src: &str, dst: &str, ssrc: &str) -> String {
    format!("{src} > {dst} {ssrc}")
}

/// What we find in a capture, by name.
fn ours(document: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for stream in list(document, "/streams") {
        let name = stream_name(
            text(stream, "src"),
            text(stream, "dst"),
            text(stream, "ssrc"),
        );
        found.entry(name).or_default().push(stream.clone());
    }
    found
}

/// A stream that the oracle lists.
struct Known {
    capture: &'static str,
    name: String,
    packets: u64,
    lost: u64,
    jitter_mean_ms: Option<f64>,
    media: &'static str,
    confidence: f64,
}

/// The streams that the oracle lists; the columns are named in its first line.
fn oracle() -> Vec<Known> {
    let row = |line: &'static str| {
        let fields: Vec<_> = line.split('\t').collect();
        let [
            capture,
            src,
            dst,
            ssrc,
            packets,
            lost,
            jitter,
            media,
            confidence,
        ] = fields[..]
        else {
            panic!("{line}");
        };
        Known {
            capture,
            name: stream_name(src, dst, ssrc),
            packets: packets.parse().unwrap(),
            lost: lost.parse().unwrap(),
            jitter_mean_ms: jitter.parse().ok(),
            media,
            confidence: confidence.parse().unwrap(),
        }
    };
    let rows: Vec<_> = ORACLE.lines().skip(1).map(row).collect();
    assert_eq!(rows.len(), 203);
    rows
}

/// What we find in each capture that the oracle knows, by capture.
fn ours_by_capture(oracle: &[Known]) -> BTreeMap<&'static str, BTreeMap<String, Vec<Value>>> {
    let captures: BTreeSet<_> = oracle.iter().map(|known| known.capture).collect();
    captures
        .into_iter()
        .map(|capture| (capture, ours(&replay(&[&path(capture)]))))
        .collect()
}

/// tshark stops decoding RTP at the re-INVITE to T.38, but A-law goes on in the same SSRC, as the
/// octets show: `a_fax_gateway_goes_on_with_rtp_behind_its_re_invite`.
const BEHIND_T38: &str = "tshark does not decode the RTP behind the re-INVITE to T.38";

/// Streams of which packets or losses differ from the oracle's, and why.
const DIFFERENT: [(&str, &str, &str); 2] = [
    (FAX[0], FAX_STREAM, BEHIND_T38),
    (FAX[1], FAX_STREAM, BEHIND_T38),
];

/// The same call, the second thinned out by its makers.
const FAX: [&str; 2] = [
    "dev/voice/heplify_FAX-Call-t38-CA-TDM-SIP-FB-1.pcap",
    "dev/voice/ndpi_FAX-Call-t38-CA-TDM-SIP-FB-1.pcap",
];
const FAX_STREAM: &str = "10.35.60.100:15580 > 10.23.1.52:16756 0x0eaf0eaf";

/// Every sequence number of [`FAX_STREAM`] in a pcap file, in file order: whatever has RTP's
/// version, and that SSRC at its place, behind UDP's port 15580.
fn fax_numbers(capture: &str) -> Vec<u16> {
    let octets = fs::read(path(capture)).unwrap();
    let field = |at: usize| u32::from_le_bytes(octets[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!(field(0), 0xa1b2_c3d4, "little-endian pcap");
    let (mut at, mut numbers) = (24, Vec::new());
    while at < octets.len() {
        let frame = &octets[at + 16..at + 16 + field(at + 8)];
        at += 16 + frame.len();
        let udp = frame.windows(20).find(|udp| {
            udp[..2] == 15_580_u16.to_be_bytes()
                && udp[8] == 0x80
                && udp[16..20] == 0x0eaf_0eaf_u32.to_be_bytes()
        });
        numbers.extend(udp.map(|udp| u16::from_be_bytes([udp[10], udp[11]])));
    }
    numbers
}

#[test]
fn a_fax_gateway_goes_on_with_rtp_behind_its_re_invite() {
    for capture in FAX {
        let numbers = fax_numbers(capture);
        let distinct: BTreeSet<_> = numbers.iter().collect();
        let span = u64::from(**distinct.last().unwrap() - **distinct.first().unwrap()) + 1;
        let found = ours(&replay(&[&path(capture)]));
        let rows = &found[FAX_STREAM];
        assert_eq!(sum(rows, "/packets"), numbers.len() as u64, "{capture}");
        assert_eq!(
            sum(rows, "/lost"),
            span - distinct.len() as u64,
            "{capture}"
        );
    }
}

/// Streams of which the mean jitter differs from RFC 3550 A.8 over every packet, and why: steps of the
/// timestamp that are the sender's own are left out (docs/decisions/jitter.md).
const OTHER_JITTER: [(&str, &str, &str); 9] = [
    (FAX[1], FAX_STREAM, BEHIND_T38),
    (FAX[0], FAX_BACK, JUMP),
    (FAX[1], FAX_BACK, JUMP),
    (
        "dev/voice/asterisk_ulaw-2013785496.pcap",
        "10.0.0.51:4000 > 10.0.0.45:10866 0x34d01d16",
        EVENTS,
    ),
    (
        "dev/voice/rtppcap_SIP_DTMF2.pcap",
        "192.168.105.172:4376 > 192.168.105.110:4376 0x5711bf84",
        EVENTS,
    ),
    (
        "dev/voice/trex_delay_10_sip_video_call_full.pcap",
        "22.0.0.6:10110 > 21.0.0.35:10110 0x80c6cf97",
        PAUSES,
    ),
    (
        "dev/voice/trex_delay_video_call_rtp_0.pcap",
        "22.0.0.6:10110 > 21.0.0.35:10110 0x80c6cf97",
        PAUSES,
    ),
    (
        "dev/video/rtppcap_h263-over-rtp.pcap",
        "192.168.6.199:57128 > 192.168.6.199:32976 0x5482ece0",
        PICTURES,
    ),
    (
        "dev/voice/ndpi_rtp.pcapng",
        "10.204.220.71:6000 > 10.204.220.171:6000 0x00001646",
        PICTURES,
    ),
];
const FAX_BACK: &str = "10.23.1.52:16756 > 10.35.60.100:15580 0x17d90134";
const JUMP: &str = "its clock jumps by more than 10 s: not jitter";
const EVENTS: &str = "telephone events: their timestamps stand still";
const PAUSES: &str = "its sender pauses";
const PICTURES: &str = "several packets of one picture bear one timestamp";

#[test]
fn jitter_is_that_of_the_rfc_but_for_what_the_sender_does_itself() {
    let (mut other, mut compared) = (BTreeSet::new(), 0);
    let oracle = oracle();
    let found = ours_by_capture(&oracle);
    for known in oracle {
        let rows = found[known.capture].get(&known.name).map(Vec::as_slice);
        let (Some(theirs), Some([row])) = (known.jitter_mean_ms, rows) else {
            continue;
        };
        compared += 1;
        let ours = row["jitter_mean_ms"].as_f64().unwrap_or(0.0);
        if (ours - theirs).abs() > 0.05 {
            other.insert((known.capture.to_owned(), known.name));
        }
    }
    let known = OTHER_JITTER.map(|(capture, name, _)| (capture.to_owned(), name.to_owned()));
    println!("{compared} streams compared");
    assert_eq!(
        other,
        BTreeSet::from(known),
        "streams that differ, and those known to"
    );
    assert!(compared >= 24, "{compared}");
}

#[test]
fn packets_and_losses_are_those_of_the_oracle() {
    let mut different = BTreeSet::new();
    let mut compared = 0;
    let oracle = oracle();
    let found = ours_by_capture(&oracle);
    for known in oracle {
        let Some(parts) = found[known.capture].get(&known.name) else {
            continue;
        };
        compared += 1;
        if (sum(parts, "/packets"), sum(parts, "/lost")) != (known.packets, known.lost) {
            different.insert((known.capture.to_owned(), known.name));
        }
    }
    let known: BTreeSet<_> = DIFFERENT
        .map(|(capture, name, _)| (capture.to_owned(), name.to_owned()))
        .into();
    assert_eq!(different, known, "streams that differ, and those known to");
    println!("{compared} streams compared, {} differ", known.len());
    assert!(compared >= 98, "{compared}");
}

/// One or two packets are the whole capture: four must prove a stream that nobody has announced.
const ALONE: &str = "the capture has one or two packets in all";
/// The fuzzer has written over addresses, SSRCs and timestamps.
const MUTATED: &str = "of a mutated capture, in which no answer fits its offer: nobody announced it, and it proves nothing";
/// WhatsApp's call goes over from the relay to the peer with its last three packets. The SSRC is
/// proven on the way to the relay, but that is another address pair, which in a replay may be
/// another worker's: what is counted must not depend on the number of workers.
const ANOTHER_PATH: &str = "three packets on a path to another address";
/// Three packets of 963 octets within half a millisecond, all with one timestamp and a payload type
/// of their own: a probe of the path's rate, if anything.
const PROBE: &str = "three large packets with one timestamp, within half a millisecond";

/// Audio that we do not find, and why.
const MISSED: [(&str, &str, &str); 11] = [
    (
        "dev/signalling/ndpi_fuzz-2006-06-26-2594.pcap",
        "192.168.1.2:30000 > 212.242.33.36:40392 0x37968baa",
        MUTATED,
    ),
    (
        "dev/signalling/ndpi_fuzz-2006-06-26-2594.pcap",
        "192.168.1.2:30000 > 212.242.33.36:40392 0x3796cb71",
        MUTATED,
    ),
    (
        "dev/signalling/ndpi_fuzz-2006-06-26-2594.pcap",
        "192.168.1.2:30000 > 214.242.33.36:40392 0x3796cb71",
        MUTATED,
    ),
    (
        "dev/signalling/ndpi_fuzz-2006-06-26-2594.pcap",
        "192.168.1.2:30000 > 37.115.0.36:40392 0x3796cb71",
        MUTATED,
    ),
    (
        "dev/signalling/ndpi_fuzz-2006-06-26-2594.pcap",
        "192.168.1.2:30000 > 212.242.33.36:40392 0xaaaaaaaa",
        MUTATED,
    ),
    (
        "dev/signalling/ndpi_fuzz-2006-06-26-2594.pcap",
        "192.168.1.3:30000 > 212.242.33.36:40392 0x3796cb71",
        MUTATED,
    ),
    (
        "dev/signalling/ndpi_fuzz-2006-06-26-2594.pcap",
        "81.168.1.2:30000 > 212.242.33.36:40392 0x3796cb71",
        MUTATED,
    ),
    (
        "dev/voice/asterisk_ssrc1.pcap",
        "127.0.0.1:6001 > 127.0.0.1:17854 0x00273aab",
        ALONE,
    ),
    (
        "dev/voice/asterisk_ssrc2.pcap",
        "127.0.0.1:6001 > 127.0.0.1:17854 0x001471b8",
        ALONE,
    ),
    (
        "dev/voice/ndpi_stun_wa_call.pcapng",
        "192.168.12.156:49526 > 93.33.118.87:41107 0x5167dcb6",
        ANOTHER_PATH,
    ),
    (
        "dev/voice/ndpi_stun_wa_call.pcapng",
        "192.168.12.156:49526 > 93.33.118.87:41107 0x5c27258f",
        PROBE,
    ),
];

/// What the oracle's labels say is audio.
fn is_audio(label: &str) -> bool {
    ["voice", "voice-dtmf"].contains(&label)
}

#[test]
fn audio_is_found_where_the_labels_say_so_and_nowhere_else() {
    let (mut right, mut wrong, mut missed) = (0_u32, BTreeSet::new(), BTreeSet::new());
    let oracle = oracle();
    let found = ours_by_capture(&oracle);
    for known in oracle.into_iter().filter(|known| known.confidence >= 0.75) {
        let parts = found[known.capture].get(&known.name);
        let parts = parts.map_or(&[][..], Vec::as_slice);
        let as_audio = parts.iter().any(|part| part["kind"] == "audio");
        let name = (known.capture.to_owned(), known.name);
        match (is_audio(known.media), as_audio) {
            (true, true) => right += 1,
            (true, false) => drop(missed.insert(name)),
            (false, true) => drop(wrong.insert(name)),
            (false, false) => {}
        }
    }
    let of = |others: usize| {
        let all = right + u32::try_from(others).unwrap();
        100.0 * f64::from(right) / f64::from(all)
    };
    println!(
        "audio streams: {right} found, {} wrongly, {} missed; precision {:.1} %, recall {:.1} %",
        wrong.len(),
        missed.len(),
        of(wrong.len()),
        of(missed.len()),
    );
    assert_eq!(wrong, BTreeSet::new(), "taken for audio");
    let known = MISSED.map(|(capture, name, _)| (capture.to_owned(), name.to_owned()));
    assert_eq!(
        missed,
        BTreeSet::from(known),
        "missed, and known to be missed"
    );
    assert_eq!(right, 84);
}

#[test]
fn no_capture_of_something_else_has_an_audio_stream() {
    let negative: Vec<_> = captures::index()
        .into_iter()
        .filter(|(name, _)| name.starts_with("dev/negative/"))
        .collect();
    assert_eq!(negative.len(), 40);
    for (name, _) in negative {
        let document = replay(&[&path(name)]);
        let audio = list(&document, "/streams")
            .iter()
            .filter(|stream| stream["kind"] == "audio");
        let audio: Vec<_> = audio.collect();
        assert!(audio.is_empty(), "{name}: {audio:?}");
    }
}
