use super::*;
use crate::captures;
use crate::files::Load;
use crate::units::{Address, Timestamp};
use std::io::Write;
use std::path::{Path, PathBuf};

fn address(text: &str) -> Address {
    text.parse::<std::net::IpAddr>().unwrap().into()
}

fn list(folder: &Path, name: &str, text: &str) -> Source {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    Source::Prefixes(path)
}

fn settings(sources: &[Source]) -> OriginSettings {
    OriginSettings {
        sources: sources.to_vec(),
        ..OriginSettings::default()
    }
}

fn refused(source: Source) -> LoadError {
    Origins::load(
        &settings(&[source]),
        None,
        &Load::default(),
        Timestamp::default,
    )
    .unwrap_err()
}

fn load(sources: &[Source], local: &[&str], own: &[u32]) -> Origins {
    let local: Vec<_> = local
        .iter()
        .map(|text| notation::prefix(text).unwrap())
        .collect();
    let settings = OriginSettings {
        local_prefixes: local,
        own: own.iter().copied().map(Asn).collect(),
        ..settings(sources)
    };
    Origins::load(&settings, None, &Load::default(), || {
        Timestamp::from_nanos(7)
    })
    .unwrap()
}

#[test]
fn the_first_source_with_a_match_wins_whatever_its_prefix_length() {
    let folder = tempfile::tempdir().unwrap();
    let origins = load(
        &[
            list(folder.path(), "a", "192.0.2.0/24 64500 override\n"),
            list(
                folder.path(),
                "b",
                "192.0.2.128/25 64501 b\n198.51.100.0/24 64502\n",
            ),
        ],
        &[],
        &[],
    );
    assert_eq!(
        origins.origin(address("192.0.2.200")),
        Origin::As(Asn(64500))
    );
    assert_eq!(
        origins.origin(address("198.51.100.1")),
        Origin::As(Asn(64502))
    );
    assert_eq!(origins.origin(address("203.0.113.1")), Origin::UNKNOWN);

    let lookup = origins.explain(address("192.0.2.200"));
    assert_eq!(lookup.asn, Some(Asn(64500)));
    assert_eq!(lookup.name.as_deref(), Some("override"));
    assert_eq!(lookup.prefix.unwrap().to_string(), "192.0.2.0/24");
    assert!(lookup.source.unwrap().ends_with("/a"));
    let [other] = lookup.others.as_slice() else {
        panic!("one other source has it")
    };
    assert_eq!(
        (other.asn, other.prefix.to_string().as_str()),
        (Asn(64501), "192.0.2.128/25")
    );
}

#[test]
fn local_prefixes_come_before_every_source_and_own_asns_are_local() {
    let folder = tempfile::tempdir().unwrap();
    let source = list(
        folder.path(),
        "a",
        "192.0.2.0/24 64500\n198.51.100.0/24 64501\n",
    );
    let origins = load(&[source], &["192.0.2.0/25", "2001:db8::/32"], &[64501]);
    assert_eq!(origins.origin(address("192.0.2.1")), Origin::Local);
    assert_eq!(
        origins.origin(address("192.0.2.129")),
        Origin::As(Asn(64500))
    );
    assert_eq!(origins.origin(address("198.51.100.1")), Origin::Local);
    assert_eq!(origins.origin(address("2001:db8::1")), Origin::Local);

    let by_prefix = origins.explain(address("192.0.2.1"));
    assert_eq!(by_prefix.source.as_deref(), Some("local_prefixes"));
    assert_eq!((by_prefix.asn, by_prefix.others.len()), (None, 1));
    let by_number = origins.explain(address("198.51.100.1"));
    assert_eq!(
        (by_number.origin, by_number.asn),
        (Origin::Local, Some(Asn(64501)))
    );
}

#[test]
fn default_routes_never_attribute() {
    let folder = tempfile::tempdir().unwrap();
    let text = "0.0.0.0/0 64500\n::/0 64500\n192.0.2.0/24 64501\n";
    let origins = load(
        &[list(folder.path(), "a", text)],
        &["0.0.0.0/0", "::/0"],
        &[],
    );
    for text in ["203.0.113.1", "2001:db8::1", "::", "0.0.0.0"] {
        assert_eq!(origins.origin(address(text)), Origin::UNKNOWN, "{text}");
    }
    let state = origins.sources().next().unwrap();
    assert_eq!((state.prefixes, state.counts.default_routes), (1, 2));
}

#[test]
fn as_0_does_not_hide_what_another_source_knows() {
    let folder = tempfile::tempdir().unwrap();
    let origins = load(
        &[
            list(folder.path(), "a", "192.0.2.0/24 0\n198.51.100.0/24 1\n"),
            list(folder.path(), "b", "192.0.2.0/24 64500 known\n"),
        ],
        &[],
        &[],
    );
    assert_eq!(origins.origin(address("192.0.2.1")), Origin::As(Asn(64500)));
    assert_eq!(origins.name(Asn(64500)), Some("known"));
    assert_eq!(origins.sources().next().unwrap().counts.without_origin, 1);
}

#[test]
fn a_source_that_is_not_there_is_named() {
    let error = refused(Source::Mmdb("/nowhere/asn.mmdb".into()));
    assert!(matches!(error, LoadError::NoFile { .. }));
    assert_eq!(
        error.to_string(),
        "/nowhere/asn.mmdb: No such file or directory (os error 2)"
    );
}

#[test]
fn a_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for source in [
        Source::Mmdb(folder.path().into()),
        Source::Prefixes(folder.path().into()),
    ] {
        let error = refused(source);
        assert!(matches!(error, LoadError::Read { .. }), "{error}");
    }
}

#[test]
fn a_gzip_list_is_known_by_its_first_octets_not_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("list.txt");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"192.0.2.0/24 64500\n").unwrap();
    let octets = gzip.finish().unwrap();
    std::fs::write(&path, &octets).unwrap();
    let origins = load(&[Source::Prefixes(path.clone())], &[], &[]);
    assert_eq!(origins.origin(address("192.0.2.1")), Origin::As(Asn(64500)));

    std::fs::write(&path, &octets[..octets.len() - 5]).unwrap();
    let cut = refused(Source::Prefixes(path));
    assert!(matches!(cut, LoadError::Read { .. }), "cut short");
}

#[test]
fn whole_tables_of_pyasn_load_and_answer() {
    let folder = captures::path("asn");
    // 8.8.8.8 was Level 3's before it was Google's
    for (file, prefixes, nobodys, asn) in [
        ("pyasn_ipasn_20140513.dat.gz", 512_621, 21, 15169),
        ("pyasn_ipasn_20080501_v12.dat.gz", 270_849, 10, 3356),
    ] {
        let origins = load(&[Source::Prefixes(folder.join(file))], &[], &[]);
        let state = origins.sources().next().unwrap();
        assert_eq!(
            (state.counts.rows, state.counts.without_origin),
            (prefixes, nobodys)
        );
        assert_eq!(u64::try_from(state.prefixes), Ok(prefixes - nobodys));
        assert_eq!(
            origins.origin(address("8.8.8.8")),
            Origin::As(Asn(asn)),
            "{file}"
        );
    }
}

#[test]
fn a_route_has_the_first_sources_path_and_says_which_sources_disagree() {
    let table = captures::path("asn/mrtparse_quagga_rib");
    let folder = tempfile::tempdir().unwrap();
    let sources = [
        list(folder.path(), "a", "203.0.113.0/24 64500\n"),
        Source::Mrt(table),
        list(
            folder.path(),
            "b",
            "172.16.0.0/12 64512\n203.0.113.0/24 1\n",
        ),
        list(
            folder.path(),
            "c",
            "172.16.0.0/12 64999\n203.0.113.0/24 2\n",
        ),
    ];
    let origins = load(&sources, &[], &[]);
    let routed = origins.route(address("172.17.0.1"));
    assert_eq!(routed.origin, Origin::As(Asn(64512)));
    let path: Vec<String> = origins
        .path(routed.path)
        .iter()
        .map(PathStep::to_string)
        .collect();
    assert_eq!(path, ["4200000000", "64512"]);
    assert_eq!(origins.transit(routed.path), [Asn(4_200_000_000)]);
    assert_eq!(
        routed.disagreeing,
        DisagreeingSources(0b1000),
        "b says the same, c not"
    );

    let listed = origins.route(address("203.0.113.1"));
    assert_eq!(listed.origin, Origin::As(Asn(64500)));
    assert_eq!(origins.path(listed.path), []);
    assert_eq!(listed.disagreeing, DisagreeingSources(0b1100));
    let nobodys = origins.route(address("192.0.2.1"));
    assert_eq!(
        (nobodys.origin, nobodys.disagreeing),
        (Origin::UNKNOWN, DisagreeingSources(0))
    );

    let ours = load(&sources, &["172.17.0.0/24"], &[64512]);
    let by_prefix = ours.route(address("172.17.0.1"));
    assert_eq!(
        (by_prefix.origin, by_prefix.disagreeing),
        (Origin::Local, DisagreeingSources(0))
    );
    assert_eq!(ours.route(address("172.17.1.1")).origin, Origin::Local);
}

/// When its data was built, and the SHA-256 of the file, of each source.
fn provenances(sources: &[Source], cache: Option<&Path>) -> Vec<(Option<u64>, Option<[u8; 32]>)> {
    let settings = OriginSettings {
        cache: cache.map(Into::into),
        ..settings(sources)
    };
    let origins = Origins::load(&settings, None, &Load::default(), Timestamp::default).unwrap();
    let of = |source: SourceState<'_>| {
        let Provenance { built, sha256 } = source.provenance;
        (built.map(|at| at.second().0), sha256)
    };
    origins.sources().map(of).collect()
}

#[test]
fn a_source_says_when_its_data_was_built_and_what_its_file_is_also_out_of_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let captured = |name: &str| captures::path("asn").join(name);
    let dump = folder.path().join("dump");
    let text =
        "# Generated: Sat, 29 Oct 2022 05:59:54 GMT\n\nnet: 192.0.2.0/24\naut-num: AS64500\n";
    std::fs::write(&dump, text).unwrap();
    let sources = [
        list(folder.path(), "a", "192.0.2.0/24 64500\n"),
        Source::Location(dump.clone()),
        Source::Mmdb(captured("GeoLite2-ASN-Test.mmdb")),
        Source::Mrt(captured("mrtparse_quagga_rib")),
    ];
    let hash = |source: &Source| {
        let file = std::fs::File::open(source.path().unwrap()).unwrap();
        Some(crate::files::digest::sha256(file, None).unwrap())
    };
    // by mmdblookup's --verbose and by the first four octets of the MRT file
    let built = [
        None,
        Some(1_667_023_194),
        Some(1_770_245_369),
        Some(1_486_802_400),
    ];
    let known: Vec<_> = built.into_iter().zip(sources.iter().map(hash)).collect();
    assert_eq!(provenances(&sources, None), known);
    let cache = folder.path().join("cache");
    assert_eq!(provenances(&sources, Some(&cache)), known);
    assert_eq!(provenances(&sources, Some(&cache)), known);
    // the time of a file is not that of its data
    let old = std::fs::File::options().write(true).open(&dump).unwrap();
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(provenances(&sources, Some(&cache)), known);
}
