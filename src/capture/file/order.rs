//! The order in which capture files are read, and which of them are read together.

use super::opened::{self, TimeRange};
use crate::capture::CaptureError;
use crate::units::Timestamp;
use std::path::PathBuf;
use std::time::Duration;

/// Files that are read at the same time: one, or several that overlap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FileGroup {
    /// In order of their first frames.
    pub(super) paths: Vec<PathBuf>,
    /// From the last frame before these files to their first one, if nobody captured between them.
    pub(super) hole: Option<(Timestamp, Timestamp)>,
}

/// Groups files: pipes first, each alone and in the order given, because their times are not known before
/// they are read; then regular files in the order of their first frames.
///
/// # Errors
/// [`CaptureError`] for the first file that is not a readable capture.
pub(super) fn group(paths: Vec<(PathBuf, bool)>) -> Result<Vec<FileGroup>, CaptureError> {
    if paths.len() == 1 {
        let paths = paths.into_iter().map(|(path, _)| path).collect();
        return Ok(vec![FileGroup { paths, hole: None }]);
    }
    let mut ranges = Vec::with_capacity(paths.len());
    for (path, is_regular) in paths {
        let range = if is_regular {
            opened::time_range(&path)?
        } else {
            None
        };
        ranges.push((is_regular, range, path));
    }
    // Files of equal times come in the order of their names, so that the order given means nothing.
    ranges.sort_by(|a, b| match (a, b) {
        ((true, a, path), (true, b, other)) => (a, path).cmp(&(b, other)),
        ((a, ..), (b, ..)) => a.cmp(b),
    });
    let mut groups: Vec<FileGroup> = Vec::new();
    let mut before: Option<TimeRange> = None;
    for (_, range, path) in ranges {
        match (range, &mut before, groups.last_mut()) {
            (Some(range), Some(before), Some(group)) if range.first <= before.last => {
                group.paths.push(path);
                before.last = before.last.max(range.last);
                before.longest_pause = before.longest_pause.max(range.longest_pause);
            }
            (range, before, _) => {
                let hole = before.zip(range);
                let hole = hole.and_then(|(before, after)| hole_between(&before, &after));
                let paths = vec![path];
                groups.push(FileGroup { paths, hole });
                *before = range.or(*before);
            }
        }
    }
    Ok(groups)
}

/// The longest time between two files that may be a pause of the traffic.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A hole between two files. Whoever rotates files loses nothing between them: what is no longer than a
/// pause within one of them, and than [`LONGEST_PAUSE`], is none.
fn hole_between(before: &TimeRange, after: &TimeRange) -> Option<(Timestamp, Timestamp)> {
    let usual = before.longest_pause.max(after.longest_pause);
    let is_hole = after.first.since(before.last) > usual.min(LONGEST_PAUSE);
    is_hole.then_some((before.last, after.first))
}
