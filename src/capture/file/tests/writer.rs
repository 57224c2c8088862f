//! Writes pcap and pcapng files as the drafts specify.

use super::super::byte_order::ByteOrder;

impl ByteOrder {
    fn put16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    fn put32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    fn put64(self, value: u64) -> [u8; 8] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

pub(super) struct Pcap {
    order: ByteOrder,
    pub(super) octets: Vec<u8>,
}

impl Pcap {
    pub(super) fn new(order: ByteOrder, magic: u32, link: u32) -> Self {
        Self::with_version(order, magic, link, (2, 4))
    }

    pub(super) fn with_version(
        order: ByteOrder,
        magic: u32,
        link: u32,
        (major, minor): (u16, u16),
    ) -> Self {
        let mut octets = order.put32(magic).to_vec();
        octets.extend(order.put16(major));
        octets.extend(order.put16(minor));
        octets.extend([0; 8]);
        octets.extend(order.put32(65_535));
        octets.extend(order.put32(link));
        Self { order, octets }
    }

    pub(super) fn record(mut self, words: [u32; 4], frame: &[u8]) -> Self {
        for word in words {
            self.octets.extend(self.order.put32(word));
        }
        self.octets.extend(frame);
        self
    }

    pub(super) fn frame(self, seconds: u32, fraction: u32, frame: &[u8]) -> Self {
        let length = u32::try_from(frame.len()).unwrap();
        self.record([seconds, fraction, length, length], frame)
    }
}

pub(super) struct Pcapng {
    pub(super) order: ByteOrder,
    pub(super) octets: Vec<u8>,
}

impl Pcapng {
    pub(super) fn new(order: ByteOrder) -> Self {
        Self {
            order,
            octets: Vec::new(),
        }
        .section(order)
    }

    pub(super) fn section(mut self, order: ByteOrder) -> Self {
        self.order = order;
        let mut body = order.put32(0x1a2b_3c4d).to_vec();
        body.extend(order.put16(1));
        body.extend(order.put16(0));
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn block(mut self, kind: u32, body: &[u8]) -> Self {
        let padded = body.len().next_multiple_of(4);
        let length = self.order.put32(u32::try_from(padded + 12).unwrap());
        self.octets.extend(self.order.put32(kind));
        self.octets.extend(length);
        self.octets.extend(body);
        self.octets.extend(vec![0; padded - body.len()]);
        self.octets.extend(length);
        self
    }

    pub(super) fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut octets = self.order.put16(code).to_vec();
        octets.extend(self.order.put16(u16::try_from(value.len()).unwrap()));
        octets.extend(value);
        octets.resize(octets.len().next_multiple_of(4), 0);
        octets
    }

    pub(super) fn number(&self, code: u16, value: u64) -> Vec<u8> {
        self.option(code, &self.order.put64(value))
    }

    pub(super) fn interface(self, link: u16, snaplen: u32, options: &[Vec<u8>]) -> Self {
        let mut body = self.order.put16(link).to_vec();
        body.extend([0; 2]);
        body.extend(self.order.put32(snaplen));
        body.extend(options.concat());
        self.block(1, &body)
    }

    pub(super) fn named(self, link: u16, name: &str) -> Self {
        let name = self.option(2, name.as_bytes());
        self.interface(link, 0, &[name])
    }

    pub(super) fn ticks(&self, ticks: u64) -> Vec<u8> {
        let high = u32::try_from(ticks >> 32).unwrap();
        let low = u32::try_from(ticks & 0xffff_ffff).unwrap();
        [self.order.put32(high), self.order.put32(low)].concat()
    }

    pub(super) fn enhanced(
        self,
        interface: u32,
        ticks: u64,
        frame: &[u8],
        options: &[Vec<u8>],
    ) -> Self {
        let first = self.order.put32(interface);
        self.packet(6, first, ticks, frame, options)
    }

    pub(super) fn obsolete(self, interface: u16, drops: u16, ticks: u64, frame: &[u8]) -> Self {
        let [a, b] = self.order.put16(interface);
        let [c, d] = self.order.put16(drops);
        self.packet(2, [a, b, c, d], ticks, frame, &[])
    }

    fn packet(
        self,
        kind: u32,
        first: [u8; 4],
        ticks: u64,
        frame: &[u8],
        options: &[Vec<u8>],
    ) -> Self {
        let length = self.order.put32(u32::try_from(frame.len()).unwrap());
        let mut body = first.to_vec();
        body.extend(self.ticks(ticks));
        body.extend(length);
        body.extend(length);
        body.extend(frame);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(options.concat());
        self.block(kind, &body)
    }

    pub(super) fn simple(self, length: u32, frame: &[u8]) -> Self {
        let mut body = self.order.put32(length).to_vec();
        body.extend(frame);
        self.block(3, &body)
    }

    pub(super) fn statistics(self, interface: u32, ticks: u64, options: &[Vec<u8>]) -> Self {
        let mut body = self.order.put32(interface).to_vec();
        body.extend(self.ticks(ticks));
        body.extend(options.concat());
        self.block(5, &body)
    }
}
