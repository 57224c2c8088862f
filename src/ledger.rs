//! The ledger: what every verdict rests on, kept so that anybody can recompute it a year later.
//!
//! [`record`] makes leaves of what the judge says; [`writer`] appends them to a directory and seals
//! each minute with a checkpoint, [`recovery`] finds where to go on after a stop of any kind, and
//! [`resume`] with which windows;
//! [`rejudge`] judges again what was counted, [`verify`] reads a ledger as the other side would, [`select`] says which leaves somebody asks for,
//! [`requests`] is what people ask its writer to enter. [`leaf`] is the form of what is written,
//! [`tree`], [`tiles`], [`checkpoint`], [`key`] and [`key_change`] make it tamper-evident. docs/EVIDENCE.md is the
//! contract for all of it.
//!
//! One writer per directory. It does I/O, but reads no clock; the threads of [`verify`] end with its call.

pub mod amended;
pub mod checkpoint;
pub mod consistency;
pub mod cosignature;
pub mod directory;
pub mod identity;
pub mod key;
pub mod key_change;
pub mod leaf;
pub mod read;
pub mod record;
pub mod recovery;
pub mod rejudge;
pub mod requests;
pub mod resume;
mod second_group;
pub mod select;
pub mod settled;
pub mod settler;
pub mod tiles;
pub mod tree;
pub mod verify;
pub mod witness;
pub mod writer;

#[cfg(test)]
mod tests;
