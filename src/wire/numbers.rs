//! Protocol numbers: EtherTypes, IP protocols and UDP ports. Used by the decoder, the kernel's filter
//! and the synthetic sources.

/// EtherTypes (IEEE registration authority).
pub mod ethertype {
    use pnet::packet::ethernet::EtherTypes;

    /// IPv4 (RFC 894).
    pub const IPV4: u16 = EtherTypes::Ipv4.0;
    /// IPv6 (RFC 2464 §3).
    pub const IPV6: u16 = EtherTypes::Ipv6.0;
    /// Customer VLAN tag (IEEE 802.1Q).
    pub const VLAN: u16 = EtherTypes::Vlan.0;
    /// Service VLAN tag (IEEE 802.1ad).
    pub const SERVICE_VLAN: u16 = 0x88a8;
    /// Stacked VLAN tag from before IEEE 802.1ad, still in use.
    pub const STACKED_VLAN: u16 = 0x9100;
    /// MPLS (RFC 5332 §3).
    pub const MPLS: u16 = 0x8847;
    /// MPLS with an upstream-assigned label (RFC 5332 §3).
    pub const MPLS_MULTICAST: u16 = 0x8848;
    /// The session stage of PPP over Ethernet (RFC 2516 §4).
    pub const PPPOE: u16 = 0x8864;
    /// PPP in GRE (RFC 2637).
    pub const PPP: u16 = 0x880b;
    /// Transparent Ethernet bridging (RFC 1701; GRE, Geneve).
    pub const BRIDGING: u16 = 0x6558;
    /// ERSPAN type II in GRE (draft-foschiano-erspan §4).
    pub const ERSPAN_2: u16 = 0x88be;
    /// ERSPAN type III in GRE (draft-foschiano-erspan §4).
    pub const ERSPAN_3: u16 = 0x22eb;
    /// Lowest EtherType; lower values are an IEEE 802.3 length.
    pub const FIRST: u16 = 0x0600;
}

/// IP protocols (IANA) that are compared as octets.
pub mod protocol {
    /// RFC 9293.
    pub const TCP: u8 = 6;
    /// RFC 768.
    pub const UDP: u8 = 17;
    /// The fragment header of IPv6 (RFC 8200 §4.5).
    pub const IPV6_FRAGMENT: u8 = 44;
}

/// UDP destination ports of tunnels.
pub mod port {
    /// GTP-U (3GPP TS 29.281 §4.4.2.3).
    pub const GTP_U: u16 = 2152;
    /// VXLAN (RFC 7348 §5).
    pub const VXLAN: u16 = 4789;
    /// The port of VXLAN in Linux before its assignment, still the default there.
    pub const VXLAN_LINUX: u16 = 8472;
    /// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe §3.1).
    pub const VXLAN_GPE: u16 = 4790;
    /// Geneve (RFC 8926 §3.3).
    pub const GENEVE: u16 = 6081;
}

/// Octets of an Ethernet header without tags (IEEE 802.3).
pub const ETHERNET_HEADER: usize = 14;
/// Octets of a VLAN tag (IEEE 802.1Q).
pub const VLAN_TAG: usize = 4;
/// Octets of a UDP header (RFC 768).
pub const UDP_HEADER: u16 = 8;
