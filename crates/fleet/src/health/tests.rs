//! Health over time.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const BOTH: Both<bool> = Both { v4: true, v6: true };

fn at(milliseconds: u64) -> Moment {
    Moment(Duration::from_millis(milliseconds))
}

fn well() -> ZoneState {
    ZoneState {
        is_proven: true,
        age: Some(Duration::ZERO),
        expires_in: Some(7 * 24 * HOUR),
        signatures_end_in: Some(10 * 24 * HOUR),
        signatures_begun: true,
    }
}

fn wrong() -> Probed {
    Probed::Wrong {
        question: ". SOA".to_owned(),
        fault: "serial is 7, not 8".to_owned(),
    }
}

/// A node whose probes are asked by the test, every 500 ms.
struct Node {
    health: Health,
    now: u64,
}

impl Node {
    fn new() -> Node {
        let health = Health::new(Settings::of(BOTH), at(0));
        Node { health, now: 0 }
    }

    fn fit() -> Node {
        let mut node = Node::new();
        node.health.handle_zone(at(0), well());
        node.rounds(3, |_| Probed::Right);
        node
    }

    fn rounds(&mut self, rounds: u32, probed: impl Fn(Path) -> Probed) {
        for _ in 0..rounds {
            self.now += 500;
            for path in Family::ALL.into_iter().flat_map(Path::of) {
                self.health.handle_probe(at(self.now), path, probed(path));
            }
        }
    }

    fn is_doubted(&mut self, family: Family) -> bool {
        self.health.verdict(at(self.now), family).is_doubted
    }

    fn state(&mut self, family: Family) -> State {
        self.health.verdict(at(self.now), family).state
    }

    fn words(&mut self) -> String {
        let verdict = self.health.verdict(at(self.now), Family::V4);
        verdict
            .reasons
            .first()
            .map(ToString::to_string)
            .unwrap_or_default()
    }
}

#[test]
fn probes_that_say_nothing_speak_neither_for_nor_against_a_path() {
    let mut node = Node::new();
    node.health.handle_zone(at(0), well());
    node.rounds(10, |_| Probed::Void);
    assert_eq!(node.state(Family::V4), State::Unfit(Weight::Soft));
    node.rounds(3, |_| Probed::Right);
    node.rounds(10, |_| Probed::Void);
    assert_eq!(node.state(Family::V4), State::Serving);
    node.rounds(2, |_| wrong());
    node.rounds(10, |_| Probed::Void);
    node.rounds(1, |_| wrong());
    assert_eq!(node.state(Family::V4), State::Unfit(Weight::Soft));
}

#[test]
fn a_node_that_starts_is_fit_after_right_rounds_of_each_path() {
    let mut node = Node::new();
    assert_eq!(node.state(Family::V4), State::Unfit(Weight::Hard));
    node.health.handle_zone(at(0), well());
    node.rounds(2, |_| Probed::Right);
    assert_eq!(node.state(Family::V4), State::Unfit(Weight::Soft));
    assert_eq!(
        node.words(),
        "just started: 2 of 3 rounds of probes were right"
    );
    node.rounds(1, |_| Probed::Right);
    assert_eq!(node.state(Family::V4), State::Serving);
}

#[test]
fn only_the_family_whose_path_fails_is_unfit_and_within_two_seconds() {
    for path in Family::ALL.into_iter().flat_map(Path::of) {
        let mut node = Node::fit();
        let faulty = |probed| {
            if probed == path {
                wrong()
            } else {
                Probed::Right
            }
        };
        node.rounds(2, faulty);
        assert_eq!(node.state(path.family), State::Serving, "{path}");
        node.rounds(1, faulty);
        for family in Family::ALL {
            let expected = match family == path.family {
                true => State::Unfit(Weight::Soft),
                false => State::Serving,
            };
            assert_eq!(node.state(family), expected, "{path}");
        }
    }
}

#[test]
fn one_probe_that_is_not_right_makes_only_its_family_doubted_until_one_is() {
    let mut node = Node::fit();
    assert!(!node.is_doubted(Family::V4));
    node.rounds(1, |path| match path.family {
        Family::V4 => wrong(),
        Family::V6 => Probed::Right,
    });
    assert_eq!(node.state(Family::V4), State::Serving);
    assert!(node.is_doubted(Family::V4) && !node.is_doubted(Family::V6));
    node.rounds(1, |_| Probed::Void);
    assert!(node.is_doubted(Family::V4));
    node.rounds(1, |_| Probed::Right);
    assert!(!node.is_doubted(Family::V4));
}

#[test]
fn a_prober_that_says_nothing_counts_as_silence() {
    let mut node = Node::fit();
    assert_eq!(node.health.poll_timeout(), Some(at(1500 + 2001)));
    node.now += 2000;
    assert_eq!(node.state(Family::V4), State::Serving);
    node.now += 1;
    assert_eq!(node.state(Family::V4), State::Unfit(Weight::Soft));
    assert_eq!(
        node.words(),
        "no probe of IPv4 over UDP has ended for 2.0 s"
    );
}

#[test]
fn a_family_returns_after_unbroken_probation_that_doubles() {
    let mut node = Node::fit();
    // Rounds of 500 ms: 30 s, 60 s, up to 10 min.
    for rounds in [60, 120, 240, 480, 960, 1200, 1200] {
        node.rounds(3, |_| wrong());
        node.rounds(30, |_| Probed::Right);
        node.rounds(1, |_| wrong());
        assert_eq!(node.state(Family::V4), State::Unfit(Weight::Soft));
        node.rounds(rounds, |_| Probed::Right);
        assert_eq!(
            node.state(Family::V4),
            State::Unfit(Weight::Soft),
            "{rounds}"
        );
        node.rounds(1, |_| Probed::Right);
        assert_eq!(node.state(Family::V4), State::Serving, "{rounds}");
    }
    // An hour without a flap forgets them.
    node.rounds(7200, |_| Probed::Right);
    node.rounds(3, |_| wrong());
    node.rounds(61, |_| Probed::Right);
    assert_eq!(node.state(Family::V4), State::Serving);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_piece_of_evidence_has_its_verdict_and_its_words() {
    let zone = |change: fn(&mut ZoneState)| {
        move |health: &mut Health, now| {
            let mut zone = well();
            change(&mut zone);
            health.handle_zone(now, zone);
        }
    };
    type Change = Box<dyn Fn(&mut Health, Moment)>;
    let (hard, soft) = (State::Unfit(Weight::Hard), State::Unfit(Weight::Soft));
    let told = State::Degraded;
    let clock =
        |clock: ClockState| -> Change { Box::new(move |h, now| h.handle_clock(now, clock)) };
    let load = |dropped: f64| -> Change {
        Box::new(move |h, now| {
            h.handle_load(now, Load { dropped });
        })
    };
    let others =
        |others: Others| -> Change { Box::new(move |h, now| h.handle_others(now, others)) };
    let stalled = |stalled_for: Duration| -> Change {
        Box::new(move |h, now| h.handle_workers(now, Workers { stalled_for }))
    };
    let cases: Vec<(Change, State, &str)> = vec![
        (
            Box::new(zone(|z| z.is_proven = false)),
            hard,
            "no proven zone is in service",
        ),
        (
            Box::new(zone(|z| z.expires_in = Some(Duration::ZERO))),
            hard,
            "the zone has expired",
        ),
        (
            Box::new(zone(|z| z.expires_in = Some(5 * HOUR))),
            told,
            "the zone expires in 5 h",
        ),
        (Box::new(zone(|z| z.expires_in = None)), State::Serving, ""),
        (
            Box::new(zone(|z| z.signatures_end_in = Some(Duration::ZERO))),
            hard,
            "a signature of the zone has ended",
        ),
        (
            Box::new(zone(|z| z.signatures_end_in = Some(HOUR / 2))),
            soft,
            "the first signature of the zone ends in 30 min",
        ),
        (
            Box::new(zone(|z| z.signatures_end_in = Some(23 * HOUR))),
            told,
            "the first signature of the zone ends in 23 h",
        ),
        (
            Box::new(zone(|z| z.signatures_begun = false)),
            soft,
            "a signature of the zone has not begun yet",
        ),
        (
            Box::new(zone(|z| z.age = Some(49 * HOUR))),
            soft,
            "no primary has confirmed the zone for 49 h; the most is 48 h",
        ),
        (
            Box::new(zone(|z| z.age = Some(25 * HOUR))),
            told,
            "no primary has confirmed the zone for 25 h; the most is 48 h",
        ),
        (Box::new(zone(|z| z.age = None)), State::Serving, ""),
        (
            clock(ClockState {
                behind_zone: true,
                ..ClockState::default()
            }),
            soft,
            "the clock is behind the making of the zone",
        ),
        (
            clock(ClockState {
                error: Some(301 * SECOND),
                ..ClockState::default()
            }),
            soft,
            "the clock may be wrong by 5 min",
        ),
        (
            clock(ClockState {
                error: Some(2 * SECOND),
                ..ClockState::default()
            }),
            told,
            "the clock may be wrong by 2.0 s",
        ),
        (
            clock(ClockState {
                synchronised: Some(false),
                ..ClockState::default()
            }),
            told,
            "nothing keeps the clock right",
        ),
        (
            clock(ClockState {
                stepped: Some(90 * SECOND),
                ..ClockState::default()
            }),
            told,
            "the clock was set by 90 s",
        ),
        (stalled(2 * SECOND), State::Serving, ""),
        (
            stalled(3 * SECOND),
            soft,
            "a worker has stood still for 3.0 s",
        ),
        (load(0.005), State::Serving, ""),
        (
            load(0.9),
            told,
            "90.0 % of the queries are dropped: too many",
        ),
        (
            others(Others {
                primaries_unreached: Some((3, 3)),
                ..Others::default()
            }),
            told,
            "3 of 3 primaries are not reached",
        ),
        (
            others(Others {
                centre_unreached: Some(48 * HOUR),
                ..Others::default()
            }),
            told,
            "the operations centre is not reached for 48 h",
        ),
        (
            others(Others {
                statistics_unreached: Some(HOUR),
                ..Others::default()
            }),
            told,
            "statistics cannot be handed over for 60 min",
        ),
    ];
    for (change, state, words) in cases {
        let mut node = Node::fit();
        change(&mut node.health, at(node.now));
        assert_eq!(
            (node.state(Family::V4), node.words().as_str()),
            (state, words)
        );
    }
}

#[test]
fn a_zone_ends_though_nobody_says_so_again() {
    let mut node = Node::fit();
    let zone = ZoneState {
        signatures_end_in: Some(SECOND),
        ..well()
    };
    node.health.handle_zone(at(node.now), zone);
    assert_eq!(node.state(Family::V4), State::Unfit(Weight::Soft));
    node.now += 1000;
    assert_eq!(node.state(Family::V4), State::Unfit(Weight::Hard));
}

#[test]
fn a_family_without_an_address_is_not_probed_and_never_announced() {
    let families = Both {
        v4: true,
        v6: false,
    };
    let mut health = Health::new(Settings::of(families), at(0));
    health.handle_zone(at(0), well());
    for round in 1..=3 {
        for path in Path::of(Family::V4) {
            health.handle_probe(at(round * 500), path, Probed::Right);
        }
    }
    assert_eq!(health.verdict(at(1500), Family::V4).state, State::Serving);
    assert_eq!(
        health.verdict(at(1500), Family::V6).state,
        State::Unfit(Weight::Hard)
    );
}

proptest::proptest! {
    #[test]
    fn whatever_is_probed_no_zone_is_never_fit(probes in proptest::collection::vec((0u64..3000, 0u8..4, 0u8..3), 0..200)) {
        let mut health = Health::new(Settings::of(BOTH), at(0));
        let mut now = 0;
        for (pause, path, probed) in probes {
            now += pause;
            let path = Path {
                family: Family::ALL[usize::from(path % 2)],
                transport: [Transport::Udp, Transport::Tcp][usize::from(path / 2)],
            };
            let probed = [Probed::Right, wrong(), Probed::Silent { question: String::new() }][usize::from(probed)].clone();
            health.handle_probe(at(now), path, probed);
            let verdict = health.verdict(at(now), path.family);
            proptest::prop_assert_eq!(verdict.state, State::Unfit(Weight::Hard));
            proptest::prop_assert!(health.poll_timeout().is_none_or(|time| time > at(now)));
        }
    }
}
