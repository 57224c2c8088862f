//! `asnmeter asn`: looks up addresses in the ASN table, and lists its sources.

use super::{Format, print};
use crate::app::{self, AppError};
use crate::asn::{CacheUse, Lookup, LookupAnswer, Origin, Origins, PathStep, Source, SourceState};
use crate::clock;
use crate::config::Config;
use crate::units::{Address, Timestamp};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::collections::HashMap;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(Subcommand, Debug)]
pub(super) enum AsnCommand {
    /// Whose an address is, and which source says so
    Lookup {
        /// IPv4 or IPv6 addresses
        #[arg(required = true, value_name = "ADDR")]
        addresses: Vec<IpAddr>,
        #[command(flatten)]
        table: TableArguments,
        /// What to print
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// The sources, in order of precedence
    Info {
        #[command(flatten)]
        table: TableArguments,
    },
}

/// Where the table comes from; without one there is no answer.
#[derive(Args, Debug)]
pub(super) struct TableArguments {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A table, before those of the configuration: FILE, or KIND=FILE with the KIND prefixes, mmdb,
    /// location or mrt where the name does not tell
    #[arg(long = "source", value_name = "FILE", value_parser = clap::builder::ValueParser::from(|text: &str| Ok::<_, std::convert::Infallible>(source(text))))]
    sources: Vec<Source>,
}

/// A source as the command line names it. Any text is one: what no kind's name tells is a list of prefixes.
fn source(text: &str) -> Source {
    type Kind = (&'static str, fn(PathBuf) -> Source);
    const KINDS: [Kind; 4] = [
        ("prefixes", Source::Prefixes),
        ("mmdb", Source::Mmdb),
        ("location", Source::Location),
        ("mrt", Source::Mrt),
    ];
    if let Some((kind, path)) = text.split_once('=')
        && let Some((_, of)) = KINDS.iter().find(|(name, _)| *name == kind)
    {
        return of(path.into());
    }
    let path = PathBuf::from(text);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_lowercase();
    // As those who publish them name them: rib.20260601.0000.bz2, bview.20260601.0000.gz.
    let of: fn(PathBuf) -> Source = if name.contains(".mmdb") {
        Source::Mmdb
    } else if name.starts_with("rib") || name.starts_with("bview") || name.contains(".mrt") {
        Source::Mrt
    } else if name.starts_with("location") {
        Source::Location
    } else {
        Source::Prefixes
    };
    of(path)
}

pub(super) fn run(command: AsnCommand) -> Result<(), AppError> {
    match command {
        AsnCommand::Lookup {
            addresses,
            table,
            format,
        } => {
            let origins = load(table)?;
            let answers = addresses
                .into_iter()
                .map(|ip| origins.explain(Address::from(ip)));
            let answers: Vec<_> = answers.collect();
            let ages = Ages::new(&origins, clock::now());
            print(|out| match format {
                Format::Text => answers
                    .iter()
                    .try_for_each(|answer| write_text(out, answer, &ages)),
                Format::Json => write_json(out, &answers),
            })
        }
        AsnCommand::Info { table } => {
            let origins = load(table)?;
            print(|out| write_sources(out, origins.sources()))
        }
    }
}

fn load(table: TableArguments) -> Result<Origins, AppError> {
    let TableArguments { config, sources } = table;
    if config.is_none() && sources.is_empty() {
        return Err(AppError::NoTable);
    }
    let mut config = config.map_or_else(|| Ok(Config::default()), |path| Config::load(&path))?;
    config.asn.sources.splice(0..0, sources);
    Ok(app::origins(&config)?)
}

/// Writes a line per source, and below it its counts that are not 0.
fn write_sources<'a>(
    out: &mut dyn Write,
    mut sources: impl Iterator<Item = SourceState<'a>>,
) -> io::Result<()> {
    writeln!(
        out,
        "{:<10} {:>9} {:>8} {:>8} {:>7}  {:<20}  {:<20}  SOURCE",
        "KIND", "PREFIXES", "NAMES", "PATHS", "LOADED", "DATA BUILT", "FILE WRITTEN"
    )?;
    sources.try_for_each(|source| {
        let (kind, prefixes, names, paths) =
            (source.kind, source.prefixes, source.names, source.paths);
        let took = format!("{:.2}s", source.took.as_secs_f64());
        let shown =
            |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.second().to_string());
        let (built, written) = (shown(source.provenance.built), shown(source.written));
        writeln!(
            out,
            "{kind:<10} {prefixes:>9} {names:>8} {paths:>8} {took:>7}  {built:<20}  {written:<20}  {}",
            source.name
        )?;
        match source.cache {
            CacheUse::Read => writeln!(out, "    {:>15} the compiled cache", "read from")?,
            CacheUse::Written => writeln!(out, "    {:>15} the compiled cache", "kept in")?,
            CacheUse::Failed(why) => writeln!(out, "    {:>15} compiled: {why}", "not kept")?,
            CacheUse::Unused => {}
        }
        let counts = source.counts;
        let lines = [
            (counts.rows, "rows or networks"),
            (counts.without_origin, "of them nobody's"),
            (
                counts.default_routes,
                "default routes and parts of them, left out",
            ),
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

/// Writes the answer, then those of the other sources; each with the age of its source.
fn write_text(out: &mut dyn Write, lookup: &Lookup, ages: &Ages) -> io::Result<()> {
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
            let local = if *origin == Origin::Local {
                " local"
            } else {
                ""
            };
            let name = name
                .as_deref()
                .map_or(String::new(), |name| format!("  {name}"));
            writeln!(out, "{address}{asn}{local}  {prefix}{name}")?;
            if !path.is_empty() {
                writeln!(out, "    path    {}", written(path))?;
            }
            writeln!(out, "    source  {source}{}", ages.of(source))?;
        }
        _ => writeln!(out, "{address} AS0  no origin")?,
    }
    others.iter().try_for_each(|answer| {
        let LookupAnswer {
            source,
            asn,
            prefix,
            path,
        } = answer;
        let path = match path.as_slice() {
            [] => String::new(),
            path => format!("  path {}", written(path)),
        };
        let says = if lookup.asn == Some(*asn) {
            "agrees"
        } else {
            "differs"
        };
        let age = ages.of(source);
        writeln!(out, "    {says:<8}AS{asn}  {prefix}{path}  {source}{age}")
    })
}

/// The age of each source, by name.
struct Ages(HashMap<Arc<str>, Duration>);

impl Ages {
    fn new(origins: &Origins, now: Timestamp) -> Self {
        let ages = origins.sources().filter_map(|source| {
            // a file says how old it is, not how old its data is
            let built = source.provenance.built.or(source.written)?;
            Some((source.name.clone(), now.since(built)))
        });
        Self(ages.collect())
    }

    fn of(&self, source: &str) -> String {
        let Some(age) = self.0.get(source) else {
            return String::new();
        };
        let seconds = age.as_secs();
        let (count, unit) = match seconds {
            0..120 => (seconds, "seconds"),
            120..7200 => (seconds / 60, "minutes"),
            7200..172_800 => (seconds / 3600, "hours"),
            _ => (seconds / 86_400, "days"),
        };
        format!(" ({count} {unit} old)")
    }
}

/// A path as BGP tools write it: `64500 64501 {64502,64503}`.
fn written(path: &[PathStep]) -> String {
    let steps: Vec<String> = path.iter().map(PathStep::to_string).collect();
    steps.join(" ")
}

#[derive(Serialize)]
struct JsonAnswer<'a> {
    address: String,
    asn: u32,
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

impl From<&PathStep> for JsonStep {
    fn from(step: &PathStep) -> Self {
        match step {
            PathStep::As(asn) => Self::As(asn.0),
            PathStep::Set(set) => Self::Set(set.iter().map(|asn| asn.0).collect()),
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
    fn of(answer: &'a LookupAnswer) -> Self {
        Self {
            source: &answer.source,
            asn: answer.asn.0,
            prefix: answer.prefix.to_string(),
            path: answer.path.iter().map(JsonStep::from).collect(),
        }
    }
}
