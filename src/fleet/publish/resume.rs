//! Where a probe goes on publishing: behind what the stream has of its ledger.

use super::{MAX_MESSAGE, ProbeNotice, PublishError, Publisher};
use crate::fleet::follow::{LedgerFollower, LedgerProgress};
use crate::fleet::head::Head;
use crate::fleet::nats::NatsConnection;
use crate::ledger::directory::LedgerError;
use crate::ledger::key::PrivateKey;
use crate::ledger::tree::Hash;
use std::sync::atomic::Ordering;

impl Publisher {
    /// Where to go on: behind what the stream has of our ledger. And the place of the last message of our
    /// subject, 0 where there is none.
    pub(super) async fn resume(
        &mut self,
        link: &NatsConnection,
    ) -> Result<(LedgerFollower, u64), PublishError> {
        let subject = self.settings.subjects.leaf(&self.settings.probe);
        let last = match link.last(&subject).await {
            Err(_) => {
                // it may not be there yet; whether it is shows when something is sent
                link.make_stream().await?;
                link.last(&subject).await?
            }
            last => last?,
        };
        let progress = *self.progress.borrow();
        let Some(last) = last else {
            return Ok((self.begin(progress)?, 0));
        };
        let first = last.first.unwrap_or(u64::MAX);
        let theirs: Vec<&str> = last.text.lines().collect();
        if first < progress.written
            && let Ok(follower) = self.behind(first, &theirs, progress)
        {
            // After a request the last message may be an earlier part: what is behind it the stream has too.
            let known = self.status.acknowledged.load(Ordering::Relaxed);
            let at = follower
                .next()
                .max(self.own_head(link, progress).await.unwrap_or(0));
            let at = at.max(if self.published.is_some() { known } else { 0 });
            let follower = if at > follower.next() {
                LedgerFollower::open(&self.settings.ledger, Some(at), progress)?
            } else {
                follower
            };
            return Ok((follower, last.sequence));
        }
        (self.report)(ProbeNotice::Foreign);
        let at = self.own_head(link, progress).await;
        let follower = match at {
            Some(at) => LedgerFollower::open(&self.settings.ledger, Some(at), progress)?,
            None => self.begin(progress)?,
        };
        Ok((follower, last.sequence))
    }

    fn begin(&self, progress: LedgerProgress) -> Result<LedgerFollower, LedgerError> {
        let at = self.settings.is_replay.then_some(0);
        LedgerFollower::open(&self.settings.ledger, at, progress)
    }

    /// Behind leaves that are in our ledger as well.
    fn behind(
        &self,
        first: u64,
        theirs: &[&str],
        progress: LedgerProgress,
    ) -> Result<LedgerFollower, LedgerError> {
        let path = &self.settings.ledger;
        let mut follower = LedgerFollower::open(path, Some(first), progress)?;
        let mut theirs = theirs.iter();
        while theirs.len() > 0 {
            let most = LedgerProgress {
                written: (follower.next() + theirs.len() as u64).min(progress.written),
                ..progress
            };
            let ours = follower.read(most, MAX_MESSAGE)?;
            let is_same =
                !ours.is_empty() && ours.iter().all(|line| theirs.next() == Some(&&**line));
            if !is_same {
                return Err(LedgerError::damaged(path, "has other leaves"));
            }
        }
        Ok(follower)
    }

    /// The size of the last head, if it is one of our ledger.
    async fn own_head(&self, link: &NatsConnection, progress: LedgerProgress) -> Option<u64> {
        let settings = &self.settings;
        let last = link.last(&settings.subjects.head(&settings.probe)).await;
        let note = last.ok()??.text;
        let key = settings.key.as_ref().map(PrivateKey::public);
        let head = Head::from_note(&note, key).ok()?;
        let is_ours = head.origin == settings.origin && head.size <= progress.written;
        if !is_ours {
            return None;
        }
        let follower = LedgerFollower::open(&settings.ledger, Some(head.size), progress).ok()?;
        let root: Hash = follower.tree().root();
        (root == head.root).then_some(head.size)
    }
}
