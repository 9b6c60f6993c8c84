//! Writes response bodies: records with compressed names, the places of the pointers, the cuts.

use super::layout::Cut;
use super::names::{NameId, Names};
use super::{Kind, contents::RrSet};
use crate::record::{Data, Record};
use domain::base::rdata::ComposeRecordData;
use imrs_wire::limits::{HEADER_LEN, NAME_LEN_MAX, QUESTION_TAIL_LEN};

/// A body as it was rendered, with the header bits and counts that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    pub kind: Kind,
    pub authoritative: bool,
    /// Octets of the name for which the pointers are right.
    pub anchor_len: u16,
    /// Records of answer, authority and additional section.
    pub counts: [u16; 3],
    /// Where two octets of a compression pointer are.
    pub pointers: Vec<u16>,
    /// The places before the end at which the body may be cut, longest first.
    pub cuts: Vec<Cut>,
    /// Octets at the start that other bodies have as well.
    pub shared_len: usize,
    pub octets: Vec<u8>,
}

impl Rendered {
    fn new(kind: Kind, anchor_len: u16) -> Self {
        Rendered {
            kind,
            authoritative: kind != Kind::Referral,
            anchor_len,
            counts: [0; 3],
            pointers: Vec::new(),
            cuts: Vec::new(),
            shared_len: 0,
            octets: Vec::new(),
        }
    }
}

/// The sections behind the question.
#[derive(Clone, Copy, Debug)]
pub(super) enum Section {
    Answer = 0,
    Authority = 1,
    Additional = 2,
}

/// Which TTL a record is sent with.
#[derive(Clone, Copy, Debug)]
pub(super) enum TtlRule {
    /// Its own.
    Own,
    /// Its own, but not more than this (RFC 2308 section 3).
    AtMost(u32),
}

/// Renders bodies one after the other.
pub(super) struct Renderer<'n> {
    names: &'n Names,
    /// Where in the message each name was last written, and in which body.
    places: Vec<(u32, u16)>,
    /// The number of the body in hand.
    turn: u32,
    /// The name that the body in hand is about.
    anchor: NameId,
    body: Rendered,
    scratch: Vec<u8>,
}

impl<'n> Renderer<'n> {
    pub(super) fn new(names: &'n Names) -> Self {
        Renderer {
            names,
            places: vec![(0, 0); names.count()],
            turn: 0,
            anchor: NameId::ROOT,
            body: Rendered::new(Kind::Answer, 1),
            scratch: Vec::new(),
        }
    }

    /// Starts a body that answers questions for `anchor` or, pointers shifted, names below it.
    pub(super) fn begin(&mut self, kind: Kind, anchor: NameId) -> &mut Self {
        self.turn += 1;
        self.anchor = anchor;
        self.body = Rendered::new(kind, self.names.len(anchor));
        let mut at = HEADER_LEN as u16;
        for name in self.names.ancestry(anchor) {
            self.places[name.index()] = (self.turn, at);
            at += self.names.label(name).len() as u16 + 1;
        }
        self
    }

    /// Appends an RRset and, where DNSSEC records are wanted, the signatures over it.
    pub(super) fn rrset(
        &mut self,
        section: Section,
        rrset: &RrSet<'_>,
        dnssec: bool,
        ttl: TtlRule,
    ) -> &mut Self {
        for record in rrset.records {
            self.record(section, rrset.owner, record, ttl);
        }
        if dnssec {
            for record in &rrset.signatures {
                self.record(section, rrset.owner, record, ttl);
            }
        }
        self
    }

    /// Appends one record.
    pub(super) fn record(
        &mut self,
        section: Section,
        owner: NameId,
        record: &Record,
        ttl: TtlRule,
    ) {
        self.name(owner);
        let ttl = match ttl {
            TtlRule::Own => record.ttl().as_secs(),
            TtlRule::AtMost(most) => record.ttl().as_secs().min(most),
        };
        let octets = &mut self.body.octets;
        octets.extend_from_slice(&record.rtype().to_int().to_be_bytes());
        octets.extend_from_slice(&record.class().to_int().to_be_bytes());
        octets.extend_from_slice(&ttl.to_be_bytes());
        let len_at = octets.len();
        octets.extend_from_slice(&[0, 0]);
        self.data(record);
        let octets = &mut self.body.octets;
        let len = (octets.len() - len_at - 2) as u16;
        octets[len_at..len_at + 2].copy_from_slice(&len.to_be_bytes());
        self.body.counts[section as usize] += 1;
    }

    /// Appends record data. Only types of RFC 1035 may have compressed names (RFC 3597 section 4).
    fn data(&mut self, record: &Record) {
        self.scratch.clear();
        match record.data() {
            Data::Ns(ns) => self.name(self.names.find(ns.nsdname())),
            Data::Soa(soa) => {
                self.name(self.names.find(soa.mname()));
                self.name(self.names.find(soa.rname()));
                let numbers = [
                    soa.serial().into_int(),
                    soa.refresh().as_secs(),
                    soa.retry().as_secs(),
                    soa.expire().as_secs(),
                    soa.minimum().as_secs(),
                ];
                self.body
                    .octets
                    .extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
            }
            data => {
                let Ok(()) = data.compose_rdata(&mut self.scratch);
                self.body.octets.extend_from_slice(&self.scratch);
            }
        }
    }

    /// Appends a name, with a pointer to where it, or what it ends in, was written before.
    fn name(&mut self, name: NameId) {
        let names = self.names;
        for name in names.ancestry(name) {
            if name == NameId::ROOT {
                break;
            }
            let here = self.body.octets.len();
            let place = &mut self.places[name.index()];
            if place.0 == self.turn {
                // What lies beyond is more than a message can hold, and is cut off in the end.
                if let Ok(here) = u16::try_from(here) {
                    self.body.pointers.push(here);
                }
                self.body
                    .octets
                    .extend_from_slice(&(0xc000 | place.1).to_be_bytes());
                return;
            }
            let at = HEADER_LEN + usize::from(self.body.anchor_len) + QUESTION_TAIL_LEN + here;
            // Below 0x4000 also when the question is as long as can be.
            if at + NAME_LEN_MAX < 0x4000 {
                *place = (self.turn, at as u16);
            }
            let label = names.label(name);
            self.body.octets.push(label.len() as u8);
            self.body.octets.extend_from_slice(label);
        }
        self.body.octets.push(0);
    }

    /// Says that what was written so far stands at the start of other bodies, too.
    pub(super) fn share(&mut self) -> &mut Self {
        if self.body.pointers.is_empty() {
            self.body.shared_len = self.body.octets.len();
        }
        self
    }

    /// Allows to cut the body here: what follows is worth sending but may be missing. A referral
    /// keeps one address RRset at least, since with none a client may find no way on.
    pub(super) fn allow_cut(&mut self) -> &mut Self {
        let additional = self.body.counts[Section::Additional as usize];
        if additional == 0 && self.body.kind == Kind::Referral {
            return self;
        }
        if let Ok(len) = u16::try_from(self.body.octets.len()) {
            self.body.cuts.insert(0, Cut { len, additional });
        }
        self
    }

    /// The finished body, cut so that it fits a message of any transport.
    pub(super) fn finish(&mut self) -> Result<Rendered, TooLarge> {
        let mut body = self.body.clone();
        if body.octets.len() > BODY_LEN_MAX {
            let cut = body
                .cuts
                .iter()
                .find(|cut| usize::from(cut.len) <= BODY_LEN_MAX);
            let Cut { len, additional } = *cut.ok_or_else(|| TooLarge {
                name: self.names.name(self.anchor).to_string(),
                octets: body.octets.len(),
            })?;
            body.octets.truncate(len.into());
            body.counts[Section::Additional as usize] = additional;
            body.pointers.retain(|at| *at < len);
        }
        body.cuts
            .retain(|cut| usize::from(cut.len) < body.octets.len());
        if body.pointers.is_empty() {
            // Right for any name, so that such bodies can be found to be the same.
            body.anchor_len = 1;
        }
        Ok(body)
    }
}

/// A body that no message can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name} needs a response of {octets} octets, and {BODY_LEN_MAX} is all that a message can hold"
)]
pub struct TooLarge {
    /// The name that is asked about.
    pub name: String,
    /// Octets of the body.
    pub octets: usize,
}

/// A body has to fit a message of 65,535 octets with header, the longest question, and an OPT
/// record, whose options never take more than 1,024.
const BODY_LEN_MAX: usize = 0xffff - HEADER_LEN - NAME_LEN_MAX - QUESTION_TAIL_LEN - 1024;
