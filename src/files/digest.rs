//! SHA-256 of whole files, as `sha256sum` prints it. No state.

use super::Load;
use ring::digest::{Context, SHA256};
use std::io::{self, Read};

/// Octets that are read at once.
const CHUNK: usize = 1 << 18;

/// The SHA-256 of all octets of a reader; where `load` is given, for as long as it is wanted.
///
/// # Errors
/// Those of the reader; an error if the load was cancelled.
pub fn sha256(mut from: impl Read, load: Option<&Load>) -> io::Result<[u8; 32]> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; CHUNK];
    loop {
        load.map_or(Ok(()), Load::check_cancelled)?;
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => context.update(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    Ok(hash)
}
