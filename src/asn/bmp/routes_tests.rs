use super::*;
use crate::asn::bmp::preference::View;
use crate::asn::path::PathSegment;
use crate::asn::vote::Voter;
use crate::units::{Address, Asn};
use std::collections::HashSet;

fn prefix(number: u32) -> Prefix {
    let [a, b, c, d] = (0x0b00_0000 + number).to_be_bytes();
    Prefix::new(Address::v4([a, b, c, d]), 128)
}

fn announced(hops: u32) -> Arc<AnnouncedPath> {
    let path = (1..=hops).map(|number| Asn(64_000_000 + number)).collect();
    AnnouncedPath::new(&[PathSegment::Sequence(path)], &HashSet::new()).into()
}

/// Numbers of peers are given by the feed's own table of them.
fn peers(count: u32) -> Vec<PeerId> {
    (1..=count).map(PeerId::numbered).collect()
}

fn source(id: PeerId) -> RouteSource {
    RouteSource {
        voter: Voter::Number(0),
        router: 0,
        view: View::PrePolicy,
        is_current: true,
        id,
    }
}

/// Votes on everything; prefixes, and the most routes that one step had before it.
fn add_voted(routes: &mut Routes) -> (usize, usize) {
    let (mut prefixes, mut most) = (0, 0);
    for place in 0..SHARDS {
        let held = routes.shards[place].by_prefix.values().map(Vec::len).sum();
        most = usize::max(most, held);
        routes.votes(place, |id| Some(source(id)), |_, _, _| prefixes += 1);
    }
    (prefixes, most)
}

#[test]
fn peers_that_leave_are_one_pass_in_steps_however_many_they_are() {
    let (mut routes, announced, peers) = (Routes::default(), announced(3), peers(300));
    for (number, peer) in (0..120_000).zip(peers.iter().cycle()) {
        assert_eq!(
            routes.insert(prefix(number), (*peer, 0), &announced),
            Some(true)
        );
    }
    let (stays, leave) = peers.split_first().unwrap();
    for peer in leave {
        assert!(routes.forget(*peer));
        assert!(!routes.forget(*peer), "none any more");
    }
    // at once, and no route was looked at
    assert_eq!(routes.len(), 400);
    assert_eq!(routes.weight, 120_000 * announced.weight());
    let (prefixes, most) = add_voted(&mut routes);
    assert_eq!(prefixes, 400, "who has left has no vote");
    assert!(most < 100, "{most} of 120000 routes in one step");
    assert_eq!(routes.weight, 400 * announced.weight());
    assert!(routes.left.is_empty());
    assert_eq!(
        routes
            .shards
            .iter()
            .map(|shard| shard.by_prefix.len())
            .sum::<usize>(),
        400
    );
    assert!(routes.remove(prefix(0), (*stays, 0)));
    assert_eq!(routes.len(), 399);
}

#[test]
fn routes_of_who_has_left_make_room_for_who_comes() {
    let (mut routes, announced, peers) = (Routes::default(), announced(1 << 10), peers(2));
    let [old, new] = peers[..] else {
        unreachable!()
    };
    let most = u32::try_from(MAX_WEIGHT / announced.weight()).unwrap();
    for number in 0..most {
        assert_eq!(
            routes.insert(prefix(number), (old, 0), &announced),
            Some(true)
        );
    }
    assert_eq!(routes.insert(prefix(most), (old, 0), &announced), None);
    assert_eq!(routes.insert(prefix(0), (new, 0), &announced), None);
    routes.forget(old);
    for number in 0..most {
        assert_eq!(
            routes.insert(prefix(number), (new, 0), &announced),
            Some(true)
        );
        assert!(routes.weight <= MAX_WEIGHT);
    }
    assert_eq!(routes.len(), most as usize);
    assert_eq!(routes.insert(prefix(most), (new, 0), &announced), None);
}
