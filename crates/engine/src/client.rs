//! Who asks, and in what circumstances.

use crate::cookie::{Claim, Pair};
use crate::respond::{Service, Transport};
use imrs_wire::{Edns, Question, Rtype};
use std::net::IpAddr;

/// Who asks, and how.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// How the query travels.
    pub transport: Transport,
    /// Where it comes from; without, no cookie can be made.
    pub peer: Option<Peer>,
}

/// Where a query comes from, and when it does.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The address of the client.
    pub address: IpAddr,
    /// The time in seconds of Unix; it may wrap around.
    pub now: u32,
    /// How far the server is behind.
    pub pressure: Pressure,
    /// Whether the address was seen when there was no pressure.
    pub is_known: bool,
}

/// How far a server is behind with its work, and so whom it serves.
///
/// Who shows a good cookie is served as long as anybody is, and so are the queries on which
/// everything rests: servers, SOA and keys of the root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Pressure {
    /// It is not behind.
    #[default]
    Calm,
    /// Addresses that were not seen before are sent to TCP for large answers.
    Truncate,
    /// Addresses that were not seen before are not served.
    Shed,
    /// Nobody without a cookie is served.
    Last,
}

impl From<Transport> for Client {
    /// Nobody in particular.
    fn from(transport: Transport) -> Self {
        Client {
            transport,
            peer: None,
        }
    }
}

/// A client and what its query shows of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    pub(crate) transport: Transport,
    pub(crate) claim: Claim,
    /// The cookies of the response.
    pub(crate) cookie: Option<Pair>,
    /// Whether the response is to have no more octets than every client takes.
    pub(crate) is_short: bool,
    pressure: Pressure,
    is_known: bool,
}

/// What a query meets before it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Welcome {
    /// It is answered.
    Answered,
    /// It is answered within the octets that every client takes.
    Shortly,
    /// It has to come back with a cookie.
    ForCookie,
    /// It has to come back over TCP.
    OverTcp,
    /// It is passed over.
    Shed,
}

impl Asking {
    #[inline]
    pub(crate) fn new(service: &Service, client: Client, edns: Option<Edns>) -> Self {
        let mut asking = Asking {
            transport: client.transport,
            claim: Claim::None,
            cookie: None,
            is_short: false,
            pressure: Pressure::Calm,
            is_known: true,
        };
        let Some(peer) = client.peer else {
            return asking;
        };
        asking.pressure = peer.pressure;
        asking.is_known = peer.is_known;
        if let Some(secrets) = &service.cookies
            && let Some(cookie) = edns.and_then(|edns| edns.cookie)
        {
            let (claim, pair) = secrets.judge(&cookie, peer.address, peer.now);
            asking.claim = claim;
            asking.cookie = Some(pair);
        }
        asking
    }

    /// What becomes of a query before its answer is looked for. Whoever came by a handshake has
    /// proven its address.
    #[inline]
    pub(crate) fn welcome(&self, service: &Service, question: &Question<'_>) -> Welcome {
        let is_plain = self.pressure == Pressure::Calm && !service.defence.require_cookies;
        if is_plain || self.transport != Transport::Udp || self.claim == Claim::Valid {
            return Welcome::Answered;
        }
        self.welcome_unproven(service, question)
    }

    #[cold]
    fn welcome_unproven(&self, service: &Service, question: &Question<'_>) -> Welcome {
        let is_vital = question.qname.len() == 1
            && matches!(question.qtype, Rtype::NS | Rtype::SOA | Rtype::DNSKEY);
        match self.pressure {
            Pressure::Shed if !self.is_known && !is_vital => return Welcome::Shed,
            Pressure::Last if !is_vital => return Welcome::Shed,
            _ => {}
        }
        match (service.defence.require_cookies, self.cookie) {
            (true, Some(_)) => Welcome::ForCookie,
            (true, None) => Welcome::OverTcp,
            (false, _) if is_vital || self.is_known => Welcome::Answered,
            (false, _) => Welcome::Shortly,
        }
    }
}
