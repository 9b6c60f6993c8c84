//! The accounts of a scene, kept from outside: what was sent to a server was lost ahead of it or
//! read by it, and what it read was answered or dropped for a reason that it names.
//!
//! Start reading at [`account`]. Sums are taken while nobody sends and nothing is on its way, so
//! that nothing may be missing. What does not close is told under a name of its own.

use super::field::{Asking, Kernel};
use super::packet::Sent;
use serde_json::Value;

/// Sums at a quiet moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// Of the attackers.
    pub(super) attack: Sent,
    /// Of the resolvers.
    pub(super) asking: Asking,
    /// What the kernel of the server counted.
    pub(super) kernel: Kernel,
    /// What the server told, if it tells this much.
    pub(super) told: Option<Told>,
}

/// What imrs tells of its UDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) received: u64,
    pub(super) responses: u64,
    /// Without a response, for whatever reason.
    pub(super) dropped: u64,
    pub(super) limited: u64,
    pub(super) shed: u64,
    pub(super) blocked: u64,
    pub(super) headless: u64,
    /// Responses that could not be sent.
    pub(super) unsent: u64,
    pub(super) kernel_dropped: u64,
    pub(super) filtered_condemned: u64,
    pub(super) filtered_shed: u64,
}

/// What became of all datagrams of a scene.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// Attackers and resolvers sent them.
    pub(super) sent: u64,
    /// They met a full queue ahead of the server's interfaces.
    pub(super) link: u64,
    /// Frames of the whole machine for which the queue of a core was full; such are among those.
    pub(super) core: u64,
    /// They came in fragments that were not put together, since there was no room for more.
    pub(super) apart: u64,
    /// Their packets had errors, or nobody listened on the port.
    pub(super) discarded: u64,
    /// The queue of the socket was full.
    pub(super) queue: u64,
    /// A filter on the socket dropped them.
    pub(super) filtered: u64,
    /// The server read them.
    pub(super) read: u64,
    /// What imrs says became of these.
    pub(super) told: Option<Told>,
    /// What does not close.
    pub(super) gaps: [Gap; GAPS],
}

/// A sum that should be nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gap {
    /// What it is of.
    pub(super) name: &'static str,
    /// More on the near side if above 0.
    pub(super) count: i64,
}

/// The account of what happened between two moments.
pub(super) fn account(from: &Sums, to: &Sums) -> Account {
    let (kernel, before) = (&to.kernel, &from.kernel);
    let since = |to: u64, from: u64| to.saturating_sub(from);
    let asked_taken = since(to.asking.taken, from.asking.taken);
    let asked_lost = since(to.asking.lost, from.asking.lost);
    let attack = since(to.attack.datagrams, from.attack.datagrams);
    let attack_taken = since(to.attack.taken, from.attack.taken);
    let told = to.told.as_ref().zip(from.told.as_ref());
    let told = told.map(|(to, from)| to.since(from));
    let mut account = Account {
        sent: attack + asked_taken + asked_lost,
        link: since(attack, attack_taken) + asked_lost,
        core: since(kernel.backlog_full, before.backlog_full),
        apart: since(to.attack.fragmented, from.attack.fragmented)
            .saturating_sub(since(kernel.assembled, before.assembled)),
        discarded: since(kernel.discarded, before.discarded)
            + since(kernel.portless, before.portless),
        queue: since(kernel.queue_full, before.queue_full),
        filtered: since(kernel.filtered, before.filtered),
        read: since(kernel.read, before.read),
        told,
        gaps: Default::default(),
    };
    account.gaps = account.find_gaps(since(kernel.sent, before.sent));
    account
}

impl Account {
    fn find_gaps(&self, left: u64) -> [Gap; GAPS] {
        let gap = |name, near: u64, far: u64| Gap {
            name,
            count: near.cast_signed() - far.cast_signed(),
        };
        let ahead = self.link + self.apart + self.discarded + self.queue + self.filtered;
        let unread = gap(
            "sent and neither lost nor read",
            self.sent,
            ahead + self.read,
        );
        let Some(told) = &self.told else {
            return [
                unread,
                Gap::default(),
                Gap::default(),
                Gap::default(),
                Gap::default(),
                Gap::default(),
            ];
        };
        let filtered = told.filtered_condemned + told.filtered_shed;
        [
            unread,
            gap("read and not received", self.read, told.received),
            gap(
                "received and neither answered nor dropped",
                told.received,
                told.responses + told.dropped,
            ),
            gap("answered and not sent", told.responses, told.unsent + left),
            gap(
                "lost in the queue and not told",
                self.queue,
                told.kernel_dropped,
            ),
            gap("filtered and not told", self.filtered, filtered),
        ]
    }

    /// Gaps that are there.
    pub(super) fn open(&self) -> impl Iterator<Item = &Gap> {
        self.gaps.iter().filter(|gap| gap.count != 0)
    }
}

impl Told {
    /// Reads it out of `imrs ctl stats`. What a build does not count yet is 0.
    pub(super) fn read(statistics: &Value) -> Told {
        let count = |value: &Value| value.as_u64().unwrap_or(0);
        let udp = |field: &str| -> u64 {
            let families = ["udp-ipv4", "udp-ipv6"];
            let counts = families.map(|family| count(&statistics["messages"][family][field]));
            counts.iter().sum()
        };
        let dropped = |family: &str| count(&statistics["messages"][family]["kinds"]["dropped"]);
        let defence = |field: &str| count(&statistics["defence"][field]);
        let unsent = statistics["unsent"].as_object();
        Told {
            received: udp("received"),
            responses: udp("responses"),
            dropped: dropped("udp-ipv4") + dropped("udp-ipv6"),
            limited: defence("limited"),
            shed: defence("shed"),
            blocked: defence("blocked"),
            headless: defence("headless"),
            unsent: unsent.map_or(0, |reasons| reasons.values().map(count).sum()),
            kernel_dropped: count(&statistics["kernel_dropped"]),
            filtered_condemned: count(&statistics["filtered_condemned"]),
            filtered_shed: count(&statistics["filtered_shed"]),
        }
    }

    /// Dropped since they were no query that is answered at all.
    pub(super) fn silent(&self) -> i64 {
        let named = self.limited + self.shed + self.blocked + self.headless;
        self.dropped.cast_signed() - named.cast_signed()
    }

    fn since(&self, from: &Told) -> Told {
        let of = |field: fn(&Told) -> u64| field(self).saturating_sub(field(from));
        Told {
            received: of(|told| told.received),
            responses: of(|told| told.responses),
            dropped: of(|told| told.dropped),
            limited: of(|told| told.limited),
            shed: of(|told| told.shed),
            blocked: of(|told| told.blocked),
            headless: of(|told| told.headless),
            unsent: of(|told| told.unsent),
            kernel_dropped: of(|told| told.kernel_dropped),
            filtered_condemned: of(|told| told.filtered_condemned),
            filtered_shed: of(|told| told.filtered_shed),
        }
    }
}

/// Sums that should be nothing.
const GAPS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Told {
        Told::read(&serde_json::json!({
            "messages": { "udp-ipv4": { "received": 60, "responses": 50, "kinds": { "dropped": 10 } },
                          "tcp-ipv4": { "received": 5, "responses": 5 } },
            "defence": { "limited": 7, "slipped": 7 },
            "unsent": { "forbidden": 1 },
            "kernel_dropped": 20, "filtered_shed": 15
        }))
    }

    fn sums() -> Sums {
        Sums {
            attack: Sent {
                frames: 99,
                datagrams: 90,
                taken: 85,
                fragmented: 0,
            },
            asking: Asking { taken: 10, lost: 0 },
            kernel: Kernel {
                read: 60,
                sent: 49,
                queue_full: 20,
                filtered: 15,
                ..Kernel::default()
            },
            told: Some(told()),
        }
    }

    fn check(to: &Sums, expected: &[(&str, i64)]) {
        let from = Sums {
            told: Some(Told::default()),
            ..Sums::default()
        };
        let account = account(&from, to);
        let open: Vec<_> = account.open().map(|gap| (gap.name, gap.count)).collect();
        assert_eq!(open, expected);
    }

    #[test]
    fn all_that_was_sent_is_accounted_for() {
        check(&sums(), &[]);
        assert_eq!(told().silent(), 3);
    }

    #[test]
    fn what_is_missing_has_a_name() {
        let mut to = sums();
        to.kernel.read -= 2;
        check(
            &to,
            &[
                ("sent and neither lost nor read", 2),
                ("read and not received", -2),
            ],
        );
    }

    #[test]
    fn of_peers_only_what_the_kernel_counts_is_asked() {
        let mut to = sums();
        to.told = None;
        check(&to, &[]);
    }
}
