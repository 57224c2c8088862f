//! Follows the ledger of another meter: asks for its head, checks that it goes on from all that was seen, and
//! keeps it, cosigned.
//!
//! A fork ends it. Whoever cannot be reached is asked again.

use super::{AppError, REVISION, VERSION, current_thread_runtime};
use crate::clock;
use crate::events;
use crate::export::http::fetch::{FetchError, RemoteMeter};
use crate::ledger::checkpoint::{MAX_NOTE, SignedCheckpoint};
use crate::ledger::consistency::{TileName, Tiles, tiles_for};
use crate::ledger::key::PublicKey;
use crate::ledger::tree::Hash;
use crate::ledger::witness::{Cosigner, Witness, WitnessError};
use crate::units::Second;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Octets of a hash.
const HASH: usize = 32;

/// What a witness follows, and where it keeps what it has seen.
#[derive(Debug)]
pub struct WitnessRequest {
    /// The meter.
    pub remote: RemoteMeter,
    /// Where its heads are kept.
    pub directory: PathBuf,
    /// Who cosigns.
    pub cosigner: Option<Cosigner>,
    /// The meter's key, where it is known.
    pub meter_key: Option<PublicKey>,
    /// A file for node_exporter's textfile collector.
    pub metrics: Option<PathBuf>,
    /// Ask once.
    pub once: bool,
    /// Time between two questions.
    pub interval: Duration,
}

/// Why a meter's head was not taken.
#[derive(thiserror::Error, Debug)]
pub enum FollowError {
    /// It cannot be asked.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It keeps no ledger, or has sealed nothing yet.
    #[error("it has no checkpoint yet")]
    Nothing,
    /// What it answers is no checkpoint, no key or no tile.
    #[error("its {0} is none")]
    Form(&'static str),
    /// Its head is refused.
    #[error(transparent)]
    Witness(#[from] WitnessError),
}

impl FollowError {
    /// The exit code: 2 for a wrong URL, 78 for certificates, 69 where asking again may help, 1 for a fork.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Fetch(FetchError::Url(_)) => 2,
            Self::Fetch(FetchError::Roots(_)) => 78,
            _ if self.is_passing() => 69,
            _ => 1,
        }
    }

    /// Whether asking again may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Fetch(_) | Self::Nothing | Self::Form(_) => true,
            // a head may have been replaced while its tiles were read
            Self::Witness(error) => matches!(error, WitnessError::Unproven(_)),
        }
    }
}

/// Follows a meter until it forks, or once.
///
/// # Errors
/// [`AppError`].
pub fn follow(request: WitnessRequest) -> Result<(), AppError> {
    let mut witness = Witness::open(&request.directory, request.cosigner, request.meter_key)?;
    let runtime = current_thread_runtime()?;
    let mut standing = WitnessMetrics::default();
    loop {
        let taken = runtime.block_on(ask(&request.remote, &mut witness));
        let now = clock::now().second();
        if let Some(head) = witness.head() {
            standing.origin.clone_from(&head.checkpoint.origin);
            standing.leaves = head.checkpoint.size;
        }
        standing.disagrees = taken.as_ref().is_err_and(|error| !error.is_passing());
        match &taken {
            Ok(is_new) => {
                standing.seen = now;
                if let Some(head) = witness.head().filter(|_| *is_new || request.once) {
                    let checkpoint = &head.checkpoint;
                    events::head_witnessed(&checkpoint.origin, checkpoint.size, &checkpoint.root);
                }
            }
            Err(error) if error.is_passing() && !request.once => {
                events::head_not_witnessed(error);
            }
            // it is said by who ends
            Err(_) => {}
        }
        if let Some(path) = &request.metrics {
            standing.write(path)?;
        }
        match taken {
            Err(error) if request.once || !error.is_passing() => return Err(error.into()),
            Ok(_) if request.once => return Ok(()),
            Ok(_) | Err(_) => clock::wait(request.interval),
        }
    }
}

/// Asks for the head and takes it. Returns whether it is a new one.
async fn ask(remote: &RemoteMeter, witness: &mut Witness) -> Result<bool, FollowError> {
    let note = remote.get("evidence/checkpoint", MAX_NOTE).await?;
    let note = note.ok_or(FollowError::Nothing)?;
    let note = std::str::from_utf8(&note)
        .ok()
        .and_then(SignedCheckpoint::from_note);
    let note = note.ok_or(FollowError::Form("checkpoint"))?;
    let is_signed = !note.signatures.is_empty();
    if is_signed && witness.meter_key().is_none() {
        let pem = remote.get("evidence/ledger.pub", MAX_NOTE).await?;
        let pem = pem.ok_or(FollowError::Form("key"))?;
        let key = PublicKey::from_pem(&String::from_utf8_lossy(&pem));
        let key = key.map_err(|_| FollowError::Form("key"))?;
        if !note.is_signed_by(key) {
            return Err(FollowError::Form("key"));
        }
        events::key_on_first_use(&note.checkpoint.origin);
        witness.keep_key(key).map_err(WitnessError::from)?;
    }
    let new = note.checkpoint.size;
    let old = witness.head().map_or(0, |head| head.checkpoint.size);
    let mut tiles = Tiles::new();
    // a head of as many or fewer leaves needs none
    if old < new {
        for name in tiles_for(old, new) {
            tiles.insert(name, tile(remote, name).await?);
        }
    }
    Ok(witness.take(&note, &tiles, clock::now().second())?)
}

async fn tile(remote: &RemoteMeter, name: TileName) -> Result<Vec<Hash>, FollowError> {
    let octets = remote
        .get(&format!("evidence/{}", name.path()), HASH * name.width)
        .await?;
    let octets = octets.ok_or(FollowError::Form("tile"))?;
    let (hashes, rest) = octets.as_chunks::<HASH>();
    let is_whole = rest.is_empty() && hashes.len() == name.width;
    is_whole
        .then(|| hashes.iter().copied().map(Hash).collect())
        .ok_or(FollowError::Form("tile"))
}

/// The metrics of a witness.
#[derive(Debug, Default)]
struct WitnessMetrics {
    origin: String,
    leaves: u64,
    /// When the meter was last seen, and agreed.
    seen: Second,
    disagrees: bool,
}

impl WitnessMetrics {
    /// Writes the file for node_exporter's textfile collector, as a whole.
    fn write(&self, path: &Path) -> Result<(), AppError> {
        let rows = [
            (
                "disagrees",
                "1 if the meter showed a head that excludes one that it showed before",
                u64::from(self.disagrees),
            ),
            (
                "leaves",
                "Leaves of the last head that was kept",
                self.leaves,
            ),
            (
                "seen_timestamp_seconds",
                "When the meter was last asked and its head went on from all before",
                self.seen.0,
            ),
        ];
        let mut text = format!("# asnmeter {VERSION} ({REVISION})\n");
        let origin = self.origin.replace('\\', "\\\\").replace('"', "\\\"");
        for (name, help, value) in rows {
            // writing to a String cannot fail
            let _ = write!(
                text,
                "# HELP asnmeter_witness_{name} {help}\n# TYPE asnmeter_witness_{name} gauge\n\
                 asnmeter_witness_{name}{{origin=\"{origin}\"}} {value}\n"
            );
        }
        let aside = path.with_extension("new");
        let written = std::fs::write(&aside, text).and_then(|()| std::fs::rename(&aside, path));
        written.map_err(|source| AppError::Write {
            path: path.to_owned(),
            source,
        })
    }
}
