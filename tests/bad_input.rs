//! Proves what an operator meets when something is wrong: one line on standard error that names
//! the file, line, key and value, the documented exit code (docs/INSTALL.md, "Exit codes"), nothing on
//! standard output, and nothing half-written.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;
use support::START;
use support::desk::Desk;
use support::frames::Media;
use support::netns;
use support::program::{Outcome, PROGRAM, asnmeter, outcome};

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(octets).unwrap();
    packed.finish().unwrap()
}

fn bzip2(octets: &[u8]) -> Vec<u8> {
    let mut packed = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    packed.write_all(octets).unwrap();
    packed.finish().unwrap()
}

/// Everything is done in a folder with these files.
fn desk() -> Desk {
    let desk = Desk::new();
    let times = (0..100).map(|number| START * 1_000_000_000 + number * 20_000_000);
    let calls = Media::g711("203.0.113.1:4000", "198.51.100.1:4000", 7).shots(times);
    desk.capture("calls.pcap", &calls);
    desk.file(
        "random.pcap",
        (0..5000_u32)
            .map(|n| (n * n % 251) as u8)
            .collect::<Vec<_>>(),
    );
    desk.file("empty.pcap", "");
    desk.file("good.tsv", "203.0.113.0/24\t64500\n");
    desk.file("prefixless.tsv", "# prefix asn\n\n");
    desk.file("wrong.tsv", "203.0.113.0/24\t64500\n192.0.2.1/24\t64501\n");
    // 13 MB that unpack to 13 GB of empty lines; 50 kB that do to 45 GB of empty records
    desk.file("bomb.gz", gzip(&vec![b'\n'; 1 << 26]).repeat(200));
    desk.file("bomb.bz2", bzip2(&vec![0; 45_000_000]).repeat(1000));
    let configs = [
        (
            "unknown_key.toml",
            "[capture]\ninterface = \"lo\"\nring_gib = 1\n",
        ),
        (
            "space.toml",
            "[[commitment]]\nname = \"c\"\ncommitted_rate = \"100Mbps \"\n",
        ),
        (
            "parsecs.toml",
            "[[commitment]]\nname = \"c\"\ncommitted_rate = \"10 parsecs\"\n",
        ),
        (
            "host_bits.toml",
            "[asn]\nlocal_prefixes = [\n  \"10.0.0.0/8\",\n  \"192.0.2.1/24\",\n]\n",
        ),
        (
            "prefixless.toml",
            "[asn]\nsources = [{ prefixes = \"prefixless.tsv\" }]\n",
        ),
        (
            "wrong_source.toml",
            "[asn]\nsources = [{ prefixes = \"wrong.tsv\" }]\n",
        ),
        (
            "gzip_bomb.toml",
            "[asn]\nsources = [{ prefixes = \"bomb.gz\" }]\n",
        ),
        (
            "bzip2_bomb.toml",
            "[asn]\nsources = [{ mrt = \"bomb.bz2\" }]\n",
        ),
        (
            "no_source.toml",
            "[asn]\nsources = [{ mmdb = \"nowhere.mmdb\" }]\n",
        ),
        ("not_toml.toml", "[capture\n"),
        (
            "no_interface.toml",
            "[asn]\nsources = [{ prefixes = \"good.tsv\" }]\n",
        ),
        (
            "no_such_interface.toml",
            "[capture]\ninterface = \"eth99\"\n",
        ),
        ("loopback.toml", "[capture]\ninterface = \"lo\"\n"),
        ("no_key.toml", "[evidence]\nkey = \"nowhere.pem\"\n"),
        ("no_web.toml", "[web]\nconfig_file = \"nowhere.yml\"\n"),
        (
            "no_router_key.toml",
            "[asn]\nbmp_keys = [{ routers = \"192.0.2.1\", file = \"nowhere.key\" }]\n",
        ),
        (
            "no_ledger.toml",
            "[capture]\ninterface = \"lo\"\n[web]\nlisten_address = \"127.0.0.1:0\"\n\
             [evidence]\ndirectory = \"/proc/nowhere\"\n",
        ),
        (
            "file_for_ledger.toml",
            "[capture]\ninterface = \"lo\"\n[web]\nlisten_address = \"127.0.0.1:0\"\n\
             [evidence]\ndirectory = \"good.tsv\"\n",
        ),
        // TEST-NET-1 (RFC 5737): no host has it
        (
            "far_web.toml",
            "[capture]\ninterface = \"lo\"\n[web]\nlisten_address = \"192.0.2.77:10179\"\n",
        ),
        (
            "far_bmp.toml",
            "[capture]\ninterface = \"lo\"\n[web]\nlisten_address = \"127.0.0.1:0\"\n\
             [asn]\nsources = [{ bmp = \"192.0.2.77:11019\" }]\n",
        ),
        (
            "far_hep.toml",
            "[capture]\ninterface = \"lo\"\n[web]\nlisten_address = \"127.0.0.1:0\"\n\
             [hep]\nlisten = \"192.0.2.77:9060\"\n",
        ),
    ];
    for (name, text) in configs {
        desk.file(name, text);
    }
    desk
}

/// Runs the program in the folder.
fn run(desk: &Desk, arguments: &str) -> Outcome {
    outcome(
        Command::new(PROGRAM)
            .current_dir(desk.path(""))
            .args(arguments.split(' ')),
    )
}

/// What is asked, the exit code, and what the one line has to name.
const REFUSED: [(&str, i32, &[&str]); 29] = [
    ("replay random.pcap", 1, &["random.pcap"]),
    ("replay empty.pcap", 1, &["empty.pcap"]),
    ("replay nowhere.pcap", 69, &["nowhere.pcap", "No such file"]),
    ("replay calls.pcap random.pcap", 1, &["random.pcap"]),
    (
        "replay calls.pcap --config nowhere.toml",
        69,
        &["nowhere.toml", "No such file"],
    ),
    (
        "replay calls.pcap --config unknown_key.toml",
        78,
        &["unknown_key.toml:3:", "capture.ring_gib", "unknown key"],
    ),
    (
        "replay calls.pcap --config space.toml",
        78,
        &[
            "space.toml:3:",
            "commitment.committed_rate",
            "\"100Mbps \"",
            "100 Mbps",
        ],
    ),
    (
        "config check --no-interfaces parsecs.toml",
        78,
        &[
            "parsecs.toml:3:",
            "commitment.committed_rate",
            "\"10 parsecs\"",
            "Gbps",
        ],
    ),
    (
        "config check --no-interfaces host_bits.toml",
        78,
        &[
            "host_bits.toml:4:",
            "asn.local_prefixes",
            "192.0.2.1/24",
            "host bits",
        ],
    ),
    (
        "config check --no-interfaces prefixless.toml",
        78,
        &["prefixless.tsv", "prefix"],
    ),
    (
        "config check --no-interfaces gzip_bomb.toml",
        78,
        &["bomb.gz", "unpacks to more than 100 times its size"],
    ),
    (
        "config check --no-interfaces bzip2_bomb.toml",
        78,
        &["bomb.bz2", "1048576 records that are no routes"],
    ),
    (
        "config check --no-interfaces wrong_source.toml",
        78,
        &["wrong.tsv:2:", "192.0.2.1/24", "host bits"],
    ),
    (
        "replay calls.pcap --config no_source.toml",
        69,
        &["nowhere.mmdb", "No such file"],
    ),
    (
        "config check --no-interfaces not_toml.toml",
        78,
        &["not_toml.toml:1:"],
    ),
    (
        "run --config nowhere.toml",
        69,
        &["nowhere.toml", "No such file"],
    ),
    (
        "run --config no_interface.toml",
        78,
        &["no_interface.toml", "[capture]", "interface"],
    ),
    (
        "run --config no_such_interface.toml --web.listen-address 127.0.0.1:0",
        69,
        &["eth99", "no such interface", "lo"],
    ),
    (
        "asn lookup 192.0.2.1 --config wrong_source.toml",
        78,
        &["wrong.tsv:2:"],
    ),
    (
        "config check --no-interfaces no_source.toml",
        69,
        &["no_source.toml:2: asn.sources: nowhere.mmdb: No such file"],
    ),
    (
        "config check --no-interfaces no_key.toml",
        69,
        &["no_key.toml:2: evidence.key: nowhere.pem: No such file"],
    ),
    (
        "config check --no-interfaces no_web.toml",
        69,
        &["no_web.toml:2: web.config_file: nowhere.yml: No such file"],
    ),
    (
        "config check --no-interfaces no_router_key.toml",
        69,
        &["no_router_key.toml:2: asn.bmp_keys.file: nowhere.key: No such file"],
    ),
    (
        "config check no_ledger.toml",
        1,
        &["no_ledger.toml:6: evidence.directory: /proc/nowhere: cannot be"],
    ),
    (
        "config check file_for_ledger.toml",
        1,
        &[
            "file_for_ledger.toml:6: evidence.directory: good.tsv: cannot be",
            "not a directory",
        ],
    ),
    (
        "config check far_web.toml",
        1,
        &["far_web.toml:4: web.listen_address: 192.0.2.77:10179: Cannot assign"],
    ),
    (
        "config check far_bmp.toml",
        1,
        &["far_bmp.toml:6: asn.sources: 192.0.2.77:11019: Cannot assign"],
    ),
    (
        "config check far_hep.toml",
        1,
        &["far_hep.toml:6: hep.listen: 192.0.2.77:9060: Cannot assign"],
    ),
    (
        "run --config far_hep.toml",
        1,
        &["error: hep.listen 192.0.2.77:9060: Cannot assign"],
    ),
];

/// One line that begins as the operator's log does and names all of these.
fn assert_refused(asked: &str, outcome: &Outcome, code: i32, named: &[&str]) {
    assert_eq!(outcome.code, Some(code), "{asked}: {outcome:?}");
    // Warnings are told besides.
    let others = outcome.stdout.lines();
    let mut others = others.filter(|line| !line.starts_with("warning: "));
    assert_eq!(others.next(), None, "{asked}");
    assert_eq!(
        outcome.stderr.lines().count(),
        1,
        "{asked}: {}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.starts_with("asnmeter: error: "),
        "{asked}: {}",
        outcome.stderr
    );
    for name in named {
        assert!(
            outcome.stderr.contains(name),
            "{asked}: no {name:?} in {}",
            outcome.stderr
        );
    }
}

#[test]
fn what_is_wrong_is_said_in_one_line_and_an_exit_code() {
    let desk = desk();
    for (asked, code, named) in REFUSED {
        assert_refused(asked, &run(&desk, asked), code, named);
    }
}

#[test]
fn where_nothing_ran_no_file_of_seconds_is_left() {
    let desk = desk();
    let before = desk.stream_list();
    for (asked, code, named) in REFUSED {
        if asked.starts_with("replay") {
            let asked = format!("{asked} --seconds seconds");
            assert_refused(&asked, &run(&desk, &asked), code, named);
            assert_eq!(desk.stream_list(), before, "{asked}");
        }
    }
    let asked = "replay calls.pcap --seconds nowhere/seconds";
    assert_refused(
        asked,
        &run(&desk, asked),
        1,
        &["nowhere/seconds", "No such file"],
    );
}

#[test]
fn usage_that_is_not_known_is_exit_code_2() {
    for (asked, named) in [
        ("measure", "measure"),
        ("replay", "<CAPTURE>"),
        ("replay calls.pcap --format xml", "xml"),
        ("replay calls.pcap --workers 0", "0"),
        ("run", "--config"),
        ("asn lookup nobody", "nobody"),
    ] {
        let outcome = asnmeter(asked.split(' '));
        assert_eq!(outcome.code, Some(2), "{asked}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{asked}");
        assert!(
            outcome.stderr.contains(named),
            "{asked}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let desk = desk();
    for asked in ["run --config loopback.toml", "demo"] {
        let asked = format!("{asked} --web.listen-address {address}");
        assert_refused(&asked, &run(&desk, &asked), 1, &[&address, "in use"]);
    }
}

#[test]
fn a_check_warns_of_a_port_in_use_and_leaves_nothing_behind() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let desk = desk();
    let text = "[capture]\ninterface = \"lo\"\n[evidence]\ndirectory = \"a/ledger\"\n";
    let text = format!("{text}[web]\nlisten_address = \"{address}\"\n");
    desk.file("asnmeter.toml", text);
    let before = std::fs::read_dir(desk.path("")).unwrap().count();
    let check = run(&desk, "config check asnmeter.toml");
    assert_eq!(check.code, Some(0), "{check:?}");
    let warning = format!("asnmeter.toml:6: web.listen_address: {address}: is in use");
    assert!(check.stdout.contains(&warning), "{}", check.stdout);
    assert_eq!(std::fs::read_dir(desk.path("")).unwrap().count(), before);
    drop(taken);
    let check = run(&desk, "config check asnmeter.toml");
    assert!(!check.stdout.contains("in use"), "{}", check.stdout);
}

#[test]
fn a_capture_cut_off_in_its_last_record_is_judged_and_warned_about() {
    let desk = desk();
    let whole = std::fs::read(desk.path("calls.pcap")).unwrap();
    // 24 octets of header, then 16 and 214 for each frame; cut in a frame and in a record's header.
    for (name, cut) in [
        ("in_frame.pcap", whole.len() - 100),
        ("in_header.pcap", whole.len() - 220),
    ] {
        desk.file(name, &whole[..cut]);
        let outcome = run(
            &desk,
            &format!("replay --format json {name} --seconds seconds"),
        );
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(document["capture"]["frames"], 99);
        assert_eq!(document["voice"]["packets"], 99);
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
        for named in ["warning", name, "99"] {
            assert!(outcome.stderr.contains(named), "{}", outcome.stderr);
        }
    }
}

#[test]
fn without_the_capability_the_exit_code_is_77_and_the_line_names_it() {
    // In a network of its own, so that a host which lets anybody capture has no say.
    let name = "without_the_capability_the_exit_code_is_77_and_the_line_names_it";
    netns::inside(
        name,
        &["setpriv", "--inh-caps=-all", "--bounding-set=-all"],
        || {
            let desk = desk();
            let asked = "run --config loopback.toml --web.listen-address 127.0.0.1:0";
            assert_refused(asked, &run(&desk, asked), 77, &["lo", "CAP_NET_RAW"]);
        },
    );
}
