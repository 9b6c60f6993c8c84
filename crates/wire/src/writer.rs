//! Writes a message from front to back.

/// Where a message is written. Every write either has its place or gives `None`, and nothing is
/// written beyond the end.
#[derive(Debug)]
pub struct Writer<'a> {
    rest: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// Starts at the front of `out`.
    #[inline]
    pub fn new(out: &'a mut [u8]) -> Self {
        Writer { rest: out, len: 0 }
    }

    /// Octets written.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Octets that there is room for in all, those written with them.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.len.wrapping_add(self.rest.len())
    }

    /// Takes the next `len` octets, to be filled by the caller.
    #[inline]
    pub fn take(&mut self, len: usize) -> Option<&'a mut [u8]> {
        let (taken, rest) = core::mem::take(&mut self.rest).split_at_mut_checked(len)?;
        self.rest = rest;
        self.len = self.len.wrapping_add(len);
        Some(taken)
    }

    /// Writes octets.
    #[inline]
    pub fn write(&mut self, octets: &[u8]) -> Option<()> {
        self.take(octets.len())?.copy_from_slice(octets);
        Some(())
    }

    /// Writes two octets in network order.
    #[inline]
    pub fn write_u16(&mut self, number: u16) -> Option<()> {
        self.write(&number.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::Writer;

    #[test]
    fn nothing_is_written_beyond_the_end() {
        let mut out = [0u8; 5];
        let mut writer = Writer::new(&mut out);
        assert_eq!(writer.write(&[1, 2, 3]), Some(()));
        assert_eq!(writer.write_u16(0x0405), Some(()));
        assert_eq!(writer.len(), 5);
        assert_eq!(writer.write(&[6]), None);
        assert_eq!(out, [1, 2, 3, 4, 5]);
    }
}
