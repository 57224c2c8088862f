use super::keys::{IfMissing, KEYS};
use super::*;
use crate::asn::Source;
use crate::attribution::scopes::Scope;
use crate::sla::commitment::*;
use crate::sla::credit::CreditStep;
use crate::sla::measure::jitter::JitterGuarantee;
use crate::sla::measure::latency::LatencyGuarantee;
use crate::sla::measure::loss::{LossDirection, LossGuarantee};
use crate::sla::measure::{Guarantee, Measure};
use crate::stream::rtt::method::{RttMethod, RttMethods};
use crate::stream::tally::Layer;
use crate::units::{Asn, BitRate, Ratio};
use crate::voice::class::{Class, Classes};
use std::collections::BTreeSet;
use std::time::Duration;

mod wrong;

const PATH: &str = "/etc/asnmeter/asnmeter.toml";

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new(PATH))
}

fn error(text: &str) -> String {
    let error = parse(text).unwrap_err().to_string();
    let place = error.strip_prefix("/etc/asnmeter/asnmeter.toml:");
    place.unwrap_or_else(|| panic!("{error}")).to_owned()
}

/// The default file with every `#key = value` and `#[table]` taken in.
fn everything() -> String {
    let take = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    Config::default_text()
        .lines()
        .map(take)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn an_empty_file_and_the_default_file_are_the_defaults() {
    assert_eq!(parse("").unwrap(), Config::default());
    assert_eq!(parse(Config::default_text()).unwrap(), Config::default());
}

#[test]
fn the_default_file_shows_the_defaults_of_a_commitment() {
    let shown = parse(&everything()).unwrap().commitments;
    let if_missing = parse(
        "[[commitment]]\nname = 'voice-fra'\ncommitted_rate = '100 Mbps'\n\
         guarantee = { loss = '0.5%', latency = '150ms', jitter = '30ms' }",
    );
    assert_eq!(shown, if_missing.unwrap().commitments);
}

#[test]
fn the_default_file_has_every_key_with_the_value_of_the_table() {
    let file: toml::Table = everything().parse().unwrap();
    for key in KEYS
        .iter()
        .filter(|key| key.path != "capture.interfaces" && key.path != "asn.sources")
        // a meter is a probe or an aggregator
        .filter(|key| !key.path.starts_with("fleet.probes") && key.path != "fleet.patience")
        // the default contract has none
        .filter(|key| !key.path.starts_with("commitment.credit"))
    {
        let mut places = vec![toml::Value::Table(file.clone())];
        for part in key.path.split('.') {
            let inner = places.into_iter().flat_map(|place| match place {
                toml::Value::Array(list) => list,
                other => vec![other],
            });
            places = inner.filter_map(|table| table.get(part).cloned()).collect();
        }
        let shown = match key.if_missing {
            IfMissing::Default(value) => value,
            IfMissing::Nothing | IfMissing::Required => key.example,
        };
        let shown: toml::Table = format!("it = {shown}").parse().unwrap();
        assert_eq!(places, [shown["it"].clone()], "{}", key.path);
    }
}

/// A file that sets one key, with what it needs beside it.
fn with(path: &str, value: &str) -> String {
    let (table, name) = path.rsplit_once('.').unwrap();
    let commitment = "[[commitment]]\n";
    let named = "name = 'a'\ncommitted_rate = '1 Mbps'\n";
    let guarantee = "[commitment.guarantee]\n";
    let servers = "servers = ['nats://[::1]:4222']";
    match table {
        "fleet" if matches!(name, "probes" | "patience") => {
            let probes = if name == "probes" {
                ""
            } else {
                "probes = [{ name = 'a' }]"
            };
            format!("[fleet]\nname = 'f'\n{servers}\n{probes}\n{name} = {value}")
        }
        "fleet" => {
            let needed = ["name = 'f'", "probe = 'a'", servers].map(|line| {
                if line.starts_with(&format!("{name} ")) {
                    ""
                } else {
                    line
                }
            });
            format!("[fleet]\n{}\n{name} = {value}", needed.join("\n"))
        }
        "fleet.tls" => {
            let other = match name {
                "key" => "certificate = 'c'",
                "certificate" => "key = 'k'",
                _ => "",
            };
            format!(
                "[fleet]\nname = 'f'\nprobe = 'a'\n{servers}\n[fleet.tls]\n{name} = {value}\n{other}"
            )
        }
        "fleet.probes" => {
            let other = if name == "name" { "" } else { "name = 'a'" };
            format!("[fleet]\nname = 'f'\n{servers}\n[[fleet.probes]]\n{other}\n{name} = {value}")
        }
        "asn.sources" => format!("[asn]\nsources = [{{ {name} = {value} }}]"),
        "asn.bmp_keys" => {
            let other = match name {
                "file" => "routers = '192.0.2.1'",
                _ => "file = 'key'",
            };
            format!("[asn]\nbmp_keys = [{{ {name} = {value}, {other} }}]")
        }
        "commitment" if named.contains(name) => {
            let other = named.lines().find(|line| !line.starts_with(name)).unwrap();
            format!("{commitment}{other}\n{name} = {value}")
        }
        "commitment" if name == "transit" => {
            format!("{commitment}{named}{name} = {value}\n[asn]\nsources = [{{ mrt = 'rib' }}]")
        }
        "commitment" => format!("{commitment}{named}{name} = {value}"),
        "commitment.credit" => {
            let other = if name == "below" {
                "credit = '5%'"
            } else {
                "below = '99%'"
            };
            format!("{commitment}{named}[[{table}]]\n{other}\n{name} = {value}")
        }
        "commitment.scope" => format!("{commitment}{named}[{table}]\n{name} = {value}"),
        "commitment.guarantee" if Measure::ALL.iter().any(|one| one.as_str() == name) => {
            format!("{commitment}{named}{guarantee}{name} = {value}")
        }
        "commitment.guarantee" | "commitment.guarantee.min_samples" => {
            let name = path.strip_prefix("commitment.guarantee.").unwrap();
            let given = Measure::ALL.map(|one| {
                let path = format!("commitment.guarantee.{}", one.as_str());
                let key = KEYS.iter().find(|key| key.path == path).unwrap();
                format!("{} = {}", one.as_str(), key.example)
            });
            let given = given.join("\n");
            format!("{commitment}{named}{guarantee}{name} = {value}\n{given}")
        }
        _ => format!("[{table}]\n{name} = {value}"),
    }
}

#[test]
fn each_key_of_the_table_takes_its_example_and_its_default() {
    for key in KEYS {
        let example = parse(&with(key.path, key.example));
        assert!(example.is_ok(), "{}: {example:?}", key.path);
        if let IfMissing::Default(value) = key.if_missing {
            let written = parse(&with(key.path, value)).unwrap();
            assert_ne!(written, example.unwrap(), "{} does nothing", key.path);
        }
    }
}

#[test]
fn the_table_has_every_key_the_parser_knows() {
    let tables: BTreeSet<_> = KEYS
        .iter()
        .filter_map(|key| Some(key.path.rsplit_once('.')?.0))
        .collect();
    for table in tables {
        let text = with(&format!("{table}.zzz"), "1");
        let message = parse(&text).unwrap_err().to_string();
        let (place, expected) = message.split_once(": unknown key").unwrap();
        let expected = expected.split_once(" (known in ").unwrap().1;
        assert!(place.ends_with(&format!(" {table}.zzz")), "{message}");
        let known: BTreeSet<&str> = expected.split('`').skip(1).step_by(2).collect();
        let prefix = format!("{table}.");
        let listed = KEYS
            .iter()
            .filter_map(|key| key.path.strip_prefix(&prefix)?.split('.').next());
        assert_eq!(known, listed.collect(), "{table}");
    }
}

#[test]
fn the_documentation_is_printed_from_the_table() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIG.md");
    if std::env::var_os("ASNMETER_WRITE_DOCS").is_some() {
        std::fs::write(file, keys::markdown()).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap();
    assert!(
        written == keys::markdown(),
        "write it again: ASNMETER_WRITE_DOCS=1 cargo test config"
    );
}

#[test]
fn a_whole_configuration_is_read() {
    let config = parse(
        r#"
        [capture]
        interfaces = ["eth1", "eth2"]
        [asn]
        sources = [ { prefixes = "overrides.tsv" }, { mmdb = "/var/lib/asnmeter/asn.mmdb" },
            { location = "location.txt" }, { mrt = "rib.bz2" } ]
        local_prefixes = ["198.51.100.0/24"]
        own = [64500]
        [[commitment]]
        name = "voice-fra"
        committed_rate = "1.5 Gbps"
        threshold = "12.5%"
        window = "5m"
        direction = "from"
        count = "both"
        layer = "wire"
        transit = "judge"
        classes = ["rtp", "sip"]
        scope = { local_prefixes = ["198.51.100.0/25"], interfaces = ["eth1"], vlans = [7] }
        guarantee = { loss = "0.5%", latency = "150ms", latency_percentile = 99, latency_methods = ["tcp"], jitter = "30ms", jitter_percentile = 90, min_samples = { packets = 7, stream_seconds = 9 } }
        credit = [{ below = "99.9%", credit = "5%" }, { below = "99%", credit = "12.5%" }]
        "#,
    );
    let config = config.unwrap();
    assert_eq!(config.capture.interfaces, ["eth1", "eth2"]);
    assert_eq!(
        config.asn.sources,
        [
            Source::Prefixes("/etc/asnmeter/overrides.tsv".into()),
            Source::Mmdb("/var/lib/asnmeter/asn.mmdb".into()),
            Source::Location("/etc/asnmeter/location.txt".into()),
            Source::Mrt("/etc/asnmeter/rib.bz2".into()),
        ]
    );
    assert_eq!(config.asn.own, [Asn(64500)]);
    let local = crate::asn::notation::prefix("198.51.100.0/25").unwrap();
    let expected = Commitment {
        name: "voice-fra".into(),
        committed_rate: BitRate(1_500_000_000),
        threshold: Ratio::from_ppm(125_000),
        window: 300.try_into().unwrap(),
        count: CountRule::Both,
        direction: DirectionRule::From,
        layer: Layer::Wire,
        classes: Classes::NONE.with(Class::Rtp).with(Class::Sip),
        scope: Scope {
            local_prefixes: vec![local],
            interfaces: vec!["eth1".into()],
            vlans: vec![7],
        },
        transit: TransitRule::Judge,
        guarantee: Guarantee {
            loss: Some(LossGuarantee {
                limit: Ratio::from_ppm(5_000),
                direction: LossDirection::From,
                min_packets: 7,
            }),
            latency: Some(LatencyGuarantee {
                limit: Duration::from_millis(150),
                percentile: 99,
                methods: RttMethods::NONE.with(RttMethod::Tcp),
                min_round_trips: 20,
            }),
            jitter: Some(JitterGuarantee {
                limit: Duration::from_millis(30),
                percentile: 90,
                min_stream_seconds: 9,
            }),
        },
        credit: [(999_000, 50_000), (990_000, 125_000)]
            .map(|(below, credit)| CreditStep {
                below: Ratio::from_ppm(below),
                credit: Ratio::from_ppm(credit),
            })
            .into(),
    };
    assert_eq!(config.commitments, [expected]);
}

#[test]
fn steps_of_a_credit_go_down_and_credit_ever_more() {
    let with = |steps: &str| {
        format!("[[commitment]]\nname = 'a'\ncommitted_rate = '1 Mbps'\ncredit = [{steps}]\n")
    };
    let step = |below: &str, credit: &str| format!("{{ below = '{below}', credit = '{credit}' }}");
    let cases = [
        ([step("99%", "5%"), step("99%", "6%")], "a smaller share"),
        ([step("99%", "5%"), step("98%", "5%")], "a smaller share"),
        ([step("99%", "5%"), step("99.5%", "6%")], "a smaller share"),
        ([step("99%", "5%"), step("0%", "6%")], "has to be above 0"),
        ([step("99%", "0%"), step("98%", "6%")], "has to be above 0"),
        ([step("99%", "5%"), "{ below = '98%' }".into()], "credit"),
    ];
    for (steps, said) in cases {
        let said_of_it = error(&with(&steps.join(", ")));
        assert!(said_of_it.contains(said), "{said_of_it}");
    }
    let many: Vec<_> = (1..=33)
        .map(|place| step(&format!("{}%", 100 - place), &format!("{place}%")))
        .collect();
    assert!(parse(&with(&many[..32].join(", "))).is_ok());
    assert!(error(&with(&many.join(", "))).contains("one more than 32 steps"));
}

#[test]
fn at_most_64_different_scopes() {
    let commitment = |place: u32, vlan: u32| {
        format!(
            "[[commitment]]\nname = 'c{place}'\ncommitted_rate = '1 Mbps'\nscope.vlans = [{vlan}]\n"
        )
    };
    let same: String = (1..=100)
        .map(|place| commitment(place, 1 + place % 64))
        .collect();
    assert_eq!(parse(&same).unwrap().commitments.len(), 100);
    let different: String = (1..=65).map(|place| commitment(place, place)).collect();
    assert_eq!(
        error(&different),
        "257: commitment: [[commitment]]: is one more than 64 different scopes"
    );
}

#[test]
fn a_file_is_read_or_its_fault_is_of_the_right_kind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    assert!(matches!(
        Config::load(&path),
        Err(ConfigError::NoFile { .. })
    ));
    assert!(matches!(
        Config::load(folder.path()),
        Err(ConfigError::Read { .. })
    ));
    std::fs::write(&path, "[capture]\ninterface = 'eth1'").unwrap();
    assert_eq!(Config::load(&path).unwrap().capture.interfaces, ["eth1"]);
    std::fs::write(&path, b"\n\xff").unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    assert_eq!(error, format!("{}:2: is not UTF-8", path.display()));
    std::fs::write(&path, "#".repeat(1 << 20) + "\n").unwrap();
    assert!(matches!(Config::load(&path), Err(ConfigError::Read { .. })));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "([a-z_.]{0,12}|\\[\\[?[a-z.]{0,12}\\]?\\]?)( = )?['\"\\[{0-9a-z%,}\\]\n]{0,30}\n{0,2}") {
        let _ = parse(&text);
    }
}
