//! `location lookup` against the text of `location dump`.

use super::{address, load};
use asnmeter::asn::Source;
use asnmeter::asn::notation;
use asnmeter::capture::synthetic::scenario::SplitMix;
use asnmeter::units::Address;
use std::collections::HashMap;
use std::fs::{self, File};
use std::process::{Command, Stdio};

/// What is said of an address: number, name and prefix.
type Said = (u32, String, String);

const SEED: u64 = 20_221_029;

/// Addresses in a family: 9000 in prefixes of the dump, 1000 anywhere.
fn addresses(dump: &str, v4: bool, numbers: &mut SplitMix) -> Vec<String> {
    let prefixes = dump.lines().filter_map(|line| line.strip_prefix("net:"));
    let prefixes: Vec<&str> = prefixes
        .map(str::trim)
        .filter(|prefix| prefix.contains(':') != v4)
        .collect();
    assert!(prefixes.len() > 100_000, "{} prefixes", prefixes.len());
    let mut addresses = Vec::new();
    for place in 0..10_000 {
        let chosen = usize::try_from(numbers.next_u64()).unwrap() % prefixes.len();
        let prefix = notation::prefix(prefixes[chosen]).unwrap();
        let (first, last) = prefix.range();
        let hosts = last.number() - first.number();
        let inside = first.number() | (numbers.next_u128() & hosts);
        let anywhere = if v4 {
            0xffff << 32 | numbers.next_u128() >> 96
        } else {
            0x2 << 124 | numbers.next_u128() >> 4
        };
        let number = if place < 9000 { inside } else { anywhere };
        addresses.push(Address::from_number(number).to_string());
    }
    addresses
}

/// Asks `location lookup`, many addresses at a time.
fn asked(addresses: &[String]) -> HashMap<String, Said> {
    let mut said = HashMap::new();
    for addresses in addresses.chunks(2000) {
        let output = Command::new("location")
            .arg("lookup")
            .args(addresses)
            .output();
        let output = output.expect("location is needed for this test");
        let text = String::from_utf8(output.stdout).unwrap();
        let mut block: Said = Said::default();
        let mut of = "";
        for line in text.lines() {
            if let Some((key, value)) = line.strip_prefix("  ").and_then(|it| it.split_once(": ")) {
                match key.trim() {
                    "Network" => block.2 = value.into(),
                    "Autonomous System" => {
                        let (number, name) = value.split_once(" - ").unwrap_or((value, ""));
                        block.0 = number.strip_prefix("AS").unwrap().parse().unwrap();
                        // names are kept to 128 characters
                        block.1 = name.trim().chars().take(128).collect();
                        said.insert(of.into(), block.clone());
                    }
                    _ => {}
                }
            } else if let Some(of_next) = line.strip_suffix(':') {
                (of, block) = (of_next, Said::default());
            }
        }
    }
    said
}

#[test]
fn twenty_thousand_addresses_are_as_location_lookup_has_them() {
    println!("seed {SEED}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("location.txt");
    let dumped = Command::new("location")
        .arg("dump")
        .stdout(Stdio::from(File::create(&path).unwrap()))
        .status();
    assert!(dumped.expect("location is needed for this test").success());
    let dump = fs::read_to_string(&path).unwrap();
    let mut numbers = SplitMix::new(SEED);
    let mut all = addresses(&dump, true, &mut numbers);
    all.extend(addresses(&dump, false, &mut numbers));
    drop(dump);
    let said = asked(&all);
    assert!(said.len() > 15_000, "{} have an origin", said.len());
    assert!(said.len() < all.len(), "all have an origin");

    let origins = load(Source::Location(path));
    for text in &all {
        let lookup = origins.explain(address(text));
        let ours = lookup.asn.map(|asn| {
            let name = lookup.name.as_deref().unwrap_or("").to_owned();
            (asn.0, name, lookup.prefix.unwrap().to_string())
        });
        assert_eq!(ours.as_ref(), said.get(text), "{text}");
        assert_eq!(origins.origin(address(text)), lookup.origin, "{text}");
    }
}
