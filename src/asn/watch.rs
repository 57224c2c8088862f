//! Watches the files of sources: one is due once it has changed and is no longer written.
//!
//! Owned by `app`, which asks from time to time. A file is due when it has been the same for two
//! looks and differs from what was loaded; one that was refused is not due again before it changes.

use super::cache::CacheKey;
use super::{OriginSettings, Origins, Source};
use crate::files::Load;
use crate::units::Asn;
use std::collections::{HashMap, HashSet};

/// What was seen of a file.
#[derive(Clone, Debug)]
struct Seen {
    /// Its state; none where it is not there.
    state: Option<CacheKey>,
    /// It was handed out in this state.
    was_due: bool,
}

/// What was seen of all files.
#[derive(Clone, Debug, Default)]
pub struct FileWatch {
    seen: HashMap<Source, Seen>,
}

impl FileWatch {
    /// Looks at the files; those to load again. `load` knows which file it is at.
    pub fn due(
        &mut self,
        settings: &OriginSettings,
        origins: &Origins,
        load: &Load,
    ) -> Vec<Source> {
        let own: HashSet<Asn> = settings.own.iter().copied().collect();
        self.seen
            .retain(|source, _| settings.sources.contains(source));
        let mut due = Vec::new();
        for source in &settings.sources {
            let Some(path) = source.path() else {
                continue;
            };
            load.begin(path);
            if origins
                .find(source)
                .is_some_and(|it| it.is_still(source, &own))
            {
                self.seen.remove(source);
                continue;
            }
            let state = CacheKey::new(source, &own);
            let seen = self.seen.get_mut(source);
            if let Some(seen) = seen.filter(|seen| seen.state == state) {
                if !std::mem::replace(&mut seen.was_due, true) {
                    due.push(source.clone());
                }
            } else {
                let was_due = false;
                self.seen.insert(source.clone(), Seen { state, was_due });
            }
        }
        due
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
