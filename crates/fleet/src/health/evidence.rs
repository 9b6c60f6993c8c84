//! What a node knows of itself.

use imrs_wire::Family;
use std::fmt;
use std::time::Duration;

/// How queries reach a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
}

/// A way on which a service address is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// That of the address.
    pub family: Family,
    /// How it is asked.
    pub transport: Transport,
}

impl Path {
    /// Those of a family.
    #[must_use]
    pub fn of(family: Family) -> [Path; 2] {
        [Transport::Udp, Transport::Tcp].map(|transport| Path { family, transport })
    }
}

/// What a round of own queries on one path found, as judged by whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probed {
    /// Every answer was right.
    Right,
    /// An answer was wrong.
    Wrong {
        /// What was asked.
        question: String,
        /// What was wrong.
        fault: String,
    },
    /// No answer came in time.
    Silent {
        /// What was asked.
        question: String,
    },
    /// It says nothing about the path: queries were dropped for their number meanwhile, or the
    /// zone changed under it.
    Void,
}

/// How the zone in service stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZoneState {
    /// A proven image is in service.
    pub is_proven: bool,
    /// How long ago a primary confirmed it; `None` for a zone of files, which has no age.
    pub age: Option<Duration>,
    /// Time before it expires.
    pub expires_in: Option<Duration>,
    /// Time before its first signature ends.
    pub signatures_end_in: Option<Duration>,
    /// Every signature has begun by the clock.
    pub signatures_begun: bool,
}

/// How the clock stands, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockState {
    /// The kernel says that it is kept.
    pub synchronised: Option<bool>,
    /// Its greatest error.
    pub error: Option<Duration>,
    /// It was set by this much lately.
    pub stepped: Option<Duration>,
    /// It is behind the time at which the zone in service was made.
    pub behind_zone: bool,
}

/// How the workers stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Workers {
    /// How long the one that stands stillest did nothing though it had something to do.
    pub stalled_for: Duration,
}

/// How much is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Part of the queries that was dropped because there were too many.
    pub dropped: f64,
}

/// How others stand: never a reason to withdraw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// Primaries that were not reached, of how many.
    pub primaries_unreached: Option<(usize, usize)>,
    /// Time for which the operations centre has not been reached.
    pub centre_unreached: Option<Duration>,
    /// Time for which statistics could not be handed over.
    pub statistics_unreached: Option<Duration>,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        };
        write!(f, "{} over {transport}", self.family)
    }
}
