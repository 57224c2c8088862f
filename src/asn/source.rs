//! Sources as the configuration names them, why one cannot be loaded, and the counts of what was left
//! out of it.
//!
//! Plain values.

use super::octets::{OctetReader, OctetWriter};
use crate::units::{Second, Timestamp};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where a source is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// A prefix list.
    Prefixes(PathBuf),
    /// A MaxMind-format database.
    Mmdb(PathBuf),
    /// What `location dump` prints.
    Location(PathBuf),
    /// A routing table in MRT.
    Mrt(PathBuf),
    /// Where a router sends what it hears, in BMP: we listen.
    Bmp(SocketAddr),
}

impl Source {
    /// The key it is configured with.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Prefixes(_) => "prefixes",
            Self::Mmdb(_) => "mmdb",
            Self::Location(_) => "location",
            Self::Mrt(_) => "mrt",
            Self::Bmp(_) => "bmp",
        }
    }

    /// Whether it may have AS paths.
    pub const fn has_paths(&self) -> bool {
        match self {
            Self::Prefixes(_) | Self::Mmdb(_) | Self::Location(_) => false,
            Self::Mrt(_) | Self::Bmp(_) => true,
        }
    }

    /// Its file; none for a router.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Prefixes(path) | Self::Mmdb(path) | Self::Location(path) | Self::Mrt(path) => {
                Some(path)
            }
            Self::Bmp(_) => None,
        }
    }

    /// Its name in messages and in the `source` label: the path, or the address.
    pub fn name(&self) -> String {
        match self {
            Self::Prefixes(path) | Self::Mmdb(path) | Self::Location(path) | Self::Mrt(path) => {
                path.display().to_string()
            }
            Self::Bmp(address) => address.to_string(),
        }
    }
}

/// Why a source cannot be loaded. One line, names the file, and line and value where it has them.
#[derive(thiserror::Error, Debug)]
pub enum LoadError {
    /// The file is not there: exit code 69.
    #[error("{}: {source}", path.display())]
    NoFile {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Opening or reading failed, or it is packed and cannot be unpacked.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A line of a list is wrong.
    #[error("{}:{line}: {value} {reason}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What stands there, cut to one short line.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// So much of it is gone that it is more likely to be cut than to be true.
    #[error("{name}: has {after} prefixes, {before} before: shrank by more than {share} %")]
    Shrank {
        /// Which source.
        name: String,
        /// Prefixes in the table in force.
        before: usize,
        /// Prefixes in the one refused.
        after: usize,
        /// The share that may go, in per cent.
        share: f64,
    },
    /// The file as a whole is wrong.
    #[error("{}: {reason}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl LoadError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        let path = path.into();
        if source.kind() == io::ErrorKind::NotFound {
            Self::NoFile { path, source }
        } else {
            Self::Read { path, source }
        }
    }

    /// The name of the source that it is about.
    pub fn source_name(&self) -> String {
        match self {
            Self::NoFile { path, .. }
            | Self::Read { path, .. }
            | Self::Line { path, .. }
            | Self::Format { path, .. } => path.display().to_string(),
            Self::Shrank { name, .. } => name.clone(),
        }
    }

    pub(super) fn format(path: &Path, reason: &str) -> Self {
        Self::Format {
            path: path.into(),
            reason: reason.into(),
        }
    }
}

/// Which data a source is: for who looks at a verdict a year later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Provenance {
    /// When its data was built, as it says itself: a database's `build_epoch`, "Generated" of a location
    /// dump, the newest table's time in MRT; the last news of a router. None where it does not say: a
    /// prefix list never does, and the time of its file is not that of its data.
    pub built: Option<Timestamp>,
    /// The SHA-256 of its file as it stands, packed or not; none where it is none, or was written to
    /// while it was read.
    pub sha256: Option<[u8; 32]>,
}

/// The end of the year 9999, where RFC 3339 ends.
const LAST_SECOND: u64 = 253_402_300_799;

impl Provenance {
    /// Takes a time that the data has, in seconds since 1970; the newest stands, and 0 is none.
    pub(super) fn built_at(&mut self, seconds: u64) {
        if (1..=LAST_SECOND).contains(&seconds) {
            self.built = self.built.max(Some(Second(seconds).start()));
        }
    }

    /// Appends it to a compiled source.
    pub(super) fn write(self, sink: &mut OctetWriter) {
        let Self { built, sha256 } = self;
        sink.one(built.map_or(0, Timestamp::as_nanos));
        sink.list(
            sha256
                .iter()
                .flatten()
                .copied()
                .collect::<Vec<u8>>()
                .into_iter(),
        );
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(super) fn read(scan: &mut OctetReader<'_>) -> Option<Self> {
        let built = Some(scan.one()?).filter(|nanos| *nanos != 0);
        let sha256 = scan.list::<u8>()?;
        Some(Self {
            built: built.map(Timestamp::from_nanos),
            sha256: if sha256.is_empty() {
                None
            } else {
                Some(sha256.try_into().ok()?)
            },
        })
    }
}

/// What was left out of a source, or decided for it: for the operator to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Rows with a prefix or a range; prefixes of a routing table.
    pub rows: u64,
    /// Of these, nobody's: AS 0, `None`, a network or record without a number, a route without
    /// path, and the numbers that are nobody's (23456, 65535).
    pub without_origin: u64,
    /// Prefixes left out because they are default routes, or as good as that: IPv4 shorter than /8,
    /// IPv6 shorter than /12.
    pub default_routes: u64,
    /// Rows that name several ASNs: the lowest stands. Prefixes of a routing table that peers see
    /// with different origins (MOAS): the one that most of them see stands, then the lowest that is
    /// not for private use.
    pub several_origins: u64,
    /// Prefixes of a routing table whose path ends in an AS_SET: the lowest of it stands.
    pub as_sets: u64,
    /// Prefixes that came again with another ASN or path: the first stands.
    pub conflicts: u64,
    /// Records of a routing table's file that hold no unicast routes.
    pub passed_over: u64,
}

/// In a compiled source.
impl Counts {
    /// Appends them.
    pub(super) fn write(self, sink: &mut OctetWriter) {
        let Self {
            rows,
            without_origin,
            default_routes,
            several_origins,
            as_sets,
            conflicts,
            passed_over,
        } = self;
        for count in [
            rows,
            without_origin,
            default_routes,
            several_origins,
            as_sets,
            conflicts,
            passed_over,
        ] {
            sink.one(count);
        }
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(super) fn read(scan: &mut OctetReader<'_>) -> Option<Self> {
        Some(Self {
            rows: scan.one()?,
            without_origin: scan.one()?,
            default_routes: scan.one()?,
            several_origins: scan.one()?,
            as_sets: scan.one()?,
            conflicts: scan.one()?,
            passed_over: scan.one()?,
        })
    }
}
