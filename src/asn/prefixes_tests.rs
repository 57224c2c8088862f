use super::*;
use proptest::prelude::*;

fn listed(text: &[u8]) -> Result<SourceBuilder, LoadError> {
    read(Path::new("list"), text)
}

/// What a line gives: its prefixes and their ASN, its name.
fn taken(line: &str) -> (Vec<String>, u32, Option<String>) {
    let listed = listed(line.as_bytes()).unwrap();
    let name = listed.names().values().next().map(ToString::to_string);
    let prefixes = listed.entries();
    let numbers: Vec<u32> = prefixes.iter().map(|(_, number)| *number).collect();
    assert!(numbers.iter().all(|number| *number == numbers[0]));
    (
        prefixes
            .iter()
            .map(|(prefix, _)| prefix.to_string())
            .collect(),
        numbers[0],
        name,
    )
}

#[test]
fn each_published_form_is_read() {
    for (line, prefixes, asn, name) in [
        ("192.0.2.0/24\t64500", &["192.0.2.0/24"][..], 64500, None),
        (
            "192.0.2.0/24 AS64500  Example  GmbH ",
            &["192.0.2.0/24"],
            64500,
            Some("Example  GmbH"),
        ),
        (
            "  192.0.2.0/24\t\t1.10\tX\r\n",
            &["192.0.2.0/24"],
            65546,
            Some("X"),
        ),
        (
            "192.0.2.0/24 64500 # our lab",
            &["192.0.2.0/24"],
            64500,
            None,
        ),
        (
            "2001:db8::/32 4200000000",
            &["2001:db8::/32"],
            4_200_000_000,
            None,
        ),
        ("192.0.2.0\t24\t64500", &["192.0.2.0/24"], 64500, None),
        ("192.0.2.0\t24\t64501_64500", &["192.0.2.0/24"], 64500, None),
        (
            "192.0.2.0\t24\t64502,64501_64503",
            &["192.0.2.0/24"],
            64501,
            None,
        ),
        ("2001:db8::\t32\t64500", &["2001:db8::/32"], 64500, None),
        (
            "192.0.2.0\t192.0.2.255\t64500\tDE\tEXAMPLE - Example",
            &["192.0.2.0/24"],
            64500,
            Some("EXAMPLE - Example"),
        ),
        (
            "192.0.2.0\t192.0.2.255\t64500\t\tEXAMPLE",
            &["192.0.2.0/24"],
            64500,
            Some("EXAMPLE"),
        ),
        (
            "192.0.2.1\t192.0.2.4\t64500\tDE\t",
            &["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/32"],
            64500,
            None,
        ),
        (
            "255.255.255.254\t255.255.255.255\t1\tZZ\t",
            &["255.255.255.254/31"],
            1,
            None,
        ),
        (
            "2001:db8::\t2001:db8:0:ffff:ffff:ffff:ffff:ffff\t64500\tDE\tX",
            &["2001:db8::/48"],
            64500,
            Some("X"),
        ),
    ] {
        let prefixes: Vec<String> = prefixes.iter().map(|&text| text.into()).collect();
        assert_eq!(taken(line), (prefixes, asn, name.map(Into::into)), "{line}");
    }
}

#[test]
fn a_wrong_line_is_named_with_its_value() {
    for (line, message) in [
        (
            "192.0.2.1/24 64500",
            "list:2: 192.0.2.1/24 has host bits set",
        ),
        ("192.0.2.0/33 64500", "list:2: 192.0.2.0/33 is not a prefix"),
        ("192.0.2.0/24", "list:2:  is not an AS number"),
        ("192.0.2.0/24 AS", "list:2: AS is not an AS number"),
        (
            "192.0.2.0/24 64500_x",
            "list:2: 64500_x is not an AS number",
        ),
        (
            "192.0.2.0/24 4294967295",
            "list:2: 4294967295 is a reserved AS number (RFC 7300)",
        ),
        (
            "192.0.2.0 64500",
            "list:2: 192.0.2.0 64500 is not a line of a prefix list",
        ),
        (
            "192.0.2.1\t24\t64500",
            "list:2: 192.0.2.1\\t24\\t64500 has host bits set",
        ),
        (
            "192.0.2.9\t192.0.2.1\t1\tDE\tX",
            "list:2: 192.0.2.9\\t192.0.2.1\\t1\\tDE\\tX is not a range",
        ),
        (
            "192.0.2.9\t2001:db8::\t1\tDE\tX",
            "list:2: 192.0.2.9\\t2001:db8::\\t1\\tDE\\tX is not a range",
        ),
        (
            "prefix,asn",
            "list:2: prefix,asn is not a line of a prefix list",
        ),
        (
            "\u{1b}[2J",
            "list:2: \\u{1b}[2J is not a line of a prefix list",
        ),
    ] {
        let error = listed(format!("# list\n{line}\n198.51.100.0/24 1\n").as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_list_without_prefixes_is_refused() {
    for text in [
        "",
        "\n\n",
        "# nothing\n; here\n",
        "0.0.0.0/0 64500\n",
        "192.0.2.0/24 0\n",
    ] {
        assert_eq!(
            listed(text.as_bytes()).unwrap_err().to_string(),
            "list: no prefix in it"
        );
    }
}

#[test]
fn a_line_without_end_is_refused() {
    let error = listed(&vec![b'1'; 1 << 13]).unwrap_err();
    assert!(
        error.to_string().ends_with("… is too long for a line"),
        "{error}"
    );
}

#[test]
fn rows_without_origin_are_left_out_and_counted() {
    let text =
        "192.0.2.0\t192.0.2.255\t0\tNone\tNot routed\n192.0.2.0/24 None\n198.51.100.0/24 7_8\n";
    let counts = listed(text.as_bytes()).unwrap().counts();
    assert_eq!(
        (counts.rows, counts.without_origin, counts.several_origins),
        (3, 2, 1)
    );
}

proptest! {
    #[test]
    fn a_range_becomes_prefixes_that_cover_it_without_gap_or_overlap(a: u32, b: u32) {
        let (start, end) = (a.min(b), a.max(b));
        let prefixes = range(IpAddr::V4(start.into()), IpAddr::V4(end.into())).unwrap();
        let mut next = Address::from(IpAddr::V4(start.into())).number();
        for prefix in &prefixes {
            prop_assert_eq!(prefix.range().0.number(), next);
            next = prefix.range().1.number() + 1;
        }
        prop_assert_eq!(next - 1, Address::from(IpAddr::V4(end.into())).number());
        prop_assert!(prefixes.len() <= 62);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = listed(&text);
    }

    #[test]
    fn no_line_like_text_makes_the_reader_panic(text in "([0-9a-f.:/_,AS\t #;-]{0,40}\n){0,5}") {
        let _ = listed(text.as_bytes());
    }
}
