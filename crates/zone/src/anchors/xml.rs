//! Trust anchors in the XML form of RFC 7958 section 2.

use super::{Anchor, AnchorError, Anchors, Trusted};
use crate::record::{Name, UnixTime};
use bytes::Bytes;
use domain::base::iana::{DigestAlgorithm, SecurityAlgorithm};
use domain::rdata::Ds;
use roxmltree::{Document, Node};

/// Reads a `TrustAnchor` document.
pub(super) fn read(text: &[u8]) -> Result<Anchors, AnchorError> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let before = text.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|&&octet| octet == b'\n').count();
        AnchorError::Xml {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: 1,
            problem: "not UTF-8".to_owned(),
        }
    })?;
    let document = Document::parse(text).map_err(|error| AnchorError::Xml {
        line: error.pos().row,
        column: error.pos().col,
        problem: format!("not well-formed XML: {}", without_place(&error)),
    })?;
    let root = document.root_element();
    if !root.has_tag_name("TrustAnchor") {
        let problem = format!("<{}> is not <TrustAnchor>", root.tag_name().name());
        return Err(at(root, problem));
    }
    let (zone_node, zone) = child(root, "Zone")?;
    let zone: Name = zone
        .parse()
        .map_err(|_| at(zone_node, format!("`{zone}` is not a domain name")))?;
    let mut anchors = Anchors::none(zone);
    for node in root
        .children()
        .filter(|node| node.has_tag_name("KeyDigest"))
    {
        anchors.anchors.push(key_digest(node)?);
    }
    match anchors.is_empty() {
        true => Err(AnchorError::Empty),
        false => Ok(anchors),
    }
}

fn key_digest(node: Node<'_, '_>) -> Result<Anchor, AnchorError> {
    let tag = number(node, "KeyTag", u16::MAX)?;
    let algorithm = small_number(node, "Algorithm")?;
    let digest_type = DigestAlgorithm::from_int(small_number(node, "DigestType")?);
    if super::hash(digest_type).is_none() {
        let (node, value) = child(node, "DigestType")?;
        let problem = format!("digest type {value} is not supported; 2 (SHA-256) and 4 are");
        return Err(at(node, problem));
    }
    let (digest_node, digest) = child(node, "Digest")?;
    let octets = hexadecimal(digest).ok_or_else(|| {
        at(
            digest_node,
            format!("`{digest}` in <Digest> is not hexadecimal"),
        )
    })?;
    let algorithm = SecurityAlgorithm::from_int(algorithm);
    let ds = Ds::new(tag, algorithm, digest_type, Bytes::from(octets))
        .map_err(|_| at(digest_node, "the digest is too long".to_owned()))?;
    Ok(Anchor {
        key: Trusted::Digest(ds),
        from: time(node, "validFrom")?,
        until: time(node, "validUntil")?,
    })
}

/// The child element of this name, and its text.
fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Result<(Node<'a, 'i>, &'a str), AnchorError> {
    let found = node.children().find(|child| child.has_tag_name(name));
    found
        .map(|child| (child, child.text().unwrap_or_default().trim()))
        .ok_or_else(|| {
            at(
                node,
                format!("<{name}> is missing in <{}>", node.tag_name().name()),
            )
        })
}

fn number(node: Node<'_, '_>, name: &str, max: u16) -> Result<u16, AnchorError> {
    let (node, text) = child(node, name)?;
    let value = text.parse().ok().filter(|&value: &u16| value <= max);
    value.ok_or_else(|| {
        at(
            node,
            format!("`{text}` in <{name}> is not a number from 0 to {max}"),
        )
    })
}

fn small_number(node: Node<'_, '_>, name: &str) -> Result<u8, AnchorError> {
    let value = number(node, name, u8::MAX.into())?;
    Ok(u8::try_from(value).unwrap_or(u8::MAX))
}

fn time(node: Node<'_, '_>, name: &str) -> Result<Option<UnixTime>, AnchorError> {
    let Some(text) = node.attribute(name) else {
        return Ok(None);
    };
    UnixTime::parse(text).map(Some).ok_or_else(|| {
        let problem = format!("`{text}` in {name} is not a time such as 2017-02-02T00:00:00Z");
        at(node, problem)
    })
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| letter.to_digit(16))
        .collect::<Option<_>>()?;
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect()
}

/// The error that `problem` is at an element.
fn at(node: Node<'_, '_>, problem: String) -> AnchorError {
    let place = node.document().text_pos_at(node.range().start);
    AnchorError::Xml {
        line: place.row,
        column: place.col,
        problem,
    }
}

/// The message of an error of the XML reader without the place that it ends with.
fn without_place(error: &roxmltree::Error) -> String {
    let message = error.to_string();
    let place = format!(" at {}", error.pos());
    message.strip_suffix(&place).unwrap_or(&message).to_owned()
}
