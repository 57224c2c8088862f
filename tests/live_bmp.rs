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
