//! Proves that the documents hold together: every relative link leads to a file of this tree and
//! every `#anchor` to a heading, no document stands alone, each `MODEL §n` that is cited is a
//! section, and docs/BOUNDS.md has every bound with the value of the source.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Files with one of these extensions, below a folder, by their path from the root. What is built
/// or fetched is left out.
fn files(below: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![Path::new(ROOT).join(below)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if !["target", ".git", "node_modules", "corpus"].contains(&name) {
                    folders.push(path);
                }
            } else if path
                .extension()
                .is_some_and(|is| extensions.iter().any(|extension| is == *extension))
            {
                found.push(path.strip_prefix(ROOT).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

/// Lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The anchors of a document, as GitHub makes them of its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen = BTreeMap::<String, u32>::new();
    let headings = prose(text).filter_map(|line| {
        let title = line.trim_start_matches('#').strip_prefix(' ')?;
        line.starts_with('#').then_some(title.trim())
    });
    headings
        .map(|title| {
            let kept = title.to_lowercase().replace(' ', "-");
            let kept: String = kept
                .chars()
                .filter(|c| c.is_alphanumeric() || ['-', '_'].contains(c))
                .collect();
            let times = seen.entry(kept.clone()).or_default();
            *times += 1;
            match *times {
                1 => kept,
                more => format!("{kept}-{}", more - 1),
            }
        })
        .collect()
}

/// What a document links to, as written.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text).collect::<Vec<_>>().join("\n");
    let behind = prose.split("](").skip(1);
    behind
        .map(|rest| rest.split(')').next().unwrap().to_owned())
        .collect()
}

/// A path without `..`; none where it leads out of the tree.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut kept = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => kept.pop().then_some(())?,
            Component::CurDir => {}
            other => kept.push(other),
        }
    }
    Some(kept)
}

#[test]
fn every_link_leads_to_a_file_of_this_tree_and_to_a_heading_in_it() {
    let (mut dead, mut followed, mut linked) = (Vec::new(), 0, BTreeSet::new());
    let documents = files("", &["md"]);
    for document in &documents {
        let text = read(document);
        for link in links(&text) {
            if link.starts_with("https://") || link.starts_with("http://") {
                continue;
            }
            followed += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let folder = document.parent().unwrap();
            let target = match path {
                "" => Some(document.clone()),
                path => inside(&folder.join(path)),
            };
            let target = target.filter(|target| Path::new(ROOT).join(target).exists());
            let Some(target) = target else {
                dead.push(format!("{}: {link}", document.display()));
                continue;
            };
            if !anchor.is_empty() && !anchors(&read(&target)).contains(anchor) {
                dead.push(format!("{}: {link}", document.display()));
            }
            if target != *document {
                linked.insert(target);
            }
        }
    }
    assert!(dead.is_empty(), "dead links: {dead:#?}");
    assert!(followed > 100, "{followed}");
    let alone: Vec<_> = documents
        .iter()
        .filter(|document| document.starts_with("docs") && !linked.contains(*document))
        .collect();
    assert!(alone.is_empty(), "nothing links to {alone:?}");
}

#[test]
fn every_section_of_the_model_that_is_cited_is_there() {
    let model = read(Path::new("docs/MODEL.md"));
    let sections: BTreeSet<_> = prose(&model)
        .filter(|line| line.starts_with('#'))
        .filter_map(|line| line.trim_start_matches(['#', ' ']).split(' ').next())
        .map(|number| number.trim_end_matches('.').to_owned())
        .collect();
    let mut cited = 0;
    let folders = ["src", "tests", "benches", "examples", "fuzz", "docs"];
    let sources = folders.map(|folder| files(folder, &["rs", "md", "mjs", "toml"]));
    for path in sources.iter().flatten() {
        let text = read(path);
        for behind in text.split(concat!("MODEL ", "§")).skip(1) {
            let number: String = behind
                .chars()
                .take_while(|c| c.is_ascii_digit() || *c == '.')
                .collect();
            let number = number.trim_end_matches('.');
            // The page's own way to say how it is cited.
            if number.is_empty() {
                continue;
            }
            assert!(sections.contains(number), "{}: §{number}", path.display());
            cited += 1;
        }
        let stranger = concat!("DES", "IGN");
        assert!(!text.contains(stranger), "{}: {stranger}", path.display());
    }
    assert!(cited > 20, "{cited}");
}

/// The value of a constant as the source writes it: a number, shifted or multiplied, or a duration
/// in seconds.
fn value(expression: &str) -> Option<u128> {
    let number = |text: &str| text.trim().replace('_', "").parse::<u128>().ok();
    if let Some(inside) = expression.strip_prefix("Duration::from_secs(") {
        return number(inside.strip_suffix(')')?);
    }
    if let Some((left, right)) = expression.split_once("<<") {
        return Some(number(left)? << number(right)?);
    }
    expression
        .split('*')
        .try_fold(1, |product, factor| Some(product * number(factor)?))
}

/// The expressions behind a name in a file: of a constant, or of a field in a `Default`.
fn expressions<'a>(source: &'a str, name: &str) -> Vec<&'a str> {
    let of_constant = format!("const {name}: ");
    let of_field = format!("{name}: ");
    let lines = source.lines().map(str::trim);
    let found = lines.filter_map(|line| {
        if let Some((_, rest)) = line.split_once(&of_constant) {
            return rest.split_once(" = ")?.1.strip_suffix(';');
        }
        line.strip_prefix(&of_field)?.strip_suffix(',')
    });
    found.filter(|text| value(text).is_some()).collect()
}

/// The numbers in a cell, with groups of three put together.
fn numbers(cell: &str) -> Vec<u128> {
    let chars: Vec<char> = cell.chars().collect();
    let mut joined = String::new();
    for (place, character) in chars.iter().enumerate() {
        let is_digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
        let joins = *character == ' '
            && place > 0
            && is_digit(place - 1)
            && (1..=3).all(|next| is_digit(place + next))
            && !is_digit(place + 4);
        if !joins {
            joined.push(*character);
        }
    }
    let parts = joined.split(|c: char| !c.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}

#[test]
fn every_bound_in_the_table_has_the_value_of_the_source() {
    let page = read(Path::new("docs/BOUNDS.md"));
    let mut listed = BTreeSet::new();
    for row in prose(&page).filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, bound, place, _, _] = cells[..] else {
            panic!("five cells: {row}");
        };
        let marked: Vec<_> = place.split('`').skip(1).step_by(2).collect();
        let [file, name] = marked[..] else {
            assert!(marked.is_empty(), "a file and a name, or nothing: {row}");
            continue;
        };
        let source = read(&Path::new("src").join(file));
        let found = expressions(&source, name);
        assert!(!found.is_empty(), "no {name} in src/{file}");
        let said = numbers(bound);
        let holds = |text: &&str| said.contains(&value(text).unwrap());
        assert!(
            found.iter().any(holds),
            "src/{file}: {name} is {found:?}, not {bound}"
        );
        listed.insert((file.to_owned(), name.to_owned()));
    }
    assert!(listed.len() > 80, "{}", listed.len());
    // Whatever is called a bound in the source is on the page.
    for path in files("src", &["rs"]) {
        let below = path
            .strip_prefix("src")
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        if below.contains("tests") {
            continue;
        }
        for line in read(&path).lines().map(str::trim) {
            let Some((_, rest)) = line.split_once("const MAX_") else {
                continue;
            };
            let name = format!("MAX_{}", rest.split(':').next().unwrap());
            let is_listed = listed.contains(&(below.clone(), name.clone()));
            assert!(
                is_listed,
                "docs/BOUNDS.md has no row for {name} of src/{below}"
            );
        }
    }
}

/// Names in backticks with several underscores are tests.
#[test]
fn every_test_that_the_table_of_attacks_names_is_there() {
    let page = read(Path::new("docs/ATTACKS.md"));
    let sources = [files("src", &["rs"]), files("tests", &["rs"])].concat();
    let sources: String = sources.iter().map(|path| read(path)).collect();
    let quoted = page.split('`').skip(1).step_by(2);
    let is_test = |name: &&str| {
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        name.chars().all(is_letter) && name.matches('_').count() >= 3
    };
    let named: BTreeSet<&str> = quoted
        .filter(is_test)
        .filter(|name| !name.starts_with("asnmeter_"))
        .collect();
    assert!(named.len() > 30, "{named:?}");
    for name in named {
        let function = format!("fn {name}(");
        assert!(sources.contains(&function), "there is no test {name}");
    }
    // Each row names one, or a folder that does it, and of that folder what it does.
    let rows = page.lines().filter(|line| line.starts_with("| "));
    for row in rows.filter(|row| !row.starts_with("| attack or fault")) {
        let shown = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let marked: Vec<_> = shown.split('`').skip(1).step_by(2).collect();
        let is_shown = marked.iter().any(is_test)
            || marked
                .first()
                .is_some_and(|first| Path::new(first).exists());
        assert!(is_shown, "nothing shows it: {row}");
        let place = marked.iter().position(|it| *it == "tests/cases");
        if let Some(case) = place.and_then(|place| marked.get(place + 1)) {
            let cases = read(Path::new("tests/cases"));
            assert!(cases.contains(case), "tests/cases has no {case}");
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Whether a source declares a name: as a type, a function, a constant or a variant.
fn declares(source: &str, name: &str) -> bool {
    const KINDS: [&str; 6] = ["struct", "enum", "trait", "type", "fn", "const"];
    source.lines().any(|line| {
        let mut words = line
            .split(|c: char| !is_name(c))
            .filter(|it| !it.is_empty());
        let is_variant = line.starts_with("    ") && words.clone().next() == Some(name);
        let is_declared = words.any(|word| KINDS.contains(&word)) && words.next() == Some(name);
        is_declared || (is_variant && name.starts_with(|c: char| c.is_ascii_uppercase()))
    })
}

/// Whether the program has a name; what stands before `::` is a file, or stands in the same file.
fn is_in_the_program(sources: &[(PathBuf, String)], name: &str) -> bool {
    let mut segments = name.rsplit("::");
    let (last, owner) = (segments.next().unwrap(), segments.next());
    sources.iter().any(|(path, source)| {
        let is_part = |name: &str| path.with_extension("").iter().any(|part| part == name);
        let has = |name: &str| source.split(|c: char| !is_name(c)).any(|word| word == name);
        let is_owner = owner.is_none_or(|owner| is_part(owner) || has(owner));
        is_owner && (is_part(last) || declares(source, last))
    })
}

/// A path is one from the root or from `src`. Not checked: words that may be any (`local`, `met`).
#[test]
fn every_path_and_name_of_the_architecture_is_there() {
    let sources = files("src", &["rs"]).into_iter();
    let sources: Vec<_> = sources.map(|path| (path.clone(), read(&path))).collect();
    let text = read(Path::new("docs/ARCHITECTURE.md"));
    let words = prose(&text).flat_map(|line| line.split('`').skip(1).step_by(2));
    let (mut checked, mut missing) = (0, Vec::new());
    for word in words {
        let is_code = word.contains("::") || word.starts_with(|c: char| c.is_ascii_uppercase());
        let is_file = Path::new(word).extension().is_some_and(|it| it == "rs");
        let is_there = if word.contains('/') || is_file {
            let path = word.rsplit(' ').next().unwrap();
            let mut roots = ["", "src"].iter().map(|root| Path::new(ROOT).join(root));
            roots.any(|root| root.join(path).exists())
        } else if is_code && word.chars().all(|c| is_name(c) || c == ':') {
            ["Arc", "tokio::sync::watch"].contains(&word) || is_in_the_program(&sources, word)
        } else {
            continue;
        };
        checked += 1;
        if !is_there {
            missing.push(word);
        }
    }
    assert!(checked > 100, "only {checked} are checked");
    assert!(missing.is_empty(), "cited, and not there: {missing:#?}");
}

#[test]
fn the_readme_is_short() {
    let lines = read(Path::new("README.md")).lines().count();
    assert!(
        lines <= 150,
        "{lines} lines; what is more belongs into docs/"
    );
}

#[test]
fn every_document_that_a_unit_names_is_installed_there() {
    let mut named = 0;
    for path in files("deploy", &["service", "timer"]) {
        let text = read(&path);
        for behind in text.split("file:///usr/share/doc/asnmeter/").skip(1) {
            let document = behind.split_whitespace().next().unwrap();
            // The package has the documents as they lie here.
            let is_there = Path::new(ROOT).join(document).is_file();
            assert!(is_there, "{}: {document}", path.display());
            named += 1;
        }
    }
    assert!(named > 0);
}

#[test]
fn the_package_is_installed_by_a_name_that_every_architecture_has() {
    for page in ["README.md", "docs/INSTALL.md"] {
        let text = read(Path::new(page));
        assert!(
            text.contains("apt install ./asnmeter_*.deb\n"),
            "{page} names another file"
        );
    }
}

#[test]
fn the_report_cites_the_section_that_checks_a_signature() {
    let evidence = read(Path::new("docs/EVIDENCE.md"));
    let section = evidence
        .split("\n## ")
        .find(|section| section.contains("openssl pkeyutl -verify"));
    let number = section.unwrap().split('.').next().unwrap();
    let report = read(Path::new("src/report/tables.rs"));
    let cited = format!("the signature (docs/EVIDENCE.md §{number}):");
    assert!(report.contains(&cited), "not {cited}");
}

#[test]
fn every_exit_code_of_the_manual_page_is_in_the_table() {
    let manual = read(Path::new("examples/package.rs"));
    let (_, codes) = manual.split_once("const EXIT_STATUS").unwrap();
    let (codes, _) = codes.split_once("];").unwrap();
    let codes = codes.split('"').skip(1).step_by(2);
    let codes: Vec<_> = codes.filter(|text| text.parse::<u8>().is_ok()).collect();
    let install = read(Path::new("docs/INSTALL.md"));
    let (_, table) = install.split_once("## Exit codes").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let rows = rows.filter_map(|row| row.split('|').nth(1).map(str::trim));
    let rows: Vec<_> = rows.filter(|text| text.parse::<u8>().is_ok()).collect();
    assert_eq!(codes, rows);
    assert!(codes.contains(&"130"), "a replay that Ctrl-C ends");
}
