//! Proves the BMP source with real routers: in a network of its own two `gobgpd` speak BGP with
//! each other, one of them sends what it hears to the daemon, and calls run from a prefix that the
//! other announces, announces in another way, and withdraws. The running calls are counted for, and
//! judged under, whoever announces their prefix at the time, and no packet is lost over it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

#[path = "netns/mod.rs"]
#[allow(dead_code, reason = "made for tests of sources")]
mod netns;

#[path = "daemon/running.rs"]
#[allow(dead_code, reason = "made for the daemon's own tests")]
mod running;

use asnmeter::clock;
use running::{Running, until};
use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::desk::Desk;
use support::frames::Media;

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
    let mut gobgp = Command::new("gobgp");
    let told = gobgp
        .args(["-p", "50052"])
        .args(arguments.split(' '))
        .output();
    told.expect("gobgp is needed for this test")
        .status
        .success()
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
        let loaded = "other.tsv: loaded, 1 prefixes";
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
