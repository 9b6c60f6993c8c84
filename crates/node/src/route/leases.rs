//! What several clients wish, and for how long: pure, times are arguments.

use imrs_fleet::anycast::Wish;
use imrs_wire::Family;
use std::time::Instant;

/// Wishes that hold for a time each.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: Vec<Lease>,
}

#[derive(Debug)]
struct Lease {
    client: u64,
    wish: Wish,
    until: Instant,
}

impl Leases {
    /// A client wishes this until then, in the place of what it wished before.
    pub(super) fn say(&mut self, client: u64, wish: Wish, until: Instant) {
        self.gone(client);
        self.held.push(Lease {
            client,
            wish,
            until,
        });
    }

    /// A client is gone, and its wish with it.
    pub(super) fn gone(&mut self, client: u64) {
        self.held.retain(|lease| lease.client != client);
    }

    /// What all wish together: of each family the greatest stand, policies of the newest client.
    /// What has run out counts no more.
    pub(super) fn merged(&mut self, now: Instant) -> Wish {
        self.held.retain(|lease| lease.until > now);
        let newest = self.held.iter().max_by_key(|lease| lease.client);
        let mut merged = Wish::default();
        if let Some(newest) = newest {
            merged.neighbors.clone_from(&newest.wish.neighbors);
        }
        for family in Family::ALL {
            let stands = self.held.iter().map(|lease| *lease.wish.stands.of(family));
            *merged.stands.of_mut(family) = stands.max().unwrap_or_default();
        }
        merged
    }

    /// When the next wish runs out.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.held.iter().map(|lease| lease.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imrs_fleet::anycast::{Policy, Stand};
    use imrs_wire::Both;
    use std::time::Duration;

    fn wish(v4: Stand, v6: Stand, prepend: u8) -> Wish {
        let policy = Policy {
            prepend: Some(prepend),
            ..Policy::default()
        };
        Wish {
            stands: Both { v4, v6 },
            neighbors: [("a".to_owned(), policy)].into(),
        }
    }

    /// The merged wish at a millisecond, of clients that wish until a millisecond each.
    fn check(said: &[(u64, Wish, u64)], at: u64, v4: Stand, v6: Stand, prepend: Option<u8>) {
        let start = Instant::now();
        let time = |ms: u64| start + Duration::from_millis(ms);
        let mut leases = Leases::default();
        for (client, wish, until) in said {
            leases.say(*client, wish.clone(), time(*until));
        }
        let merged = leases.merged(time(at));
        assert_eq!(merged.stands, Both { v4, v6 }, "{said:?} at {at}");
        let policy = merged.neighbors.get("a");
        assert_eq!(policy.and_then(|policy| policy.prepend), prepend);
    }

    #[test]
    fn the_greatest_stand_of_live_wishes_holds_with_the_policies_of_the_newest() {
        use Stand::{Announced, Leaving, Withdrawn};
        check(&[], 0, Withdrawn, Withdrawn, None);
        let old = (1, wish(Announced, Leaving, 1), 100);
        let new = (2, wish(Withdrawn, Announced, 2), 200);
        let both = [new, old.clone()];
        check(&both, 99, Announced, Announced, Some(2));
        check(&both, 100, Withdrawn, Announced, Some(2));
        check(&both, 200, Withdrawn, Withdrawn, None);
        check(std::slice::from_ref(&old), 50, Announced, Leaving, Some(1));
        let again = (1, wish(Leaving, Withdrawn, 3), 300);
        check(&[old, again], 50, Leaving, Withdrawn, Some(3));
    }

    #[test]
    fn a_client_that_is_gone_wishes_nothing() {
        let start = Instant::now();
        let mut leases = Leases::default();
        leases.say(
            1,
            wish(Stand::Announced, Stand::Announced, 0),
            start + Duration::from_secs(1),
        );
        assert_eq!(leases.next_end(), Some(start + Duration::from_secs(1)));
        leases.gone(1);
        assert_eq!(leases.merged(start), Wish::default());
        assert_eq!(leases.next_end(), None);
    }
}
