use super::*;
use crate::asn::Counts;
use crate::asn::loaded_source::LoadedSource;
use crate::captures;
use crate::units::Address;
use proptest::prelude::*;
use std::path::PathBuf;

fn captured(name: &str) -> PathBuf {
    captures::path("asn").join(name)
}

/// A record (RFC 6396 §2).
fn record(kind: u16, subtype: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    let mut record = vec![0; 4];
    record.extend(kind.to_be_bytes());
    record.extend(subtype.to_be_bytes());
    record.extend(length.to_be_bytes());
    record.extend(body);
    record
}

/// A path attribute (RFC 4271 §4.3).
fn attribute(flags: u8, code: u8, value: &[u8]) -> Vec<u8> {
    let mut attribute = vec![flags, code, u8::try_from(value.len()).unwrap()];
    attribute.extend(value);
    attribute
}

/// Segments of a path with numbers of 32 bits: their types (RFC 4271 §4.3, RFC 5065 §3), members.
fn path32(segments: &[(u8, &[u32])]) -> Vec<u8> {
    let mut path = Vec::new();
    for (kind, asns) in segments {
        path.extend([*kind, u8::try_from(asns.len()).unwrap()]);
        path.extend(asns.iter().flat_map(|asn| asn.to_be_bytes()));
    }
    path
}

const SET: u8 = 1;
const SEQUENCE: u8 = 2;
const CONFED_SEQUENCE: u8 = 3;
const CONFED_SET: u8 = 4;

/// A RIB_IPV4_UNICAST record (RFC 6396 §4.3.2) for 192.0.2.0/24, a path attribute per peer.
fn rib(peers: &[Vec<u8>]) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 0, 24, 192, 0, 2];
    body.extend(u16::try_from(peers.len()).unwrap().to_be_bytes());
    for (index, path) in (0_u16..).zip(peers) {
        let path = attribute(0x40, 2, path);
        body.extend(index.to_be_bytes());
        body.extend([0; 4]);
        body.extend(u16::try_from(path.len()).unwrap().to_be_bytes());
        body.extend(path);
    }
    record(13, 2, &body)
}

/// A TABLE_DUMP record (RFC 6396 §4.2) for 192.0.2.0/24.
fn table_dump(peer: [u8; 4], attributes: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 0, 192, 0, 2, 0, 24, 1, 0, 0, 0, 0];
    body.extend(peer);
    body.extend([0xfd, 0xe8]);
    body.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
    body.extend(attributes);
    record(12, 1, &body)
}

fn parsed(octets: &[u8], own: &[u32]) -> Result<SourceBuilder, LoadError> {
    let own = own.iter().copied().map(Asn).collect();
    read(Path::new("rib"), octets, OneTable, &own)
}

/// What the table says of 192.0.2.1, and what was counted.
fn said(octets: &[u8], own: &[u32]) -> (u32, String, Counts) {
    let source = parsed(octets, own).unwrap().loaded();
    let (origin, path) = answer(&source, Address::v4([192, 0, 2, 1])).unwrap();
    (origin.0, path, source.counts)
}

fn answer(source: &LoadedSource, address: Address) -> Option<(Asn, String)> {
    let value = source.table.lookup(address)?;
    let steps = source.announced.steps(value);
    let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
    Some((source.announced.origin(value)?, steps.join(" ")))
}

#[test]
fn prepends_confederations_and_own_numbers_are_no_part_of_a_path() {
    for (segments, own, origin, path) in [
        (
            &[(SEQUENCE, &[1, 2, 2, 2, 3, 3][..])][..],
            &[][..],
            3,
            "1 2 3",
        ),
        (
            &[
                (CONFED_SEQUENCE, &[65001, 65002]),
                (CONFED_SET, &[65003]),
                (SEQUENCE, &[1, 2]),
            ],
            &[],
            2,
            "1 2",
        ),
        (&[(SEQUENCE, &[9, 9, 1, 2])], &[9], 2, "1 2"),
        // what our own number announces stays ours
        (&[(SEQUENCE, &[1, 9])], &[9], 9, "1"),
        (&[(SEQUENCE, &[1, 2]), (SET, &[5, 4])], &[], 4, "1 2 {4,5}"),
        // a private number is somebody's
        (&[(SEQUENCE, &[1, 64512])], &[], 64512, "1 64512"),
    ] {
        let (found, steps, counts) = said(&rib(&[path32(segments)]), own);
        assert_eq!((found, steps.as_str()), (origin, path), "{segments:?}");
        assert_eq!(counts.as_sets, u64::from(origin == 4));
    }
}

#[test]
fn the_origin_that_most_peers_see_stands_and_moas_is_counted() {
    let peers: Vec<Vec<u8>> = [[1, 7], [2, 8], [3, 8]]
        .iter()
        .map(|path| path32(&[(SEQUENCE, path)]))
        .collect();
    let (origin, path, counts) = said(&rib(&peers), &[]);
    assert_eq!((origin, path.as_str()), (8, "2 8"));
    assert_eq!((counts.rows, counts.several_origins), (1, 1));
}

#[test]
fn a_prefix_without_origin_is_nobodys_within_a_larger_one() {
    let larger = {
        // 192.0.0.0/16
        let path = attribute(0x40, 2, &path32(&[(SEQUENCE, &[1])]));
        let mut body = vec![0, 0, 0, 0, 16, 192, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        body.extend(u16::try_from(path.len()).unwrap().to_be_bytes());
        body.extend(path);
        record(13, 2, &body)
    };
    for nobody in [&[(SEQUENCE, &[1, 23456][..])][..], &[]] {
        let file = [larger.clone(), rib(&[path32(nobody)])].concat();
        let listed = parsed(&file, &[]).unwrap();
        assert_eq!(listed.counts().without_origin, 1);
        let source = listed.loaded();
        assert_eq!(answer(&source, Address::v4([192, 0, 2, 1])), None);
        let beside = answer(&source, Address::v4([192, 0, 3, 1]));
        assert_eq!(beside, Some((Asn(1), "1".into())));
    }
}

#[test]
fn a_table_dumps_16_bit_path_is_completed_by_its_as4_path() {
    // RFC 6793 §4.2.3: 1 23456 23456 with 70000 70001
    let path = attribute(0x40, 2, &[SEQUENCE, 3, 0, 1, 0x5b, 0xa0, 0x5b, 0xa0]);
    let path4 = attribute(0xc0, 17, &path32(&[(SEQUENCE, &[200_000, 200_001])]));
    let both = [path.clone(), path4].concat();
    let (origin, steps, counts) = said(&table_dump([10, 0, 0, 1], &both), &[]);
    assert_eq!((origin, steps.as_str()), (200_001, "1 200000 200001"));
    assert_eq!(counts.without_origin, 0);
    let alone = parsed(&table_dump([10, 0, 0, 1], &path), &[]).unwrap_err();
    assert_eq!(alone.to_string(), "rib: no route with an origin in it");
}

/// A PEER_INDEX_TABLE record (RFC 6396 §4.3.1) of a time: numbers and AS of the peers.
fn index(time: u32, peers: &[(u8, u32)]) -> Vec<u8> {
    let mut body = vec![198, 51, 100, 254, 0, 0];
    body.extend(u16::try_from(peers.len()).unwrap().to_be_bytes());
    for (number, asn) in peers {
        body.extend([2, 0, 0, 0, *number, 198, 51, 100, *number]);
        body.extend(asn.to_be_bytes());
    }
    let mut record = record(13, 1, &body);
    record[..4].copy_from_slice(&time.to_be_bytes());
    record
}

/// What a file says of 192.0.2.1, of whatever tables it has.
fn add_voted(octets: &[u8], own: &[u32]) -> (u32, String, Counts) {
    let own = own.iter().copied().map(Asn).collect();
    let read = compiled(Path::new("rib"), || Ok(octets), &own).unwrap();
    let source = LoadedSource::new(
        "a test",
        "mrt",
        read,
        crate::asn::loaded_source::Loaded::default(),
    );
    let answer = answer(&source, Address::v4([192, 0, 2, 1]));
    let (origin, path) = answer.unwrap_or_default();
    (origin.0, path, source.counts)
}

fn to(last: u32) -> Vec<u8> {
    path32(&[(SEQUENCE, &[1, last])])
}

#[test]
fn all_tables_of_a_file_vote_and_a_peer_once() {
    let peers = [(1, 64511), (2, 64512), (3, 64513)];
    let others = [(4, 64514), (5, 64515), (6, 64516)];
    for (tables, origin, several) in [
        // one table's peer against three of another's
        (
            vec![
                (7, &peers[..1], vec![to(8)]),
                (7, &others, vec![to(9), to(9), to(9)]),
            ],
            9,
            1,
        ),
        (
            vec![
                (7, &peers, vec![to(9), to(9), to(9)]),
                (7, &others[..1], vec![to(8)]),
            ],
            9,
            1,
        ),
        // neither table's winner has the most of all
        (
            vec![
                (7, &peers, vec![to(8), to(8), to(7)]),
                (7, &others, vec![to(9), to(7), to(7)]),
            ],
            7,
            1,
        ),
        // what the same peers said later counts, in whatever order the tables are
        (
            vec![
                (7, &peers, vec![to(8), to(8), to(8)]),
                (9, &peers, vec![to(9)]),
            ],
            8,
            1,
        ),
        (
            vec![
                (7, &peers, vec![to(8), to(8)]),
                (9, &peers, vec![to(9), to(9)]),
            ],
            9,
            0,
        ),
        (
            vec![
                (9, &peers, vec![to(9), to(9)]),
                (7, &peers, vec![to(8), to(8)]),
            ],
            9,
            0,
        ),
    ] {
        let tables = tables.iter();
        let file: Vec<u8> = tables
            .flat_map(|(time, peers, paths)| [index(*time, peers), rib(paths)].concat())
            .collect();
        let (found, path, counts) = add_voted(&file, &[]);
        assert_eq!((found, path), (origin, format!("1 {origin}")));
        assert_eq!(
            (counts.rows, counts.several_origins, counts.conflicts),
            (1, several, 0)
        );
    }
}

#[test]
fn a_prefix_that_one_table_has_stands_beside_those_of_the_other() {
    let mut beside = rib(&[to(6)]);
    // 192.0.3.0/24
    beside[19] = 3;
    let (one, other) = (index(7, &[(1, 64511)]), index(9, &[(1, 64511)]));
    let file = [one, rib(&[to(8)]), beside, other, rib(&[to(9)])].concat();
    let read = compiled(Path::new("rib"), || Ok(&file[..]), &HashSet::new()).unwrap();
    let source = LoadedSource::new(
        "a test",
        "mrt",
        read,
        crate::asn::loaded_source::Loaded::default(),
    );
    for (last, origin) in [(2, 9), (3, 6)] {
        assert_eq!(
            source.origin(Address::v4([192, 0, last, 1])),
            Some(Asn(origin))
        );
    }
}

#[test]
fn tables_without_an_index_are_voted_on_together_as_well() {
    let route = |peer, last| {
        let path = attribute(0x40, 2, &[SEQUENCE, 2, 0, peer, 0, last]);
        table_dump([10, 0, 0, peer], &path)
    };
    let mut between = route(1, 5);
    // 198.0.2.0/24
    between[16] = 198;
    let file = [route(1, 8), between, route(2, 9), route(3, 9)].concat();
    assert_eq!(add_voted(&file, &[]).0, 9);
}

#[test]
fn a_route_without_a_path_is_our_own_where_the_index_says_that_the_peer_is() {
    let index = index(7, &[(1, 64500), (2, 64501)]);
    let confederation = path32(&[(CONFED_SEQUENCE, &[65001, 65002])]);
    for (paths, own, origin, path) in [
        (vec![vec![]], &[64500][..], 64500, ""),
        (vec![confederation.clone()], &[64500], 64500, ""),
        // who has members of a confederation in a path is of one
        (vec![confederation], &[], 64500, "64500"),
        // an external peer sends no empty path (RFC 4271 §5.1.2)
        (vec![vec![]], &[], 0, ""),
        (vec![vec![], to(9)], &[], 9, "1 9"),
    ] {
        let file = [index.clone(), rib(&paths), rib(&[to(7)])].concat();
        let mut file = file;
        // another prefix, so that there is a table
        let place = file.len() - rib(&[to(7)]).len();
        file[place + 17] = 200;
        let (found, steps, _) = add_voted(&file, own);
        assert_eq!((found, steps.as_str()), (origin, path), "{paths:?} {own:?}");
    }
}

#[test]
fn ipv6_says_nothing_of_ipv4_addresses() {
    // ::ffff:192.0.2.0/120 in a RIB_IPV6_UNICAST record
    let mut body = vec![0, 0, 0, 0, 120];
    body.extend([0; 10]);
    body.extend([0xff, 0xff, 192, 0, 2]);
    let path = attribute(0x40, 2, &to(9));
    body.extend([0, 1, 0, 0, 0, 0, 0, 0]);
    body.extend(u16::try_from(path.len()).unwrap().to_be_bytes());
    body.extend(path);
    let file = [rib(&[to(7)]), record(13, 4, &body)].concat();
    let (origin, _, counts) = add_voted(&file, &[]);
    assert_eq!((origin, counts.rows, counts.passed_over), (7, 1, 1));
}

#[test]
fn what_is_no_table_says_what_it_begins_with() {
    let error = parsed(b"192.0.2.0/24 64500\n", &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("; begins with \"192.0.2.0/24 645\""),
        "{error}"
    );
}

#[test]
fn records_of_one_prefix_are_one_vote() {
    let route = |peer, last| {
        let path = attribute(0x40, 2, &[SEQUENCE, 2, 0, peer, 0, last]);
        table_dump([10, 0, 0, peer], &path)
    };
    let file = [route(1, 7), route(2, 8), route(3, 8)].concat();
    let (origin, path, counts) = said(&file, &[]);
    assert_eq!((origin, path.as_str()), (8, "2 8"));
    assert_eq!((counts.rows, counts.conflicts), (1, 0));
}

#[test]
fn what_is_no_unicast_route_is_passed_over_and_counted() {
    let multicast = record(13, 3, &[1, 2, 3]);
    let update = record(16, 4, &[1, 2, 3]);
    let file = [multicast, rib(&[path32(&[(SEQUENCE, &[1])])]), update].concat();
    assert_eq!(said(&file, &[]).2.passed_over, 2);
}

#[test]
fn a_real_file_of_updates_has_no_route_in_it() {
    for updates in ["mrtparse_quagga_bgp", "mrtparse_bird6-mrtdump_bgp"] {
        let error = load(&captured(updates), &HashSet::new(), &Load::default()).unwrap_err();
        let reason = "no route with an origin in it";
        assert!(error.to_string().ends_with(reason), "{error}");
    }
}

#[test]
fn a_file_cut_anywhere_is_refused_and_says_in_which_record() {
    let whole = rib(&[path32(&[(SEQUENCE, &[1, 2])]), path32(&[(SEQUENCE, &[3])])]);
    let file = [whole.clone(), whole.clone()].concat();
    assert!(parsed(&file, &[]).is_ok());
    for end in (1..file.len()).filter(|end| *end != whole.len()) {
        let error = parsed(&file[..end], &[]).unwrap_err().to_string();
        let number = 1 + end / whole.len();
        let place = format!("rib: MRT record {number}: ");
        assert!(error.starts_with(&place), "{end}: {error}");
    }
}

#[test]
fn a_real_table_that_ends_inside_a_bzip2_block_is_refused() {
    let error = load(
        &captured("pyasn_rib.20140523.0600_firstMB.bz2"),
        &HashSet::new(),
        &Load::default(),
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("firstMB.bz2: MRT record "), "{error}");
}

#[test]
fn a_record_with_fewer_entries_than_it_says_is_refused() {
    let mut damaged = rib(&[path32(&[(SEQUENCE, &[1])])]);
    // behind the headers (12) and the prefix (8): the number of entries
    damaged[21] = 2;
    assert_eq!(
        parsed(&damaged, &[]).unwrap_err().to_string(),
        "rib: MRT record 1: is damaged: entries are missing"
    );
}

#[test]
fn text_and_other_files_are_refused() {
    for text in ["192.0.2.0/24 64500\n", "", "BZh9 and no bzip2", "\0\0\0\0"] {
        assert!(parsed(text.as_bytes(), &[]).is_err(), "{text}");
    }
    let text = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let error = load(text, &HashSet::new(), &Load::default()).unwrap_err();
    assert!(
        error.to_string().contains("Cargo.toml: MRT record 1: "),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Real files with some octets changed and an end cut off: an error or a table, no panic.
    #[test]
    fn no_damage_makes_the_reader_panic(
        file in 0_usize..7,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        end in any::<prop::sample::Index>(),
        whole: bool,
    ) {
        let name = [
            "mrtparse_bird-mrtdump_rib",
            "mrtparse_quagga_rib",
            "mrtparse_openbgpd_rib_table",
            "mrtparse_quagga_bgp",
            "mrtparse_openbgpd_bgp",
            "mrtparse_bird6-mrtdump_bgp",
            "mrtparse_bird-mrtdump_bgp",
        ][file];
        let mut octets = std::fs::read(captured(name)).unwrap();
        for (place, value) in changes {
            let place = place.index(octets.len());
            octets[place] = value;
        }
        if !whole {
            octets.truncate(end.index(octets.len()));
        }
        let _ = parsed(&octets, &[]);
    }

    /// Attributes of every code with any content.
    #[test]
    fn no_attribute_makes_the_reader_panic(
        code: u8,
        flags: u8,
        value in prop::collection::vec(any::<u8>(), 0..80),
        subtype in 1_u16..13,
    ) {
        let mut body = vec![0, 0, 0, 0, 24, 192, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0];
        let attribute = attribute(flags & !0x10, code, &value);
        body.extend(u16::try_from(attribute.len()).unwrap().to_be_bytes());
        body.extend(attribute);
        let _ = parsed(&record(13, subtype, &body), &[]);
        let _ = parsed(&table_dump([10, 0, 0, 1], &body[18..]), &[]);
    }
}
