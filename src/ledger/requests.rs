//! What people ask the one writer of a ledger to enter: a file each in `requests/`, and the index of what
//! was entered (docs/EVIDENCE.md §8).
//!
//! A request is the line of the leaf that is asked for, entered at no time yet: when it is entered the
//! writer says, so that nobody can announce something earlier than he did. Whoever can write into
//! the directory is not trusted any further: names, sizes, kinds of files and values are checked.

use super::directory::{LedgerDirectory, LedgerError};
use super::leaf::{ExclusionLeaf, Leaf, MAX_ASNS, RevisionLeaf};
use super::tree::Hash;
use crate::units::Second;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;

/// The directory of requests. Its group may write into it: it is the operators'.
const DIRECTORY: &str = "requests";

/// Permissions of that directory.
const DIRECTORY_MODE: u32 = 0o770;

/// Permissions of a request: the writer, another user, reads it.
const FILE_MODE: u32 = 0o644;

/// The index of what was entered: the day of its file, and the leaf. It follows from the leaves.
const INDEX: &str = "entered.jsonl";

/// Octets of a request that are read at most.
pub const MAX_REQUEST: u64 = 1 << 20;

/// Names in the directory that are looked at in one go.
pub const MAX_REQUESTS: usize = 256;

/// Entries of a ledger at most: two a day in a dozen years.
pub const MAX_ENTERED: usize = 10_000;

/// Octets of the index that are read at most.
const MAX_INDEX: u64 = 256 << 20;

/// Characters of a reason at most.
pub const MAX_REASON: usize = 500;

/// Seconds of an exclusion or of a revised period at most.
pub const MAX_SECONDS: u64 = 367 * 86_400;

/// Hexadecimal digits of a request's name.
const NAME_DIGITS: usize = 32;

/// A request that waits: the name of its file, and what it asks for or why it is refused.
type PendingRequest = (String, Result<Leaf, String>);

/// What became of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RequestOutcome {
    /// This leaf was entered for it.
    Entered(Leaf),
    /// It had been entered before.
    Known,
    /// It stays where it is, and is reported once; why.
    Refused(String),
}

/// The names in the directory that were reported.
#[derive(Debug, Default)]
pub(super) struct RequestNames(BTreeSet<String>);

impl RequestNames {
    /// Whether to report it: it is the first time, and there is room to remember it.
    pub(super) fn is_new(&mut self, name: &str) -> bool {
        self.0.len() < MAX_REQUESTS && self.0.insert(name.to_owned())
    }
}

/// Creates the directory, if it is not there.
///
/// # Errors
/// The system's error.
pub fn prepare(directory: &LedgerDirectory) -> Result<(), LedgerError> {
    let path = directory.file(DIRECTORY);
    let failed = || LedgerError::system(&path);
    match DirBuilder::new().mode(DIRECTORY_MODE).create(&path) {
        // whatever the umask has taken away
        Ok(()) => fs::set_permissions(&path, Permissions::from_mode(DIRECTORY_MODE))
            .map_err(failed())
            .and_then(|()| directory.sync()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed()(error)),
    }
}

/// Puts a request into the directory: all of it or nothing, whatever happens. The same request again
/// is the same file.
///
/// # Errors
/// The system's error.
pub fn put(directory: &LedgerDirectory, leaf: &Leaf) -> Result<PathBuf, LedgerError> {
    prepare(directory)?;
    let line = asked(leaf, Second::default()).to_line();
    let mut name = Hash::of(line.as_bytes()).to_string();
    name.truncate(NAME_DIGITS);
    let folder = directory.file(DIRECTORY);
    let path = folder.join(format!("{name}.json"));
    let aside = folder.join(format!("{name}.{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let mut file = directory.open(&aside, &mut options)?;
    let written = file
        .write_all(line.as_bytes())
        .and_then(|()| file.set_permissions(Permissions::from_mode(FILE_MODE)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&aside, &path));
    written.map_err(LedgerError::system(&path))?;
    LedgerDirectory::new(&folder).sync()?;
    Ok(path)
}

/// The requests that wait, by name: what each asks for, or why it is refused.
///
/// # Errors
/// What the system says of the directory.
pub(super) fn pending(directory: &LedgerDirectory) -> Result<Vec<PendingRequest>, LedgerError> {
    let folder = directory.file(DIRECTORY);
    let failed = || LedgerError::system(&folder);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed()(error)),
    };
    let mut names = Vec::new();
    for entry in entries.take(MAX_REQUESTS) {
        let name = entry.map_err(failed())?.file_name();
        let name = name.to_string_lossy().into_owned();
        // one that is being written
        if name.rsplit_once('.').is_none_or(|(_, end)| end != "new") {
            names.push(name);
        }
    }
    names.sort();
    let folder = LedgerDirectory::new(&folder);
    let read = |name: String| {
        let leaf = read(&folder, &name);
        (name, leaf)
    };
    Ok(names.into_iter().map(read).collect())
}

fn read(folder: &LedgerDirectory, name: &str) -> Result<Leaf, String> {
    let digits = name.strip_suffix(".json").unwrap_or_default();
    let is_digit = |octet: u8| octet.is_ascii_digit() || (b'a'..=b'f').contains(&octet);
    if digits.len() != NAME_DIGITS || !digits.bytes().all(is_digit) {
        return Err("is not named as a request is".into());
    }
    let octets = folder
        .read(name, MAX_REQUEST)
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8(octets).map_err(|_| "is no UTF-8".to_owned())?;
    let leaf = Leaf::from_line(&text).map_err(|error| error.to_string())?;
    check(&leaf)?;
    Ok(leaf)
}

/// Removes a request that is done with.
pub(super) fn remove(directory: &LedgerDirectory, name: &str) -> Result<(), LedgerError> {
    let path = directory.file(DIRECTORY).join(name);
    fs::remove_file(&path).map_err(LedgerError::system(&path))
}

/// What is asked for, entered at a time.
pub fn asked(leaf: &Leaf, entered: Second) -> Leaf {
    match leaf {
        Leaf::Exclusion(leaf) => Leaf::Exclusion(ExclusionLeaf {
            entered,
            ..leaf.clone()
        }),
        Leaf::Revision(leaf) => Leaf::Revision(RevisionLeaf {
            entered,
            ..leaf.clone()
        }),
        other => other.clone(),
    }
}

/// Whether a leaf can be asked for.
///
/// # Errors
/// Why it cannot.
pub fn check(leaf: &Leaf) -> Result<(), String> {
    let (from, until) = match leaf {
        Leaf::Exclusion(leaf) => {
            check_exclusion(leaf)?;
            (leaf.from, leaf.until)
        }
        Leaf::Revision(leaf) => {
            let is_digit = |octet: u8| octet.is_ascii_hexdigit();
            if leaf.policy.is_empty() || !leaf.sha256.bytes().all(is_digit) {
                return Err("is no revision".into());
            }
            (leaf.from, leaf.until)
        }
        // Whether both keys have signed it is seen by who knows the ledger.
        Leaf::Key(_) => return Ok(()),
        other => {
            return Err(format!(
                "a leaf {:?} is not for people to enter",
                other.kind()
            ));
        }
    };
    if until < from {
        return Err("ends before it begins".into());
    }
    if until.0 - from.0 >= MAX_SECONDS {
        return Err(format!("is longer than {} days", MAX_SECONDS / 86_400));
    }
    Ok(())
}

fn check_exclusion(leaf: &ExclusionLeaf) -> Result<(), String> {
    let is_control = |text: &str| text.chars().any(char::is_control);
    if leaf.reason.trim().is_empty() {
        return Err("gives no reason".into());
    }
    if leaf.reason.chars().count() > MAX_REASON || is_control(&leaf.reason) {
        return Err(format!(
            "the reason has more than {MAX_REASON} characters, or some that cannot be printed"
        ));
    }
    if leaf.commitment.is_empty() || is_control(&leaf.commitment) {
        return Err("names no commitment".into());
    }
    if leaf.asns.len() > MAX_ASNS || !leaf.asns.is_sorted_by(|one, next| one < next) {
        return Err(format!(
            "names more than {MAX_ASNS} ASNs, or not each once and in ascending order"
        ));
    }
    Ok(())
}

/// Notes in the index what was entered into the file of a day.
pub(super) fn note(directory: &LedgerDirectory, day: &str, leaf: &Leaf) -> Result<(), LedgerError> {
    let path = directory.file(INDEX);
    let mut options = OpenOptions::new();
    let mut file = directory.open(&path, options.append(true).create(true))?;
    let line = format!("{day} {}\n", leaf.to_line());
    let written = file
        .write_all(line.as_bytes())
        .and_then(|()| file.sync_data());
    written.map_err(LedgerError::system(&path))
}

/// What was entered, each with the day of its file, as the index says: where to look for it, and no more.
/// Lines that are damaged are passed over.
///
/// # Errors
/// The system's error, or that it is too large.
pub fn index(directory: &LedgerDirectory) -> Result<Vec<(String, Leaf)>, LedgerError> {
    if !directory.file(INDEX).exists() {
        return Ok(Vec::new());
    }
    let octets = directory.read(INDEX, MAX_INDEX)?;
    let text = String::from_utf8_lossy(&octets);
    let entry = |line: &str| {
        let (day, leaf) = line.split_once(' ')?;
        Some((day.to_owned(), Leaf::from_line(leaf).ok()?))
    };
    Ok(text.lines().filter_map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclusion() -> ExclusionLeaf {
        ExclusionLeaf {
            entered: Second::default(),
            from: Second(1000),
            until: Second(1999),
            commitment: "voice".into(),
            reason: "new line cards".into(),
            asns: vec![64_500, 64_501],
        }
    }

    #[test]
    fn what_cannot_be_asked_for_is_refused_with_a_word() {
        type Change = fn(&mut ExclusionLeaf);
        let wrong: [(&str, Change); 7] = [
            ("ends before", |leaf| leaf.until = Second(999)),
            ("days", |leaf| leaf.until = Second(MAX_SECONDS + 1000)),
            ("no reason", |leaf| leaf.reason = " ".into()),
            ("characters", |leaf| leaf.reason = "a".repeat(501)),
            ("characters", |leaf| leaf.reason = "a\nb".into()),
            ("commitment", |leaf| leaf.commitment.clear()),
            ("ascending", |leaf| leaf.asns = vec![2, 1]),
        ];
        assert_eq!(check(&Leaf::Exclusion(exclusion())), Ok(()));
        for (word, change) in wrong {
            let mut leaf = exclusion();
            change(&mut leaf);
            let said = check(&Leaf::Exclusion(leaf)).unwrap_err();
            assert!(said.contains(word), "{said}");
        }
        let line = r#"{"kind":"stop","time":"2026-11-25T21:00:00Z"}"#;
        let said = check(&Leaf::from_line(line).unwrap()).unwrap_err();
        assert!(said.contains("\"stop\""), "{said}");
    }
}
