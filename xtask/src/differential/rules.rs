//! The differences that have a reason.
//!
//! One table: [`RULES`]. A difference is explained when every aspect of it is covered by a rule.
//! `docs/differences.md` is written from here; what a rule demands of the two responses is in
//! `evidence`.

use super::compare::{Aspect, Said};
use super::constants::option;
use super::evidence as when;
use super::exchange::Via;
use super::facts::Facts;
use super::query::Query;
use Aspect::{
    Additional, Answer, Authoritative, Authority, ClearFlag, CopiedFlag, Nonsense, OptHeader,
    OptPresence, Question, Rcode, Silence, Truncation,
};

/// Why two servers may say different things.
pub(super) struct Rule {
    /// Name of the class of differences.
    pub(super) class: &'static str,
    /// The peers that differ from imrs in this way.
    pub(super) peers: &'static [&'static str],
    /// The aspects that the rule explains.
    pub(super) aspects: &'static [Aspect],
    /// When the rule holds.
    pub(super) when: fn(&Case<'_>) -> bool,
    /// Whether imrs may differ so from all peers at once although they agree.
    pub(super) may_stand_alone: bool,
    /// What imrs does, what the peer does, and why.
    pub(super) reason: &'static str,
    /// Where it is written.
    pub(super) rfc: &'static str,
}

/// One query and what imrs and a peer said to it.
pub(super) struct Case<'a> {
    pub(super) query: &'a Query,
    pub(super) via: Via,
    pub(super) peer: &'static str,
    pub(super) ours: &'a Said,
    pub(super) theirs: &'a Said,
    pub(super) zones: &'a [Facts],
}

/// The rule for one aspect of a difference, if there is one.
pub(super) fn explain(case: &Case<'_>, aspect: Aspect, alone: bool) -> Option<&'static Rule> {
    RULES.iter().find(|rule| {
        rule.peers.contains(&case.peer)
            && rule.aspects.contains(&aspect)
            && (rule.may_stand_alone || !alone)
            && (rule.when)(case)
    })
}

/// EDNS EXPIRE (RFC 7314).
const EXPIRE: u16 = 9;

const ALL: &[&str] = &["nsd", "knot", "bind"];
const NSD: &[&str] = &["nsd"];
const KNOT: &[&str] = &["knot"];
const BIND: &[&str] = &["bind"];

/// Another answer altogether, in whatever is said.
const WHOLE: &[Aspect] = &[
    Silence,
    Nonsense,
    Rcode,
    Authoritative,
    Truncation,
    Question,
    Answer,
    Authority,
    Additional,
    OptPresence,
    OptHeader,
    CopiedFlag,
    Aspect::Option(option::NSID),
    Aspect::Option(option::CLIENT_SUBNET),
    Aspect::Option(option::COOKIE),
    Aspect::Option(option::KEEPALIVE),
    Aspect::Option(option::EDE),
    Aspect::Option(option::ZONEVERSION),
];

/// The rules; the first that covers an aspect names it.
pub(super) const RULES: &[Rule] = &[
    Rule {
        class: "opcode",
        peers: ALL,
        aspects: WHOLE,
        when: when::other_opcode,
        may_stand_alone: true,
        reason: "imrs knows QUERY and NOTIFY alone. To another opcode it says NOTIMP in a bare \
                 header, since what follows the header depends on the opcode; peers echo the \
                 question or OPT, look at the EDNS version first, know UPDATE, or stay silent",
        rfc: "RFC 8906 section 3.1.4",
    },
    Rule {
        class: "NOTIFY",
        peers: ALL,
        aspects: WHOLE,
        when: when::notify,
        may_stand_alone: true,
        reason: "imrs hears nobody's NOTIFY here: REFUSED, NOTAUTH for a name that is no zone of \
                 it, FORMERR for what is no NOTIFY. BIND acknowledges and passes over NOTIFY for a \
                 zone of which it is the primary, Knot says NOTAUTH, NSD NXDOMAIN without the question",
        rfc: "RFC 1996 sections 3.10 and 3.11",
    },
    Rule {
        class: "class",
        peers: ALL,
        aspects: WHOLE,
        when: when::other_class,
        may_stand_alone: true,
        reason: "imrs refuses every class but IN and the four names of class CH. Peers say \
                 FORMERR, NOTIMP, NXDOMAIN or nothing, know more names of class CH, or answer \
                 class ANY as if it were IN",
        rfc: "RFC 1035 section 3.2.5, RFC 4892",
    },
    Rule {
        class: "transfer",
        peers: ALL,
        aspects: WHOLE,
        when: when::transfer,
        may_stand_alone: true,
        reason: "imrs refuses zone transfers here, on either transport and for any name. BIND \
                 gives them over TCP; peers say NOTIMP or FORMERR over UDP, and NOTAUTH for names \
                 that are no zone",
        rfc: "RFC 5936 sections 2.2.1 and 4.2",
    },
    Rule {
        class: "no question",
        peers: ALL,
        aspects: WHOLE,
        when: when::no_question,
        may_stand_alone: true,
        reason: "imrs, with its cookies off as here, says FORMERR to a QUERY without a question, with OPT where \
                 the query has it. NSD and BIND answer NOERROR to what may be a request for a cookie; \
                 others stay silent or differ in OPT",
        rfc: "RFC 9619 section 4, RFC 6891 section 6.1.1, RFC 7873 section 5.4",
    },
    Rule {
        class: "TSIG",
        peers: ALL,
        aspects: WHOLE,
        when: when::tsig,
        may_stand_alone: true,
        reason: "imrs has no key here and says BADKEY for a record that can be read, FORMERR for \
                 one that stands where none may; what cannot be read as TSIG it takes for any other \
                 additional record. Peers say NOTAUTH or FORMERR in their own order of checks",
        rfc: "RFC 8945 section 5.2",
    },
    Rule {
        class: "unread additional record",
        peers: ALL,
        aspects: WHOLE,
        when: when::unread_additional,
        may_stand_alone: true,
        reason: "imrs passes over additional records other than OPT without a look at their \
                 data. Peers say FORMERR or nothing when that is not well-formed",
        rfc: "RFC 3597 section 3",
    },
    Rule {
        class: "filled sections",
        peers: ALL,
        aspects: WHOLE,
        when: when::filled_sections,
        may_stand_alone: false,
        reason: "imrs says FORMERR to a query that has records in its answer or authority \
                 section; some peers answer, others stay silent",
        rfc: "RFC 1035 section 4.1.1",
    },
    Rule {
        class: "malformed",
        peers: ALL,
        aspects: &[Silence],
        when: when::dropped_malformed,
        may_stand_alone: false,
        reason: "imrs says FORMERR whenever there is a header of a query. NSD drops a query with \
                 too large counts, Knot one that is cut within the question; and NSD sends no \
                 more than 100 errors a second",
        rfc: "RFC 1035 section 4.1.1, RFC 8906 section 3",
    },
    Rule {
        class: "which error",
        peers: ALL,
        aspects: &[
            Rcode,
            OptPresence,
            OptHeader,
            Question,
            CopiedFlag,
            Aspect::Option(option::NSID),
            Aspect::Option(option::EDE),
            Aspect::Option(option::COOKIE),
        ],
        when: when::both_errors,
        may_stand_alone: false,
        reason: "several things are wrong with the query, and the servers look for them in a \
                 different order; or one echoes the question in its error and another does not",
        rfc: "RFC 1035 section 4.1.1",
    },
    Rule {
        class: "taken as it is",
        peers: ALL,
        aspects: WHOLE,
        when: when::tolerated_malformed,
        may_stand_alone: false,
        reason: "imrs says FORMERR to octets behind the last record and to OPT records that are \
                 doubled, misplaced or cut short. Some peers pass over such mistakes",
        rfc: "RFC 6891 section 6.1.1, RFC 1035 section 4.1.1",
    },
    Rule {
        class: "RCODE in query",
        peers: NSD,
        aspects: WHOLE,
        when: when::rcode_in_query,
        may_stand_alone: false,
        reason: "the RCODE of a query means nothing, and imrs answers. NSD drops such \
                 queries, or says FORMERR",
        rfc: "RFC 1035 section 4.1.1, RFC 8906 section 3.1.3",
    },
    Rule {
        class: "flags in errors",
        peers: NSD,
        aspects: &[Authoritative, Truncation, ClearFlag, CopiedFlag],
        when: when::both_errors,
        may_stand_alone: false,
        reason: "imrs builds the header of an error itself. NSD returns that of the query, with \
                 AA, TC, RA and Z as they were sent",
        rfc: "RFC 1035 section 4.1.1",
    },
    Rule {
        class: "CH names",
        peers: ALL,
        aspects: &[Silence, Rcode, Authoritative, Answer],
        when: when::chaos_name,
        may_stand_alone: true,
        reason: "imrs has authority over its identity and version and sets AA. NSD and Knot leave \
                 AA out; BIND does not know version.server",
        rfc: "RFC 4892",
    },
    Rule {
        class: "types that are no data",
        peers: ALL,
        aspects: WHOLE,
        when: when::meta_type,
        may_stand_alone: true,
        reason: "imrs says FORMERR to a question for OPT and NODATA or NXDOMAIN to one for type 0, TKEY, \
                 TSIG, MAILB or MAILA. Peers say NOTIMP or FORMERR, or treat OPT as any other type",
        rfc: "RFC 6895 section 3.1, RFC 6891 section 6.1.1",
    },
    Rule {
        class: "SIG",
        peers: BIND,
        aspects: &[Authority, Truncation],
        when: when::obsolete_sig,
        may_stand_alone: false,
        reason: "SIG is a type like others that the zone does not have. BIND leaves out the proof \
                 of NODATA for it",
        rfc: "RFC 4035 section 3.1.3.1, RFC 3755 section 3",
    },
    Rule {
        class: "RRSIG",
        peers: KNOT,
        aspects: &[Answer, Additional, Truncation],
        when: when::signatures,
        may_stand_alone: false,
        reason: "to a question for RRSIG imrs gives all signatures of the name, as NSD and BIND \
                 do. Knot gives one",
        rfc: "RFC 4034 section 3",
    },
    Rule {
        class: "NSID twice",
        peers: NSD,
        aspects: &[Nonsense],
        when: when::nsid_twice,
        may_stand_alone: false,
        reason: "imrs gives its NSID once however often it is asked for. NSD sends a response \
                 that does not parse",
        rfc: "RFC 5001 section 2.1",
    },
    Rule {
        class: "expire",
        peers: &["knot", "bind"],
        aspects: &[Aspect::Option(EXPIRE)],
        when: when::always,
        may_stand_alone: false,
        reason: "imrs ignores the option, which is for secondaries. Knot and BIND tell the expire \
                 time of the zone",
        rfc: "RFC 7314 section 3",
    },
    Rule {
        class: "CD",
        peers: &["nsd", "knot"],
        aspects: &[CopiedFlag],
        when: when::checking_disabled,
        may_stand_alone: false,
        reason: "RFC 4035 asks for two things: section 3 that CD be copied (MUST), section 3.1.6 \
                 that it be clear in authoritative responses (SHOULD). imrs and BIND do the \
                 first, NSD and Knot the second",
        rfc: "RFC 4035 sections 3 and 3.1.6",
    },
    Rule {
        class: "BADVERS and DO",
        peers: NSD,
        aspects: &[OptHeader],
        when: when::bad_version,
        may_stand_alone: false,
        reason: "imrs copies DO into every response that has OPT. NSD clears it beside BADVERS",
        rfc: "RFC 3225 section 3",
    },
    Rule {
        class: "BADVERS and NSID",
        peers: ALL,
        aspects: &[Aspect::Option(option::NSID), Aspect::Option(option::COOKIE)],
        when: when::bad_version,
        may_stand_alone: false,
        reason: "imrs does not read the options of an EDNS version that it does not know. Knot \
                 does, and gives its NSID",
        rfc: "RFC 6891 section 6.1.3",
    },
    Rule {
        class: "option contents",
        peers: ALL,
        aspects: WHOLE,
        when: when::option_contents,
        may_stand_alone: false,
        reason: "imrs does not read the values of options that it does not implement (client subnet, \
                 long-lived queries, key tags) or that are switched off, as cookies are here, and answers. Peers that implement them say FORMERR to \
                 values that are not well-formed",
        rfc: "RFC 6891 section 6.1.2",
    },
    Rule {
        class: "small buffer",
        peers: KNOT,
        aspects: WHOLE,
        when: when::small_buffer,
        may_stand_alone: true,
        reason: "a buffer size below 512 means 512 to imrs. Knot says FORMERR to some",
        rfc: "RFC 6891 section 6.2.3",
    },
    Rule {
        class: "cookie",
        peers: BIND,
        aspects: &[Aspect::Option(option::COOKIE)],
        when: when::always,
        may_stand_alone: false,
        reason: "a cookie depends on the second, so cookies are off here in imrs, as they are in NSD and \
                 Knot. BIND gives them",
        rfc: "RFC 7873 section 5.2.1",
    },
    Rule {
        class: "client subnet",
        peers: BIND,
        aspects: &[Aspect::Option(option::CLIENT_SUBNET)],
        when: when::always,
        may_stand_alone: false,
        reason: "imrs ignores the option, as its answers depend on no address. BIND returns it \
                 with scope 0",
        rfc: "RFC 7871 section 7.2.1",
    },
    Rule {
        class: "zone version",
        peers: ALL,
        aspects: &[Aspect::Option(option::ZONEVERSION)],
        when: when::always,
        may_stand_alone: true,
        reason: "imrs tells the serial of the zone when asked. The peers of this release do not \
                 know the option",
        rfc: "RFC 9660 section 3",
    },
    Rule {
        class: "keepalive",
        peers: ALL,
        aspects: &[Aspect::Option(option::KEEPALIVE)],
        when: when::keepalive,
        may_stand_alone: true,
        reason: "over TCP imrs tells its idle timeout when asked. NSD and Knot do not know the \
                 option; BIND has another timeout",
        rfc: "RFC 7828 section 3.3.2",
    },
    Rule {
        class: "extended error",
        peers: ALL,
        aspects: &[Aspect::Option(option::EDE)],
        when: when::is_error,
        may_stand_alone: true,
        reason: "which extended error goes with an RCODE, if any, is the server's choice",
        rfc: "RFC 8914 section 2",
    },
    Rule {
        class: "question in errors",
        peers: ALL,
        aspects: &[Question],
        when: when::same_error,
        may_stand_alone: true,
        reason: "imrs echoes the question in errors where it could read one. NSD leaves it out",
        rfc: "RFC 1035 section 4.1.1",
    },
    Rule {
        class: "cut",
        peers: BIND,
        aspects: &[Answer, Authority, Additional, Authoritative, Truncation],
        when: when::beside_ds_at_a_cut,
        may_stand_alone: false,
        reason: "at a zone cut imrs answers DS alone and refers all other questions to the \
                 child. BIND answers NSEC, RRSIG and ANY there from the parent",
        rfc: "RFC 4035 section 3.1.4.1, RFC 1034 section 4.3.2",
    },
    Rule {
        class: "ANY",
        peers: ALL,
        aspects: &[Answer, Authority, Additional, Truncation],
        when: when::any,
        may_stand_alone: true,
        reason: "imrs answers ANY with one small RRset and its signatures. Which one, or how \
                 many, is the server's choice",
        rfc: "RFC 8482 section 4.1",
    },
    Rule {
        class: "SOA TTL",
        peers: BIND,
        aspects: &[Authority],
        when: when::zero_soa_ttl,
        may_stand_alone: false,
        reason: "the SOA beside a negative answer has the lesser of its TTL and its minimum. \
                 BIND gives 0 when the question was for a SOA",
        rfc: "RFC 2308 section 3",
    },
    Rule {
        class: "glue chosen",
        peers: ALL,
        aspects: &[Additional],
        when: when::glue_chosen,
        may_stand_alone: true,
        reason: "where not all addresses of servers fit, imrs drops those of servers outside the \
                 delegated zone from the end. Peers drop others",
        rfc: "RFC 9471 section 3.2, RFC 9609 section 3.3",
    },
    Rule {
        class: "in-domain glue",
        peers: ALL,
        aspects: &[Truncation],
        when: when::glue_missing,
        may_stand_alone: false,
        reason: "a referral that has no room for all glue of in-domain servers has TC at imrs. \
                 NSD and BIND leave some of it out without a word",
        rfc: "RFC 9471 section 3.1",
    },
    Rule {
        class: "sibling glue",
        peers: ALL,
        aspects: &[Truncation],
        when: when::sibling_glue,
        may_stand_alone: true,
        reason: "glue of servers outside the delegated zone may be left out; imrs does so without \
                 TC, as long as the first address RRset stays. Peers set TC when there is room for \
                 none of it, or not for all, or send none of it, or another, without TC",
        rfc: "RFC 9471 section 3.2",
    },
    Rule {
        class: "letter case",
        peers: BIND,
        aspects: &[Truncation],
        when: when::letter_case,
        may_stand_alone: false,
        reason: "imrs compresses names whatever their letter case. BIND does not where the \
                 question is in upper case, and so a response may not fit",
        rfc: "RFC 1035 section 2.3.3, RFC 4343 section 4.1",
    },
    Rule {
        class: "compression",
        peers: ALL,
        aspects: &[Truncation],
        when: when::compression,
        may_stand_alone: true,
        reason: "imrs compresses names against the delegated name alone, since it renders each \
                 referral once. Peers find longer matches in the question, and so fit a response \
                 that is a few octets too long for imrs",
        rfc: "RFC 1035 section 4.1.4",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::report;

    #[test]
    fn every_class_is_named_once() {
        let mut classes: Vec<&str> = RULES.iter().map(|rule| rule.class).collect();
        classes.sort_unstable();
        classes.dedup();
        assert_eq!(classes.len(), RULES.len());
    }

    #[test]
    fn the_manual_says_what_the_table_says() {
        let written = include_str!("../../../docs/differences.md");
        assert_eq!(
            written,
            report::document(),
            "run `cargo xtask differential --write-docs`"
        );
    }
}
