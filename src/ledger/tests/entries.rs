//! What people enter into a ledger.

use super::*;

/// Announced maintenance of ten minutes from a second on.
fn maintenance(from: u64) -> Leaf {
    Leaf::Exclusion(ExclusionLeaf {
        entered: Second::default(),
        from: Second(from),
        until: Second(from + 599),
        commitment: "voice".into(),
        reason: "new line cards".into(),
        asns: Vec::new(),
    })
}

fn entries(path: &Path) -> Vec<ExclusionLeaf> {
    let mut entries = Vec::new();
    verify_each(path, &VerifyRequest::default(), &mut |_, leaf| {
        if let Leaf::Exclusion(leaf) = leaf {
            entries.push(leaf.clone());
        }
    })
    .unwrap();
    entries
}

#[test]
fn what_is_asked_for_is_entered_once_with_the_writers_time_and_the_ledger_holds() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger");
    let directory = LedgerDirectory::new(&path);
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    writer.append(&second(BEGIN)).unwrap();
    requests::put(&directory, &maintenance(BEGIN + 60)).unwrap();
    let outcomes = writer.take_requests(Second(BEGIN)).unwrap();
    assert!(matches!(&outcomes[..], [(_, RequestOutcome::Entered(_))]));
    assert!(writer.take_requests(Second(BEGIN)).unwrap().is_empty());
    writer.append(&second(BEGIN + 1)).unwrap();
    requests::put(&directory, &maintenance(BEGIN + 60)).unwrap();
    let outcomes = writer.take_requests(Second(BEGIN + 1)).unwrap();
    assert!(matches!(&outcomes[..], [(_, RequestOutcome::Known)]));
    // Killed after it was written, before the request was deleted and the index had it.
    drop(writer);
    fs::remove_file(path.join("entered.jsonl")).unwrap();
    requests::put(&directory, &maintenance(BEGIN + 60)).unwrap();
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    let outcomes = writer.take_requests(Second(BEGIN + 1)).unwrap();
    assert!(matches!(&outcomes[..], [(_, RequestOutcome::Known)]));
    writer.append(&second(BEGIN + 2)).unwrap();
    requests::put(&directory, &maintenance(BEGIN)).unwrap();
    writer.take_requests(Second(BEGIN + 2)).unwrap();
    writer.seal().unwrap();
    let entered = entries(&path);
    let known: Vec<_> = entered
        .iter()
        .map(|one| (one.entered.0, one.is_retroactive()))
        .collect();
    assert_eq!(known, [(BEGIN, false), (BEGIN + 2, true)]);
    assert!(!path.join("requests").read_dir().unwrap().any(|_| true));
}

#[test]
fn what_is_no_request_is_left_where_it_is_and_told_once() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("ledger");
    let directory = LedgerDirectory::new(&path);
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    writer.append(&second(BEGIN)).unwrap();
    let folder = path.join("requests");
    let named = |digit: &str| folder.join(format!("{}.json", digit.repeat(32)));
    fs::write(folder.join("passwd"), "root").unwrap();
    fs::write(named("a"), "x".repeat(2 << 20)).unwrap();
    fs::write(
        named("b"),
        r#"{"kind":"stop","time":"2026-11-25T21:00:00Z"}"#,
    )
    .unwrap();
    fs::create_dir(named("c")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", named("d")).unwrap();
    fs::write(folder.join("half.new"), "{").unwrap();
    requests::put(&directory, &maintenance(BEGIN)).unwrap();
    let outcomes = writer.take_requests(Second(BEGIN)).unwrap();
    let refused = |outcome: &RequestOutcome| matches!(outcome, RequestOutcome::Refused(_));
    let count = outcomes
        .iter()
        .filter(|(_, outcome)| refused(outcome))
        .count();
    assert_eq!((count, outcomes.len()), (5, 6), "{outcomes:?}");
    assert!(
        writer.take_requests(Second(BEGIN)).unwrap().is_empty(),
        "told once"
    );
    assert!(named("b").exists());
    assert_eq!(entries_of_open(&path), 1);
}

/// Exclusions in the open minute.
fn entries_of_open(path: &Path) -> usize {
    let text = fs::read_to_string(path.join("open-0.jsonl")).unwrap();
    text.lines()
        .filter(|line| line.contains("\"exclusion\""))
        .count()
}

#[test]
fn an_entry_that_says_an_earlier_time_than_what_stands_before_it_does_not_hold() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("ledger");
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    writer.append(&second(BEGIN)).unwrap();
    requests::put(&LedgerDirectory::new(&path), &maintenance(BEGIN)).unwrap();
    writer.take_requests(Second(BEGIN - 1)).unwrap();
    writer.seal().unwrap();
    let error = verify(&path, &VerifyRequest::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("says that it was entered at"), "{error}");
}
