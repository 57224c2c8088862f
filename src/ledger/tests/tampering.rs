//! Ledgers that somebody has changed.

use super::*;

/// A change of a ledger, and a word of what is said of it.
type Change = (&'static str, fn(&Path), &'static str);

fn unpack(path: &Path) -> String {
    let mut part = crate::ledger::read::PartReader::open(path).unwrap();
    let mut text = String::new();
    while let Some(minute) = part.next_minute().unwrap() {
        text.push_str(&minute.text);
    }
    text
}

/// Writes a day's leaves anew.
fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let path = path.join("2026-11-25.jsonl.gz");
    let mut lines = unpack(&path).lines().map(str::to_owned).collect();
    change(&mut lines);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for line in lines {
        std::io::Write::write_all(&mut encoder, format!("{line}\n").as_bytes()).unwrap();
    }
    fs::write(path, encoder.finish().unwrap()).unwrap();
}

#[test]
fn whatever_is_changed_is_found() {
    let changes: [Change; 9] = [
        (
            "the end of a packed minute cut off",
            |path| {
                let path = path.join("2026-11-25.jsonl.gz");
                let octets = fs::read(&path).unwrap();
                fs::write(path, &octets[..octets.len() - 9]).unwrap();
            },
            "at octet",
        ),
        (
            "one digit",
            |path| {
                rewrite(path, |lines| {
                    lines[40] = lines[40].replace("\"prefixes\":1", "\"prefixes\":2");
                });
            },
            "is not that of the leaves",
        ),
        (
            "a leaf taken out",
            |path| rewrite(path, |lines| drop(lines.remove(40))),
            "is not that of the leaves",
        ),
        (
            "two leaves exchanged",
            |path| rewrite(path, |lines| lines.swap(40, 41)),
            "is not that of the leaves",
        ),
        (
            "a blank in a leaf",
            |path| rewrite(path, |lines| lines[40] = lines[40].replace(':', ": ")),
            "leaf 40",
        ),
        (
            "the end of the first day cut off",
            |path| rewrite(path, |lines| lines.truncate(100)),
            "says other leaves before it",
        ),
        (
            "the last day cut off",
            |path| fs::remove_file(path.join("2026-11-26.jsonl.gz")).unwrap(),
            "only 151 leaves are there",
        ),
        (
            "a minute sealed again under another key",
            |path| {
                let text = fs::read_to_string(notes(path)).unwrap();
                let first = text.split_once("\n\n").unwrap().0.len() + 2;
                let end = text[first..].find("\n\n").unwrap() + first + 1;
                let note = SignedCheckpoint::from_note(&text[..end]).unwrap();
                let again = note.checkpoint.sign(Some(&key(8))).to_note();
                fs::write(notes(path), again + &text[end..]).unwrap();
            },
            "is not signed by the key",
        ),
        (
            "a checkpoint cut off in its middle",
            |path| {
                let text = fs::read(notes(path)).unwrap();
                fs::write(notes(path), &text[..text.len() - 10]).unwrap();
            },
            "something else than checkpoints",
        ),
    ];
    let folder = TempDir::new().unwrap();
    let whole = folder.path().join("whole");
    ledger(&whole, 200);
    check(&whole).unwrap();
    for (name, change, said) in changes {
        let changed = folder.path().join(name.replace(' ', "-"));
        copy(&whole, &changed);
        change(&changed);
        let error = check(&changed).expect_err(name).to_string();
        assert!(error.contains(said), "{name}: {error}");
    }
}

#[test]
fn a_ledger_written_anew_as_a_whole_is_found_by_whoever_kept_a_head() {
    let folder = TempDir::new().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let head = ledger(&old, 200);
    let mut writer = LedgerWriter::open(&new, settings(7)).unwrap();
    for number in BEGIN..BEGIN + 200 {
        // one second is another one
        writer
            .append(&second(number + u64::from(number == BEGIN + 5)))
            .unwrap();
    }
    writer.close(&stop(BEGIN + 200)).unwrap();
    check(&new).unwrap();
    let request = VerifyRequest {
        heads: vec![("kept".into(), head)],
        ..VerifyRequest::default()
    };
    let error = verify(&new, &request).unwrap_err().to_string();
    assert!(
        error.starts_with("kept: the checkpoint of 203 leaves: root"),
        "{error}"
    );
    let request = VerifyRequest {
        key: Some(PublicKey::from_pem(&key(8).public().to_pem()).unwrap()),
        ..VerifyRequest::default()
    };
    let error = verify(&new, &request).unwrap_err().to_string();
    assert!(error.contains("is not signed by the key"), "{error}");
}
