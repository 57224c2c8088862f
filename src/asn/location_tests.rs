use super::*;
use crate::units::Address;

const DUMP: &str = "\
#
# Location Database Export
#

aut-num:                 AS64500
name:                    Example: a name with a colon

aut-num:                 AS64501

net:                     192.0.2.0/24
country:                 DE
aut-num:                 64500
is-anycast:              yes

net:                     192.0.2.128/25
country:                 FR

net:                     192.0.2.192/26
aut-num:                 64501

net:                     2001:db8::/32
aut-num:                 64501";

fn listed(text: &str) -> Result<SourceBuilder, LoadError> {
    read(Path::new("dump"), text.as_bytes())
}

#[test]
fn a_dump_gives_networks_and_names() {
    let listed = listed(DUMP).unwrap();
    let entries: Vec<(String, u32)> = listed
        .entries()
        .iter()
        .map(|(prefix, origin)| (prefix.to_string(), *origin))
        .collect();
    let expected = [
        ("192.0.2.0/24", 64500),
        ("192.0.2.128/25", 0),
        ("192.0.2.192/26", 64501),
        ("2001:db8::/32", 64501),
    ];
    assert_eq!(
        entries,
        expected.map(|(prefix, asn)| (prefix.to_owned(), asn))
    );
    let names = listed.names();
    let names: Vec<_> = names.iter().map(|(asn, name)| (asn.0, &**name)).collect();
    assert_eq!(names, [(64500, "Example: a name with a colon")]);
    assert_eq!(
        (listed.counts().rows, listed.counts().without_origin),
        (4, 1)
    );
}

#[test]
fn a_network_without_number_is_nobodys_within_a_larger_one() {
    let source = listed(DUMP).unwrap().loaded();
    for (last, origin) in [
        (127, Some(64500)),
        (128, None),
        (192, Some(64501)),
        (191, None),
    ] {
        let found = source.origin(Address::v4([192, 0, 2, last]));
        assert_eq!(found, origin.map(Asn), "192.0.2.{last}");
    }
    assert_eq!(source.table.prefixes(), 3);
}

#[test]
fn lines_may_end_as_on_other_systems_and_the_last_may_not_end() {
    let unix = listed(DUMP).unwrap().entries();
    let other = listed(&DUMP.replace('\n', "\r\n")).unwrap().entries();
    assert_eq!(unix, other);
}

#[test]
fn the_remark_of_a_dump_says_when_its_data_was_built() {
    let built = |remark: &str| {
        let listed = listed(&format!("# {remark}\n\n{DUMP}")).unwrap();
        listed.finish().provenance.built.map(|at| at.second().0)
    };
    let october = built("Generated: Sat, 29 Oct 2022 05:59:54 GMT");
    assert_eq!(october, Some(1_667_023_194));
    assert_eq!(built("Vendor:    IPFire Project"), None);
    assert_eq!(built("Generated: yesterday"), None);
    assert_eq!(built("Generated: Mon, 29 Oct 2022 05:59:54 GMT"), None);
    assert_eq!(built("Generated: Sat, 29 Oct 1955 05:59:54 GMT"), None);
}

#[test]
fn a_wrong_line_is_named_with_its_value() {
    for (line, message) in [
        (
            "net: 192.0.2.1/24",
            "dump:1: 192.0.2.1/24 has host bits set",
        ),
        ("net: everything", "dump:1: everything is not a prefix"),
        ("aut-num: ASX", "dump:1: ASX is not an AS number"),
        (
            "net: 192.0.2.0/24\naut-num: 4294967296",
            "dump:2: 4294967296 is not an AS number",
        ),
        (
            "net: 192.0.2.0/24\nnet: 198.51.100.0/24",
            "dump:2: 198.51.100.0/24 is a second net in one block",
        ),
        (
            "net: 192.0.2.0/24\naut-num: 1\naut-num: 2",
            "dump:3: 2 is a second aut-num in one block",
        ),
        (
            "192.0.2.0/24 64500",
            "dump:1: 192.0.2.0/24 64500 is not a line of a location dump",
        ),
        ("aut-num: AS1\nname: X", "dump: no prefix in it"),
        ("net: 192.0.2.0/24", "dump: no prefix in it"),
        ("net: 0.0.0.0/0\naut-num: 1", "dump: no prefix in it"),
        ("", "dump: no prefix in it"),
    ] {
        assert_eq!(listed(line).unwrap_err().to_string(), message, "{line}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        text in "((net|aut-num|name|country): ?[0-9a-f.:/AS]{0,20}\n?\n|[ -~]{0,9}\n){0,8}"
    ) {
        let _ = listed(&text);
    }
}
