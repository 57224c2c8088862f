//! Tells the binary which commit it was built from, and writes the runbook as HTML.

use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd, html};
use std::error::Error;
use std::path::Path;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed=ASNMETER_REVISION");
    for file in files_of_head() {
        println!("cargo:rerun-if-changed={file}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=docs/RUNBOOK.md");
    // A packager without a checkout says it; `unknown` is better than a wrong one.
    let revision = std::env::var("ASNMETER_REVISION").ok().or_else(head);
    println!(
        "cargo:rustc-env=ASNMETER_REVISION={}",
        revision.as_deref().unwrap_or("unknown")
    );
    let folder = std::env::var("OUT_DIR")?;
    let runbook = std::fs::read_to_string("docs/RUNBOOK.md")?;
    std::fs::write(Path::new(&folder).join("runbook.html"), rendered(&runbook))?;
    Ok(())
}

fn head() -> Option<String> {
    git(&["rev-parse", "--short=12", "HEAD"])
}

/// The files that change when another commit is checked out or made here; commits of other branches and
/// worktrees make no build stale. Only files that exist: cargo builds anew each time for one that does not.
fn files_of_head() -> impl Iterator<Item = String> {
    ["HEAD", "logs/HEAD"]
        .into_iter()
        .filter_map(|name| git(&["rev-parse", "--git-path", name]))
        .filter(|path| Path::new(path).is_file())
}

/// What a git command prints; `None` where there is no git, no repository or nothing to print.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

/// Markdown as HTML. A heading's anchor is its text in lower case, as alerts name it. Links to other
/// documents are left as text: the program serves none of them.
fn rendered(markdown: &str) -> String {
    let mut events: Vec<Event<'_>> = Vec::new();
    let mut heading = None;
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                heading = Some(events.len());
                events.push(event);
            }
            Event::End(TagEnd::Heading(_)) => {
                let begun = heading.take().unwrap_or_default();
                let text: String = events.iter().skip(begun).map(text_of).collect();
                if let Some(Event::Start(Tag::Heading { id, .. })) = events.get_mut(begun) {
                    *id = Some(CowStr::from(text.to_lowercase().replace(' ', "-")));
                }
                events.push(event);
            }
            Event::Start(Tag::Link { .. }) | Event::End(TagEnd::Link) => {}
            _ => events.push(event),
        }
    }
    let mut written = String::new();
    html::push_html(&mut written, events.into_iter());
    written
}

fn text_of<'e>(event: &'e Event<'_>) -> &'e str {
    match event {
        Event::Text(text) | Event::Code(text) => text,
        _ => "",
    }
}
