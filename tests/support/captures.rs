//! Where the real captures and routing tables are that tests read, for the tests in `tests/` and in
//! `src/` alike. They are other people's files: `tests/captures/list.tsv` says whose,
//! `tests/captures/fetch` gets them, and none is in this repository.

use std::path::{Path, PathBuf};

/// The root of the repository.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The tests that need captures: `tests/run` leaves these out where there are none.
const NEEDED_BY: &str = include_str!("../captures/needed_by");

/// The captures: file below [`folder`], packets, and where they come from.
const LIST: &str = include_str!("../captures/list.tsv");

/// Where the captures are: `$ASNMETER_CAPTURES`, or beside the checkout, or where
/// `tests/captures/fetch` puts them. A test that needs them fails where they are not.
pub(crate) fn folder() -> PathBuf {
    expect_in_list();
    let places = match std::env::var_os("ASNMETER_CAPTURES") {
        Some(place) => vec![PathBuf::from(place)],
        None => ["../shared/captures", "target/captures"]
            .map(|place| Path::new(ROOT).join(place))
            .into(),
    };
    let found = places.iter().find(|place| place.is_dir());
    let Some(found) = found else {
        panic!("no captures in {places:?}: tests/captures/fetch gets them");
    };
    found.clone()
}

/// A capture or a table, by its name in the list.
pub(crate) fn path(name: &str) -> PathBuf {
    folder().join(name)
}

/// The captures of the list, with the packets of each: `dev/voice/…`.
pub(crate) fn index() -> Vec<(&'static str, u64)> {
    let row = |line: &'static str| {
        let mut fields = line.split('\t');
        Some((fields.next()?, fields.next()?.parse().ok()?))
    };
    LIST.lines().filter_map(row).collect()
}

/// libtest names a thread by its test, so that a test cannot need captures without a line in
/// [`NEEDED_BY`]. With `--test-threads=1` there is no such thread.
fn expect_in_list() {
    let thread = std::thread::current();
    let test = thread.name().filter(|name| *name != "main");
    let name = test.and_then(|path| path.rsplit("::").next());
    if let Some(name) = name {
        let is_listed = NEEDED_BY.lines().any(|listed| listed == name);
        assert!(
            is_listed,
            "{name} needs captures: it belongs into tests/captures/needed_by"
        );
    }
}
