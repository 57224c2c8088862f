//! What people enter into a ledger: exclusions and revisions, each once.

use super::{LedgerWriter, push_line};
use crate::ledger::directory::LedgerError;
use crate::ledger::key::PublicKey;
use crate::ledger::leaf::Leaf;
use crate::ledger::requests::{self, MAX_ENTERED, RequestOutcome};
use crate::units::Second;

impl LedgerWriter {
    /// What was entered before; what the open minute has and the index has not is noted there.
    pub(super) fn recover_entered(&mut self) -> Result<(), LedgerError> {
        let index = requests::index(&self.directory)?;
        self.entered = index.into_iter().map(|(_, leaf)| leaf).collect();
        let Some((day, _)) = &self.day else {
            return Ok(());
        };
        let open = self.lines.lines().map(Leaf::from_line);
        let open = open.filter_map(Result::ok);
        for leaf in open.filter(|leaf| matches!(leaf, Leaf::Exclusion(_) | Leaf::Revision(_))) {
            if !self.entered.contains(&leaf) {
                requests::note(&self.directory, day, &leaf)?;
                self.entered.push(leaf);
            }
        }
        Ok(())
    }

    /// Enters what people ask for, behind the leaves of the last second, as entered at a time. What
    /// became of each that has not been reported before, by the name of its file.
    ///
    /// # Errors
    /// [`LedgerError`]: what is not entered yet waits.
    pub fn take_requests(
        &mut self,
        now: Second,
    ) -> Result<Vec<(String, RequestOutcome)>, LedgerError> {
        let mut outcomes = Vec::new();
        for (name, asked) in requests::pending(&self.directory)? {
            let outcome = match asked {
                Ok(leaf) => self.enter(&leaf, now)?,
                Err(reason) => RequestOutcome::Refused(reason),
            };
            let is_new = match &outcome {
                RequestOutcome::Entered(_) => true,
                RequestOutcome::Known | RequestOutcome::Refused(_) => self.reported.is_new(&name),
            };
            if !matches!(outcome, RequestOutcome::Refused(_)) {
                requests::remove(&self.directory, &name)?;
            }
            if is_new {
                outcomes.push((name, outcome));
            }
        }
        Ok(outcomes)
    }

    fn enter(&mut self, asked: &Leaf, now: Second) -> Result<RequestOutcome, LedgerError> {
        if let Leaf::Key(change) = asked {
            let ours = self.public_key().map(PublicKey::to_base64);
            return Ok(if ours.as_ref() == Some(&change.public) {
                RequestOutcome::Known
            } else {
                RequestOutcome::Refused("the key is changed by a start with the new one".into())
            });
        }
        if self.key_change.is_some() {
            let reason = "the first second under the new key is to be written before";
            return Ok(RequestOutcome::Refused(reason.into()));
        }
        let Some((day, _)) = self.day.clone() else {
            return Ok(RequestOutcome::Refused("the ledger is empty".into()));
        };
        let at_no_time = |leaf: &Leaf| requests::asked(leaf, Second::default());
        let asked_for = at_no_time(asked);
        if self
            .entered
            .iter()
            .any(|leaf| at_no_time(leaf) == asked_for)
        {
            return Ok(RequestOutcome::Known);
        }
        if self.entered.len() >= MAX_ENTERED {
            let reason =
                format!("{MAX_ENTERED} entries are in the ledger: there is no room for more");
            return Ok(RequestOutcome::Refused(reason));
        }
        let leaf = requests::asked(asked, now);
        let mut line = String::new();
        push_line(&mut line, &leaf);
        self.write_open(&line)?;
        self.lines.push_str(&line);
        self.open_leaves += 1;
        self.entered.push(leaf.clone());
        requests::note(&self.directory, &day, &leaf)?;
        Ok(RequestOutcome::Entered(leaf))
    }
}
