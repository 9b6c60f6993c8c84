//! One transfer to a secondary: a zone or its differences in, messages out (RFC 5936, RFC 1995).
//!
//! A version is rendered once and sent to many: [`Rendered`] holds the answer sections of all
//! messages, and a [`Reply`] puts in front of each the header and question of its request, and
//! behind it OPT and TSIG. Which version to send, to whom and how fast is the shell's care.

mod names;
mod rendered;
#[cfg(test)]
mod tests;

pub use rendered::{Oversized, Rendered};

use crate::message::{Request, header, push_opt};
use crate::tsig::Signature;
use imrs_wire::limits::{HEADER_LEN, OPT_LEN, UDP_LEN_CLASSIC};
use imrs_wire::{Counts, Edns, Flags, Rcode};
use imrs_zone::record::UnixTime;
use std::sync::Arc;

/// The messages that answer one request, one after the other.
#[derive(Debug)]
pub struct Reply {
    rendered: Arc<Rendered>,
    id: u16,
    flags: Flags,
    question: Vec<u8>,
    edns: Option<Edns>,
    signature: Option<Signature>,
    next: usize,
}

impl Reply {
    /// Answers a request for the zone that was rendered, over TCP or TLS. `signature` is that of
    /// the request, if it was signed.
    pub fn new(
        rendered: Arc<Rendered>,
        request: &Request<'_>,
        signature: Option<Signature>,
    ) -> Self {
        Reply {
            rendered,
            id: request.id(),
            flags: request.response_flags().with(Flags::AA),
            question: request.question().to_vec(),
            edns: request.edns,
            signature,
            next: 0,
        }
    }

    /// Answers a request for differences over UDP, where the server sends `udp_len_max` octets at
    /// most: by `rendered` if it fits, else by `current`, which holds the SOA record alone and
    /// sends the client to TCP (RFC 1995 section 2). If not even that fits, TC does it.
    pub fn over_udp(
        rendered: Arc<Rendered>,
        current: Arc<Rendered>,
        request: &Request<'_>,
        signature: Option<Signature>,
        udp_len_max: usize,
    ) -> Self {
        let client = request.edns.map_or(0, |edns| edns.udp_len_max.into());
        let room = udp_len_max.min(client.max(UDP_LEN_CLASSIC));
        let mut reply = Reply::new(rendered, request, signature);
        if reply.single_octets().is_none_or(|octets| octets > room) {
            reply.rendered = current;
        }
        if reply.single_octets().is_none_or(|octets| octets > room) {
            reply.rendered = Arc::new(Rendered::nothing());
            reply.flags = reply.flags.with(Flags::TC);
        }
        reply
    }

    /// The size of the message that this is, if it is one message.
    fn single_octets(&self) -> Option<usize> {
        let [message] = self.rendered.messages() else {
            return None;
        };
        let opt = self.edns.map_or(0, |_| OPT_LEN);
        let tsig = self.signature.as_ref().map_or(0, Signature::octets);
        Some(HEADER_LEN + self.question.len() + message.octets.len() + opt + tsig)
    }

    /// Writes the next message to `out`, without framing, in place of what is there. `false` if
    /// there is none.
    pub fn next(&mut self, now: UnixTime, out: &mut Vec<u8>) -> bool {
        out.clear();
        let Some(message) = self.rendered.messages().get(self.next) else {
            return false;
        };
        // The question and OPT stand in the first message alone (RFC 5936 sections 2.2.2, 2.2.5).
        let is_first = self.next == 0;
        let edns = self.edns.filter(|_| is_first);
        let counts = Counts {
            question: is_first.into(),
            answer: message.count,
            additional: edns.is_some().into(),
            ..Counts::default()
        };
        out.extend_from_slice(&header(self.id, self.flags, counts));
        if is_first {
            out.extend_from_slice(&self.question);
        }
        out.extend_from_slice(&message.octets);
        push_opt(out, edns, Rcode::NOERROR, None);
        if let Some(signature) = &mut self.signature {
            signature.sign(out, now);
        }
        self.next += 1;
        true
    }
}
