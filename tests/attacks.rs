//! Attacks on a running meter, made for real, each in a network namespace of its own: what it promises
//! under them (docs/ATTACKS.md has the table, with the tests that stand elsewhere).
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
#[allow(dead_code, reason = "other tests need other parts")]
mod running;

use running::{Running, until};
use std::process::Command;
use support::desk::Desk;
use support::program::outcome;
use support::sockets::connect;

/// A daemon on `lo` with these lines of configuration more.
fn start(desk: &Desk, more: &str) -> Running {
    netns::ip("link set lo up");
    let text = format!("[capture]\ninterface = \"lo\"\n{more}");
    let file = desk.file("asnmeter.toml", text);
    Running::start(desk, "127.0.0.1:0", &["run", "--config", &file])
}

/// Asks with curl; the status behind the body.
fn curl(running: &Running, path: &str, arguments: &[&str]) -> String {
    let url = format!("http://{}{path}", running.address());
    let mut command = Command::new("curl");
    command
        .args(["-s", "--max-time", "5", "-w", "%{http_code}"])
        .args(arguments)
        .arg(url);
    outcome(&mut command).stdout
}

#[test]
fn a_page_of_others_reads_nothing_by_dns_rebinding_and_prometheus_may_use_any_name() {
    let name = "a_page_of_others_reads_nothing_by_dns_rebinding_and_prometheus_may_use_any_name";
    netns::inside(name, &[], || {
        let desk = Desk::new();
        let running = start(&desk, "");
        let as_browser = ["-A", "Mozilla/5.0", "-H", "Accept-Language: en"];
        for path in ["/", "/metrics", "/api/v1/asns", "/api/v1/live"] {
            let rebound = [&as_browser[..], &["-H", "Host: rebound.example:10179"]].concat();
            let answer = curl(&running, path, &rebound);
            assert!(answer.ends_with("421"), "{path}: {answer}");
            assert!(!answer.contains("asnmeter_"), "{path}: {answer}");
        }
        for host in ["127.0.0.1", "localhost:10179", "meter", "meter.local"] {
            let host = format!("Host: {host}");
            let own = [&as_browser[..], &["-H", &host]].concat();
            assert!(curl(&running, "/metrics", &own).ends_with("200"), "{host}");
        }
        let scrape = [
            "-A",
            "Prometheus/3.1.0",
            "-H",
            "Host: meter.example.net:10179",
        ];
        assert!(curl(&running, "/metrics", &scrape).ends_with("200"));
        until("who was refused is counted", || {
            let by_host = [("reason", "host")];
            running.scrape().sum("http_refused_total", &by_host) == 4
        });
        let told = "127.0.0.1 asked for \"rebound.example\", which is none of the meter's names";
        assert_eq!(running.log().matches(told).count(), 1, "{}", running.log());
        assert_eq!(running.end("TERM"), Some(0));
    });
}

#[test]
fn names_that_the_configuration_lists_are_the_only_ones_for_everybody() {
    let name = "names_that_the_configuration_lists_are_the_only_ones_for_everybody";
    netns::inside(name, &[], || {
        let desk = Desk::new();
        let running = start(&desk, "[web]\nhosts = [\"meter.example.net\"]\n");
        let asked = |host: &str| curl(&running, "/-/healthy", &["-H", &format!("Host: {host}")]);
        assert!(asked("meter.example.net").ends_with("200"));
        assert!(asked("other.example.net").ends_with("421"));
        assert_eq!(running.end("TERM"), Some(0));
    });
}

#[test]
fn half_open_connections_of_one_address_take_no_place_of_a_router() {
    let name = "half_open_connections_of_one_address_take_no_place_of_a_router";
    netns::inside(name, &[], || {
        let desk = Desk::new();
        let running = start(&desk, "[asn]\nsources = [{ bmp = \"127.0.0.1:11019\" }]\n");
        let station = "127.0.0.1:11019".parse().unwrap();
        let held = connect("127.0.0.2", station, 300);
        let gauge = |name: &str, labels: &[(&str, &str)]| running.scrape().sum(name, labels);
        until("one address has its share", || {
            gauge("bmp_routers", &[]) == 8
        });
        let router = connect("127.0.0.1", station, 1);
        until("a router has its place", || gauge("bmp_routers", &[]) == 9);
        let by_share = [("reason", "share")];
        let counted = || gauge("bmp_refused_connections_total", &by_share) == 292;
        until("the others are counted", counted);
        let told = "refused: too many of its address";
        assert_eq!(running.log().matches(told).count(), 1, "{}", running.log());
        drop((held, router));
        assert_eq!(running.end("TERM"), Some(0));
    });
}
