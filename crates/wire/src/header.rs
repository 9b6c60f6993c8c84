//! The header of a message (RFC 1035 section 4.1.1).
//!
//! ```text
//!   0  1  2  3  4  5  6  7  8  9  0  1  2  3  4  5
//! +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
//! |                      ID                       |
//! |QR|   Opcode  |AA|TC|RD|RA| Z|AD|CD|   RCODE   |
//! |                    QDCOUNT                    |
//! |                    ANCOUNT                    |
//! |                    NSCOUNT                    |
//! |                    ARCOUNT                    |
//! +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
//! ```

use crate::limits::HEADER_LEN;
use crate::rcode::Rcode;

/// The second pair of octets of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// This is a response.
    pub const QR: u16 = 0x8000;
    /// The answer is authoritative.
    pub const AA: u16 = 0x0400;
    /// The response was truncated.
    pub const TC: u16 = 0x0200;
    /// Recursion is desired.
    pub const RD: u16 = 0x0100;
    /// Checking is disabled (RFC 4035 section 3.2.2).
    pub const CD: u16 = 0x0010;
    /// Where the opcode stands.
    const OPCODE: u16 = 0x7800;

    /// Whether this is a response.
    pub fn is_response(self) -> bool {
        self.0 & Self::QR != 0
    }

    /// The kind of query.
    pub fn opcode(self) -> Opcode {
        Opcode(((self.0 & Self::OPCODE) >> 11) as u8)
    }

    /// The flags that answer these: QR set; opcode, RD and CD copied (RFC 4035 section 3.1.6);
    /// all else clear, also the reserved bit (RFC 8906 section 4.2).
    pub fn respond(self) -> Flags {
        Flags(Self::QR | self.0 & (Self::OPCODE | Self::RD | Self::CD))
    }

    /// With the given bits set.
    #[must_use]
    pub fn with(self, bits: u16) -> Flags {
        Flags(self.0 | bits)
    }

    /// With the lower four bits of `rcode`; the upper eight travel in the OPT record.
    #[must_use]
    pub fn with_rcode(self, rcode: Rcode) -> Flags {
        Flags(self.0 & !0x000f | rcode.0 & 0x000f)
    }
}

/// The kind of query (RFC 1035 section 4.1.1), four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opcode(pub u8);

impl Opcode {
    /// A standard query.
    pub const QUERY: Opcode = Opcode(0);
    /// Tells a secondary that a zone has changed (RFC 1996).
    pub const NOTIFY: Opcode = Opcode(4);
}

/// The numbers of entries in the four sections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Questions.
    pub question: u16,
    /// Records of the answer section.
    pub answer: u16,
    /// Records of the authority section.
    pub authority: u16,
    /// Records of the additional section, the OPT record among them.
    pub additional: u16,
}

/// Lays out a header.
pub(crate) fn encode(id: [u8; 2], flags: Flags, counts: Counts) -> [u8; HEADER_LEN] {
    let [i0, i1] = id;
    let [f0, f1] = flags.0.to_be_bytes();
    let [q0, q1] = counts.question.to_be_bytes();
    let [a0, a1] = counts.answer.to_be_bytes();
    let [n0, n1] = counts.authority.to_be_bytes();
    let [r0, r1] = counts.additional.to_be_bytes();
    [i0, i1, f0, f1, q0, q1, a0, a1, n0, n1, r0, r1]
}
