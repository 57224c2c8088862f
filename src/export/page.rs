//! The page for people: how each ASN stands under each commitment, and how the meter itself is.
//!
//! One constant document. Its script draws what `/api/v1/live` sends, and sets every name as text.
//! No outside asset: the content security policy lets nothing run or load but this page's own style
//! and script, by hash.

/// The page's style, inline; its hash is in [`CONTENT_SECURITY_POLICY`].
pub const STYLE: &str = include_str!("page/page.css");

/// The files of the script in one block, in the order in which they build on each other. A macro,
/// because `concat!` takes literals only.
macro_rules! script {
    () => {
        concat!(
            "\"use strict\";{\n",
            include_str!("page/words.js"),
            include_str!("page/drawing.js"),
            include_str!("page/measures.js"),
            include_str!("page/find.js"),
            include_str!("page/rows.js"),
            include_str!("page/history.js"),
            include_str!("page/streams.js"),
            include_str!("page/detail.js"),
            include_str!("page/meter.js"),
            include_str!("page/live.js"),
            "}"
        )
    };
}

/// The page's script, inline; its hash is in [`CONTENT_SECURITY_POLICY`].
pub const SCRIPT: &str = script!();

/// The header of the same name. A test compares the hashes with the files and prints new ones.
pub const CONTENT_SECURITY_POLICY: &str = concat!(
    "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; ",
    "frame-ancestors 'none'; ",
    "style-src 'sha256-8alnF3OwczWVTlhPjaSWrQO+0UCcIc9jnkixWNUU/fE='; ",
    "script-src 'sha256-8/zT0u2XrmwsNchxCY9PJJoJxxM1OL7TJ0rQAxCYB2c='",
);

/// The whole page.
pub const PAGE: &str = concat!(
    include_str!("page/head.html"),
    "<style>",
    include_str!("page/page.css"),
    "</style>\n",
    include_str!("page/body.html"),
    "<script>",
    script!(),
    "</script>\n</body>\n</html>\n"
);

/// The runbook, docs/RUNBOOK.md as HTML (`build.rs`): where alerts lead. It has the page's style and no
/// script.
pub const RUNBOOK: &str = concat!(
    include_str!("page/head.html"),
    "<style>",
    include_str!("page/page.css"),
    "</style>\n</head>\n<body class=\"doc\">\n<header><p><a href=\"/\">asnmeter</a></p></header>\n",
    "<main><section>\n",
    include_str!(concat!(env!("OUT_DIR"), "/runbook.html")),
    "</section></main>\n</body>\n</html>\n"
);
