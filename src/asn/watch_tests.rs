use super::*;
use crate::asn::{LoadError, Origins};
use crate::files::Load;
use crate::units::{Ratio, Timestamp};
use std::fs;
use std::path::Path;

fn written(path: &Path, prefixes: u8) {
    let lines = (0..prefixes).map(|net| format!("10.0.{net}.0/24 {}\n", 64500 + u32::from(net)));
    fs::write(path, lines.collect::<String>()).unwrap();
}

#[test]
fn a_file_is_due_once_when_it_has_changed_and_come_to_rest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    written(&path, 100);
    let source = Source::Prefixes(path.clone());
    let settings = OriginSettings {
        sources: vec![source.clone()],
        ..OriginSettings::default()
    };
    let now = Timestamp::default;
    let origins = Origins::load(&settings, None, &Load::default(), now).unwrap();
    let mut watch = FileWatch::default();
    let due = |watch: &mut FileWatch, origins: &Origins| {
        !watch.due(&settings, origins, &Load::default()).is_empty()
    };
    assert!(!due(&mut watch, &origins) && !due(&mut watch, &origins));

    written(&path, 90);
    assert!(!due(&mut watch, &origins), "it may go on");
    written(&path, 91);
    assert!(!due(&mut watch, &origins), "it did");
    assert!(due(&mut watch, &origins));
    assert!(!due(&mut watch, &origins), "once");
    let load = Load::default();
    let renewed = origins.renewed(&settings, &source, &load, now).unwrap();
    let renewed = origins.with(&renewed);
    assert_eq!(renewed.sources().next().unwrap().prefixes, 91);
    assert!(!due(&mut watch, &renewed));

    fs::remove_file(&path).unwrap();
    assert!(
        !due(&mut watch, &renewed) && due(&mut watch, &renewed),
        "gone"
    );
    let gone = renewed.renewed(&settings, &source, &load, now).unwrap_err();
    assert!(matches!(gone, LoadError::NoFile { .. }));
    assert!(!due(&mut watch, &renewed), "told once");
    written(&path, 92);
    assert!(
        !due(&mut watch, &renewed) && due(&mut watch, &renewed),
        "back"
    );
}

#[test]
fn a_table_that_shrank_by_more_than_it_may_is_refused_with_the_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    let mut settings = OriginSettings {
        sources: vec![Source::Prefixes(path.clone())],
        ..OriginSettings::default()
    };
    let now = Timestamp::default;
    written(&path, 100);
    let origins = Origins::load(&settings, None, &Load::default(), now).unwrap();
    written(&path, 80);
    let still = Origins::load(&settings, Some(&origins), &Load::default(), now).unwrap();
    assert_eq!(
        still.sources().next().unwrap().prefixes,
        80,
        "just as much as it may"
    );
    written(&path, 79);
    let error = Origins::load(&settings, Some(&origins), &Load::default(), now).unwrap_err();
    let said = "has 79 prefixes, 100 before: shrank by more than 20 %";
    assert_eq!(error.to_string(), format!("{}: {said}", path.display()));
    assert_eq!(error.source_name(), path.display().to_string());
    settings.max_shrink = Ratio::from_ppm(1_000_000);
    assert!(Origins::load(&settings, Some(&origins), &Load::default(), now).is_ok());
}

#[test]
fn a_reload_shares_what_has_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (same, other) = (folder.path().join("same"), folder.path().join("other"));
    written(&same, 10);
    written(&other, 10);
    let settings = OriginSettings {
        sources: vec![Source::Prefixes(same), Source::Prefixes(other.clone())],
        ..OriginSettings::default()
    };
    let first = Origins::load(&settings, None, &Load::default(), || {
        Timestamp::from_nanos(1)
    })
    .unwrap();
    written(&other, 11);
    let second = Origins::load(&settings, Some(&first), &Load::default(), || {
        Timestamp::from_nanos(2)
    })
    .unwrap();
    let loaded: Vec<u64> = second
        .sources()
        .map(|it| it.loaded.unwrap().as_nanos())
        .collect();
    assert_eq!(loaded, [1, 2]);
}
