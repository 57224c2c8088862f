//! Proves the BMP source with real routers: in a network of its own two `gobgpd` speak BGP with
//! each other, one of them sends what it hears to the daemon, and calls run from a prefix that the
//! other announces, announces in another way, and withdraws. The running calls are counted for, and
//! judged under, whoever announces their prefix at the time, and no packet is lost over it. With two
//! neighbours and all views that `gobgpd` can send, every prefix is whose `gobgpd` itself says it is,
//! through changes, withdrawals and a restart.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use asnmeter::clock;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::desk::Desk;
use support::frames::Media;
use support::netns;
use support::running::{Running, until};
use support::sockets::connect;

/// Ten calls of 80 kbit/s are 80 % of this commitment's rate.
const CONFIGURATION: &str = r#"
[capture]
interface = "tap0"
[asn]
sources = [{ bmp = "127.0.0.1:11019" }, { prefixes = "other.tsv" }]
local_prefixes = ["198.51.100.0/24"]
bmp_stale = "2s"
[[commitment]]
name = "clause"
committed_rate = "1 Mbps"
window = "2s"
guarantee = { loss = "0.5%" }
"#;

/// The router with the BMP session, and its neighbour, which announces.
const ROUTER: &str = r#"
[global.config]
as = 64496
router-id = "127.0.0.1"
port = 1790
local-address-list = ["127.0.0.1"]
[[neighbors]]
[neighbors.config]
neighbor-address = "127.0.0.2"
peer-as = 64500
[neighbors.transport.config]
passive-mode = true
[[bmp-servers]]
[bmp-servers.config]
address = "127.0.0.1"
port = 11019
"#;
const NEIGHBOUR: &str = r#"
[global.config]
as = 64500
router-id = "127.0.0.2"
port = -1
[[neighbors]]
[neighbors.config]
neighbor-address = "127.0.0.1"
peer-as = 64496
[neighbors.transport.config]
remote-port = 1790
local-address = "127.0.0.2"
[neighbors.timers.config]
connect-retry = 1
idle-hold-time-after-reset = 1
"#;

/// A `gobgpd` that does not outlive the test.
struct Speaker(Child);

impl Speaker {
    fn start(desk: &Desk, name: &str, configuration: &str, port: u16) -> Self {
        let file = desk.file(&format!("{name}.toml"), configuration);
        let log = File::create(desk.path(&format!("{name}.log"))).unwrap();
        let child = Command::new("gobgpd")
            .args(["-t", "toml", "-f", &file, "--api-hosts"])
            .arg(format!("127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self(child.expect("gobgpd is needed for this test"))
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        // gone already where the test ended it
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Tells the neighbour's speaker something; whether it took it.
fn gobgp(arguments: &str) -> bool {
    gobgp_at(50052, arguments).is_some()
}

/// Tells a speaker something; what it answers, if it took it.
fn gobgp_at(port: u16, arguments: &str) -> Option<String> {
    let mut gobgp = Command::new("gobgp");
    let told = gobgp
        .args(["-p", &port.to_string()])
        .args(arguments.split(' '))
        .output();
    let told = told.expect("gobgp is needed for this test");
    let answer = String::from_utf8(told.stdout).unwrap();
    told.status.success().then_some(answer)
}

/// Ten calls from the prefix, from now until told to end; packets sent.
fn call(end: &AtomicBool) -> u64 {
    let mut far = netns::sender("far0");
    let calls: Vec<Media> = (0..10)
        .map(|place| {
            let (src, dst) = (
                format!("203.0.113.{}:10000", 1 + place),
                format!("198.51.100.{}:10000", 1 + place),
            );
            Media::g711(&src, &dst, 0x00aa_0000 + place)
        })
        .collect();
    let (begin, mut sent) = (clock::uptime(), 0);
    for packet in 0.. {
        if end.load(Ordering::Relaxed) {
            break;
        }
        for call in &calls {
            netns::send(&mut far, &call.packet(packet));
            sent += 1;
        }
        let due = begin + Duration::from_millis(20) * (packet + 1);
        clock::wait(due.saturating_sub(clock::uptime()));
    }
    sent
}

/// A BMP message (RFC 7854 §4) of a peer.
fn message(kind: u8, peer: u32, body: &[u8]) -> Vec<u8> {
    let mut octets = vec![3, 0, 0, 0, 0, kind];
    // a global peer before policy, its address in the last 4 of 16, AS, router, no time
    octets.extend([0; 2 + 8 + 12]);
    octets.extend((0x0a00_0000 + peer).to_be_bytes());
    octets.extend([0, 0, 0xfb, 0xf4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
    octets.extend(body);
    let length = u32::try_from(octets.len()).unwrap();
    octets[1..5].copy_from_slice(&length.to_be_bytes());
    octets
}

/// An UPDATE (RFC 4271 §4.3) with so many host routes, from a number on.
fn update(first: u32, count: u32) -> Vec<u8> {
    let attributes = [
        0x40, 1, 1, 0, 0x40, 2, 10, 2, 2, 0, 0, 0xfb, 0xf4, 0, 0, 0xfb, 0xf5, 0x40, 3, 4, 1, 1, 1,
        1,
    ];
    let mut body = vec![0, 0, 0, u8::try_from(attributes.len()).unwrap()];
    body.extend(attributes);
    for prefix in first..first + count {
        body.push(32);
        body.extend(prefix.to_be_bytes());
    }
    let mut octets = vec![0xff; 16];
    octets.extend(u16::try_from(19 + body.len()).unwrap().to_be_bytes());
    octets.push(2);
    octets.extend(body);
    octets
}

#[test]
fn a_thousand_peers_that_leave_at_once_keep_nobody_waiting() {
    netns::inside(
        "a_thousand_peers_that_leave_at_once_keep_nobody_waiting",
        &[],
        peers_leave,
    );
}

fn peers_leave() {
    const PEERS: u32 = 1000;
    const EACH: u32 = 300;
    netns::ip("link set lo up");
    let desk = Desk::new();
    let text = "[capture]\ninterface = \"lo\"\n\
        [asn]\nsources = [{ bmp = \"127.0.0.1:11019\" }]\nbmp_stale = \"1s\"\n";
    let file = desk.file("asnmeter.toml", text);
    let running = Running::start(&desk, "127.0.0.1:0", &["run", "--config", &file]);
    let gauge = |name: &str| running.scrape().sum(name, &[]);
    let speak = |router: &mut TcpStream| {
        for peer in 0..PEERS {
            let routes = update(0x0b00_0000 + peer * EACH, EACH);
            router.write_all(&message(0, peer, &routes)).unwrap();
        }
        let all = u64::from(PEERS * EACH);
        until("all routes are known", || gauge("bmp_routes") == all);
        until("all are in the table", || {
            gauge("asn_table_prefixes") == all
        });
    };
    // Asks until a table without routes is in force; the longest that an answer took.
    let longest = || {
        let (end, mut longest) = (clock::uptime() + Duration::from_secs(60), Duration::ZERO);
        while gauge("asn_table_prefixes") > 0 {
            let asked = clock::uptime();
            assert!(asked < end, "the routes stay");
            assert_eq!(running.get("/-/healthy").0, 200);
            longest = longest.max(clock::uptime().saturating_sub(asked));
        }
        assert_eq!(gauge("bmp_routes"), 0);
        longest
    };

    let mut router = TcpStream::connect("127.0.0.1:11019").unwrap();
    speak(&mut router);
    let down: Vec<u8> = (0..PEERS).flat_map(|peer| message(2, peer, &[4])).collect();
    assert_eq!(down.len(), 49_000);
    router.write_all(&down).unwrap();
    let took = longest();
    assert!(took < Duration::from_secs(1), "Peer Down: {took:?}");

    speak(&mut router);
    drop(router);
    let took = longest();
    assert!(took < Duration::from_secs(1), "stale: {took:?}");
    assert_eq!(running.end("TERM"), Some(0));
}

#[test]
fn a_gobgp_session_feeds_changes_and_withdraws_a_path_and_the_verdict_follows() {
    netns::inside(
        "a_gobgp_session_feeds_changes_and_withdraws_a_path_and_the_verdict_follows",
        &[],
        session,
    );
}

fn session() {
    netns::ip("link set lo up");
    netns::pair();
    let desk = Desk::new();
    let file = desk.file("asnmeter.toml", CONFIGURATION);
    desk.file("other.tsv", "203.0.113.0/24 64999\n");
    let running = Running::start(&desk, "127.0.0.1:0", &["run", "--config", &file]);
    let router = Speaker::start(&desk, "router", ROUTER, 50051);
    let _neighbour = Speaker::start(&desk, "neighbour", NEIGHBOUR, 50052);
    let is_out = |asn: &str| {
        running
            .scrape()
            .sum("commitment_asn_out_of_sla", &[("asn", asn)])
            == 1
    };
    let gauge = |name: &str| running.scrape().sum(name, &[]);
    until("the router has connected", || gauge("bmp_routers") == 1);
    let sockets = Command::new("ss")
        .args(["-tnoH", "sport = :11019"])
        .output();
    let sockets = String::from_utf8(sockets.unwrap().stdout).unwrap();
    assert!(sockets.contains("timer:(keepalive"), "{sockets}");

    let end = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let calls = scope.spawn(|| call(&end));
        until("the other source's origin is out of SLA", || {
            is_out("64999")
        });
        until("the neighbour takes a path", || {
            gobgp("global rib add 203.0.113.0/24 aspath 64501,64510")
        });
        until("the new origin is out of SLA", || is_out("64510"));
        until("the origin before is not", || !is_out("64999"));
        let disputed = gauge("asn_source_disagreement_bytes_total");
        assert!(disputed > 0, "the other source disagrees");

        assert!(gobgp("global rib add 203.0.113.0/24 aspath 64502,64511"));
        until("the changed origin is out of SLA", || {
            is_out("64511") && !is_out("64510")
        });

        // meanwhile the other source's file changes, and then is wrong
        desk.file("other.tsv", "203.0.113.0/24 64998\n");
        let loaded = "other.tsv: loaded, 1 prefix\n";
        until("the changed file is loaded", || {
            running.log().contains(loaded)
        });
        desk.file("other.tsv", "203.0.113.0/24 nobody\n");
        let refused = "other.tsv:1: nobody is not an AS number; the old table stays";
        until("the wrong file is refused", || {
            running.log().contains(refused)
        });
        assert_eq!(gauge("asn_table_failures_total"), 1);

        assert!(gobgp("global rib del 203.0.113.0/24"));
        until("the other source decides again", || {
            is_out("64998") && !is_out("64511")
        });
        assert_eq!(gauge("bmp_routes"), 0);

        assert!(gobgp("global rib add 203.0.113.0/24 aspath 64502,64511"));
        until("the path is back", || is_out("64511"));
        drop(router);
        until("the router has gone", || gauge("bmp_routers") == 0);
        until("what it said is stale", || {
            is_out("64998") && !is_out("64511")
        });
        end.store(true, Ordering::Relaxed);
        calls.join().unwrap()
    });
    let counted = || {
        running
            .scrape()
            .sum("voice_packets_total", &[("direction", "from")])
    };
    until("every packet is counted", || counted() == sent);
    assert_eq!(gauge("rtp_lost_packets_total"), 0);
    let malformed = [("outcome", "malformed")];
    assert_eq!(running.scrape().sum("bmp_messages_total", &malformed), 0);
    assert_eq!(running.end("TERM"), Some(0));
}

/// A router that shows all it has, and its two neighbours: next hops have to be addresses that can be
/// some.
const SHOWING_ALL: &str = r#"
[global.config]
as = 64496
router-id = "10.255.0.1"
port = 1790
local-address-list = ["10.255.0.1"]
[[neighbors]]
[neighbors.config]
neighbor-address = "10.255.0.2"
peer-as = 64500
[neighbors.transport.config]
passive-mode = true
[[neighbors]]
[neighbors.config]
neighbor-address = "10.255.0.3"
peer-as = 64501
[neighbors.transport.config]
passive-mode = true
[[bmp-servers]]
[bmp-servers.config]
address = "127.0.0.1"
port = 11019
route-monitoring-policy = "all"
"#;

/// The test's prefixes, and one of the router's own.
const PREFIXES: u8 = 24;
const OWN: &str = "198.18.0.0/16";

/// What a neighbour says of a prefix: a number of its own for each, so that a stream's ASN tells which
/// prefix of which neighbour it was counted for. 64502 to 64504 make some paths longer.
fn announce(port: u16, prefix: u8, longer: usize) {
    let mut path: Vec<String> = (0..longer).map(|it| (64_502 + it).to_string()).collect();
    path.push((u32::from(port) * 1000 + u32::from(prefix)).to_string());
    let path = path.join(",");
    let told = format!("global rib add 100.64.{prefix}.0/24 aspath {path}");
    until("the neighbour takes a path", || {
        gobgp_at(port, &told).is_some()
    });
}

/// Whose each prefix is, as the router itself says: `local` where it is its own.
fn router_says() -> BTreeMap<String, String> {
    let rib = gobgp_at(50051, "-j global rib").unwrap();
    let rib: serde_json::Value = serde_json::from_str(&rib).unwrap_or_default();
    let rib = rib.as_object().cloned().unwrap_or_default();
    let whose = rib.into_iter().map(|(prefix, routes)| {
        let mut routes = routes.as_array().unwrap().iter();
        let best = routes.find(|route| route["best"] == true).unwrap();
        let mut attributes = best["attrs"].as_array().unwrap().iter();
        let path = attributes.find(|attribute| attribute["type"] == 2);
        let asns = path.map(|path| path["as_paths"][0]["asns"].as_array().unwrap());
        let origin = asns.and_then(|asns| asns.last());
        (prefix, origin.map_or("local".into(), ToString::to_string))
    });
    whose.collect()
}

/// Whose packets were, by ASN: so many from each.
fn counted(running: &Running) -> BTreeMap<String, u64> {
    let state: serde_json::Value = serde_json::from_str(&running.get("/api/v1/asns").1).unwrap();
    let rows = state["asns"].as_array().unwrap().iter();
    let rows = rows.map(|row| {
        let asn = row["asn"].to_string().trim_matches('"').to_owned();
        (asn, row["from"]["packets"].as_u64().unwrap())
    });
    rows.filter(|(_, packets)| *packets > 0).collect()
}

/// Packets of a stream.
const EACH: u32 = 20;

/// A short stream from each of the prefixes: whose its packets are. `round` makes them new streams.
fn meter_says(running: &Running, round: u16) -> BTreeMap<String, u64> {
    let mut far = netns::sender("far0");
    let prefixes = (0..PREFIXES).map(|prefix| format!("100.64.{prefix}.9"));
    let streams: Vec<Media> = prefixes
        .chain(["198.18.0.9".to_owned()])
        .zip(0..)
        .map(|(address, place)| {
            let (src, dst) = (
                format!("{address}:{}", 10_000 + 2 * round),
                format!("198.51.100.9:{}", 10_000 + 2 * round),
            );
            Media::g711(&src, &dst, 0x00bb_0000 + u32::from(round) * 100 + place)
        })
        .collect();
    let before = counted(running);
    for packet in 0..EACH {
        for stream in &streams {
            netns::send(&mut far, &stream.packet(packet));
        }
        clock::wait(Duration::from_millis(20));
    }
    let sent = u64::from(EACH) * streams.len() as u64;
    let more = || {
        let mut now = counted(running);
        for (asn, packets) in &before {
            *now.get_mut(asn).unwrap() -= packets;
        }
        now.retain(|_, packets| *packets > 0);
        now
    };
    until("every packet is counted", || {
        more().values().sum::<u64>() == sent
    });
    more()
}

/// The packets by ASN that come of a view of the prefixes; what is in no prefix is of ASN 0.
fn packets_of(view: &BTreeMap<String, String>) -> BTreeMap<String, u64> {
    let mut packets = BTreeMap::new();
    let prefixes = (0..PREFIXES).map(|prefix| format!("100.64.{prefix}.0/24"));
    for prefix in prefixes.chain([OWN.to_owned()]) {
        let asn = view.get(&prefix).map_or("0", String::as_str);
        *packets.entry(asn.to_owned()).or_default() += u64::from(EACH);
    }
    packets
}

#[test]
fn every_prefix_is_whose_gobgp_says_through_withdrawals_and_a_restart() {
    netns::inside(
        "every_prefix_is_whose_gobgp_says_through_withdrawals_and_a_restart",
        &[],
        views,
    );
}

fn views() {
    netns::ip("link set lo up");
    for address in ["10.255.0.1", "10.255.0.2", "10.255.0.3"] {
        netns::ip(&format!("addr add {address}/32 dev lo"));
    }
    netns::pair();
    let desk = Desk::new();
    let text = "[capture]\ninterface = \"tap0\"\n\
        [asn]\nsources = [{ bmp = \"127.0.0.1:11019\" }]\nbmp_stale = \"8s\"\nown = [64496]\n\
        bmp_routers = [\"127.0.0.0/8\"]\nlocal_prefixes = [\"198.51.100.0/24\"]\n";
    let file = desk.file("asnmeter.toml", text);
    let running = Running::start(&desk, "127.0.0.1:0", &["run", "--config", &file]);
    let gauge = |name: &str| running.scrape().sum(name, &[]);
    let router = Speaker::start(&desk, "router", SHOWING_ALL, 50051);
    let neighbour = |name: &str, asn: u16, host: u8, port: u16| {
        let text = NEIGHBOUR
            .replace("64500", &asn.to_string())
            .replace("127.0.0.1", "10.255.0.1")
            .replace("127.0.0.2", &format!("10.255.0.{host}"));
        Speaker::start(&desk, name, &text, port)
    };
    let _one = neighbour("one", 64500, 2, 50052);
    let _other = neighbour("other", 64501, 3, 50053);
    for prefix in 0..PREFIXES {
        // one of them has it, or the other, or both, with the shorter path now here and now there
        if prefix % 3 != 1 {
            announce(50052, prefix, usize::from(prefix % 2));
        }
        if prefix % 3 != 0 {
            announce(50053, prefix, usize::from(prefix % 4 < 2) * 2);
        }
    }
    until("the router takes a route of its own", || {
        gobgp_at(50051, &format!("global rib add {OWN}")).is_some()
    });
    let all = usize::from(PREFIXES) + 1;
    until("the router has all", || router_says().len() == all);
    let mut round = 0;
    let mut agree = |what: &str| {
        let agrees = Cell::new(round);
        until(what, || {
            agrees.set(agrees.get() + 1);
            meter_says(&running, agrees.get()) == packets_of(&router_says())
        });
        round = agrees.get();
    };
    agree("all prefixes are whose the router says");
    assert_eq!(gauge("bmp_routers"), 1);

    for (port, prefix) in [(50052, 0), (50053, 1), (50052, 2), (50053, 5), (50052, 5)] {
        let told = format!("global rib del 100.64.{prefix}.0/24");
        assert!(gobgp_at(port, &told).is_some());
    }
    // from another AS than before
    announce(50053, 3, 0);
    announce(50052, 6, 3);
    until("the router has withdrawn", || {
        router_says().len() == all - 3
    });
    agree("what was withdrawn is nobody's, or the other neighbour's");

    let before = packets_of(&router_says());
    drop(router);
    until("the router has gone", || gauge("bmp_routers") == 0);
    assert_eq!(
        meter_says(&running, 500),
        before,
        "what it said is good for a while"
    );
    assert!(gobgp_at(50052, "global rib del 100.64.8.0/24").is_some());
    assert!(gobgp_at(50053, "global rib del 100.64.8.0/24").is_some());
    announce(50053, 9, 0);
    let _router = Speaker::start(&desk, "again", SHOWING_ALL, 50051);
    until("the router takes a route of its own again", || {
        gobgp_at(50051, &format!("global rib add {OWN}")).is_some()
    });
    until("the router has all again", || {
        router_says().len() == all - 4
    });
    agree("after a restart all prefixes are whose the router says");

    let outcome = |name: &str| {
        running
            .scrape()
            .sum("bmp_messages_total", &[("outcome", name)])
    };
    assert_eq!((outcome("malformed"), outcome("refused")), (0, 0));
    assert_eq!(gauge("rtp_lost_packets_total"), 0);
    assert_eq!(running.end("TERM"), Some(0));
}

#[test]
fn a_router_that_is_not_allowed_is_turned_away_counted_and_told_once() {
    let name = "a_router_that_is_not_allowed_is_turned_away_counted_and_told_once";
    netns::inside(name, &[], || {
        netns::ip("link set lo up");
        let desk = Desk::new();
        let text = "[capture]\ninterface = \"lo\"\n\
            [asn]\nsources = [{ bmp = \"127.0.0.1:11019\" }]\n\
            bmp_routers = [\"127.0.0.1\", \"127.0.1.0/24\"]\n";
        let file = desk.file("asnmeter.toml", text);
        let running = Running::start(&desk, "127.0.0.1:0", &["run", "--config", &file]);
        let station = "127.0.0.1:11019".parse().unwrap();
        let allowed = ["127.0.0.1", "127.0.1.7"].map(|from| connect(from, station, 1));
        for mut refused in connect("127.0.0.2", station, 3) {
            // closed, whatever it says
            let _ = refused.write_all(&message(2, 1, &[4]));
            assert!(matches!(refused.read(&mut [0; 1]), Ok(0) | Err(_)));
        }
        let gauge = |name: &str, labels: &[(&str, &str)]| running.scrape().sum(name, labels);
        until("the others are connected", || {
            gauge("bmp_routers", &[]) == 2
        });
        let by_address = [("reason", "address")];
        until("they are counted", || {
            gauge("bmp_refused_connections_total", &by_address) == 3
        });
        let log = running.log();
        let told = "refused: its address is not in asn.bmp_routers";
        assert_eq!(log.matches(told).count(), 1, "{log}");
        drop(allowed);
        assert_eq!(running.end("TERM"), Some(0));
    });
}

/// A router that signs what it sends (TCP-MD5) with a key, if it has one. Says whether the meter let it in,
/// and stays until its input ends.
const SIGNING: &str = r"
import socket, struct, sys
source, port, key = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
router = socket.socket()
router.bind((source, 0))
router.settimeout(3)
if key:
    meter = struct.pack('=HH4s', socket.AF_INET, 0, socket.inet_aton('127.0.0.1')).ljust(128, b'\0')
    router.setsockopt(6, 14, meter + struct.pack('=BBHi', 0, 0, len(key), 0) + key.ljust(80, b'\0'))
try:
    router.connect(('127.0.0.1', port))
    print('in', flush=True)
    sys.stdin.read()
except TimeoutError:
    print('out', flush=True)
";

/// Whether the meter lets a router in; it stays until the process is dropped.
fn sign(source: &str, port: u16, key: &str) -> (Speaker, bool) {
    let mut child = Command::new("python3")
        .args(["-c", SIGNING, source, &port.to_string(), key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 3];
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut said).unwrap();
    assert!([*b"in\n", *b"out"].contains(&said), "{said:?}");
    (Speaker(child), said == *b"in\n")
}

#[test]
fn a_router_with_a_key_has_to_sign_with_it() {
    netns::inside("a_router_with_a_key_has_to_sign_with_it", &[], || {
        netns::ip("link set lo up");
        let desk = Desk::new();
        let text = "[capture]\ninterface = \"lo\"\n[asn]\n\
            sources = [{ bmp = \"127.0.0.1:11019\" }, { bmp = \"[::]:11020\" }]\n\
            bmp_keys = [{ routers = \"127.0.0.2\", file = \"two.key\" }, \
                        { routers = \"127.0.1.0/24\", file = \"more.key\" }]\n";
        let file = desk.file("asnmeter.toml", text);
        desk.file("two.key", "of two\n");
        desk.file("more.key", "of more");
        let checked = Command::new(support::program::PROGRAM)
            .args(["config", "check", &file])
            .status()
            .unwrap();
        assert!(checked.success());
        let running = Running::start(&desk, "127.0.0.1:0", &["run", "--config", &file]);
        // The second listens to IPv4 too, in mapped addresses.
        for port in [11019, 11020] {
            let right = [
                sign("127.0.0.2", port, "of two"),
                sign("127.0.1.9", port, "of more"),
                sign("127.0.0.3", port, ""),
            ];
            assert_eq!([true; 3], right.each_ref().map(|(_, is_in)| *is_in));
            let routers = || running.scrape().sum("bmp_routers", &[]);
            until("they are connected", || routers() == 3);
            let wrong = std::thread::scope(|scope| {
                let tries = [
                    ("127.0.0.2", "of more"),
                    ("127.0.0.2", ""),
                    ("127.0.1.1", "of two"),
                    ("127.0.0.3", "of two"),
                ];
                tries
                    .map(|(source, key)| scope.spawn(move || sign(source, port, key).1))
                    .map(|tried| tried.join().unwrap())
            });
            assert_eq!(wrong, [false; 4]);
            assert_eq!(routers(), 3);
            drop(right);
            until("all have gone", || routers() == 0);
        }
        assert_eq!(running.end("TERM"), Some(0));
    });
}
