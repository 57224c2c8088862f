//! Replay on several workers: one reader paces the capture and hands every frame to the worker
//! that its address pair belongs to, and every boundary to all of them, in file order. Signalling
//! is heard by all. What each worker sees of one stream is then what a single worker would have
//! seen.
//!
//! Frames travel in batches over bounded channels; a full channel stops the reader.

use crate::capture::{CaptureError, Event, Frame, FrameSource, InterfaceId, Unseen};
use crate::discard::Discard;
use crate::pipeline::pace::Boundary;
use crate::pipeline::steps::{Paced, Step, StepSource, Turn, Waiting};
use crate::units::{Endpoint, Timestamp};
use crate::voice::{Content, Glanced, Rules};
use crate::wire;
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Octets of frames in a batch, about: large enough to hide the channel, small enough to stay in
/// the cache.
const BATCH_OCTETS: usize = 128 * 1024;

/// Batches waiting for one worker.
const QUEUE: usize = 8;

/// What a worker gets, in order; octets stand in the batch.
#[derive(Clone, Debug)]
enum Item {
    Boundary(Boundary),
    /// Plain voice, told at a glance: its frame stays behind.
    Packet(Glanced),
    Frame(Kept),
    Overheard(Kept),
    Interface(InterfaceId, String),
    Unseen(Unseen),
    End,
}

/// A frame whose octets stand in the batch.
#[derive(Clone, Debug)]
struct Kept {
    /// Without octets.
    frame: Frame<'static>,
    octets: Range<usize>,
}

/// Items with the octets they point into.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    octets: Vec<u8>,
    items: Vec<Item>,
}

impl Batch {
    fn keep(&mut self, frame: Frame<'_>) -> Kept {
        let start = self.octets.len();
        self.octets.extend_from_slice(frame.octets);
        let octets = start..self.octets.len();
        Kept {
            frame: Frame {
                octets: &[],
                ..frame
            },
            octets,
        }
    }

    /// Whether there is enough in it to be worth a message.
    #[inline]
    fn is_full(&self) -> bool {
        self.octets.len() + self.items.len() * size_of::<Item>() >= BATCH_OCTETS
    }

    /// What an item is to the worker; boundaries and packets are not asked for.
    fn turn(&self, place: usize) -> Turn<'_> {
        Turn::Own(match self.items.get(place) {
            Some(Item::Frame(kept)) => Event::Frame(self.frame(kept)),
            Some(Item::Overheard(kept)) => return Turn::Overheard(self.frame(kept)),
            Some(Item::Interface(id, name)) => Event::Interface(*id, name),
            Some(Item::Unseen(unseen)) => Event::Unseen(*unseen),
            Some(Item::End | Item::Boundary(_) | Item::Packet(_)) | None => Event::End,
        })
    }

    fn frame(&self, kept: &Kept) -> Frame<'_> {
        let octets = self.octets.get(kept.octets.clone()).unwrap_or_default();
        Frame {
            octets,
            ..kept.frame
        }
    }
}

/// The reader's end of all shards.
#[derive(Debug)]
pub struct Shards {
    rules: Rules,
    senders: Vec<SyncSender<Batch>>,
    batches: Vec<Batch>,
}

/// One worker's end: a [`StepSource`].
#[derive(Debug)]
pub struct Shard {
    receiver: Receiver<Batch>,
    batch: Batch,
    next: usize,
}

/// Shards for so many workers; `rules` are theirs.
pub fn shards(workers: usize, rules: Rules) -> (Shards, Vec<Shard>) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| sync_channel(QUEUE)).unzip();
    let shard = |receiver| Shard {
        receiver,
        batch: Batch::default(),
        next: 0,
    };
    let batches = vec![Batch::default(); workers];
    (
        Shards {
            rules,
            senders,
            batches,
        },
        receivers.into_iter().map(shard).collect(),
    )
}

impl Shards {
    /// Hands out everything that a source has.
    ///
    /// # Errors
    /// [`CaptureError`] where the source can not go on; the workers have then been told to end.
    pub fn distribute<S: FrameSource>(mut self, source: &mut Paced<S>) -> Result<(), CaptureError> {
        let mut waiting = Waiting::default();
        loop {
            source.gather(&self.rules, &mut waiting);
            let more = !waiting.has_room();
            waiting
                .packets()
                .iter()
                .for_each(|packet| self.packet(*packet));
            waiting.clear();
            if more {
                continue;
            }
            let step = match source.next() {
                Ok(step) => step,
                Err(error) => {
                    self.broadcast(&Item::End);
                    return Err(error);
                }
            };
            if let Some(boundary) = step.boundary {
                self.broadcast(&Item::Boundary(boundary));
            }
            let Turn::Own(event) = step.turn else {
                continue;
            };
            match event {
                Event::Frame(frame) => self.frame(frame),
                Event::Interface(id, name) => self.broadcast(&Item::Interface(id, name.to_owned())),
                Event::Unseen(unseen) => self.unseen(unseen),
                Event::Idle(_) | Event::Unknown(..) => {}
                Event::End => {
                    self.broadcast(&Item::End);
                    return Ok(());
                }
            }
        }
    }

    #[inline]
    fn packet(&mut self, packet: Glanced) {
        let place = self.place(packet.src, packet.dst);
        if let Some(batch) = self.batches.get_mut(place) {
            batch.items.push(Item::Packet(packet));
            if batch.is_full() {
                self.flush(place);
            }
        }
    }

    fn frame(&mut self, frame: Frame<'_>) {
        let (place, signals) = self.place_frame(frame);
        for (number, batch) in self.batches.iter_mut().enumerate() {
            if number == place {
                let kept = batch.keep(frame);
                batch.items.push(Item::Frame(kept));
            } else if signals {
                let kept = batch.keep(frame);
                batch.items.push(Item::Overheard(kept));
            }
        }
        for number in 0..self.batches.len() {
            if self.batches.get(number).is_some_and(Batch::is_full) {
                self.flush(number);
            }
        }
    }

    /// Which worker a frame belongs to, and whether it may carry signalling, which all must hear.
    fn place_frame(&self, frame: Frame<'_>) -> (usize, bool) {
        let datagram = match wire::decode(frame) {
            Ok(datagram) => datagram,
            Err(reason) => return (0, reason == Discard::Fragment),
        };
        let packet = self.rules.recognise(&datagram);
        let signals = packet
            .is_ok_and(|packet| matches!(packet.content, Content::Sip(_) | Content::SipSegment(_)));
        (self.place(datagram.src, datagram.dst), signals)
    }

    /// Which worker an address pair belongs to, both directions to the same one.
    #[inline]
    fn place(&self, src: Endpoint, dst: Endpoint) -> usize {
        let ([s1, s0], [d1, d0]) = (src.address.halves(), dst.address.halves());
        // Fibonacci hashing: the low bits of addresses are the ones that differ.
        let mixed = (s1 ^ d1 ^ s0 ^ d0).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        usize::try_from((mixed * self.batches.len() as u64) >> 32).unwrap_or(0)
    }

    /// Everybody must know what was missed; only one may count it.
    fn unseen(&mut self, unseen: Unseen) {
        for (place, batch) in self.batches.iter_mut().enumerate() {
            let frames = if place == 0 { unseen.frames } else { 0 };
            batch.items.push(Item::Unseen(Unseen { frames, ..unseen }));
        }
    }

    /// Boundaries and ends leave at once, so that no worker waits for another.
    fn broadcast(&mut self, item: &Item) {
        for place in 0..self.batches.len() {
            if let Some(batch) = self.batches.get_mut(place) {
                batch.items.push(item.clone());
            }
            self.flush(place);
        }
    }

    fn flush(&mut self, place: usize) {
        if let (Some(batch), Some(sender)) = (self.batches.get_mut(place), self.senders.get(place))
        {
            // A worker that is gone has failed on its own; its error is reported by itself.
            let _ = sender.send(std::mem::take(batch));
        }
    }
}

impl StepSource for Shard {
    fn gather(&mut self, _: &Rules, waiting: &mut Waiting) {
        while waiting.has_room()
            && let Some(Item::Packet(packet)) = self.batch.items.get(self.next)
        {
            waiting.push(*packet);
            self.next += 1;
        }
    }

    fn next(&mut self) -> Result<Step<'_>, CaptureError> {
        let mut boundary = None;
        loop {
            while self.next >= self.batch.items.len() {
                match self.receiver.recv() {
                    Ok(batch) => (self.batch, self.next) = (batch, 0),
                    // The reader is gone without a word.
                    Err(_) => {
                        return Ok(Step {
                            boundary,
                            turn: Turn::Own(Event::End),
                        });
                    }
                }
            }
            let place = self.next;
            match (boundary, self.batch.items.get(place)) {
                (None, Some(Item::Boundary(crossed))) => {
                    boundary = Some(*crossed);
                    self.next += 1;
                }
                // Packets are gathered, and two boundaries in a row have nothing between them.
                (_, Some(Item::Packet(_))) | (Some(_), Some(Item::Boundary(_))) => {
                    let turn = Turn::Own(Event::Idle(Timestamp::default()));
                    return Ok(Step { boundary, turn });
                }
                _ => {
                    self.next += 1;
                    return Ok(Step {
                        boundary,
                        turn: self.batch.turn(place),
                    });
                }
            }
        }
    }
}
