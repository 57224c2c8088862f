//! One name, one meaning: no public type name stands for two things in the crate.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Names that may stand twice, each with its reason.
const TWICE: [(&str, &str); 0] = [];

/// Every Rust file of the crate but its tests.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if stem == "tests" || stem.ends_with("_tests") {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The name that a line declares as a public type, whatever it is public to.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim_start().strip_prefix("pub")?;
    let line = match line.strip_prefix('(') {
        Some(scope) => scope.split_once(')')?.1,
        None => line,
    };
    let (kind, rest) = line.trim_start().split_once(' ')?;
    let is_type = ["struct", "enum", "trait", "type", "union"].contains(&kind);
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
    is_type.then(|| &rest[..end.unwrap_or(rest.len())])
}

#[test]
fn a_public_type_name_stands_once() {
    let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in files(Path::new("src")) {
        for name in fs::read_to_string(&path)
            .unwrap()
            .lines()
            .filter_map(declared)
        {
            places.entry(name.into()).or_default().push(path.clone());
        }
    }
    assert!(places.len() > 200, "only {} types found", places.len());
    let is_allowed = |name: &str| TWICE.iter().any(|(allowed, _)| *allowed == name);
    let twice: Vec<_> = places
        .iter()
        .filter(|(name, places)| places.len() > 1 && !is_allowed(name))
        .collect();
    assert!(twice.is_empty(), "declared more than once: {twice:#?}");
    for (name, reason) in TWICE {
        assert!(places[name].len() > 1, "{name} stands once: {reason}");
    }
}

#[test]
fn a_declaration_is_found_whatever_it_is_public_to() {
    assert_eq!(declared("pub struct One(u8);"), Some("One"));
    assert_eq!(
        declared("    pub(in crate::asn) trait Two: Copy {"),
        Some("Two")
    );
    assert_eq!(
        declared("pub(super) type Three<'a> = &'a u8;"),
        Some("Three")
    );
    assert_eq!(declared("pub enum Four {"), Some("Four"));
    assert_eq!(declared("pub fn five() {"), None);
    assert_eq!(declared("struct Six;"), None);
}
