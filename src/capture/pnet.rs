//! pnet's portable datalink channel, for systems without the ring.
//!
//! A worker owns a [`PnetSource`] for as long as it captures. Compared to the ring it has limits. It has
//! no drop counter, so frames lost in the socket buffer go unnoticed. Its times are those of reading, not
//! the kernel's. It does not see VLAN tags that the kernel removed. On a loopback it sees every frame
//! twice. While it opens, a frame of another interface may come in. pnet truncates frames to its buffer
//! silently: `READ_BUFFER` octets exceed every frame except with BIG TCP.

use super::live::watch::{InterfaceState, InterfaceWatch};
use super::live::{self, POLL, REOPEN_INTERVAL};
use super::{CaptureError, Event, FrameSource};
use crate::clock;
use crate::frame::{Frame, InterfaceId, LinkType, Offload};
use crate::units::Timestamp;
use ::pnet::datalink::{self, Channel, Config, DataLinkReceiver, NetworkInterface};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Octets of pnet's read buffer: 64 KiB, the longest frame of offloading, and the link header.
const READ_BUFFER: usize = 65_536 + 256;
/// Interval of checks of the interface while no frames arrive.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Longest time of reading after a stop request.
const DRAIN_TIME: Duration = Duration::from_millis(250);

/// A source of the frames of one live interface, through pnet.
pub struct PnetSource {
    name: String,
    id: InterfaceId,
    promiscuous: bool,
    stop: Arc<AtomicBool>,
    /// `None` while the interface does not exist.
    receiver: Option<Box<dyn DataLinkReceiver>>,
    /// Interface index at the time of opening.
    index: u32,
    link: LinkType,
    /// Whether the interface event was returned.
    name_reported: bool,
    /// Why the last read returned no frame.
    read_error: Option<io::ErrorKind>,
    /// Events to return before the next frame.
    events: VecDeque<Event<'static>>,
    watch: InterfaceWatch,
    /// Uptime of the next check.
    next_check: Duration,
    /// Uptime of the next attempt to open a missing interface.
    next_open: Duration,
    /// Uptime at which reading ends; set by a stop request.
    until: Option<Duration>,
}

impl PnetSource {
    /// Captures on `interface`, which must exist and may be down, as `id`. Setting `stop` ends the
    /// source: for up to a quarter of a second it returns the frames in the socket buffer, then
    /// [`Event::End`].
    ///
    /// # Errors
    /// [`CaptureError::NoInterface`], [`CaptureError::Permission`] or [`CaptureError::System`].
    pub fn open(
        interface: &str,
        id: InterfaceId,
        promiscuous: bool,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, CaptureError> {
        let found = find(interface).ok_or_else(|| live::no_interface(interface.to_owned()))?;
        let receiver = channel(&found, promiscuous)?;
        let (now, uptime) = (clock::now(), clock::uptime());
        Ok(Self {
            name: interface.to_owned(),
            id,
            promiscuous,
            stop,
            receiver: Some(receiver),
            index: found.index,
            link: link(&found),
            name_reported: false,
            read_error: None,
            events: live::started(id, now)
                .map(Event::CaptureGap)
                .into_iter()
                .collect(),
            watch: InterfaceWatch::new(id, now, found.is_running()),
            next_check: uptime + CHECK_INTERVAL,
            next_open: uptime,
            until: None,
        })
    }

    /// Handles a read without a frame: checks the interface if it is time. Any error but a timeout closes
    /// the channel; pnet would return the same error forever.
    fn on_read_error(&mut self, why: io::ErrorKind) {
        let uptime = clock::uptime();
        match why {
            io::ErrorKind::TimedOut | io::ErrorKind::Interrupted if uptime < self.next_check => {}
            io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {
                self.next_check = uptime + CHECK_INTERVAL;
                let found = find(&self.name);
                let same = found.filter(|found| found.index == self.index);
                let up = same.as_ref().is_some_and(NetworkInterface::is_running);
                self.record_state(clock::now(), up);
                if same.is_none() {
                    self.receiver = None;
                }
            }
            _ => {
                self.receiver = None;
                self.record_state(clock::now(), false);
            }
        }
    }

    fn record_state(&mut self, time: Timestamp, up: bool) {
        let dropped = 0;
        let state = InterfaceState { time, dropped, up };
        self.events
            .extend(self.watch.update(state).map(Event::CaptureGap));
    }

    /// Waits while the interface does not exist, and tries to open it once a second.
    fn wait_for_interface(&mut self) -> Event<'static> {
        clock::wait(POLL);
        let uptime = clock::uptime();
        if uptime >= self.next_open {
            self.next_open = uptime + REOPEN_INTERVAL;
            if let Some(found) = find(&self.name).filter(NetworkInterface::is_running) {
                self.receiver = channel(&found, self.promiscuous).ok();
                self.index = found.index;
                self.link = link(&found);
            }
        }
        let now = clock::now();
        self.record_state(now, false);
        // The next check finds whether it is up again.
        self.next_check = uptime;
        Event::Idle(now)
    }

    /// Whether the source ends: a stop was requested, and the buffer is empty or the drain time is over.
    fn should_end(&mut self, drained: bool) -> bool {
        if !self.stop.load(Ordering::Relaxed) {
            return false;
        }
        let uptime = clock::uptime();
        drained || uptime >= *self.until.get_or_insert(uptime + DRAIN_TIME)
    }
}

impl FrameSource for PnetSource {
    fn next(&mut self) -> Result<Event<'_>, CaptureError> {
        if !self.name_reported {
            self.name_reported = true;
            return Ok(Event::Interface(self.id, &self.name));
        }
        let read_error = self.read_error.take();
        if let Some(why) = read_error {
            self.on_read_error(why);
        }
        if let Some(event) = self.events.pop_front() {
            return Ok(event);
        }
        if self.should_end(read_error.is_some() || self.receiver.is_none()) {
            return Ok(Event::End);
        }
        if self.receiver.is_none() {
            return Ok(self.wait_for_interface());
        }
        let read = self.receiver.as_mut().map(|receiver| receiver.next());
        let now = clock::now();
        match read {
            Some(Ok(octets)) => Ok(Event::Frame(Frame {
                time: now,
                link: self.link,
                octets,
                length: u32::try_from(octets.len()).unwrap_or(u32::MAX),
                interface: self.id,
                vlan: None,
                offload: Offload::Unknown,
            })),
            Some(Err(error)) => {
                self.read_error = Some(error.kind());
                Ok(Event::Idle(now))
            }
            None => Ok(Event::Idle(now)),
        }
    }
}

fn find(name: &str) -> Option<NetworkInterface> {
    let mut interfaces = datalink::interfaces().into_iter();
    interfaces.find(|interface| interface.name == name)
}

/// pnet does not report the link type; point-to-point interfaces (tun, ppp) have no link header.
fn link(interface: &NetworkInterface) -> LinkType {
    if interface.is_point_to_point() {
        LinkType::RawIp
    } else {
        LinkType::Ethernet
    }
}

fn channel(
    interface: &NetworkInterface,
    promiscuous: bool,
) -> Result<Box<dyn DataLinkReceiver>, CaptureError> {
    let config = Config {
        read_buffer_size: READ_BUFFER,
        read_timeout: Some(POLL),
        promiscuous,
        ..Config::default()
    };
    let error = match datalink::channel(interface, config) {
        Ok(Channel::Ethernet(_, receiver)) => return Ok(receiver),
        Ok(_) => io::ErrorKind::Unsupported.into(),
        Err(error) => error,
    };
    Err(live::failed(&interface.name, "pnet channel", error))
}
