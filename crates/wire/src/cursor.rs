//! Takes octets off the front of a message.

/// What is left to read of a message. Every `take` either gives all it was asked for or `None`,
/// and then the message was cut short.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Starts at the front of `octets`.
    pub fn new(octets: &'a [u8]) -> Self {
        Cursor { rest: octets }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes `N` octets.
    #[inline]
    pub fn take_array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes `len` octets.
    #[inline]
    pub fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    /// Takes one octet.
    #[inline]
    pub fn take_u8(&mut self) -> Option<u8> {
        self.take_array().map(|[octet]| *octet)
    }

    /// Takes two octets in network order.
    #[inline]
    pub fn take_u16(&mut self) -> Option<u16> {
        self.take_array().map(|octets| u16::from_be_bytes(*octets))
    }
}
