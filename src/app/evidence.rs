//! Keeps the ledger: a thread of its own writes what the judge hands over, so that a slow disk never
//! holds up the judge.
//!
//! Live, a full queue or a failed write makes a gap of the second: the judge is told, and counts it
//! as not seen. A replay waits instead.

mod keeper;

use super::{AppError, REVISION, VERSION};
use crate::config::checked::Config;
use crate::events;
use crate::export::EvidenceStatus;
use crate::files;
use crate::fleet::follow::LedgerProgress;
use crate::judge::commitment_judge::CommitmentJudge;
use crate::ledger::directory::LedgerError;
use crate::ledger::key::PrivateKey;
use crate::ledger::leaf::{CountingTerms, Leaf, Mode, PartTerms, RULES, SourceTerms, StartLeaf};
use crate::ledger::record::{LeafSink, Recorder, SecondLeaves};
use crate::ledger::tree::Hash;
use crate::ledger::writer::{Durability, LedgerSettings, LedgerWriter};
use crate::sla::measure::Measure;
use crate::units::Second;
use keeper::{LedgerKeeper, publish_head};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// Seconds that wait to be written at most.
const MAX_WAITING: usize = 64;

/// Octets of a key file that are read at most.
const MAX_KEY: u64 = 1 << 16;

/// First and last second that could not be written, and that the judge does not know of yet.
type Unwritten = Arc<Mutex<Option<(Second, Second)>>>;

/// The thread that writes a ledger.
#[derive(Debug)]
pub(super) struct EvidenceThread {
    thread: JoinHandle<Result<(), LedgerError>>,
}

/// Hands the leaves of each second to the thread.
#[derive(Debug)]
pub(super) struct LedgerSink {
    sender: SyncSender<SecondLeaves>,
    /// Waits for room.
    waits: bool,
    start: StartLeaf,
    /// The second that the start leaf was given to the thread with; none: not yet.
    started: Option<Second>,
    unwritten: Unwritten,
    status: Arc<EvidenceStatus>,
}

/// A ledger that is being kept.
#[derive(Debug)]
pub(super) struct RunningLedger {
    /// Takes what the judge says, on the judge's thread.
    pub(super) recorder: Recorder<LedgerSink>,
    /// Who writes it.
    pub(super) thread: EvidenceThread,
    /// How it stands.
    pub(super) status: Arc<EvidenceStatus>,
    /// What the judge goes on with.
    pub(super) resumed: Option<CommitmentJudge>,
    /// Its directory.
    pub(super) directory: PathBuf,
    /// Of a fleet: what its last second was made of, and which this was.
    pub(super) made_of: Option<(Second, Vec<PartTerms>)>,
    /// How far it is written.
    pub(super) progress: watch::Receiver<LedgerProgress>,
}

/// Opens a ledger and begins to keep it, as a configuration says. One that can wait, as a replay can, is
/// new, and whole or nothing.
///
/// # Errors
/// [`AppError`]: the key or the ledger cannot be used.
pub(super) fn start_ledger(
    directory: &Path,
    (mode, can_wait): (Mode, bool),
    sources: Vec<SourceTerms>,
    config: &Config,
) -> Result<RunningLedger, AppError> {
    let (settings, must_hold) = (&config.evidence, can_wait);
    let key = settings.key.as_deref().map(read_key).transpose()?;
    let durability = if can_wait {
        Durability::EachMinute
    } else {
        Durability::EachSecond
    };
    let ledger = LedgerSettings {
        origin: settings.origin.clone(),
        key,
        durability,
    };
    let writer = LedgerWriter::open(directory, ledger)?;
    if must_hold && !writer.is_new() {
        return Err(AppError::LedgerInUse(directory.to_owned()));
    }
    events::evidence(directory, writer.size(), writer.public_key().is_some());
    let counting = counting(config);
    let resumed = writer.resume(&counting).unwrap_or_else(|error| {
        events::windows_begin_anew(&error);
        None
    });
    let status = Arc::new(EvidenceStatus {
        directory: directory.to_owned(),
        ..EvidenceStatus::default()
    });
    publish_head(&status, &writer);
    let start = StartLeaf {
        time: Second::default(),
        mode,
        version: VERSION.into(),
        revision: REVISION.into(),
        rules: RULES,
        measures: Measure::ALL.map(|measure| measure.as_str().into()).into(),
        sources,
    };
    let (sender, receiver) = sync_channel(MAX_WAITING);
    let unwritten = Unwritten::default();
    let sink = LedgerSink {
        sender,
        waits: can_wait || mode == Mode::Fleet,
        start,
        started: None,
        unwritten: unwritten.clone(),
        status: status.clone(),
    };
    let (sender_of_progress, progress) = watch::channel(LedgerProgress {
        sealed: writer.size(),
        written: writer.written(),
        ..LedgerProgress::default()
    });
    let keeper = LedgerKeeper {
        progress: sender_of_progress,
        held: None,
        writer,
        days: settings.keep_days,
        forgotten_before: String::new(),
        unwritten,
        status: status.clone(),
        logged: None,
        request_failed: None,
        head_logged: String::new(),
        must_hold,
    };
    let thread = std::thread::Builder::new()
        .name("ledger".into())
        .spawn(move || keeper.run(&receiver))
        .map_err(|source| AppError::System {
            what: "starting a thread",
            source,
        })?;
    let mut recorder = Recorder::new(sink, counting);
    let mut made_of = None;
    let resumed = resumed.map(|resumed| {
        events::windows_go_on(resumed.last);
        recorder.resume(resumed.last, resumed.standing);
        made_of = Some((resumed.last, resumed.made_of));
        if mode == Mode::Fleet {
            // Another aggregator beside it did not stop: its leaves are the same.
            recorder.resume_terms(resumed.judge.policy().clone(), resumed.tables);
        }
        resumed.judge
    });
    Ok(RunningLedger {
        recorder,
        thread: EvidenceThread { thread },
        status,
        resumed,
        directory: directory.to_owned(),
        made_of,
        progress,
    })
}

/// A source of frames that has no hash.
pub(super) fn unhashed_source(name: &str) -> SourceTerms {
    SourceTerms {
        name: name.into(),
        sha256: None,
    }
}

impl EvidenceThread {
    /// Waits until everything is written and sealed. The recorder must be gone.
    ///
    /// # Errors
    /// [`AppError`]: the ledger of a replay is not whole.
    pub(super) fn finish(self) -> Result<(), AppError> {
        let written = self.thread.join();
        let written = written.map_err(|_| AppError::Panicked("ledger"))?;
        Ok(written?)
    }
}

impl LeafSink for LedgerSink {
    fn accept(&mut self, mut leaves: SecondLeaves) {
        let second = leaves.second;
        if self.started.is_none() {
            self.started = Some(second);
            let start = StartLeaf {
                time: second,
                ..self.start.clone()
            };
            leaves.leaves.insert(0, Leaf::Start(start));
        }
        if self.waits {
            // the thread has ended only after a failure, and will say which
            let _ = self.sender.send(leaves);
        } else if self.sender.try_send(leaves).is_err() {
            note_unwritten(&self.unwritten, second);
            self.status.unwritten.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn take_unwritten(&mut self) -> Option<(Second, Second)> {
        let mut unwritten = self
            .unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (first, last) = unwritten.take()?;
        // Where the start leaf was not written either, it is to come.
        self.started = self
            .started
            .filter(|started| !(first..=last).contains(started));
        Some((first, last))
    }
}

fn note_unwritten(unwritten: &Unwritten, second: Second) {
    let mut known = unwritten.lock().unwrap_or_else(PoisonError::into_inner);
    let (first, last) = known.unwrap_or((second, second));
    *known = Some((first.min(second), last.max(second)));
}

/// Reads the private key, which nobody but its owner may read.
pub(super) fn read_key(path: &Path) -> Result<PrivateKey, AppError> {
    let text = files::read_text(path, MAX_KEY).map_err(AppError::read(path))?;
    let mode = path.metadata().map_err(AppError::read(path))?.mode();
    if mode & 0o077 != 0 {
        events::key_readable(path, mode & 0o777);
    }
    PrivateKey::from_pem(&text).map_err(|error| AppError::Key {
        path: path.to_owned(),
        error,
    })
}

/// Settings that change what is counted.
pub(super) fn counting(config: &Config) -> CountingTerms {
    let text =
        |prefixes: &[crate::units::Prefix]| prefixes.iter().map(ToString::to_string).collect();
    CountingTerms {
        deduplicate: config.capture.deduplicate,
        voice_ports: config.voice.ports.clone(),
        voice_prefixes: text(&config.voice.prefixes),
        sip_ports: config.voice.sip_ports.clone(),
        max_streams: config.voice.max_streams,
        stream_timeout: config.voice.stream_timeout.as_secs(),
        local_prefixes: text(&config.asn.local_prefixes),
        own: config.asn.own.iter().map(|asn| asn.0).collect(),
        ..CountingTerms::default()
    }
    .with_silence(config.voice.silence_limit, config.voice.silence_share)
}

/// Capture files with their hashes; standard input has none.
///
/// # Errors
/// [`AppError`]: a file cannot be read.
pub(super) fn capture_sources(captures: &[PathBuf]) -> Result<Vec<SourceTerms>, AppError> {
    let source = |path: &PathBuf| {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy();
        if path.as_os_str() == "-" {
            return Ok(unhashed_source(&name));
        }
        let hash = files::open(path).and_then(Hash::read);
        Ok(SourceTerms {
            sha256: Some(hash.map_err(AppError::read(path))?.to_string()),
            ..unhashed_source(&name)
        })
    };
    captures.iter().map(source).collect()
}
