//! Writes what a package has beside the program, from the same source as the program itself:
//! manual pages from the command line and from the table of configuration keys, completions for
//! three shells.
//!
//! `cargo run --example package -- FOLDER`

use asnmeter::cli;
use asnmeter::config::keys::{INTRODUCTION, KEYS, Unwritten};
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
    man.render(&mut text)?;
    fs::write(folder.join(format!("{name}.8")), text)?;
    command
        .get_subcommands()
        .try_for_each(|inner| page(folder, inner))
}

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
        let unwritten = match key.unwritten {
            Unwritten::Default(value) => format!("Default: {value}."),
            Unwritten::Nothing => "No default.".into(),
            Unwritten::Required => "Required.".into(),
        };
        page.text([
            italic(plain(key.form)),
            roman(format!(". {unwritten} {}", plain(key.help))),
        ]);
        page.control("IP", []);
        page.text([roman(format!("Example: {}", key.example))]);
    }
    page.control("SH", ["FILES"]);
    page.text([roman("/etc/asnmeter/asnmeter.toml")]);
    page.control("SH", ["SEE ALSO"]);
    page.text([roman("asnmeter(8), asnmeter-config(8)")]);
    page.render()
}

/// Markdown's code marks are not for a manual page.
fn plain(text: &str) -> String {
    text.replace('`', "")
}
