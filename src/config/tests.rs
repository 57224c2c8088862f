use super::keys::{KEYS, Unwritten};
use super::*;
use crate::asn::Source;
use crate::sla::commitment::*;
use crate::units::{Asn, BitRate, Ratio};
use std::collections::BTreeSet;
use std::time::Duration;

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
    let unwritten = parse(
        "[[commitment]]\nname = 'voice-fra'\ncommitted_rate = '100 Mbps'\n\
         guarantee = { loss = '0.5%', latency = '150ms' }",
    );
    assert_eq!(shown, unwritten.unwrap().commitments);
}

#[test]
fn the_default_file_has_every_key_with_the_value_of_the_table() {
    let file: toml::Table = everything().parse().unwrap();
    for key in KEYS
        .iter()
        .filter(|key| key.path != "capture.interfaces" && key.path != "asn.sources")
    {
        let mut places = vec![toml::Value::Table(file.clone())];
        for part in key.path.split('.') {
            let inner = places.into_iter().flat_map(|place| match place {
                toml::Value::Array(list) => list,
                other => vec![other],
            });
            places = inner.filter_map(|table| table.get(part).cloned()).collect();
        }
        let shown = match key.unwritten {
            Unwritten::Default(value) => value,
            Unwritten::Nothing | Unwritten::Required => key.example,
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
    match table {
        "asn.sources" => format!("[asn]\nsources = [{{ {name} = {value} }}]"),
        "commitment" if named.contains(name) => {
            let other = named.lines().find(|line| !line.starts_with(name)).unwrap();
            format!("{commitment}{other}\n{name} = {value}")
        }
        "commitment" => format!("{commitment}{named}{name} = {value}"),
        "commitment.scope" => format!("{commitment}{named}[{table}]\n{name} = {value}"),
        "commitment.guarantee" if matches!(name, "loss" | "latency") => {
            format!("{commitment}{named}{guarantee}{name} = {value}")
        }
        "commitment.guarantee" | "commitment.guarantee.min_samples" => {
            let name = path.strip_prefix("commitment.guarantee.").unwrap();
            format!("{commitment}{named}{guarantee}loss = '1%'\nlatency = '1s'\n{name} = {value}")
        }
        _ => format!("[{table}]\n{name} = {value}"),
    }
}

#[test]
fn each_key_of_the_table_takes_its_example_and_its_default() {
    for key in KEYS {
        let example = parse(&with(key.path, key.example));
        assert!(example.is_ok(), "{}: {example:?}", key.path);
        if let Unwritten::Default(value) = key.unwritten {
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
        let (place, expected) = message.split_once(": unknown key, expected ").unwrap();
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
        sources = [ { prefixes = "overrides.tsv" }, { mmdb = "/var/lib/asnmeter/asn.mmdb" } ]
        local_prefixes = ["198.51.100.0/24"]
        own = [64500]
        [[commitment]]
        name = "voice-fra"
        committed_rate = "1.5 Gbps"
        threshold = "12.5%"
        window = "5m"
        direction = "from"
        layer = "wire"
        classes = ["rtp", "sip"]
        scope = { local_prefixes = ["198.51.100.0/25"], interfaces = ["eth1"], vlans = [7] }
        guarantee = { loss = "0.5%", latency = "150ms", latency_percentile = 99, latency_methods = ["tcp"], min_samples = { packets = 7 } }
        "#,
    );
    let config = config.unwrap();
    assert_eq!(config.capture.interfaces, ["eth1", "eth2"]);
    assert_eq!(
        config.asn.sources,
        [
            Source::Prefixes("/etc/asnmeter/overrides.tsv".into()),
            Source::Mmdb("/var/lib/asnmeter/asn.mmdb".into())
        ]
    );
    assert_eq!(config.asn.own, [Asn(64500)]);
    let local = crate::asn::notation::prefix("198.51.100.0/25").unwrap();
    let expected = Commitment {
        name: "voice-fra".into(),
        committed_rate: BitRate(1_500_000_000),
        threshold: Ratio::from_ppm(125_000),
        window: 300.try_into().unwrap(),
        direction: DirectionRule::From,
        layer: Layer::Wire,
        classes: Classes::NONE.with(Class::Rtp).with(Class::Sip),
        scope: Scope {
            local_prefixes: vec![local],
            interfaces: vec!["eth1".into()],
            vlans: vec![7],
        },
        guarantee: Guarantee {
            loss: Some(LossGuarantee {
                limit: Ratio::from_ppm(5_000),
                direction: LossDirection::From,
                min_packets: 7,
            }),
            latency: Some(LatencyGuarantee {
                limit: Duration::from_millis(150),
                percentile: 99,
                methods: Methods::NONE.with(Method::Tcp),
                min_round_trips: 20,
            }),
        },
    };
    assert_eq!(config.commitments, [expected]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_wrong_value_is_named_with_line_key_and_value() {
    for (path, value, message) in [
        (
            "capture.interface",
            "''",
            "2: capture.interface: '': is not the name of an interface",
        ),
        (
            "capture.interface",
            "'a/b'",
            "2: capture.interface: 'a/b': is not the name of an interface",
        ),
        (
            "capture.interface",
            "7",
            "2: capture.interface: 7: invalid type: integer `7`, expected a string",
        ),
        (
            "capture.interfaces",
            "['a', 'a']",
            "2: capture.interfaces: 'a': stands twice in the list",
        ),
        (
            "capture.backend",
            "'pcap'",
            "2: capture.backend: 'pcap': is not one of ring, pnet",
        ),
        (
            "capture.promiscuous",
            "'yes'",
            "2: capture.promiscuous: 'yes': invalid type: string \"yes\", expected a boolean",
        ),
        (
            "capture.ring_mib",
            "0",
            "2: capture.ring_mib: 0: is not within 1 and 4096",
        ),
        (
            "capture.ring_mib",
            "4097",
            "2: capture.ring_mib: 4097: is not within 1 and 4096",
        ),
        (
            "voice.ports",
            "['1-']",
            "2: voice.ports: '1-': is not a port like \"4000\" or a range like \"10000-20000\"",
        ),
        (
            "voice.prefixes",
            "['192.0.2.1/24']",
            "2: voice.prefixes: '192.0.2.1/24': has host bits set",
        ),
        (
            "voice.sip_ports",
            "[65536]",
            "2: voice.sip_ports: 65536: is not within 1 and 65535",
        ),
        (
            "voice.max_streams",
            "0",
            "2: voice.max_streams: 0: is not within 1 and 16777216",
        ),
        (
            "voice.stream_timeout",
            "'1ms'",
            "2: voice.stream_timeout: '1ms': is not within 1s and 1day",
        ),
        (
            "asn.sources",
            "[{}]",
            "2: asn.sources: {}: needs exactly one of prefixes, mmdb",
        ),
        (
            "asn.sources.mmdb",
            "'a', prefixes = 'b'",
            "2: asn.sources: { mmdb = 'a', prefixes = 'b' }: needs exactly one of prefixes, mmdb",
        ),
        ("asn.sources.mmdb", "''", "2: asn.sources: '': is empty"),
        (
            "asn.sources.mrt",
            "'a'",
            "2: asn.sources.mrt: unknown key, expected `prefixes` or `mmdb`",
        ),
        (
            "asn.local_prefixes",
            "['::/0']",
            "2: asn.local_prefixes: '::/0': would make every address local",
        ),
        (
            "asn.local_prefixes",
            "['local']",
            "2: asn.local_prefixes: 'local': is not a prefix",
        ),
        (
            "asn.own",
            "[0]",
            "2: asn.own: 0: is not within 1 and 4294967294",
        ),
        (
            "web.listen_address",
            "':80'",
            "2: web.listen_address: ':80': is not an address and port like \"127.0.0.1:10179\" or \"[::]:10179\"",
        ),
        (
            "export.max_asns",
            "0",
            "2: export.max_asns: 0: is not within 1 and 65536",
        ),
        (
            "export.asns",
            "[1, 2]\nmax_asns = 1",
            "2: export.asns: [1, 2]: has more ASNs than export.max_asns = 1",
        ),
        ("commitment.name", "''", "3: commitment.name: '': is empty"),
        (
            "commitment.committed_rate",
            "'100'",
            "3: commitment.committed_rate: '100': is not a rate like \"100 Mbps\" (bps, kbps, Mbps, Gbps, Tbps)",
        ),
        (
            "commitment.threshold",
            "'0%'",
            "4: commitment.threshold: '0%': has to be above 0",
        ),
        (
            "commitment.threshold",
            "10",
            "4: commitment.threshold: 10: invalid type: integer `10`, expected a string",
        ),
        (
            "commitment.window",
            "'1500ms'",
            "4: commitment.window: '1500ms': is not a whole number of seconds",
        ),
        (
            "commitment.direction",
            "'in'",
            "4: commitment.direction: 'in': is not one of either, from, to, sum",
        ),
        (
            "commitment.layer",
            "'l2'",
            "4: commitment.layer: 'l2': is not one of ip, ethernet, wire",
        ),
        (
            "commitment.classes",
            "[]",
            "4: commitment.classes: []: is empty",
        ),
        (
            "commitment.classes",
            "['video']",
            "4: commitment.classes: 'video': is not one of rtp, rtcp, sip",
        ),
        (
            "commitment.scope.vlans",
            "[4095]",
            "5: commitment.scope.vlans: 4095: is not within 1 and 4094",
        ),
        (
            "commitment.scope.vlans",
            "[0]",
            "5: commitment.scope.vlans: 0: is not within 1 and 4094",
        ),
        (
            "commitment.scope.interfaces",
            "['']",
            "5: commitment.scope.interfaces: '': is empty",
        ),
        (
            "commitment.guarantee.loss",
            "'0.5'",
            "5: commitment.guarantee.loss: '0.5': is not a percentage like \"0.5%\"",
        ),
        (
            "commitment.guarantee.latency",
            "'0s'",
            "5: commitment.guarantee.latency: '0s': is not within 1ns and 10s",
        ),
        (
            "commitment.guarantee.latency",
            "'11s'",
            "5: commitment.guarantee.latency: '11s': is not within 1ns and 10s",
        ),
        (
            "commitment.guarantee.latency_percentile",
            "101",
            "7: commitment.guarantee.latency_percentile: 101: is not within 1 and 100",
        ),
        (
            "commitment.guarantee.latency_methods",
            "['icmp']",
            "7: commitment.guarantee.latency_methods: 'icmp': is not one of rtcp, stun, sip, tcp",
        ),
        (
            "commitment.guarantee.min_samples.packets",
            "0",
            "7: commitment.guarantee.min_samples.packets: 0: is not within 1 and 1000000000",
        ),
    ] {
        assert_eq!(error(&with(path, value)), message);
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    const COMMITMENT: &str = "[[commitment]]\nname = 'a'\ncommitted_rate = '1 Mbps'\n";
    for (text, message) in [
        (
            "[capture]\ninterface = 'a'\ninterfaces = ['b']",
            "2: capture.interface: 'a': can not stand beside capture.interfaces",
        ),
        (
            "\n[[commitment]]\nname = 'a'",
            "2: commitment.committed_rate: is missing",
        ),
        (
            "[[commitment]]\ncommitted_rate = '1 bps'",
            "1: commitment.name: is missing",
        ),
        (
            &format!("{COMMITMENT}{COMMITMENT}"),
            "5: commitment.name: 'a': is the name of another commitment",
        ),
        (
            &format!("{COMMITMENT}guarantee.loss_direction = 'to'"),
            "4: commitment.guarantee.loss_direction: 'to': says nothing without guarantee.loss",
        ),
        (
            &format!("{COMMITMENT}guarantee.latency_percentile = 9"),
            "4: commitment.guarantee.latency_percentile: 9: says nothing without guarantee.latency",
        ),
        (
            "[flow]",
            "1: flow: unknown key, expected one of `capture`, `voice`, `asn`, `web`, `export`, `commitment`",
        ),
        (
            "[capture]\nbackend = 'ring'\nbackend = 'ring'",
            "3: backend: duplicate key",
        ),
        ("[capture", "1: unclosed table, expected `]`"),
        ("x = 'a\nb'", "2: key with no value, expected `=`"),
    ] {
        assert_eq!(error(text), message);
    }
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
