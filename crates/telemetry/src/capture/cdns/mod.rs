//! Writes C-DNS 1.0 (RFC 8618): pairs of query and response in blocks, in which what repeats stands
//! once.
//!
//! ```text
//! file    "C-DNS" | preamble: what is collected, and how | blocks ...
//! block   earliest time | statistics, what is missing among them | tables | items
//! ```
//!
//! All queries are written, of every opcode; of their records the OPT record alone, of responses
//! the header, the RCODE and the size. What has no header or no readable first question is counted
//! as malformed and not written. Names keep the case in which they were sent.

mod block;
mod signature;
mod tables;
#[cfg(test)]
mod tests;

use super::{Captured, Missed};
use crate::limits::CDNS_BLOCK_ITEMS;
use block::Block;
use imrs_wire::Rtype;
use minicbor::Encoder;
use minicbor::encode::Error;
use std::convert::Infallible;
use std::net::IpAddr;

/// Key of [`Missed::lost`] among the statistics of a block.
pub const KEY_LOST: i8 = -1;

/// Key of [`Missed::sampled_away`] among the statistics of a block.
pub const KEY_SAMPLED_AWAY: i8 = -2;

/// Key of [`Missed::over_budget`] among the statistics of a block.
pub const KEY_OVER_BUDGET: i8 = -3;

/// What a file says of how it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The program and its version.
    pub generator: String,
    /// The node.
    pub host: String,
    /// The addresses on which it answers.
    pub servers: Vec<IpAddr>,
    /// How messages are chosen, in words, unless all are.
    pub sampling: Option<String>,
    /// How addresses are anonymised, in words, if they are.
    pub anonymisation: Option<String>,
}

/// Writes one file after the other. Holds one block in memory.
pub struct Writer {
    parameters: Parameters,
    block: Block,
}

/// What comes of writing to memory.
type Written = Result<(), Error<Infallible>>;

impl Writer {
    /// A writer without a file. `seed` is secret, or others could choose names that collide in its
    /// tables.
    pub fn new(parameters: Parameters, seed: u64) -> Writer {
        Writer {
            parameters,
            block: Block::new(seed),
        }
    }

    /// Appends what a file starts with to `out`.
    pub fn start(&self, out: &mut Vec<u8>) {
        self.write_preamble(&mut Encoder::new(out))
            .expect(IN_MEMORY);
    }

    /// Takes a message into the block.
    pub fn add(&mut self, captured: &Captured<'_>) {
        self.block.add(captured);
    }

    /// Whether the block has to be finished before another message is added.
    pub fn is_full(&self) -> bool {
        self.block.is_full()
    }

    /// Whether the block holds nothing.
    pub fn is_empty(&self) -> bool {
        self.block.is_empty()
    }

    /// Appends the block to `out`, and starts another. `missed` is what is missing since the one
    /// before; a block without messages can declare that alone.
    pub fn finish_block(&mut self, missed: Missed, out: &mut Vec<u8>) {
        let written = self.block.write(missed, &mut Encoder::new(out));
        written.expect(IN_MEMORY);
    }

    /// Appends what a file ends with.
    pub fn end(&self, out: &mut Vec<u8>) {
        Encoder::new(out).end().expect(IN_MEMORY);
    }

    /// `File` up to the first block (RFC 8618 sections 7.2 to 7.3); how many blocks there will be
    /// is not known.
    fn write_preamble(&self, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        e.array(3)?.str("C-DNS")?;
        e.map(3)?.u8(0)?.u8(1)?.u8(1)?.u8(0)?;
        e.u8(3)?.array(1)?.map(2)?;
        e.u8(0)?;
        self.write_storage(e)?;
        e.u8(1)?;
        self.write_collection(e)?;
        e.begin_array()?;
        Ok(())
    }

    /// `StorageParameters`.
    fn write_storage(&self, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        let Parameters {
            sampling,
            anonymisation,
            ..
        } = &self.parameters;
        let optional = u64::from(sampling.is_some()) + u64::from(anonymisation.is_some());
        e.map(6 + optional)?;
        e.u8(0)?.u64(TICKS_PER_SECOND)?;
        e.u8(1)?.u64(CDNS_BLOCK_ITEMS as u64)?;
        e.u8(2)?.map(4)?;
        e.u8(0)?.u32(HINTS_ITEM)?.u8(1)?.u32(HINTS_SIGNATURE)?;
        e.u8(2)?.u8(0)?.u8(3)?.u8(0)?;
        e.u8(3)?.array(16)?;
        for opcode in 0..16 {
            e.u8(opcode)?;
        }
        e.u8(4)?.array(1)?.u16(Rtype::OPT.0)?;
        let flags = u8::from(anonymisation.is_some()) | u8::from(sampling.is_some()) << 1;
        e.u8(5)?.u8(flags)?;
        if let Some(method) = sampling {
            e.u8(10)?.str(method)?;
        }
        if let Some(method) = anonymisation {
            e.u8(11)?.str(method)?;
        }
        Ok(())
    }

    /// `CollectionParameters`.
    fn write_collection(&self, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        let Parameters {
            generator,
            host,
            servers,
            ..
        } = &self.parameters;
        e.map(2 + u64::from(!servers.is_empty()))?;
        if !servers.is_empty() {
            e.u8(5)?.array(servers.len() as u64)?;
            for server in servers {
                match server {
                    IpAddr::V4(address) => e.bytes(&address.octets())?,
                    IpAddr::V6(address) => e.bytes(&address.octets())?,
                };
            }
        }
        e.u8(8)?.str(generator)?;
        e.u8(9)?.str(host)?;
        Ok(())
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Times are told in µs.
const TICKS_PER_SECOND: u64 = 1_000_000;
const TICK_NS: u64 = 1_000_000_000 / TICKS_PER_SECOND;

/// Of an item all but the hop limit, what processing was like, and records: bits 5 and 10 to 17.
const HINTS_ITEM: u32 = 0b11_1101_1111;

/// Of a signature all: bits 0 to 16.
const HINTS_SIGNATURE: u32 = 0x1_ffff;

/// Why writing cannot fail.
const IN_MEMORY: &str = "a vector takes all that is written to it";
