//! The program that the kernel runs for each datagram, before a worker is woken for it.
//!
//! ```text
//! all open and nobody condemned? ───────────────────────────────▶ pass
//!   │ no
//! look up the source ─ known ───────────────────────────────────▶ pass
//!   │                ─ condemned ─ trusted and brings a cookie? ▶ pass
//!   │                             └ 1 in 64? ───────────────────▶ pass, else drop
//!   │ neither
//! all open? ────────────────────────────────────────────────────▶ pass
//!   │ no
//! asks for the root, or brings a cookie? ── share of special ───▶ pass, else drop
//!   │ neither
//! share of ordinary ────────────────────────────────────────────▶ pass, else drop
//! ```
//!
//! The kernel shows a filter of a UDP socket the datagram from its UDP header on. Whether a cookie
//! is valid only the engine can tell: to end in a COOKIE option of the right length is a claim.
//! Needs Linux 5.5, for memory that is shared, and a verifier to agree.

use super::assembler::{
    Assembler,
    Condition::{Equal, Greater, NotEqual, SignedLess},
    Helper, Label,
    Operation::{Add, And, Move, Multiply, ShiftLeft, ShiftRight, Xor},
    Register::{self, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10},
    Size,
};
use super::table::{
    BUCKET_BITS, Hash, LAST_CONDEMNATION, STANDING_BIT, Standing, TAG_BIT, TIME_BITS, TRUSTED_BIT,
    WAYS, worker_word,
};
use crate::transport::limits::CONDEMNED_PASS_BITS;
use std::os::fd::BorrowedFd;

/// What a filter returns for a datagram that is kept whole.
const PASS: i32 = -1;
/// What it returns for one that is dropped.
const DROP: i32 = 0;

/// Offsets in `struct __sk_buff`.
const PACKET_OCTETS: i16 = 0;
const PACKET_PROTOCOL: i16 = 16;
/// Offsets of the source in the headers (RFC 791 section 3.1, RFC 8200 section 3).
const SOURCE_V4: i32 = 12;
const SOURCE_V6: i32 = 8;
const ETHERTYPE_V4: u16 = 0x0800;
const ETHERTYPE_V6: u16 = 0x86dd;
/// `BPF_HDR_START_NET`: offsets count from the network header.
const FROM_NETWORK_HEADER: i32 = 1;
/// Octets of a UDP header and of a DNS header (RFC 1035 section 4.1.1): the qname is behind them.
const QNAME: i32 = 8 + 12;
/// Code and length of a COOKIE option with a server cookie of 16 octets (RFC 9018 section 4).
const COOKIE_HEAD: [u8; 4] = [0, 10, 0, 24];
/// Octets of the whole option.
const COOKIE_OPTION: i32 = 4 + 24;

/// Octets of a word, and where the counts of a worker are from its first octet.
const WORD: usize = size_of::<u64>();
const CONDEMNED: i16 = 8;
const SHED: i16 = 16;
/// A share of all.
const FULL: i32 = -1;
/// Nanoseconds of a second.
const SECOND: i32 = 1_000_000_000;
/// Where things lie from the end of the stack.
const SOURCE: i16 = -8;
const EXCERPT: i16 = -16;

/// Registers that calls leave alone, by what they hold.
const PACKET: Register = R6;
const WORKER: Register = R7;
const OPENNESS: Register = R8;
/// The bucket, then the entry in it, then the share that passes.
const FOUND: Register = R9;

/// The program of one worker.
pub(super) fn assemble(map: BorrowedFd<'_>, hash: &Hash, worker: usize) -> Vec<u64> {
    let mut a = Assembler::default();
    let ends = Ends {
        pass: a.label(),
        drop: a.label(),
    };
    open(&mut a, ends, map, worker);
    hash_source(&mut a, ends, hash);
    judge_source(&mut a, ends, map);
    judge_share(&mut a, ends);
    a.place(ends.drop);
    a.compute(Move, R0, DROP);
    a.exit();
    a.place(ends.pass);
    a.compute(Move, R0, PASS);
    a.exit();
    a.finish()
}

/// Where the program ends.
#[derive(Clone, Copy)]
struct Ends {
    pass: Label,
    drop: Label,
}

/// The short way of quiet times. Leaves PACKET, WORKER and OPENNESS.
fn open(a: &mut Assembler, ends: Ends, map: BorrowedFd<'_>, worker: usize) {
    let look = a.label();
    a.combine(Move, PACKET, R1);
    a.load_address(WORKER, map, (worker_word(worker) * WORD) as u32);
    a.load(Size::Double, OPENNESS, WORKER, 0);
    a.jump_if_low(OPENNESS, NotEqual, FULL, look);
    a.load_address(R1, map, (LAST_CONDEMNATION * WORD) as u32);
    a.load(Size::Double, R1, R1, 0);
    a.jump_if(R1, Equal, 0, ends.pass);
    a.place(look);
}

/// Leaves the hash of the source in R1, as [`Hash`] computes it.
fn hash_source(a: &mut Assembler, ends: Ends, hash: &Hash) {
    let (v4, mix) = (a.label(), a.label());
    a.load(Size::Word, R1, PACKET, PACKET_PROTOCOL);
    a.jump_if(R1, Equal, ETHERTYPE_V4.to_be().into(), v4);
    a.jump_if(R1, NotEqual, ETHERTYPE_V6.to_be().into(), ends.pass);
    load_source(a, ends, SOURCE_V6, Size::Double);
    a.load_number(R2, hash.start_v6);
    a.jump(mix);
    a.place(v4);
    load_source(a, ends, SOURCE_V4, Size::Word);
    a.load_number(R2, hash.start_v4);
    a.place(mix);
    a.combine(Xor, R1, R2);
    for factor in hash.factors {
        a.load_number(R2, factor);
        a.combine(Multiply, R1, R2);
        a.combine(Move, R2, R1);
        a.compute(ShiftRight, R2, 32);
        a.combine(Xor, R1, R2);
    }
}

/// Loads octets of the network header into R1, as they lie in memory.
fn load_source(a: &mut Assembler, ends: Ends, offset: i32, size: Size) {
    let octets = match size {
        Size::Octet => 1,
        Size::Word => 4,
        Size::Double => 8,
    };
    a.combine(Move, R1, PACKET);
    a.compute(Move, R2, offset);
    a.combine(Move, R3, R10);
    a.compute(Add, R3, SOURCE.into());
    a.compute(Move, R4, octets);
    a.compute(Move, R5, FROM_NETWORK_HEADER);
    a.call(Helper::LoadOctetsRelative);
    // A packet without a source does not come this far.
    a.jump_if(R0, NotEqual, 0, ends.pass);
    a.load(size, R1, R10, SOURCE);
}

/// Passes the known and drops the condemned. Who is neither goes on.
fn judge_source(a: &mut Assembler, ends: Ends, map: BorrowedFd<'_>) {
    let (found, condemned, dropped, neither) = (a.label(), a.label(), a.label(), a.label());
    a.load_address(FOUND, map, 0);
    a.combine(Move, R2, R1);
    a.compute(ShiftRight, R2, (u64::BITS - BUCKET_BITS) as i32);
    a.compute(ShiftLeft, R2, (WAYS * WORD).ilog2() as i32);
    a.combine(Add, FOUND, R2);
    a.take_low(R3, R1);
    for way in 0..WAYS {
        a.load(Size::Double, R1, FOUND, (way * WORD) as i16);
        a.combine(Move, R2, R1);
        a.compute(ShiftRight, R2, TAG_BIT as i32);
        a.jump_if_both(R2, Equal, R3, found);
    }
    a.jump(neither);

    a.place(found);
    a.combine(Move, R2, R1);
    a.compute(ShiftRight, R2, STANDING_BIT as i32);
    a.compute(And, R2, 3);
    a.jump_if(R2, Equal, Standing::Known as i32, ends.pass);
    a.jump_if(R2, NotEqual, Standing::Condemned as i32, neither);
    a.combine(Move, FOUND, R1);
    a.call(Helper::Now);
    a.combine(Move, R1, FOUND);
    a.compute(And, R1, (1 << TIME_BITS) - 1);
    a.compute(Multiply, R1, SECOND);
    a.jump_if_both(R1, Greater, R0, condemned);
    a.jump(neither);

    a.place(condemned);
    a.call(Helper::Random);
    a.compute(And, R0, (1 << CONDEMNED_PASS_BITS) - 1);
    a.jump_if(R0, Equal, 0, ends.pass);
    a.compute(ShiftRight, FOUND, TRUSTED_BIT as i32);
    a.compute(And, FOUND, 1);
    a.jump_if(FOUND, Equal, 0, dropped);
    jump_if_cookie(a, ends.pass);
    a.place(dropped);
    count(a, CONDEMNED);
    a.jump(ends.drop);
    a.place(neither);
}

/// Passes a share of those that are left.
fn judge_share(a: &mut Assembler, ends: Ends) {
    let (special, draw) = (a.label(), a.label());
    a.jump_if_low(OPENNESS, Equal, FULL, ends.pass);
    jump_if_root(a, special);
    jump_if_cookie(a, special);
    a.take_low(FOUND, OPENNESS);
    a.jump(draw);
    a.place(special);
    a.combine(Move, FOUND, OPENNESS);
    a.compute(ShiftRight, FOUND, 32);
    a.jump_if_low(FOUND, Equal, FULL, ends.pass);
    a.place(draw);
    a.call(Helper::Random);
    a.take_low(R0, R0);
    a.jump_if_both(FOUND, Greater, R0, ends.pass);
    count(a, SHED);
    // The end that drops follows.
}

/// Goes to `target` if the qname is the root: priming, SOA, DNSKEY.
fn jump_if_root(a: &mut Assembler, target: Label) {
    let other = a.label();
    a.compute(Move, R2, QNAME);
    load_excerpt(a, 1);
    a.jump_if(R0, NotEqual, 0, other);
    a.load(Size::Octet, R1, R10, EXCERPT);
    a.jump_if(R1, Equal, 0, target);
    a.place(other);
}

/// Goes to `target` if the datagram ends in a COOKIE option with a server cookie.
fn jump_if_cookie(a: &mut Assembler, target: Label) {
    let other = a.label();
    a.load(Size::Word, R2, PACKET, PACKET_OCTETS);
    a.compute(Add, R2, -COOKIE_OPTION);
    a.jump_if(R2, SignedLess, QNAME, other);
    load_excerpt(a, COOKIE_HEAD.len() as i32);
    a.jump_if(R0, NotEqual, 0, other);
    a.load(Size::Word, R1, R10, EXCERPT);
    a.jump_if_low(R1, Equal, i32::from_ne_bytes(COOKIE_HEAD), target);
    a.place(other);
}

/// Copies octets of the datagram from offset R2 on to EXCERPT; R0 becomes 0 unless it ends before.
fn load_excerpt(a: &mut Assembler, octets: i32) {
    a.combine(Move, R1, PACKET);
    a.combine(Move, R3, R10);
    a.compute(Add, R3, EXCERPT.into());
    a.compute(Move, R4, octets);
    a.call(Helper::LoadOctets);
}

/// Adds one to a count of the worker.
fn count(a: &mut Assembler, offset: i16) {
    a.compute(Move, R1, 1);
    a.atomic_add(WORKER, offset, R1);
}
