//! The scenes of the drill: which attack, at which rate.

use super::bots::Way;
use super::flood::Kind;

/// One scene.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// Its name in tables and on the command line.
    pub(super) name: String,
    /// What is done.
    pub(super) attack: Attack,
    /// What has to hold for imrs.
    pub(super) bound: Bound,
}

/// What attackers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attack {
    /// Datagrams with spoofed sources, so many a second.
    Flood(Kind, u32),
    /// Connections.
    Connect(Way),
}

/// What has to hold for imrs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Nothing: it is only told.
    Told,
    /// Resolvers are answered: with cookies 99.9 %, without 99 %.
    Answered,
    /// Resolvers are answered 1.3 times as often as by either peer at the same multiple, where
    /// that is possible.
    Ahead,
    /// No victim gets more than 1.5 times what was sent in its name.
    Amplification,
    /// New clients by TCP are answered: 99.9 %, 99 % of them within 50 ms.
    Tcp,
}

/// Of one server: its own capacity, and that of the slowest peer if there is any.
pub(super) fn full(own: u32, slowest: Option<u32>) -> Vec<Scene> {
    let times = |factor: f64| (f64::from(own) * factor) as u32;
    let nx = |name: &str, rate, bound| Scene {
        name: name.to_owned(),
        attack: Attack::Flood(Kind::NxDomain, rate),
        bound,
    };
    let mut scenes = vec![
        nx("nxdomain 0.9x", times(0.9), Bound::Answered),
        nx("nxdomain 2x", times(2.0), Bound::Ahead),
        nx("nxdomain 5x", times(5.0), Bound::Ahead),
    ];
    // At its own point, the slowest has seen these rates.
    if let Some(slowest) = slowest.filter(|slowest| *slowest != own) {
        scenes.push(nx("nxdomain 2x slowest", 2 * slowest, Bound::Ahead));
        scenes.push(nx("nxdomain 5x slowest", 5 * slowest, Bound::Ahead));
    }
    let flood = |name: &str, kind, factor, bound| Scene {
        name: name.to_owned(),
        attack: Attack::Flood(kind, times(factor)),
        bound,
    };
    scenes.extend([
        flood("subdomain", Kind::Subdomain, 2.0, Bound::Ahead),
        flood("reflection", Kind::Reflection, 0.8, Bound::Amplification),
        flood("large answer", Kind::LargeAnswer, 0.8, Bound::Amplification),
        flood("malformed", Kind::Malformed, 2.0, Bound::Told),
        flood("fragments", Kind::Fragments, 0.8, Bound::Told),
    ]);
    scenes.extend(by_tcp());
    scenes
}

/// Few of them, with bounds alone.
pub(super) fn brief(own: u32) -> Vec<Scene> {
    let rate = (f64::from(own) * 0.8) as u32;
    let flood = |name: &str, kind, bound| Scene {
        name: name.to_owned(),
        attack: Attack::Flood(kind, rate),
        bound,
    };
    let mut scenes = vec![
        flood("nxdomain 0.8x", Kind::NxDomain, Bound::Answered),
        flood("reflection", Kind::Reflection, Bound::Amplification),
    ];
    scenes.extend(by_tcp().into_iter().skip(1).take(1));
    scenes
}

fn by_tcp() -> Vec<Scene> {
    let ways = [
        ("connect", Way::Flood, Bound::Told),
        ("slow many", Way::SlowMany, Bound::Tcp),
        ("slow prefix", Way::SlowPrefix, Bound::Tcp),
    ];
    ways.map(|(name, way, bound)| Scene {
        name: name.to_owned(),
        attack: Attack::Connect(way),
        bound,
    })
    .to_vec()
}
