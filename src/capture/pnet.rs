//! pnet's portable datalink channel: for systems where the ring does not run.
//!
//! A worker owns a [`PnetSource`] for as long as it captures. What this source cannot do, and the
//! ring can: it has no drop counters, so that frames lost in the socket's buffer go unnoticed; its
//! times are those of our own reading, not the kernel's; it does not see VLAN tags the kernel took
//! out; on a loopback it sees every frame twice; and a frame of another interface may slip in while
//! it opens. pnet cuts frames to its buffer without a word: `FRAME` octets is more than any
//! interface gives, but for BIG TCP.

use super::live::watch::{InterfaceState, InterfaceWatch};
use super::live::{self, POLL, REOPEN};
use super::{CaptureError, Event, FrameSource};
use crate::clock;
use crate::frame::{Frame, InterfaceId, LinkType};
use crate::units::Timestamp;
use ::pnet::datalink::{self, Channel, Config, DataLinkReceiver, NetworkInterface};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Octets of pnet's read buffer: 64 KiB as offloading makes them, and the link header.
const FRAME: usize = 65_536 + 256;
/// Between two looks at the interface while nothing comes.
const LOOK: Duration = Duration::from_secs(1);
/// Longest that a source which was asked to stop goes on reading.
const DRAIN: Duration = Duration::from_millis(250);

/// A source of the frames of one live interface, through pnet.
pub struct PnetSource {
    name: String,
    id: InterfaceId,
    promiscuous: bool,
    stop: Arc<AtomicBool>,
    /// `None` while the interface is away.
    receiver: Option<Box<dyn DataLinkReceiver>>,
    /// The interface's number when the channel was opened.
    index: u32,
    link: LinkType,
    named: bool,
    /// Why the last wait gave no frame.
    silence: Option<io::ErrorKind>,
    /// What is to be told before the next frame.
    queue: VecDeque<Event<'static>>,
    watch: InterfaceWatch,
    next_look: Duration,
    next_open: Duration,
    /// Uptime at which reading ends, once asked to stop.
    until: Option<Duration>,
}

impl PnetSource {
    /// Captures on `interface`, which may be down but must be there, as `id`. Setting `stop` ends
    /// the source within a quarter of a second: with [`Event::End`], after what is in the socket's
    /// buffer as far as that time allows.
    ///
    /// # Errors
    /// [`CaptureError::NoInterface`], [`CaptureError::Permission`] or [`CaptureError::System`].
    pub fn open(
        interface: &str,
        id: InterfaceId,
        promiscuous: bool,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, CaptureError> {
        let found = find(interface).ok_or_else(|| live::absent(interface.to_owned()))?;
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
            named: false,
            silence: None,
            queue: live::started(id, now)
                .map(Event::CaptureGap)
                .into_iter()
                .collect(),
            watch: InterfaceWatch::new(id, now, found.is_running()),
            next_look: uptime + LOOK,
            next_open: uptime,
            until: None,
        })
    }

    /// After a wait that gave no frame: looks at the interface if it is time to. Any error but
    /// a time-out means that the channel is no good any more; pnet itself would report it forever.
    fn after_silence(&mut self, why: io::ErrorKind) {
        let uptime = clock::uptime();
        match why {
            io::ErrorKind::TimedOut | io::ErrorKind::Interrupted if uptime < self.next_look => {}
            io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {
                self.next_look = uptime + LOOK;
                let found = find(&self.name);
                let same = found.filter(|found| found.index == self.index);
                let up = same.as_ref().is_some_and(NetworkInterface::is_running);
                self.check_interface(clock::now(), up);
                if same.is_none() {
                    self.receiver = None;
                }
            }
            _ => {
                self.receiver = None;
                self.check_interface(clock::now(), false);
            }
        }
    }

    fn check_interface(&mut self, time: Timestamp, up: bool) {
        let dropped = 0;
        let check_interface = InterfaceState { time, dropped, up };
        self.queue
            .extend(self.watch.look(check_interface).map(Event::CaptureGap));
    }

    /// While the interface is away: waits for a moment and tries once a second to open it.
    fn interface_gone(&mut self) -> Event<'static> {
        clock::wait(POLL);
        let uptime = clock::uptime();
        if uptime >= self.next_open {
            self.next_open = uptime + REOPEN;
            if let Some(found) = find(&self.name).filter(NetworkInterface::is_running) {
                self.receiver = channel(&found, self.promiscuous).ok();
                self.index = found.index;
                self.link = link(&found);
            }
        }
        let now = clock::now();
        self.check_interface(now, false);
        // The next look tells whether it is up again.
        self.next_look = uptime;
        Event::Idle(now)
    }

    /// Whether it is time to end: asked to, and nothing left to read or no time left.
    fn ends(&mut self, drained: bool) -> bool {
        if !self.stop.load(Ordering::Relaxed) {
            return false;
        }
        let uptime = clock::uptime();
        drained || uptime >= *self.until.get_or_insert(uptime + DRAIN)
    }
}

impl FrameSource for PnetSource {
    fn next(&mut self) -> Result<Event<'_>, CaptureError> {
        if !self.named {
            self.named = true;
            return Ok(Event::Interface(self.id, &self.name));
        }
        let silence = self.silence.take();
        if let Some(why) = silence {
            self.after_silence(why);
        }
        if let Some(event) = self.queue.pop_front() {
            return Ok(event);
        }
        if self.ends(silence.is_some() || self.receiver.is_none()) {
            return Ok(Event::End);
        }
        if self.receiver.is_none() {
            return Ok(self.interface_gone());
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
            })),
            Some(Err(error)) => {
                self.silence = Some(error.kind());
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

/// pnet does not tell the kind of link; point-to-point interfaces (tun, ppp) have no header.
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
        read_buffer_size: FRAME,
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
