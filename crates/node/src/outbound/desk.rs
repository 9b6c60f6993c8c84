//! Answers what zones alone do not answer: NOTIFY, signed queries, requests for transfers.
//!
//! Every worker comes here with the few messages of that kind, so nothing here waits. What takes
//! long, sending a zone, happens in [`super::transfers`].

use super::directory::{Asker, Directory, Listing, Version};
use super::transfers::Transfers;
use crate::clock::present;
use crate::keeping::{Event, Happened, Post};
use crate::site::Neighborhood;
use crate::transport::{Answered, Aside, Asked, Handed};
use arc_swap::ArcSwap;
use imrs_engine::{Kind, Outcome, Service, Transport, respond};
use imrs_transfer::message::{Asks, Request, notify_response, refusal};
use imrs_transfer::outgoing::{Oversized, Reply};
use imrs_transfer::tsig::{Checked, Keys, Signature, check};
use imrs_wire::limits::UDP_LEN_CLASSIC;
use imrs_wire::{Ede, Rcode, Serial};
use imrs_zone::Name;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Answers what zones alone do not answer.
pub(crate) struct Desk {
    keys: Keys,
    directory: Arc<ArcSwap<Directory>>,
    transfers: Transfers,
    post: Post,
    /// Answers what other nodes ask, if some are known.
    neighborhood: Option<Arc<Neighborhood>>,
    counts: Counts,
}

/// What was counted, by all workers together.
#[derive(Debug, Default)]
struct Counts {
    /// NOTIFY messages that were heard.
    notify_heard: AtomicU64,
    /// NOTIFY messages from others.
    notify_refused: AtomicU64,
    /// Signatures that held.
    signed: AtomicU64,
    /// Signatures that did not.
    unauthentic: AtomicU64,
    /// Requests for transfers of somebody who may not.
    denied: AtomicU64,
    /// Requests for transfers at a time when too many others were running.
    crowded: AtomicU64,
}

/// Who brings a message to the desk, and how.
pub(super) struct Visit<'a> {
    pub(super) service: &'a Service,
    pub(super) transport: Transport,
    pub(super) peer: IpAddr,
    pub(super) is_over_tls: bool,
    /// Octets that a response may have.
    pub(super) room: usize,
}

/// What the desk says to a message.
pub(super) enum Said {
    /// This response; empty for none.
    Response(Vec<u8>),
    /// A transfer.
    Transfer(Box<Grant>),
}

/// A transfer that somebody may have.
pub(super) struct Grant {
    version: Arc<Version>,
    /// The serial that the client holds, if it wants differences.
    held: Option<Serial>,
    /// The request without its signature.
    message: Vec<u8>,
    signature: Option<Signature>,
}

impl Desk {
    pub(super) fn new(
        keys: Keys,
        directory: Arc<ArcSwap<Directory>>,
        transfers: Transfers,
        post: Post,
        neighborhood: Option<Arc<Neighborhood>>,
    ) -> Self {
        Desk {
            keys,
            directory,
            transfers,
            post,
            neighborhood,
            counts: Counts::default(),
        }
    }

    /// Who sends zones.
    pub(crate) fn transfers(&self) -> &Transfers {
        &self.transfers
    }

    /// What was counted, by name.
    pub(crate) fn counted(&self) -> Vec<(&'static str, u64)> {
        let Counts {
            notify_heard,
            notify_refused,
            signed,
            unauthentic,
            denied,
            crowded,
        } = &self.counts;
        let own = [
            ("notify-heard", notify_heard),
            ("notify-refused", notify_refused),
            ("signed", signed),
            ("unauthentic", unauthentic),
            ("denied", denied),
            ("crowded", crowded),
        ];
        let own = own.map(|(name, count)| (name, count.load(Relaxed)));
        own.into_iter().chain(self.transfers.counted()).collect()
    }

    /// Answers a message of any kind.
    pub(super) fn say(&self, visit: &Visit<'_>, message: &[u8]) -> Said {
        let mut message = message.to_vec();
        let mut signature = match check(&self.keys, &mut message, present()) {
            Checked::Unsigned => None,
            Checked::Signed(signature) => {
                self.counts.signed.fetch_add(1, Relaxed);
                Some(signature)
            }
            Checked::Refused(refused) => {
                self.counts.unauthentic.fetch_add(1, Relaxed);
                return Said::Response(refused.response);
            }
        };
        let Some(request) = Request::parse(&message) else {
            return Said::Response(Vec::new());
        };
        let key = { signature.as_ref() }.map(|signature| signature.key().name().clone());
        let asker = Asker {
            peer: visit.peer,
            key: key.as_ref(),
            is_over_tls: visit.is_over_tls,
        };
        let (zone, held) = match &request.asks {
            Asks::Axfr { zone } => (zone, None),
            Asks::Ixfr { zone, held } => (zone, Some(*held)),
            asks => {
                let response = match asks {
                    Asks::Notify { zone, serial } => {
                        notify_response(&request, self.hear(&asker, zone, *serial))
                    }
                    Asks::Unfit(rcode) => refusal(&request, *rcode, None),
                    _ => self
                        .to_node(visit, &request, &message, signature.as_ref())
                        .unwrap_or_else(|| {
                            from_zones(visit, &request, &message, signature.as_ref())
                        }),
                };
                return Said::Response(signed(response, signature.as_mut()));
            }
        };
        match self.grant(visit, &asker, zone, held) {
            Err((rcode, ede)) => {
                let response = refusal(&request, rcode, ede);
                Said::Response(signed(response, signature.as_mut()))
            }
            Ok(version) => {
                let grant = Grant {
                    version,
                    held,
                    message,
                    signature,
                };
                match visit.transport {
                    Transport::Tcp { .. } | Transport::Tls { .. } | Transport::Quic => {
                        Said::Transfer(Box::new(grant))
                    }
                    // An SOA record that fits no message is none that was proven.
                    Transport::Udp => {
                        Said::Response(grant.in_one_message(visit.room).unwrap_or_default())
                    }
                }
            }
        }
    }

    /// Answers another node, if it is one that asks.
    fn to_node(
        &self,
        visit: &Visit<'_>,
        request: &Request<'_>,
        message: &[u8],
        signature: Option<&Signature>,
    ) -> Option<Vec<u8>> {
        let (neighborhood, signature) = (self.neighborhood.as_ref()?, signature?);
        let room = room(visit, request, Some(signature));
        neighborhood.answer(signature.key(), message, room)
    }

    /// Hears a NOTIFY, if it is of somebody whose NOTIFY is heard.
    fn hear(&self, asker: &Asker<'_>, zone: &Name, serial: Option<Serial>) -> Rcode {
        let directory = self.directory.load();
        let rcode = match directory.find(zone) {
            None => Rcode::NOTAUTH,
            Some((_, listing)) if !asker.is_allowed(&listing.notify_from) => Rcode::REFUSED,
            Some((number, listing)) => {
                self.counts.notify_heard.fetch_add(1, Relaxed);
                self.announce(number, listing, asker.peer, serial);
                return Rcode::NOERROR;
            }
        };
        self.counts.notify_refused.fetch_add(1, Relaxed);
        rcode
    }

    /// Tells the node, unless what was told before is not taken up yet: what the node does about
    /// that will find out about this as well.
    fn announce(&self, zone: usize, listing: &Listing, peer: IpAddr, serial: Option<Serial>) {
        if let Some(ticket) = listing.announced.take_ticket() {
            let what = Happened::Notified {
                peer,
                serial,
                ticket,
            };
            self.post.put(Event { zone, what });
        }
    }

    /// The version that somebody may have, or what to say instead.
    fn grant(
        &self,
        visit: &Visit<'_>,
        asker: &Asker<'_>,
        zone: &Name,
        held: Option<Serial>,
    ) -> Result<Arc<Version>, (Rcode, Option<Ede>)> {
        let directory = self.directory.load();
        let Some((_, listing)) = directory.find(zone) else {
            self.counts.denied.fetch_add(1, Relaxed);
            return Err((Rcode::NOTAUTH, Some(Ede::NotAuthoritative)));
        };
        // A whole zone fits no datagram (RFC 5936 section 4.2).
        let is_datagram = visit.transport == Transport::Udp;
        if !asker.is_allowed(&listing.allow_transfer) || (is_datagram && held.is_none()) {
            self.counts.denied.fetch_add(1, Relaxed);
            return Err((Rcode::REFUSED, Some(Ede::Prohibited)));
        }
        let not_now = Err((Rcode::SERVFAIL, Some(Ede::NotReady)));
        if !is_datagram && !self.transfers.has_room() {
            self.counts.crowded.fetch_add(1, Relaxed);
            return not_now;
        }
        listing.version.clone().map_or(not_now, Ok)
    }
}

impl Aside for Desk {
    fn answer(&self, asked: Asked<'_>, composed: Outcome, out: &mut [u8]) -> Answered {
        let visit = Visit {
            service: asked.service,
            transport: asked.transport,
            peer: asked.peer,
            is_over_tls: false,
            room: out.len(),
        };
        match self.say(&visit, asked.message) {
            Said::Transfer(_) => Answered::HandOver,
            Said::Response(response) => Answered::Here(written(&response, composed, out)),
        }
    }

    fn take(&self, connection: Handed) {
        self.transfers.begin(connection);
    }
}

impl Grant {
    /// The transfer, message by message.
    pub(super) fn reply(self) -> Result<Reply, Oversized> {
        let rendered = match self.held {
            Some(held) => self.version.ixfr(held),
            None => self.version.axfr(),
        }?;
        Ok(Reply::new(
            rendered,
            &self.request(),
            self.signature.clone(),
        ))
    }

    /// What of it may go in a datagram of so many octets.
    fn in_one_message(&self, room: usize) -> Result<Vec<u8>, Oversized> {
        let current = self.version.current()?;
        let rendered = match self.held {
            Some(held) => self.version.ixfr_of_few(held)?,
            None => Arc::clone(&current),
        };
        let (request, signature) = (self.request(), self.signature.clone());
        let mut reply = Reply::over_udp(rendered, current, &request, signature, room);
        let mut message = Vec::new();
        reply.next(present(), &mut message);
        Ok(message)
    }

    fn request(&self) -> Request<'_> {
        Request::parse(&self.message).expect("it was parsed before it was granted")
    }
}

/// As the log names it.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (zone, serial) = (self.version.apex().fmt_with_dot(), self.version.serial());
        match self.held {
            Some(held) => write!(f, "IXFR of zone {zone} from serial {held} to {serial}"),
            None => write!(f, "AXFR of zone {zone} of serial {serial}"),
        }
    }
}

fn signed(mut response: Vec<u8>, signature: Option<&mut Signature>) -> Vec<u8> {
    if let Some(signature) = signature
        && !response.is_empty()
    {
        signature.sign(&mut response, present());
    }
    response
}

/// Octets of a response beside the signature that it is to have.
fn room(visit: &Visit<'_>, request: &Request<'_>, signature: Option<&Signature>) -> usize {
    let room = match visit.transport {
        Transport::Tcp { .. } | Transport::Tls { .. } | Transport::Quic => visit.room,
        Transport::Udp => {
            let client = request.edns.map_or(0, |edns| usize::from(edns.udp_len_max));
            visit.room.min(client.max(UDP_LEN_CLASSIC))
        }
    };
    room.saturating_sub(signature.map_or(0, Signature::octets))
}

/// Answers a query from the zones, and leaves room for a signature if there is to be one.
fn from_zones(
    visit: &Visit<'_>,
    request: &Request<'_>,
    message: &[u8],
    signature: Option<&Signature>,
) -> Vec<u8> {
    let mut response = vec![0; room(visit, request, signature)];
    let outcome = respond(
        visit.service,
        visit.transport.into(),
        message,
        &mut response,
    );
    response.truncate(outcome.len);
    response
}

/// Writes a response for the worker to send, and says what it is for those who count.
fn written(response: &[u8], composed: Outcome, out: &mut [u8]) -> Outcome {
    let (Some(room), Some(flags)) = (out.get_mut(..response.len()), response.get(2..4)) else {
        return Outcome::DROPPED;
    };
    room.copy_from_slice(response);
    let rcode = Rcode(u16::from(flags[1] & 0x0f));
    Outcome {
        len: response.len(),
        kind: match rcode {
            Rcode::NOERROR => Kind::Answer,
            _ => composed.kind,
        },
        rcode,
        truncated: flags[0] & 0x02 != 0,
        is_aside: true,
        ..composed
    }
}
