use super::second::MAX_COUNT;
use super::*;
use crate::fleet::head::HeadError;
use crate::ledger::key::PrivateKey;
use crate::ledger::key::tests::private_pem;
use crate::ledger::leaf::{CountedLeaf, DayLeaf, SecondLeaf, StopLeaf};
use proptest::prelude::*;
use std::time::Duration;

const BEGIN: u64 = 1_700_000_000;

fn second(second: u64, bytes: u64) -> Leaf {
    let mut counted = CountedLeaf {
        asn: Some(64_500),
        ..CountedLeaf::default()
    };
    counted.from.bytes = bytes;
    Leaf::Second(SecondLeaf {
        second: Second(second),
        commitment: "voice".into(),
        part: 0,
        made_of: Vec::new(),
        asns: vec![counted],
    })
}

/// The lines of a ledger: a day, one leaf a second, a stop; and the head behind each leaf.
fn ledger(seconds: u64) -> (Vec<String>, Vec<String>) {
    let key = PrivateKey::from_pem(&private_pem(7)).unwrap();
    let day = Leaf::Day(DayLeaf {
        day: Second(BEGIN).day(),
        size: 0,
        hashes: Vec::new(),
    });
    let stop = Leaf::Stop(StopLeaf {
        time: Second(BEGIN + seconds - 1),
    });
    let counted = (0..seconds).map(|place| second(BEGIN + place, 100 + place));
    let leaves = std::iter::once(day).chain(counted).chain([stop]);
    let lines: Vec<String> = leaves.map(|leaf| leaf.to_line()).collect();
    let mut tree = CompactTree::default();
    let heads = (0..).zip(&lines).map(|(place, line): (u64, _)| {
        tree.push(Hash::leaf(line.as_bytes()));
        let through = (BEGIN + place).min(BEGIN + seconds) - 1;
        let head = Head {
            origin: "voice.example/a".into(),
            size: tree.size(),
            root: tree.root(),
            fleet: "f".into(),
            probe: "a".into(),
            rules: 1,
            through: Some(Second(through)),
            clock_error: Some(Duration::ZERO),
            totals: None,
        };
        head.to_note(Some(&key))
    });
    let heads = heads.collect();
    (lines, heads)
}

fn feed() -> ProbeFeed {
    let key = PrivateKey::from_pem(&private_pem(7)).unwrap();
    ProbeFeed::new("a", "f", Some(key.public()))
}

fn taken(feed: &mut ProbeFeed) -> Vec<String> {
    let all = std::iter::from_fn(|| feed.pop());
    all.flat_map(|second| second.leaves)
        .map(|leaf| leaf.to_line())
        .collect()
}

#[test]
fn a_leaf_counts_once_a_head_covers_it_and_not_before() {
    let (lines, heads) = ledger(3);
    let mut feed = feed();
    feed.take_leaves(0, &(lines[..3].join("\n") + "\n"));
    assert_eq!((feed.verified(), feed.front()), (0, None));
    feed.take_head(&heads[1]);
    assert_eq!((feed.verified(), feed.through()), (2, Some(Second(BEGIN))));
    assert_eq!(taken(&mut feed), lines[1..2]);
    feed.take_head(&heads[2]);
    feed.take_leaves(3, &lines[3..].join("\n"));
    assert!(!feed.is_stopped());
    feed.take_head(&heads[4]);
    assert!(feed.is_stopped());
    assert_eq!(taken(&mut feed), lines[2..]);
    assert_eq!(feed.take_notices(), []);
}

#[test]
fn what_the_probe_did_not_sign_is_dropped_and_the_true_leaves_are_wanted_again() {
    let (lines, heads) = ledger(3);
    let forged = second(BEGIN + 1, 9).to_line();
    let mut feed = feed();
    feed.take_leaves(0, &lines[..2].join("\n"));
    feed.take_head(&heads[1]);
    feed.take_leaves(2, &forged);
    // a head of nobody, and one of another fleet
    let (text, _) = heads[2].split_once("\n\n").unwrap();
    feed.take_head(&format!("{text}\n\n"));
    assert_eq!(
        feed.take_notices(),
        [FeedNotice::Head(HeadError::Signature)]
    );
    feed.take_head(&heads[2]);
    assert_eq!(feed.take_notices(), [FeedNotice::Forged(2)]);
    assert_eq!((feed.verified(), feed.first_missing()), (2, Some(2)));
    feed.take_leaves(2, &lines[2]);
    assert_eq!((feed.verified(), feed.first_missing()), (3, None));
    feed.take_leaves(2, &forged);
    assert_eq!(feed.take_notices(), [FeedNotice::Differs(2)]);
    assert_eq!(taken(&mut feed), lines[1..3]);
}

#[test]
fn two_histories_under_one_key_are_told() {
    let (lines, heads) = ledger(3);
    let (_, others) = ledger(4);
    let mut feed = feed();
    feed.take_leaves(0, &lines.join("\n"));
    feed.take_head(&heads[4]);
    assert_eq!(feed.verified(), 5);
    // of the other ledger as many leaves
    feed.take_head(&others[4]);
    assert_eq!(feed.take_notices(), [FeedNotice::TwoHistories(5)]);
}

#[test]
fn a_signed_leaf_that_cannot_be_ends_the_probe() {
    let key = PrivateKey::from_pem(&private_pem(7)).unwrap();
    let (lines, heads) = ledger(1);
    for wrong in [
        second(BEGIN + 1, MAX_COUNT + 1).to_line(),
        "{\"kind\":\"news\"}".to_owned(),
        lines[1].replace("\"bytes\"", "\"octets\""),
    ] {
        let mut feed = feed();
        feed.take_leaves(0, &lines[..2].join("\n"));
        feed.take_head(&heads[1]);
        let mut tree = CompactTree::default();
        for line in [&lines[0], &lines[1], &wrong] {
            tree.push(Hash::leaf(line.as_bytes()));
        }
        let head = Head::from_note(&heads[1], None).unwrap();
        let head = Head {
            size: tree.size(),
            root: tree.root(),
            ..head
        };
        feed.take_leaves(2, &wrong);
        feed.take_head(&head.to_note(Some(&key)));
        assert!(feed.has_fault(), "{wrong}");
        assert!(matches!(feed.take_notices()[..], [FeedNotice::Fault(2, _)]));
    }
}

#[test]
fn a_clock_is_uncertain_in_the_seconds_that_its_head_is_about() {
    let key = PrivateKey::from_pem(&private_pem(7)).unwrap();
    let (lines, heads) = ledger(3);
    let mut feed = feed();
    feed.take_leaves(0, &lines.join("\n"));
    for (place, clock_error) in [(1, 0), (2, 200), (3, 0)] {
        let head = Head {
            clock_error: Some(Duration::from_millis(clock_error)),
            ..Head::from_note(&heads[place], None).unwrap()
        };
        feed.take_head(&head.to_note(Some(&key)));
    }
    let uncertain = (0..3).map(|second| feed.is_uncertain(Second(BEGIN + second)));
    assert_eq!(uncertain.collect::<Vec<_>>(), [false, true, false]);
}

proptest! {
    /// However messages come, twice, late, cut, forged: what is taken is a beginning of the true ledger, and all
    /// of it once what is wanted has come.
    #[test]
    fn what_is_taken_is_always_the_ledger(
        steps in prop::collection::vec((0_usize..14, 0_usize..4, 0_u8..4), 0..60),
    ) {
        let (lines, heads) = ledger(12);
        let mut feed = feed();
        let mut all = Vec::new();
        for (from, length, what) in steps {
            let until = (from + length).min(lines.len());
            match what {
                0 => feed.take_head(&heads[from]),
                1 => feed.take_leaves(from as u64, &second(BEGIN + from as u64, 7).to_line()),
                _ => feed.take_leaves(from as u64, &lines[from..until].join("\n")),
            }
            all.extend(taken(&mut feed));
            prop_assert_eq!(&all[..], &lines[1..=all.len()]);
        }
        feed.take_head(&heads[13]);
        for _ in 0..lines.len() {
            if !feed.has_begun() {
                feed.take_leaves(0, &lines[0]);
            }
            if let Some(wanted) = feed.first_missing() {
                let wanted = usize::try_from(wanted).unwrap();
                feed.take_leaves(wanted as u64, &lines[wanted..].join("\n"));
            }
            feed.take_head(&heads[13]);
            all.extend(taken(&mut feed));
        }
        prop_assert_eq!(&all[..], &lines[1..]);
        prop_assert!(feed.is_stopped() && !feed.has_fault());
    }
}
