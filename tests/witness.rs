//! Proves that a ledger can be held from outside: the running meter shows the sealed part of it and nothing else,
//! a witness keeps and cosigns its heads, `verify` takes them, and a meter that shows another tree than
//! before is caught with both of its heads.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

#[path = "evidence_reader/forged.rs"]
#[allow(dead_code, reason = "made for another test")]
mod forged;
use asnmeter::ledger::checkpoint::read_notes;
use asnmeter::ledger::cosignature::WitnessKey;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use support::desk::Desk;
use support::program::{Outcome, asnmeter};
use support::running::{Running, until};

const NAME: &str = "customer.example/witness";

/// Runs a witness once.
fn witness(desk: &Desk, url: &str, more: &[&str]) -> Outcome {
    let (directory, key) = (desk.name("seen"), desk.name("witness.pem"));
    let words = [
        "evidence",
        "witness",
        url,
        "--directory",
        &directory,
        "--once",
    ];
    let cosigns = ["--key", &key, "--name", NAME];
    asnmeter([&words[..], &cosigns, more].concat())
}

/// A demo with a minute that is sealed: a stop seals.
fn sealed(desk: &Desk, ledger: &str) -> Running {
    let name = desk.name(ledger);
    let arguments = ["demo", "--evidence", &name];
    let first = Running::start(desk, "127.0.0.1:0", &arguments);
    until("it is ready", || first.get("/-/ready").0 == 200);
    assert_eq!(first.end("TERM"), Some(0));
    Running::start(desk, "127.0.0.1:0", &arguments)
}

/// Status, head and body, as they came.
fn ask(running: &Running, request: &str) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(running.address()).unwrap();
    let rest = "\r\nHost: test\r\nConnection: close\r\n\r\n";
    stream
        .write_all(format!("{request}{rest}").as_bytes())
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|at| at == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, answer[end + 4..].to_vec())
}

#[test]
fn the_sealed_part_of_a_ledger_is_served_and_nothing_else_of_the_directory() {
    let desk = Desk::new();
    let demo = sealed(&desk, "ledger");
    let ledger = desk.path("ledger");
    let names: Vec<String> = fs::read_dir(&ledger)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut served = 0;
    for name in &names {
        let (status, _, body) = ask(&demo, &format!("GET /evidence/{name} HTTP/1.1"));
        let ends = |with: &str| Path::new(name).extension().is_some_and(|end| end == with);
        if ends("gz") || ends("notes") || name == "ledger.json" {
            assert_eq!(status, 200, "{name}");
            assert_eq!(body, fs::read(ledger.join(name)).unwrap(), "{name}");
            served += 1;
        } else {
            assert_eq!(status, 404, "{name}");
        }
    }
    assert_eq!(served, 3, "{names:?}");
    assert!(
        names.iter().any(|name| name.starts_with("open-")),
        "{names:?}"
    );
    let day = names
        .iter()
        .find(|name| Path::new(name).extension().is_some_and(|end| end == "gz"))
        .unwrap();
    let whole = fs::read(ledger.join(day)).unwrap();
    let range = format!("GET /evidence/{day} HTTP/1.1\r\nRange: bytes=10-");
    let (status, head, body) = ask(&demo, &range);
    assert_eq!((status, &body[..]), (206, &whole[10..]));
    let said = format!(
        "content-range: bytes 10-{}/{}",
        whole.len() - 1,
        whole.len()
    );
    assert!(head.contains(&said), "{head}");
    let beyond = format!(
        "GET /evidence/{day} HTTP/1.1\r\nRange: bytes={}-",
        whole.len()
    );
    assert_eq!(ask(&demo, &beyond).0, 416);
    let (status, head, body) = ask(&demo, &format!("HEAD /evidence/{day} HTTP/1.1"));
    assert_eq!((status, body.len()), (200, 0));
    assert!(
        head.contains(&format!("content-length: {}", whole.len())),
        "{head}"
    );
    for path in [
        "../ledger/lock",
        "..%2flock",
        "tile/../lock",
        "tile/0/../../lock",
        "/etc/passwd",
        "./ledger.json",
    ] {
        let (status, _, _) = ask(&demo, &format!("GET /evidence/{path} HTTP/1.1"));
        assert_eq!(status, 404, "{path}");
    }
    assert_eq!(ask(&demo, &format!("POST /evidence/{day} HTTP/1.1")).0, 405);
    assert_eq!(demo.end("TERM"), Some(0));
}

#[test]
fn a_witness_keeps_the_heads_of_a_meter_and_finds_one_that_was_changed() {
    let desk = Desk::new();
    forged::key(&desk, "witness.pem");
    let demo = sealed(&desk, "ledger");
    let url = format!("http://{}", demo.address());
    let metrics = desk.name("witness.prom");
    let first = witness(&desk, &url, &["--metrics", &metrics]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert_eq!(demo.end("TERM"), Some(0));
    assert_eq!(witness(&desk, &url, &[]).code, Some(69), "nobody answers");
    let again = sealed(&desk, "ledger");
    let url = format!("http://{}", again.address());
    for _ in 0..2 {
        let seen = witness(&desk, &url, &["--metrics", &metrics]);
        assert_eq!(seen.code, Some(0), "{}", seen.stderr);
    }
    assert_eq!(again.end("TERM"), Some(0));
    let kept = read_notes(&desk.read("seen/witness.notes"));
    let sizes: Vec<_> = kept.iter().map(|(note, _)| note.checkpoint.size).collect();
    assert!(sizes.len() == 2 && sizes[0] < sizes[1], "{sizes:?}");
    let key = WitnessKey::from_text(&desk.read("seen/witness.vkey")).unwrap();
    assert_eq!(key.name, NAME);
    assert!(kept.iter().all(|(note, _)| key.seen(note).is_some()));
    let said = desk.read("witness.prom");
    assert!(
        said.contains("asnmeter_witness_disagrees{origin=\"demo.asnmeter.example\"} 0")
            || said.contains("asnmeter_witness_disagrees{origin="),
        "{said}"
    );
    assert!(
        said.contains(&format!(
            "asnmeter_witness_leaves{{origin=\"{}\"}} {}",
            kept[0].0.checkpoint.origin, sizes[1]
        )),
        "{said}"
    );
    assert!(
        said.contains("asnmeter_witness_seen_timestamp_seconds{"),
        "{said}"
    );

    // What the witness holds, `verify` takes: up to its last head, and not for another's.
    let (ledger, heads, vkey) = (
        desk.name("ledger"),
        desk.name("seen/witness.notes"),
        desk.name("seen/witness.vkey"),
    );
    let verify =
        |more: &[&str]| asnmeter([&["verify", &ledger, "--checkpoint", &heads], more].concat());
    let verified = verify(&["--witness", &vkey]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    let held = format!(
        "up to leaf {} held by a checkpoint that was kept elsewhere",
        sizes[1] - 1
    );
    assert!(verified.stdout.contains(&held), "{}", verified.stdout);
    let more = verify(&["--witness", &vkey, "--require", "witnessed"]);
    assert_eq!(
        more.code,
        Some(1),
        "the end is not witnessed: {}",
        more.stderr
    );
    let other = WitnessKey {
        name: "another.example".into(),
        ..key
    };
    let other = desk.file("other.vkey", other.to_text());
    let refused = verify(&["--witness", &other]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("is not cosigned by the witness"),
        "{}",
        refused.stderr
    );
    let none = verify(&["--witness", &desk.name("witness.pem")]);
    assert!(none.stderr.contains("no verifier key"), "{}", none.stderr);

    // Another ledger under the same name: the witness ends with 1 and has both heads.
    let changed = sealed(&desk, "another");
    until("it has more leaves", || {
        let (_, note) = changed.get("/evidence/checkpoint");
        note.lines().nth(1).is_some()
    });
    let url = format!("http://{}", changed.address());
    let caught = witness(&desk, &url, &["--metrics", &metrics]);
    assert_eq!(caught.code, Some(1), "{}", caught.stderr);
    assert!(caught.stderr.contains("FORK"), "{}", caught.stderr);
    let both = read_notes(&desk.read("seen/fork-1.notes"));
    assert_eq!(both.len(), 2);
    assert_eq!(both[0].0.checkpoint, kept[1].0.checkpoint);
    assert_ne!(both[0].0.checkpoint.root, both[1].0.checkpoint.root);
    assert!(
        desk.read("witness.prom").contains("} 1\n"),
        "{}",
        desk.read("witness.prom")
    );
    assert_eq!(
        read_notes(&desk.read("seen/witness.notes")).len(),
        2,
        "nothing was taken"
    );
    assert_eq!(changed.end("TERM"), Some(0));
}
