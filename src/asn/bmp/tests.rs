mod model;
mod sessions;

use super::*;
use crate::asn::{Origin, OriginSettings, Origins, PathStep, Source, SourceTable};
use crate::files::Load;
use crate::units::Address;
use std::net::Ipv4Addr;

const NAME: &str = "192.0.2.1:11019";
const STALE: Duration = Duration::from_secs(60);

fn at(second: u64) -> Timestamp {
    Timestamp::default().plus(Duration::from_secs(second))
}

fn feed() -> Feed {
    Feed::new(&[], STALE)
}

/// A table of what a feed knows, made in one go.
fn table(feed: &mut Feed) -> SourceTable {
    let mut table = feed.begin_table(at(7));
    while feed.extend_table(&mut table) {}
    table.finish(NAME, || at(7))
}

/// A feed's routes, as the meter would see them.
fn origins(feed: &mut Feed) -> Origins {
    let settings = OriginSettings {
        sources: vec![Source::Bmp(NAME.parse().unwrap())],
        ..OriginSettings::default()
    };
    let origins = Origins::load(&settings, None, &Load::default(), Timestamp::default).unwrap();
    origins.with(&table(feed))
}

fn said(feed: &mut Feed, address: &str) -> Option<(u32, String)> {
    let address: IpAddr = address.parse().unwrap();
    let lookup = origins(feed).explain(address.into());
    let path: Vec<String> = lookup.path.iter().map(PathStep::to_string).collect();
    Some((lookup.asn?.0, path.join(" ")))
}

/// A message: common header, per-peer header of an IPv4 peer (RFC 7854 §4), body.
fn message(kind: u8, peer: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut octets = vec![3, 0, 0, 0, 0, kind, 0, flags];
    octets.extend([0; 8 + 12]);
    octets.extend([192, 0, 2, peer]);
    octets.extend(64500_u32.to_be_bytes());
    octets.extend([peer; 4]);
    octets.extend([0; 8]);
    octets.extend(body);
    let length = u32::try_from(octets.len()).unwrap();
    octets[1..5].copy_from_slice(&length.to_be_bytes());
    octets
}

/// An UPDATE (RFC 4271 §4.3) with IPv4 prefixes of 24 bits.
fn update(path: &[u32], reached: &[[u8; 3]], gone: &[[u8; 3]]) -> Vec<u8> {
    let nlri = |prefixes: &[[u8; 3]]| -> Vec<u8> {
        let prefixes = prefixes.iter().flat_map(|[a, b, c]| [24, *a, *b, *c]);
        prefixes.collect()
    };
    let gone = nlri(gone);
    let mut attributes = vec![];
    if !reached.is_empty() {
        attributes.extend([0x40, 1, 1, 0, 0x40, 3, 4, 192, 0, 2, 9]);
        let hops = u8::try_from(path.len()).unwrap();
        attributes.extend([0x40, 2, 2 + 4 * hops, 2, hops]);
        attributes.extend(path.iter().flat_map(|asn| asn.to_be_bytes()));
    }
    let mut body = u16::try_from(gone.len()).unwrap().to_be_bytes().to_vec();
    body.extend(gone);
    body.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
    body.extend(attributes);
    body.extend(nlri(reached));
    let mut octets = vec![0xff; 16];
    octets.extend(u16::try_from(body.len() + 19).unwrap().to_be_bytes());
    octets.push(2);
    octets.extend(body);
    octets
}

fn routes(peer: u8, path: &[u32], reached: &[[u8; 3]], gone: &[[u8; 3]]) -> Vec<u8> {
    message(0, peer, 0, &update(path, reached, gone))
}

const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ONE: [u8; 3] = [198, 51, 100];
const OTHER: [u8; 3] = [203, 0, 113];

/// Flags of a peer (RFC 7854 §4.2, RFC 8671 §4).
const POST_POLICY: u8 = 0x40;
const ADJ_RIB_OUT: u8 = 0x10;

#[test]
fn routes_come_change_and_go() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    assert!(!feed.has_changed());
    feed.receive(
        router,
        &routes(1, &[64500, 64501, 64501, 64502], &[ONE, OTHER], &[]),
        at(1),
    );
    assert!(feed.has_changed());
    let found = said(&mut feed, "198.51.100.7");
    assert_eq!(found, Some((64502, "64500 64501 64502".into())));
    assert!(!feed.has_changed());
    feed.receive(
        router,
        &routes(1, &[64500, 64501, 64502], &[OTHER], &[]),
        at(1),
    );
    assert!(!feed.has_changed(), "prepends are all that has changed");

    feed.receive(router, &routes(1, &[64500, 64503], &[ONE], &[]), at(2));
    assert_eq!(
        said(&mut feed, "198.51.100.7"),
        Some((64503, "64500 64503".into()))
    );
    feed.receive(router, &routes(1, &[], &[], &[ONE]), at(3));
    assert_eq!(said(&mut feed, "198.51.100.7"), None);
    assert_eq!(said(&mut feed, "203.0.113.7").unwrap().0, 64502);
    let state = feed.state();
    assert_eq!(
        (state.routes, state.stats.routes, state.last),
        (1, 4, Some(at(3)))
    );
}

#[test]
fn most_peers_decide_and_two_views_of_one_peer_have_one_vote() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    for (peer, flags, path) in [
        (1, 0, [64510, 64599]),
        (1, POST_POLICY, [64510, 64599]),
        (2, 0, [64511, 64501]),
    ] {
        feed.receive(
            router,
            &message(0, peer, flags, &update(&path, &[ONE], &[])),
            at(1),
        );
    }
    assert_eq!(
        said(&mut feed, "198.51.100.7").unwrap().0,
        64501,
        "one to one: the lower"
    );
    feed.receive(router, &routes(3, &[64512, 64599], &[ONE], &[]), at(1));
    assert_eq!(
        said(&mut feed, "198.51.100.7").unwrap().0,
        64599,
        "two to one"
    );
    feed.receive(router, &message(2, 1, 0, &[4]), at(2));
    assert_eq!(
        said(&mut feed, "198.51.100.7").unwrap().0,
        64501,
        "both views went down"
    );
    assert_eq!(feed.state().stats.peers_down, 1);
}

/// A Peer Up (RFC 7854 §4.10) of a router in AS 64500; `path_ids` of these families, by their number.
fn up(peer: u8, peer_as: u16, path_ids: &[u8]) -> Vec<u8> {
    let open = |asn: u16, direction: u8| {
        // MP-BGP for IPv4 and ADD-PATH (RFC 7911 §4)
        let mut capabilities = vec![1, 4, 0, 1, 0, 1];
        if !path_ids.is_empty() {
            capabilities.extend([69, 4 * u8::try_from(path_ids.len()).unwrap()]);
            capabilities.extend(path_ids.iter().flat_map(|afi| [0, *afi, 1, direction]));
        }
        let length = u8::try_from(capabilities.len()).unwrap();
        let mut body = vec![4];
        body.extend(asn.to_be_bytes());
        body.extend([0, 180, 192, 0, 2, 9, length + 2, 2, length]);
        body.extend(capabilities);
        let mut open = vec![0xff; 16];
        open.extend(u16::try_from(body.len() + 19).unwrap().to_be_bytes());
        open.push(1);
        open.extend(body);
        open
    };
    let mut body = vec![0; 16];
    body.extend([0, 179, 0x9c, 0x40]);
    // the router receives, the peer sends
    body.extend([open(64500, 1), open(peer_as, 2)].concat());
    message(3, peer, 0, &body)
}

/// A message about a router's own choice (RFC 9069 §4.1): no address, no AS.
fn loc_rib(identifier: u8, update: &[u8]) -> Vec<u8> {
    let mut octets = message(0, 0, 0, update);
    octets[6] = 3;
    octets[16..32].fill(0);
    octets[32..36].fill(0);
    octets[36..40].fill(identifier);
    octets
}

/// End-of-RIB (RFC 4724 §2) of IPv6.
fn end_of_v6() -> Vec<u8> {
    let mut octets = vec![0xff; 16];
    octets.extend([0, 29, 2, 0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1]);
    octets
}

#[test]
fn what_is_said_now_replaces_what_was_said_before_the_router_came_back() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    feed.receive(
        router,
        &routes(1, &[64500, 64501], &[ONE, OTHER], &[]),
        at(10),
    );
    feed.disconnected(router, at(20));
    let router = feed.connected(ROUTER);
    feed.receive(router, &up(1, 64511, &[]), at(21));
    feed.receive(router, &routes(1, &[64500, 64599], &[ONE], &[]), at(21));
    assert_eq!(said(&mut feed, "198.51.100.7").unwrap().0, 64599, "at once");
    assert_eq!(
        said(&mut feed, "203.0.113.7").unwrap().0,
        64501,
        "still good"
    );
    assert_eq!(feed.state().routes, 2, "one for one");
    feed.receive(router, &routes(1, &[], &[], &[OTHER]), at(22));
    assert_eq!(said(&mut feed, "203.0.113.7"), None, "withdrawn");
    feed.disconnected(router, at(30));
    let router = feed.connected(ROUTER);
    feed.receive(router, &routes(1, &[64500, 64598], &[OTHER], &[]), at(31));
    feed.expire(at(30 + 59));
    assert_eq!(said(&mut feed, "198.51.100.7").unwrap().0, 64599);
    feed.expire(at(30 + 60));
    assert_eq!(
        said(&mut feed, "198.51.100.7"),
        None,
        "not said again for too long"
    );
    assert_eq!(said(&mut feed, "203.0.113.7").unwrap().0, 64598);
    assert_eq!((feed.state().peers, feed.state().routes), (1, 1));
}

#[test]
fn the_end_of_one_family_says_nothing_of_the_other() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    feed.receive(router, &routes(1, &[64500], &[ONE], &[]), at(10));
    feed.disconnected(router, at(20));
    let router = feed.connected(ROUTER);
    feed.receive(router, &message(0, 1, 0, &end_of_v6()), at(21));
    assert_eq!(said(&mut feed, "198.51.100.7").unwrap().0, 64500);
    feed.receive(router, &routes(1, &[], &[], &[]), at(22));
    assert_eq!(said(&mut feed, "198.51.100.7"), None);
    assert_eq!(feed.state().stats.malformed, 0);
}

#[test]
fn a_router_that_comes_and_goes_is_remembered_within_bounds() {
    let mut feed = feed();
    for time in 0..20 {
        let router = feed.connected(ROUTER);
        let net = [10, 0, u8::try_from(time).unwrap()];
        feed.receive(router, &routes(1, &[64500], &[net], &[]), at(time));
        feed.disconnected(router, at(time));
    }
    let state = feed.state();
    assert_eq!((state.peers, state.routes, state.stats.refused), (1, 4, 32));
    feed.expire(at(1000));
    assert_eq!((feed.state().peers, feed.state().routes), (0, 0));
}

#[test]
fn a_connection_that_nobody_has_noticed_to_be_dead_has_no_say() {
    let mut feed = feed();
    let dead = feed.connected(ROUTER);
    feed.receive(dead, &routes(1, &[64500, 64501], &[ONE], &[]), at(10));
    feed.receive(dead, &loc_rib(1, &update(&[64501], &[OTHER], &[])), at(10));
    let router = feed.connected(ROUTER);
    feed.receive(router, &routes(1, &[64500, 64599], &[ONE], &[]), at(11));
    feed.receive(
        router,
        &loc_rib(1, &update(&[64599], &[OTHER], &[])),
        at(11),
    );
    assert_eq!(said(&mut feed, "198.51.100.7").unwrap().0, 64599);
    assert_eq!(said(&mut feed, "203.0.113.7").unwrap().0, 64599);
}

#[test]
fn each_router_has_a_vote_for_its_own_choice() {
    for identifier in [0, 7] {
        let mut feed = feed();
        for (number, origin) in [(1, 64599), (2, 64599), (3, 64501)] {
            let router = feed.connected(IpAddr::from([192, 0, 2, number]));
            let said = update(&[64500, origin], &[ONE], &[]);
            feed.receive(router, &loc_rib(identifier, &said), at(1));
        }
        assert_eq!(said(&mut feed, "198.51.100.7").unwrap().0, 64599);
        assert_eq!(feed.state().stats.malformed, 0);
    }
}

#[test]
fn what_a_router_uses_counts_before_what_it_has_heard() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    let said_by = |flags, origin| message(0, 1, flags, &update(&[64500, origin], &[ONE], &[]));
    feed.receive(router, &said_by(0, 64501), at(1));
    feed.receive(router, &said_by(POST_POLICY, 64599), at(1));
    assert_eq!(said(&mut feed, "198.51.100.7").unwrap().0, 64599);
    feed.receive(
        router,
        &message(0, 1, POST_POLICY, &update(&[], &[], &[ONE])),
        at(2),
    );
    assert_eq!(
        said(&mut feed, "198.51.100.7").unwrap().0,
        64501,
        "what is left"
    );
    feed.receive(router, &routes(2, &[64502], &[ONE], &[]), at(3));
    feed.receive(router, &loc_rib(1, &update(&[64598], &[ONE], &[])), at(3));
    assert_eq!(
        said(&mut feed, "198.51.100.7").unwrap().0,
        64598,
        "its choice"
    );
}

#[test]
fn several_updates_in_one_message_are_all_taken_and_the_rest_is_counted() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    let both = [
        update(&[64500], &[ONE], &[]),
        update(&[64501], &[OTHER], &[]),
    ];
    feed.receive(router, &message(0, 1, 0, &both.concat()), at(1));
    assert_eq!(said(&mut feed, "198.51.100.7").unwrap().0, 64500);
    assert_eq!(said(&mut feed, "203.0.113.7").unwrap().0, 64501);
    let stats = feed.state().stats;
    assert_eq!((stats.routes, stats.malformed), (2, 0));
    // the first says that it withdraws more than it has
    let mut broken = update(&[64503], &[ONE], &[]);
    broken[20] = 0xff;
    let both = [broken, update(&[64503], &[OTHER], &[])].concat();
    feed.receive(router, &message(0, 1, 0, &both), at(2));
    assert_eq!(said(&mut feed, "198.51.100.7").unwrap().0, 64500);
    assert_eq!(said(&mut feed, "203.0.113.7").unwrap().0, 64503);
    let stats = feed.state().stats;
    assert_eq!((stats.routes, stats.malformed), (3, 1));
    let cut = [update(&[64502], &[ONE], &[]), vec![0xff; 7]].concat();
    feed.receive(router, &message(0, 1, 0, &cut), at(2));
    assert_eq!(said(&mut feed, "198.51.100.7").unwrap().0, 64502);
    let stats = feed.state().stats;
    assert_eq!((stats.routes, stats.malformed), (4, 2));
}

#[test]
fn a_route_without_a_path_is_of_the_internal_peer_that_says_it() {
    for (peer_as, own, origin) in [
        // of the AS of the router, by its OPEN, or by the configuration
        (64500, &[][..], Some(64500)),
        (64500, &[64500], Some(64500)),
        // of another: RFC 4271 §5.1.2 lets it send no such thing
        (64511, &[], None),
    ] {
        let own: Vec<Asn> = own.iter().copied().map(Asn).collect();
        let mut feed = Feed::new(&own, STALE);
        let router = feed.connected(ROUTER);
        for mut message in [up(1, peer_as, &[]), routes(1, &[], &[ONE], &[])] {
            message[32..36].copy_from_slice(&u32::from(peer_as).to_be_bytes());
            feed.receive(router, &message, at(1));
        }
        let found = said(&mut feed, "198.51.100.7").map(|(asn, _)| asn);
        assert_eq!(found, origin, "{peer_as} {own:?}");
    }
    // a router's own choice tells its AS in its OPEN only
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    let mut up = up(0, 64500, &[]);
    up[6] = 3;
    up[16..36].fill(0);
    feed.receive(router, &up, at(1));
    feed.receive(router, &loc_rib(0, &update(&[], &[ONE], &[])), at(1));
    assert_eq!(
        said(&mut feed, "198.51.100.7"),
        Some((64500, "64500".into()))
    );
}

#[test]
fn a_peer_up_that_can_not_be_read_is_of_a_new_session_and_costs_no_other() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    feed.receive(router, &routes(1, &[64500], &[ONE], &[]), at(1));
    feed.receive(router, &routes(2, &[64501], &[OTHER], &[]), at(1));
    feed.receive(router, &message(3, 1, 0, &[0; 20]), at(2));
    assert_eq!(said(&mut feed, "198.51.100.7"), None);
    assert_eq!(said(&mut feed, "203.0.113.7").unwrap().0, 64501);
    let stats = feed.state().stats;
    assert_eq!((stats.peers_up, stats.malformed), (0, 1));
}

#[test]
fn a_path_that_can_not_be_read_withdraws_and_is_counted() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    feed.receive(router, &routes(1, &[64500], &[ONE], &[]), at(1));
    let mut broken = routes(1, &[64501], &[ONE], &[]);
    // the segment says that it has nine numbers
    let place = broken
        .windows(4)
        .position(|it| it == [0x40, 2, 6, 2])
        .unwrap();
    broken[place + 4] = 9;
    feed.receive(router, &broken, at(2));
    assert_eq!(said(&mut feed, "198.51.100.7"), None);
    let state = feed.state();
    assert_eq!((state.routes, state.stats.malformed), (0, 1));
}

#[test]
fn path_identifiers_are_of_one_family() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    feed.receive(router, &up(1, 64511, &[2]), at(1));
    feed.receive(router, &routes(1, &[64500], &[ONE, OTHER], &[]), at(1));
    assert_eq!(said(&mut feed, "198.51.100.7").unwrap().0, 64500);
    assert_eq!(feed.state().routes, 2);
}

#[test]
fn default_routes_in_all_but_name_attribute_nothing() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    let mut halves = update(&[64500], &[ONE], &[]);
    let length = halves.len();
    // 0.0.0.0/1 in place of 198.51.100.0/24
    halves.truncate(length - 4);
    halves.extend([1, 0]);
    halves[17] -= 2;
    feed.receive(router, &message(0, 1, 0, &halves), at(1));
    assert_eq!(feed.state().routes, 1);
    assert_eq!(said(&mut feed, "10.0.0.1"), None);
    let origins = origins(&mut feed);
    let counts = origins.sources().next().unwrap().counts;
    assert_eq!((counts.rows, counts.default_routes), (1, 1));
}

#[test]
fn what_the_router_says_itself_and_instances_are_passed_over() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    let said = update(&[64500], &[ONE], &[]);
    feed.receive(router, &message(0, 1, ADJ_RIB_OUT, &said), at(1));
    let mut of_instance = message(0, 1, 0, &said);
    of_instance[6] = 1;
    feed.receive(router, &of_instance, at(1));
    assert_eq!(
        (feed.state().routes, feed.state().stats.passed_over),
        (0, 2)
    );
}

#[test]
fn routes_of_a_router_that_has_gone_are_good_for_a_while() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    feed.receive(router, &routes(1, &[64500], &[ONE], &[]), at(10));
    feed.disconnected(router, at(20));
    feed.expire(at(20 + 59));
    assert_eq!((feed.state().routers, feed.state().routes), (0, 1));
    feed.expire(at(20 + 60));
    assert_eq!((feed.state().peers, feed.state().routes), (0, 0));
    assert_eq!(said(&mut feed, "198.51.100.7"), None);
}

#[test]
fn a_router_that_comes_back_replaces_what_it_said_when_it_has_said_everything() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    feed.receive(router, &routes(1, &[64500], &[ONE, OTHER], &[]), at(10));
    feed.disconnected(router, at(20));
    let router = feed.connected(ROUTER);
    feed.receive(router, &routes(1, &[64501], &[ONE], &[]), at(21));
    assert_eq!(
        said(&mut feed, "203.0.113.7").unwrap().0,
        64500,
        "still good"
    );
    feed.receive(router, &routes(1, &[], &[], &[]), at(22));
    assert_eq!(said(&mut feed, "203.0.113.7"), None, "End-of-RIB");
    assert_eq!(said(&mut feed, "198.51.100.7").unwrap().0, 64501);
    feed.expire(at(1000));
    assert_eq!((feed.state().peers, feed.state().routes), (1, 1));
}

#[test]
fn a_termination_ends_a_session_and_nonsense_does_not() {
    let mut feed = feed();
    let router = feed.connected(ROUTER);
    assert!(feed.receive(router, &[3, 0, 0, 0, 6, 0], at(1)));
    assert!(feed.receive(router, &[3, 0, 0, 0, 6, 77], at(1)));
    assert!(feed.receive(router, &routes(1, &[64500], &[ONE], &[])[..60], at(1)));
    assert_eq!(feed.state().stats.malformed, 3);
    assert!(!feed.receive(router, &[3, 0, 0, 0, 6, 5], at(1)));
}

#[test]
fn the_length_of_a_message_is_bounded() {
    assert_eq!(length([3, 0, 0, 0, 6, 4]), Ok(6));
    assert_eq!(length([3, 0, 4, 0, 0, 0]), Ok(1 << 18));
    for header in [
        [2, 0, 0, 0, 6, 4],
        [3, 0, 0, 0, 5, 4],
        [3, 0, 4, 0, 1, 0],
        [3, 255, 0, 0, 0, 0],
    ] {
        assert!(length(header).is_err(), "{header:?}");
    }
}
