//! Any octets as a frame of any link type: the first octet chooses it, the second how many octets
//! the capture cut off.
#![no_main]

use asnmeter::frame::{Frame, InterfaceId, LinkType, Offload};
use asnmeter::units::Timestamp;
use asnmeter::wire::{self, Transport};
use libfuzzer_sys::fuzz_target;

const LINKS: [LinkType; 5] = [
    LinkType::Ethernet,
    LinkType::Cooked,
    LinkType::Cooked2,
    LinkType::RawIp,
    LinkType::Loopback,
];

fuzz_target!(|input: &[u8]| {
    let [choice, cut, octets @ ..] = input else {
        return;
    };
    let length = u32::try_from(octets.len()).unwrap() + u32::from(*cut);
    let frame = Frame {
        time: Timestamp::default(),
        link: LINKS[usize::from(*choice) % LINKS.len()],
        octets,
        length,
        interface: InterfaceId(0),
        vlan: (choice & 0x80 != 0).then_some(7),
        offload: Offload::Unknown,
    };
    let Ok(datagram) = wire::decode(frame) else {
        return;
    };
    let payload = match datagram.transport {
        Transport::Udp {
            payload, length, ..
        } => {
            assert!(payload.len() <= usize::from(length));
            payload
        }
        Transport::Tcp { payload, .. } => payload,
    };
    let (inside, found) = (octets.as_ptr_range(), payload.as_ptr_range());
    assert!(payload.is_empty() || inside.start <= found.start && found.end <= inside.end);
});
