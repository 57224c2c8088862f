use super::*;
use proptest::prelude::*;

fn booking(second: u64, certainty: Certainty, count: i64) -> Booking {
    let at = Second(second).start();
    Booking {
        certainty,
        count,
        from: at,
        until: at,
    }
}

const RESTART: Certainty = Certainty::MaybeLost(LossReason::Restart);
const HOLD: Certainty = Certainty::MaybeLost(LossReason::Hold);
const RECEIVED: Certainty = Certainty::MaybeLost(LossReason::Received);

/// A stream of 50 packets a second, of which a sender report comes every 5 s, as long as `agreed` says; then
/// 250 more are sent, and as many come but for those that `gone` says; then what is booked for it is weighed.
fn weighed(
    agreed: u32,
    sent: u32,
    came: u32,
    missing: i32,
    doubts: &[Certainty],
) -> Vec<(Certainty, i64)> {
    let mut account = RtcpAccount::default();
    let mut changed = Vec::new();
    let (mut now, mut count) = (1_000, 77);
    let mut passed = TapCounts {
        packets: 9,
        missing: 3,
    };
    for round in 0..=agreed {
        let said = account.count_sent(count, passed, Second(now), &mut changed);
        let right = if round == 0 {
            SenderCount::Begins
        } else {
            SenderCount::Agrees
        };
        assert_eq!(said, right);
        (now, count, passed.packets) = (now + 5, count + 250, passed.packets + 250);
    }
    for doubt in doubts {
        account.note(&booking(now - 4, *doubt, 100));
    }
    let (count, packets) = (count - 250 + sent, passed.packets - 250 + came);
    let missing = passed.missing + missing;
    let passed = TapCounts { packets, missing };
    assert_eq!(
        account.count_sent(count, passed, Second(now), &mut changed),
        SenderCount::Agrees
    );
    let mut sums: Vec<(Certainty, i64)> = Vec::new();
    for booking in changed {
        assert_eq!(
            booking.from.second(),
            Second(now - 4),
            "where it was booked"
        );
        match sums
            .iter_mut()
            .find(|(known, _)| *known == booking.certainty)
        {
            Some((_, sum)) => *sum += booking.count,
            None => sums.push((booking.certainty, booking.count)),
        }
    }
    sums
}

#[test]
fn no_count_makes_a_loss_certain_or_takes_doubt_away() {
    for doubt in [RESTART, HOLD] {
        for (sent, missing) in [(250, 0), (150, 0), (250, 100), (210, 100), (150, 100)] {
            assert_eq!(weighed(3, sent, 150, missing, &[doubt]), []);
        }
    }
}

#[test]
fn what_was_excused_is_doubt_where_the_sender_counts_more() {
    for agreed in [0, 1, 3] {
        let sent = weighed(agreed, 250, 150, 0, &[EXCUSED]);
        let right = [(EXCUSED, -100), (RESTART, 100)];
        assert_eq!(sent, right, "{agreed} times agreed");
        assert_eq!(weighed(agreed, 150, 150, 0, &[EXCUSED]), []);
        assert_eq!(weighed(agreed, 153, 150, 0, &[EXCUSED]), [], "under way");
        let some = weighed(agreed, 180, 150, 0, &[EXCUSED]);
        assert_eq!(some, [(EXCUSED, -30), (RESTART, 30)]);
    }
}

#[test]
fn a_count_that_does_not_fit_is_a_contradiction_and_is_not_believed_afterwards() {
    let mut account = RtcpAccount::default();
    let mut changed = Vec::new();
    let mut tell = |second, sent, packets| {
        let passed = TapCounts {
            packets,
            missing: 0,
        };
        account.count_sent(sent, passed, Second(second), &mut changed)
    };
    assert_eq!(tell(5, 250, 250), SenderCount::Begins);
    assert_eq!(tell(10, 500, 498), SenderCount::Agrees);
    assert_eq!(tell(15, 750, 750), SenderCount::Agrees);
    // A forged one, and the next of the sender itself.
    assert_eq!(tell(16, 9_000, 800), SenderCount::Contradicts);
    assert_eq!(tell(20, 1_000, 1_000), SenderCount::Begins, "it goes back");
    assert_eq!(tell(25, 1_260, 1_250), SenderCount::Contradicts);
    assert_eq!(tell(30, 1_510, 1_500), SenderCount::Agrees);
    assert!(changed.is_empty());
}

#[test]
fn a_receiver_that_misses_fewer_makes_the_difference_doubtful_in_the_seconds_of_its_interval() {
    let mut account = RtcpAccount::default();
    for (second, count) in [(90, 7), (101, 10), (103, 10), (109, 10)] {
        account.note(&booking(second, Certainty::Lost, count));
    }
    let moved = |account: &mut RtcpAccount, surplus, repeated, from, now| {
        let mut changed = Vec::new();
        account.count_received(surplus, repeated, [Second(from), Second(now)], &mut changed);
        let sum = |certainty| -> i64 {
            let of = changed.iter().filter(|each| each.certainty == certainty);
            of.map(|each| each.count).sum()
        };
        assert_eq!(sum(Certainty::Lost), -sum(RECEIVED));
        let seconds: Vec<_> = changed.iter().map(|each| each.from.second().0).collect();
        (sum(RECEIVED), seconds)
    };
    // 4 of the 29 came twice. What was booked in the last seconds waits for the next report.
    assert_eq!(
        moved(&mut account, 29, 4, 100, 110),
        (20, vec![101, 101, 103, 103])
    );
    assert_eq!(moved(&mut account, 0, 4, 110, 115), (5, vec![109, 109]));
    assert_eq!(moved(&mut account, 0, 4, 115, 120), (0, vec![]));
    assert_eq!(
        moved(&mut account, 50, 4, 120, 125),
        (0, vec![]),
        "nothing lost there"
    );
}

proptest! {
    #[test]
    fn whatever_reports_say_nothing_is_taken_off_what_is_lost_and_may_be(
        steps in proptest::collection::vec(
            (0_u8..4, 0_u64..4, 0_usize..6, any::<u32>(), 0_u32..300, -20_i32..60), 1..80),
    ) {
        let certainties = [
            Certainty::Lost, RESTART, EXCUSED, HOLD,
            Certainty::MaybeLost(LossReason::Stalled),
            Certainty::MaybeLost(LossReason::CaptureGap),
        ];
        let mut account = RtcpAccount::default();
        let (mut now, mut passed, mut sent) = (50, TapCounts::default(), 0_u32);
        for (what, later, which, word, some, missing) in steps {
            now += later;
            let mut changed = Vec::new();
            match what {
                0 => account.note(&booking(now, certainties[which], i64::from(some) - 30)),
                1 => {
                    sent = if word % 3 == 0 { word } else { sent.wrapping_add(some) };
                    passed.packets = passed.packets.wrapping_add(word % 300);
                    passed.missing = passed.missing.wrapping_add(missing);
                    account.count_sent(sent, passed, Second(now), &mut changed);
                }
                2 => account.count_received(some, word % 50, [Second(now - 9), Second(now)], &mut changed),
                _ => account.restart(),
            }
            let counted: i64 = changed.iter().filter(|one| !matches!(one.certainty, Certainty::Excused(_)))
                .map(|one| one.count).sum();
            prop_assert!(counted >= 0, "lost and maybe lost got less: {changed:?}");
            let all: i64 = changed.iter().map(|one| one.count).sum();
            prop_assert_eq!(all, 0, "nothing appears that was not booked");
            prop_assert!(account.booked.len() <= MAX_BOOKED);
        }
    }
}
