//! A probe that runs in quick motion: its leaves are those of a replay, second by second into a ledger of its own
//! by the ledger's writer, published by the fleet's publisher. It can be stopped without a word, cut off, begun
//! again.

use crate::support::program::sealed_lines;
use asnmeter::clock;
use asnmeter::fleet::Subjects;
use asnmeter::fleet::follow::LedgerProgress;
use asnmeter::fleet::nats::NatsServers;
use asnmeter::fleet::publish::{ProbeSettings, Publisher};
use asnmeter::ledger::key::PrivateKey;
use asnmeter::ledger::leaf::{GapLeaf, GapReason, Leaf, Mode};
use asnmeter::ledger::record::SecondLeaves;
use asnmeter::ledger::writer::{Durability, LedgerSettings, LedgerWriter};
use asnmeter::snapshot::fleet::ProbeStatus;
use asnmeter::units::Second;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// What a second of packet time takes.
pub(crate) const PACE: Duration = Duration::from_millis(40);

/// The leaves of a ledger, by second, without what a writer adds.
pub(crate) fn leaves_of(ledger: &Path) -> BTreeMap<Second, Vec<Leaf>> {
    let mut seconds = BTreeMap::<Second, Vec<Leaf>>::new();
    for line in sealed_lines(ledger).lines() {
        let leaf = Leaf::from_line(line).unwrap();
        if let Some(second) = leaf.second() {
            seconds.entry(second).or_default().push(leaf);
        }
    }
    seconds
}

/// What a probe is.
#[derive(Clone)]
pub(crate) struct Tap {
    pub(crate) fleet: String,
    pub(crate) name: String,
    pub(crate) servers: Vec<String>,
    pub(crate) ledger: PathBuf,
    /// PEM.
    pub(crate) key: PathBuf,
    pub(crate) clock_error: fn() -> Option<Duration>,
    /// All that it will ever count.
    pub(crate) leaves: Arc<BTreeMap<Second, Vec<Leaf>>>,
}

/// A clock that everybody may rely on.
#[expect(clippy::unnecessary_wraps, reason = "another clock says nothing")]
pub(crate) fn certain() -> Option<Duration> {
    Some(Duration::from_millis(1))
}

/// A publisher that runs until it is dropped.
pub(crate) struct Publishing {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    pub(crate) status: Arc<ProbeStatus>,
}

impl Publishing {
    fn start(tap: &Tap, progress: watch::Receiver<LedgerProgress>) -> Self {
        let status = Arc::<ProbeStatus>::default();
        let settings = ProbeSettings {
            servers: NatsServers {
                addresses: tap.servers.clone(),
                name: tap.name.clone(),
                ..NatsServers::default()
            },
            subjects: Subjects::new(&tap.fleet),
            probe: tap.name.clone(),
            ledger: tap.ledger.clone(),
            origin: tap.origin(),
            key: Some(tap.private()),
            clock_error: tap.clock_error,
            is_replay: false,
            totals: Arc::default(),
        };
        let mut publisher = Publisher::new(settings, progress, status.clone(), |_| {});
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = publisher.run() => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
            status,
        }
    }

    /// Waits until all is published.
    pub(crate) fn finish(mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Tap {
    fn origin(&self) -> String {
        format!("voice.example/{}", self.name)
    }

    fn private(&self) -> PrivateKey {
        PrivateKey::from_pem(&fs::read_to_string(&self.key).unwrap()).unwrap()
    }

    /// Begins, or goes on, with a second; what was before it and is not in the ledger nobody saw.
    pub(crate) fn begin(&self, first: Second) -> Running {
        let settings = LedgerSettings {
            origin: self.origin(),
            key: Some(self.private()),
            durability: Durability::EachSecond,
        };
        let writer = LedgerWriter::open(&self.ledger, settings).unwrap();
        let (sender, progress) = watch::channel(LedgerProgress {
            sealed: writer.size(),
            written: writer.written(),
            ..LedgerProgress::default()
        });
        Running {
            tap: self.clone(),
            publishing: Some(Publishing::start(self, progress.clone())),
            began: (!writer.is_new()).then_some(first),
            writer,
            sender,
            progress,
            last: None,
        }
    }
}

/// A probe that runs.
pub(crate) struct Running {
    tap: Tap,
    writer: LedgerWriter,
    sender: watch::Sender<LedgerProgress>,
    progress: watch::Receiver<LedgerProgress>,
    publishing: Option<Publishing>,
    /// The first second after a start that is not the first.
    began: Option<Second>,
    last: Option<Second>,
}

impl Running {
    /// Writes a second.
    pub(crate) fn write(&mut self, second: Second, stopped_at: Option<Second>) {
        let mut leaves = self.tap.leaves.get(&second).cloned().unwrap_or_default();
        for leaf in &mut leaves {
            if let Leaf::Start(start) = leaf {
                start.mode = Mode::Live;
            }
        }
        leaves.retain(|leaf| !matches!(leaf, Leaf::Stop(_)));
        if let Some(first) = self.began.take() {
            let start = self
                .tap
                .leaves
                .values()
                .flatten()
                .find_map(|leaf| match leaf {
                    Leaf::Start(start) => Some(start.clone()),
                    _ => None,
                });
            let mut start = start.unwrap();
            (start.time, start.mode) = (second, Mode::Live);
            let gap = Leaf::Gap(GapLeaf {
                why: GapReason::Stop,
                ..GapLeaf::unwritten(second, stopped_at.unwrap_or(first), second)
            });
            let before = leaves
                .iter()
                .take_while(|leaf| leaf.rank() < gap.rank())
                .count();
            leaves.insert(before, gap);
            leaves.insert(0, Leaf::Start(start));
        }
        self.writer
            .append(&SecondLeaves { second, leaves })
            .unwrap();
        self.last = Some(second);
        self.tell(false);
    }

    fn tell(&self, is_over: bool) {
        self.sender.send_replace(LedgerProgress {
            sealed: self.writer.size(),
            written: self.writer.written(),
            through: self.last,
            is_over,
        });
    }

    /// Whether the servers have all of it.
    pub(crate) fn is_published(&self) -> bool {
        let status = self
            .publishing
            .as_ref()
            .map(|publishing| &publishing.status);
        let acknowledged = status.map(|status| status.acknowledged.load(Ordering::Relaxed));
        acknowledged == Some(self.writer.written())
    }

    /// Nothing reaches the servers any more; the ledger goes on.
    pub(crate) fn cut(&mut self) {
        self.publishing = None;
    }

    /// The servers are reached again.
    pub(crate) fn join(&mut self) {
        self.publishing = Some(Publishing::start(&self.tap, self.progress.clone()));
    }

    /// Another publisher of the same ledger, under the same name.
    pub(crate) fn double(&self) -> Publishing {
        Publishing::start(&self.tap, self.progress.clone())
    }

    /// Waits until the servers have all of it, and goes without a word.
    pub(crate) fn end(mut self) {
        self.tell(true);
        self.publishing.take().unwrap().finish();
    }
}

/// Waits for a second of packet time.
pub(crate) fn pace() {
    clock::wait(PACE);
}
