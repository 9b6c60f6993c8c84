//! What many pairs of query and response have in common (RFC 8618 section 7.3.2.2).

use super::Written;
use crate::capture::Captured;
use crate::capture::message::{Message, Opt};
use crate::counts::Transport;
use imrs_wire::Family;
use imrs_wire::limits::HEADER_LEN;
use minicbor::Encoder;

/// `QueryResponseSignature`, with tables' numbers where it has indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Signature {
    pub(super) server: u32,
    server_port: u16,
    transport_flags: u8,
    flags: u8,
    opcode: u8,
    dns_flags: u16,
    query_rcode: u16,
    pub(super) classtype: Option<u32>,
    counts: [u16; 4],
    edns: Option<Edns>,
    response_rcode: Option<u16>,
}

/// What is told of the OPT record of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Edns {
    version: u8,
    udp_len_max: u16,
    rdata: u32,
}

impl Signature {
    /// The signature of a pair. `numbers` are those of the server's address, of class and type,
    /// and of the data of the OPT record.
    #[inline]
    pub(super) fn of(
        captured: &Captured<'_>,
        query: &Message<'_>,
        (server, classtype, opt_rdata): (u32, Option<u32>, u32),
    ) -> Signature {
        let opt = query.opt.as_ref();
        let has_response = !captured.response.is_empty();
        Signature {
            server,
            server_port: captured.server.port(),
            transport_flags: transport_flags(captured, query),
            flags: flags(captured, query),
            opcode: query.flags.opcode().0,
            dns_flags: dns_flags(captured, query),
            query_rcode: query.flags.0 & 0xf | opt.map_or(0, |opt| u16::from(opt.ext_rcode) << 4),
            classtype,
            counts: query.counts,
            edns: opt.map(|opt| Edns {
                version: opt.version,
                udp_len_max: opt.udp_len_max,
                rdata: opt_rdata,
            }),
            response_rcode: has_response.then_some(captured.rcode.0),
        }
    }

    pub(super) fn encode(&self, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        let of_edns = if self.edns.is_some() { 3 } else { 0 };
        let optional =
            u64::from(self.classtype.is_some()) + u64::from(self.response_rcode.is_some());
        e.map(12 + of_edns + optional)?;
        e.u8(0)?.u32(self.server)?;
        e.u8(1)?.u16(self.server_port)?;
        e.u8(2)?.u8(self.transport_flags)?;
        e.u8(3)?.u8(TYPE_AUTHORITATIVE)?;
        e.u8(4)?.u8(self.flags)?;
        e.u8(5)?.u8(self.opcode)?;
        e.u8(6)?.u16(self.dns_flags)?;
        e.u8(7)?.u16(self.query_rcode)?;
        if let Some(classtype) = self.classtype {
            e.u8(8)?.u32(classtype)?;
        }
        for (key, count) in (9..).zip(self.counts) {
            e.u8(key)?.u16(count)?;
        }
        if let Some(edns) = self.edns {
            e.u8(13)?.u8(edns.version)?;
            e.u8(14)?.u16(edns.udp_len_max)?;
            e.u8(15)?.u32(edns.rdata)?;
        }
        if let Some(rcode) = self.response_rcode {
            e.u8(16)?.u16(rcode)?;
        }
        Ok(())
    }
}

/// IP version, transport, and whether octets stand behind the query. QUIC came after the RFC, which
/// has one number for all transports that it does not name.
fn transport_flags(captured: &Captured<'_>, query: &Message<'_>) -> u8 {
    let version = match captured.flow.family {
        Family::V4 => 0,
        Family::V6 => 1,
    };
    let transport = match captured.flow.transport {
        Transport::Udp => 0,
        Transport::Tcp => 1,
        Transport::Tls => 2,
        Transport::Quic => 15,
    };
    version | transport << 1 | u8::from(query.has_trailing) << 5
}

/// `qr-sig-flags`. The response is known by its header alone: it has an OPT record if it has
/// additional records and the query's OPT record could be read (RFC 6891 section 6.1.1).
fn flags(captured: &Captured<'_>, query: &Message<'_>) -> u8 {
    let has_opt = query.opt.is_some();
    let count = |at: usize| {
        captured
            .response
            .get(at..at + 2)
            .is_some_and(|pair| pair != [0; 2])
    };
    let has_response = !captured.response.is_empty();
    [
        true,
        has_response,
        has_opt,
        has_opt && count(HEADER_LEN - 2),
        query.counts[0] == 0,
        has_response && !count(HEADER_LEN - 8),
    ]
    .iter()
    .enumerate()
    .fold(0, |flags, (bit, is_set)| flags | u8::from(*is_set) << bit)
}

/// `qr-dns-flags`: CD, AD, Z, RA, RD, TC, AA of the query, its DO, the first seven of the response.
fn dns_flags(captured: &Captured<'_>, query: &Message<'_>) -> u16 {
    let response = match captured.response {
        [_, _, high, low, ..] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    };
    let dnssec = query.opt.as_ref().is_some_and(|opt: &Opt| opt.dnssec);
    seven(query.flags.0) | u16::from(dnssec) << 7 | seven(response) << 8
}

/// The seven flags that lie between RCODE and opcode in a header, CD lowest.
#[inline]
fn seven(flags: u16) -> u16 {
    flags >> 4 & 0x7f
}

/// `qr-type`: a query to an authoritative server.
const TYPE_AUTHORITATIVE: u8 = 3;
