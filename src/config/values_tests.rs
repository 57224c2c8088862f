use super::*;
use proptest::prelude::*;

const RATE_FORM: &str = "is not a rate like \"100 Mbps\" (bps, kbps, Mbps, Gbps, Tbps)";
const RATIO_FORM: &str = "is not a percentage like \"0.5%\"";

#[test]
fn rates_are_exact() {
    for (text, bps) in [
        ("100 Mbps", 100_000_000),
        ("100Mbps", 100_000_000),
        ("1.5 Gbps", 1_500_000_000),
        ("0.000001 Mbps", 1),
        ("1.50000000000000 kbps", 1_500),
        ("64 kbps", 64_000),
        ("1 bps", 1),
        ("100 Mb/s", 100_000_000),
        ("100 Mbit/s", 100_000_000),
        ("100M", 100_000_000),
        ("64k", 64_000),
        ("8 b/s", 8),
        ("8.0 bps", 8),
        ("100 Tbps", 100_000_000_000_000),
    ] {
        assert_eq!(rate(text), Ok(BitRate(bps)), "{text}");
    }
}

#[test]
fn a_rate_that_is_none_says_why() {
    for (text, why) in [
        ("", RATE_FORM),
        ("100", RATE_FORM),
        ("Mbps", RATE_FORM),
        (" 100 Mbps", RATE_FORM),
        ("-1 Mbps", RATE_FORM),
        ("1. Mbps", RATE_FORM),
        (".5 Mbps", RATE_FORM),
        ("1.2.3 Mbps", RATE_FORM),
        ("1e3 Mbps", RATE_FORM),
        ("0 Mbps", "has to be above 0"),
        ("1.5 bps", "is not a whole number of bits per second"),
        (
            "100.000000000000000001 Tbps",
            "is not a whole number of bits per second",
        ),
        ("100.1 Tbps", "is above 100 Tbps"),
        (
            "99999999999999999999999999999999999999999999 Tbps",
            "is above 100 Tbps",
        ),
    ] {
        assert_eq!(rate(text), Err(why.into()), "{text}");
    }
}

#[test]
fn percentages_are_exact_in_parts_per_million() {
    for (text, ppm) in [
        ("10%", 100_000),
        ("10 %", 100_000),
        ("0.5%", 5_000),
        ("0.0001%", 1),
        ("100%", 1_000_000),
        ("0%", 0),
        ("1.10000%", 11_000),
    ] {
        assert_eq!(ratio(text), Ok(Ratio::from_ppm(ppm)), "{text}");
    }
    for (text, why) in [
        ("%", RATIO_FORM),
        ("10  %", RATIO_FORM),
        ("-1%", RATIO_FORM),
        ("0.00001%", "has more than four decimals"),
        ("100.0001%", "is above 100%"),
    ] {
        assert_eq!(ratio(text), Err(why.into()), "{text}");
    }
}

#[test]
fn durations_keep_their_bounds() {
    assert_eq!(seconds("60s", 1, 3600), Ok(Duration::from_secs(60)));
    assert_eq!(seconds("1h", 1, 3600), Ok(Duration::from_secs(3600)));
    for (text, why) in [
        ("1500ms", "is not a whole number of seconds"),
        ("0s", "is not within 1s and 1h"),
        ("61m", "is not within 1s and 1h"),
        ("1M", "is not within 1s and 1h"),
        (" 60s", "is not a duration like \"60s\" or \"150ms\""),
        ("", "is not a duration like \"60s\" or \"150ms\""),
    ] {
        assert_eq!(seconds(text, 1, 3600), Err(why.into()), "{text}");
    }
}

#[test]
fn ports_are_a_number_or_a_range() {
    assert_eq!(ports("4000"), Ok((4000, 4000)));
    assert_eq!(ports("10000-20000"), Ok((10000, 20000)));
    assert_eq!(ports("20000-10000"), Err("ends before it starts".into()));
    for text in ["", "0", "65536", "1-", "-1", "+1", "1-2-3", "1 - 2"] {
        let why = "is not a port like \"4000\" or a range like \"10000-20000\"";
        assert_eq!(ports(text), Err(why.into()), "{text}");
    }
}

#[test]
fn names_are_short_and_printable() {
    assert_eq!(name("voice-fra"), Ok("voice-fra".into()));
    assert_eq!(name(&"ü".repeat(64)), Ok("ü".repeat(64)));
    assert_eq!(
        name(&"x".repeat(65)),
        Err("is longer than 64 characters".into())
    );
    assert_eq!(name(" "), Err("is empty".into()));
    assert_eq!(name("a\u{7f}"), Err("has a control character in it".into()));
}

proptest! {
    #[test]
    fn every_number_of_bits_is_read_back(bps in 1_u64..=100_000_000_000_000) {
        let text = format!("{}.{:09} Gbps", bps / 1_000_000_000, bps % 1_000_000_000);
        prop_assert_eq!(rate(&text), Ok(BitRate(bps)));
    }

    #[test]
    fn no_text_makes_a_value_panic(text in ".{0,20}|[0-9.]{0,60}[ %kMGTbps]{0,6}") {
        let _ = (rate(&text), ratio(&text), seconds(&text, 1, 60), ports(&text), name(&text));
    }
}

#[test]
fn a_rate_that_may_be_bits_or_bytes_is_refused_with_both_readings() {
    for (text, bits, octets) in [
        ("100 MBps", "100 Mbps", "800 Mbps"),
        ("100 MB/s", "100 Mbps", "800 Mbps"),
        ("100MB", "100 Mbps", "800 Mbps"),
        ("1.5 GBps", "1500 Mbps", "12 Gbps"),
        ("64 KB/s", "64 kbps", "512 kbps"),
        ("7 Bps", "7 bps", "56 bps"),
    ] {
        let why = format!("may be bits or bytes per second: write \"{bits}\" or \"{octets}\"");
        assert_eq!(rate(text), Err(why), "{text}");
    }
}

#[test]
fn a_slip_in_a_unit_is_named() {
    for (text, meant) in [
        ("100 mbps", "100 Mbps"),
        ("100 Mpbs", "100 Mbps"),
        ("100  Mbps", "100 Mbps"),
        ("100 Mbps ", "100 Mbps"),
        ("64 Kbps", "64 kbps"),
    ] {
        let why = format!("{RATE_FORM}: did you mean \"{meant}\"?");
        assert_eq!(rate(text), Err(why), "{text}");
    }
    let why = duration("60", Duration::ZERO, Duration::MAX).unwrap_err();
    assert!(why.ends_with("did you mean \"60s\" or \"60ms\"?"), "{why}");
}

#[test]
fn a_part_of_the_whole_is_a_ratio_only_where_it_can_be_nothing_else() {
    assert_eq!(ratio("0.1"), Ok(Ratio::from_ppm(100_000)));
    assert_eq!(ratio("0.125"), ratio("12.5 %"));
    for (text, why) in [
        ("1", "has no per cent sign: write \"1%\" or \"100%\""),
        ("1.0", "has no per cent sign: write \"1.0%\" or \"100%\""),
        ("10", "has no per cent sign: write \"10%\""),
    ] {
        assert_eq!(ratio(text), Err(why.into()), "{text}");
    }
    let why = "has no per cent sign: write \"0.5%\" or \"50%\"";
    assert_eq!(percentage("0.5"), Err(why.into()));
}

#[test]
fn an_address_is_read_in_the_forms_that_exporters_take() {
    for (text, address_of) in [
        (":10179", "[::]:10179"),
        ("localhost:10179", "127.0.0.1:10179"),
        ("0.0.0.0:10179", "0.0.0.0:10179"),
        ("[::1]:80", "[::1]:80"),
    ] {
        assert_eq!(address(text), Ok(address_of.parse().unwrap()), "{text}");
    }
    for (text, meant) in [("10179", ":10179"), ("192.0.2.1", "192.0.2.1:10179")] {
        let why = address(text).unwrap_err();
        assert!(
            why.ends_with(&format!("did you mean \"{meant}\"?")),
            "{why}"
        );
    }
    for text in ["", ":", ":x", ":65536", "eth0:80", "::1", "localhost"] {
        assert!(address(text).is_err(), "{text}");
    }
}
