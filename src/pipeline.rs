//! The main path: a frame comes in, is counted under exactly one heading, and seconds go out to
//! the judge.
//!
//! One [`Worker`] per capture queue. It owns its streams and its seconds; for a packet of a known
//! stream it takes no lock, reads no clock and allocates nothing. New terms reach it between two
//! seconds. Live capture and replay run this same code.

pub mod dealt;
pub mod pace;
pub mod share;
pub mod steps;

use crate::attribution::Attribution;
use crate::capture::{CaptureError, Event, Frame, InterfaceId, Unseen};
use crate::discard::Discard;
use crate::meter::second::{ClosedSecond, Report, Slot, WorkerState};
use crate::meter::{Copies, Meter};
use crate::sla::terms::Terms;
use crate::stream::record::Stream;
use crate::stream::sequence::{Arrival, Step};
use crate::stream::{Limits, Streams};
use crate::units::Second;
use crate::voice::signalling::Announcement;
use crate::voice::{Glanced, Rules};
use crate::wire::{self, Datagram};
use pace::Boundary;
use share::Share;
use std::sync::Arc;
use std::time::Duration;
use steps::{Interest, StepSource, TOGETHER};

/// Gaps this long before a missed stretch of time are still excused by it.
const UNSEEN_MEMORY: Duration = Duration::from_secs(600);

/// Where a worker's results go.
pub trait Outlet {
    /// A report for the judge; may wait.
    fn report(&mut self, report: Report);
    /// A stream has ended.
    fn ended(&mut self, stream: &Stream);
    /// Terms that have replaced the ones in force since the last call.
    fn new_terms(&mut self) -> Option<Arc<Terms>>;
    /// Whether there are other workers that have to be told what this one hears of signalling.
    /// Not in a replay: there all workers overhear all of it.
    fn has_others(&self) -> bool {
        false
    }
    /// Tells the others, without waiting; to how many of them it could not be told.
    fn tell(&mut self, _: &Announcement) -> u64 {
        0
    }
    /// What another worker has told.
    fn told(&mut self) -> Option<Announcement> {
        None
    }
}

/// What a worker is given.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What is taken for voice.
    pub rules: Rules,
    /// Bounds of the stream table.
    pub limits: Limits,
    /// What is done with a mirror port's copies.
    pub copies: Copies,
    /// What it counts where others see the same frames.
    pub share: Share,
}

/// One capture queue's way from frames to seconds.
#[derive(Debug)]
pub struct Worker<O> {
    interest: Interest,
    streams: Streams,
    meter: Meter,
    attribution: Attribution,
    tainted: Vec<(Second, Second)>,
    state: WorkerState,
    has_others: bool,
    outlet: O,
}

impl<O: Outlet> Worker<O> {
    /// A worker under some terms.
    pub fn new(settings: Settings, terms: &Terms, outlet: O) -> Self {
        let mut attribution = Attribution::default();
        attribution.replace(terms.origins.clone(), terms.scopes.clone());
        let mut streams = Streams::new(settings.limits);
        let has_others = outlet.has_others();
        if has_others {
            streams.signalling().keep_untold();
        }
        let interest = Interest {
            rules: settings.rules,
            share: settings.share,
        };
        Self {
            interest,
            streams,
            has_others,
            meter: Meter::new(settings.copies),
            attribution,
            tainted: Vec::new(),
            state: WorkerState::default(),
            outlet,
        }
    }

    /// Runs until the source ends.
    ///
    /// # Errors
    /// [`CaptureError`] where the source can not go on; what came before it is reported.
    pub fn run(&mut self, source: &mut impl StepSource) -> Result<(), CaptureError> {
        loop {
            if self.has_others {
                self.confer();
            }
            let packets = source.gather(&self.interest);
            self.count_together(packets);
            if packets.len() == TOGETHER {
                continue;
            }
            let step = match source.next() {
                Ok(step) => step,
                Err(error) => {
                    self.end(self.meter.newest());
                    return Err(error);
                }
            };
            if let Some(boundary) = step.boundary {
                self.cross(boundary);
            }
            match step.event {
                Event::Frame(frame) => self.take(frame),
                Event::Interface(id, name) => self.name_interface(id, name),
                Event::Unseen(unseen) => self.note_unseen(&unseen),
                Event::Idle(_) => {}
                Event::Unknown(id, frames) => self.note_unknown(id, frames),
                Event::End => return Ok(()),
            }
        }
    }

    /// Tells the other workers what was heard of signalling, and hears what they have.
    fn confer(&mut self) {
        let signalling = self.streams.signalling();
        for announcement in signalling.take_untold() {
            self.state.announcements_missed += self.outlet.tell(&announcement);
        }
        while let Some(announcement) = self.outlet.told() {
            signalling.learn(&announcement);
        }
    }

    /// Counts packets that were gathered, in their order.
    #[inline]
    fn count_together(&mut self, packets: &[Glanced]) {
        let (Some(first), Some(last)) = (packets.first(), packets.last()) else {
            return;
        };
        let second = first.held.time.second();
        self.state.see(first.held.time);
        self.state.see(last.held.time);
        let arrived = packets
            .iter()
            .map(|packet| (packet.held.tap.interface, packet.length));
        self.meter.arrive(second, arrived, &mut self.streams);
        let guesses = self.streams.approach::<TOGETHER>(packets);
        let expected = Step::of(Arrival::InOrder);
        for (packet, guess) in packets.iter().zip(&guesses) {
            let held = &packet.held;
            let size = (second, held.tap, held.ip_bytes);
            let counted = if let Some(stream) = self.streams.follow(packet, *guess) {
                self.meter
                    .media(*guess, stream, size, &expected, &self.attribution)
            } else {
                let progress = self.streams.advance_media(packet.key, *held);
                progress
                    .and_then(|progress| self.meter.record_media(size, progress, &self.attribution))
            };
            if let Err(reason) = counted {
                self.meter.discard(second, reason);
            }
        }
    }

    /// Counts a frame, or overhears one that another worker counts.
    fn take(&mut self, frame: Frame<'_>) {
        let decoded = wire::decode(frame);
        if !self.interest.share.has_decoded(&decoded) {
            return self.overhear(frame, decoded);
        }
        self.state.see(frame.time);
        let second = frame.time.second();
        let arrived = [(frame.interface, frame.length)];
        self.meter.arrive(second, arrived, &mut self.streams);
        if let Err(reason) = self.account(frame, decoded) {
            self.meter.discard(second, reason);
        }
    }

    /// What a frame is and does.
    fn account(
        &mut self,
        frame: Frame<'_>,
        decoded: Result<Datagram<'_>, Discard>,
    ) -> Result<(), Discard> {
        let datagram = decoded.inspect_err(|reason| self.hear_piece(frame, *reason))?;
        let packet = self.interest.rules.recognise(&datagram)?;
        if datagram.is_fragment() {
            self.hear_piece(frame, Discard::Fragment);
        }
        let progress = self.streams.advance(&packet);
        let counted =
            progress.and_then(|progress| self.meter.record(&packet, progress, &self.attribution));
        if self.streams.has_findings() {
            self.meter
                .note(&packet, self.streams.take_findings(), &self.attribution);
        }
        counted
    }

    /// Listens to signalling that another worker counts.
    fn overhear(&mut self, frame: Frame<'_>, decoded: Result<Datagram<'_>, Discard>) {
        match decoded {
            Ok(datagram) => {
                if let Ok(packet) = self.interest.rules.recognise(&datagram) {
                    self.streams.signalling().hear(&packet);
                }
                if datagram.is_fragment() {
                    self.hear_piece(frame, Discard::Fragment);
                }
            }
            Err(reason) => self.hear_piece(frame, reason),
        }
    }

    /// A fragment is counted as what it is; what it is a piece of may be signalling.
    #[cold]
    fn hear_piece(&mut self, frame: Frame<'_>, reason: Discard) {
        if reason == Discard::Fragment
            && let Some(fragment) = wire::fragment(frame)
        {
            self.streams.signalling().hear_fragment(&fragment);
        }
    }

    fn cross(&mut self, boundary: Boundary) {
        match boundary {
            Boundary::Opened(second) => {
                self.meter.restart(second);
                self.outlet.report(Report::Opened(second));
            }
            Boundary::Closed(through) => self.close(through),
            Boundary::Stepped(second) => self.step(second),
            Boundary::Ended(last) => self.end(last),
        }
        if let Some(terms) = self.outlet.new_terms() {
            self.attribution
                .replace(terms.origins.clone(), terms.scopes.clone());
        }
    }

    /// Ends what has timed out and sends all seconds up to and with `through` to the judge.
    fn close(&mut self, through: Second) {
        if self.meter.newest() <= through {
            self.meter.turn(through.next(), &mut self.streams);
        }
        self.meter.sample_streams(through, &mut self.streams);
        let mut given_up = Vec::new();
        let ended = self.streams.expire(through.next(), &mut given_up);
        self.meter.give_up(given_up);
        for stream in ended {
            conclude(&mut self.meter, &mut self.outlet, stream);
        }
        self.streams
            .forget_unseen(through.start().minus(UNSEEN_MEMORY));
        self.send(through);
    }

    fn send(&mut self, through: Second) {
        let Some(closed) = self.meter.closed() else {
            return;
        };
        let mut closing = self.meter.close(through, &mut self.streams);
        self.state.streams_refused = self.streams.refused();
        self.state.round_trips_refused = self.streams.round_trips_refused();
        self.state.mirror_copies = self.meter.mirror_copies();
        let disputed = self.meter.take_disputed();
        self.state
            .add_disputed(disputed, self.attribution.sources());
        let slots = closing.open.iter().chain(&closing.amendments);
        for (_, slot) in slots {
            add_each(&mut self.state.frames, &slot.frames.interfaces);
        }
        if closing
            .open
            .first()
            .is_none_or(|(second, _)| *second > closed.next())
        {
            closing.open.insert(0, (closed.next(), Slot::default()));
        }
        let ends = closing
            .open
            .iter()
            .skip(1)
            .map(|(second, _)| second.previous());
        let ends: Vec<_> = ends.chain([through]).collect();
        for ((second, slot), through) in closing.open.into_iter().zip(ends) {
            let closed = ClosedSecond {
                second,
                through,
                slot,
                amendments: std::mem::take(&mut closing.amendments),
                tainted: std::mem::take(&mut self.tainted),
                scopes: self.attribution.scopes().clone(),
                worker: self.state.clone(),
            };
            self.outlet.report(Report::Closed(Box::new(closed)));
        }
    }

    /// Packet time has jumped back: what is open is closed as it is.
    fn step(&mut self, second: Second) {
        let mut given_up = Vec::new();
        self.streams.step(second.start(), &mut given_up);
        self.meter.give_up(given_up);
        self.state.clock_steps += 1;
        let newest = self.meter.newest();
        // Or its streams would be sampled now, and once more when the time line has passed here.
        self.meter.turn(newest.next(), &mut self.streams);
        self.meter.sample_streams(newest, &mut self.streams);
        self.send(newest);
        self.meter.restart(second);
        self.outlet.report(Report::Stepped(second));
    }

    /// Nothing more will come: everything is settled in the last second.
    fn end(&mut self, last: Second) {
        if self.meter.newest() < last {
            self.meter.turn(last, &mut self.streams);
        }
        self.meter.sample_streams(last, &mut self.streams);
        let mut given_up = Vec::new();
        let (meter, outlet) = (&mut self.meter, &mut self.outlet);
        self.streams
            .finish(&mut given_up, |stream| conclude(meter, outlet, stream));
        self.meter.give_up(given_up);
        self.send(last);
    }

    fn name_interface(&mut self, id: InterfaceId, name: &str) {
        self.attribution.name_interface(id, name);
        self.state.interfaces = self.attribution.interfaces().to_vec();
    }

    /// Taints every second of a stretch that was not seen whole.
    fn note_unseen(&mut self, unseen: &Unseen) {
        let unseen = self.interest.share.of_unseen(*unseen);
        self.tainted
            .push((unseen.from.second(), unseen.until.second()));
        self.streams.note_unseen(unseen.from, unseen.until);
        add_at(&mut self.state.dropped, unseen.interface, unseen.frames);
    }

    /// Frames that the kernel's filter cut because it did not know what is in them.
    fn note_unknown(&mut self, interface: InterfaceId, frames: u64) {
        add_at(&mut self.state.unknown, interface, frames);
    }

    /// Ends the worker and gives back where its results went.
    pub fn into_outlet(self) -> O {
        self.outlet
    }
}

/// A stream has ended: what it still had is counted.
fn conclude(meter: &mut Meter, outlet: &mut impl Outlet, mut stream: Stream) {
    meter.ended(&mut stream);
    outlet.ended(&stream);
}

fn add_at(sums: &mut Vec<u64>, interface: InterfaceId, more: u64) {
    let place = usize::from(interface.0);
    if sums.len() <= place {
        sums.resize(place + 1, 0);
    }
    if let Some(sum) = sums.get_mut(place) {
        *sum += more;
    }
}

fn add_each(sums: &mut Vec<u64>, more: &[u64]) {
    if sums.len() < more.len() {
        sums.resize(more.len(), 0);
    }
    sums.iter_mut()
        .zip(more)
        .for_each(|(sum, more)| *sum += more);
}
