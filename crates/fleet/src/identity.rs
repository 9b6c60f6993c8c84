//! Who a site and a node are: `aa01-ke-nbo`, and `aa01-ke-nbo-n3` for the third node of a Cluster.
//!
//! Two letters and two digits tell sites of one city apart, then come the country (ISO 3166-1
//! alpha-2) and the airport of the city (IATA). NSID, `id.server` and `hostname.bind` say the same.

use crate::limits::NODE_NUMBER_MAX;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// What is no name of a site or node.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// Too few or too many parts between hyphens.
    #[error(
        "{0:?} has {1} parts; a name is SITE-COUNTRY-AIRPORT as in aa01-ke-nbo, a node's ends in -n3"
    )]
    Parts(String, usize),
    /// The part that tells sites of a city apart.
    #[error("{0:?} is not two letters and two digits, such as aa01")]
    Label(String),
    /// The country.
    #[error("{0:?} is not the two letters of a country, such as ke (ISO 3166-1)")]
    Country(String),
    /// The airport.
    #[error("{0:?} is not the three letters of an airport, such as nbo (IATA)")]
    Airport(String),
    /// The number of a node.
    #[error("{0:?} is not n and a number from 1 to {NODE_NUMBER_MAX}, such as n3")]
    Number(String),
    /// A node where a site alone is meant.
    #[error("{0:?} names a node; the site alone is meant, such as aa01-ke-nbo")]
    NotASite(String),
    /// A host name outside of the domain.
    #[error("{0:?} is not one label below {1}, such as aa01-ke-nbo.{1}")]
    Domain(String, String),
}

/// The name of a site, in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteId {
    label: [u8; 4],
    country: [u8; 2],
    airport: [u8; 3],
}

/// The number of a node within its site, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeNumber(u8);

/// The name of a node: that of a Single is its site's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// Where it is.
    pub site: SiteId,
    /// Which it is there, if there are several.
    pub node: Option<NodeNumber>,
}

/// `part` as exactly so many letters, in lower case.
fn letters<const N: usize>(part: &str) -> Option<[u8; N]> {
    let octets: [u8; N] = part.as_bytes().try_into().ok()?;
    octets
        .iter()
        .all(u8::is_ascii_alphabetic)
        .then(|| octets.map(|octet| octet.to_ascii_lowercase()))
}

/// The two letters and two digits.
fn label(part: &str) -> Option<[u8; 4]> {
    let octets: [u8; 4] = part.as_bytes().try_into().ok()?;
    let [a, b, c, d] = octets;
    let is_label = a.is_ascii_alphabetic()
        && b.is_ascii_alphabetic()
        && c.is_ascii_digit()
        && d.is_ascii_digit();
    is_label.then(|| octets.map(|octet| octet.to_ascii_lowercase()))
}

/// Of ASCII by construction.
fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap_or_default()
}

impl SiteId {
    /// The country, as in ISO 3166-1 alpha-2 but in lower case.
    #[must_use]
    pub fn country(&self) -> &str {
        text(&self.country)
    }

    /// The airport, as by IATA but in lower case.
    #[must_use]
    pub fn airport(&self) -> &str {
        text(&self.airport)
    }
}

impl NodeNumber {
    /// A number from 1 to [`NODE_NUMBER_MAX`].
    #[must_use]
    pub fn new(number: u8) -> Option<NodeNumber> {
        (1..=NODE_NUMBER_MAX)
            .contains(&number)
            .then_some(NodeNumber(number))
    }

    /// As a number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl NodeId {
    /// The name as a host below `domain`: `aa01-in-bom.l.dns.icann.org`.
    #[must_use]
    pub fn host_name(&self, domain: &str) -> String {
        format!("{self}.{}", domain.trim_end_matches('.'))
    }

    /// The node of a host name below `domain`.
    pub fn from_host_name(name: &str, domain: &str) -> Result<NodeId, IdentityError> {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        let lower = name.trim_end_matches('.').to_ascii_lowercase();
        lower
            .strip_suffix(&domain)
            .and_then(|rest| rest.strip_suffix('.'))
            .filter(|label| !label.contains('.'))
            .ok_or_else(|| IdentityError::Domain(name.to_owned(), domain.clone()))?
            .parse()
    }
}

impl FromStr for NodeNumber {
    type Err = IdentityError;

    fn from_str(part: &str) -> Result<Self, IdentityError> {
        part.strip_prefix(['n', 'N'])
            .filter(|digits| !digits.starts_with(['0', '+']))
            .and_then(|digits| digits.parse().ok())
            .and_then(NodeNumber::new)
            .ok_or_else(|| IdentityError::Number(part.to_owned()))
    }
}

impl FromStr for NodeId {
    type Err = IdentityError;

    fn from_str(name: &str) -> Result<Self, IdentityError> {
        let parts: Vec<&str> = name.split('-').collect();
        let (site, node) = match parts[..] {
            [label, country, airport] => ([label, country, airport], None),
            [label, country, airport, node] => ([label, country, airport], Some(node)),
            _ => return Err(IdentityError::Parts(name.to_owned(), parts.len())),
        };
        let [first, country, airport] = site;
        let site = SiteId {
            label: label(first).ok_or_else(|| IdentityError::Label(first.to_owned()))?,
            country: letters(country).ok_or_else(|| IdentityError::Country(country.to_owned()))?,
            airport: letters(airport).ok_or_else(|| IdentityError::Airport(airport.to_owned()))?,
        };
        let node = node.map(str::parse).transpose()?;
        Ok(NodeId { site, node })
    }
}

impl FromStr for SiteId {
    type Err = IdentityError;

    fn from_str(name: &str) -> Result<Self, IdentityError> {
        match name.parse()? {
            NodeId { site, node: None } => Ok(site),
            _ => Err(IdentityError::NotASite(name.to_owned())),
        }
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}-{}-{}",
            text(&self.label),
            self.country(),
            self.airport()
        )
    }
}

impl fmt::Debug for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for NodeNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Some(node) => write!(f, "{}-{node}", self.site),
            None => write!(f, "{}", self.site),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: &str) {
        let said = match name.parse::<NodeId>() {
            Ok(node) => node.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(said.contains(expected), "{name}: {said}");
    }

    #[test]
    fn a_name_follows_the_grammar_or_is_told_what_would() {
        check("aa01-ke-nbo", "aa01-ke-nbo");
        check("AA01-IN-BOM", "aa01-in-bom");
        check("aa01-ke-nbo-n3", "aa01-ke-nbo-n3");
        check("aa01-ke-nbo-n99", "aa01-ke-nbo-n99");
        check("bah01", "1 parts; a name is SITE-COUNTRY-AIRPORT");
        check("a101-ke-nbo", "not two letters and two digits");
        check("aa01-ken-nbo", "two letters of a country");
        check("aa01-ke-nb", "three letters of an airport");
        check("aa01-ke-nbo-3", "n and a number from 1 to 99");
        check("aa01-ke-nbo-n0", "n and a number from 1 to 99");
        check("aa01-ke-nbo-n03", "n and a number from 1 to 99");
        check("aa01-ke-nbo-n100", "n and a number from 1 to 99");
        check("åa01-ke-nbo", "not two letters and two digits");
    }

    #[test]
    fn a_site_is_not_named_by_a_node() {
        let error = "aa01-ke-nbo-n1".parse::<SiteId>().unwrap_err();
        assert!(matches!(error, IdentityError::NotASite(_)));
    }

    #[test]
    fn a_host_name_is_one_label_below_its_domain() {
        let node: NodeId = "aa01-in-bom".parse().unwrap();
        let name = node.host_name("l.dns.icann.org.");
        assert_eq!(name, "aa01-in-bom.l.dns.icann.org");
        assert_eq!(NodeId::from_host_name(&name, "l.dns.icann.org"), Ok(node));
        for other in [
            "aa01-in-bom.example",
            "a.aa01-in-bom.l.dns.icann.org",
            "l.dns.icann.org",
        ] {
            let error = NodeId::from_host_name(other, "l.dns.icann.org").unwrap_err();
            assert!(matches!(error, IdentityError::Domain(..)), "{other}");
        }
    }
}
