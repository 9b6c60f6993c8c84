//! Which copies and differences stay and which go.

use super::limits::DIFFERENCES_MAX;
use super::{Generation, Header, Keep, Link};

/// What is to go.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Surplus {
    pub(super) copies: Vec<Generation>,
    pub(super) links: Vec<Generation>,
}

/// The differences that lead to the newest copy, newest first.
///
/// They are linked by generation, which is given once, and not by serial, which a primary may give
/// twice.
pub(super) fn chain(links: &[Link], newest: Generation) -> Vec<&Link> {
    let mut chain = Vec::new();
    let mut at = newest;
    // A base is always older than what leads from it, so this ends.
    while let Some(link) = links.iter().find(|link| link.generation == at) {
        chain.push(link);
        at = link.base;
    }
    chain
}

/// Chooses what goes: what is beyond the number of versions, what no chain needs, and then the
/// oldest until the rest is within the budget. The newest copy and the one in service stay.
///
/// `copies` are newest first.
pub(super) fn surplus(
    copies: &[Header],
    links: &[Link],
    keep: &Keep,
    in_service: Option<Generation>,
) -> Surplus {
    let Some(newest) = copies.first() else {
        return Surplus::default();
    };
    let versions = keep.versions.max(1);
    let mut kept_copies: Vec<&Header> = copies
        .iter()
        .enumerate()
        .filter(|(index, copy)| *index < versions || Some(copy.generation) == in_service)
        .map(|(_, copy)| copy)
        .collect();
    let mut kept_links = useful(chain(links, newest.generation), newest);
    let mut octets: u64 = kept_copies
        .iter()
        .map(|copy| copy.file_octets)
        .chain(kept_links.iter().map(|link| link.file_octets))
        .sum();
    while octets > keep.octets {
        let copy = kept_copies.iter().rposition(|copy| {
            copy.generation != newest.generation && Some(copy.generation) != in_service
        });
        let link = kept_links.last();
        octets -= match (copy, link) {
            (None, None) => break,
            (Some(at), link)
                if link.is_none_or(|link| kept_copies[at].generation < link.generation) =>
            {
                kept_copies.remove(at).file_octets
            }
            _ => kept_links.pop().map_or(0, |link| link.file_octets),
        };
    }
    Surplus {
        copies: copies
            .iter()
            .map(|copy| copy.generation)
            .filter(|&generation| kept_copies.iter().all(|copy| copy.generation != generation))
            .collect(),
        links: links
            .iter()
            .map(|link| link.generation)
            .filter(|&generation| kept_links.iter().all(|link| link.generation != generation))
            .collect(),
    }
}

/// The newest part of a chain that is no larger than the zone: of a longer one nobody has a use,
/// since the zone whole is less to send.
fn useful<'a>(chain: Vec<&'a Link>, newest: &Header) -> Vec<&'a Link> {
    let mut octets: u64 = 0;
    chain
        .into_iter()
        .take(DIFFERENCES_MAX)
        .take_while(|link| {
            octets = octets.saturating_add(link.file_octets);
            octets <= newest.zone_octets
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Facts;
    use bytes::Bytes;
    use imrs_wire::Serial;
    use imrs_zone::record::UnixTime;

    /// Octets of each copy here.
    const COPY: u64 = 1000;

    fn copy(generation: u64) -> Header {
        Header {
            generation: Generation(generation),
            serial: Serial(u32::try_from(generation).unwrap()),
            facts: Facts {
                source: String::new(),
                fetched_at: UnixTime(0),
                proven_at: UnixTime(0),
                expires: None,
                verdicts: Vec::new(),
            },
            zone_octets: COPY,
            file_octets: COPY,
        }
    }

    fn link(generation: u64, base: u64, octets: u64) -> Link {
        let serial = |generation| Serial(u32::try_from(generation).unwrap());
        Link {
            generation: Generation(generation),
            base: Generation(base),
            from: serial(base),
            to: serial(generation),
            removed: Bytes::new(),
            added: Bytes::new(),
            file_octets: octets,
        }
    }

    /// Ten copies with differences of `octets` between them: which copies and links stay?
    fn check(versions: usize, budget: u64, octets: u64, expected: (&[u64], &[u64])) {
        let copies: Vec<Header> = (1..=10).rev().map(copy).collect();
        let links: Vec<Link> = (2..=10)
            .map(|generation| link(generation, generation - 1, octets))
            .collect();
        let keep = Keep {
            versions,
            octets: budget,
        };
        let surplus = surplus(&copies, &links, &keep, Some(Generation(2)));
        let stay = |gone: &[Generation], from: u64| -> Vec<u64> {
            (from..=10)
                .filter(|generation| !gone.contains(&Generation(*generation)))
                .collect()
        };
        assert_eq!(
            (stay(&surplus.copies, 1), stay(&surplus.links, 2)),
            (expected.0.to_vec(), expected.1.to_vec())
        );
    }

    #[test]
    fn the_last_versions_stay_and_the_one_in_service() {
        check(
            3,
            u64::MAX,
            10,
            (&[2, 8, 9, 10], &[2, 3, 4, 5, 6, 7, 8, 9, 10]),
        );
        check(0, u64::MAX, 10, (&[2, 10], &[2, 3, 4, 5, 6, 7, 8, 9, 10]));
    }

    #[test]
    fn a_chain_that_is_larger_than_the_zone_is_cut_at_its_old_end() {
        check(1, u64::MAX, 400, (&[2, 10], &[9, 10]));
        check(1, u64::MAX, COPY + 1, (&[2, 10], &[]));
    }

    #[test]
    fn the_oldest_go_first_when_the_budget_is_small() {
        check(4, 5 * COPY + 50, 10, (&[2, 7, 8, 9, 10], &[6, 7, 8, 9, 10]));
        check(4, 3 * COPY + 10, 10, (&[2, 9, 10], &[10]));
        check(4, 0, 10, (&[2, 10], &[]));
    }

    #[test]
    fn a_difference_that_the_newest_copy_does_not_need_goes() {
        let copies = [copy(3), copy(2), copy(1)];
        let links = [link(2, 1, 10), link(3, 1, 10)];
        let surplus = surplus(&copies, &links, &Keep::default(), None);
        assert_eq!(surplus.links, [Generation(2)]);
        assert!(surplus.copies.is_empty());
    }
}
