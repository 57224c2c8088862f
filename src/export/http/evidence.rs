//! Serves the files of the ledger over HTTP, as far as they are sealed: to a witness, and to whoever
//! takes a copy.
//!
//! A path is one of a closed form; nothing else of it reaches the file system. A file is opened on the
//! runtime's threads for blocking work; how many are read at the same time is bounded, in all and per
//! client. Of a tile its first hashes are given where the ledger has more of them by now: so the tiles of
//! a head can be read while it is replaced.

use super::answer::{AnswerBody, text, whole};
use super::download::Download;
use super::rendered::RenderedOutputs;
use http_body_util::Either;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE,
};
use hyper::{Request, Response, StatusCode};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Prefix of the paths.
pub(super) const EVIDENCE: &str = "/evidence/";

/// Octets of a hash (SHA-256).
const HASH: u64 = 32;

/// Hashes in a full tile (C2SP tlog-tiles).
const FULL: u64 = 256;

/// A file of a ledger, below its directory.
#[derive(Clone, PartialEq, Eq, Debug)]
struct LedgerPath {
    path: PathBuf,
    kind: &'static str,
    /// Of a tile, how many hashes are asked for.
    hashes: Option<u64>,
}

impl LedgerPath {
    /// The file that a path behind [`EVIDENCE`] names; none where it names none.
    fn of(name: &str) -> Option<Self> {
        let file = |kind| {
            Some(Self {
                path: name.into(),
                kind,
                hashes: None,
            })
        };
        match name {
            "ledger.json" => return file("application/json"),
            "ledger.pub" => return file("application/x-pem-file"),
            "keys.jsonl" => return file("application/jsonl"),
            _ => {}
        }
        if let Some(tile) = name.strip_prefix("tile/") {
            return Self::tile(tile);
        }
        let (day, rest) = name.split_at_checked("2026-11-25".len())?;
        let is_day = day.bytes().enumerate().all(|(place, octet)| match place {
            4 | 7 => octet == b'-',
            _ => octet.is_ascii_digit(),
        });
        match rest {
            _ if !is_day => None,
            ".notes" => file("text/plain; charset=utf-8"),
            ".jsonl.gz" => file("application/gzip"),
            _ => {
                let part = rest.strip_prefix('.')?.strip_suffix(".jsonl.gz")?;
                let is_part = digits(part) && part.len() <= 9 && !part.starts_with('0');
                is_part.then(|| file("application/gzip"))?
            }
        }
    }

    /// `0/x001/067.p/3`: level, place in groups of three digits, and how many hashes.
    fn tile(name: &str) -> Option<Self> {
        let (name, hashes) = match name.split_once(".p/") {
            None => (name, FULL),
            Some((name, hashes)) => {
                let is_number = digits(hashes) && !hashes.starts_with('0');
                let hashes = is_number.then(|| hashes.parse().ok())??;
                (name, Some(hashes).filter(|hashes| *hashes < FULL)?)
            }
        };
        let (level, place) = name.split_once('/')?;
        let mut groups = place.rsplit('/');
        let is_last = |group: &str| group.len() == 3 && digits(group);
        let is_group = |group: &str| group.strip_prefix('x').is_some_and(is_last);
        let is_tile = level.len() == 1
            && digits(level)
            // 2^64 hashes have seven groups
            && place.len() <= 7 * "x000/".len()
            && groups.next().is_some_and(is_last)
            && groups.all(is_group);
        is_tile.then(|| Self {
            path: Path::new("tiles").join(level).join(place),
            kind: "application/octet-stream",
            hashes: Some(hashes),
        })
    }

    /// Opens it, with the octets that it has.
    fn open(&self, directory: &Path) -> io::Result<(File, u64)> {
        let path = directory.join(&self.path);
        let Some(hashes) = self.hashes else {
            return sized(File::open(path)?);
        };
        let octets = hashes * HASH;
        let enough = |found: (File, u64)| (found.1 >= octets).then_some((found.0, octets));
        // between looking and opening the part may have become a larger one, or full
        for _ in 0..3 {
            if let Ok(full) = File::open(&path) {
                return enough(sized(full)?).ok_or_else(|| io::ErrorKind::NotFound.into());
            }
            let mut folder = path.clone().into_os_string();
            folder.push(".p");
            let Ok(parts) = fs::read_dir(&folder) else {
                continue;
            };
            let parts = parts
                .flatten()
                .filter_map(|part| part.file_name().to_str()?.parse().ok());
            let widest: Option<u64> = parts.max();
            let Some(width) = widest.filter(|width| *width >= hashes) else {
                return Err(io::ErrorKind::NotFound.into());
            };
            if let Ok(part) = File::open(Path::new(&folder).join(width.to_string())) {
                return enough(sized(part)?).ok_or_else(|| io::ErrorKind::NotFound.into());
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit())
}

/// A regular file with its length.
fn sized(file: File) -> io::Result<(File, u64)> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok((file, metadata.len()))
}

/// A request for a file of the ledger.
pub(super) struct FileRequest {
    name: String,
    range: Option<String>,
}

impl FileRequest {
    /// None if a request is for something else.
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        let name = request.uri().path().strip_prefix(EVIDENCE)?;
        if name == "checkpoint" {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            range: range_of(request.headers()),
        })
    }

    /// The answer. `client` are the permits of the client.
    pub(super) async fn answer(
        self,
        shown: &RenderedOutputs,
        client: &Arc<Semaphore>,
    ) -> Response<AnswerBody> {
        let evidence = shown.published.borrow().evidence.clone();
        let Some(evidence) = evidence else {
            return text(StatusCode::NOT_FOUND, "no ledger is kept\n");
        };
        let Some(file) = LedgerPath::of(&self.name) else {
            return text(StatusCode::NOT_FOUND, "not found\n");
        };
        let permit = |of: &Arc<Semaphore>| of.clone().try_acquire_owned().ok();
        let permits = permit(client).zip(permit(&shown.downloads));
        let Some(permits) = permits else {
            return text(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many files are being read\n",
            );
        };
        let directory = evidence.directory.clone();
        let kind = file.kind;
        let opened = spawn_blocking(move || file.open(&directory)).await;
        let (file, length) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                return text(StatusCode::NOT_FOUND, "not found\n");
            }
            Ok(Err(_)) | Err(_) => {
                return text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the file cannot be read\n",
                );
            }
        };
        let range = self.range.as_deref().map(|range| part(range, length));
        let (first, end) = match range.flatten() {
            None => (0, length),
            Some(Some(part)) => part,
            Some(None) => return out_of_range(length),
        };
        let is_part = (first, end) != (0, length);
        let mut response = whole(Bytes::new(), kind);
        let download = Download::new(file, (first, end), permits);
        *response.body_mut() = Either::Right(Either::Right(download));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(end - first));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if is_part {
            content_range(
                &mut response,
                &format!("bytes {first}-{}/{length}", end - 1),
            );
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        response
    }
}

fn out_of_range(length: u64) -> Response<AnswerBody> {
    let mut response = text(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "the file ends before that\n",
    );
    content_range(&mut response, &format!("bytes */{length}"));
    response
}

fn content_range(response: &mut Response<AnswerBody>, range: &str) {
    if let Ok(range) = HeaderValue::from_str(range) {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
}

fn range_of(headers: &HeaderMap) -> Option<String> {
    headers.get(RANGE)?.to_str().ok().map(str::to_owned)
}

/// First octet, and the one behind the last, of a range (RFC 9110 §14.1.2). The outer none: it is none that is
/// understood, and is ignored, as a server may; the inner one: nothing of the file lies in it.
#[expect(clippy::option_option, reason = "ignored, and not satisfiable")]
fn part(range: &str, length: u64) -> Option<Option<(u64, u64)>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| digits(text).then(|| text.parse::<u64>().ok()).flatten();
    let (first, end) = match (first, last) {
        ("", last) => (length.saturating_sub(number(last)?), length),
        (first, "") => (number(first)?, length),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(length))
        }
    };
    Some((first < end).then_some((first, end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_path_is_a_file_of_a_ledger_or_nothing() {
        let path =
            |name| LedgerPath::of(name).map(|file| (file.path.display().to_string(), file.hashes));
        let known = [
            ("ledger.json", "ledger.json", None),
            ("ledger.pub", "ledger.pub", None),
            ("2026-11-25.jsonl.gz", "2026-11-25.jsonl.gz", None),
            ("2026-11-25.12.jsonl.gz", "2026-11-25.12.jsonl.gz", None),
            ("2026-11-25.notes", "2026-11-25.notes", None),
            ("tile/0/067.p/3", "tiles/0/067", Some(3)),
            ("tile/1/x001/x234/067", "tiles/1/x001/x234/067", Some(256)),
        ];
        for (name, file, hashes) in known {
            assert_eq!(path(name), Some((file.to_owned(), hashes)), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "../ledger.json",
            "lock",
            "open-7.jsonl",
            "sealed.json",
            "ledger.json/",
            "2026-11-25.0.jsonl.gz",
            "2026-11-25/.notes",
            "2026-11-2é.notes",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/../067",
            "tile/../0/067",
            "tile/0/x001/../067",
            "tile/0/67",
            "tile/0//067",
            "tile/12/067",
            "tile/0/067.p/0",
            "tile/0/067.p/256",
            "tile/0/067.p/3/4",
            "tile/0/067.p/..",
            "tile/0/%2e%2e",
            "tile/0/x000/x000/x000/x000/x000/x000/x000/x000/000",
        ] {
            assert_eq!(path(name), None, "{name}");
        }
    }

    #[test]
    fn a_range_is_a_part_of_the_file_or_ignored_or_beyond_its_end() {
        for (range, known) in [
            ("bytes=0-", Some(Some((0, 10)))),
            ("bytes=3-", Some(Some((3, 10)))),
            ("bytes=3-3", Some(Some((3, 4)))),
            ("bytes=3-99", Some(Some((3, 10)))),
            ("bytes=-4", Some(Some((6, 10)))),
            ("bytes=-99", Some(Some((0, 10)))),
            ("bytes=10-", Some(None)),
            ("bytes=-0", Some(None)),
            ("bytes=4-3", None),
            ("bytes=1-2,4-5", None),
            ("bytes=-", None),
            ("bytes=+1-", None),
            ("lines=1-", None),
            ("bytes=18446744073709551616-", None),
        ] {
            assert_eq!(part(range, 10), known, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Some(None));
    }

    #[test]
    fn the_hashes_of_a_tile_are_the_first_ones_of_a_wider_one() {
        let folder = tempfile::tempdir().unwrap();
        let parts = folder.path().join("tiles/0/000.p");
        fs::create_dir_all(&parts).unwrap();
        fs::write(parts.join("7"), [1; 7 * 32]).unwrap();
        let octets = |name: &str| {
            let (file, length) = LedgerPath::of(name)?.open(folder.path()).ok()?;
            let mut octets = Vec::new();
            file.take(length).read_to_end(&mut octets).unwrap();
            Some(octets.len() / 32)
        };
        assert_eq!(octets("tile/0/000.p/3"), Some(3));
        assert_eq!(octets("tile/0/000.p/7"), Some(7));
        assert_eq!(octets("tile/0/000.p/8"), None);
        assert_eq!(octets("tile/0/000"), None);
        fs::write(folder.path().join("tiles/0/000"), [1; 256 * 32]).unwrap();
        fs::remove_dir_all(&parts).unwrap();
        assert_eq!(octets("tile/0/000.p/8"), Some(8));
        assert_eq!(octets("tile/0/000"), Some(256));
    }
}
