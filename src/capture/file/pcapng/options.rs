//! Options of a pcapng block (draft-ietf-opsawg-pcapng §3.5): code, length, value padded to four
//! octets.

use super::super::byte_order::ByteOrder;

/// Iterates over the options of a block. Ends at `opt_endofopt`, at the end of the octets, or at an
/// option that exceeds them: options are optional, so a malformed one discards no frame.
#[derive(Clone, Debug)]
pub(super) struct Options<'a> {
    order: ByteOrder,
    octets: &'a [u8],
}

impl<'a> Options<'a> {
    pub(super) const fn new(order: ByteOrder, octets: &'a [u8]) -> Self {
        Self { order, octets }
    }

    /// The value of the first option with this code that is a 64-bit number.
    pub(super) fn number(&self, code: u16) -> Option<u64> {
        let order = self.order;
        self.clone().find_map(|(found, value)| {
            let octets = (found == code).then(|| value.try_into().ok())??;
            Some(order.u64(octets))
        })
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[c0, c1, l0, l1], rest) = self.octets.split_first_chunk()?;
        let code = self.order.u16([c0, c1]);
        let length = usize::from(self.order.u16([l0, l1]));
        let value = rest.get(..length).filter(|_| code != 0)?;
        self.octets = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}
