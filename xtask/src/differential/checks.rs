//! What imrs must keep whatever its peers do: each check has a name and passes or fails.

mod framing;
mod rfc8906;
mod rssac047;
mod signatures;
mod sizes;
mod transports;

use super::exchange::Responses;
use super::query::Query;
use super::setup::Setup;
use anyhow::Result;
use std::net::SocketAddr;

/// One check and how it went.
pub(super) struct Verdict {
    /// What was checked.
    pub(super) name: String,
    /// What was wrong.
    pub(super) failure: Option<String>,
}

impl Verdict {
    /// The verdict over many cases, of which these were wrong.
    fn of(name: impl Into<String>, cases: usize, failures: &[String]) -> Verdict {
        let failure = failures
            .first()
            .map(|first| format!("{} wrong: {first}", failures.len()));
        Verdict {
            name: format!("{}, {cases} cases", name.into()),
            failure,
        }
    }
}

/// What imrs said to the corpus, where it was asked over that transport.
pub(super) struct Heard<'a> {
    pub(super) queries: &'a [Query],
    pub(super) udp: Option<Responses>,
    pub(super) tcp: Option<Responses>,
}

/// Runs all checks against imrs.
pub(super) fn run(setup: &Setup, server: SocketAddr, heard: &Heard<'_>) -> Result<Vec<Verdict>> {
    let zones = &setup.facts;
    let mut verdicts = sizes::check(heard);
    verdicts.extend(transports::check(heard));
    verdicts.extend(framing::check(server, zones)?);
    verdicts.extend(rfc8906::check(server, zones)?);
    verdicts.extend(rssac047::check(server, zones)?);
    verdicts.extend(signatures::check(setup, heard)?);
    Ok(verdicts)
}
