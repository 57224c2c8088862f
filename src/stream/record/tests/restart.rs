//! Senders that begin anew with numbers that they have used, and what only looks like it.

use super::*;

/// Where each sender begins.
const BEGIN: (u16, u32) = (100, 1_000);

/// Sends so many packets and keeps all but those that `is_lost` names; how many that were.
fn send_but(sender: &mut Sender, packets: u32, is_lost: impl Fn(u32) -> bool) -> u64 {
    let mut lost = 0;
    for packet in 0..packets {
        sender.skip(1);
        if is_lost(packet) {
            lost += 1;
        } else {
            sender.arrive(sender.time, sender.sequence, sender.timestamp);
        }
    }
    lost
}

/// The sender begins anew after a pause, with the number before `BEGIN`, so that it sends that next.
fn begin_anew(sender: &mut Sender, pause: u64) {
    sender.time += pause;
    (sender.sequence, sender.timestamp) = (BEGIN.0 - 1, BEGIN.1 - 160);
}

#[test]
fn a_sender_that_begins_anew_hides_no_loss_however_near_its_numbers_are() {
    for before in [10, 40, 63, 64, 70, 500, 3_000] {
        for pause in [0, 300, 20_000] {
            let mut sender = Sender::new(BEGIN.0, BEGIN.1);
            sender.send(before);
            begin_anew(&mut sender, pause);
            let lost = send_but(&mut sender, 400, |packet| packet % 10 == 5);
            sender.send(5);
            assert_eq!(sender.total_lost(), lost, "{before} {pause}");
            assert_eq!((sender.late, sender.duplicates), (0, 0), "{before} {pause}");
            assert_eq!(sender.stream.cold.restarts, 1, "{before} {pause}");
        }
    }
}

#[test]
fn what_the_old_numbering_lacked_at_its_end_stays_lost() {
    let mut sender = Sender::new(BEGIN.0, BEGIN.1);
    let lost = send_but(&mut sender, 500, |packet| packet % 7 == 3);
    begin_anew(&mut sender, 100);
    sender.send(300);
    assert_eq!(sender.total_lost(), lost);
    assert_eq!(sender.stream.cold.restarts, 1);
}

#[test]
fn a_sender_may_begin_anew_again_before_it_is_clear_that_it_had() {
    let mut sender = Sender::new(BEGIN.0, BEGIN.1);
    sender.send(2_000);
    let mut lost = 0;
    for _ in 0..4 {
        begin_anew(&mut sender, 500);
        lost += send_but(&mut sender, 60, |packet| packet == 20 || packet == 21);
    }
    assert_eq!(sender.total_lost(), lost);
    assert_eq!(sender.stream.cold.restarts, 4);
}

#[test]
fn a_new_numbering_that_loses_and_swaps_its_first_packets_is_one_too() {
    let mut sender = Sender::new(BEGIN.0, BEGIN.1);
    sender.send(1_000);
    let time = sender.time;
    for number in [2, 4, 3, 7, 9] {
        let timestamp = BEGIN.1 + 160 * u32::from(number);
        sender.arrive(time + 20 * u64::from(number), BEGIN.0 + number, timestamp);
    }
    (sender.time, sender.sequence, sender.timestamp) = (time + 180, BEGIN.0 + 9, BEGIN.1 + 1_440);
    sender.send(200);
    // 5, 6 and 8.
    assert_eq!((sender.total_lost(), sender.late), (3, 0));
    assert_eq!(sender.stream.cold.restarts, 1);
}

#[test]
fn a_stream_that_ends_soon_after_it_began_anew_counts_what_it_lost() {
    let mut sender = Sender::new(BEGIN.0, BEGIN.1);
    sender.send(1_000);
    begin_anew(&mut sender, 100);
    let lost = send_but(&mut sender, 30, |packet| (10..15).contains(&packet));
    assert_eq!((sender.total_lost(), sender.late), (lost, 0));
}

#[test]
fn copies_beside_a_numbering_that_goes_on_are_no_restart() {
    // Each packet comes again, so many packets later.
    for delay in [1, 2, 5, 30, 63, 90, 150] {
        let mut sender = Sender::new(BEGIN.0, BEGIN.1);
        for packet in 0..600_u16 {
            sender.send(1);
            if packet >= delay {
                let (number, units) = (sender.sequence - delay, 160 * u32::from(delay));
                sender.arrive(sender.time + 5, number, sender.timestamp - units);
            }
        }
        let again = u64::from(600 - delay);
        assert_eq!(sender.total_lost(), 0, "{delay}");
        assert_eq!(sender.late + sender.duplicates, again, "{delay}");
        assert_eq!(sender.stream.cold.restarts, 0, "{delay}");
    }
}

#[test]
fn packets_that_were_held_up_and_come_at_once_are_late() {
    let mut sender = Sender::new(BEGIN.0, BEGIN.1);
    sender.send(50);
    let (number, timestamp) = (sender.sequence, sender.timestamp);
    sender.skip(100);
    sender.send(200);
    let time = sender.time;
    for late in 1..=100_u16 {
        let timestamp = timestamp + 160 * u32::from(late);
        sender.arrive(time + u64::from(late) / 10, number + late, timestamp);
    }
    sender.send(200);
    assert_eq!((sender.total_lost(), sender.late), (100, 100));
    assert_eq!(sender.stream.cold.restarts, 0);
}

#[test]
fn a_burst_of_copies_while_the_stream_stands_still_is_no_restart() {
    let mut sender = Sender::new(BEGIN.0, BEGIN.1);
    sender.send(200);
    let (time, number, timestamp) = (sender.time, sender.sequence, sender.timestamp);
    // Ten older packets at their own pace, while the newest ones are held up.
    for again in 0..10_u16 {
        let (behind, later) = (60 - again, 1 + 20 * u64::from(again));
        let timestamp = timestamp - 160 * u32::from(behind);
        sender.arrive(time + later, number - behind, timestamp);
    }
    sender.send(300);
    assert_eq!((sender.total_lost(), sender.duplicates), (0, 10));
    assert_eq!(sender.stream.cold.restarts, 0);
}

#[test]
fn a_few_old_packets_at_the_end_of_a_stream_are_no_loss() {
    let mut sender = Sender::new(BEGIN.0, BEGIN.1);
    sender.send(200);
    sender.arrive(
        sender.time + 1,
        sender.sequence - 100,
        sender.timestamp - 16_000,
    );
    sender.arrive(sender.time + 2, sender.sequence - 2, sender.timestamp - 320);
    assert_eq!(
        (sender.total_lost(), sender.late + sender.duplicates),
        (0, 2)
    );
}
