//! What is told of the transfers of zones.

use super::Health;
use crate::clock::rfc3339;
use imrs_zone::record::UnixTime;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How zones are kept current.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Zones {
    /// How the node is.
    pub health: Health,
    /// When this was told.
    pub now: String,
    /// The zones, in the order of the configuration.
    pub zones: Vec<KeptZone>,
}

/// How one zone is kept current.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptZone {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: ZoneState,
    /// What an operator should look at, in words; the gravest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attention: Vec<String>,
    /// Its serial, if there is a copy.
    pub serial: Option<u32>,
    /// Where the copy comes from: a file, or a primary and how it sent it.
    pub source: Option<String>,
    /// When the copy was read or fetched: its age.
    pub received: Option<When>,
    /// When the copy was proven and put into service here.
    pub in_service: Option<When>,
    /// The last answer of a primary, or that there was none.
    pub last_check: Option<Check>,
    /// When a primary last had the serial that is held; older nodes do not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<When>,
    /// When primaries are asked again; none while that is going on, and for a zone of a file.
    pub next_check: Option<When>,
    /// What is being fetched or asked at this moment, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub going_on: Option<String>,
    /// When the SOA record's expire time runs out unless a primary confirms the copy.
    pub expires: Option<When>,
    /// When the first signature runs out.
    pub signatures_end: Option<When>,
    /// Whom it is fetched from, in the order of the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub primaries: Vec<KnownPrimary>,
    /// Serials that were refused and may still be offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusedSerial>,
    /// What independent observers serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observers: Option<Observers>,
    /// Who is told of new serials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secondaries: Vec<KnownSecondary>,
    /// Versions on disk, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stored: Vec<StoredVersion>,
    /// What happened to the zone, the latest first; as much as is remembered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Happening>,
    /// What was counted since the start: of what, by result. `notify-in`, `transfer-in`,
    /// and `notify-out` are there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, BTreeMap<String, u64>>,
}

/// How a zone is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZoneState {
    /// There is no copy yet that may be served: queries get SERVFAIL.
    #[default]
    Waiting,
    /// It is served, and nothing needs attention.
    Served,
    /// It is served, and something needs attention.
    Degraded,
    /// It is served, and a deadline after which it is not is near.
    Alarm,
    /// A deadline is over and it is not served: queries get SERVFAIL.
    Expired,
}

/// A time, and how far it is from that of the reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// The time.
    pub at: String,
    /// Seconds until then; negative for what is over.
    pub in_seconds: i64,
}

impl When {
    /// A time as seen from `now`.
    pub fn new(at: UnixTime, now: UnixTime) -> Self {
        let seconds = i128::from(at.0) - i128::from(now.0);
        let limit = if seconds < 0 { i64::MIN } else { i64::MAX };
        When {
            at: rfc3339(at),
            in_seconds: i64::try_from(seconds).unwrap_or(limit),
        }
    }
}

/// What came of asking a primary or fetching from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// When.
    pub when: When,
    /// Who was asked, by its address.
    pub primary: String,
    /// What came of it.
    pub result: CheckResult,
    /// The serial that it is about, if one was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u32>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What came of asking a primary or fetching from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckResult {
    /// It has the serial that is held.
    Level,
    /// It is behind.
    Older,
    /// It has a newer serial, which is fetched.
    Newer,
    /// It has a newer serial, which is not fetched again yet.
    HeldBack,
    /// It gave no answer of use.
    Unanswered,
    /// The serial was fetched from it and is in service.
    Accepted,
    /// It offered a newer serial and then said that there is none.
    Withdrawn,
    /// The transfer broke.
    Broken,
    /// It gives no differences to what is held; the whole zone is fetched.
    NoDifferences,
    /// What it sent was refused.
    Refused,
}

/// What is known of a primary.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KnownPrimary {
    /// Where it is.
    pub address: String,
    /// The key that requests to it are signed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The way to speak TLS to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// What came of it the last time.
    pub last: Option<Check>,
    /// How often in a row it did not answer or sent nothing of use.
    pub failures: u32,
    /// When it is asked or fetched from again, if that is held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<When>,
}

/// A serial that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedSerial {
    /// The serial.
    pub serial: u32,
    /// Who offered it, by its address.
    pub primary: String,
    /// Why.
    pub reason: String,
    /// How often.
    pub count: u32,
    /// When it may be fetched again.
    pub again: When,
}

/// What independent observers serve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observers {
    /// How what is served compares.
    pub verdict: Verdict,
    /// How many are ahead.
    pub ahead: usize,
    /// The newest serial that they have, where they are ahead.
    pub serial: Option<u32>,
    /// Since when they are ahead.
    pub since: Option<When>,
    /// What each said last.
    pub heard: Vec<Heard>,
}

/// How what is served compares with what observers serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nobody was heard of lately.
    #[default]
    Unknown,
    /// Nobody is ahead.
    Level,
    /// Some are ahead, but too few or not for long.
    Ahead,
    /// They are ahead for longer than the limit.
    Stale,
}

/// What an observer said last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// Where it is.
    pub address: String,
    /// The serial that it serves; none if it never answered.
    pub serial: Option<u32>,
    /// When it said so.
    pub when: Option<When>,
}

/// What a secondary was told last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KnownSecondary {
    /// Where it is.
    pub address: String,
    /// The serial that it was told of last, if of any.
    pub serial: Option<u32>,
    /// How that went.
    pub told: Told,
    /// The RCODE of its answer, where that is not NOERROR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rcode: Option<String>,
}

/// How telling a secondary went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// It was not told anything yet.
    #[default]
    Untold,
    /// It was told and has not answered yet.
    Telling,
    /// It answered.
    Told,
    /// It did not answer, and is left alone until the next serial.
    GaveUp,
}

/// A version on disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredVersion {
    /// Its serial.
    pub serial: u32,
    /// Where it came from.
    pub source: String,
    /// When it was received.
    pub fetched_at: String,
    /// Octets on disk.
    pub octets: u64,
    /// Whether it is the one in service.
    pub in_service: bool,
}

/// Something that happened to a zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Happening {
    /// When.
    pub at: String,
    /// What.
    pub kind: HappeningKind,
    /// The serial that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u32>,
    /// Where that came from, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// From the first octet wanted to service, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
}

/// What can happen to a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HappeningKind {
    /// A version went into service.
    Swapped,
    /// A version was refused; what was served is served still.
    Refused,
    /// A transfer broke.
    Broken,
    /// Something on disk was of no use and was dropped, or could not be written.
    Disk,
    /// The zone went out of service, came back, or is about to end.
    State,
    /// An operator let a serial pass.
    Accepted,
}

/// What came of asking primaries on an operator's word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refreshed {
    /// How the node is now.
    pub health: Health,
    /// The zones that were asked for.
    pub zones: Vec<RefreshedZone>,
}

/// What came of it for one zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefreshedZone {
    /// Its name.
    pub name: String,
    /// The serial in service now.
    pub serial: Option<u32>,
    /// What came of it.
    pub result: RefreshResult,
    /// More of it: why it was refused, who did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What came of asking primaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshResult {
    /// A version went into service.
    Swapped,
    /// Primaries have what is served.
    Current,
    /// What came was refused; what was served is served still.
    Refused,
    /// No primary gave an answer of use.
    Unanswered,
    /// It goes on; look at it by [`super::Command::Zones`].
    Started,
    /// The zone is of a file, and nothing is fetched for it.
    NotFetched,
}
