//! Every case of what can happen to the numbers of a stream, alone, and all of them mixed.

use super::line::{Codec, Fate, G729, Line, OPUS, PCMA};
use super::support::program::number;
use super::way::Way;
use super::{prove, rng};
use asnmeter::capture::synthetic::scenario::SplitMix;
use std::net::SocketAddr;

const SECOND: u64 = 1_000_000_000;

fn percent(rng: &mut SplitMix, of_100: u64) -> bool {
    rng.next_u64() % 100 < of_100
}

/// Sometimes lost, sometimes sent twice, sometimes late by a few packets.
fn rough(_: u64, rng: &mut SplitMix) -> Fate {
    match rng.next_u64() % 100 {
        0..3 => Fate::Lost,
        3..6 => Fate::SentTwice(100 + rng.next_u64() % 30_000),
        6..10 => Fate::HeldBack(1 + rng.next_u64() % 20),
        _ => Fate::Arrives,
    }
}

fn lost(line: &mut Line) {
    line.talk_with(1500, |_, rng| match percent(rng, 3) {
        true => Fate::Lost,
        false => Fate::Arrives,
    });
}

fn reordered(line: &mut Line) {
    line.talk_with(800, |_, rng| match percent(rng, 5) {
        true => Fate::HeldBack(1 + rng.next_u64() % 30),
        false => Fate::Arrives,
    });
}

fn late(line: &mut Line) {
    line.talk_with(800, |place, rng| match percent(rng, 2) && place < 600 {
        true => Fate::HeldBack(68 + rng.next_u64() % 60),
        false => Fate::Arrives,
    });
}

/// Duplicates must not hide loss: as many of them as are lost.
fn duplicates_beside_loss(line: &mut Line) {
    line.talk_with(1500, |_, rng| match rng.next_u64() % 100 {
        0..5 => Fate::Lost,
        5..10 => Fate::SentTwice(100 + rng.next_u64() % 30_000),
        _ => Fate::Arrives,
    });
}

fn restarts(line: &mut Line) {
    for silence in [10, 1, 0] {
        line.talk(200);
        line.stand(silence * SECOND);
        line.restart();
    }
    line.talk(200);
}

/// What is lost right behind a restart is lost all the same.
fn restart_in_rough_weather(line: &mut Line) {
    for first_lost in 1..4 {
        line.talk(150);
        line.stand(2 * SECOND);
        line.restart();
        line.talk_with(150, |place, _| match place == first_lost || place == 9 {
            true => Fate::Lost,
            false => Fate::Arrives,
        });
        line.stand(2 * SECOND);
        line.restart();
        line.talk_with(150, |place, _| match place + 1 == first_lost {
            true => Fate::HeldBack(2),
            false => Fate::Arrives,
        });
    }
}

fn outages(line: &mut Line) {
    for packets in [1, 10, 62, 63, 64, 65, 66, 1000, 5000] {
        line.talk(120);
        line.outage(packets);
    }
    line.talk(120);
}

fn changes_of_ssrc(line: &mut Line) {
    for silence in [0, 0, 3] {
        line.talk_with(150, rough);
        line.pass(silence * SECOND);
        line.change_ssrc();
    }
    line.talk_with(150, rough);
}

fn silence_suppression(line: &mut Line) {
    for silence in [1, 3, 8] {
        line.talk(100);
        line.comfort_noise(8, 160);
        line.pass(silence * SECOND);
    }
    line.talk(100);
}

fn keys(line: &mut Line) {
    for packets in [4, 8, 15, 30] {
        line.talk(100);
        line.key_press(packets);
    }
    line.talk(100);
}

fn hold(line: &mut Line) {
    line.talk(100);
    line.pass(60 * SECOND);
    line.talk(100);
    line.stand(60 * SECOND);
    line.talk(100);
}

/// The same ports, and even the same SSRC, for another call.
fn port_reuse(line: &mut Line) {
    line.talk_with(200, rough);
    line.stand(5 * SECOND);
    line.change_ssrc();
    line.talk_with(200, rough);
    // Longer than voice.stream_timeout: the stream is over.
    line.stand(400 * SECOND);
    line.restart();
    line.talk_with(200, rough);
}

/// A long call: the numbers wrap, and wrap again.
fn wraps(line: &mut Line) {
    line.talk_with(140_000, rough);
}

type Case = (&'static str, fn(&mut Line));

const CASES: [Case; 12] = [
    ("lost", lost),
    ("reordered", reordered),
    ("late", late),
    ("duplicates beside loss", duplicates_beside_loss),
    ("restarts", restarts),
    ("restart in rough weather", restart_in_rough_weather),
    ("outages", outages),
    ("changes of SSRC", changes_of_ssrc),
    ("silence suppression", silence_suppression),
    ("keys", keys),
    ("hold", hold),
    ("port reuse", port_reuse),
];

/// All of them in one stream, in some order.
fn everything(line: &mut Line) {
    for _ in 0..6 {
        let case = line.chance(CASES.len() as u64 - 1) as usize;
        CASES[case].1(line);
        // Who is late has come before a new numbering begins.
        line.pass(5 * SECOND);
    }
    line.talk(200);
}

fn ends(v6: bool, place: usize) -> (SocketAddr, SocketAddr) {
    let (high, low) = (place / 200, place % 200 + 1);
    let port = 20_000 + 4 * place;
    let (src, dst) = match v6 {
        false => (
            format!("203.0.{high}.{low}:{port}"),
            format!("198.51.100.9:{port}"),
        ),
        true => (
            format!("[2001:db8:{high:x}::{low:x}]:{port}"),
            format!("[2001:db8:ff::9]:{port}"),
        ),
    };
    (src.parse().unwrap(), dst.parse().unwrap())
}

fn line(way: Way, v6: bool, place: usize, codec: Codec, seed: u64) -> Line {
    let seed = rng(seed, place as u64).next_u64();
    // Every other stream is about to wrap when it begins.
    let line = Line::new(way, ends(v6, place), codec, seed);
    match place % 2 {
        0 => line.beginning_at((65_536 - 100 - seed % 200) as u16),
        _ => line,
    }
}

const SEED: u64 = 0x00c0_ffee;

#[test]
fn each_case_is_counted_exactly_over_every_way() {
    println!("seed {SEED:#x}");
    for (name, case) in CASES {
        let all = Way::ALL
            .into_iter()
            .flat_map(|way| [(way, false), (way, true)]);
        for (place, (way, v6)) in all.enumerate() {
            let codec = [PCMA, G729][place % 2];
            let mut alone = line(way, v6, place, codec, SEED);
            case(&mut alone);
            prove(name, &[alone], &[]);
        }
    }
}

#[test]
fn fragments_count_as_their_first() {
    for (name, case) in CASES {
        for (place, way) in [Way::Plain, Way::QinQ, Way::Vxlan].into_iter().enumerate() {
            for v6 in [false, true] {
                let mut line = line(way, v6, place, PCMA, SEED);
                line.fragment = Some(96);
                case(&mut line);
                let later: usize = line
                    .streams()
                    .values()
                    .flatten()
                    .map(|it| it.frames.len() - 1)
                    .sum();
                let document = prove(name, &[line], &[]);
                assert_eq!(number(&document, "/discarded/fragment"), later as u64);
            }
        }
    }
}

#[test]
fn a_call_longer_than_two_wraps_is_counted_exactly() {
    let mut line = line(Way::Plain, false, 0, G729, SEED);
    wraps(&mut line);
    prove("wraps", &[line], &[]);
}

#[test]
fn everything_mixed_is_counted_exactly_by_any_number_of_workers() {
    for seed in [1, 2, 3] {
        println!("seed {seed}");
        let mut lines = Vec::new();
        for (place, way) in Way::ALL.into_iter().cycle().take(44).enumerate() {
            let codec = [PCMA, G729, OPUS][place % 3];
            let mut line = line(way, place % 4 >= 2, place, codec, seed);
            // Its clock has to be found out first, so jitter is measured from 0.5 s on.
            if codec == OPUS {
                duplicates_beside_loss(&mut line);
            } else {
                everything(&mut line);
            }
            lines.push(line);
        }
        for workers in ["1", "3"] {
            let what = format!("seed {seed}, {workers} workers");
            prove(&what, &lines, &["--workers", workers]);
        }
    }
}
