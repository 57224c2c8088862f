use crate::example;
use asnmeter::export::{Published, page};
use asnmeter::sla::commitment::DirectionRule;
use asnmeter::snapshot::Snapshot;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// The hash source of CSP for an inline element, by coreutils, so not by our own arithmetic.
fn hash_source(content: &str) -> String {
    let mut shell = Command::new("sh")
        .args(["-c", "sha256sum | cut -c1-64 | xxd -r -p | base64"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    shell
        .stdin
        .take()
        .unwrap()
        .write_all(content.as_bytes())
        .unwrap();
    let output = shell.wait_with_output().unwrap();
    format!(
        "'sha256-{}'",
        String::from_utf8(output.stdout).unwrap().trim()
    )
}

#[test]
fn the_policy_lets_run_this_style_and_this_script_and_nothing_else() {
    let (style, script) = (hash_source(page::STYLE), hash_source(page::SCRIPT));
    let policy = page::CONTENT_SECURITY_POLICY;
    assert!(
        policy.contains(&format!("style-src {style};")),
        "style-src {style}"
    );
    assert!(
        policy.ends_with(&format!("script-src {script}")),
        "script-src {script}"
    );
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"));
}

#[test]
fn a_name_with_a_script_in_it_stays_text() {
    let text = page::render(&example::published());
    assert_eq!(text.matches("<script").count(), 1, "ours");
    assert!(text.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"));
    assert!(!page::SCRIPT.contains("innerHTML") && !page::SCRIPT.contains("</"));
}

#[test]
fn a_name_that_looks_like_a_mark_of_the_template_is_not_filled_in() {
    let published = example::published();
    let mut snapshot = Snapshot::clone(&published.snapshot);
    snapshot.commitments[0].name = "{{script}}".into();
    let text = page::render(&Published {
        snapshot: snapshot.into(),
        ..published
    });
    assert!(text.contains("<h2>{{script}}</h2>"));
    assert_eq!(text.matches("\"use strict\"").count(), 1);
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let text = page::render(&example::published()).replace("http://www.w3.org/2000/svg", "");
    assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("src=\""));
}

#[test]
fn rows_are_sorted_by_share_and_the_state_is_said_in_words() {
    let text = page::render(&example::published());
    let places: Vec<usize> = [
        "AS3320<", "AS12322<", "AS2856<", "AS3269<", "AS1136<", "AS64666<",
    ]
    .iter()
    .map(|asn| text.find(asn).unwrap())
    .collect();
    assert!(places.is_sorted(), "{places:?}");
    for words in [
        "▲ Out of SLA",
        "◆ Near the limit",
        "● Within",
        "✓ met",
        "✕ missed",
        "– void",
        "? indeterminate",
        "no voice",
        "not guaranteed",
        "▲ 1 of 7 out of SLA",
    ] {
        assert!(text.contains(words), "{words}");
    }
}

#[test]
fn only_the_judged_direction_is_drawn() {
    let published = example::published();
    let mut snapshot = Snapshot::clone(&published.snapshot);
    snapshot.commitments.truncate(1);
    snapshot.commitments[0].direction = DirectionRule::To;
    let text = page::render(&Published {
        snapshot: snapshot.into(),
        ..published
    });
    assert!(text.contains("<span>to</span>") && !text.contains("<span>from</span>"));
}

#[test]
fn before_the_first_second_the_page_says_that_it_waits() {
    let text = page::render(&Published::default());
    assert!(text.contains("waiting for the first second") && text.contains("no second judged yet"));
}
