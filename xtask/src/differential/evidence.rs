//! What the rules demand of a query and its two responses. Where a zone decides what is right,
//! it is asked, so that a rule never excuses a wrong answer of imrs.

use super::constants::rtype::{A, AAAA, ANY, AXFR, DS, IXFR, NS, NSEC, OPT, RRSIG, SOA, TXT};
use super::constants::{NOTIFY, class, flag, opcode, option, rcode};
use super::exchange::Via;
use super::facts::Facts;
use super::message::{Key, Message, RrSet, Section};
use super::name::{Name, is_within, labels};
use super::rules::Case;

/// Octets of a UDP buffer that any client has.
const SMALLEST_BUFFER: u16 = 512;

pub(super) fn always(_case: &Case<'_>) -> bool {
    true
}

fn our_rcode(case: &Case<'_>) -> Option<u16> {
    case.ours.response().map(|message| message.rcode)
}

fn their_rcode(case: &Case<'_>) -> Option<u16> {
    case.theirs.response().map(|message| message.rcode)
}

fn is_rcode_of_error(code: u16) -> bool {
    code != rcode::NOERROR && code != rcode::NXDOMAIN
}

pub(super) fn other_opcode(case: &Case<'_>) -> bool {
    let seen = &case.query.seen;
    let bare = case.ours.response().is_some_and(|ours| {
        ours.rcode == rcode::NOTIMP
            && ours.question.is_empty()
            && ours.opt.is_none()
            && opcode(ours.flags) == seen.opcode()
    });
    seen.opcode() != 0 && bare
}

pub(super) fn notify(case: &Case<'_>) -> bool {
    let errors = [
        rcode::REFUSED,
        rcode::NOTAUTH,
        rcode::FORMERR,
        rcode::BADVERS,
    ];
    let said = our_rcode(case).is_some_and(|code| errors.contains(&code));
    case.query.seen.opcode() == NOTIFY && said
}

pub(super) fn other_class(case: &Case<'_>) -> bool {
    case.query.seen.class() != class::IN && our_rcode(case) == Some(rcode::REFUSED)
}

pub(super) fn transfer(case: &Case<'_>) -> bool {
    // A request for differences without the SOA record of what is held is none.
    let errors = [rcode::REFUSED, rcode::NOTAUTH, rcode::FORMERR];
    let said = our_rcode(case).is_some_and(|code| errors.contains(&code));
    [AXFR, IXFR].contains(&case.query.seen.rtype()) && said
}

pub(super) fn no_question(case: &Case<'_>) -> bool {
    case.query.seen.counts[0] == 0 && our_rcode(case) == Some(rcode::FORMERR)
}

/// The query has additional records beside OPT.
fn has_other_additional(case: &Case<'_>) -> bool {
    let seen = &case.query.seen;
    seen.question.is_some() && seen.counts[3] > 0 && seen.edns.is_none()
}

pub(super) fn tsig(case: &Case<'_>) -> bool {
    const TSIG_ANY: [u8; 4] = [0, 250, 0, 255];
    let octets = &case.query.octets;
    has_other_additional(case) && octets.windows(4).any(|window| window == TSIG_ANY)
}

pub(super) fn unread_additional(case: &Case<'_>) -> bool {
    let refused = matches!(their_rcode(case), None | Some(rcode::FORMERR));
    has_other_additional(case) && refused && our_rcode(case).is_some_and(|code| code != 1)
}

pub(super) fn filled_sections(case: &Case<'_>) -> bool {
    let counts = case.query.seen.counts;
    (counts[1] > 0 || counts[2] > 0) && our_rcode(case) == Some(rcode::FORMERR)
}

pub(super) fn dropped_malformed(case: &Case<'_>) -> bool {
    our_rcode(case) == Some(rcode::FORMERR) && case.theirs.response().is_none()
}

pub(super) fn both_errors(case: &Case<'_>) -> bool {
    let errors = [our_rcode(case), their_rcode(case)];
    errors
        .into_iter()
        .all(|code| code.is_some_and(is_rcode_of_error))
}

pub(super) fn tolerated_malformed(case: &Case<'_>) -> bool {
    !case.query.seen.is_plain() && our_rcode(case) == Some(rcode::FORMERR)
}

pub(super) fn rcode_in_query(case: &Case<'_>) -> bool {
    case.query.seen.flags & 15 != 0
}

pub(super) fn checking_disabled(case: &Case<'_>) -> bool {
    let copied = |message: &Message| message.has(flag::CD | flag::QR);
    case.query.seen.flags & flag::CD != 0 && case.ours.response().is_some_and(copied)
}

pub(super) fn chaos_name(case: &Case<'_>) -> bool {
    let text = |ours: &Message| {
        let mut answer = ours.section(Section::Answer).keys();
        answer.any(|key| key.rtype == TXT && key.class == class::CH) && ours.has(flag::AA)
    };
    case.query.seen.class() == class::CH && case.ours.response().is_some_and(text)
}

pub(super) fn meta_type(case: &Case<'_>) -> bool {
    /// None, TKEY, TSIG, MAILB, MAILA.
    const META: [u16; 5] = [0, 249, 250, 253, 254];
    let rtype = case.query.seen.rtype();
    let not_in_zone = |ours: &Message| ours.section(Section::Answer).is_empty();
    match rtype {
        OPT => our_rcode(case) == Some(rcode::FORMERR),
        _ => META.contains(&rtype) && case.ours.response().is_some_and(not_in_zone),
    }
}

pub(super) fn obsolete_sig(case: &Case<'_>) -> bool {
    const SIG: u16 = 24;
    case.query.seen.rtype() == SIG && our_rcode(case) == Some(rcode::NOERROR)
}

pub(super) fn signatures(case: &Case<'_>) -> bool {
    let (Some(ours), Some(theirs)) = (case.ours.response(), case.theirs.response()) else {
        return false;
    };
    let ours_has = |(key, set): (&Key, &RrSet)| {
        let all = ours.section(Section::Answer).get(key);
        all.is_some_and(|all| set.data.is_subset(&all.data))
    };
    case.query.seen.rtype() == RRSIG
        && (ours.is_truncated() || theirs.section(Section::Answer).iter().all(ours_has))
}

pub(super) fn nsid_twice(case: &Case<'_>) -> bool {
    let edns = case.query.seen.edns.as_ref();
    let options = edns
        .and_then(|edns| edns.options.as_ref())
        .into_iter()
        .flatten();
    options.filter(|(code, _)| *code == option::NSID).count() > 1
}

pub(super) fn bad_version(case: &Case<'_>) -> bool {
    [our_rcode(case), their_rcode(case)] == [Some(rcode::BADVERS); 2]
}

pub(super) fn option_contents(case: &Case<'_>) -> bool {
    let edns = case.query.seen.edns.as_ref();
    let options = edns.and_then(|edns| edns.options.as_ref());
    their_rcode(case) == Some(rcode::FORMERR)
        && our_rcode(case).is_some_and(|code| code != rcode::FORMERR)
        && options.is_some_and(|options| !options.is_empty())
}

pub(super) fn small_buffer(case: &Case<'_>) -> bool {
    let size = case.query.seen.edns.as_ref().map(|edns| edns.udp_size);
    size.is_some_and(|size| size < SMALLEST_BUFFER) && their_rcode(case) == Some(rcode::FORMERR)
}

pub(super) fn keepalive(case: &Case<'_>) -> bool {
    let asked = case.query.seen.option(option::KEEPALIVE).is_some();
    let told = case
        .ours
        .response()
        .and_then(|ours| ours.option(option::KEEPALIVE));
    case.via == Via::Tcp && asked && told.is_some_and(|timeout| timeout.len() == 2)
}

pub(super) fn is_error(case: &Case<'_>) -> bool {
    our_rcode(case).is_some_and(is_rcode_of_error)
}

pub(super) fn same_error(case: &Case<'_>) -> bool {
    is_error(case) && our_rcode(case) == their_rcode(case)
}

/// The name asked for.
fn qname<'a>(case: &Case<'a>) -> Option<&'a Name> {
    let question = case.query.seen.question.as_ref();
    question.map(|question| &question.name)
}

/// The zone that answers: the one with the longest name above the name asked for. DS is the matter
/// of the zone above it (RFC 4035 section 3.1.4.1).
fn zone<'a>(case: &Case<'a>) -> Option<&'a Facts> {
    let name = qname(case)?;
    let asks_parent = |zone: &Facts| case.query.seen.rtype() == DS && zone.apex == *name;
    let holders = case.zones.iter().filter(|zone| is_within(name, &zone.apex));
    holders.max_by_key(|zone| (!asks_parent(zone), labels(&zone.apex).len()))
}

pub(super) fn beside_ds_at_a_cut(case: &Case<'_>) -> bool {
    let at_cut = || Some(zone(case)?.delegation(qname(case)?) == qname(case));
    [NSEC, RRSIG, ANY].contains(&case.query.seen.rtype())
        && at_cut() == Some(true)
        && case.ours.response().is_some_and(|ours| !ours.has(flag::AA))
}

/// Our answer to ANY holds RRsets of the zone alone.
pub(super) fn any(case: &Case<'_>) -> bool {
    let (Some(ours), Some(zone)) = (case.ours.response(), zone(case)) else {
        return false;
    };
    let answer = ours.section(Section::Answer);
    let of_zone = answer
        .iter()
        .all(|(key, set)| zone.rrsets.get(key) == Some(set));
    case.query.seen.rtype() == ANY && of_zone && (!answer.is_empty() || ours.is_truncated())
}

pub(super) fn zero_soa_ttl(case: &Case<'_>) -> bool {
    let (Some(ours), Some(theirs)) = (case.ours.response(), case.theirs.response()) else {
        return false;
    };
    let mut authority = theirs.section(Section::Authority).clone();
    for (key, set) in &mut authority {
        if let Some(our) = ours.section(Section::Authority).get(key)
            && (key.rtype == SOA || key.covered == SOA)
            && set.ttl == 0
        {
            set.ttl = our.ttl;
        }
    }
    case.query.seen.rtype() == SOA && authority == *ours.section(Section::Authority)
}

/// A response whose additional section is about servers: a referral, or an answer to NS.
struct Servers<'a> {
    zone: &'a Facts,
    /// The name delegated, or of the zone.
    owner: &'a Name,
}

impl<'a> Servers<'a> {
    fn of(case: &Case<'a>) -> Option<Servers<'a>> {
        let zone = zone(case)?;
        let name = qname(case)?;
        match zone.delegation(name) {
            Some(owner) => Some(Servers { zone, owner }),
            None if *name == zone.apex && case.query.seen.rtype() == NS => Some(Servers {
                zone,
                owner: &zone.apex,
            }),
            None => None,
        }
    }

    /// Every additional RRset is the zone's, and belongs to a server of the name.
    fn are_true(&self, message: &Message) -> bool {
        let servers = self.zone.rrset(self.owner, NS);
        message
            .section(Section::Additional)
            .iter()
            .all(|(key, set)| {
                let named = servers.is_some_and(|servers| servers.data.contains(&key.owner));
                named && self.zone.rrsets.get(key) == Some(set)
            })
    }

    /// All glue of servers within the delegated zone is there (RFC 9471 section 3.1). In an answer
    /// for the zone itself nothing is glue.
    fn are_whole(&self, message: &Message) -> bool {
        let servers = self
            .zone
            .rrset(self.owner, NS)
            .into_iter()
            .flat_map(|set| &set.data);
        let additional = message.section(Section::Additional);
        *self.owner == self.zone.apex
            || servers
                .filter(|server| is_within(server, self.owner))
                .flat_map(|server| [A, AAAA].map(|rtype| (server, rtype)))
                .filter(|(server, rtype)| self.zone.rrset(server, *rtype).is_some())
                .all(|(server, rtype)| {
                    additional
                        .keys()
                        .any(|key| key.owner == *server && key.rtype == rtype)
                })
    }
}

pub(super) fn glue_chosen(case: &Case<'_>) -> bool {
    let Some(servers) = Servers::of(case) else {
        return false;
    };
    case.ours
        .response()
        .is_some_and(|ours| servers.are_true(ours) && servers.are_whole(ours))
        && case
            .theirs
            .response()
            .is_some_and(|theirs| servers.are_true(theirs))
}

fn truncations(case: &Case<'_>) -> Option<(bool, bool)> {
    Some((
        case.ours.response()?.is_truncated(),
        case.theirs.response()?.is_truncated(),
    ))
}

pub(super) fn glue_missing(case: &Case<'_>) -> bool {
    let missing =
        |theirs: &Message| Servers::of(case).is_some_and(|servers| !servers.are_whole(theirs));
    truncations(case) == Some((true, false)) && case.theirs.response().is_some_and(missing)
}

pub(super) fn sibling_glue(case: &Case<'_>) -> bool {
    let whole = |ours: &Message| {
        Servers::of(case).is_some_and(|servers| servers.are_true(ours) && servers.are_whole(ours))
    };
    match truncations(case) {
        Some((false, true)) => case.ours.response().is_some_and(whole),
        Some((true, false)) => without_first_address(case),
        _ => false,
    }
}

/// The delegation has no servers within it that have glue, and all that the peer sends is true.
fn without_first_address(case: &Case<'_>) -> bool {
    let Some(servers) = Servers::of(case) else {
        return false;
    };
    // Our response has no glue, being truncated: it is whole only if there is none to be had.
    case.ours
        .response()
        .is_some_and(|ours| servers.are_whole(ours))
        && case
            .theirs
            .response()
            .is_some_and(|theirs| servers.are_true(theirs))
}

pub(super) fn compression(case: &Case<'_>) -> bool {
    let below = || Some(Servers::of(case)?.owner != qname(case)?);
    truncations(case) == Some((true, false)) && case.via == Via::Udp && below() == Some(true)
}

pub(super) fn letter_case(case: &Case<'_>) -> bool {
    let capitals = |ours: &Message| ours.question.iter().any(u8::is_ascii_uppercase);
    truncations(case) == Some((false, true)) && case.ours.response().is_some_and(capitals)
}
