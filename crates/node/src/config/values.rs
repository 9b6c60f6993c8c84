//! The kinds of value of a configuration. Each is checked where it is read, so that an error has
//! its place.

use crate::limits::TEXT_MAX;
use imrs_zone::Name;
use imrs_zone::verify::Demand;
use serde::Deserialize;

/// A whole number within limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct Limited<const MIN: u64, const MAX: u64>(pub u64);

impl<const MIN: u64, const MAX: u64> TryFrom<i64> for Limited<MIN, MAX> {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        match u64::try_from(number) {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Limited(number)),
            _ => Err(format!(
                "{number} is out of range; it may be {MIN} to {MAX}"
            )),
        }
    }
}

/// A text that the server tells about itself: one character-string (RFC 1035 section 3.3).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Told(pub String);

impl TryFrom<String> for Told {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.len() {
            0 => Err("the text is empty; leave the key out to tell nothing".to_owned()),
            octets if octets > TEXT_MAX => Err(format!(
                "the text has {octets} octets; it may have {TEXT_MAX}"
            )),
            _ => Ok(Told(text)),
        }
    }
}

/// The name of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ZoneName(pub Name);

impl TryFrom<String> for ZoneName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the name of the zone is empty; the root is \".\"".to_owned());
        }
        text.parse()
            .map(ZoneName)
            .map_err(|error| format!("`{text}` is not a domain name: {error}"))
    }
}

/// What is asked of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Check(pub Demand);

impl TryFrom<String> for Check {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "require" => Ok(Check(Demand::Require)),
            "warn" => Ok(Check(Demand::Warn)),
            "off" => Ok(Check(Demand::Off)),
            _ => Err(format!("`{text}` is not one of `require`, `warn`, `off`")),
        }
    }
}
