//! The order in which capture files are read, and which of them are read together.

use super::opened;
use crate::capture::CaptureError;
use crate::units::Timestamp;
use std::path::PathBuf;

/// Files that are read at the same time: one, or several that overlap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FileGroup {
    /// In order of their first frames.
    pub(super) paths: Vec<PathBuf>,
    /// From the last frame before these files to their first one: nobody captured between them.
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
    let mut last: Option<Timestamp> = None;
    for (_, range, path) in ranges {
        match (range, last, groups.last_mut()) {
            (Some((first, until)), Some(before), Some(group)) if first <= before => {
                group.paths.push(path);
                last = Some(before.max(until));
            }
            (range, before, _) => {
                let hole = before
                    .zip(range)
                    .map(|(before, (first, _))| (before, first));
                let paths = vec![path];
                groups.push(FileGroup { paths, hole });
                last = range.map_or(before, |(_, until)| Some(until));
            }
        }
    }
    Ok(groups)
}
