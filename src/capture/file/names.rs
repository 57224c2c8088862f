//! The interface names of all files of a replay. A name maps to one [`InterfaceId`] in every file and
//! section.

use crate::frame::InterfaceId;
use std::collections::HashMap;

/// Longest name kept, in octets. Linux allows 15, Windows device paths take about 60; an option
/// could carry 65 535.
const MAX_NAME: usize = 255;

/// Names by id and ids by name. Id 0 is the unknown name `""`: classic pcap has no names, and in
/// pcapng they are optional. Lives as long as the source.
#[derive(Debug)]
pub(super) struct InterfaceNames {
    by_id: Vec<String>,
    by_name: HashMap<String, InterfaceId>,
}

impl InterfaceNames {
    pub(super) fn new() -> Self {
        Self {
            by_id: vec![String::new()],
            by_name: HashMap::from([(String::new(), InterfaceId(0))]),
        }
    }

    /// The id of a name; `None` if 65 536 names exist already.
    pub(super) fn id(&mut self, name: &[u8]) -> Option<InterfaceId> {
        let name = String::from_utf8_lossy(name.get(..MAX_NAME).unwrap_or(name));
        if let Some(&id) = self.by_name.get(name.as_ref()) {
            return Some(id);
        }
        let id = InterfaceId(u16::try_from(self.by_id.len()).ok()?);
        self.by_id.push(name.clone().into_owned());
        self.by_name.insert(name.into_owned(), id);
        Some(id)
    }

    /// The name of an id that [`Self::id`] returned.
    pub(super) fn name(&self, id: InterfaceId) -> &str {
        self.by_id.get(usize::from(id.0)).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_one_id_and_the_empty_name_is_id_0() {
        let mut names = InterfaceNames::new();
        let eth0 = names.id(b"eth0").unwrap();
        assert_eq!(names.id(b"").unwrap(), InterfaceId(0));
        assert_ne!(names.id(b"eth1").unwrap(), eth0);
        assert_eq!(names.id(b"eth0").unwrap(), eth0);
        assert_eq!(names.name(eth0), "eth0");
        assert_eq!(names.name(InterfaceId(0)), "");
    }

    #[test]
    fn there_are_65536_names_and_no_more() {
        let mut names = InterfaceNames::new();
        for number in 1..=u16::MAX {
            let id = names.id(number.to_string().as_bytes());
            assert_eq!(id, Some(InterfaceId(number)));
        }
        assert_eq!(names.id(b"one too many"), None);
        assert_eq!(names.id(b"7"), Some(InterfaceId(7)));
    }

    #[test]
    fn a_long_name_is_cut() {
        let mut names = InterfaceNames::new();
        let id = names.id(&vec![b'x'; 65_535]).unwrap();
        assert_eq!(names.name(id).len(), MAX_NAME);
    }
}
