//! Compares what all servers said, classifies each difference by the rules, and counts.

use super::compare::{Aspect, Said, alone, differences};
use super::exchange::Via;
use super::facts::Facts;
use super::query::Query;
use super::render;
use super::rules::{Case, explain};
use std::collections::BTreeMap;

/// What came of one transport: the responses of all servers, the one under test first.
pub(super) struct Round<'a> {
    pub(super) via: Via,
    pub(super) servers: Vec<&'static str>,
    pub(super) queries: &'a [Query],
    /// By server, then by query.
    pub(super) said: Vec<Vec<Said>>,
}

/// Counts of differences, and examples.
#[derive(Default)]
pub(super) struct Tally {
    /// Pairs of responses compared.
    pub(super) compared: usize,
    /// Pairs that agreed in everything.
    pub(super) agreed: usize,
    /// By class, then by peer.
    pub(super) explained: BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
    /// By what they have in common.
    pub(super) unexplained: BTreeMap<String, Group>,
    /// The examples of the class asked for.
    pub(super) shown: Vec<String>,
    /// The class whose examples are wanted.
    pub(super) show: Option<String>,
}

/// Unexplained differences that look alike.
pub(super) struct Group {
    pub(super) count: usize,
    /// All peers agree, and only the server under test differs.
    pub(super) alone: bool,
    /// The shortest query of the group, rendered with both responses.
    pub(super) example: String,
    octets: usize,
}

/// Examples of a class shown on demand.
const SHOWN_MAX: usize = 5;

impl Tally {
    /// Counts the differences of one round.
    pub(super) fn add(&mut self, round: &Round<'_>, zones: &[Facts]) {
        let [ours, peers @ ..] = &round.said[..] else {
            return;
        };
        for (place, query) in round.queries.iter().enumerate() {
            let said: Vec<&Said> = peers.iter().map(|peer| &peer[place]).collect();
            let alone = alone(&ours[place], &said);
            for (&peer, theirs) in round.servers[1..].iter().zip(said) {
                let case = Case {
                    query,
                    via: round.via,
                    peer,
                    ours: &ours[place],
                    theirs,
                    zones,
                };
                self.count(&case, &alone);
            }
        }
    }

    fn count(&mut self, case: &Case<'_>, alone: &[Aspect]) {
        self.compared += 1;
        let aspects = differences(case.ours, case.theirs);
        if aspects.is_empty() {
            self.agreed += 1;
            return;
        }
        let mut classes = Vec::new();
        let mut left = Vec::new();
        for aspect in aspects {
            match explain(case, aspect, alone.contains(&aspect)) {
                Some(rule) => classes.push(rule.class),
                None => left.push(aspect),
            }
        }
        classes.sort_unstable();
        classes.dedup();
        for class in classes {
            *self
                .explained
                .entry(class)
                .or_default()
                .entry(case.peer)
                .or_default() += 1;
            if self.show.as_deref() == Some(class) && self.shown.len() < SHOWN_MAX {
                self.shown.push(example(case));
            }
        }
        if !left.is_empty() {
            self.add_unexplained(
                case,
                &left,
                left.iter().any(|aspect| alone.contains(aspect)),
            );
        }
    }

    fn add_unexplained(&mut self, case: &Case<'_>, aspects: &[Aspect], alone: bool) {
        let key = format!(
            "{}{} {:?} {aspects:?}: {} / {}: {}",
            if alone {
                "ALONE AGAINST ALL PEERS "
            } else {
                ""
            },
            case.via.name(),
            case.query.kind,
            render::brief(case.ours),
            case.peer,
            render::brief(case.theirs)
        );
        let octets = case.query.octets.len();
        let group = self.unexplained.entry(key).or_insert_with(|| Group {
            count: 0,
            alone,
            example: example(case),
            octets,
        });
        group.count += 1;
        if octets < group.octets {
            (group.octets, group.example) = (octets, example(case));
        }
    }
}

fn example(case: &Case<'_>) -> String {
    format!(
        "{}\n-- over {}, the server under test:\n{}-- {}:\n{}",
        render::query(case.query),
        case.via.name(),
        render::said(case.ours),
        case.peer,
        render::said(case.theirs)
    )
}
