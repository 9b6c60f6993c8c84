//! The few messages that the measurements send in great numbers, and the serial in what
//! comes back. All are about the root.

use domain::base::Message;
use domain::base::iana::Rtype;
use domain::rdata::Soa;

/// A query for the SOA record.
pub(super) fn soa_query(id: u16) -> Vec<u8> {
    message(id, Rtype::SOA)
}

/// A query for the whole zone.
pub(super) fn axfr_query(id: u16) -> Vec<u8> {
    message(id, Rtype::AXFR)
}

fn message(id: u16, rtype: Rtype) -> Vec<u8> {
    let mut octets = Vec::new();
    for number in [id, 0, 1, 0, 0, 0] {
        octets.extend_from_slice(&number.to_be_bytes());
    }
    // The root, type, class IN.
    octets.push(0);
    octets.extend_from_slice(&rtype.to_int().to_be_bytes());
    octets.extend_from_slice(&[0, 1]);
    octets
}

/// The serial in the answer section of a response.
pub(super) fn serial(response: &[u8]) -> Option<u32> {
    let message = Message::from_octets(response).ok()?;
    let mut answer = message.answer().ok()?.limit_to::<Soa<_>>();
    Some(answer.next()?.ok()?.data().serial().into_int())
}
