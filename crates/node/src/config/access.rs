//! Who may ask: address prefixes and rules, as an operator writes them.

use imrs_zone::Name;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The addresses that start with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

/// Whom a rule lets in: whoever fulfils all that it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where from; from anywhere when absent.
    pub from: Option<Prefix>,
    /// By which key the request has to be signed; unsigned will do when absent.
    pub key: Option<Name>,
    /// Whether it has to come over TLS.
    pub tls: bool,
}

impl Prefix {
    /// Its first address.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits it fixes.
    pub fn length(self) -> u8 {
        self.length
    }

    /// The prefix of one address alone.
    pub fn of(address: IpAddr) -> Self {
        let length = if address.is_ipv4() { 32 } else { 128 };
        Prefix { address, length }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a prefix of addresses; write it as 192.0.2.0/24 or 2001:db8::/32"
            )
        };
        let (address, length) = match text.split_once('/') {
            None => return text.parse().map(Prefix::of).map_err(|_| wrong()),
            Some((address, length)) => (address, length),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let digits = length.bytes().all(|octet| octet.is_ascii_digit());
        let length: u8 = length.parse().map_err(|_| wrong())?;
        let longest = Prefix::of(address).length;
        if !digits || length > longest {
            return Err(wrong());
        }
        let first = truncate(address, length);
        if first != address {
            return Err(format!(
                "`{text}` has bits set behind its {length}; write {first}/{length} for all of these \
                 addresses, or {address} for the one"
            ));
        }
        Ok(Prefix { address, length })
    }
}

/// The address with all bits after the first `length` cleared.
fn truncate(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}
