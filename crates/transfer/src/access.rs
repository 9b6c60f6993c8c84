//! Who may ask: rules of addresses, keys and TLS.
//!
//! A list of rules allows what one of them allows; the empty list allows nothing.

use imrs_zone::Name;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    address: IpAddr,
    len: u8,
}

/// Why a text is no prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPrefix {
    /// What stands before the slash is no address.
    #[error("`{0}` is no address; write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32")]
    Address(String),
    /// What stands behind the slash is no length for this kind of address.
    #[error("`{found}` is no length of a prefix; {address} takes 0 to {max}")]
    Length {
        /// The address.
        address: IpAddr,
        /// What stands there.
        found: String,
        /// Bits of the address.
        max: u8,
    },
    /// Bits behind the prefix are set, so that another one may be meant.
    #[error("{address} has bits set behind the first {len}; {prefix} would be right")]
    LooseBits {
        /// The address.
        address: IpAddr,
        /// Bits of the prefix.
        len: u8,
        /// The prefix without them.
        prefix: Prefix,
    },
    /// An IPv4 address in the form of IPv6: peers are known by their IPv4 address.
    #[error("{0} is an IPv4 address; write it as one")]
    Mapped(IpAddr),
}

/// One way to be allowed. Everything that it demands must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Where the peer must be; anywhere if absent.
    pub from: Option<Prefix>,
    /// By which key the request must be signed; it need not be signed if absent.
    pub key: Option<Name>,
    /// Whether it must come over TLS.
    pub tls: bool,
}

/// Whether one of the rules allows what `peer` asks. `key` is the one by which its request was
/// signed, already checked.
pub fn allows(rules: &[Rule], peer: IpAddr, key: Option<&Name>, over_tls: bool) -> bool {
    rules.iter().any(|rule| {
        let here = rule.from.is_none_or(|prefix| prefix.contains(peer));
        let signed = rule.key.as_ref().is_none_or(|name| key == Some(name));
        here && signed && (over_tls || !rule.tls)
    })
}

impl Prefix {
    /// The first `len` bits of `address`.
    pub fn new(address: IpAddr, len: u8) -> Result<Self, NoPrefix> {
        if address.to_canonical() != address {
            return Err(NoPrefix::Mapped(address));
        }
        let max = bits(address);
        if len > max {
            let found = len.to_string();
            return Err(NoPrefix::Length {
                address,
                found,
                max,
            });
        }
        let prefix = Prefix {
            address: masked(address, len),
            len,
        };
        if prefix.address != address {
            return Err(NoPrefix::LooseBits {
                address,
                len,
                prefix,
            });
        }
        Ok(prefix)
    }

    /// Its first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Its length in bits.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a length in bits; no prefix is empty of addresses"
    )]
    pub fn len(&self) -> u8 {
        self.len
    }

    /// Whether `address` begins with it. An IPv4 address counts as such in either form.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.len) == self.address
    }
}

/// The address with all but its first `len` bits cleared.
fn masked(address: IpAddr, len: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(len)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl From<IpAddr> for Prefix {
    /// This one address.
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let len = bits(address);
        Prefix { address, len }
    }
}

impl FromStr for Prefix {
    type Err = NoPrefix;

    fn from_str(text: &str) -> Result<Self, NoPrefix> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len)),
            None => (text, None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            return Err(NoPrefix::Address(address.to_owned()));
        };
        let max = bits(address);
        match len.map_or(Ok(max), str::parse) {
            Ok(len) => Prefix::new(address, len),
            Err(_) => Err(NoPrefix::Length {
                address,
                found: len.unwrap_or_default().to_owned(),
                max,
            }),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, expected: Result<&str, &str>) {
        let found = text.parse::<Prefix>();
        let found = found
            .map(|prefix| prefix.to_string())
            .map_err(|error| error.to_string());
        assert_eq!(
            found.as_deref().map_err(String::as_str),
            expected,
            "{text:?}"
        );
    }

    #[test]
    fn prefixes_are_read_or_refused_with_the_remedy() {
        parse("192.0.2.0/24", Ok("192.0.2.0/24"));
        parse("192.0.2.1", Ok("192.0.2.1/32"));
        parse("0.0.0.0/0", Ok("0.0.0.0/0"));
        parse("2001:db8::/32", Ok("2001:db8::/32"));
        parse("::1", Ok("::1/128"));
        parse("::/0", Ok("::/0"));
        parse(
            "192.0.2.1/24",
            Err("192.0.2.1 has bits set behind the first 24; 192.0.2.0/24 would be right"),
        );
        parse(
            "2001:db8::1/127",
            Err("2001:db8::1 has bits set behind the first 127; 2001:db8::/127 would be right"),
        );
        parse(
            "192.0.2.0/33",
            Err("`33` is no length of a prefix; 192.0.2.0 takes 0 to 32"),
        );
        parse(
            "192.0.2.0/",
            Err("`` is no length of a prefix; 192.0.2.0 takes 0 to 32"),
        );
        parse(
            "::/300",
            Err("`300` is no length of a prefix; :: takes 0 to 128"),
        );
        parse(
            "ns1.example",
            Err("`ns1.example` is no address; write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32"),
        );
        parse(
            "::ffff:192.0.2.0/120",
            Err("::ffff:192.0.2.0 is an IPv4 address; write it as one"),
        );
    }

    fn contains(prefix: &str, address: &str, expected: bool) {
        let prefix: Prefix = prefix.parse().unwrap();
        let found = prefix.contains(address.parse().unwrap());
        assert_eq!(found, expected, "{address} in {prefix}");
    }

    #[test]
    fn a_prefix_contains_the_addresses_that_begin_with_it() {
        contains("192.0.2.0/24", "192.0.2.255", true);
        contains("192.0.2.0/24", "192.0.3.0", false);
        contains("192.0.2.1", "192.0.2.1", true);
        contains("192.0.2.1", "192.0.2.0", false);
        contains("0.0.0.0/0", "203.0.113.9", true);
        contains("0.0.0.0/0", "2001:db8::1", false);
        contains("::/0", "2001:db8::1", true);
        contains("2001:db8::/33", "2001:db8:7fff::1", true);
        contains("2001:db8::/33", "2001:db8:8000::1", false);
        // A socket for both families gives IPv4 peers in this form.
        contains("192.0.2.0/24", "::ffff:192.0.2.9", true);
        contains("::/0", "::ffff:192.0.2.9", false);
    }

    fn check(rules: &[(&str, &str, bool)], peer: &str, key: &str, over_tls: bool, expected: bool) {
        let name = |text: &str| (!text.is_empty()).then(|| text.parse::<Name>().unwrap());
        let rules: Vec<Rule> = rules
            .iter()
            .map(|&(from, key, tls)| Rule {
                from: (!from.is_empty()).then(|| from.parse().unwrap()),
                key: name(key),
                tls,
            })
            .collect();
        let found = allows(&rules, peer.parse().unwrap(), name(key).as_ref(), over_tls);
        assert_eq!(
            found, expected,
            "{rules:?} for {peer} {key:?} TLS {over_tls}"
        );
    }

    #[test]
    fn a_request_is_allowed_where_one_rule_holds_whole() {
        check(&[], "192.0.2.1", "k", true, false);
        check(&[("", "", false)], "192.0.2.1", "", false, true);
        check(&[("192.0.2.0/24", "", false)], "192.0.2.1", "", false, true);
        check(
            &[("192.0.2.0/24", "", false)],
            "192.0.3.1",
            "k",
            true,
            false,
        );
        check(&[("", "k", false)], "192.0.2.1", "K", false, true);
        check(&[("", "k", false)], "192.0.2.1", "j", false, false);
        check(&[("", "k", false)], "192.0.2.1", "", false, false);
        // What one rule lacks the other does not add.
        let both = [("192.0.2.0/24", "k", false), ("192.0.3.0/24", "j", false)];
        check(&both, "192.0.2.1", "j", false, false);
        check(&both, "192.0.3.1", "j", false, true);
    }

    #[test]
    fn a_rule_that_demands_tls_allows_nothing_over_plain_tcp() {
        let rules = [("192.0.2.0/24", "k", true)];
        check(&rules, "192.0.2.1", "k", false, false);
        check(&rules, "192.0.2.1", "k", true, true);
        check(&rules, "192.0.2.1", "", true, false);
    }
}
