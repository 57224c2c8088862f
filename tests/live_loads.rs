//! Proves that nothing in place of a file stops the daemon: a FIFO is refused at the start, at a
//! reload and when it takes the place of a table, and a file system that answers no more (FUSE
//! without its server, as a hung NFS) keeps it from neither answering nor ending.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use support::desk::Desk;
use support::netns;
use support::program::{PROGRAM, asnmeter, outcome};
use support::running::{Running, until};

const LIST: &str = "203.0.113.0/24\t64500\n";

fn configuration(source: &str) -> String {
    format!("[capture]\ninterface = \"lo\"\n[asn]\nsources = [{{ {source} }}]\n")
}

fn fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

/// Runs a command that has to end by itself: exit code and what it said.
fn ended(command: &mut Command) -> (Option<i32>, String) {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = Bound(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut said = child.0.stderr.take().unwrap();
    let child = RefCell::new(child);
    until("it has ended", || {
        child.borrow_mut().0.try_wait().unwrap().is_some()
    });
    let (mut text, status) = (String::new(), child.borrow_mut().0.wait().unwrap());
    said.read_to_string(&mut text).unwrap();
    (status.code(), text)
}

#[test]
fn a_fifo_in_place_of_any_file_is_refused_at_the_start() {
    let desk = Desk::new();
    fifo(&desk.path("fifo"));
    desk.file("list.tsv", LIST);
    let web = desk.file(
        "web.yml",
        "tls_server_config:\n  cert_file: fifo\n  key_file: fifo\n",
    );
    let good = desk.file("good.toml", configuration("prefixes = \"list.tsv\""));
    let fifo = desk.name("fifo");
    let mut attempts = vec![
        vec!["run", "--config", &fifo],
        vec!["run", "--config", &good, "--web.config.file", &fifo],
        vec!["run", "--config", &good, "--web.config.file", &web],
        vec!["config", "check", &fifo],
        vec!["asn", "info", "--config", &fifo],
    ];
    let kinds = ["prefixes", "mmdb", "location", "mrt"];
    let configs = kinds.map(|kind| {
        let text = configuration(&format!("{kind} = \"fifo\""));
        desk.file(&format!("{kind}.toml"), text)
    });
    for config in &configs {
        attempts.push(vec!["run", "--config", config]);
        attempts.push(vec!["config", "check", config]);
    }
    for arguments in attempts {
        let (code, said) = ended(Command::new(PROGRAM).args(&arguments));
        assert_eq!(code, Some(78), "{arguments:?}: {said}");
        let reason = format!("{fifo}: is a FIFO, not a regular file\n");
        assert!(said.ends_with(&reason), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_fifo_in_the_cache_is_no_cache() {
    let desk = Desk::new();
    desk.file("list.tsv", LIST);
    let text = configuration("prefixes = \"list.tsv\"") + "cache = \"cache\"\n";
    let config = desk.file("asnmeter.toml", text);
    let check = || ended(Command::new(PROGRAM).args(["config", "check", &config]));
    assert_eq!(check(), (Some(0), String::new()));
    let kept: Vec<_> = fs::read_dir(desk.path("cache")).unwrap().collect();
    let [kept] = &kept[..] else {
        panic!("{kept:?}")
    };
    let kept = kept.as_ref().unwrap().path();
    fs::remove_file(&kept).unwrap();
    fifo(&kept);
    assert_eq!(check(), (Some(0), String::new()));
    assert!(kept.metadata().unwrap().is_file(), "kept again");
}

/// A capture may come through a pipe as before.
#[test]
fn a_capture_still_comes_through_a_fifo() {
    let desk = Desk::new();
    desk.capture("calls.pcap", &[]);
    fifo(&desk.path("fifo"));
    let (from, to) = (desk.path("calls.pcap"), desk.path("fifo"));
    let writing = std::thread::spawn(move || fs::copy(from, to).unwrap());
    let mut replay = Command::new(PROGRAM);
    replay.args(["replay", "--format", "json", &desk.name("fifo")]);
    let replayed = outcome(&mut replay);
    assert_eq!(replayed.code, Some(0), "{}", replayed.stderr);
    assert!(writing.join().unwrap() > 0);
}

#[test]
fn a_fifo_in_place_of_a_table_is_refused_while_the_daemon_runs_and_sigterm_is_heard() {
    netns::inside(
        "a_fifo_in_place_of_a_table_is_refused_while_the_daemon_runs_and_sigterm_is_heard",
        &[],
        fifo_while_running,
    );
}

fn fifo_while_running() {
    netns::ip("link set lo up");
    let desk = Desk::new();
    desk.file("list.tsv", LIST);
    let config = desk.file("asnmeter.toml", configuration("prefixes = \"list.tsv\""));
    let running = Running::start(&desk, "127.0.0.1:0", &["run", "--config", &config]);
    let gauge = |name: &str| running.scrape().sum(name, &[]);
    let refused = "list.tsv: is a FIFO, not a regular file";
    fs::remove_file(desk.path("list.tsv")).unwrap();
    fifo(&desk.path("list.tsv"));
    running.signal("HUP");
    until("the reload is refused", || {
        gauge("config_last_reload_successful") == 0
    });
    assert!(
        running.log().contains(&format!("{refused}\n")),
        "{}",
        running.log()
    );
    assert_eq!(gauge("asn_table_failures_total"), 1);

    until("the change is refused", || {
        gauge("asn_table_failures_total") == 2
    });
    let stays = format!("{refused}; the old table stays\n");
    assert!(running.log().contains(&stays), "{}", running.log());
    assert_eq!(gauge("asn_table_prefixes"), 1);

    fs::remove_file(desk.path("list.tsv")).unwrap();
    desk.file("list.tsv", format!("{LIST}192.0.2.0/24\t64501\n"));
    until("a file is taken again", || gauge("asn_table_prefixes") == 2);
    running.signal("HUP");
    until("the reload is taken", || {
        gauge("config_last_reload_successful") == 1
    });

    fs::remove_file(desk.path("asnmeter.toml")).unwrap();
    fifo(&desk.path("asnmeter.toml"));
    running.signal("HUP");
    until("a FIFO for a configuration is refused", || {
        gauge("config_last_reload_successful") == 0
    });
    assert_eq!(running.end("TERM"), Some(0));
}

#[test]
fn what_the_start_did_not_name_is_not_read_at_a_reload_and_the_log_says_why() {
    netns::inside(
        "what_the_start_did_not_name_is_not_read_at_a_reload_and_the_log_says_why",
        &[],
        confined,
    );
}

fn confined() {
    netns::ip("link set lo up");
    let (desk, elsewhere) = (Desk::new(), Desk::new());
    desk.file("list.tsv", LIST);
    let outside = elsewhere.file("list.tsv", LIST);
    let config = desk.file("asnmeter.toml", configuration("prefixes = \"list.tsv\""));
    let ledger = desk.name("ledger");
    let arguments = ["run", "--config", &config, "--evidence", &ledger];
    let running = Running::start(&desk, "127.0.0.1:0", &arguments);
    let gauge = |name: &str| running.scrape().sum(name, &[]);
    assert_eq!(gauge("confined"), 1, "{}", running.log());

    desk.file(
        "asnmeter.toml",
        configuration(&format!("prefixes = {outside:?}")),
    );
    running.signal("HUP");
    until("the reload is refused", || {
        gauge("config_last_reload_successful") == 0
    });
    let log = running.log();
    assert!(
        log.contains(&format!("{outside}: Permission denied")),
        "{log}"
    );
    assert!(
        log.contains("a file elsewhere, or a link to one, takes a restart"),
        "{log}"
    );

    desk.file("new.tsv", format!("{LIST}192.0.2.0/24\t64501\n"));
    desk.file("asnmeter.toml", configuration("prefixes = \"new.tsv\""));
    running.signal("HUP");
    until("a new file beside those of the start is read", || {
        gauge("config_last_reload_successful") == 1 && gauge("asn_table_prefixes") == 2
    });
    assert_eq!(gauge("evidence_failed"), 0);
    assert_eq!(running.end("TERM"), Some(0));
    let shown = asnmeter(["evidence", "show", &ledger]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("new.tsv"), "{}", shown.stdout);
}

/// A process that does not outlive the test.
struct Bound(Child);

impl Drop for Bound {
    fn drop(&mut self) {
        // gone already where the test went well
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Mounts a file system whose server never answers: whoever asks it for anything waits until the
/// server is gone.
fn hang(folder: &Path) -> Bound {
    // the server is who holds the device
    let serve = "exec 3<>/dev/fuse && mount -i -t fuse \
        -o fd=3,rootmode=40000,user_id=0,group_id=0 hung \"$1\" && echo mounted && exec sleep 90";
    let mut server = Command::new("sh")
        .args(["-c", serve, "hung"])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = server.stdout.take().unwrap();
    let server = Bound(server);
    let mut line = String::new();
    BufReader::new(said).read_line(&mut line).unwrap();
    assert_eq!(line, "mounted\n", "FUSE is needed for this test");
    server
}

#[test]
fn a_file_system_that_answers_no_more_keeps_the_daemon_from_nothing() {
    netns::inside(
        "a_file_system_that_answers_no_more_keeps_the_daemon_from_nothing",
        &["unshare", "--mount", "--"],
        hung,
    );
}

fn hung() {
    netns::ip("link set lo up");
    let desk = Desk::new();
    desk.file("list.tsv", LIST);
    fs::create_dir(desk.path("far")).unwrap();
    let _far = hang(&desk.path("far"));
    let near = configuration("prefixes = \"list.tsv\"");
    let far = configuration("prefixes = \"far/list.tsv\"");

    // at the start, before there is an endpoint
    let config = desk.file("far.toml", &far);
    let mut starting = Command::new(PROGRAM);
    starting.args(["run", "--config", &config]);
    let starting = RefCell::new(Bound(starting.spawn().unwrap()));
    let id = starting.borrow().0.id().to_string();
    until("it waits for its table", || {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let threads = status
            .lines()
            .find_map(|line| line.strip_prefix("Threads:"));
        threads.unwrap().trim() == "2"
    });
    let told = Command::new("kill").args(["-s", "TERM", &id]).status();
    assert!(told.unwrap().success());
    until("it has heard SIGTERM", || {
        let code = starting.borrow_mut().0.try_wait().unwrap();
        code.is_some_and(|status| status.code() == Some(0))
    });

    // at a reload
    let config = desk.file("asnmeter.toml", &near);
    let running = Running::start(&desk, "127.0.0.1:0", &["run", "--config", &config]);
    let gauge = |name: &str| running.scrape().sum(name, &[]);
    let waits = || gauge("config_reload_began_timestamp_seconds") > 0;
    assert!(!waits());
    desk.file("asnmeter.toml", &far);
    running.signal("HUP");
    until("a reload waits", waits);
    assert_eq!(running.get("/-/healthy").0, 200);
    assert_eq!(
        gauge("config_last_reload_successful"),
        1,
        "it has not failed yet"
    );

    // the next reload takes its place
    let read = gauge("config_last_reload_success_timestamp_seconds");
    desk.file("asnmeter.toml", &near);
    running.signal("HUP");
    until("the next is taken", || !waits());
    assert_eq!(gauge("config_last_reload_successful"), 1);
    assert!(gauge("config_last_reload_success_timestamp_seconds") >= read);
    assert!(
        running
            .log()
            .contains("reloaded: 0 commitments, 1 prefix\n")
    );

    // threads that are left behind are bounded
    desk.file("asnmeter.toml", &far);
    let begun = || running.log().matches("info: reloading\n").count();
    // the second one of all is left behind already
    for number in 3..=9 {
        running.signal("HUP");
        until("a reload begins", || begun() == number);
        until("it waits", waits);
        assert_eq!(gauge("config_last_reload_successful"), 1);
    }
    running.signal("HUP");
    until("one more is refused", || {
        gauge("config_last_reload_successful") == 0
    });
    let refused = "8 earlier attempts still wait for their files";
    assert!(running.log().contains(refused), "{}", running.log());
    assert_eq!(running.get("/-/healthy").0, 200);
    assert_eq!(running.end("TERM"), Some(0));
}
