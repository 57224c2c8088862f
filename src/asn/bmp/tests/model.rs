//! A feed beside a plain list of all routes, and octets of any kind.

use super::*;
use crate::asn::notation;
use proptest::prelude::*;

/// What may happen to a feed.
#[derive(Clone, Debug)]
enum Event {
    Reach(u8, u8, u32),
    Leave(u8, u8),
    Down(u8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1_u8..4, 0_u8..6, 64500_u32..64504).prop_map(|(peer, net, asn)| Event::Reach(peer, net, asn)),
        2 => (1_u8..4, 0_u8..6).prop_map(|(peer, net)| Event::Leave(peer, net)),
        1 => (1_u8..4).prop_map(Event::Down),
    ]
}

proptest! {
    #[test]
    fn a_feed_says_what_a_list_of_all_routes_says(events in prop::collection::vec(event(), 0..60)) {
        let mut feed = feed();
        let router = feed.connected(ROUTER);
        let mut model = std::collections::BTreeMap::<(u8, u8), u32>::new();
        for event in events {
            match event {
                Event::Reach(peer, net, asn) => {
                    feed.receive(router, &routes(peer, &[asn], &[[10, 0, net]], &[]), at(1));
                    model.insert((net, peer), asn);
                }
                Event::Leave(peer, net) => {
                    feed.receive(router, &routes(peer, &[], &[], &[[10, 0, net]]), at(1));
                    model.remove(&(net, peer));
                }
                Event::Down(peer) => {
                    feed.receive(router, &message(2, peer, 0, &[4]), at(1));
                    model.retain(|(_, of), _| *of != peer);
                }
            }
        }
        prop_assert_eq!(feed.state().routes, model.len());
        let origins = origins(&mut feed);
        for net in 0..6 {
            let mut votes = std::collections::BTreeMap::<u32, usize>::new();
            for ((_, _), asn) in model.range((net, 0)..=(net, 255)) {
                *votes.entry(*asn).or_default() += 1;
            }
            let won = votes.iter().min_by_key(|(_, count)| std::cmp::Reverse(**count));
            let expected = won.map_or(Origin::UNKNOWN, |(asn, _)| Origin::As(Asn(*asn)));
            prop_assert_eq!(origins.origin(Address::v4([10, 0, net, 1])), expected);
        }
    }

    #[test]
    fn what_is_said_while_a_table_is_made_is_in_the_next_at_the_latest(
        events in prop::collection::vec((event(), 0..routes::SHARDS), 0..30),
    ) {
        let (mut feed, mut other) = (feed(), self::feed());
        let (router, same) = (feed.connected(ROUTER), other.connected(ROUTER));
        let mut table = feed.begin_table(at(1));
        for (event, steps) in events {
            let message = match event {
                Event::Reach(peer, net, asn) => routes(peer, &[asn], &[[10, 0, net]], &[]),
                Event::Leave(peer, net) => routes(peer, &[], &[], &[[10, 0, net]]),
                Event::Down(peer) => message(2, peer, 0, &[4]),
            };
            feed.receive(router, &message, at(1));
            other.receive(same, &message, at(1));
            for _ in 0..steps {
                if !feed.extend_table(&mut table) {
                    table = feed.begin_table(at(1));
                }
            }
        }
        while feed.extend_table(&mut table) {}
        if feed.has_changed() {
            table = feed.begin_table(at(1));
            while feed.extend_table(&mut table) {}
        }
        let made = table.finish(NAME, || at(7));
        let settings = OriginSettings {
            sources: vec![Source::Bmp(NAME.parse().unwrap())],
            ..OriginSettings::default()
        };
        let empty = Origins::load(&settings, None, &Load::default(), Timestamp::default).unwrap();
        let (made, expected) = (empty.with(&made), origins(&mut other));
        prop_assert_eq!(feed.state().routes, other.state().routes);
        for net in 0..6 {
            let address = Address::v4([10, 0, net, 1]);
            prop_assert_eq!(made.origin(address), expected.origin(address));
        }
    }

    #[test]
    fn no_octets_do_harm(octets in prop::collection::vec(any::<u8>(), 0..400), kind in 0_u8..7) {
        let mut feed = feed();
        let router = feed.connected(ROUTER);
        feed.receive(router, &octets, at(1));
        let mut whole = message(kind, 1, octets.first().copied().unwrap_or(0), &octets);
        feed.receive(router, &whole, at(1));
        whole.truncate(48);
        whole.extend(update(&[64500, 64501], &[ONE], &[OTHER]));
        for (place, octet) in octets.iter().take(8).enumerate() {
            let at = (usize::from(*octet) * 7 + place) % whole.len();
            whole[at] = whole[at].wrapping_add(1);
        }
        feed.receive(router, &whole, at(2));
        let _ = origins(&mut feed);
        prop_assert!(notation::asn("64500").is_ok());
    }
}
