use super::*;
use crate::asn::{CacheUse, OriginSettings, Origins};
use crate::captures;
use crate::files::Load;
use crate::units::{Address, Timestamp};
use proptest::prelude::*;
use std::fs::FileTimes;
use std::time::Duration;

fn load(source: &Source, cache: &Path, own: &[u32]) -> Origins {
    let settings = OriginSettings {
        sources: vec![source.clone()],
        own: own.iter().copied().map(Asn).collect(),
        cache: Some(cache.into()),
        ..OriginSettings::default()
    };
    Origins::load(&settings, None, &Load::default(), || {
        Timestamp::from_nanos(7)
    })
    .unwrap()
}

fn used(origins: &Origins) -> CacheUse {
    origins.sources().next().unwrap().cache.clone()
}

/// A list and its cache, which has it.
fn kept() -> (tempfile::TempDir, Source) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    fs::write(&path, "192.0.2.0/24 64500 one\n2001:db8::/32 64501\n").unwrap();
    let source = Source::Prefixes(path);
    assert_eq!(used(&load(&source, folder.path(), &[])), CacheUse::Written);
    (folder, source)
}

#[test]
fn what_is_read_from_the_cache_says_what_the_source_says() {
    let folder = tempfile::tempdir().unwrap();
    let table = |name: &str| captures::path("asn").join(name);
    for source in [
        Source::Prefixes(table("pyasn_ipasn_20080501_v12.dat.gz")),
        Source::Mmdb(table("GeoLite2-ASN-Test.mmdb")),
        Source::Mrt(table("mrtparse_openbgpd_rib_table")),
        Source::Mrt(table("mrtparse_quagga_rib")),
    ] {
        let read = load(&source, folder.path(), &[]);
        let again = load(&source, folder.path(), &[]);
        assert_eq!(
            (used(&read), used(&again)),
            (CacheUse::Written, CacheUse::Read)
        );
        let [one, other] = [&read, &again].map(|origins| origins.sources().next().unwrap());
        assert_eq!((one.prefixes, one.names), (other.prefixes, other.names));
        assert_eq!((one.paths, one.counts), (other.paths, other.counts));
        for number in 0..20_000_u32 {
            let address = Address::v4(number.wrapping_mul(0x9e37_79b9).to_be_bytes());
            assert_eq!(read.explain(address), again.explain(address), "{address}");
        }
        for text in ["172.17.0.1", "192.168.1.1", "2001:db8::10", "2600:6000::1"] {
            let address = text.parse::<std::net::IpAddr>().unwrap().into();
            assert_eq!(read.explain(address), again.explain(address), "{text}");
            let transit = [&read, &again].map(|it| it.transit(it.route(address).path).to_vec());
            assert_eq!(transit[0], transit[1], "{text}");
        }
    }
}

#[test]
fn a_file_that_has_changed_is_read_again_and_so_are_other_own_numbers() {
    let (folder, source) = kept();
    assert_eq!(used(&load(&source, folder.path(), &[])), CacheUse::Read);
    assert_eq!(
        used(&load(&source, folder.path(), &[64500])),
        CacheUse::Written
    );
    assert_eq!(
        used(&load(&source, folder.path(), &[64500])),
        CacheUse::Read
    );
    let file = File::options()
        .write(true)
        .open(source.path().unwrap())
        .unwrap();
    let later = file.metadata().unwrap().modified().unwrap() + Duration::from_secs(7);
    file.set_times(FileTimes::new().set_modified(later))
        .unwrap();
    assert_eq!(
        used(&load(&source, folder.path(), &[64500])),
        CacheUse::Written
    );
}

#[test]
fn a_cache_that_can_not_be_written_is_told_and_does_no_harm() {
    let (folder, source) = kept();
    let origins = load(&source, &folder.path().join("list/below a file"), &[]);
    assert!(matches!(used(&origins), CacheUse::Failed(_)));
    assert_eq!(origins.sources().next().unwrap().prefixes, 2);
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "the list and its table");
}

#[test]
fn a_table_that_is_cut_or_altered_anywhere_is_refused() {
    let (folder, source) = kept();
    let key = CacheKey::new(&source, &HashSet::new()).unwrap();
    let octets = fs::read(place(folder.path(), &source).unwrap()).unwrap();
    assert!(decode(&octets, &key).is_some());
    for end in 0..octets.len() {
        assert!(decode(&octets[..end], &key).is_none(), "cut at {end}");
    }
    for place in 0..octets.len() {
        let mut altered = octets.clone();
        altered[place] ^= 1;
        assert!(decode(&altered, &key).is_none(), "altered at {place}");
    }
}

proptest! {
    /// Somebody who can write the directory can make the checksum right.
    #[test]
    fn a_forged_table_is_refused_or_good_for_every_question(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        v4 in any::<[u8; 4]>(),
    ) {
        let (folder, source) = kept();
        let key = CacheKey::new(&source, &HashSet::new()).unwrap();
        let mut octets = fs::read(place(folder.path(), &source).unwrap()).unwrap();
        octets.truncate(octets.len() - 4);
        for (place, value) in changes {
            let place = place.index(octets.len());
            octets[place] = value;
        }
        let sum = checksum(&octets);
        octets.extend(sum.to_le_bytes());
        if let Some(forged) = decode(&octets, &key) {
            let table = forged.prefixes.build();
            for address in [Address::v4(v4), Address::v4([192, 0, 2, 1]), Address::v6([0x20; 16])] {
                let found = table.explain(address);
                prop_assert!(found.is_none_or(|(_, value)| forged.announced.has(value)));
            }
        }
    }
}
