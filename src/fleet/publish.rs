//! Publishes the leaves of a probe's own ledger: several a message, one message in flight, each only behind the
//! last that the stream has of this probe; after each second the head that it signs.
//!
//! The ledger is the queue: what the stream did not take is read from there again. Nobody waits for this
//! but the end of a replay.

mod resume;

use super::follow::{LedgerFollower, LedgerProgress};
use super::head::Head;
use super::nats::{NatsConnection, NatsError, NatsServers};
use super::{Subjects, totals};
use crate::ledger::directory::LedgerError;
use crate::ledger::key::PrivateKey;
use crate::ledger::leaf::{Leaf, RULES};
use crate::ledger::tree::{CompactTree, Hash};
use crate::snapshot::fleet::ProbeStatus;
use crate::units::Second;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Octets of the leaves in a message at most, but for a leaf that is larger alone.
const MAX_MESSAGE: usize = 256 << 10;

/// Octets of leaves that are published again for one request at most; who wants more asks again.
const MAX_AGAIN: usize = 8 << 20;

/// Requests for leaves are answered once in this time.
const AGAIN_PAUSE: Duration = Duration::from_secs(1);

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// The same where somebody else has sent under our name.
const SHORT_PAUSE: Duration = Duration::from_millis(100);

/// What is published, and under which name.
#[derive(Debug)]
pub struct ProbeSettings {
    /// The servers.
    pub servers: NatsServers,
    /// The fleet's subjects.
    pub subjects: Subjects,
    /// Our name in it.
    pub probe: String,
    /// Our ledger.
    pub ledger: PathBuf,
    /// Its origin.
    pub origin: String,
    /// The key that signs its checkpoints, and our heads.
    pub key: Option<PrivateKey>,
    /// How wrong the clock may be now.
    pub clock_error: fn() -> Option<Duration>,
    /// Whether all of the ledger is published, and not only from its newest day on.
    pub is_replay: bool,
    /// What a replay counted in all; to be there before the ledger is over.
    pub totals: Arc<Mutex<Vec<String>>>,
}

/// Why nothing was published for now.
#[derive(thiserror::Error, Debug)]
pub enum PublishError {
    /// The servers.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// Our own ledger.
    #[error("fleet: own ledger {0}")]
    Ledger(#[from] LedgerError),
}

/// Takes the notices of a probe, to log them.
pub type ReportProbe = fn(ProbeNotice<'_>);

/// Notices of a probe to the operator.
#[derive(Debug)]
pub enum ProbeNotice<'a> {
    /// It goes on behind so many leaves.
    GoesOn(u64),
    /// It does not work now; it is tried again.
    Failed(&'a PublishError),
    /// The last message under our name is not from our ledger: of another sender.
    Foreign,
}

/// Publishes a ledger.
#[derive(Debug)]
pub struct Publisher {
    settings: ProbeSettings,
    progress: watch::Receiver<LedgerProgress>,
    status: Arc<ProbeStatus>,
    report: ReportProbe,
    link: Option<NatsConnection>,
    /// What the last head said.
    published: Option<(u64, Option<Second>, bool)>,
    through: Option<Second>,
    has_failed: bool,
}

impl Publisher {
    /// Of a ledger that is written so far.
    pub fn new(
        settings: ProbeSettings,
        progress: watch::Receiver<LedgerProgress>,
        status: Arc<ProbeStatus>,
        report: ReportProbe,
    ) -> Self {
        Self {
            settings,
            progress,
            status,
            report,
            link: None,
            published: None,
            through: None,
            has_failed: false,
        }
    }

    /// Publishes until the ledger is over and the stream has all of it. It is to be dropped by who does not
    /// wait so long.
    pub async fn run(&mut self) {
        loop {
            match self.session().await {
                Ok(()) => return,
                Err(error) => {
                    self.status.failures.fetch_add(1, Ordering::Relaxed);
                    if matches!(error, PublishError::Nats(NatsError::NotLast(_))) {
                        // another sender: what is there is looked at at once
                        sleep(SHORT_PAUSE).await;
                        continue;
                    }
                    if !std::mem::replace(&mut self.has_failed, true) {
                        (self.report)(ProbeNotice::Failed(&error));
                    }
                }
            }
            self.show_connection();
            sleep(PAUSE).await;
        }
    }

    fn show_connection(&self) {
        let is_connected = self.link.as_ref().is_some_and(NatsConnection::is_connected);
        self.status.connected.store(is_connected, Ordering::Relaxed);
    }

    /// Publishes as long as it works.
    async fn session(&mut self) -> Result<(), PublishError> {
        let link = if let Some(link) = &self.link {
            link.clone()
        } else {
            let (servers, subjects) = (&self.settings.servers, &self.settings.subjects);
            let link = NatsConnection::connect(servers, subjects.clone()).await?;
            self.link.insert(link).clone()
        };
        // nothing is to be said before the first leaf
        let written = |progress: &LedgerProgress| progress.written > 0 || progress.is_over;
        if self.progress.wait_for(written).await.is_err() {
            return Ok(());
        }
        let is_empty = |progress: &LedgerProgress| progress.written == 0 && progress.is_over;
        if is_empty(&self.progress.borrow().clone()) {
            link.make_stream().await?;
            self.publish_head(&link, &CompactTree::default(), None, true)
                .await?;
            return Ok(());
        }
        let (mut follower, mut sequence) = self.resume(&link).await?;
        let mut requests = link.leaf_requests(&self.settings.probe).await?;
        let mut answered: Option<Instant> = None;
        (self.report)(ProbeNotice::GoesOn(follower.next()));
        self.has_failed = false;
        loop {
            self.show_connection();
            // What is read the stream has, from us or from another sender under our name.
            let acknowledged = follower.next();
            self.status
                .acknowledged
                .store(acknowledged, Ordering::Relaxed);
            let progress = *self.progress.borrow_and_update();
            self.status
                .written
                .store(progress.written, Ordering::Relaxed);
            let lines = follower.read(progress, MAX_MESSAGE)?;
            if lines.is_empty() {
                let is_over = progress.is_over && follower.next() >= progress.written;
                if follower.next() >= progress.written {
                    self.publish_head(&link, follower.tree(), progress.through, is_over)
                        .await?;
                }
                if is_over {
                    return Ok(());
                }
                tokio::select! {
                    changed = self.progress.changed() => if changed.is_err() {
                        return Ok(());
                    },
                    wanted = requests.next() => {
                        if answered.is_none_or(|at| at.elapsed() >= AGAIN_PAUSE) {
                            sequence = self.again(&link, wanted, &follower, sequence).await?;
                            answered = Some(Instant::now());
                        }
                    }
                    // a connection that has gone is shown
                    () = sleep(PAUSE) => {}
                }
                continue;
            }
            let first = follower.next() - lines.len() as u64;
            sequence = self.send(&link, first, &lines, sequence).await?;
            if follower.next() < progress.written {
                // of the last one there may be more
                let before = last_second(&lines).map(Second::previous);
                self.publish_head(&link, follower.tree(), before, false)
                    .await?;
            }
        }
    }

    async fn send(
        &self,
        link: &NatsConnection,
        first: u64,
        lines: &[String],
        behind: u64,
    ) -> Result<u64, NatsError> {
        let subject = self.settings.subjects.leaf(&self.settings.probe);
        let text = lines.join("\n") + "\n";
        let sent = link
            .append(&subject, (Some(first), Some(behind)), text.clone())
            .await;
        match sent {
            Err(NatsError::Stream(..)) => {
                link.make_stream().await?;
                link.append(&subject, (Some(first), Some(behind)), text)
                    .await
            }
            sent => sent,
        }
    }

    /// Signs and sends a head, if it says something new.
    async fn publish_head(
        &mut self,
        link: &NatsConnection,
        tree: &CompactTree,
        through: Option<Second>,
        is_over: bool,
    ) -> Result<(), NatsError> {
        let through = through.max(self.through);
        let published = (tree.size(), through, is_over);
        if self.published == Some(published) || (tree.size() == 0 && !is_over) {
            return Ok(());
        }
        let totals = if is_over {
            self.send_totals(link).await?
        } else {
            None
        };
        let settings = &self.settings;
        let head = Head {
            origin: settings.origin.clone(),
            size: tree.size(),
            root: tree.root(),
            fleet: settings.subjects.fleet().to_owned(),
            probe: settings.probe.clone(),
            rules: RULES,
            through,
            clock_error: (settings.clock_error)(),
            totals,
        };
        let note = head.to_note(settings.key.as_ref());
        link.append(&settings.subjects.head(&settings.probe), (None, None), note)
            .await?;
        (self.published, self.through) = (Some(published), through);
        let shown = through.map_or(0, |second| second.0);
        self.status.through.store(shown, Ordering::Relaxed);
        Ok(())
    }

    /// Sends what was counted in all, in several messages; its hash.
    async fn send_totals(&self, link: &NatsConnection) -> Result<Option<Hash>, NatsError> {
        let settings = &self.settings;
        let lines = settings.totals.lock();
        let lines = lines.unwrap_or_else(PoisonError::into_inner).clone();
        if lines.is_empty() {
            return Ok(None);
        }
        let subject = settings.subjects.totals(&settings.probe);
        let (mut first, mut text) = (0, String::new());
        for (number, line) in (0..).zip(&lines) {
            if !text.is_empty() && text.len() + line.len() >= MAX_MESSAGE {
                let message = std::mem::take(&mut text);
                link.append(&subject, (Some(first), None), message).await?;
                first = number;
            }
            text.push_str(line);
            text.push('\n');
        }
        link.append(&subject, (Some(first), None), text).await?;
        Ok(Some(totals::hash(&lines)))
    }

    /// Publishes leaves again that somebody misses, from a number on or from the newest day on. The place of
    /// the last message.
    async fn again(
        &self,
        link: &NatsConnection,
        wanted: Option<u64>,
        follower: &LedgerFollower,
        mut sequence: u64,
    ) -> Result<u64, PublishError> {
        let next = follower.next();
        if wanted.is_some_and(|from| from >= next) {
            return Ok(sequence);
        }
        let progress = LedgerProgress {
            written: next,
            ..*self.progress.borrow()
        };
        let path = &self.settings.ledger;
        let Ok(mut again) = LedgerFollower::open(path, wanted.or(Some(follower.day())), progress)
        else {
            // that day is gone
            return Ok(sequence);
        };
        let mut octets = 0;
        while octets < MAX_AGAIN {
            let lines = again.read(progress, MAX_MESSAGE)?;
            if lines.is_empty() {
                break;
            }
            octets += lines.iter().map(String::len).sum::<usize>();
            let first = again.next() - lines.len() as u64;
            sequence = self.send(link, first, &lines, sequence).await?;
            self.status
                .again
                .fetch_add(lines.len() as u64, Ordering::Relaxed);
        }
        Ok(sequence)
    }
}

/// The second of the last leaf that has one.
fn last_second(lines: &[String]) -> Option<Second> {
    let mut leaves = lines.iter().rev();
    leaves.find_map(|line| Leaf::from_line(line).ok()?.second())
}
