//! Asks the writer of a ledger to enter something: a request that the running meter takes up, and where none
//! runs the command is the writer.

use super::AppError;
use super::evidence::read_key;
use crate::clock;
use crate::ledger::directory::{LedgerDirectory, LedgerError};
use crate::ledger::identity;
use crate::ledger::key_change;
use crate::ledger::leaf::{KeyLeaf, Leaf};
use crate::ledger::requests::{self, RequestOutcome};
use crate::ledger::select::last_day;
use crate::ledger::writer::{Durability, LedgerSettings, LedgerWriter};
use crate::units::Second;
use std::io::ErrorKind;
use std::path::Path;

/// What became of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EntryOutcome {
    /// This leaf was entered.
    Entered(Leaf),
    /// It had been entered before.
    Known,
    /// It waits for the meter that writes the ledger; why.
    Waits(&'static str),
}

/// Asks for a change of a ledger's key. The next start with the new one makes it; where no meter writes the ledger
/// the open minute is sealed by the old key here.
///
/// # Errors
/// [`AppError`]: the old key is not that of the ledger, or what the system says.
pub fn change_key(path: &Path, old: &Path, new: &Path) -> Result<EntryOutcome, AppError> {
    let directory = LedgerDirectory::new(path);
    let origin = identity::origin(&directory)?;
    let (old_key, new_key) = (read_key(old)?, read_key(new)?);
    if key_change::current(&directory)? != Some(old_key.public()) {
        let reason = format!("{}: does not sign this ledger", old.display());
        return Err(AppError::Refused(reason));
    }
    let leaf = KeyLeaf::signed(&origin, &old_key, &new_key);
    if leaf.keys(&origin).is_none() {
        let reason = format!("{}: is the same key", new.display());
        return Err(AppError::Refused(reason));
    }
    requests::put(&directory, &Leaf::Key(leaf))?;
    let settings = LedgerSettings {
        origin,
        key: Some(old_key),
        durability: Durability::EachSecond,
    };
    match LedgerWriter::open(path, settings) {
        Ok(mut writer) => writer.seal()?,
        // The meter that runs seals when it stops.
        Err(LedgerError::Locked(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(EntryOutcome::Waits(
        "it is made by the next start with the new key",
    ))
}

/// Asks for a leaf. Where no meter writes the ledger it is entered here: a signed one with its key.
///
/// # Errors
/// [`AppError`]: nobody can ask for that, it is no ledger, or what the system says.
pub fn ask(path: &Path, leaf: &Leaf, key: Option<&Path>) -> Result<EntryOutcome, AppError> {
    let directory = LedgerDirectory::new(path);
    let origin = identity::origin(&directory)?;
    requests::check(leaf).map_err(AppError::Refused)?;
    let day = last_day(&directory)?;
    if let Leaf::Exclusion(exclusion) = leaf {
        let names = day.contracts;
        if !names.is_empty() && !names.contains(&exclusion.commitment) {
            return Err(AppError::Refused(format!(
                "no commitment is named {:?}; there are: {}",
                exclusion.commitment,
                names.into_iter().collect::<Vec<_>>().join(", ")
            )));
        }
    }
    let key = key.map(read_key).transpose()?;
    requests::put(&directory, leaf)?;
    if key.is_none() && identity::public_key_pem(&directory)?.is_some() {
        return Ok(EntryOutcome::Waits(
            "a running meter takes it with its next second, another one at its start",
        ));
    }
    let settings = LedgerSettings {
        origin,
        key,
        durability: Durability::EachSecond,
    };
    let mut writer = match LedgerWriter::open(path, settings) {
        Ok(writer) => writer,
        Err(LedgerError::Locked(_)) => {
            return Ok(EntryOutcome::Waits(
                "the running meter takes it with its next second",
            ));
        }
        Err(LedgerError::System { source, .. }) if source.kind() == ErrorKind::PermissionDenied => {
            return Ok(EntryOutcome::Waits(
                "only the meter's user writes this ledger: the meter takes it with its next second",
            ));
        }
        Err(error) => return Err(error.into()),
    };
    // Not before what stands in the ledger, whatever this clock says.
    let now = day.last.max(Some(clock::now().second()));
    let outcomes = writer.take_requests(now.unwrap_or_default())?;
    writer.seal()?;
    let asked_for = requests::asked(leaf, Second::default());
    let entered = outcomes.into_iter().find_map(|(_, outcome)| match outcome {
        RequestOutcome::Entered(entered) => {
            let is_ours = requests::asked(&entered, Second::default()) == asked_for;
            is_ours.then_some(entered)
        }
        RequestOutcome::Known | RequestOutcome::Refused(_) => None,
    });
    Ok(entered.map_or(EntryOutcome::Known, EntryOutcome::Entered))
}
