//! The program as a process that goes on: started, asked over HTTP, signalled, ended. It does not
//! outlive the test.

use crate::support::desk::Desk;
use crate::support::program::PROGRAM;
use asnmeter::clock;
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(40);

/// Longest that an end may take (systemd's patience is 90 s; nobody else's is).
const FAREWELL: Duration = Duration::from_secs(3);

/// Waits until something is so; fails if it takes too long.
pub(crate) fn until(what: &str, so: impl Fn() -> bool) {
    let end = clock::uptime() + PATIENCE;
    while !so() {
        assert!(clock::uptime() < end, "not after {PATIENCE:?}: {what}");
        clock::wait(Duration::from_millis(50));
    }
}

/// A daemon, or a demo.
pub(crate) struct Running {
    child: Mutex<Child>,
    log: PathBuf,
    address: String,
}

impl Running {
    /// Starts it; port 0 is any that is free. Its log lies on the desk.
    pub(crate) fn start(desk: &Desk, address: &str, arguments: &[&str]) -> Self {
        Self::start_program(desk, PROGRAM, address, arguments)
    }

    /// The same by another program that becomes it.
    pub(crate) fn start_program(
        desk: &Desk,
        program: &str,
        address: &str,
        arguments: &[&str],
    ) -> Self {
        let log = desk.path("log");
        let child = Command::new(program)
            .args(arguments)
            .args(["--web.listen-address", address])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut running = Self {
            child: Mutex::new(child),
            log,
            address: address.to_owned(),
        };
        until("it says where it listens", || {
            // the line may come in pieces
            let log = running.log();
            log.split_once("://")
                .is_some_and(|(_, rest)| rest.contains('/'))
        });
        let log = running.log();
        let (_, rest) = log.split_once("://").unwrap();
        rest.split_once('/')
            .unwrap()
            .0
            .clone_into(&mut running.address);
        running
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Asks for a path: status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    pub(crate) fn scrape(&self) -> Scrape {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200);
        Scrape(text)
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.lock().unwrap().id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.child.lock().unwrap().try_wait().unwrap().is_some()
    }

    /// Sends a signal that ends it; the exit code.
    pub(crate) fn end(&self, signal: &str) -> Option<i32> {
        let told = clock::uptime();
        self.signal(signal);
        let mut child = self.child.lock().unwrap();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                clock::uptime() < told + FAREWELL,
                "still there {FAREWELL:?} after {signal}"
            );
            clock::wait(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        // Gone already where the test went well.
        let _ = child.kill();
        let _ = child.wait();
        if std::thread::panicking() {
            eprintln!(
                "log of the daemon:\n{}",
                std::fs::read_to_string(&self.log).unwrap()
            );
        }
    }
}

/// What `/metrics` said.
pub(crate) struct Scrape(String);

impl Scrape {
    /// The sum of a metric's series that have all of these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let name = format!("asnmeter_{name}");
        let mut sum = 0.0;
        for line in self.0.lines() {
            let Some(rest) = line.strip_prefix(&name) else {
                continue;
            };
            let Some((shown, value)) = rest.rsplit_once(' ') else {
                continue;
            };
            let is_series = shown.is_empty() || shown.starts_with('{');
            let has = |(key, value): &(&str, &str)| {
                let label = format!("{key}=\"{value}\"");
                shown
                    .trim_matches(['{', '}'])
                    .split(',')
                    .any(|one| one == label)
            };
            if is_series && labels.iter().all(has) {
                sum += value.parse::<f64>().unwrap();
            }
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts, far below 2^53"
        )]
        let sum = sum as u64;
        sum
    }
}
