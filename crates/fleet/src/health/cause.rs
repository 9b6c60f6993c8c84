//! Why a node is not simply well, in words for operators.

use super::Path;
use std::fmt;
use std::time::Duration;

/// What a reason does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Withdraws, whoever else stands: there is nothing right to answer.
    Hard,
    /// Withdraws while enough others announce.
    Soft,
    /// Is told.
    Told,
}

/// A reason, the gravest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// What it does.
    pub effect: Effect,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the words of `Display` say it better")]
pub enum Cause {
    NoZone,
    ZoneExpired,
    SignaturesEnded,
    Wrong {
        path: Path,
        question: String,
        fault: String,
        times: u32,
    },
    Silent {
        path: Path,
        question: String,
        times: u32,
    },
    Unprobed {
        path: Path,
        silent_for: Duration,
    },
    ZoneStale {
        age: Duration,
        max: Duration,
    },
    ZoneAging {
        age: Duration,
        max: Duration,
    },
    ZoneExpires {
        left: Duration,
    },
    SignaturesEnd {
        left: Duration,
    },
    SignaturesNotBegun,
    ClockBehindZone,
    ClockError {
        error: Duration,
    },
    ClockUnkept,
    ClockStepped {
        by: Duration,
    },
    WorkerStalled {
        stalled_for: Duration,
    },
    Overload {
        dropped: f64,
    },
    Starting {
        rounds: u32,
        needed: u32,
    },
    Probation {
        left: Duration,
        whole: Duration,
    },
    PrimariesUnreached {
        unreached: usize,
        of: usize,
    },
    CentreUnreached {
        lasting: Duration,
    },
    StatisticsUnreached {
        lasting: Duration,
    },
    NoAddress,
}

/// A duration as people say it.
struct Words(Duration);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..=9 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            10..=119 => write!(f, "{seconds} s"),
            120..=7199 => write!(f, "{} min", seconds / 60),
            _ => write!(f, "{} h", seconds / 3600),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Cause as C;
        let said = match self {
            C::NoZone => "no proven zone is in service",
            C::ZoneExpired => "the zone has expired",
            C::SignaturesEnded => "a signature of the zone has ended",
            C::SignaturesNotBegun => "a signature of the zone has not begun yet",
            C::ClockBehindZone => "the clock is behind the making of the zone",
            C::ClockUnkept => "nothing keeps the clock right",
            C::NoAddress => "no service address of this family",
            C::Wrong { .. } | C::Silent { .. } | C::Unprobed { .. } => return self.of_path(f),
            C::PrimariesUnreached { .. }
            | C::CentreUnreached { .. }
            | C::StatisticsUnreached { .. } => return self.of_others(f),
            _ => return self.of_node(f),
        };
        f.write_str(said)
    }
}

impl Cause {
    fn of_path(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Wrong {
                path,
                question,
                fault,
                times,
            } => write!(
                f,
                "wrong answer on {path} to {question}: {fault} ({times} in a row)"
            ),
            Cause::Silent {
                path,
                question,
                times,
            } => write!(f, "no answer on {path} to {question} ({times} in a row)"),
            Cause::Unprobed { path, silent_for } => {
                write!(f, "no probe of {path} has ended for {}", Words(*silent_for))
            }
            _ => Ok(()),
        }
    }

    fn of_others(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (who, lasting) = match self {
            Cause::PrimariesUnreached { unreached, of } => {
                return write!(f, "{unreached} of {of} primaries are not reached");
            }
            Cause::CentreUnreached { lasting } => ("the operations centre is not reached", lasting),
            Cause::StatisticsUnreached { lasting } => ("statistics cannot be handed over", lasting),
            _ => return Ok(()),
        };
        write!(f, "{who} for {}", Words(*lasting))
    }

    fn of_node(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::ZoneStale { age, max } | Cause::ZoneAging { age, max } => {
                let age = Words(*age);
                write!(
                    f,
                    "no primary has confirmed the zone for {age}; the most is {}",
                    Words(*max)
                )
            }
            Cause::ZoneExpires { left } => write!(f, "the zone expires in {}", Words(*left)),
            Cause::SignaturesEnd { left } => {
                write!(
                    f,
                    "the first signature of the zone ends in {}",
                    Words(*left)
                )
            }
            Cause::ClockError { error } => write!(f, "the clock may be wrong by {}", Words(*error)),
            Cause::ClockStepped { by } => write!(f, "the clock was set by {}", Words(*by)),
            Cause::WorkerStalled { stalled_for } => {
                write!(f, "a worker has stood still for {}", Words(*stalled_for))
            }
            Cause::Overload { dropped } => {
                write!(
                    f,
                    "{:.1} % of the queries are dropped: too many",
                    dropped * 100.0
                )
            }
            Cause::Starting { rounds, needed } => {
                write!(
                    f,
                    "just started: {rounds} of {needed} rounds of probes were right"
                )
            }
            Cause::Probation { left, whole } => {
                write!(
                    f,
                    "well again, on probation for {} of {}",
                    Words(*left),
                    Words(*whole)
                )
            }
            _ => Ok(()),
        }
    }
}
