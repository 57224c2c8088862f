//! Replay on several workers: one reader paces the capture and hands every frame to the worker
//! that its address pair belongs to, and every boundary to all of them, in file order. What each
//! worker sees of one stream is then what a single worker would have seen.
//!
//! Frames travel in batches over bounded channels; a full channel stops the reader.

use crate::capture::{CaptureError, Event, Frame, FrameSource, InterfaceId, LinkType, Unseen};
use crate::pipeline::pace::Boundary;
use crate::pipeline::steps::{Paced, Step, StepSource};
use crate::units::Timestamp;
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
    Frame { frame: Header, octets: Range<usize> },
    Interface(InterfaceId, String),
    Unseen(Unseen),
    End,
}

/// A frame without its octets.
#[derive(Clone, Copy, Debug)]
struct Header {
    time: Timestamp,
    link: LinkType,
    length: u32,
    interface: InterfaceId,
    vlan: Option<u16>,
}

/// Items with the octets they point into.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    octets: Vec<u8>,
    items: Vec<Item>,
}

/// The reader's end of all shards.
#[derive(Debug)]
pub struct Shards {
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

/// Shards for so many workers.
pub fn shards(workers: usize) -> (Shards, Vec<Shard>) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| sync_channel(QUEUE)).unzip();
    let shard = |receiver| Shard {
        receiver,
        batch: Batch::default(),
        next: 0,
    };
    let batches = vec![Batch::default(); workers];
    (
        Shards { senders, batches },
        receivers.into_iter().map(shard).collect(),
    )
}

impl Shards {
    /// Hands out everything that a source has.
    ///
    /// # Errors
    /// [`CaptureError`] where the source can not go on; the workers have then been told to end.
    pub fn distribute<S: FrameSource>(mut self, source: &mut Paced<S>) -> Result<(), CaptureError> {
        loop {
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
            match step.event {
                Event::Frame(frame) => self.frame(frame),
                Event::Interface(id, name) => self.broadcast(&Item::Interface(id, name.to_owned())),
                Event::Unseen(unseen) => self.unseen(unseen),
                Event::Idle(_) => {}
                Event::End => {
                    self.broadcast(&Item::End);
                    return Ok(());
                }
            }
        }
    }

    fn frame(&mut self, frame: Frame<'_>) {
        let place = shard_of(frame, self.batches.len());
        let Some(batch) = self.batches.get_mut(place) else {
            return;
        };
        let start = batch.octets.len();
        batch.octets.extend_from_slice(frame.octets);
        let Frame {
            time,
            link,
            length,
            interface,
            vlan,
            ..
        } = frame;
        let frame = Header {
            time,
            link,
            length,
            interface,
            vlan,
        };
        batch.items.push(Item::Frame {
            frame,
            octets: start..batch.octets.len(),
        });
        if batch.octets.len() >= BATCH_OCTETS {
            self.flush(place);
        }
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

/// Which worker a frame belongs to: both directions of an address pair to the same one.
fn shard_of(frame: Frame<'_>, shards: usize) -> usize {
    let Ok(datagram) = wire::decode(frame) else {
        return 0;
    };
    let mixed = datagram.src.address.number() ^ datagram.dst.address.number();
    let folded = (mixed >> 64) ^ mixed;
    // Fibonacci hashing: the low bits of addresses are the ones that differ.
    let hash = (folded & u128::from(u64::MAX)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    usize::try_from(((hash & u128::from(u32::MAX)) * shards as u128) >> 32).unwrap_or(0)
}

impl StepSource for Shard {
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
                            event: Event::End,
                        });
                    }
                }
            }
            let place = self.next;
            if let (Some(_), Some(Item::Boundary(_))) = (boundary, self.batch.items.get(place)) {
                // Two boundaries in a row: an idle event between them.
                let event = Event::Idle(Timestamp::default());
                return Ok(Step { boundary, event });
            }
            self.next += 1;
            if let Some(Item::Boundary(crossed)) = self.batch.items.get(place) {
                boundary = Some(*crossed);
                continue;
            }
            let event = match self.batch.items.get(place) {
                Some(Item::Frame { frame, octets }) => Event::Frame(Frame {
                    time: frame.time,
                    link: frame.link,
                    octets: self.batch.octets.get(octets.clone()).unwrap_or_default(),
                    length: frame.length,
                    interface: frame.interface,
                    vlan: frame.vlan,
                }),
                Some(Item::Interface(id, name)) => Event::Interface(*id, name),
                Some(Item::Unseen(unseen)) => Event::Unseen(*unseen),
                Some(Item::End | Item::Boundary(_)) | None => Event::End,
            };
            return Ok(Step { boundary, event });
        }
    }
}
