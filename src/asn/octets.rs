//! Writes numbers and lists as little-endian octets, and reads them back. What is read may be anything:
//! a list that says it is longer than what is left is refused before memory is taken for it.

/// What is written so far.
#[derive(Debug, Default)]
pub(in crate::asn) struct OctetWriter(pub(super) Vec<u8>);

/// What is left to read.
#[derive(Debug)]
pub(in crate::asn) struct OctetReader<'a>(pub(super) &'a [u8]);

/// A number with a fixed number of octets.
pub(in crate::asn) trait FixedWidth: Copy {
    /// Appends it.
    fn put(self, sink: &mut Vec<u8>);
    /// Takes it off the front.
    fn take(from: &mut &[u8]) -> Option<Self>;
}

macro_rules! fixed {
    ($($number:ty),*) => {$(
        impl FixedWidth for $number {
            fn put(self, sink: &mut Vec<u8>) {
                sink.extend_from_slice(&self.to_le_bytes());
            }

            #[inline]
            fn take(from: &mut &[u8]) -> Option<Self> {
                let (first, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(Self::from_le_bytes(*first))
            }
        }
    )*};
}
fixed!(u8, u32, u64, u128);

impl OctetWriter {
    /// A number.
    pub(in crate::asn) fn one(&mut self, number: impl FixedWidth) {
        number.put(&mut self.0);
    }

    /// A list: its length, then its numbers.
    pub(in crate::asn) fn list<T: FixedWidth>(
        &mut self,
        numbers: impl ExactSizeIterator<Item = T>,
    ) {
        self.one(numbers.len() as u64);
        self.0.reserve(numbers.len() * size_of::<T>());
        numbers.for_each(|number| number.put(&mut self.0));
    }
}

impl OctetReader<'_> {
    /// A number.
    pub(in crate::asn) fn one<T: FixedWidth>(&mut self) -> Option<T> {
        T::take(&mut self.0)
    }

    /// A list.
    pub(in crate::asn) fn list<T: FixedWidth>(&mut self) -> Option<Vec<T>> {
        let length = usize::try_from(self.one::<u64>()?).ok()?;
        let (mut list, rest) = self
            .0
            .split_at_checked(length.checked_mul(size_of::<T>())?)?;
        self.0 = rest;
        let mut numbers = Vec::with_capacity(length);
        while let Some(number) = T::take(&mut list) {
            numbers.push(number);
        }
        Some(numbers)
    }
}
