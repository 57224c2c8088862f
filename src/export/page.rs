//! The page for people: how each ASN stands under each commitment, and how the meter itself is.
//!
//! Drawn here from a published state, so that it works without scripts, and redrawn each second
//! by page.js from `/api/v1/asns`; the two draw the same nodes. No outside asset: the content
//! security policy lets nothing run or load but this page's own style and script, by hash.

mod sections;

use crate::export::Published;
use sections::Escaped;
use std::fmt::Write as _;

const TEMPLATE: &str = include_str!("page/page.html");

/// The page's style, inline; its hash is in [`CONTENT_SECURITY_POLICY`].
pub const STYLE: &str = include_str!("page/page.css");

/// The page's script, inline; its hash is in [`CONTENT_SECURITY_POLICY`].
pub const SCRIPT: &str = include_str!("page/page.js");

/// The header of the same name. A test compares the hashes with the files and prints new ones.
pub const CONTENT_SECURITY_POLICY: &str = concat!(
    "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; ",
    "frame-ancestors 'none'; ",
    "style-src 'sha256-W+Yr29hJ8uTT2ZtDvVR66v7g17kWlIpBjUkTZ3/fCnU='; ",
    "script-src 'sha256-KGYPV78TJSvBD68D7RNWKi54/Pxh8JcNDtSU4HOyGv8='",
);

/// The whole page.
pub fn render(published: &Published) -> String {
    let mut page = String::with_capacity(TEMPLATE.len() + STYLE.len() + SCRIPT.len() + 16 * 1024);
    // One pass over the template: what is filled in is never searched for marks itself.
    for (place, piece) in TEMPLATE.split("{{").enumerate() {
        let (mark, rest) = match piece.split_once("}}") {
            Some((mark, rest)) if place > 0 => (mark, rest),
            _ => ("", piece),
        };
        match mark {
            "style" => page.push_str(STYLE),
            "script" => page.push_str(SCRIPT),
            "version" => push_text(&mut page, &published.standing.version),
            "body" => push_body(&mut page, published),
            _ => {}
        }
        page.push_str(rest);
    }
    page
}

fn push_text(page: &mut String, text: &str) {
    // Writing to a String can not fail; the same below.
    let _ = write!(page, "{}", Escaped(text));
}

fn push_body(page: &mut String, published: &Published) {
    let snapshot = &*published.snapshot;
    let (class, words) = if published.is_ready() {
        ("live", "live")
    } else {
        ("waiting", "waiting for the first second")
    };
    let judged = match snapshot.judged {
        Some(second) => format!("judged {second}"),
        None => "no second judged yet".to_owned(),
    };
    let _ = write!(
        page,
        "<header><h1>asnmeter</h1><span id=\"standing\" class=\"{class}\" role=\"status\">{words}</span>\
         <span id=\"judged\">{judged}</span></header>\n<main>\n",
    );
    for commitment in &snapshot.commitments {
        sections::push_commitment(page, commitment);
    }
    sections::push_health(page, published);
    page.push_str("</main>");
}
