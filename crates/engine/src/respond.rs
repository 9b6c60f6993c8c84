//! The one function that answers, for every transport.

use crate::chaos;
use crate::client::{Asking, Client, Welcome};
use crate::compose::{self, Opt};
use crate::cookie::Secrets;
use crate::gate::Defence;
use crate::identity::Identity;
use crate::outcome::{Fate, Kind, Outcome};
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
    /// What cookies are made with; without, none are used.
    pub cookies: Option<Arc<Secrets>>,
    /// What is done against attacks.
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
    /// TLS (RFC 7858): as TCP, with padding for a client that pads (RFC 8467).
    Tls {
        /// Idle timeout in units of 100 ms.
        keepalive: u16,
    },
    /// QUIC (RFC 9250): as TLS, without a timeout to tell (section 5.5.2).
    Quic,
}

impl Transport {
    /// Whether nobody on the way can read what is sent.
    pub(crate) fn is_encrypted(self) -> bool {
        matches!(self, Transport::Tls { .. } | Transport::Quic)
    }
}

/// Answers one query: parse, judge who asks, look up, compose.
///
/// `packet` is one DNS message without transport framing, in octets off the wire. `out.len()` is
/// the size limit for this transport; a larger response sets TC. The clock, the counters and the
/// socket belong to the caller. Total: every octet string yields an `Outcome` (fuzz target
/// `respond`).
#[inline]
pub fn respond(service: &Service, client: Client, packet: &[u8], out: &mut [u8]) -> Outcome {
    let query = match Query::parse(packet) {
        Ok(query) => query,
        Err(Malformed::Silent) => return Outcome::DROPPED,
        Err(Malformed::Error { rcode, query }) => {
            let asking = Asking::new(service, client, query.edns());
            return unusual(service, &asking, rcode, &query, out).showing(asking.claim);
        }
    };
    let mut asking = Asking::new(service, client, query.edns);
    if query.edns.is_some_and(|edns| edns.has_bad_cookie) && service.cookies.is_some() {
        let partial = query.partial();
        return compose::error(service, &asking, &partial, Rcode::FORMERR, None, out);
    }
    match asking.welcome(service, &query.question) {
        Welcome::Answered => {}
        Welcome::Shortly => asking.is_short = true,
        other => return defer(service, &asking, &query, other, out),
    }
    let outcome = match query.question.qclass {
        Class::IN => answer(service, &asking, &query, out),
        Class::CH => chaos::answer(service, &asking, &query, out),
        _ => refuse(service, &asking, &query, Ede::NotAuthoritative, out),
    };
    let outcome = outcome.showing(asking.claim);
    if query.is_signed {
        outcome.aside()
    } else {
        outcome
    }
}

/// What is sent instead of a response of which there were too many: BADCOOKIE with a cookie to who
/// speaks cookies (RFC 7873 section 5.2.3), and to others that the answer is to be had over TCP.
/// Errors are for none of both.
#[cold]
pub fn slip(service: &Service, client: Client, packet: &[u8], out: &mut [u8]) -> Outcome {
    let Ok(query) = Query::parse(packet) else {
        return Outcome::DROPPED;
    };
    let asking = Asking::new(service, client, query.edns);
    let welcome = match asking.cookie {
        Some(_) => Welcome::ForCookie,
        None => Welcome::OverTcp,
    };
    defer(service, &asking, &query, welcome, out)
}

/// Sends a client away who may come back by a way on which its address is proven.
#[cold]
fn defer(
    service: &Service,
    asking: &Asking,
    query: &Query<'_>,
    welcome: Welcome,
    out: &mut [u8],
) -> Outcome {
    let (outcome, fate) = match welcome {
        Welcome::ForCookie => {
            let rcode = Rcode::BADCOOKIE;
            let partial = query.partial();
            let outcome = compose::error(service, asking, &partial, rcode, None, out);
            (outcome, Fate::Deferred)
        }
        Welcome::OverTcp => {
            let opt = Opt::new(service, asking, query.edns, None, None);
            let limit = compose::limit(query.edns, asking, out);
            let outcome = compose::truncated(query, 0, Rcode::NOERROR, &opt, limit, out);
            (outcome.unwrap_or(Outcome::DROPPED), Fate::Deferred)
        }
        Welcome::Shed | Welcome::Answered | Welcome::Shortly => (Outcome::DROPPED, Fate::Shed),
    };
    Outcome { fate, ..outcome }.showing(asking.claim)
}

/// Answers what is no plain query. A NOTIFY and a request for differences, which has the client's
/// SOA record in its authority section (RFC 1995 section 3), are none, but may be well formed; nor is
/// a message without a question, which asks for a cookie alone (RFC 7873 section 5.4).
#[cold]
fn unusual(
    service: &Service,
    asking: &Asking,
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
        return compose::error(service, asking, query, rcode, ede, out).aside();
    }
    let asks_cookie = rcode == Rcode::FORMERR && query.question().is_none();
    if asks_cookie && asking.cookie.is_some() {
        let rcode = Rcode::NOERROR;
        return Outcome {
            kind: Kind::Answer,
            ..compose::error(service, asking, query, rcode, None, out)
        };
    }
    let outcome = compose::error(service, asking, query, rcode, None, out);
    if query.opcode() == Opcode::NOTIFY {
        outcome.aside()
    } else {
        outcome
    }
}

/// Answers a question of class IN.
#[inline]
fn answer(service: &Service, asking: &Asking, query: &Query<'_>, out: &mut [u8]) -> Outcome {
    let question = &query.question;
    if let Some((rcode, ede)) = unanswerable(question.qtype) {
        let outcome = compose::error(service, asking, &query.partial(), rcode, ede, out);
        return match question.qtype {
            Rtype::AXFR | Rtype::IXFR => outcome.aside(),
            _ => outcome,
        };
    }
    let Some(zone) = service.zones.find(&question.qname, question.qtype) else {
        return refuse(service, asking, query, Ede::NotAuthoritative, out);
    };
    let found = zone.image().and_then(|image| {
        Some((
            image,
            image.lookup(&question.qname, question.qtype, query.wants_dnssec())?,
        ))
    });
    let Some((image, body)) = found else {
        let (rcode, ede) = (Rcode::SERVFAIL, Some(Ede::NotReady));
        return compose::error(service, asking, &query.partial(), rcode, ede, out);
    };
    let rcode = match body.kind() {
        image::Kind::NxDomain => Rcode::NXDOMAIN,
        _ => Rcode::NOERROR,
    };
    let opt = Opt::new(service, asking, query.edns, Some(image), None);
    compose::response(query, asking, &body, rcode, &opt, out).unwrap_or(Outcome::DROPPED)
}

/// Refuses a query that this server will not answer.
pub(crate) fn refuse(
    service: &Service,
    asking: &Asking,
    query: &Query<'_>,
    ede: Ede,
    out: &mut [u8],
) -> Outcome {
    compose::error(
        service,
        asking,
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
