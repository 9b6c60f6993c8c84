//! A block while it is filled, and how it is written (RFC 8618 section 7.3).

use super::signature::Signature;
use super::tables::{Strings, Values};
use super::{TICK_NS, TICKS_PER_SECOND, Written};
use crate::capture::message::Message;
use crate::capture::{Captured, Missed};
use crate::limits::{CDNS_BLOCK_ITEMS, CDNS_BLOCK_OCTETS};
use minicbor::Encoder;
use std::net::IpAddr;

/// A block while it is filled.
pub(super) struct Block {
    addresses: Strings,
    classtypes: Values<ClassType>,
    names: Strings,
    signatures: Values<Signature>,
    items: Vec<Item>,
    statistics: Statistics,
}

/// Type and class.
type ClassType = (u16, u16);

/// `QueryResponse`.
struct Item {
    at_ns: u64,
    client: u32,
    signature: u32,
    name: Option<u32>,
    delay_us: u32,
    client_port: u16,
    id: u16,
    query_octets: u16,
    /// 0 if nothing was sent.
    response_octets: u16,
}

/// `BlockStatistics`, as far as the items do not tell them.
#[derive(Clone, Copy, Debug, Default)]
struct Statistics {
    processed: u64,
    unmatched_queries: u64,
    unmatched_responses: u64,
    malformed: u64,
}

impl Block {
    pub(super) fn new(seed: u64) -> Block {
        Block {
            addresses: Strings::new(seed),
            classtypes: Values::new(seed),
            names: Strings::new(seed),
            signatures: Values::new(seed),
            items: Vec::new(),
            statistics: Statistics::default(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= CDNS_BLOCK_ITEMS || self.names.octets() >= CDNS_BLOCK_OCTETS
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.statistics.processed + self.statistics.malformed == 0
    }

    pub(super) fn add(&mut self, captured: &Captured<'_>) {
        let Some(query) = Message::read(captured.query) else {
            self.statistics.malformed += 1;
            return;
        };
        let has_response = !captured.response.is_empty();
        self.statistics.processed += 1 + u64::from(has_response);
        if query.flags.is_response() {
            self.statistics.unmatched_responses += 1;
            return;
        }
        self.statistics.unmatched_queries += u64::from(!has_response);
        let client = self.number_address(captured.client.ip());
        let server = self.number_address(captured.server.ip());
        let question = query.question;
        let classtype = question.map(|question| {
            self.classtypes
                .number((question.qtype.0, question.qclass.0))
        });
        let opt_rdata = query.opt.as_ref().map_or(0, |opt| {
            self.names.number(&captured.query[opt.rdata.clone()])
        });
        let signature = Signature::of(captured, &query, (server, classtype, opt_rdata));
        self.items.push(Item {
            at_ns: captured.at_ns,
            client,
            signature: self.signatures.number(signature),
            name: question.map(|question| self.names.number(question.qname)),
            delay_us: captured.delay_us,
            client_port: captured.client.port(),
            id: query.id,
            query_octets: captured.query.len() as u16,
            response_octets: captured.response_octets as u16,
        });
    }

    #[inline]
    fn number_address(&mut self, address: IpAddr) -> u32 {
        match address {
            IpAddr::V4(address) => self.addresses.number(&address.octets()),
            IpAddr::V6(address) => self.addresses.number(&address.octets()),
        }
    }

    /// Writes the block and empties it.
    pub(super) fn write(&mut self, missed: Missed, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        let earliest = self.items.iter().map(|item| item.at_ns / TICK_NS).min();
        e.map(if self.items.is_empty() { 2 } else { 4 })?;
        e.u8(0)?;
        match earliest {
            None => e.map(0)?,
            Some(ticks) => {
                e.map(1)?.u8(0)?.array(2)?;
                e.u64(ticks / TICKS_PER_SECOND)?
                    .u64(ticks % TICKS_PER_SECOND)?
            }
        };
        e.u8(1)?;
        self.write_statistics(missed, e)?;
        if let Some(earliest) = earliest {
            e.u8(2)?;
            self.write_tables(e)?;
            e.u8(3)?.array(self.items.len() as u64)?;
            for item in &self.items {
                item.encode(earliest, e)?;
            }
        }
        self.clear();
        Ok(())
    }

    /// Keys below 0 are an implementation's own (RFC 8618 section 7.1): what is missing is declared
    /// by them.
    fn write_statistics(&self, missed: Missed, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        e.map(9)?;
        e.u8(0)?.u64(self.statistics.processed)?;
        e.u8(1)?.u64(self.items.len() as u64)?;
        e.u8(2)?.u64(self.statistics.unmatched_queries)?;
        e.u8(3)?.u64(self.statistics.unmatched_responses)?;
        // No opcode is left out.
        e.u8(4)?.u8(0)?;
        e.u8(5)?.u64(self.statistics.malformed)?;
        e.i8(super::KEY_LOST)?.u64(missed.lost)?;
        e.i8(super::KEY_SAMPLED_AWAY)?.u64(missed.sampled_away)?;
        e.i8(super::KEY_OVER_BUDGET)?.u64(missed.over_budget)?;
        Ok(())
    }

    /// Where there is an item, there is an address and a signature.
    fn write_tables(&self, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        let classtypes = self.classtypes.iter();
        let names = self.names.iter();
        let optional = [classtypes.len(), names.len()];
        e.map(2 + optional.iter().filter(|len| **len > 0).count() as u64)?;
        let addresses = self.addresses.iter();
        e.u8(0)?.array(addresses.len() as u64)?;
        for address in addresses {
            e.bytes(address)?;
        }
        if classtypes.len() > 0 {
            e.u8(1)?.array(classtypes.len() as u64)?;
            for (rtype, class) in classtypes {
                e.map(2)?.u8(0)?.u16(*rtype)?.u8(1)?.u16(*class)?;
            }
        }
        if names.len() > 0 {
            e.u8(2)?.array(names.len() as u64)?;
            for name in names {
                e.bytes(name)?;
            }
        }
        let signatures = self.signatures.iter();
        e.u8(3)?.array(signatures.len() as u64)?;
        for signature in signatures {
            signature.encode(e)?;
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.addresses.clear();
        self.classtypes.clear();
        self.names.clear();
        self.signatures.clear();
        self.items.clear();
        self.statistics = Statistics::default();
    }
}

impl Item {
    #[inline]
    fn encode(&self, earliest: u64, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        let has_response = self.response_octets > 0;
        let of_response = if has_response { 2 } else { 0 };
        e.map(6 + u64::from(self.name.is_some()) + of_response)?;
        e.u8(0)?.u64(self.at_ns / TICK_NS - earliest)?;
        e.u8(1)?.u32(self.client)?;
        e.u8(2)?.u16(self.client_port)?;
        e.u8(3)?.u16(self.id)?;
        e.u8(4)?.u32(self.signature)?;
        if has_response {
            e.u8(6)?.u32(self.delay_us)?;
        }
        if let Some(name) = self.name {
            e.u8(7)?.u32(name)?;
        }
        e.u8(8)?.u16(self.query_octets)?;
        if has_response {
            e.u8(9)?.u16(self.response_octets)?;
        }
        Ok(())
    }
}
