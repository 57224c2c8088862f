//! The credit of a contract where its guarantees were not kept. Nothing of it is judged: a report says
//! which step was reached. No money.

use crate::units::Ratio;

/// Steps of a contract at most.
pub const MAX_CREDIT_STEPS: usize = 32;

/// A step: below a share of kept seconds, a part of the price.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CreditStep {
    /// The share of the seconds with a verdict that are `met`; above 0.
    pub below: Ratio,
    /// What is credited below it; above 0.
    pub credit: Ratio,
}

/// Why a list of steps is none: the place of the first that does not go on from the one before.
///
/// # Errors
/// The place, and the reason.
pub fn check(steps: &[CreditStep]) -> Result<(), (usize, String)> {
    if steps.len() > MAX_CREDIT_STEPS {
        let reason = format!("is one more than {MAX_CREDIT_STEPS} steps");
        return Err((MAX_CREDIT_STEPS, reason));
    }
    for (place, pair) in (1..).zip(steps.windows(2)) {
        if let [before, step] = pair
            && !(step.below < before.below && step.credit > before.credit)
        {
            let reason = "has to be below a smaller share than the step before, and credit more";
            return Err((place, reason.into()));
        }
    }
    Ok(())
}
