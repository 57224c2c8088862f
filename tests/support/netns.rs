//! A network of one's own for a test: a fresh network namespace with a pair of virtual Ethernet
//! interfaces. Needs Linux with veth, unshare (util-linux) and ip (iproute2); root, or a kernel
//! that lets users have namespaces.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use asnmeter::capture::{CaptureError, CaptureGap, Event, FrameSource};
use asnmeter::clock;
use asnmeter::frame::Offload;
use asnmeter::units::Timestamp;
use pnet::datalink::{self, Channel, DataLinkSender};
use std::process::Command;
use std::time::Duration;

/// Set in a process that already is inside.
const INSIDE: &str = "ASNMETER_TEST_INSIDE_NETNS";
/// Longest that any wait of a test takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `test` inside a fresh namespace: the test binary starts itself again in there, for this
/// test alone, through `wrapper` if one is given.
pub(crate) fn inside(name: &str, wrapper: &[&str], test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let unshare = |as_user: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.arg("--net").args(as_user).arg("--");
        unshare
    };
    let ways: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
    let way = ways
        .into_iter()
        .find(|way| {
            let outcome = unshare(way).arg("true").output();
            outcome.is_ok_and(|outcome| outcome.status.success())
        })
        .expect("neither root nor user namespaces: this test cannot run here");
    let outcome = unshare(way)
        .args(wrapper)
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = [outcome.stdout, outcome.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(outcome.status.success(), "{text}");
    assert!(text.contains("1 passed"), "no test named {name}: {text}");
}

pub(crate) fn ip(arguments: &str) {
    let outcome = Command::new("ip").args(arguments.split(' ')).output();
    let outcome = outcome.unwrap();
    let text = String::from_utf8_lossy(&outcome.stderr);
    assert!(outcome.status.success(), "ip {arguments}: {text}");
}

/// Makes `tap0`, where we capture, and `far0`, its other end; nobody speaks there unasked.
pub(crate) fn pair() {
    for scope in ["all", "default"] {
        let switch = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
        // Not there where the kernel has no IPv6: as good.
        let _ = std::fs::write(switch, "1");
    }
    ip("link add tap0 mtu 9000 type veth peer name far0 mtu 9000");
    ip("link set tap0 up");
    ip("link set far0 up");
    running();
}

/// Waits until both ends run: the kernel tells of a carrier a while after there is one, and
/// until then drops what is sent.
fn running() {
    let end = clock::uptime() + PATIENCE;
    let runs = |interface: &str| {
        let shown = Command::new("ip")
            .args(["-o", "link", "show", interface])
            .output();
        let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
        shown.contains("state UP") && !shown.contains("qdisc noop ")
    };
    while !(runs("tap0") && runs("far0")) {
        assert!(clock::uptime() < end, "the pair does not come up");
    }
}

pub(crate) fn sender(interface: &str) -> Box<dyn DataLinkSender> {
    let interface = datalink::interfaces()
        .into_iter()
        .find(|found| found.name == interface)
        .unwrap();
    let config = datalink::Config {
        write_buffer_size: 16_384,
        ..datalink::Config::default()
    };
    match datalink::channel(&interface, config) {
        Ok(Channel::Ethernet(sender, _)) => sender,
        Ok(_) => panic!("pnet gave another channel"),
        Err(error) => panic!("{error}"),
    }
}

/// An Ethernet frame of the type for local experiments (IEEE 802), with a number in it.
pub(crate) fn numbered(number: u32, length: usize) -> Vec<u8> {
    let mut frame = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5];
    frame.extend(number.to_be_bytes());
    frame.resize(length, 0x5a);
    frame
}

pub(crate) fn send(sender: &mut Box<dyn DataLinkSender>, frame: &[u8]) {
    sender.send_to(frame, None).unwrap().unwrap();
}

/// A frame that owns its octets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) time: Timestamp,
    pub(crate) octets: Vec<u8>,
    pub(crate) length: u32,
    pub(crate) vlan: Option<u16>,
    pub(crate) offload: Offload,
}

/// All that a source told, in order of its kind.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) frames: Vec<Seen>,
    pub(crate) unseen: Vec<CaptureGap>,
    pub(crate) names: Vec<String>,
    /// Frames that the filter did not know.
    pub(crate) unknown: u64,
    pub(crate) idle: Option<Timestamp>,
    pub(crate) ended: bool,
    pub(crate) events: usize,
}

impl Told {
    /// Takes one event; no frame may be older than an idle moment before it.
    pub(crate) fn listen(&mut self, source: &mut impl FrameSource) -> Result<(), CaptureError> {
        self.events += 1;
        match source.next()? {
            Event::Frame(frame) => {
                let settled = self.idle.unwrap_or_default();
                assert!(frame.time >= settled, "{} after {settled}", frame.time);
                self.frames.push(Seen {
                    time: frame.time,
                    octets: frame.octets.to_vec(),
                    length: frame.length,
                    vlan: frame.vlan,
                    offload: frame.offload,
                });
            }
            Event::CaptureGap(unseen) => self.unseen.push(unseen),
            Event::Interface(_, name) => self.names.push(name.to_owned()),
            Event::Unknown(_, frames) => self.unknown += frames,
            Event::Idle(time) => self.idle = Some(time),
            Event::End => self.ended = true,
        }
        Ok(())
    }

    /// Listens until something is so; fails if it takes too long.
    pub(crate) fn until(&mut self, source: &mut impl FrameSource, so: impl Fn(&Self) -> bool) {
        let end = clock::uptime() + PATIENCE;
        while !so(self) {
            assert!(
                clock::uptime() < end,
                "{} frames, {:?}",
                self.frames.len(),
                self.unseen
            );
            self.listen(source).unwrap();
        }
    }

    /// Listens until a moment of packet time is settled.
    pub(crate) fn until_idle(&mut self, source: &mut impl FrameSource, moment: Timestamp) {
        self.until(source, |told| told.idle.is_some_and(|idle| idle >= moment));
    }

    /// Sends numbered frames until twenty more are seen. Before the link is whole again they are
    /// lost on the way; from the first one seen, none may be missing.
    pub(crate) fn until_whole(&mut self, source: &mut impl FrameSource) {
        let end = clock::uptime() + PATIENCE;
        let before = self.frames.len();
        let mut sent = 0;
        while self.frames.len() < before + 20 {
            assert!(clock::uptime() < end, "no frames after it came back");
            sent += 1;
            send(&mut sender("far0"), &numbered(sent, 100));
            self.listen(source).unwrap();
        }
        let octets = self.frames.iter().skip(before).map(|seen| &seen.octets);
        let octets: Vec<&Vec<u8>> = octets.collect();
        let last = (1..=sent).find(|&number| *octets[19] == numbered(number, 100));
        for (number, octets) in (last.unwrap() - 19..).zip(octets) {
            assert_eq!(*octets, numbered(number, 100));
        }
    }
}
