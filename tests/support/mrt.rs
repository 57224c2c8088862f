//! Routing tables in MRT (RFC 6396), written octet by octet.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

/// A TABLE_DUMP_V2 file of one peer: prefixes such as `192.0.2.0/24` with the paths to them.
pub(crate) fn table(routes: &[(&str, &[u32])]) -> Vec<u8> {
    // PEER_INDEX_TABLE (§4.3.1): collector, no view name, one peer with IPv4 and AS of 32 bits.
    let mut peers = vec![198, 51, 100, 254, 0, 0, 0, 1];
    peers.extend([2, 198, 51, 100, 254, 198, 51, 100, 254, 0, 0, 0xfb, 0xfe]);
    let mut file = record(1, &peers);
    for (prefix, path) in routes {
        file.extend(record(2, &rib(prefix, path)));
    }
    file
}

/// A RIB_IPV4_UNICAST record's body (§4.3.2) with one entry.
fn rib(prefix: &str, path: &[u32]) -> Vec<u8> {
    let (address, length) = prefix.split_once('/').unwrap();
    let address: std::net::Ipv4Addr = address.parse().unwrap();
    let length: u8 = length.parse().unwrap();
    let mut body = vec![0, 0, 0, 0, length];
    body.extend(&address.octets()[..usize::from(length).div_ceil(8)]);
    // One entry of peer 0, and AS_PATH (RFC 4271 §4.3) with one AS_SEQUENCE.
    body.extend([0, 1, 0, 0, 0, 0, 0, 0]);
    let count = u8::try_from(path.len()).unwrap();
    let mut attribute = vec![0x40, 2, 2 + 4 * count, 2, count];
    attribute.extend(path.iter().flat_map(|asn| asn.to_be_bytes()));
    body.extend(u16::try_from(attribute.len()).unwrap().to_be_bytes());
    body.extend(attribute);
    body
}

fn record(subtype: u16, body: &[u8]) -> Vec<u8> {
    let mut record = vec![0, 0, 0, 0, 0, 13];
    record.extend(subtype.to_be_bytes());
    record.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    record.extend(body);
    record
}
