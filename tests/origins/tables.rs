//! Routing tables against mrtparse and `bgpdump`, with the rule of the vote written a second time:
//! over the tools' text, slowly.

use super::{address, mrt, table};
use asnmeter::asn::notation;
use asnmeter::asn::{Origins, PathStep};
use asnmeter::units::{Address, Prefix};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The routing tables that are whole.
const WHOLE: [&str; 3] = ["bird-mrtdump_rib", "openbgpd_rib_table", "quagga_rib"];

/// How many prefixes are in each, default routes not counted.
const PREFIXES: [usize; 3] = [5, 21, 6];

/// Origin and path by prefix; none where nobody announces it.
type Expected = BTreeMap<Prefix, Option<(u32, Option<String>)>>;

/// RouteViews' table, of which the first MB of bzip2 is there: its whole records, unpacked.
fn routeviews(folder: &Path) -> PathBuf {
    let packed = File::open(table("pyasn_rib.20140523.0600_firstMB.bz2")).unwrap();
    let mut unpacked = bzip2::read::BzDecoder::new(packed);
    let (mut octets, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    while let Ok(read @ 1..) = unpacked.read(&mut buffer) {
        octets.extend_from_slice(&buffer[..read]);
    }
    let mut end = 0;
    while let Some(length) = octets.get(end + 8..end + 12) {
        let next = end + 12 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
        if next > octets.len() {
            break;
        }
        end = next;
    }
    octets.truncate(end);
    let path = folder.join("routeviews.mrt");
    fs::write(&path, octets).unwrap();
    path
}

/// The origin in the last step of a path as the tools write it: `64500`, `{64501,64500}`.
fn origin(step: &str) -> Option<u32> {
    let members = step.trim_matches(['{', '}']).split(',');
    members.filter_map(|asn| asn.parse().ok()).min()
}

/// What the table has to say: every prefix in turn, at an address that no longer prefix has. How
/// many were compared, and how many have no such address: longer ones cover all of them.
fn compare(origins: &Origins, expected: &Expected) -> (usize, usize) {
    let (mut compared, mut covered) = (0, 0);
    for (prefix, said) in expected.iter().filter(|(prefix, _)| !prefix.is_default()) {
        let longest = |address: Address| {
            let holds = (0..=128).rev().map(|length| Prefix::new(address, length));
            holds
                .filter(|prefix| prefix.contains(address))
                .find(|prefix| expected.contains_key(prefix))
        };
        let inside = expected
            .range(Prefix::new(prefix.range().0, 0)..)
            .map(|(other, _)| other)
            .filter(|other| other.length() > prefix.length() && prefix.contains(other.range().0));
        let behind = inside.map(|other| other.range().1.number().wrapping_add(1));
        let mut addresses = [prefix.range().0, prefix.range().1]
            .into_iter()
            .chain(behind.map(Address::from_number));
        let Some(address) = addresses.find(|address| longest(*address) == Some(*prefix)) else {
            covered += 1;
            continue;
        };
        let lookup = origins.explain(address);
        match said {
            None => assert_eq!(lookup.asn, None, "{prefix}"),
            Some((origin, path)) => {
                assert_eq!(lookup.asn.map(|asn| asn.0), Some(*origin), "{prefix}");
                assert_eq!(lookup.prefix, Some(*prefix));
                let steps: Vec<String> = lookup.path.iter().map(PathStep::to_string).collect();
                if let Some(path) = path {
                    assert_eq!(&steps.join(" "), path, "{prefix}");
                }
            }
        }
        compared += 1;
    }
    (compared, covered)
}

/// What mrtparse counted: `prefix entries origin(count) origin(count)…`.
fn counted(name: &str) -> Expected {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/oracle");
    let text = fs::read_to_string(format!("{folder}/{name}.tsv")).unwrap();
    let mut expected = Expected::new();
    for line in text.lines().skip(1) {
        let mut fields = line.split('\t');
        let prefix = notation::prefix(fields.next().unwrap()).unwrap();
        let mut votes = BTreeMap::<u32, u32>::new();
        for vote in fields.nth(1).unwrap().split(' ') {
            let (step, count) = vote.strip_suffix(')').unwrap().split_once('(').unwrap();
            if let Some(origin) = origin(step) {
                *votes.entry(origin).or_default() += count.parse::<u32>().unwrap();
            }
        }
        let won = votes.into_iter().min_by_key(|(_, votes)| Reverse(*votes));
        expected.insert(prefix, won.map(|(origin, _)| (origin, None)));
    }
    expected
}

#[test]
fn every_prefix_has_the_origin_that_mrtparse_counted() {
    for (name, prefixes) in WHOLE.iter().zip(PREFIXES) {
        let name = format!("mrtparse_{name}");
        let expected = counted(&name);
        let origins = mrt(&table(&name));
        let defaults = expected.keys().filter(|prefix| prefix.is_default());
        let not_default = expected.len() - defaults.count();
        assert_eq!(not_default, prefixes, "{name}");
        assert_eq!(compare(&origins, &expected), (prefixes, 0), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let expected = counted("pyasn_rib.20140523.0600_firstMB");
    let origins = mrt(&routeviews(folder.path()));
    assert_eq!(expected.len(), 9072);
    assert_eq!(compare(&origins, &expected), (8744, 327));
    let state = origins.sources().next().unwrap();
    assert_eq!((state.counts.rows, state.counts.default_routes), (9072, 1));
    assert_eq!(state.counts.several_origins, 62);
    assert_eq!(state.counts.as_sets, 3);
}

/// What `bgpdump` prints, with the vote taken by another hand.
fn dumped(path: &Path) -> Expected {
    let output = Command::new("bgpdump").arg("-m").arg(path).output();
    let output = output.expect("bgpdump is needed for this test");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut routes = BTreeMap::<Prefix, BTreeSet<(String, Vec<String>)>>::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('|').collect();
        let path = fields[if fields[0].ends_with("_AP") { 7 } else { 6 }];
        let mut steps: Vec<String> = path.split(' ').map(sorted).collect();
        steps.retain(|step| !step.is_empty());
        steps.dedup_by(|again, kept| again == kept && !again.starts_with('{'));
        let prefix = notation::prefix(fields[5]).unwrap();
        let said = routes.entry(prefix).or_default();
        said.insert((fields[3].into(), steps));
    }
    let voted = |routes: BTreeSet<(String, Vec<String>)>| {
        let mut votes = BTreeMap::<u32, BTreeSet<&str>>::new();
        for (peer, steps) in &routes {
            if let Some(origin) = steps.last().and_then(|step| origin(step)) {
                votes.entry(origin).or_default().insert(peer);
            }
        }
        let (won, _) = votes.iter().min_by_key(|(_, peers)| Reverse(peers.len()))?;
        let of_won = |steps: &Vec<String>| steps.last().and_then(|step| origin(step)) == Some(*won);
        let paths = routes.iter().map(|(_, steps)| steps);
        let path = paths.filter(|steps| of_won(steps)).min_by_key(|steps| {
            let sees = routes.iter().filter(|(_, other)| &other == steps).count();
            let numbers: Vec<Option<u32>> = steps.iter().map(|step| origin(step)).collect();
            (Reverse(sees), steps.len(), numbers)
        })?;
        Some((*won, Some(path.join(" "))))
    };
    let voted = routes
        .into_iter()
        .map(|(prefix, routes)| (prefix, voted(routes)));
    voted.collect()
}

/// A set in ascending order; other steps as they are.
fn sorted(step: &str) -> String {
    if !step.starts_with('{') {
        return step.into();
    }
    let members = step.trim_matches(['{', '}']).split(',');
    let members: BTreeSet<u32> = members.map(|asn| asn.parse().unwrap()).collect();
    let members: Vec<String> = members.iter().map(ToString::to_string).collect();
    format!("{{{}}}", members.join(","))
}

#[test]
fn every_prefix_has_the_origin_and_path_that_bgpdump_prints() {
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<PathBuf> = WHOLE
        .iter()
        .map(|name| table(&format!("mrtparse_{name}")))
        .collect();
    files.push(routeviews(folder.path()));
    let mut all = (0, 0);
    for file in files {
        let expected = dumped(&file);
        assert!(!expected.is_empty(), "{}", file.display());
        let (compared, covered) = compare(&mrt(&file), &expected);
        all = (all.0 + compared, all.1 + covered);
    }
    assert_eq!(all, (8776, 327));
}

#[test]
fn packed_tables_say_what_unpacked_ones_say() {
    let folder = tempfile::tempdir().unwrap();
    let octets = fs::read(table("mrtparse_quagga_rib")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&octets).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&octets).unwrap();
    for packed in [gzip.finish().unwrap(), bzip2.finish().unwrap()] {
        let path = folder.path().join("rib");
        fs::write(&path, packed).unwrap();
        let lookup = mrt(&path).explain(address("172.17.0.1"));
        let path: Vec<String> = lookup.path.iter().map(PathStep::to_string).collect();
        assert_eq!(path, ["4200000000", "64512"]);
    }
}
