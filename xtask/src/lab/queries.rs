//! The queries of the load, and what their responses tell.

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::Soa;

/// What a response ought to have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    rcode: Rcode,
}

impl Expected {
    /// Whether a response is so.
    pub(super) fn is_met(self, response: &[u8]) -> bool {
        Message::from_octets(response).is_ok_and(|message| {
            let header = message.header();
            header.qr() && !header.tc() && header.rcode() == self.rcode
        })
    }
}

/// Query number so and so, with an identifier: the apex, a delegation, and a name that does not
/// exist take turns, all with DNSSEC.
pub(super) fn query(number: u32, id: u16) -> (Vec<u8>, Expected) {
    let (name, rtype, rcode) = match number % 3 {
        0 => (".".to_owned(), Rtype::SOA, Rcode::NOERROR),
        1 => ("www.example.com.".to_owned(), Rtype::A, Rcode::NOERROR),
        _ => (format!("lab-{number}.absent."), Rtype::A, Rcode::NXDOMAIN),
    };
    let name: Name<Vec<u8>> = name.parse().expect("these names are short");
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_id(id);
    let mut question = message.question();
    question.push((&name, rtype)).expect("a vector grows");
    let mut additional = question.additional();
    additional
        .opt(|opt| {
            opt.set_udp_payload_size(1232);
            opt.set_dnssec_ok(true);
            Ok(())
        })
        .expect("a vector grows");
    (additional.finish(), Expected { rcode })
}

/// The identifier of a response.
pub(super) fn identifier(response: &[u8]) -> Option<u16> {
    match response {
        [high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

/// The serial of the SOA record in the answer or, where a name does not exist, the authority
/// section.
pub(super) fn serial(response: &[u8]) -> Option<u32> {
    let message = Message::from_octets(response).ok()?;
    let (_, answer, authority, _) = message.sections().ok()?;
    let mut soa = answer
        .limit_to::<Soa<_>>()
        .chain(authority.limit_to::<Soa<_>>());
    let record = soa.next()?.ok()?;
    Some(record.data().serial().into_int())
}
