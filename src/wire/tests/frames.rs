//! Builders of frames, from the inner to the outer header. Lengths are correct, checksums are zero.

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
pub(super) const SRC4: &str = "192.0.2.1";
pub(super) const DST4: &str = "198.51.100.2";
pub(super) const SRC6: &str = "2001:db8::1";
pub(super) const DST6: &str = "2001:db8::2";

fn length(octets: usize) -> [u8; 2] {
    u16::try_from(octets).unwrap().to_be_bytes()
}

/// 20 ms of G.711.
pub(super) fn rtp() -> Vec<u8> {
    let mut packet = vec![0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4];
    packet.resize(172, 0xd5);
    packet
}

pub(super) fn udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let size = length(payload.len() + 8);
    [
        &src.to_be_bytes()[..],
        &dst.to_be_bytes(),
        &size,
        &[0, 0],
        payload,
    ]
    .concat()
}

pub(super) fn voice_udp() -> Vec<u8> {
    udp(4000, 4002, &rtp())
}

pub(super) fn voice4() -> Vec<u8> {
    ipv4(17, &voice_udp())
}

pub(super) fn voice6() -> Vec<u8> {
    ipv6(17, &voice_udp())
}

pub(super) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let size = length(payload.len() + 20);
    let ttl = [0, 0, 0, 0, 64, protocol, 0, 0];
    let addresses = [192, 0, 2, 1, 198, 51, 100, 2];
    [&[0x45, 0][..], &size, &ttl, &addresses, payload].concat()
}

pub(super) fn ipv4_options(options: &[u8], payload: &[u8]) -> Vec<u8> {
    let words = u8::try_from(options.len() / 4).unwrap();
    let mut packet = ipv4(17, &[options, payload].concat());
    packet[0] += words;
    packet
}

pub(super) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let address = |last| [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let size = length(payload.len());
    [
        &[0x60, 0, 0, 0][..],
        &size,
        &[next, 64],
        &address(1),
        &address(2),
        payload,
    ]
    .concat()
}

pub(super) fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let addresses = [0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
    [&addresses[..], &ethertype.to_be_bytes(), payload].concat()
}

/// An IEEE 802.3 frame with a length field and padding.
pub(super) fn length_ethernet(payload: &[u8]) -> Vec<u8> {
    let size = u16::try_from(payload.len()).unwrap();
    [&ethernet(size, payload)[..], &[0xee; 6]].concat()
}

pub(super) fn snap(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [
        &[0xaa, 0xaa, 3, 0, 0, 0][..],
        &ethertype.to_be_bytes(),
        payload,
    ]
    .concat()
}

pub(super) fn tag(vid: u16, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    // Priority 5 in front: it is not part of the VLAN ID.
    [
        &(0xa000 | vid).to_be_bytes()[..],
        &ethertype.to_be_bytes(),
        payload,
    ]
    .concat()
}

pub(super) fn mpls(labels: usize, payload: &[u8]) -> Vec<u8> {
    let mut stack = [0, 1, 0x00, 64].repeat(labels);
    let bottom = stack.len() - 2;
    stack[bottom] |= 1;
    [&stack[..], payload].concat()
}

pub(super) fn pppoe(protocol: &[u8], payload: &[u8]) -> Vec<u8> {
    let size = length(protocol.len() + payload.len());
    [&[0x11, 0, 0, 7][..], &size, protocol, payload, &[0xee; 4]].concat()
}

pub(super) fn cooked(protocol: u16, payload: &[u8]) -> Vec<u8> {
    let header = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    [&header[..], &protocol.to_be_bytes(), payload].concat()
}

pub(super) fn cooked2(protocol: u16, payload: &[u8]) -> Vec<u8> {
    let header = [0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    [&protocol.to_be_bytes()[..], &header, payload].concat()
}

pub(super) fn gre(flags: u8, protocol: u16, fields: &[u8], payload: &[u8]) -> Vec<u8> {
    [&[flags, 0][..], &protocol.to_be_bytes(), fields, payload].concat()
}

pub(super) fn pptp(payload: &[u8]) -> Vec<u8> {
    let size = length(payload.len());
    let numbers = [0, 1, 0, 0, 0, 2, 0, 0, 0, 1];
    [&[0x30, 0x81, 0x88, 0x0b][..], &size, &numbers, payload].concat()
}

pub(super) fn erspan3(platform: u8, payload: &[u8]) -> Vec<u8> {
    let header = [0x20, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, platform];
    let subheader = [0x30; 8].repeat(platform.into());
    [&header[..], &subheader, payload].concat()
}

pub(super) fn vxlan(flags: [u8; 4], payload: &[u8]) -> Vec<u8> {
    [&flags[..], &[0, 0, 42, 0], payload].concat()
}

pub(super) fn geneve(ethertype: u16, option_words: u8, payload: &[u8]) -> Vec<u8> {
    let options = [0xaa; 4].repeat(option_words.into());
    let kind = ethertype.to_be_bytes();
    [
        &[option_words, 0][..],
        &kind,
        &[0, 0, 42, 0],
        &options,
        payload,
    ]
    .concat()
}

pub(super) fn gtp(flags: u8, fields: &[u8], payload: &[u8]) -> Vec<u8> {
    let size = length(fields.len() + payload.len());
    [&[flags, 255][..], &size, &[0, 0, 0, 1], fields, payload].concat()
}

/// Replaces single octets.
pub(super) fn patched(mut octets: Vec<u8>, with: &[(usize, u8)]) -> Vec<u8> {
    for (at, octet) in with {
        octets[*at] = *octet;
    }
    octets
}
