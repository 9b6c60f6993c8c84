//! The decider of one node over time.

use super::*;
use crate::health::{Cause, Effect, Reason, State, Weight};
use crate::limits::LEASE;

const V4: Both<bool> = Both {
    v4: true,
    v6: false,
};
const FIT: State = State::Serving;
const SOFT: State = State::Unfit(Weight::Soft);
const HARD: State = State::Unfit(Weight::Hard);

fn at(seconds: f64) -> Moment {
    Moment(Duration::from_secs_f64(seconds))
}

fn peer(name: &str) -> PeerId {
    PeerId(name.to_owned())
}

/// A node of the peers `a`, `b` and `c`, whose router does at once what it is told.
struct Node(Anycast);

impl Node {
    fn of(change: impl FnOnce(&mut Settings)) -> Node {
        let mut settings = Settings::of(V4, ["a", "b", "c"].map(peer).to_vec());
        change(&mut settings);
        Node(Anycast::new(settings, at(0.0)))
    }

    fn serving() -> Node {
        let mut node = Node::of(|_| {});
        node.is(0.0, FIT);
        assert_eq!(node.stand(0.0), Stand::Announced);
        node
    }

    fn is(&mut self, now: f64, state: State) {
        self.is_doubted(now, state, state != FIT);
    }

    fn is_doubted(&mut self, now: f64, state: State, is_doubted: bool) {
        let cause = Cause::ClockUnkept;
        let verdict = Verdict {
            state,
            reasons: vec![Reason {
                effect: Effect::Soft,
                cause,
            }],
            since: at(now),
            is_doubted,
        };
        self.0.handle_verdict(at(now), Family::V4, &verdict);
    }

    /// What is wished, and is in force a moment later.
    fn stand(&mut self, now: f64) -> Stand {
        let v4 = self.0.wish(at(now)).stands.v4;
        self.0.handle_report(
            at(now),
            Both {
                v4: Some(v4),
                v6: None,
            },
        );
        v4
    }

    fn asks(&mut self, now: f64) -> Vec<String> {
        std::iter::from_fn(|| self.0.poll_ask(at(now)))
            .map(|ask| ask.peer.0)
            .collect()
    }

    fn promised(&mut self, now: f64, by: &str, asked_at: f64) {
        self.0
            .handle_promise(at(now), &peer(by), Family::V4, at(asked_at), LEASE);
    }

    fn drain(&mut self, now: f64, force: bool) -> Result<(), Refusal> {
        self.0.handle_order(
            at(now),
            Order::Drain {
                families: V4,
                force,
            },
        )
    }
}

#[test]
fn a_hard_reason_withdraws_at_once_and_a_soft_one_waits_for_a_promise() {
    let mut node = Node::serving();
    node.is(1.0, SOFT);
    assert_eq!(node.stand(1.0), Stand::Announced);
    assert!(matches!(
        node.0.standing(at(1.0), Family::V4),
        Standing::HeldUp { .. }
    ));
    assert_eq!(node.asks(1.0), ["a"]);
    node.promised(1.2, "a", 1.0);
    assert_eq!(node.stand(1.2), Stand::Withdrawn);
    let mut node = Node::serving();
    node.is(1.0, HARD);
    assert_eq!(node.stand(1.0), Stand::Withdrawn);
}

#[test]
fn a_silent_or_refusing_peer_is_followed_by_the_next() {
    let mut node = Node::serving();
    node.is(1.0, SOFT);
    assert_eq!(node.asks(1.0), ["a"]);
    node.0.handle_refusal(at(1.1), &peer("a"), Family::V4);
    assert_eq!(node.asks(1.1), ["b"]);
    assert!(node.asks(1.7).is_empty());
    assert_eq!(node.asks(1.8), ["c"]);
}

#[test]
fn a_lease_not_renewed_ends_a_margin_early_with_the_route_back() {
    let mut node = Node::serving();
    node.is(1.0, SOFT);
    node.asks(1.0);
    node.promised(1.6, "a", 1.0);
    assert_eq!(node.stand(1.6), Stand::Withdrawn);
    assert!(node.asks(1.9).is_empty());
    assert_eq!(node.asks(2.1), ["a"], "the giver renews first");
    // Counted from the question, 4 s less 1.25 s.
    assert_eq!(node.stand(3.7), Stand::Withdrawn);
    assert_eq!(node.stand(3.75), Stand::Announced);
}

#[test]
fn a_promise_binds_its_giver_whatever_becomes_of_it() {
    let mut node = Node::serving();
    assert_eq!(
        node.0.may_promise(at(1.0), &peer("a"), Family::V4),
        Ok(LEASE)
    );
    node.is(2.0, SOFT);
    assert!(node.asks(2.0).is_empty(), "a bound node binds nobody");
    node.promised(2.1, "b", 2.0);
    assert_eq!(node.stand(2.1), Stand::Announced, "though others stand in");
    assert_eq!(node.stand(4.9), Stand::Announced);
    assert_eq!(node.asks(5.0), ["b"]);
    node.promised(5.1, "b", 5.0);
    assert_eq!(node.stand(5.1), Stand::Withdrawn);
}

#[test]
fn only_who_announces_and_is_well_promises() {
    let check = |node: &mut Node, asker: &str, expected| {
        assert_eq!(
            node.0.may_promise(at(1.0), &peer(asker), Family::V4),
            Err(expected)
        );
    };
    check(&mut Node::serving(), "x", Refusal::Stranger);
    check(
        &mut Node::of(|_| {}),
        "a",
        Refusal::NotAnnounced(Family::V4),
    );
    let mut node = Node::serving();
    node.is(1.0, SOFT);
    check(&mut node, "a", Refusal::NotWell(Family::V4));
    let mut node = Node::serving();
    node.is_doubted(1.0, FIT, true);
    check(&mut node, "a", Refusal::NotWell(Family::V4));
    let mut node = Node::serving();
    node.drain(1.0, false).unwrap();
    check(&mut node, "a", Refusal::NotWell(Family::V4));
    let mut node = Node::serving();
    node.0.handle_report(at(1.0), Both::default());
    check(&mut node, "a", Refusal::NotAnnounced(Family::V4));
}

#[test]
fn nobody_is_promised_anything_by_what_was_in_force_before() {
    let mut node = Node::serving();
    node.is(1.0, HARD);
    node.is(1.1, FIT);
    let answer = node.0.may_promise(at(1.1), &peer("a"), Family::V4);
    assert_eq!(answer, Err(Refusal::NotAnnounced(Family::V4)));
    node.stand(1.2);
    assert!(node.0.may_promise(at(1.2), &peer("a"), Family::V4).is_ok());
}

#[test]
fn a_drain_leaves_withdraws_and_waits_for_quiet() {
    let mut node = Node::serving();
    node.drain(1.0, false).unwrap();
    assert_eq!(node.stand(1.0), Stand::Announced);
    node.asks(1.0);
    node.promised(1.1, "a", 1.0);
    assert_eq!(node.stand(1.1), Stand::Leaving);
    for now in 2..11 {
        let now = f64::from(now);
        node.asks(now);
        node.promised(now + 0.1, "a", now);
    }
    assert_eq!(node.stand(11.0), Stand::Leaving);
    assert_eq!(node.stand(11.2), Stand::Withdrawn);
    node.0.handle_rate(at(12.0), Family::V4, 1.5);
    let standing = node.0.standing(at(12.0), Family::V4);
    assert!(
        matches!(
            standing,
            Standing::Draining {
                step: Step::Quieting(_)
            }
        ),
        "{standing:?}"
    );
    node.0.handle_rate(at(12.5), Family::V4, 0.5);
    assert!(matches!(
        node.0.standing(at(12.5), Family::V4),
        Standing::Drained { .. }
    ));
    assert!(!node.0.may_stop(), "nobody said so");
    node.0.handle_order(at(12.5), Order::Stop).unwrap();
    assert!(node.0.may_stop());
}

#[test]
fn quiet_is_not_waited_for_longer_than_patience() {
    let mut node = Node::serving();
    node.drain(1.0, true).unwrap();
    node.0.handle_order(at(1.0), Order::Stop).unwrap();
    assert_eq!(node.stand(1.0), Stand::Leaving);
    assert_eq!(node.stand(11.0), Stand::Withdrawn);
    assert_eq!(node.0.poll_timeout(at(11.0)), Some(at(131.0)));
    node.0.handle_rate(at(130.0), Family::V4, 1000.0);
    assert!(!node.0.may_stop());
    node.0.handle_timeout(at(131.0));
    assert!(node.0.may_stop());
}

#[test]
fn a_node_alone_does_as_configured() {
    for (alone, expected) in [
        (Alone::Withdraw, Stand::Withdrawn),
        (Alone::Announce, Stand::Announced),
    ] {
        let mut node = Node::of(|settings| {
            settings.peers.clear();
            settings.alone = alone;
        });
        node.is(0.0, FIT);
        assert_eq!(node.stand(0.0), Stand::Announced);
        node.is(1.0, SOFT);
        assert_eq!(node.stand(1.0), expected);
    }
}

#[test]
fn a_node_that_starts_waits_for_its_first_good_verdict_but_not_for_ever() {
    let mut node = Node::of(|_| {});
    assert_eq!(
        node.stand(100.0),
        Stand::Withdrawn,
        "it knows nothing of its zone"
    );
    let mut node = Node::of(|_| {});
    node.is(0.5, SOFT);
    assert_eq!(node.stand(59.0), Stand::Withdrawn);
    assert!(matches!(
        node.0.standing(at(59.0), Family::V4),
        Standing::Starting { .. }
    ));
    assert_eq!(node.stand(60.0), Stand::Announced);
}

#[test]
fn orders_outlive_a_restart_but_not_the_order_to_stop() {
    let mut node = Node::serving();
    let policy = Policy {
        prepend: Some(2),
        ..Policy::default()
    };
    let name = "host-a".to_owned();
    node.0
        .handle_order(at(1.0), Order::Neighbor { name, policy })
        .unwrap();
    node.drain(1.0, true).unwrap();
    let saved = node.0.orders();
    assert_eq!(saved.drains.v4, Some(true));
    let settings = Settings::of(V4, vec![peer("a")]);
    let mut node = Node(Anycast::restore(settings, saved.clone(), at(0.0)));
    node.is(0.0, FIT);
    assert_eq!(node.stand(100.0), Stand::Withdrawn);
    assert_eq!(node.0.orders(), saved);
    node.0
        .handle_order(at(101.0), Order::Undrain { families: V4 })
        .unwrap();
    assert_eq!(node.stand(101.0), Stand::Announced);
    let before = node.0.orders();
    node.0.handle_order(at(102.0), Order::Stop).unwrap();
    assert_eq!(node.0.orders(), before);
    let undrain = node
        .0
        .handle_order(at(103.0), Order::Undrain { families: V4 });
    assert_eq!(undrain, Err(Refusal::Stopping));
}

#[test]
fn an_order_for_what_is_not_there_is_refused() {
    let mut node = Node::serving();
    let drain = |families| Order::Drain {
        families,
        force: false,
    };
    let both = Both { v4: true, v6: true };
    assert_eq!(
        node.0.handle_order(at(1.0), drain(both)),
        Err(Refusal::NoFamily(Family::V6))
    );
    let none = Both {
        v4: false,
        v6: false,
    };
    assert_eq!(
        node.0.handle_order(at(1.0), drain(none)),
        Err(Refusal::NothingNamed)
    );
}
