//! What a history is asked for, and why it is not answered.

use crate::ledger::directory::LedgerError;
use crate::report::minutes::SECONDS_IN_MINUTE;
use crate::units::Second;
use std::path::PathBuf;

/// Steps of an answer at most: a day by minutes, 62 days by hours.
pub const MAX_STEPS: u64 = 1500;

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryRequest {
    /// The contract.
    pub commitment: String,
    /// The ASN.
    pub asn: u32,
    /// The first second; a whole minute.
    pub from: Second,
    /// The second behind the last; a whole minute.
    pub until: Second,
    /// Seconds of a step; whole minutes.
    pub step: u64,
}

/// Why there is no answer.
#[derive(thiserror::Error, Debug)]
pub enum HistoryError {
    /// What is asked cannot be answered.
    #[error("{0}")]
    Request(String),
    /// No such contract.
    #[error("no commitment is named {name:?}; there are: {known}")]
    Commitment {
        /// As asked.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A leaf says what does not fit.
    #[error("{}: {reason}", path.display())]
    Leaf {
        /// The part of the ledger.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl HistoryRequest {
    /// Whether it can be answered at all.
    ///
    /// # Errors
    /// [`HistoryError::Request`].
    pub fn check(&self) -> Result<(), HistoryError> {
        let Self {
            from, until, step, ..
        } = self;
        let refused = |reason: String| Err(HistoryError::Request(reason));
        let is_whole = |seconds: u64| seconds.is_multiple_of(SECONDS_IN_MINUTE);
        if ![from.0, until.0, *step].into_iter().all(is_whole) || *step == 0 {
            return refused("from, until and step are whole minutes".into());
        }
        let Some(length) = until.0.checked_sub(from.0).filter(|length| *length > 0) else {
            return refused(format!("from {from} until {until} is no time"));
        };
        if !length.is_multiple_of(*step) || length / step > MAX_STEPS {
            return refused(format!(
                "{length} s in steps of {step} s: at most {MAX_STEPS} whole steps are answered"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(from: u64, until: u64, step: u64) -> HistoryRequest {
        HistoryRequest {
            commitment: "a".into(),
            asn: 1,
            from: Second(from),
            until: Second(until),
            step,
        }
    }

    #[test]
    fn only_whole_minutes_and_so_many_steps_are_answered() {
        for (from, until, step) in [(0, 3600, 60), (60, 90_060, 60), (0, 2_592_000, 3600)] {
            assert!(request(from, until, step).check().is_ok());
        }
        for (from, until, step) in [
            (0, 0, 60),
            (60, 0, 60),
            (0, 3600, 0),
            (0, 3600, 90),
            (1, 61, 60),
            (0, 3600, 420),
            (0, 60 * 1501, 60),
        ] {
            assert!(
                request(from, until, step).check().is_err(),
                "{from} {until} {step}"
            );
        }
    }
}
