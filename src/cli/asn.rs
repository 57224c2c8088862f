//! `asnmeter asn`: what the ASN table says of an address, and what the table is made of.

use super::{Format, load_or_default, print};
use crate::app::AppError;
use crate::asn::{Answer, Lookup, Origins, SourceState, Step};
use crate::clock;
use crate::units::Address;
use clap::Subcommand;
use serde::Serialize;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(super) enum AsnCommand {
    /// Whose an address is, and which source says so
    Lookup {
        /// IPv4 or IPv6 addresses
        #[arg(required = true, value_name = "ADDR")]
        addresses: Vec<IpAddr>,
        /// Configuration file
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// What to print
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// The sources, in order of precedence
    Info {
        /// Configuration file
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

pub(super) fn run(command: AsnCommand) -> Result<(), AppError> {
    match command {
        AsnCommand::Lookup {
            addresses,
            config,
            format,
        } => {
            let origins = load(config.as_ref())?;
            let answers = addresses
                .into_iter()
                .map(|ip| origins.explain(Address::from(ip)));
            let answers: Vec<_> = answers.collect();
            print(|out| match format {
                Format::Text => answers
                    .iter()
                    .try_for_each(|answer| write_text(out, answer)),
                Format::Json => write_json(out, &answers),
            })
        }
        AsnCommand::Info { config } => {
            let origins = load(config.as_ref())?;
            print(|out| write_sources(out, origins.sources()))
        }
    }
}

fn load(config: Option<&PathBuf>) -> Result<Origins, AppError> {
    let asn = load_or_default(config)?.asn;
    Ok(Origins::load(
        &asn.sources,
        &asn.local_prefixes,
        &asn.own,
        clock::now,
    )?)
}

/// A line per source, and below it what was left out or decided, as far as anything was.
fn write_sources<'a>(
    out: &mut dyn Write,
    mut sources: impl Iterator<Item = SourceState<'a>>,
) -> io::Result<()> {
    writeln!(
        out,
        "{:<10} {:>9} {:>8} {:>8} {:>7}  {:<20}  SOURCE",
        "KIND", "PREFIXES", "NAMES", "PATHS", "LOADED", "WRITTEN"
    )?;
    sources.try_for_each(|source| {
        let (kind, prefixes, names, paths) =
            (source.kind, source.prefixes, source.names, source.paths);
        let took = format!("{:.2}s", source.took.as_secs_f64());
        let written = source
            .written
            .map_or_else(|| "-".to_owned(), |written| written.second().to_string());
        writeln!(
            out,
            "{kind:<10} {prefixes:>9} {names:>8} {paths:>8} {took:>7}  {written:<20}  {}",
            source.name
        )?;
        let counts = source.counts;
        let lines = [
            (counts.rows, "rows or networks"),
            (counts.without_origin, "of them nobody's"),
            (counts.default_routes, "default routes left out"),
            (counts.several_origins, "with several origins"),
            (counts.as_sets, "with an AS_SET for origin"),
            (
                counts.conflicts,
                "again with another origin or path: the first stands",
            ),
            (counts.passed_over, "records passed over: no unicast routes"),
        ];
        let mut lines = lines.iter().filter(|(count, _)| *count != 0);
        lines.try_for_each(|(count, what)| writeln!(out, "    {count:>15} {what}"))
    })
}

fn write_text(out: &mut dyn Write, lookup: &Lookup) -> io::Result<()> {
    let Lookup {
        address,
        origin,
        prefix,
        name,
        source,
        path,
        others,
        ..
    } = lookup;
    let asn = lookup.asn.map_or(String::new(), |asn| format!(" AS{asn}"));
    match (prefix, source) {
        (Some(prefix), Some(source)) => {
            let name = name.as_deref().unwrap_or("");
            let local = if origin.is_judged() { "" } else { " local" };
            writeln!(out, "{address}{asn}{local}  {prefix}  {name}  ({source})")?;
        }
        _ => writeln!(out, "{address} AS0  no origin")?,
    }
    if !path.is_empty() {
        writeln!(out, "    path {}", written(path))?;
    }
    others.iter().try_for_each(
        |Answer {
             source,
             asn,
             prefix,
             path,
         }| {
            let path = if path.is_empty() {
                ""
            } else {
                &format!("  path {}", written(path))
            };
            writeln!(out, "    also AS{asn}  {prefix}{path}  ({source})")
        },
    )
}

/// A path as BGP tools write it: `64500 64501 {64502,64503}`.
fn written(path: &[Step]) -> String {
    let steps: Vec<String> = path.iter().map(Step::to_string).collect();
    steps.join(" ")
}

#[derive(Serialize)]
struct JsonAnswer<'a> {
    address: String,
    asn: u32,
    local: bool,
    prefix: Option<String>,
    name: Option<&'a str>,
    path: Vec<JsonStep>,
    source: Option<&'a str>,
    others: Vec<JsonOther<'a>>,
}

/// A number, or an array of numbers for an AS_SET.
#[derive(Serialize)]
#[serde(untagged)]
enum JsonStep {
    As(u32),
    Set(Vec<u32>),
}

impl From<&Step> for JsonStep {
    fn from(step: &Step) -> Self {
        match step {
            Step::As(asn) => Self::As(asn.0),
            Step::Set(set) => Self::Set(set.iter().map(|asn| asn.0).collect()),
        }
    }
}

#[derive(Serialize)]
struct JsonOther<'a> {
    source: &'a str,
    asn: u32,
    prefix: String,
    path: Vec<JsonStep>,
}

fn write_json(out: &mut dyn Write, lookups: &[Lookup]) -> io::Result<()> {
    let answers = lookups.iter().map(|lookup| JsonAnswer {
        address: lookup.address.to_string(),
        asn: lookup.asn.unwrap_or_default().0,
        local: lookup.origin == crate::asn::Origin::Local,
        prefix: lookup.prefix.map(|prefix| prefix.to_string()),
        name: lookup.name.as_deref(),
        path: lookup.path.iter().map(JsonStep::from).collect(),
        source: lookup.source.as_deref(),
        others: lookup.others.iter().map(JsonOther::of).collect(),
    });
    serde_json::to_writer_pretty(&mut *out, &answers.collect::<Vec<_>>())?;
    writeln!(out)
}

impl<'a> JsonOther<'a> {
    fn of(answer: &'a Answer) -> Self {
        Self {
            source: &answer.source,
            asn: answer.asn.0,
            prefix: answer.prefix.to_string(),
            path: answer.path.iter().map(JsonStep::from).collect(),
        }
    }
}
