//! Changes of the key that signs.

use super::*;

/// Asks for a change of the key.
fn ask_for_key(path: &Path, from: u8, to: u8) {
    let change = KeyLeaf::signed("voice.example/fra-1", &key(from), &key(to));
    requests::put(&LedgerDirectory::new(path), &Leaf::Key(change)).unwrap();
}

/// Seconds under a key, and a stop.
fn go_on(path: &Path, seed: u8, from: u64) {
    let mut writer = LedgerWriter::open(path, settings(seed)).unwrap();
    writer.append(&second(from)).unwrap();
    writer.take_requests(Second(from)).unwrap();
    writer.append(&second(from + 60)).unwrap();
    writer.close(&stop(from + 60)).unwrap();
}

fn check_by(path: &Path, by: &PrivateKey) -> Result<Verified, VerifyError> {
    let request = VerifyRequest {
        key: Some(by.public()),
        require: Some(Requirement::Signed),
        ..VerifyRequest::default()
    };
    verify(path, &request)
}

#[test]
fn a_key_follows_another_one_where_both_say_so_and_whoever_has_either_verifies_all() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger");
    ledger(&path, 100);
    let refused = LedgerWriter::open(&path, settings(8)).unwrap_err();
    assert!(matches!(refused, LedgerError::OtherKey(_)), "{refused}");
    ask_for_key(&path, 9, 8);
    LedgerWriter::open(&path, settings(8)).expect_err("asked by another key than the ledger's");
    ask_for_key(&path, 7, 8);
    // The meter that runs goes on with its key, and leaves the request where it is.
    go_on(&path, 7, BEGIN + 600);
    go_on(&path, 8, BEGIN + 1200);
    assert!(
        LedgerWriter::open(&path, settings(7)).is_err(),
        "it is over"
    );
    ask_for_key(&path, 8, 5);
    go_on(&path, 5, BEGIN + 1800);
    let verified = check(&path).unwrap();
    assert_eq!((verified.key_changes, verified.kinds["key"]), (2, 2));
    assert_eq!(verified.key, Some(key(5).public()));
    for seed in [7, 8, 5] {
        let of_one = check_by(&path, &key(seed)).unwrap();
        assert_eq!(of_one.signed, verified.leaves);
    }
    let other = check_by(&path, &key(9)).unwrap_err().to_string();
    assert!(other.contains("is not signed by the key"), "{other}");
    // Without the list whoever has the first key still finds the others in the leaves.
    let list = fs::read(path.join("keys.jsonl")).unwrap();
    fs::remove_file(path.join("keys.jsonl")).unwrap();
    assert_eq!(check_by(&path, &key(7)).unwrap().key, verified.key);
    check(&path).expect_err("nothing leads from ledger.pub to the first checkpoint");
    fs::write(path.join("keys.jsonl"), list).unwrap();
    let waiting = path.join("requests").read_dir().unwrap().count();
    assert_eq!(waiting, 0, "what is done is not asked for any more");
}

#[test]
fn keys_are_known_when_the_days_that_changed_them_are_gone() {
    let folder = TempDir::new().unwrap();
    ledger(folder.path(), 100);
    ask_for_key(folder.path(), 7, 8);
    go_on(folder.path(), 8, BEGIN + 110);
    go_on(folder.path(), 8, BEGIN + 600);
    let writer = LedgerWriter::open(folder.path(), settings(8)).unwrap();
    writer.forget_before(Second(BEGIN + 86_400)).unwrap();
    drop(writer);
    let verified = check(folder.path()).unwrap();
    assert!(verified.first_leaf > 0);
    assert_eq!(
        (verified.key_changes, verified.key),
        (0, Some(key(8).public()))
    );
    check_by(folder.path(), &key(7)).unwrap();
}

#[test]
fn a_change_of_the_key_that_is_interrupted_goes_on_and_one_behind_an_open_minute_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger");
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    writer.append(&second(BEGIN)).unwrap();
    drop(writer);
    ask_for_key(&path, 7, 8);
    let killed = LedgerWriter::open(&path, settings(8)).unwrap_err();
    assert!(matches!(killed, LedgerError::Unsealed(_)), "{killed}");
    let mut writer = LedgerWriter::open(&path, settings(7)).unwrap();
    writer.seal().unwrap();
    drop(writer);
    // Killed before the leaf was written, and again before it was sealed.
    drop(LedgerWriter::open(&path, settings(8)).unwrap());
    let mut writer = LedgerWriter::open(&path, settings(8)).unwrap();
    writer.append(&second(BEGIN + 60)).unwrap();
    drop(writer);
    go_on(&path, 8, BEGIN + 61);
    let verified = check(&path).unwrap();
    assert_eq!(
        (verified.key_changes, verified.signed),
        (1, verified.leaves)
    );
    // Who still has the old key cannot sign any more.
    let notes = notes(&path);
    let text = fs::read_to_string(&notes).unwrap();
    let all = read_notes(&text);
    let (last, _) = all.last().unwrap().clone();
    let before = all[all.len() - 2].1;
    let stolen = last.checkpoint.sign(Some(&key(7))).to_note() + "\n";
    fs::write(&notes, text[..before].to_owned() + &stolen).unwrap();
    let error = check(&path).unwrap_err().to_string();
    assert!(error.contains("is not signed by the key"), "{error}");
}
