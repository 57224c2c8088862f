//! Writes what a package has beside the program, from the same source as the program itself:
//! manual pages from the command line and from the table of configuration keys, completions for
//! three shells.
//!
//! `cargo run --example package -- FOLDER`

use asnmeter::cli;
use asnmeter::config::keys::{INTRODUCTION, IfMissing, KEYS};
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: package FOLDER")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    program(folder)?;
    fs::write(folder.join("asnmeter.toml.5"), configuration())?;
    let mut command = cli::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command, "asnmeter", folder)?;
    }
    Ok(())
}

/// asnmeter(8), and a page for each of its commands: asnmeter-run(8).
fn program(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut command = cli::command().disable_help_subcommand(true);
    // Gives the commands within it their whole names.
    command.build();
    page(folder, &command)
}

fn page(folder: &Path, command: &clap::Command) -> Result<(), Box<dyn Error>> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let mut text = Vec::new();
    let man = Man::new(command.clone()).section("8").manual("asnmeter");
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    text.extend(sections(name).into_bytes());
    fs::write(folder.join(format!("{name}.8")), text)?;
    command
        .get_subcommands()
        .try_for_each(|inner| page(folder, inner))
}

/// What each page of section 8 says besides: the same everywhere, but for the examples.
fn sections(name: &str) -> String {
    let mut page = Roff::new();
    for (title, rows) in [
        ("FILES", FILES),
        ("SIGNALS", SIGNALS),
        ("EXIT STATUS", EXIT_STATUS),
    ] {
        page.control("SH", [title]);
        for (what, means) in rows {
            page.control("TP", []);
            page.text([bold(*what)]);
            page.text([roman(*means)]);
        }
    }
    page.control("SH", ["EXAMPLES"]);
    let own = EXAMPLES
        .iter()
        .filter(|(of, ..)| name.starts_with(of) && *of != "asnmeter");
    let own: Vec<_> = own.collect();
    let general = EXAMPLES.iter().filter(|(of, ..)| *of == "asnmeter");
    let shown = if own.is_empty() {
        general.collect()
    } else {
        own
    };
    for (_, command, means) in shown {
        page.control("TP", []);
        page.text([bold(*command)]);
        page.text([roman(*means)]);
    }
    page.control("SH", ["BUGS"]);
    page.text([roman(
        "What it does not see stands in section 16 of /usr/share/doc/asnmeter/docs/MODEL.md. Report others to whoever \
         built the package (reportbug asnmeter), with the line that asnmeter --version prints.",
    )]);
    page.control("SH", ["SEE ALSO"]);
    page.text([roman(
        "asnmeter(8), asnmeter.toml(5), /usr/share/doc/asnmeter/README.md",
    )]);
    page.render()
}

const FILES: &[(&str, &str)] = &[
    (
        "/etc/asnmeter/asnmeter.toml",
        "The configuration of the service: asnmeter.toml(5).",
    ),
    (
        "/etc/asnmeter/web.yml",
        "TLS and passwords, if web.config_file names it: the form of exporter-toolkit.",
    ),
    (
        "/var/lib/asnmeter",
        "What the service keeps: the ledger (evidence.directory), your tables.",
    ),
    (
        "/var/cache/asnmeter",
        "Compiled ASN tables; made again where they are missing.",
    ),
    (
        "/usr/share/asnmeter",
        "Rules for Prometheus, dashboards for Grafana.",
    ),
];

const SIGNALS: &[(&str, &str)] = &[
    (
        "SIGHUP",
        "asnmeter run reads configuration, ASN tables and web.yml again; with anything wrong all of the old stays.",
    ),
    (
        "SIGTERM, SIGINT",
        "asnmeter run and demo judge what they have and end with 0. A replay prints what was judged so far, says so, and ends with 130; one that follows a file ends with 0.",
    ),
];

const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "Done."),
    (
        "1",
        "Failed while running; of verify: the ledger does not hold.",
    ),
    ("2", "The command line is wrong."),
    (
        "69",
        "An interface or a file is not there, or a file cannot be read to its end in 5 minutes.",
    ),
    ("77", "No permission to capture."),
    ("78", "The configuration, or an ASN table, is wrong."),
    (
        "130",
        "A signal ended a replay: what it printed is what was judged until then.",
    ),
];

/// Command, line, meaning.
const EXAMPLES: &[(&str, &str, &str)] = &[
    (
        "asnmeter",
        "asnmeter demo",
        "Synthetic calls, judged live: open http://127.0.0.1:10179/.",
    ),
    (
        "asnmeter",
        "asnmeter replay call.pcap --config asnmeter.toml",
        "The verdicts on a capture file.",
    ),
    (
        "asnmeter",
        "asnmeter asn lookup 192.0.2.1 --source table.tsv",
        "Whose an address is, by one table.",
    ),
    (
        "asnmeter-run",
        "asnmeter run --config /etc/asnmeter/asnmeter.toml",
        "What the service does.",
    ),
    (
        "asnmeter-run",
        "systemctl reload asnmeter",
        "The service reads its files again.",
    ),
    (
        "asnmeter-demo",
        "asnmeter demo --evidence /tmp/ledger",
        "The demo, with a ledger.",
    ),
    (
        "asnmeter-replay",
        "asnmeter replay a.pcap.gz b.pcapng --config asnmeter.toml --seconds seconds.jsonl",
        "Files merged by time; every judged second as a line.",
    ),
    (
        "asnmeter-replay",
        "asnmeter replay --follow now.pcap --config asnmeter.toml --format csv",
        "A capture that is still being written; the result as CSV once it is stopped.",
    ),
    (
        "asnmeter-verify",
        "asnmeter verify /var/lib/asnmeter/evidence --require signed",
        "Whether a ledger holds, and is signed.",
    ),
    (
        "asnmeter-report",
        "asnmeter report /var/lib/asnmeter/evidence --month 2026-11 --time-zone Europe/Paris --format html",
        "A month, to be printed and signed.",
    ),
    (
        "asnmeter-evidence",
        "asnmeter evidence show /var/lib/asnmeter/evidence --from 2026-11-25T21:00:00Z --asn 3320",
        "Leaves as they are.",
    ),
    (
        "asnmeter-config",
        "asnmeter config check /etc/asnmeter/asnmeter.toml",
        "Whether the service would start, and what it would meet.",
    ),
    (
        "asnmeter-config",
        "asnmeter config check --no-interfaces asnmeter.toml",
        "The same on a host that is not the meter's.",
    ),
    (
        "asnmeter-asn",
        "asnmeter asn lookup 192.0.2.1 --config /etc/asnmeter/asnmeter.toml",
        "Whose an address is, and which sources agree.",
    ),
];

/// asnmeter.toml(5).
fn configuration() -> String {
    let mut page = Roff::new();
    page.control("TH", ["asnmeter.toml", "5", "", "asnmeter", "asnmeter"]);
    page.control("SH", ["NAME"]);
    page.text([roman("asnmeter.toml - configuration of asnmeter(8)")]);
    page.control("SH", ["DESCRIPTION"]);
    for paragraph in INTRODUCTION.split("\n\n") {
        page.control("PP", []);
        page.text([roman(plain(&paragraph.replace('\n', " ")))]);
    }
    let mut table = "";
    for key in KEYS {
        let (of, _) = key.path.split_once('.').unwrap_or((key.path, ""));
        if of != table {
            let heading = if of == "commitment" {
                "[[commitment]]".into()
            } else {
                format!("[{of}]")
            };
            page.control("SH", [heading.as_str()]);
            table = of;
        }
        page.control("TP", []);
        page.text([bold(key.path)]);
        let if_missing = match key.if_missing {
            IfMissing::Default(value) => format!("Default: {value}."),
            IfMissing::Nothing => "No default.".into(),
            IfMissing::Required => "Required.".into(),
        };
        page.text([
            italic(plain(key.form)),
            roman(format!(". {if_missing} {}", plain(key.help))),
        ]);
        page.control("IP", []);
        page.text([roman(format!("Example: {}", key.example))]);
    }
    page.control("SH", ["FILES"]);
    page.text([roman("/etc/asnmeter/asnmeter.toml")]);
    page.control("SH", ["EXAMPLES"]);
    page.text([roman("asnmeter config default prints a file with every key, explained; asnmeter config check FILE says what is wrong with one.")]);
    page.control("SH", ["BUGS"]);
    page.text([roman("reportbug asnmeter.")]);
    page.control("SH", ["SEE ALSO"]);
    page.text([roman("asnmeter(8), asnmeter-config(8)")]);
    page.render()
}

/// Markdown's code marks are not for a manual page.
fn plain(text: &str) -> String {
    text.replace('`', "")
}
