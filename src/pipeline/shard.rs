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

/// Octets in a batch, about: enough that a worker is seldom woken.
const BATCH_OCTETS: usize = 512 * 1024;

/// Batches waiting for one worker.
const QUEUE: usize = 8;

/// What a worker gets beside plain voice; octets stand in the batch.
#[derive(Clone, Debug)]
enum Item {
    Boundary(Boundary),
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

/// Packets, and items with the octets they point into.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Plain voice, told at a glance: its frames stay behind.
    packets: Vec<Glanced>,
    /// The rest, in order, each with the number of packets before it.
    items: Vec<(usize, Item)>,
    octets: Vec<u8>,
}

impl Batch {
    fn clear(&mut self) {
        self.packets.clear();
        self.items.clear();
        self.octets.clear();
    }

    fn push(&mut self, item: Item) {
        self.items.push((self.packets.len(), item));
    }

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
        let items = self.items.len() * size_of::<Item>();
        let packets = self.packets.len() * size_of::<Glanced>();
        packets + items + self.octets.len() >= BATCH_OCTETS
    }

    /// What an item is to the worker; boundaries are not asked for.
    fn turn(&self, place: usize) -> Turn<'_> {
        Turn::Own(match self.items.get(place) {
            Some((_, Item::Frame(kept))) => Event::Frame(self.frame(kept)),
            Some((_, Item::Overheard(kept))) => return Turn::Overheard(self.frame(kept)),
            Some((_, Item::Interface(id, name))) => Event::Interface(*id, name),
            Some((_, Item::Unseen(unseen))) => Event::Unseen(*unseen),
            Some((_, Item::End | Item::Boundary(_))) | None => Event::End,
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
    /// Read batches, to be filled again: fresh memory costs more than what is put into it.
    empties: Receiver<Batch>,
    batches: Vec<Batch>,
}

/// One worker's end: a [`StepSource`].
#[derive(Debug)]
pub struct Shard {
    receiver: Receiver<Batch>,
    empties: SyncSender<Batch>,
    batch: Batch,
    /// Its next packet and its next item.
    packet: usize,
    item: usize,
}

/// Shards for so many workers; `rules` are theirs.
pub fn shards(workers: usize, rules: Rules) -> (Shards, Vec<Shard>) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| sync_channel(QUEUE)).unzip();
    let (emptied, empties) = sync_channel(workers * (QUEUE + 2));
    let shard = |receiver| Shard {
        receiver,
        empties: emptied.clone(),
        batch: Batch::default(),
        packet: 0,
        item: 0,
    };
    let batches = vec![Batch::default(); workers];
    (
        Shards {
            rules,
            senders,
            empties,
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
        let place = self.place(packet.key.src(), packet.key.dst());
        if let Some(batch) = self.batches.get_mut(place) {
            batch.packets.push(packet);
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
                batch.push(Item::Frame(kept));
            } else if signals {
                let kept = batch.keep(frame);
                batch.push(Item::Overheard(kept));
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
            batch.push(Item::Unseen(Unseen { frames, ..unseen }));
        }
    }

    /// Boundaries and ends leave at once, so that no worker waits for another.
    fn broadcast(&mut self, item: &Item) {
        for place in 0..self.batches.len() {
            if let Some(batch) = self.batches.get_mut(place) {
                batch.push(item.clone());
            }
            self.flush(place);
        }
    }

    fn flush(&mut self, place: usize) {
        if let (Some(batch), Some(sender)) = (self.batches.get_mut(place), self.senders.get(place))
        {
            let empty = self.empties.try_recv().unwrap_or_default();
            // A worker that is gone has failed on its own; its error is reported by itself.
            let _ = sender.send(std::mem::replace(batch, empty));
        }
    }
}

impl Shard {
    /// Packets of the batch that come before the next item.
    fn packets_before(&self) -> usize {
        let item = self.batch.items.get(self.item);
        item.map_or(self.batch.packets.len(), |(before, _)| *before)
    }

    /// Begins a batch and gives the one before it back.
    fn turn_over(&mut self, batch: Batch) {
        let mut read = std::mem::replace(&mut self.batch, batch);
        (self.packet, self.item) = (0, 0);
        read.clear();
        // There is room for all that are about.
        let _ = self.empties.try_send(read);
    }
}

impl StepSource for Shard {
    fn gather(&mut self, _: &Rules, waiting: &mut Waiting) {
        let packets = self.batch.packets.get(self.packet..self.packets_before());
        for packet in packets.unwrap_or_default() {
            if !waiting.has_room() {
                return;
            }
            waiting.push(*packet);
            self.packet += 1;
        }
    }

    fn next(&mut self) -> Result<Step<'_>, CaptureError> {
        let mut boundary = None;
        // Packets are gathered, and two boundaries in a row have nothing between them.
        let nothing = Turn::Own(Event::Idle(Timestamp::default()));
        let turn = loop {
            if self.packet < self.packets_before() {
                break nothing;
            }
            match (boundary, self.batch.items.get(self.item)) {
                (None, Some((_, Item::Boundary(crossed)))) => {
                    boundary = Some(*crossed);
                    self.item += 1;
                }
                (Some(_), Some((_, Item::Boundary(_)))) => break nothing,
                (_, Some(_)) => {
                    self.item += 1;
                    break self.batch.turn(self.item - 1);
                }
                (_, None) => match self.receiver.recv() {
                    Ok(batch) => self.turn_over(batch),
                    // The reader is gone without a word.
                    Err(_) => break Turn::Own(Event::End),
                },
            }
        };
        Ok(Step { boundary, turn })
    }
}
