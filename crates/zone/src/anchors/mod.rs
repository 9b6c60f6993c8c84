//! Trust anchors: built in for the root, or read from a file.
//!
//! A file is in the XML form of RFC 7958 ([`xml`]) or a master file of DS or DNSKEY records. This
//! module does not know what is signed with the keys.

mod xml;

use crate::read::{Problem, ReadError, scan};
use crate::record::{Data, Name, Record, UnixTime};
use bytes::Bytes;
use domain::base::ToName;
use domain::base::iana::{DigestAlgorithm, SecurityAlgorithm};
use domain::base::rdata::ComposeRecordData;
use domain::rdata::{Dnskey, Ds, ZoneRecordData};
use ring::digest;

/// The keys that are trusted to sign the DNSKEY RRset of one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchors {
    zone: Name,
    anchors: Vec<Anchor>,
}

/// One trusted key, and when it is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    key: Trusted,
    from: Option<UnixTime>,
    until: Option<UnixTime>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Trusted {
    Digest(Ds<Bytes>),
    Key(Dnskey<Bytes>),
}

/// Why trust anchors could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// Not a master file of DS or DNSKEY records.
    #[error(transparent)]
    Text(ReadError),
    /// Not XML, or not of the form of RFC 7958.
    #[error("line {line}, column {column}: {problem}")]
    Xml {
        /// The line, from 1.
        line: u32,
        /// The column, from 1.
        column: u32,
        /// What is wrong there, and what would be right.
        problem: String,
    },
    /// No anchor at all.
    #[error("no trust anchor; give DS or DNSKEY records, or XML of RFC 7958")]
    Empty,
    /// Anchors of more than one zone.
    #[error("anchors of {} and of {}; give each zone its own file", .0.fmt_with_dot(), .1.fmt_with_dot())]
    TwoZones(Name, Name),
}

impl Anchors {
    /// The anchors of the root: KSK-2017 and KSK-2024, as IANA publishes them.
    pub fn root() -> Self {
        let anchor = |tag, digest: &'static [u8; 32]| {
            let sha256 = DigestAlgorithm::SHA256;
            let digest = Bytes::from_static(digest);
            let ds = Ds::new(tag, SecurityAlgorithm::RSASHA256, sha256, digest);
            Some(Anchor::always(Trusted::Digest(ds.ok()?)))
        };
        Anchors {
            zone: Name::root_bytes(),
            anchors: [anchor(20326, &KSK_2017), anchor(38696, &KSK_2024)]
                .into_iter()
                .flatten()
                .collect(),
        }
    }

    /// No anchors: nothing that is signed in the zone can be proven.
    pub fn none(zone: Name) -> Self {
        Anchors {
            zone,
            anchors: Vec::new(),
        }
    }

    /// Reads a file of anchors, all of one zone.
    pub fn read(text: &[u8]) -> Result<Self, AnchorError> {
        let first = text.iter().find(|octet| !octet.is_ascii_whitespace());
        match first {
            None => Err(AnchorError::Empty),
            Some(b'<' | 0xef) => xml::read(text),
            Some(_) => read_records(text),
        }
    }

    /// The anchors that a parent zone proves by the DS RRset of this child. Those of unknown
    /// algorithms are passed over; none that is left means that the child is not known to be
    /// secure (RFC 4035 section 5.2).
    pub(crate) fn of_child(child: &Name, ds: &[Record]) -> Self {
        let mut anchors = Anchors::none(child.clone());
        for record in ds {
            if let ZoneRecordData::Ds(ds) = record.data()
                && hash(ds.digest_type()).is_some()
                && is_supported(ds.algorithm())
            {
                anchors
                    .anchors
                    .push(Anchor::always(Trusted::Digest(ds.clone())));
            }
        }
        anchors
    }

    /// The zone whose keys these are.
    pub fn zone(&self) -> &Name {
        &self.zone
    }

    /// Whether there is no anchor.
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// The anchors that are trusted at `now`.
    pub fn valid_at(&self, now: UnixTime) -> impl Iterator<Item = &Anchor> {
        self.anchors
            .iter()
            .filter(move |anchor| anchor.from.is_none_or(|from| from <= now))
            .filter(move |anchor| anchor.until.is_none_or(|until| now < until))
    }

    fn push(&mut self, zone: &Name, anchor: Anchor) -> Result<(), AnchorError> {
        if !self.zone.name_eq(zone) {
            return Err(AnchorError::TwoZones(self.zone.clone(), zone.clone()));
        }
        self.anchors.push(anchor);
        Ok(())
    }
}

impl Anchor {
    fn always(key: Trusted) -> Self {
        Anchor {
            key,
            from: None,
            until: None,
        }
    }

    /// The tag of the key (RFC 4034 appendix B).
    pub fn key_tag(&self) -> u16 {
        match &self.key {
            Trusted::Digest(ds) => ds.key_tag(),
            Trusted::Key(key) => key_tag(key),
        }
    }

    /// Whether `key` of the zone `owner` is the one that is trusted.
    pub(crate) fn matches(&self, owner: &Name, key: &Dnskey<Bytes>) -> bool {
        match &self.key {
            Trusted::Key(trusted) => trusted == key,
            Trusted::Digest(ds) => {
                ds.algorithm() == key.algorithm()
                    && ds.key_tag() == key_tag(key)
                    && digest_of(owner, key, ds.digest_type())
                        .is_some_and(|digest| digest.as_ref() == ds.digest().as_ref())
            }
        }
    }
}

fn read_records(text: &[u8]) -> Result<Anchors, AnchorError> {
    let mut found: Vec<(Name, Anchor)> = Vec::new();
    scan(text, None, |place, record| {
        let rtype = record.rtype();
        let (owner, data) = record.into_owner_and_data();
        let key = match data {
            Data::Ds(ds) if hash(ds.digest_type()).is_none() => {
                let words = "a DS here has digest type 2 (SHA-256) or 4 (SHA-384)";
                return Err(place.problem(text, Problem::Misplaced(words.to_owned())));
            }
            Data::Ds(ds) => Trusted::Digest(ds),
            Data::Dnskey(key) => Trusted::Key(key),
            _ => {
                let words = format!("{rtype} is no trust anchor; only DS and DNSKEY stand here");
                return Err(place.problem(text, Problem::Misplaced(words)));
            }
        };
        found.push((owner, Anchor::always(key)));
        Ok(())
    })
    .map_err(AnchorError::Text)?;
    let (zone, _) = found.first().ok_or(AnchorError::Empty)?;
    let mut anchors = Anchors::none(zone.clone());
    for (zone, anchor) in found {
        anchors.push(&zone, anchor)?;
    }
    Ok(anchors)
}

/// The tag of a key (RFC 4034 appendix B).
pub(crate) fn key_tag(key: &Dnskey<Bytes>) -> u16 {
    let head = [
        key.flags().to_be_bytes(),
        [key.protocol(), key.algorithm().to_int()],
    ]
    .concat();
    let sum: u32 = head
        .iter()
        .chain(key.public_key())
        .enumerate()
        .map(|(at, &octet)| u32::from(octet) << if at % 2 == 0 { 8 } else { 0 })
        .fold(0, u32::wrapping_add);
    sum.wrapping_add(sum >> 16) as u16
}

/// The digest of a key as a DS record has it (RFC 4034 section 5.1.4).
fn digest_of(owner: &Name, key: &Dnskey<Bytes>, kind: DigestAlgorithm) -> Option<digest::Digest> {
    let mut octets = Vec::new();
    let Ok(()) = owner.compose_canonical(&mut octets);
    let Ok(()) = key.compose_rdata(&mut octets);
    Some(digest::digest(hash(kind)?, &octets))
}

/// The hash of a DS digest type, if it is supported. SHA-1 is not: RFC 8624 section 3.3 has it on
/// its way out, and neither the root nor its children's DS RRsets rest on it alone.
fn hash(kind: DigestAlgorithm) -> Option<&'static digest::Algorithm> {
    match kind {
        DigestAlgorithm::SHA256 => Some(&digest::SHA256),
        DigestAlgorithm::SHA384 => Some(&digest::SHA384),
        _ => None,
    }
}

/// Whether signatures of this algorithm can be checked.
pub(crate) fn is_supported(algorithm: SecurityAlgorithm) -> bool {
    matches!(
        algorithm,
        SecurityAlgorithm::RSASHA256
            | SecurityAlgorithm::RSASHA512
            | SecurityAlgorithm::ECDSAP256SHA256
            | SecurityAlgorithm::ECDSAP384SHA384
            | SecurityAlgorithm::ED25519
    )
}

/// The SHA-256 digest of KSK-2017, key tag 20326.
const KSK_2017: [u8; 32] = [
    0xe0, 0x6d, 0x44, 0xb8, 0x0b, 0x8f, 0x1d, 0x39, 0xa9, 0x5c, 0x0b, 0x0d, 0x7c, 0x65, 0xd0, 0x84,
    0x58, 0xe8, 0x80, 0x40, 0x9b, 0xbc, 0x68, 0x34, 0x57, 0x10, 0x42, 0x37, 0xc7, 0xf8, 0xec, 0x8d,
];

/// The SHA-256 digest of KSK-2024, key tag 38696.
const KSK_2024: [u8; 32] = [
    0x68, 0x3d, 0x2d, 0x0a, 0xcb, 0x8c, 0x9b, 0x71, 0x2a, 0x19, 0x48, 0xb2, 0x7f, 0x74, 0x12, 0x19,
    0x29, 0x8d, 0x0a, 0x45, 0x0d, 0x61, 0x2c, 0x48, 0x3a, 0xf4, 0x44, 0xa4, 0xc0, 0xfb, 0x2b, 0x16,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check_error(text: &str, expected: &str) {
        let error = Anchors::read(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }

    fn tags(anchors: &Anchors, now: u64) -> Vec<u16> {
        anchors
            .valid_at(UnixTime(now))
            .map(Anchor::key_tag)
            .collect()
    }

    const DS: &str = ". IN DS 20326 8 2 \
        E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";

    #[test]
    fn records_are_anchors() {
        let anchors = Anchors::read(DS.as_bytes()).unwrap();
        assert_eq!(anchors.anchors, Anchors::root().anchors[..1]);
        check_error(
            "",
            "no trust anchor; give DS or DNSKEY records, or XML of RFC 7958",
        );
        check_error(
            "; nothing",
            "no trust anchor; give DS or DNSKEY records, or XML of RFC 7958",
        );
        check_error(
            &format!("{DS}\n. IN NS a."),
            "line 2, column 1: NS is no trust anchor; only DS and DNSKEY stand here",
        );
        check_error(
            &format!("{DS}\narpa. IN DS 1 8 2 00"),
            "anchors of . and of arpa.; give each zone its own file",
        );
        check_error(
            ". IN DS 1 8 1 00",
            "line 1, column 1: a DS here has digest type 2 (SHA-256) or 4 (SHA-384)",
        );
        check_error(
            ". IN DS 1 8 2 0g",
            "line 1, column 15: `0g`: expected hex digits",
        );
    }

    #[test]
    fn xml_anchors_hold_from_and_until() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <TrustAnchor id="a" source="b"><Zone>.</Zone>
              <KeyDigest id="c" validFrom="1970-01-01T00:00:10+00:00"
                         validUntil="1970-01-01T00:00:20Z">
                <KeyTag>7</KeyTag><Algorithm>8</Algorithm>
                <DigestType>2</DigestType><Digest>00FF</Digest></KeyDigest>
              <KeyDigest id="d" validFrom="1970-01-01T01:00:15+01:00">
                <KeyTag>8</KeyTag><Algorithm>8</Algorithm>
                <DigestType>2</DigestType><Digest>00 ff</Digest></KeyDigest>
            </TrustAnchor>"#;
        let anchors = Anchors::read(text.as_bytes()).unwrap();
        assert_eq!(tags(&anchors, 9), []);
        assert_eq!(tags(&anchors, 10), [7]);
        assert_eq!(tags(&anchors, 15), [7, 8]);
        assert_eq!(tags(&anchors, 20), [8]);
        check_error(
            &text.replace("<KeyTag>7<", "<KeyTag>70000<"),
            "line 5, column 17: `70000` in <KeyTag> is not a number from 0 to 65535",
        );
        check_error(
            &text.replace("</TrustAnchor>", ""),
            "line 1, column 1: not well-formed XML: the root node was opened but never closed",
        );
        check_error(
            &text.replace("Zone", "Area"),
            "line 2, column 13: <Zone> is missing in <TrustAnchor>",
        );
        check_error(
            &text.replace("00FF", "00F"),
            "line 6, column 43: `00F` in <Digest> is not hexadecimal",
        );
        check_error(
            &text.replace("1970-01-01T00:00:10+00:00", "yesterday"),
            "line 3, column 15: `yesterday` in validFrom is not a time such as 2017-02-02T00:00:00Z",
        );
    }
}
