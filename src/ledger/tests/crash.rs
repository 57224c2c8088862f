//! A writer that is stopped dead at any step.

use super::*;

/// A file of a crash: its name, and what it holds then; none: it is not there.
type Found = (String, Option<Vec<u8>>);

/// Every file below a directory.
fn files(path: &Path) -> Vec<(String, Vec<u8>)> {
    fn walk(path: &Path, below: &Path, found: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, below, found);
            } else {
                let name = path
                    .strip_prefix(below)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(path, path, &mut found);
    found
}

/// The states of the disk while a minute is sealed: what is there before, with ever more of what is
/// there afterwards, in the order of writing.
fn states(before: &Path, after: &Path) -> Vec<Vec<Found>> {
    let (old, new) = (files(before), files(after));
    let held = |name: &str| {
        old.iter()
            .find(|(known, _)| known == name)
            .map(|(_, is)| is.len())
    };
    let rank = |name: &str| match name {
        _ if name.contains(".jsonl.gz") => 0,
        _ if name.starts_with("tiles/") => 1,
        _ if name.contains(".notes") => 2,
        "sealed.json" => 3,
        _ => 4,
    };
    let mut changed: Vec<_> = new.iter().filter(|one| !old.contains(one)).collect();
    changed.sort_by_key(|(name, _)| rank(name));
    let (mut states, mut done) = (vec![Vec::new()], Vec::<Found>::new());
    for (name, content) in changed {
        if rank(name) != 1 && rank(name) != 3 {
            let from = held(name).unwrap_or(0);
            let step = ((content.len() - from) / 7).max(1);
            for cut in (from..content.len()).step_by(step) {
                let part = (name.clone(), Some(content[..cut].to_vec()));
                states.push(done.iter().cloned().chain([part]).collect());
            }
        }
        done.push((name.clone(), Some(content.clone())));
        states.push(done.clone());
    }
    for (name, _) in old
        .iter()
        .filter(|(name, _)| new.iter().all(|(known, _)| known != name))
    {
        done.push((name.clone(), None));
        states.push(done.clone());
    }
    states
}

/// Stops a writer dead at every step of sealing a minute: no sealed second is lost, none stands twice,
/// and what is written afterwards verifies.
#[test]
fn a_crash_at_any_step_of_sealing_loses_nothing_and_the_ledger_verifies() {
    // within a day; after midnight, where a file begins
    for last in [90, 152] {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mut writer = LedgerWriter::open(&at("live"), settings(7)).unwrap();
        for number in 0..last {
            writer.append(&second(BEGIN + number)).unwrap();
            if number + 1 == last - 1 {
                copy(&at("live"), &at("before"));
            }
        }
        let next = last - 1;
        writer.seal().unwrap();
        copy(&at("live"), &at("after"));
        drop(writer);
        let states = states(&at("before"), &at("after"));
        assert!(states.len() > 20, "{}", states.len());
        for (number, state) in states.into_iter().enumerate() {
            let crashed = at(&format!("crashed-{number}"));
            copy(&at("before"), &crashed);
            let mut shown = Vec::new();
            for (name, content) in state {
                let path = crashed.join(&name);
                shown.push((name, content.as_ref().map(Vec::len)));
                match content {
                    Some(content) => {
                        fs::create_dir_all(path.parent().unwrap()).unwrap();
                        fs::write(&path, content).unwrap();
                    }
                    None => fs::remove_file(&path).unwrap(),
                }
            }
            let mut writer = LedgerWriter::open(&crashed, settings(7))
                .unwrap_or_else(|error| panic!("{shown:?}: {error}"));
            writer.append(&second(BEGIN + 1000)).unwrap();
            writer.close(&stop(BEGIN + 1000)).unwrap();
            let verified = check(&crashed).unwrap_or_else(|error| panic!("{shown:?}: {error}"));
            assert_eq!(
                verified.signed,
                verified.first_leaf + verified.leaves,
                "{shown:?}"
            );
            let mut kept = seconds(&crashed);
            assert_eq!(kept.pop(), Some(BEGIN + 1000));
            let all = |count| (BEGIN..BEGIN + count).collect::<Vec<_>>();
            assert!(
                kept == all(next) || kept == all(last),
                "{shown:?}: {}",
                kept.len()
            );
        }
    }
}
