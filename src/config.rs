//! The configuration in two tiers: [`file`] is what is written, [`checked`] what it means.
//! Everything else takes parameters; only `app` and `cli` read a [`checked::Config`].

pub mod checked;
pub mod file;
