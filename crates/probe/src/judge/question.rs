//! The questions by which a zone is judged, and the query for each.

use super::zone::{Standing, Zone};
use crate::Name;
use crate::limits::{ABSENT_LETTERS, NEGATIVES, UDP_LEN};
use domain::base::iana::Rtype;
use domain::base::{NameBuilder, ToName};
use std::fmt;

/// A question of class IN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub rtype: Rtype,
}

impl Question {
    /// The question in wire form.
    pub fn octets(&self) -> Vec<u8> {
        let mut octets = self.name.as_slice().to_vec();
        octets.extend_from_slice(&self.rtype.to_int().to_be_bytes());
        octets.extend_from_slice(&CLASS_IN.to_be_bytes());
        octets
    }

    /// The query as the probes of RSSAC047 send it: RD clear, EDNS with 1220 octets and DO. Over
    /// TCP it goes behind its length.
    pub fn query(&self, id: u16) -> Vec<u8> {
        let mut query = id.to_be_bytes().to_vec();
        // Flags, one question, no answer, no authority, one additional record.
        query.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
        query.extend_from_slice(&self.octets());
        // Of the root, type 41, size; no RCODE, version 0, DO; no options (RFC 6891).
        query.extend_from_slice(&[0, 0, 41]);
        query.extend_from_slice(&UDP_LEN.to_be_bytes());
        query.extend_from_slice(&[0, 0, 0x80, 0, 0, 0]);
        query
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name.fmt_with_dot(), self.rtype)
    }
}

/// All questions of the table of RSSAC047v2 section 5.3 about a zone: SOA, DNSKEY and NS of the
/// apex, NS and DS of every delegation, and names that do not exist, which follow `seed`.
///
/// `others` are the zones that the server has besides: it answers for them itself, so that the NS
/// of their delegations are left out (in the root that is `arpa`). A zone other than the root has
/// what it owns between apex and delegations asked as well.
pub fn questions(zone: &Zone<'_>, others: &[Name], seed: u64) -> Vec<Question> {
    let ask = |name: &Name, rtype| Question {
        name: name.clone(),
        rtype,
    };
    let mut questions: Vec<Question> = APEX.iter().map(|rtype| ask(zone.apex(), *rtype)).collect();
    for owner in zone.delegations() {
        if !others.iter().any(|other| other.name_eq(owner)) {
            questions.push(ask(owner, Rtype::NS));
        }
        questions.push(ask(owner, Rtype::DS));
    }
    questions.extend(zone.inner_rrsets().map(|(owner, rtype)| ask(owner, rtype)));
    let mut chance = Chance(seed);
    let absent = (0..NEGATIVES).filter_map(|_| absent_name(zone, &mut chance));
    questions.extend(absent.map(|name| ask(&name, Rtype::A)));
    questions
}

/// So many of `questions`, those of the apex among them; the others lie evenly spread, so that
/// each kind has its share, and differ with `seed`.
pub fn sample(questions: &[Question], count: usize, seed: u64) -> Vec<Question> {
    let (apex, others) = questions.split_at(APEX.len().min(questions.len()));
    let wanted = count.saturating_sub(apex.len()).min(others.len());
    let offset = Chance(seed).below(others.len().max(1));
    let spread =
        (0..wanted).map(|step| &others[(offset + step * others.len() / wanted) % others.len()]);
    apex.iter().chain(spread).cloned().collect()
}

/// One question of each kind that a zone has, for those who ask again and again: SOA of the apex, NS
/// and DS of one delegation, a name that does not exist. Which ones follows `seed`; `others` as for
/// [`questions`].
pub fn round(zone: &Zone<'_>, others: &[Name], seed: u64) -> Vec<Question> {
    let mut chance = Chance(seed);
    let is_own = |owner: &&Name| !others.iter().any(|other| other.name_eq(*owner));
    let count = zone.delegations().filter(is_own).count();
    let chosen = chance.below(count.max(1));
    let delegation = zone.delegations().filter(is_own).nth(chosen);
    let of_delegation = delegation.into_iter().flat_map(|owner| {
        [Rtype::NS, Rtype::DS].map(|rtype| Question {
            name: owner.clone(),
            rtype,
        })
    });
    let apex = Question {
        name: zone.apex().clone(),
        rtype: Rtype::SOA,
    };
    let absent = absent_name(zone, &mut chance).map(|name| Question {
        name,
        rtype: Rtype::A,
    });
    [apex]
        .into_iter()
        .chain(of_delegation)
        .chain(absent)
        .collect()
}

/// `www.rssac047-test.<10 letters>` below the apex; none where the zone has it after all, or where
/// it is too long.
fn absent_name(zone: &Zone<'_>, chance: &mut Chance) -> Option<Name> {
    let mut letters = [0; ABSENT_LETTERS];
    letters.fill_with(|| b'a' + chance.below(26) as u8);
    let mut builder = NameBuilder::new_bytes();
    for label in [&b"www"[..], b"rssac047-test", &letters] {
        builder.append_label(label).ok()?;
    }
    let name = builder.append_origin(zone.apex()).ok()?;
    matches!(zone.standing(&name), Standing::Absent(_)).then_some(name)
}

/// Chance that follows a seed: SplitMix64, good enough to spread questions.
struct Chance(u64);

impl Chance {
    /// A number below `bound`, which is small beside 2^64.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % bound as u64) as usize
    }
}

/// What is asked of the apex.
const APEX: [Rtype; 3] = [Rtype::SOA, Rtype::DNSKEY, Rtype::NS];

const CLASS_IN: u16 = 1;
