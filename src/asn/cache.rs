//! Caches compiled sources in files of our own, because a whole table takes a second from its text.
//!
//! One file a source, in the directory that the configuration or the service names, written aside
//! and renamed into place. It is good for exactly the file it was made from (path, length, time of
//! writing) under the same own numbers and the same version of the program's reading. Refuses
//! whatever is cut, altered or not in order: the source is read then, as if there were no cache. A
//! file that is good by its checksum may still be anybody's, so nothing in it is taken on trust.

#[cfg(test)]
mod tests;

use super::names::AsnNames;
use super::octets::{OctetReader, OctetWriter};
use super::origin_paths::OriginPaths;
use super::source::{Counts, Provenance, Source};
use super::table::Sorted;
use crate::files;
use crate::units::Asn;
use flate2::Crc;
use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The first octets of a file. The number is that of the format and of the rules by which sources
/// are read: whoever changes either counts it up.
const MAGIC: &[u8; 16] = b"asnmeter table 3";

/// Octets of a file. A guess with room to spare: Debian's libloc-database takes 18 MiB.
const MAX_FILE: u64 = 1 << 30;

/// What a source is when it has been read.
#[derive(Debug, Default)]
pub(super) struct CompiledSource {
    pub(super) prefixes: Sorted,
    pub(super) announced: OriginPaths,
    pub(super) names: AsnNames,
    pub(super) counts: Counts,
    pub(super) provenance: Provenance,
}

/// Which file, in which state, read how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CacheKey(Vec<u8>);

impl CacheKey {
    /// The key of a source's file as it is now; none where the system does not say.
    pub(super) fn new(source: &Source, own: &HashSet<Asn>) -> Option<Self> {
        let path = source.path()?;
        let metadata = fs::metadata(path).ok()?;
        let mut own: Vec<u32> = own.iter().map(|asn| asn.0).collect();
        own.sort_unstable();
        let mut sink = OctetWriter::default();
        sink.list(source.kind().bytes());
        sink.list(path.as_os_str().as_encoded_bytes().iter().copied());
        sink.one(metadata.len());
        sink.one(written(&metadata)?);
        sink.list(own.into_iter());
        Some(Self(sink.0))
    }
}

/// When a file was last written, in nanoseconds since 1970.
fn written(metadata: &Metadata) -> Option<u64> {
    let modified = metadata.modified().ok()?;
    let since_epoch = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since_epoch.as_nanos()).ok()
}

/// The file for a source: beside the kind a number of the path, so that no path can name a place
/// outside of the directory.
fn place(directory: &Path, source: &Source) -> Option<PathBuf> {
    let path = source.path()?.as_os_str().as_encoded_bytes();
    // FNV-1a (Fowler, Noll, Vo): the same in every build; who shares a number overwrites, no more
    let number = path.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3)
    });
    Some(directory.join(format!("{}-{number:016x}.table", source.kind())))
}

/// What was kept of a source; none if nothing is, or nothing that is good.
pub(super) fn read(directory: &Path, source: &Source, key: &CacheKey) -> Option<CompiledSource> {
    let file = files::open(&place(directory, source)?).ok()?;
    let length = file.metadata().ok()?.len();
    if length > MAX_FILE {
        return None;
    }
    let mut octets = Vec::with_capacity(usize::try_from(length).ok()?);
    file.take(MAX_FILE).read_to_end(&mut octets).ok()?;
    decode(&octets, key)
}

/// Keeps a source.
///
/// # Errors
/// What the system says where the directory cannot be written.
pub(super) fn write(
    directory: &Path,
    source: &Source,
    key: &CacheKey,
    compiled: &CompiledSource,
) -> io::Result<()> {
    let Some(path) = place(directory, source) else {
        return Ok(());
    };
    fs::create_dir_all(directory)?;
    // a name that nobody else who writes at the same time has
    let number = RandomState::new().hash_one(&path);
    let aside = path.with_extension(format!("{number:016x}.new"));
    let result = File::create_new(&aside)
        .and_then(|mut file| file.write_all(&encode(compiled, key)))
        // not forced to the disk first: a file that a crash cut is refused by its checksum
        .and_then(|()| fs::rename(&aside, &path));
    if result.is_err() {
        // or the next attempt would stumble over it
        let _ = fs::remove_file(&aside);
    }
    result
}

fn encode(compiled: &CompiledSource, key: &CacheKey) -> Vec<u8> {
    let mut sink = OctetWriter(MAGIC.to_vec());
    sink.list(key.0.iter().copied());
    compiled.counts.write(&mut sink);
    compiled.provenance.write(&mut sink);
    compiled.prefixes.write(&mut sink);
    compiled.announced.write(&mut sink);
    compiled.names.write(&mut sink);
    let sum = checksum(&sink.0);
    sink.one(sum);
    sink.0
}

fn decode(octets: &[u8], key: &CacheKey) -> Option<CompiledSource> {
    let (octets, sum) = octets.split_last_chunk()?;
    let mut scan = OctetReader(octets.strip_prefix(MAGIC)?);
    if scan.list::<u8>()? != key.0 || checksum(octets) != u32::from_le_bytes(*sum) {
        return None;
    }
    let counts = Counts::read(&mut scan)?;
    let provenance = Provenance::read(&mut scan)?;
    let prefixes = Sorted::read(&mut scan)?;
    let announced = OriginPaths::read(&mut scan)?;
    let names = AsnNames::read(&mut scan)?;
    if !scan.0.is_empty() || !prefixes.values().all(|value| announced.has(value)) {
        return None;
    }
    Some(CompiledSource {
        prefixes,
        announced,
        names,
        counts,
        provenance,
    })
}

/// CRC-32 (RFC 1952 §8): against accidents, not against forgery.
fn checksum(octets: &[u8]) -> u32 {
    let mut sum = Crc::new();
    sum.update(octets);
    sum.sum()
}
