//! What differs between two responses to the same query.

use super::constants::{flag, option};
use super::message::{Malformed, Message, Section};
use std::collections::BTreeSet;

/// What a server said, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing.
    Nothing,
    /// Octets that are no response.
    Nonsense(Malformed),
    /// A response. Boxed, for it is much larger than nothing.
    Response(Box<Message>),
}

impl Said {
    /// Reads a response.
    pub(super) fn read(octets: Option<&[u8]>) -> Said {
        match octets.map(Message::parse) {
            None => Said::Nothing,
            Some(Err(malformed)) => Said::Nonsense(malformed),
            Some(Ok(message)) => Said::Response(Box::new(message)),
        }
    }

    /// The response, when there is one.
    pub(super) fn response(&self) -> Option<&Message> {
        match self {
            Said::Response(message) => Some(message),
            _ => None,
        }
    }
}

/// One respect in which two responses differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    /// One server answered, the other did not.
    Silence,
    /// One sent octets that are no response.
    Nonsense,
    /// RCODE, extended.
    Rcode,
    /// AA.
    Authoritative,
    /// TC: one response did not fit, and sections are not compared.
    Truncation,
    /// A flag that is copied from the query, or is not: RD, CD.
    CopiedFlag,
    /// A flag that an authoritative server leaves at 0: RA, Z, AD.
    ClearFlag,
    /// Opcode or QR.
    Opcode,
    /// The question is not echoed alike.
    Question,
    /// Answer section.
    Answer,
    /// Authority section.
    Authority,
    /// Additional section besides OPT.
    Additional,
    /// OPT is there in one response only.
    OptPresence,
    /// Version or flags of OPT.
    OptHeader,
    /// The EDNS option of this code: there in one response only, or of another value.
    Option(u16),
}

/// All respects in which `ours` and `theirs` differ; none when they agree.
pub(super) fn differences(ours: &Said, theirs: &Said) -> Vec<Aspect> {
    match (ours, theirs) {
        (Said::Response(ours), Said::Response(theirs)) => messages(ours, theirs),
        (Said::Nothing, Said::Nothing) => Vec::new(),
        (Said::Nothing, Said::Response(_)) | (Said::Response(_), Said::Nothing) => {
            vec![Aspect::Silence]
        }
        _ => vec![Aspect::Nonsense],
    }
}

fn messages(ours: &Message, theirs: &Message) -> Vec<Aspect> {
    let flags = ours.flags ^ theirs.flags;
    let mut found = Vec::new();
    let mut note = |differs: bool, aspect: Aspect| {
        if differs {
            found.push(aspect);
        }
    };
    note(ours.rcode != theirs.rcode, Aspect::Rcode);
    note(flags & flag::AA != 0, Aspect::Authoritative);
    note(flags & flag::TC != 0, Aspect::Truncation);
    note(flags & (flag::RD | flag::CD) != 0, Aspect::CopiedFlag);
    note(
        flags & (flag::RA | flag::Z | flag::AD) != 0,
        Aspect::ClearFlag,
    );
    note(flags & (flag::QR | 0x7800) != 0, Aspect::Opcode);
    note(ours.question != theirs.question, Aspect::Question);
    // What is left in a truncated response is nobody's to rely on (RFC 2181 section 9).
    if !ours.is_truncated() && !theirs.is_truncated() {
        let differ = |section| ours.section(section) != theirs.section(section);
        note(differ(Section::Answer), Aspect::Answer);
        note(differ(Section::Authority), Aspect::Authority);
        note(differ(Section::Additional), Aspect::Additional);
    }
    if let (Some(ours), Some(theirs)) = (&ours.opt, &theirs.opt) {
        note(
            (ours.version, ours.flags) != (theirs.version, theirs.flags),
            Aspect::OptHeader,
        );
    }
    note(
        ours.opt.is_some() != theirs.opt.is_some(),
        Aspect::OptPresence,
    );
    found.extend(options(ours, theirs));
    found
}

/// The options that differ. A server's cookie is its own secret (RFC 7873 section 4.2), the words
/// of an extended error are free (RFC 8914 section 2).
fn options(ours: &Message, theirs: &Message) -> Vec<Aspect> {
    fn compared(message: &Message, code: u16) -> Option<&[u8]> {
        let value = message.option(code)?;
        Some(match code {
            option::COOKIE => &[],
            option::EDE => value.get(..2).unwrap_or(value),
            _ => value,
        })
    }
    let all = [&ours.opt, &theirs.opt]
        .into_iter()
        .flatten()
        .flat_map(|opt| &opt.options);
    let codes: BTreeSet<u16> = all.map(|(code, _)| *code).collect();
    let differing = codes
        .into_iter()
        .filter(|&code| compared(ours, code) != compared(theirs, code));
    differing.map(Aspect::Option).collect()
}

/// The aspects in which one server stands alone: `subject` differs there from every peer, and the
/// peers agree among themselves.
pub(super) fn alone(subject: &Said, peers: &[&Said]) -> Vec<Aspect> {
    let Some((first, others)) = peers.split_first() else {
        return Vec::new();
    };
    if others.is_empty() {
        return Vec::new();
    }
    let mut aspects = differences(subject, first);
    for peer in others {
        let between = differences(first, peer);
        let from_subject = differences(subject, peer);
        aspects.retain(|aspect| from_subject.contains(aspect) && !between.contains(aspect));
    }
    aspects
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response without question or records.
    fn said(bits: u16) -> Said {
        let mut octets = vec![0; 12];
        octets[2..4].copy_from_slice(&bits.to_be_bytes());
        Said::read(Some(&octets))
    }

    #[test]
    fn every_difference_has_its_aspect() {
        assert_eq!(differences(&said(0x8000), &said(0x8000)), []);
        assert_eq!(
            differences(&said(0x8401), &said(0x8120)),
            [
                Aspect::Rcode,
                Aspect::Authoritative,
                Aspect::CopiedFlag,
                Aspect::ClearFlag
            ]
        );
        assert_eq!(
            differences(&said(0x8000), &Said::Nothing),
            [Aspect::Silence]
        );
        assert_eq!(
            differences(&said(0x8000), &Said::read(Some(b"x"))),
            [Aspect::Nonsense]
        );
    }

    #[test]
    fn who_differs_from_all_that_agree_stands_alone() {
        let (odd, usual, other) = (said(0x8400), said(0x8000), said(0x8005));
        assert_eq!(
            alone(&odd, &[&usual, &usual, &usual]),
            [Aspect::Authoritative]
        );
        assert_eq!(alone(&odd, &[&usual, &odd, &usual]), []);
        assert_eq!(
            alone(&odd, &[&usual, &other, &usual]),
            [Aspect::Authoritative]
        );
    }
}
