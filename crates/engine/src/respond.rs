//! The one function that answers, for every transport.

use crate::chaos;
use crate::compose::{self, Opt};
use crate::gate::Defence;
use crate::identity::Identity;
use crate::outcome::Outcome;
use imrs_wire::{Class, Ede, Malformed, Opcode, Partial, Query, Rcode, Rtype};
use imrs_zone::{Zones, image};
use std::sync::Arc;

/// All that a response depends on besides the query. Immutable; a reload makes a new one.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// The zones and their images.
    pub zones: Zones,
    /// What the server says about itself.
    pub identity: Identity,
    /// What it does against those who mean harm, which its caller acts by.
    pub defence: Arc<Defence>,
}

/// What a response needs to know of the way it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP: the smaller of `out.len()` and the client's buffer size (at least 512) is the limit.
    Udp,
    /// TCP: `out.len()` is the limit. `keepalive` is the idle timeout to tell a client that asks,
    /// in units of 100 ms (RFC 7828).
    Tcp {
        /// Idle timeout in units of 100 ms.
        keepalive: u16,
    },
}

/// Answers one query: parse, look up, compose.
///
/// `packet` is one DNS message without transport framing, in octets off the wire. `out.len()` is
/// the size limit for this transport; a larger response sets TC. The clock, the counters and the
/// socket belong to the caller. Total: every octet string yields an `Outcome` (fuzz target
/// `respond`).
#[inline]
pub fn respond(service: &Service, transport: Transport, packet: &[u8], out: &mut [u8]) -> Outcome {
    let query = match Query::parse(packet) {
        Ok(query) => query,
        Err(Malformed::Silent) => return Outcome::DROPPED,
        Err(Malformed::Error { rcode, query }) => {
            return unusual(service, transport, rcode, &query, out);
        }
    };
    let outcome = match query.question.qclass {
        Class::IN => answer(service, transport, &query, out),
        Class::CH => chaos::answer(service, transport, &query, out),
        _ => refuse(service, transport, &query, Ede::NotAuthoritative, out),
    };
    if query.is_signed {
        outcome.aside()
    } else {
        outcome
    }
}

/// Answers what is no plain query. A NOTIFY and a request for differences, which has the client's
/// SOA record in its authority section (RFC 1995 section 3), are none, but may be well formed.
#[cold]
fn unusual(
    service: &Service,
    transport: Transport,
    rcode: Rcode,
    query: &Partial<'_>,
    out: &mut [u8],
) -> Outcome {
    let asks_differences = rcode == Rcode::FORMERR
        && query.opcode() == Opcode::QUERY
        && query
            .question()
            .is_some_and(|question| question.qtype == Rtype::IXFR);
    if asks_differences {
        let (rcode, ede) = (Rcode::REFUSED, Some(Ede::Prohibited));
        return compose::error(service, transport, query, rcode, ede, out).aside();
    }
    let outcome = compose::error(service, transport, query, rcode, None, out);
    if query.opcode() == Opcode::NOTIFY {
        outcome.aside()
    } else {
        outcome
    }
}

/// Answers a question of class IN.
#[inline]
fn answer(service: &Service, transport: Transport, query: &Query<'_>, out: &mut [u8]) -> Outcome {
    let question = &query.question;
    if let Some((rcode, ede)) = unanswerable(question.qtype) {
        let outcome = compose::error(service, transport, &query.partial(), rcode, ede, out);
        return match question.qtype {
            Rtype::AXFR | Rtype::IXFR => outcome.aside(),
            _ => outcome,
        };
    }
    let Some(zone) = service.zones.find(&question.qname, question.qtype) else {
        return refuse(service, transport, query, Ede::NotAuthoritative, out);
    };
    let found = zone.image().and_then(|image| {
        Some((
            image,
            image.lookup(&question.qname, question.qtype, query.wants_dnssec())?,
        ))
    });
    let Some((image, body)) = found else {
        let (rcode, ede) = (Rcode::SERVFAIL, Some(Ede::NotReady));
        return compose::error(service, transport, &query.partial(), rcode, ede, out);
    };
    let rcode = match body.kind() {
        image::Kind::NxDomain => Rcode::NXDOMAIN,
        _ => Rcode::NOERROR,
    };
    let opt = Opt::new(service, transport, query.edns, Some(image), None);
    compose::response(query, transport, &body, rcode, &opt, out).unwrap_or(Outcome::DROPPED)
}

/// Refuses a query that this server will not answer.
pub(crate) fn refuse(
    service: &Service,
    transport: Transport,
    query: &Query<'_>,
    ede: Ede,
    out: &mut [u8],
) -> Outcome {
    compose::error(
        service,
        transport,
        &query.partial(),
        Rcode::REFUSED,
        Some(ede),
        out,
    )
}

/// What to say to types that are no data: transfers are not for everybody, and what only has a
/// meaning inside messages cannot be asked for.
#[inline]
fn unanswerable(qtype: Rtype) -> Option<(Rcode, Option<Ede>)> {
    match qtype {
        Rtype::AXFR | Rtype::IXFR => Some((Rcode::REFUSED, Some(Ede::Prohibited))),
        // RFC 9824 section 3.4 for NXNAME.
        Rtype::OPT | Rtype::NXNAME => Some((Rcode::FORMERR, None)),
        _ => None,
    }
}
