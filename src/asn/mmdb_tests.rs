use super::*;
use crate::captures;
use crate::units::Address;
use std::collections::HashSet;
use std::net::IpAddr;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(captures::path("asn").join(name)).unwrap()
}

/// Prefix, number and name, as the database's publisher wrote them down.
fn oracle() -> Vec<(Prefix, Option<u32>, Option<String>)> {
    let text = file("GeoLite2-ASN-Test.json");
    let json: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(&text).unwrap();
    let rows = json.iter().flatten().map(|(network, record)| {
        // the source writes IPv4 also as ::a.b.c.d, where the format keeps it
        let prefix = notation::prefix(network).unwrap();
        let prefix = if prefix.length() >= 96 && prefix.range().0.number() >> 32 == 0 {
            let number = prefix.range().0.number() | 0xffff_0000_0000;
            Prefix::new(Address::from_number(number), prefix.length())
        } else {
            prefix
        };
        let number = record
            .get("autonomous_system_number")
            .and_then(serde_json::Value::as_u64);
        let name = record
            .get("autonomous_system_organization")
            .and_then(|name| name.as_str());
        (
            prefix,
            number.map(|number| u32::try_from(number).unwrap()),
            name.map(Into::into),
        )
    });
    rows.collect()
}

#[test]
fn geolite2_gives_what_its_publisher_wrote() {
    let oracle = oracle();
    let listed = read(
        Path::new("db"),
        &file("GeoLite2-ASN-Test.mmdb"),
        &Load::default(),
    )
    .unwrap();
    let names = listed.names();
    let source = listed.loaded();
    assert!(oracle.len() > 600, "{}", oracle.len());
    let mut asked = 0;
    for (prefix, _, _) in &oracle {
        let (first, last) = prefix.range();
        let before = Address::from_number(first.number().wrapping_sub(1));
        let after = Address::from_number(last.number().wrapping_add(1));
        for address in [before, first, last, after] {
            let longest = oracle
                .iter()
                .filter(|(prefix, ..)| prefix.contains(address))
                .max_by_key(|(prefix, ..)| prefix.length());
            let said = longest.and_then(|(_, number, _)| *number);
            let origin = source.origin(address).map(|asn| asn.0);
            assert_eq!(origin, said, "{address}");
            asked += 1;
        }
    }
    assert_eq!(asked, 4 * oracle.len());
    let written: HashSet<_> = oracle
        .iter()
        .filter_map(|(_, number, name)| Some(((*number)?, name.clone()?)))
        .collect();
    for (asn, name) in &names {
        assert!(written.contains(&(asn.0, name.to_string())), "{asn} {name}");
    }
    let named: HashSet<_> = written.iter().map(|(number, _)| *number).collect();
    assert_eq!(names.len(), named.len());
}

#[test]
fn a_database_of_ones_own_is_read_by_its_keys_not_by_its_type() {
    let listed = read(
        Path::new("db"),
        &file("zeek_GeoLite2-ASN.mmdb"),
        &Load::default(),
    )
    .unwrap();
    let entries = listed.entries();
    let entries: Vec<_> = entries
        .iter()
        .map(|(prefix, asn)| format!("{prefix} {asn}"))
        .collect();
    assert_eq!(
        entries,
        ["128.3.0.0/16 16", "131.243.0.0/16 16", "2607:f140::/32 16"]
    );
}

#[test]
fn a_database_without_as_numbers_is_refused() {
    for family in ["ipv4", "ipv6", "mixed"] {
        for bits in [24, 28, 32] {
            let name = format!("MaxMind-DB-test-{family}-{bits}.mmdb");
            let error = read(Path::new(&name), &file(&name), &Load::default()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("{name}: no AS number in any record of this \"Test\" database")
            );
        }
    }
}

#[test]
fn what_is_not_a_database_is_refused() {
    for octets in [
        &b""[..],
        b"192.0.2.0/24 64500\n",
        b"\xab\xcd\xefMaxMind.com",
    ] {
        let error = read(Path::new("db"), octets, &Load::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("db: invalid database") && !error.contains('\n'),
            "{error}"
        );
    }
}

#[test]
fn a_damaged_database_gives_an_error_or_an_answer_never_a_panic() {
    let whole = file("GeoLite2-ASN-Test.mmdb");
    let mut refused = 0;
    for place in (0..whole.len()).step_by(7) {
        for damage in [0x00, 0xff, 0x20] {
            let mut octets = whole.clone();
            octets[place] ^= damage ^ 0x5a;
            refused += u32::from(read(Path::new("db"), &octets, &Load::default()).is_err());
        }
        assert!(
            read(Path::new("db"), &whole[..place], &Load::default()).is_err(),
            "cut at {place}"
        );
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn ipinfos_keys_are_read() {
    let octets = tiny(b"\xe2\x43asn\x47AS64500\x47as_name\x43Lab");
    let listed = read(Path::new("db"), &octets, &Load::default()).unwrap();
    assert_eq!(
        listed.names().get(&Asn(64500)).map(|name| &**name),
        Some("Lab")
    );
    let at = |text: &str| Address::from(text.parse::<IpAddr>().unwrap());
    let source = listed.loaded();
    assert_eq!(source.origin(at("10.0.0.1")), Some(Asn(64500)));
    assert_eq!(source.origin(at("192.0.2.1")), None);

    let error = read(
        Path::new("db"),
        &tiny(b"\xe1\x43asn\x42no"),
        &Load::default(),
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("asn no is not an AS number"),
        "{error}"
    );
}

#[test]
fn a_number_has_any_type_that_is_a_number_and_a_name_any_type_at_all() {
    for (value, asn) in [
        // uint16, uint32, int32 and uint64: the latter two with an octet for their extended type
        (&b"\xa2\xfb\xf4"[..], 64500),
        (b"\xc3\x01\x00\x04", 65540),
        (b"\xc4\xff\xff\xff\xfe", 4_294_967_294),
        (b"\x03\x01\x00\xfb\xf4", 64500),
        (b"\x03\x02\x01\x00\x04", 65540),
        (b"\x4764500AS", 0),
        (b"\x4564500", 64500),
        (b"\x47AS64500", 64500),
        (b"\x47as65540", 65540),
        (b"\x441.10", 65546),
    ] {
        for key in [&b"\x43asn"[..], b"\x58autonomous_system_number"] {
            // a name that is a number is none
            let record = [&b"\xe2"[..], key, value, b"\x47as_name\xa1\x07"].concat();
            let listed = read(Path::new("db"), &tiny(&record), &Load::default());
            if asn == 0 {
                assert!(listed.is_err());
                continue;
            }
            let entries = listed.unwrap().entries();
            assert_eq!(entries[0].1, asn, "{value:?}");
        }
    }
}

#[test]
fn what_is_no_number_is_named_with_its_network_and_a_dash_is_nobody() {
    let read_value = |value: &[u8]| {
        let record = [b"\xe1\x43asn", value].concat();
        read(Path::new("db"), &tiny(&record), &Load::default())
    };
    for (value, reason) in [
        (&b"\x42no"[..], "asn no is not an AS number"),
        (b"\x04\x01\xff\xff\xff\xff", "asn -1 is not an AS number"),
        (
            b"\x05\x02\x01\0\0\0\0",
            "asn 4294967296 is not an AS number",
        ),
        (
            b"\x68\0\0\0\0\0\0\0\0",
            "asn is neither a whole number nor text",
        ),
        (b"\xe0", "asn is neither a whole number nor text"),
    ] {
        let error = read_value(value).unwrap_err().to_string();
        assert_eq!(error, format!("db: 10.0.0.0/8: {reason}"), "{value:?}");
    }
    for nobody in [&b"\x41-"[..], b"\x44None", b"\x40"] {
        let error = read_value(nobody).unwrap_err().to_string();
        assert!(error.contains("no AS number in any record"), "{error}");
    }
}

#[test]
fn a_packed_database_is_unpacked_and_what_is_none_says_what_it_is() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asn.mmdb.gz");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&file("GeoLite2-ASN-Test.mmdb")).unwrap();
    std::fs::write(&path, packed.finish().unwrap()).unwrap();
    let listed = load(&path, &Load::default()).unwrap();
    let plain = read(&path, &file("GeoLite2-ASN-Test.mmdb"), &Load::default());
    assert_eq!(listed.entries(), plain.unwrap().entries());

    std::fs::write(&path, "192.0.2.0/24 64500\n").unwrap();
    let error = load(&path, &Load::default()).unwrap_err().to_string();
    assert!(
        error.ends_with("; begins with \"192.0.2.0/24 645\""),
        "{error}"
    );
}

#[test]
fn a_search_tree_that_points_back_is_refused() {
    let mut octets = tiny(b"\xe1\x43asn\x43AS1");
    octets[..3].copy_from_slice(&[0, 0, 0]);
    assert!(read(Path::new("db"), &octets, &Load::default()).is_err());
}

/// An IPv4 database in which 10.0.0.0/8 points at `record` (MaxMind DB format 2.0).
fn tiny(record: &[u8]) -> Vec<u8> {
    const NODES: u8 = 8;
    let mut octets = Vec::new();
    for node in 0..NODES {
        // a record of 24 bits: the next node, behind the last one the data; NODES is nothing
        let next = if node + 1 < NODES {
            node + 1
        } else {
            NODES + 16
        };
        let is_set = 10 >> (NODES - 1 - node) & 1 == 1;
        let [left, right] = if is_set { [NODES, next] } else { [next, NODES] };
        octets.extend([0, 0, left, 0, 0, right]);
    }
    octets.extend([0; 16]);
    octets.extend(record);
    octets.extend(b"\xab\xcd\xefMaxMind.com\xe9");
    for (key, value) in [
        (&b"node_count"[..], &b"\xc1\x08"[..]),
        (b"record_size", b"\xa1\x18"),
        (b"ip_version", b"\xa1\x04"),
        (b"database_type", b"\x44Tiny"),
        (b"languages", b"\x00\x04"),
        (b"binary_format_major_version", b"\xa1\x02"),
        (b"binary_format_minor_version", b"\xa0"),
        (b"build_epoch", b"\x01\x02\x01"),
        (b"description", b"\xe0"),
    ] {
        // a string up to 28 octets has its length in the control octet
        octets.push(0x40 | u8::try_from(key.len()).unwrap());
        octets.extend(key);
        octets.extend(value);
    }
    octets
}
