//! What makes a stream: one SSRC from one transport address to another.

use crate::units::Endpoint;

/// A stream's key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    /// Who sends.
    pub src: Endpoint,
    /// To whom.
    pub dst: Endpoint,
    /// The synchronization source (RFC 3550 §3).
    pub ssrc: u32,
}
