//! Attacks on a running meter, made for real, each in a network namespace of its own: what it promises
//! under them (docs/ATTACKS.md has the table, with the tests that stand elsewhere).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use asnmeter::clock;
use asnmeter::units::NANOS_PER_SECOND;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;
use support::START;
use support::cgroup::{Cgroup, Limited};
use support::desk::Desk;
use support::frames::Media;
use support::netns;
use support::program::{PROGRAM, asnmeter, assert_verifies, outcome};
use support::running::{Running, until};
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
        // it answers only once it listens for routers
        running.scrape();
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

/// A daemon on one end of a pair of interfaces, with these lines more.
fn start_on_pair(desk: &Desk, more: &str) -> Running {
    netns::ip("link set lo up");
    netns::pair();
    let text = format!("[capture]\ninterface = \"tap0\"\nring_mib = 1\n{more}");
    let file = desk.file("asnmeter.toml", text);
    Running::start(desk, "127.0.0.1:0", &["run", "--config", &file])
}

/// Waits for a line of the log and gives it.
fn line(running: &Running, part: &str) -> String {
    until(part, || running.log().contains(part));
    let log = running.log();
    let line = log.lines().find(|line| line.contains(part));
    line.unwrap().to_owned()
}

#[test]
fn a_hundred_thousand_dropped_frames_leave_a_line_and_one_when_it_is_over() {
    let name = "a_hundred_thousand_dropped_frames_leave_a_line_and_one_when_it_is_over";
    netns::inside(name, &[], || {
        const SENT: u32 = 154_000;
        let desk = Desk::new();
        let running = start_on_pair(&desk, "");
        let judged = || running.scrape().sum("judged_second_timestamp_seconds", &[]);
        until("a second is judged", || judged() > 0);
        let mut far = netns::sender("far0");
        // nobody reads, and the ring has room for a thousand
        running.signal("STOP");
        for number in 0..SENT {
            netns::send(&mut far, &netns::numbered(number, 1000));
        }
        running.signal("CONT");
        line(
            &running,
            "warning: tap0: frames are dropped before the meter",
        );
        line(&running, "warning: seconds are not seen whole from");
        let end = line(&running, "info: tap0: no frames are dropped any more; ");
        let (_, end) = end.split_once("more; ").unwrap();
        let told: u64 = end.split(' ').next().unwrap().parse().unwrap();
        assert!(told > 100_000, "{told}");
        let counted = running.scrape().sum("capture_dropped_frames_total", &[]);
        assert_eq!(told, counted);
        line(&running, "info: seconds are seen whole again; ");
        assert_eq!(running.log().matches("frames are dropped").count(), 2);
        assert_eq!(running.end("TERM"), Some(0));
    });
}

#[test]
fn an_interface_that_goes_and_comes_back_is_told_with_both_ends() {
    let name = "an_interface_that_goes_and_comes_back_is_told_with_both_ends";
    netns::inside(name, &[], || {
        let desk = Desk::new();
        let running = start_on_pair(&desk, "");
        let judged = || running.scrape().sum("judged_second_timestamp_seconds", &[]);
        until("a second is judged", || judged() > 0);
        netns::ip("link set tap0 down");
        line(&running, "warning: tap0: gone or down in ");
        netns::ip("link set tap0 up");
        line(&running, "info: tap0: back; nothing was seen of it ");
        assert_eq!(running.end("TERM"), Some(0));
    });
}

/// Sends the packets of calls with these numbers, in real time.
fn send_calls(calls: &[Media], numbers: std::ops::Range<u32>) {
    let mut far = netns::sender("far0");
    let begin = clock::uptime();
    for (sent, number) in (1..).zip(numbers) {
        for call in calls {
            netns::send(&mut far, &call.packet(number));
        }
        let due = begin + Duration::from_millis(20) * sent;
        clock::wait(due.saturating_sub(clock::uptime()));
    }
}

/// More streams than there is room for: one line when the table refuses, one when it no longer does, and
/// gauges of both; none of the ASN's seconds is `met` from then on.
#[test]
fn a_full_table_of_streams_is_told_and_no_verdict_is_met() {
    let name = "a_full_table_of_streams_is_told_and_no_verdict_is_met";
    netns::inside(name, &[], || {
        let desk = Desk::new();
        desk.file("far.tsv", "203.0.113.0/24\t64500\tFar\n");
        let running = start_on_pair(
            &desk,
            "[voice]\nmax_streams = 4\n\
             [asn]\nsources = [{ prefixes = \"far.tsv\" }]\nlocal_prefixes = [\"198.51.100.0/24\"]\n\
             [[commitment]]\nname = \"clause\"\ncommitted_rate = \"100 Mbps\"\nwindow = \"2s\"\n\
             guarantee = { loss = \"0.5%\" }\n",
        );
        let calls: Vec<Media> = (1..=12)
            .map(|place| {
                let src = format!("203.0.113.{place}:10000");
                Media::g711(&src, &format!("198.51.100.{place}:10000"), place)
            })
            .collect();
        send_calls(&calls, 0..250);
        let full = line(&running, "warning: streams: no room in ");
        assert!(full.contains("indeterminate"), "{full}");
        let scrape = running.scrape();
        let streams = [("table", "streams")];
        assert_eq!(scrape.sum("table_entries", &streams), 4);
        assert_eq!(scrape.sum("table_limit", &streams), 4);
        assert!(scrape.sum("table_refused_total", &streams) >= 8);
        let seconds = |verdict| {
            let labels = [("verdict", verdict), ("guarantee", "loss")];
            scrape.sum("commitment_asn_verdict_seconds_total", &labels)
        };
        assert!(seconds("indeterminate") >= 3 && seconds("missed") == 0);
        line(&running, "info: streams: has room again; ");
        assert_eq!(running.end("TERM"), Some(0));
    });
}

/// So many networks that each call once, and room for a few of them.
const NETWORKS: u32 = 40;

/// Their prefixes, and the lines of a configuration with room for eight.
fn networks(desk: &Desk) -> &'static str {
    let lines =
        (1..=NETWORKS).map(|place| format!("203.0.{place}.0/24\t{}\tFar\n", 64_500 + place));
    desk.file("far.tsv", lines.collect::<String>());
    "[voice]\nmax_asns = 8\n\
     [asn]\nsources = [{ prefixes = \"far.tsv\" }]\nlocal_prefixes = [\"198.51.100.0/24\"]\n\
     [[commitment]]\nname = \"clause\"\ncommitted_rate = \"100 Mbps\"\nwindow = \"2s\"\n\
     guarantee = { loss = \"0.5%\" }\n"
}

fn call(place: u32) -> Media {
    let (src, dst) = (
        format!("203.0.{place}.1:10000"),
        format!("198.51.100.{place}:10000"),
    );
    Media::g711(&src, &dst, place)
}

/// A call of each of the first networks.
fn calls(networks: u32) -> Vec<Media> {
    (1..=networks).map(call).collect()
}

/// More ASNs than there is room for: no octet of them is lost, none of those refused is `met` while it was,
/// the ledger holds, and any number of workers says the same.
#[test]
fn a_flood_of_asns_is_doubt_about_those_it_brings_and_the_same_on_any_number_of_workers() {
    let desk = Desk::new();
    let file = desk.file("asnmeter.toml", networks(&desk));
    let begin = START * NANOS_PER_SECOND;
    let mut shots = Vec::new();
    for place in 1..=NETWORKS {
        // those that come first have room: the others come three seconds later
        let later = if place <= 8 { 0 } else { 3_000_000_000 };
        let packets = if place <= 8 { 500 } else { 200 };
        let times = (0..packets).map(|packet| begin + later + packet * 20_000_000);
        shots.extend(call(place).shots(times));
    }
    shots.sort();
    let capture = desk.capture("flood.pcap", &shots);
    let mut all = Vec::new();
    for workers in ["1", "2", "4"] {
        let (seconds, ledger) = (
            desk.name(&format!("seconds{workers}")),
            desk.name(&format!("ledger{workers}")),
        );
        let outcome = asnmeter([
            "replay",
            &capture,
            "--config",
            &file,
            "--workers",
            workers,
            "--format",
            "json",
            "--seconds",
            &seconds,
            "--evidence",
            &ledger,
        ]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert!(
            outcome.stderr.contains("voice.max_asns"),
            "{}",
            outcome.stderr
        );
        assert_verifies(&ledger);
        let seconds = std::fs::read_to_string(&seconds).unwrap();
        let leaves = asnmeter(["evidence", "show", &ledger]).stdout;
        all.push((outcome.stdout, seconds, leaves));
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
    let seconds: Vec<serde_json::Value> = all[0]
        .1
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (mut met, mut refused, mut octets) = (0, 0, 0);
    for line in &seconds {
        if line["direction"] != "from" {
            continue;
        }
        octets += line["bytes"].as_u64().unwrap();
        let verdict = line["loss"].as_str();
        if line["asn"].as_u64().unwrap() <= 64_508 {
            assert!(verdict.is_none() || verdict == Some("met") || line["seen_whole"] == false);
            met += u64::from(verdict == Some("met"));
        } else {
            assert_eq!(verdict, Some("indeterminate"), "{line}");
            refused += 1;
        }
    }
    assert!(met >= 8 * 7, "{met}");
    assert!(refused >= 32 * 4, "{refused}");
    assert_eq!(octets, u64::from(8 * 500_u32 + 32 * 200) * 200);
}

/// The same live: one line when the table refuses, one when it no longer does.
#[test]
fn a_full_table_of_asns_is_told_and_no_verdict_of_those_refused_is_met() {
    let name = "a_full_table_of_asns_is_told_and_no_verdict_of_those_refused_is_met";
    netns::inside(name, &[], || {
        let desk = Desk::new();
        let lines = networks(&desk);
        let running = start_on_pair(&desk, lines);
        send_calls(&calls(NETWORKS), 0..150);
        let full = line(&running, "warning: asns: no room in ");
        assert!(full.contains("indeterminate"), "{full}");
        let scrape = running.scrape();
        let asns = [("table", "asns")];
        assert_eq!(scrape.sum("table_entries", &asns), 8);
        assert_eq!(scrape.sum("table_limit", &asns), 8);
        assert!(scrape.sum("table_refused_total", &asns) >= 32);
        let sent = [("direction", "from"), ("class", "rtp")];
        let packets = 150 * u64::from(NETWORKS);
        let counted = |name| running.scrape().sum(name, &sent);
        until("all is counted", || {
            counted("voice_packets_total") == packets
        });
        assert_eq!(counted("voice_bytes_total"), 200 * packets);
        line(&running, "info: asns: has room again; ");
        assert_eq!(running.end("TERM"), Some(0));
    });
}

/// With room for 40 files, of which another client's half requests would take more.
#[test]
fn without_descriptors_left_who_has_waited_longest_gives_way_and_others_are_answered() {
    let name = "without_descriptors_left_who_has_waited_longest_gives_way_and_others_are_answered";
    netns::inside(name, &[], || {
        netns::ip("link set lo up");
        let desk = Desk::new();
        let file = desk.file("asnmeter.toml", "[capture]\ninterface = \"lo\"\n");
        let ledger = desk.name("ledger");
        let evidence = ["--evidence", &ledger];
        let program = ["--nofile=40", PROGRAM, "run", "--config", &file];
        let program = [&program[..], &evidence].concat();
        let running = Running::start_program(&desk, "prlimit", "127.0.0.1:0", &program);
        let held = connect("127.0.0.2", running.address().parse().unwrap(), 60);
        for _ in 0..10 {
            assert!(curl(&running, "/metrics", &[]).ends_with("200"));
        }
        let displaced = [("reason", "displaced")];
        until("who gave way is counted", || {
            running.scrape().sum("http_refused_total", &displaced) >= 20
        });
        drop(held);
        assert_eq!(running.end("TERM"), Some(0));
        assert_verifies(&ledger);
    });
}

/// A configuration that keeps a ledger, and what to start the program with.
fn keeping(desk: &Desk) -> [String; 5] {
    let lines = networks(desk);
    let file = desk.file(
        "asnmeter.toml",
        format!("[capture]\ninterface = \"tap0\"\n{lines}"),
    );
    let ledger = desk.name("ledger");
    ["run", "--config", &file, "--evidence", &ledger].map(str::to_owned)
}

/// Lines that wait to be sealed.
fn open_lines(desk: &Desk) -> Vec<String> {
    let names = std::fs::read_dir(desk.path("ledger"))
        .into_iter()
        .flatten()
        .flatten();
    let open = names.filter(|entry| entry.file_name().to_string_lossy().starts_with("open-"));
    let texts: String = open
        .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
        .collect();
    texts.lines().map(str::to_owned).collect()
}

/// Waits for some seconds in the minute that is not sealed; its lines.
fn written_lines(desk: &Desk) -> Vec<String> {
    let lines = RefCell::default();
    until("some seconds are in the ledger", || {
        lines.replace(open_lines(desk));
        lines.borrow().len() >= 4
    });
    lines.into_inner()
}

/// Goes on with the ledger without a limit, and ends: whatever was written before is in it, and it holds.
fn goes_on_and_holds(desk: &Desk, arguments: &[&str], written: &[String]) {
    let running = Running::start(desk, "127.0.0.1:0", arguments);
    until("it is ready", || running.get("/-/ready").0 == 200);
    assert_eq!(running.end("TERM"), Some(0), "{}", running.log());
    let ledger = desk.name("ledger");
    assert_verifies(&ledger);
    let shown = asnmeter(["evidence", "show", &ledger]).stdout;
    for line in written {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
}

/// A flood of strangers takes memory, and the kernel ends the meter for it (`MemoryMax=`).
#[test]
fn out_of_memory_costs_no_line_that_was_written() {
    let name = "out_of_memory_costs_no_line_that_was_written";
    netns::inside(name, &[], || {
        netns::ip("link set lo up");
        netns::pair();
        let desk = Desk::new();
        let arguments = keeping(&desk);
        let arguments = arguments.each_ref().map(String::as_str);
        let running = Running::start(&desk, "127.0.0.1:0", &arguments);
        let group = Cgroup::around(running.id(), Limited::Memory);
        send_calls(&calls(8), 0..100);
        let written = written_lines(&desk);
        if let Some(group) = &group {
            group.set_limit(group.usage() + (1 << 20));
        } else {
            // what it has, and no page more
            let id = running.id().to_string();
            let limited = Command::new("prlimit")
                .args(["--as=1", "--pid", &id])
                .status();
            assert!(limited.unwrap().success());
        }
        let mut far = netns::sender("far0");
        for stranger in 0..200_000 {
            if stranger % 100 == 0 && running.has_ended() {
                break;
            }
            let src = format!(
                "203.0.{}.{}:{}",
                stranger % 200,
                1 + stranger / 200 % 200,
                2000 + stranger / 40
            );
            let packet = Media::g711(&src, "198.51.100.77:4000", stranger).packet(0);
            netns::send(&mut far, &packet);
        }
        until("it has no memory left", || running.has_ended());
        drop(running);
        goes_on_and_holds(&desk, &arguments, &written);
    });
}

/// No thread more may be started (`TasksMax=`): a reload is refused, a request waits for the thread that is there.
#[test]
fn without_room_for_a_thread_a_reload_is_refused_and_it_answers_and_its_ledger_holds() {
    let name = "without_room_for_a_thread_a_reload_is_refused_and_it_answers_and_its_ledger_holds";
    netns::inside(name, &[], || {
        netns::ip("link set lo up");
        netns::pair();
        let desk = Desk::new();
        let arguments = keeping(&desk);
        let arguments = arguments.each_ref().map(String::as_str);
        let running = Running::start(&desk, "127.0.0.1:0", &arguments);
        let Some(group) = Cgroup::around(running.id(), Limited::Tasks) else {
            eprintln!("left out: no control group can be made here");
            assert_eq!(running.end("TERM"), Some(0));
            return;
        };
        let threads = || of_threads(&running, "Pid:").len() as u64;
        until("it is ready", || running.get("/-/ready").0 == 200);
        until("all threads are there", || group.usage() == threads());
        group.set_limit(group.usage());
        send_calls(&calls(8), 0..100);
        let written = written_lines(&desk);
        // longer than an idle thread lives where nobody keeps it
        clock::wait(Duration::from_secs(11));
        group.set_limit(group.usage());
        running.signal("HUP");
        line(&running, "starting a thread that reads");
        let succeeded = || running.scrape().sum("config_last_reload_successful", &[]);
        assert_eq!(succeeded(), 0);
        for path in ["/metrics", "/api/v1/asns", "/evidence/ledger.json"] {
            assert_eq!(running.get(path).0, 200, "{path}");
        }
        group.set_limit(group.usage() + 8);
        running.signal("HUP");
        until("it reloads", || succeeded() == 1);
        assert_eq!(running.end("TERM"), Some(0), "{}", running.log());
        drop(running);
        goes_on_and_holds(&desk, &arguments, &written);
    });
}

/// A field of the status of each thread (proc_pid_status(5)), each value once.
fn of_threads(running: &Running, field: &str) -> BTreeSet<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", running.id())).unwrap();
    let value = |task: std::io::Result<std::fs::DirEntry>| {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    tasks.map(value).collect()
}

/// CAP_DAC_OVERRIDE is number 1, CAP_NET_BIND_SERVICE 10, CAP_NET_RAW 13 (capabilities(7)).
#[test]
fn started_as_root_every_thread_has_only_what_capturing_and_listening_need() {
    let name = "started_as_root_every_thread_has_only_what_capturing_and_listening_need";
    netns::inside(name, &[], || {
        let desk = Desk::new();
        let running = start_on_pair(&desk, "");
        for field in ["CapEff:", "CapPrm:", "CapBnd:"] {
            let only = BTreeSet::from(["0000000000002402".to_owned()]);
            assert_eq!(of_threads(&running, field), only, "{field}");
        }
        let set = BTreeSet::from(["1".to_owned()]);
        assert_eq!(of_threads(&running, "NoNewPrivs:"), set);
        line(
            &running,
            "keeps CAP_DAC_OVERRIDE, CAP_NET_BIND_SERVICE, CAP_NET_RAW and",
        );
        assert_eq!(running.end("TERM"), Some(0));
    });
}

#[test]
fn as_another_user_it_opens_an_interface_again_that_comes_back() {
    let name = "as_another_user_it_opens_an_interface_again_that_comes_back";
    netns::inside(name, &[], || {
        netns::ip("link set lo up");
        netns::pair();
        let desk = Desk::new();
        std::fs::set_permissions(desk.path(""), Permissions::from_mode(0o755)).unwrap();
        let file = desk.file("asnmeter.toml", "[capture]\ninterface = \"tap0\"\n");
        let arguments = ["run", "--config", &file, "--user", "nobody"];
        let has_users = std::fs::read_to_string("/proc/self/uid_map").unwrap();
        if has_users.split_whitespace().nth(2) == Some("1") {
            // a namespace with one user: nobody cannot be become, and that is said
            let refused = asnmeter(arguments);
            assert_eq!(refused.code, Some(1));
            assert!(
                refused.stderr.contains("giving up groups: "),
                "{}",
                refused.stderr
            );
            return;
        }
        let running = Running::start(&desk, "127.0.0.1:0", &arguments);
        let only = BTreeSet::from(["0000000000002400".to_owned()]);
        assert_eq!(of_threads(&running, "CapEff:"), only);
        assert!(!of_threads(&running, "Uid:").contains("0"));
        netns::ip("link del tap0");
        line(&running, "warning: tap0: gone or down in ");
        netns::pair();
        line(&running, "info: tap0: back; nothing was seen of it ");
        let frames = || running.scrape().sum("capture_frames_total", &[]);
        let before = frames();
        let mut far = netns::sender("far0");
        netns::send(&mut far, &netns::numbered(1, 100));
        until("it captures again", || frames() > before);
        assert_eq!(running.end("TERM"), Some(0));
    });
}

#[test]
fn a_user_that_is_none_and_a_key_that_everybody_may_read_are_told() {
    let name = "a_user_that_is_none_and_a_key_that_everybody_may_read_are_told";
    netns::inside(name, &[], || {
        let desk = Desk::new();
        let hash = bcrypt::hash("open sesame", 4).unwrap();
        let web = desk.file("web.yml", format!("basic_auth_users:\n  a: '{hash}'\n"));
        std::fs::set_permissions(&web, Permissions::from_mode(0o644)).unwrap();
        let running = start(&desk, "[web]\nconfig_file = \"web.yml\"\n");
        line(
            &running,
            "web.yml: mode 0644: others than its owner may read the key",
        );
        let file = desk.name("asnmeter.toml");
        let refused = asnmeter(["run", "--config", &file, "--user", "no such user"]);
        assert_eq!(refused.code, Some(1));
        let says = "--user: \"no such user\" is no user in /etc/passwd, or is root";
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
        std::fs::set_permissions(&web, Permissions::from_mode(0o640)).unwrap();
        let checked = asnmeter(["config", "check", &file]);
        assert!(!checked.stderr.contains("web.yml"), "{}", checked.stderr);
        assert_eq!(running.end("TERM"), Some(0));
    });
}

/// A login that fails is told once, and once more when no more fails: not in this test, which does not
/// wait for a minute; `app::endpoint` has that in its own.
#[test]
fn a_wrong_password_is_told_once_with_its_client() {
    let name = "a_wrong_password_is_told_once_with_its_client";
    netns::inside(name, &[], || {
        let desk = Desk::new();
        let hash = bcrypt::hash("open sesame", 4).unwrap();
        desk.file("web.yml", format!("basic_auth_users:\n  a: '{hash}'\n"));
        let running = start(&desk, "[web]\nconfig_file = \"web.yml\"\n");
        for _ in 0..20 {
            assert!(curl(&running, "/metrics", &["--user", "a:guess"]).ends_with("401"));
        }
        // not a wrong one: a browser asks without first
        assert!(curl(&running, "/metrics", &[]).ends_with("401"));
        let told = "warning: web: 127.0.0.1 gave a wrong name or password";
        line(&running, told);
        assert_eq!(running.log().matches(told).count(), 1);
        assert_eq!(running.end("TERM"), Some(0));
    });
}
