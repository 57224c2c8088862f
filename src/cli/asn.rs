//! `asnmeter asn`: what the ASN table says of an address, and what the table is made of.

use super::{Format, load_or_default, print};
use crate::app::AppError;
use crate::asn::{Answer, Lookup, Origins};
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
            print(|out| {
                writeln!(
                    out,
                    "{:<10} {:>9} {:>8}  SOURCE",
                    "KIND", "PREFIXES", "NAMES"
                )?;
                origins.sources().try_for_each(|source| {
                    let (kind, prefixes, names) = (source.kind, source.prefixes, source.names);
                    writeln!(out, "{kind:<10} {prefixes:>9} {names:>8}  {}", source.name)
                })
            })
        }
    }
}

fn load(config: Option<&PathBuf>) -> Result<Origins, AppError> {
    let asn = load_or_default(config)?.asn;
    Ok(Origins::load(
        &asn.sources,
        &asn.local_prefixes,
        &asn.own,
        clock::now(),
    )?)
}

fn write_text(out: &mut dyn Write, lookup: &Lookup) -> io::Result<()> {
    let Lookup {
        address,
        origin,
        prefix,
        name,
        source,
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
    others.iter().try_for_each(
        |Answer {
             source,
             asn,
             prefix,
         }| { writeln!(out, "    also AS{asn}  {prefix}  ({source})") },
    )
}

#[derive(Serialize)]
struct JsonAnswer<'a> {
    address: String,
    asn: u32,
    local: bool,
    prefix: Option<String>,
    name: Option<&'a str>,
    path: Vec<u32>,
    source: Option<&'a str>,
    others: Vec<JsonOther<'a>>,
}

#[derive(Serialize)]
struct JsonOther<'a> {
    source: &'a str,
    asn: u32,
    prefix: String,
}

fn write_json(out: &mut dyn Write, lookups: &[Lookup]) -> io::Result<()> {
    let answers = lookups.iter().map(|lookup| JsonAnswer {
        address: lookup.address.to_string(),
        asn: lookup.asn.unwrap_or_default().0,
        local: lookup.origin == crate::asn::Origin::Local,
        prefix: lookup.prefix.map(|prefix| prefix.to_string()),
        name: lookup.name.as_deref(),
        path: lookup.path.iter().map(|asn| asn.0).collect(),
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
        }
    }
}
