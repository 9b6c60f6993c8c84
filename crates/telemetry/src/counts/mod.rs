//! What one node counts of its messages, by transport and family.
//!
//! Start reading at [`Cells`], where a worker records, then at [`Counts`], what was read from it.
//! Per [`Flow`] the cells are:
//!
//! ```text
//! request sizes    19      one cell per bin of 16 octets, the last from 288 octets on
//! response sizes   257     the same, the last from 4096 octets on
//! profiles         256     what a query says of itself: EDNS and its size, DO, CD, RD, NSID, cookie
//! questions        274×4   query type by what was sent: NOERROR, NXDOMAIN, another RCODE, nothing
//! rcodes           33      those but NOERROR and NXDOMAIN, by number
//! truncated        1       responses with TC set
//! continued        1       messages of transfers behind the first, with NOERROR
//! ```
//!
//! So what is a sum is not counted: queries are the sum of the request sizes, responses that of the
//! response sizes, and the sums that RSSAC002 demands to be equal are. Recording an ordinary query
//! adds to four cells on four cache lines, one of each of the first four kinds; another RCODE and
//! TC cost one more each. This module does not know how a message was parsed, sent or judged.

mod exchange;
mod layout;
mod live;
mod sparse;

pub use exchange::{Asked, AskedEdns, Buffer, Exchange, Profile, Sent};
pub use live::Cells;

use imrs_wire::{Family, Rcode, Rtype};

use layout::{CELLS, FLOW_CELLS, Fate};

/// Messages over one transport and one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// What carried them.
    pub transport: Transport,
    /// The family of the client's address.
    pub family: Family,
}

/// What carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Transport {
    /// UDP (RFC 1035 section 4.2.1).
    Udp,
    /// TCP (RFC 7766).
    Tcp,
    /// TLS (RFC 7858).
    Tls,
    /// QUIC (RFC 9250).
    Quic,
}

/// What was counted, at one time or over a time. Without meaning but by its methods.
#[derive(Clone, PartialEq, Eq)]
pub struct Counts {
    cells: Box<[u64]>,
}

/// What was counted of one flow.
#[derive(Clone, Copy)]
pub struct FlowCounts<'a> {
    cells: &'a [u64],
}

/// Queries of one type, by what was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// Answered with NOERROR.
    pub no_error: u64,
    /// Answered with NXDOMAIN.
    pub nx_domain: u64,
    /// Answered with another RCODE.
    pub other: u64,
    /// Not answered.
    pub unanswered: u64,
}

/// What a query asked for, as far as it is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Qtype {
    /// This type.
    Type(Rtype),
    /// One of the types that are counted together.
    Other,
    /// None could be read.
    Absent,
}

impl Transport {
    /// All of them.
    pub const ALL: [Transport; 4] = [
        Transport::Udp,
        Transport::Tcp,
        Transport::Tls,
        Transport::Quic,
    ];
}

impl Flow {
    /// All of them.
    pub const ALL: [Flow; 8] = {
        use Family::{V4, V6};
        use Transport::{Quic, Tcp, Tls, Udp};
        [
            Flow::new(Udp, V4),
            Flow::new(Udp, V6),
            Flow::new(Tcp, V4),
            Flow::new(Tcp, V6),
            Flow::new(Tls, V4),
            Flow::new(Tls, V6),
            Flow::new(Quic, V4),
            Flow::new(Quic, V6),
        ]
    };

    /// The flow of both.
    pub const fn new(transport: Transport, family: Family) -> Flow {
        Flow { transport, family }
    }

    /// Its place in [`Flow::ALL`].
    fn index(self) -> usize {
        2 * self.transport as usize + self.family as usize
    }
}

impl Counts {
    /// Nothing.
    pub fn new() -> Counts {
        Counts {
            cells: vec![0; CELLS].into_boxed_slice(),
        }
    }

    /// Adds what was counted elsewhere or at another time.
    pub fn add(&mut self, other: &Counts) {
        for (sum, cell) in self.cells.iter_mut().zip(&other.cells) {
            *sum = sum.saturating_add(*cell);
        }
    }

    /// What was counted since `earlier`; `None` if any number is lower now, so that both are not of
    /// one run.
    pub fn since(&self, earlier: &Counts) -> Option<Counts> {
        let pairs = self.cells.iter().zip(&earlier.cells);
        let cells = pairs.map(|(now, then)| now.checked_sub(*then));
        Some(Counts {
            cells: cells.collect::<Option<Vec<u64>>>()?.into_boxed_slice(),
        })
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| *cell == 0)
    }

    /// What was counted of one flow.
    pub fn flow(&self, flow: Flow) -> FlowCounts<'_> {
        let start = flow.index() * FLOW_CELLS;
        FlowCounts {
            cells: self.cells.get(start..start + FLOW_CELLS).unwrap_or(&[]),
        }
    }

    /// What was counted of one transport, both families together.
    pub fn transport(&self, transport: Transport) -> [FlowCounts<'_>; 2] {
        [Family::V4, Family::V6].map(|family| self.flow(Flow::new(transport, family)))
    }

    /// Records one query and what became of it: what a worker does in its [`Cells`], for tests and
    /// captures that are counted afterwards.
    pub fn record(&mut self, flow: Flow, exchange: &Exchange) {
        exchange.each_cell(|cell| self.add_one(flow, cell));
    }

    /// Records one more message of a transfer, as [`Cells::record_continued`] does.
    pub fn record_continued(&mut self, flow: Flow, octets: usize) {
        exchange::each_cell_of_continued(octets, |cell| self.add_one(flow, cell));
    }

    fn add_one(&mut self, flow: Flow, cell: usize) {
        if let Some(cell) = self.cells.get_mut(flow.index() * FLOW_CELLS + cell) {
            *cell = cell.saturating_add(1);
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Counts::new()
    }
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut map = f.debug_map();
        for flow in Flow::ALL {
            let counts = self.flow(flow);
            map.entry(&flow, &(counts.queries(), counts.responses()));
        }
        map.finish()
    }
}

impl<'a> FlowCounts<'a> {
    /// Queries received.
    pub fn queries(self) -> u64 {
        sum(self.request_sizes())
    }

    /// Responses sent.
    pub fn responses(self) -> u64 {
        sum(self.response_sizes())
    }

    /// Queries received by length in bins of 16 octets, the last open.
    pub fn request_sizes(self) -> &'a [u64] {
        self.part(layout::REQUEST_SIZES, layout::REQUEST_BINS)
    }

    /// Responses sent by length in bins of 16 octets, the last open.
    pub fn response_sizes(self) -> &'a [u64] {
        self.part(layout::RESPONSE_SIZES, layout::RESPONSE_BINS)
    }

    /// Responses sent with TC set.
    pub fn truncated(self) -> u64 {
        self.cell(layout::TRUNCATED)
    }

    /// Messages of transfers behind the first (RFC 5936 section 2.2), which are responses too.
    pub fn continued(self) -> u64 {
        self.cell(layout::CONTINUED)
    }

    /// Responses sent with this extended RCODE.
    pub fn rcode(self, rcode: Rcode) -> u64 {
        match rcode {
            Rcode::NOERROR => self
                .sum_of_fate(Fate::NoError)
                .saturating_add(self.continued()),
            Rcode::NXDOMAIN => self.sum_of_fate(Fate::NxDomain),
            _ if usize::from(rcode.0) < crate::limits::RCODES => {
                self.cell(layout::RCODES + usize::from(rcode.0))
            }
            _ => 0,
        }
    }

    /// Responses sent by RCODE, where there are any.
    pub fn rcodes(self) -> impl Iterator<Item = (Rcode, u64)> + 'a {
        let all = (0..crate::limits::RCODES as u16).map(Rcode);
        all.map(move |rcode| (rcode, self.rcode(rcode)))
            .filter(|(_, count)| *count > 0)
    }

    /// Responses sent with any RCODE that is not counted for itself.
    pub fn other_rcodes(self) -> u64 {
        self.cell(layout::RCODES + crate::limits::RCODES)
    }

    /// Queries of one type.
    pub fn questions(self, qtype: Qtype) -> Questions {
        let at = |fate| self.cell(layout::question(layout::row(qtype), fate));
        Questions {
            no_error: at(Fate::NoError),
            nx_domain: at(Fate::NxDomain),
            other: at(Fate::Other),
            unanswered: at(Fate::Unanswered),
        }
    }

    /// Queries by type, where there are any.
    pub fn qtypes(self) -> impl Iterator<Item = (Qtype, Questions)> + 'a {
        let types = (0..crate::limits::QTYPES as u16).map(|number| Qtype::Type(Rtype(number)));
        types
            .chain([Qtype::Other, Qtype::Absent])
            .map(move |qtype| (qtype, self.questions(qtype)))
            .filter(|(_, questions)| questions.total() > 0)
    }

    /// Queries by what they say of themselves, where there are any.
    pub fn profiles(self) -> impl Iterator<Item = (Profile, u64)> + 'a {
        let cells = self.part(layout::PROFILES, layout::PROFILE_CELLS);
        let counted = cells.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(|(index, count)| (Profile::from_index(index), *count))
    }

    /// Queries that say so of themselves, such as `|profile| profile.dnssec`.
    pub fn queries_where(self, holds: impl Fn(Profile) -> bool) -> u64 {
        let counted = self.profiles().filter(|(profile, _)| holds(*profile));
        counted.map(|(_, count)| count).sum()
    }

    fn sum_of_fate(self, fate: Fate) -> u64 {
        (0..layout::ROWS)
            .map(|row| self.cell(layout::question(row, fate)))
            .fold(0, u64::saturating_add)
    }

    fn cell(self, at: usize) -> u64 {
        self.cells.get(at).copied().unwrap_or(0)
    }

    fn part(self, at: usize, len: usize) -> &'a [u64] {
        self.cells.get(at..at + len).unwrap_or(&[])
    }
}

impl Questions {
    /// All of them.
    pub fn total(self) -> u64 {
        [self.no_error, self.nx_domain, self.other, self.unanswered]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// A sum that stays at its end: what was read from a file may be anything.
fn sum(cells: &[u64]) -> u64 {
    cells.iter().copied().fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests;
