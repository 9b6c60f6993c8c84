//! Responses that tell of an error in a signature (RFC 8945 section 5.3.2).
//!
//! They are made here because `domain` (0.12.3) takes the server's time into the MAC with eight
//! octets, so that no other implementation verifies its BADTIME and it verifies none of theirs.
//! What is under the MAC:
//!
//! ```text
//! length, MAC of the request | response without TSIG | key name | ANY | TTL 0 | algorithm
//!   | time signed | fudge | error | length, other data
//! ```

use super::finished::Finished;
use super::found::Found;
use crate::key::Key;
use crate::message::{Request, refusal};
use domain::base::iana::{Class, TsigRcode};
use domain::rdata::Tsig;
use imrs_wire::Rcode;
use imrs_wire::limits::HEADER_LEN;
use ring::hmac;

/// A response without signature to a request that has none that can be read. Empty if there may
/// be no response.
pub(super) fn plain(request: &[u8], rcode: Rcode) -> Vec<u8> {
    Request::parse(request).map_or_else(Vec::new, |request| refusal(&request, rcode, None))
}

/// The response to a request whose record was `found`: NOTAUTH and `error`, signed by `signer` if
/// there is one. Empty if there may be no response.
pub(super) fn respond(
    request: &[u8],
    found: &Found,
    error: TsigRcode,
    other: &[u8],
    signer: Option<&Key>,
) -> Vec<u8> {
    let mut response = plain(request, Rcode::NOTAUTH);
    if response.is_empty() {
        return response;
    }
    let mac = signer.map(|key| {
        let digested = digested(&found.mac, &[&response], found, error, other);
        hmac::sign(key.mac(), &digested)
    });
    let id = u16::from_be_bytes([response[0], response[1]]);
    let tsig = Tsig::new(
        &found.algorithm,
        found.time_signed,
        found.fudge,
        mac.as_ref().map_or(&[][..], AsRef::as_ref),
        id,
        error,
        other,
    );
    let tsig = tsig.expect("a MAC, a time and a name are far below 65,535 octets");
    Finished::builder(&mut response)
        .push((&found.name, Class::ANY, 0, tsig))
        .expect("a response has few records, and a vector has room");
    response
}

/// Whether `response`, whose record was `found`, is such a response, signed by `key`.
pub(super) fn verify(request_mac: &[u8], response: &[u8], found: &Found, key: &Key) -> bool {
    let (Some(header), Some(body)) = (
        response.first_chunk::<HEADER_LEN>(),
        response.get(HEADER_LEN..found.start),
    ) else {
        return false;
    };
    let mut header = *header;
    header[..2].copy_from_slice(&found.original_id.to_be_bytes());
    let additional = u16::from_be_bytes([header[10], header[11]]).saturating_sub(1);
    header[10..].copy_from_slice(&additional.to_be_bytes());
    let message = [&header[..], body];
    let digested = digested(request_mac, &message, found, found.error, &found.other);
    hmac::verify(key.mac(), &digested, &found.mac).is_ok()
}

/// What is under the MAC.
fn digested(
    request_mac: &[u8],
    response: &[&[u8]],
    found: &Found,
    error: TsigRcode,
    other: &[u8],
) -> Vec<u8> {
    let len = |octets: &[u8]| (octets.len() as u16).to_be_bytes();
    let mut digested = Vec::new();
    digested.extend_from_slice(&len(request_mac));
    digested.extend_from_slice(request_mac);
    for part in response {
        digested.extend_from_slice(part);
    }
    digested.extend_from_slice(&found.name.as_slice().to_ascii_lowercase());
    digested.extend_from_slice(&Class::ANY.to_int().to_be_bytes());
    digested.extend_from_slice(&0u32.to_be_bytes());
    digested.extend_from_slice(found.algorithm.as_slice());
    digested.extend_from_slice(&found.time_signed.into_octets());
    digested.extend_from_slice(&found.fudge.to_be_bytes());
    digested.extend_from_slice(&error.to_int().to_be_bytes());
    digested.extend_from_slice(&len(other));
    digested.extend_from_slice(other);
    digested
}
