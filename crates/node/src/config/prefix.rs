//! A prefix that is announced, and who may be a neighbor: values that BIRD is given as they are.

use imrs_wire::Family;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A prefix of unicast addresses without bits beyond its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

/// Longest prefixes that networks take from each other (RFC 7454 section 6.1.3).
const LONGEST: (u8, u8) = (24, 48);

/// Shortest prefixes that make sense: no registry gives out larger ones.
const SHORTEST: (u8, u8) = (8, 16);

impl Prefix {
    /// Its first address.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// Its length in bits.
    #[must_use]
    pub fn length(self) -> u8 {
        self.length
    }

    /// Its family.
    #[must_use]
    pub fn family(self) -> Family {
        Family::of(self.address)
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        Family::of(address) == self.family() && masked(address, self.length) == self.address
    }

    /// Whether networks drop it, as it is longer than what they take from each other.
    #[must_use]
    pub fn is_long(self) -> bool {
        self.length > self.by_family(LONGEST)
    }

    /// Length of the longest prefix of its family that networks take.
    #[must_use]
    pub fn longest(self) -> u8 {
        self.by_family(LONGEST)
    }

    fn by_family(self, (v4, v6): (u8, u8)) -> u8 {
        match self.family() {
            Family::V4 => v4,
            Family::V6 => v6,
        }
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
        let parsed = text.split_once('/').and_then(|(address, length)| {
            let address: IpAddr = address.parse().ok()?;
            let length: u8 = length.parse().ok()?;
            (length <= width(address)).then_some(Prefix { address, length })
        });
        let Some(prefix) = parsed else {
            return Err(format!(
                "`{text}` is not a prefix; write it as 192.0.2.0/24 or 2001:db8:53::/48"
            ));
        };
        let address = masked(prefix.address, prefix.length);
        let proper = Prefix { address, ..prefix };
        if proper != prefix {
            return Err(format!(
                "`{text}` has bits beyond its length; write {proper}"
            ));
        }
        if prefix.length < prefix.by_family(SHORTEST) {
            return Err(format!(
                "`{text}` would take traffic of others; write the prefix that you hold, such as a \
                 /{}",
                prefix.longest()
            ));
        }
        if !is_unicast(address) {
            return Err(format!("`{text}` is not of unicast addresses"));
        }
        Ok(prefix)
    }
}

/// Whether an address is one that a host can have and others reach.
pub(super) fn is_unicast(address: IpAddr) -> bool {
    let is_other = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    let is_link = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || address.to_ipv4_mapped().is_some()
        }
    };
    !is_other && !is_link
}

/// What is wrong with an AS number, if it can be nobody's.
pub(super) fn check_asn(asn: u32) -> Result<(), String> {
    let why = match asn {
        0 => "is nobody's (RFC 7607)",
        23_456 => "stands for numbers of four octets and is nobody's (RFC 6793)",
        65_535 | u32::MAX => "is reserved (RFC 7300)",
        65_552..=131_071 => "is reserved by IANA",
        _ => return Ok(()),
    };
    Err(format!(
        "AS number {asn} {why}; write the one that you were given, or of your own network one of \
         64512 to 65534"
    ))
}

/// Whether an AS number is for use within one's own network (RFC 6996).
pub(super) fn is_private(asn: u32) -> bool {
    matches!(asn, 64_512..=65_534 | 4_200_000_000..=4_294_967_294)
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4((u32::from(v4) & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6((u128::from(v6) & mask).into())
        }
    }
}
