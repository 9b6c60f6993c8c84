//! The scenes of the drill: which attack, at which rate, for how long.
//!
//! A rate is a multiple of the point at which the kernel begins to drop for imrs, and the same for
//! all servers; peers whose point is another meet multiples of their own as well.

use super::bots::Way;
use super::flood::Kind;
use std::time::Duration;

/// One scene.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// Its name in tables and on the command line.
    pub(super) name: String,
    /// What is done.
    pub(super) attack: Attack,
    /// What has to hold for imrs.
    pub(super) bound: Bound,
    /// For how long.
    pub(super) length: Duration,
    /// How much of that passes before rates are told.
    pub(super) settling: Duration,
}

/// What attackers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attack {
    /// Datagrams with spoofed sources, so many a second.
    Flood(Kind, u32),
    /// Connections.
    Connect(Way),
    /// Datagrams of all kinds, so many a second, and connections of all kinds.
    Mixed(u32),
}

/// What has to hold for imrs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Nothing: it is only told.
    Told,
    /// Resolvers are answered: with cookies 99.9 %, without 99 %.
    Answered,
    /// Resolvers are answered 1.3 times as often as by either peer, where that is possible.
    Ahead,
    /// No victim gets more than 1.5 times what was sent in its name.
    Amplification,
    /// New clients by TCP are answered: 99.9 %, 99 % of them within 50 ms.
    Tcp,
    /// Memory does not grow.
    Flat,
}

/// Rates that scenes are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Points {
    /// Where the kernel begins to drop for imrs.
    pub(super) base: u32,
    /// The same of the server that meets them.
    pub(super) own: u32,
}

/// All of them, most of them so long.
pub(super) fn full(points: Points, length: Duration) -> Vec<Scene> {
    let plain = |name: &str, attack, bound| Scene {
        name: name.to_owned(),
        attack,
        bound,
        length,
        settling: SETTLING.min(length / 3),
    };
    let flood = |name: &str, kind, (point, factor), bound| {
        plain(name, Attack::Flood(kind, times(point, factor)), bound)
    };
    let Points { base, own } = points;
    let mut scenes = vec![
        flood("nxdomain 1x", Kind::NxDomain, (base, 1.0), Bound::Answered),
        flood("nxdomain 2x", Kind::NxDomain, (base, 2.0), Bound::Ahead),
        flood("nxdomain 5x", Kind::NxDomain, (base, 5.0), Bound::Ahead),
    ];
    if own.abs_diff(base) > base / SAME {
        scenes.extend([
            flood("nxdomain own 1x", Kind::NxDomain, (own, 1.0), Bound::Told),
            flood("nxdomain own 2x", Kind::NxDomain, (own, 2.0), Bound::Told),
            flood("nxdomain own 5x", Kind::NxDomain, (own, 5.0), Bound::Told),
        ]);
    }
    scenes.push(flood(
        "subdomain",
        Kind::Subdomain,
        (base, 2.0),
        Bound::Ahead,
    ));
    scenes.extend(reflections(base));
    scenes.extend([
        flood("malformed", Kind::Malformed, (base, 2.0), Bound::Told),
        flood("fragments", Kind::Fragments, (base, 0.8), Bound::Told),
    ]);
    let ways = [
        ("connect", Way::Flood, Bound::Told),
        ("slow many", Way::SlowMany, Bound::Tcp),
        ("slow prefix", Way::SlowPrefix, Bound::Tcp),
    ];
    scenes.extend(ways.map(|(name, way, bound)| plain(name, Attack::Connect(way), bound)));
    scenes
}

/// Few of them, with bounds alone.
pub(super) fn brief(points: Points) -> Vec<Scene> {
    let names = ["nxdomain 1x", "reflection", "slow many"];
    let mut scenes = full(points, BRIEF);
    scenes.retain(|scene| names.contains(&&*scene.name));
    scenes
}

/// One of everything at once, at a rate that leaves time for all, for so long.
pub(super) fn soak(points: Points, length: Duration) -> Vec<Scene> {
    vec![Scene {
        name: "soak".to_owned(),
        attack: Attack::Mixed(times(points.base, 0.5)),
        bound: Bound::Flat,
        length,
        settling: (length / 10).clamp(WINDOW.min(length / 2), LONG_SETTLING),
    }]
}

fn reflections(base: u32) -> [Scene; 3] {
    let kinds = [
        ("reflection", Kind::Reflection, 0.8, Bound::Amplification),
        ("large answer", Kind::LargeAnswer, 0.8, Bound::Amplification),
        ("reflection 0.2x", Kind::Reflection, 0.2, Bound::Told),
    ];
    kinds.map(|(name, kind, factor, bound)| Scene {
        name: name.to_owned(),
        attack: Attack::Flood(kind, times(base, factor)),
        bound,
        length: WINDOW + STEADY,
        settling: WINDOW,
    })
}

fn times(point: u32, factor: f64) -> u32 {
    (f64::from(point) * factor) as u32
}

/// Points that differ by a smaller part than one in so many are the same.
const SAME: u32 = 25;

/// The length of a scene where there is little time.
const BRIEF: Duration = Duration::from_secs(7);

/// Time for rates to come to rest.
const SETTLING: Duration = Duration::from_secs(2);

/// What passes of limits by rate at first: the window of imrs is 15 seconds, those of others less.
const WINDOW: Duration = Duration::from_secs(16);

/// For how long the steady state behind it is watched.
const STEADY: Duration = Duration::from_secs(8);

/// In a long attack, all that is allocated once is there after this.
const LONG_SETTLING: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(own: u32, expected: usize) {
        let points = Points { base: 50_000, own };
        let scenes = full(points, Duration::from_secs(10));
        let own = scenes.iter().filter(|scene| scene.name.contains("own"));
        assert_eq!(own.count(), expected);
        let five = scenes.iter().find(|scene| scene.name == "nxdomain 5x");
        let rate = five.map(|scene| scene.attack);
        assert_eq!(rate, Some(Attack::Flood(Kind::NxDomain, 250_000)));
    }

    #[test]
    fn all_servers_meet_the_same_rates_and_others_their_own_as_well() {
        check(50_000, 0);
        check(51_000, 0);
        check(30_000, 3);
    }
}
