//! `[statistics]`: what becomes of what is counted.

use super::Mistake;
use super::values::Limited;
use crate::accounting::Keeping;
use imrs_telemetry::day;
use imrs_telemetry::rssac002::Letter;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// `[statistics]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Statistics {
    /// Folder of the days; below that of the state when absent.
    pub directory: Option<PathBuf>,
    /// The letter of the root server whose RSSAC002 documents are written; none are when absent.
    letter: Option<Spanned<Told>>,
    /// How long a day stays open after its end.
    late_minutes: Option<Limited<1, 720>>,
    /// Closed days that are kept.
    keep_days: Option<Limited<2, 36_500>>,
    /// MiB that the IPv6 sources of a day, and their /64, may have each, exactly counted.
    sources_mebibytes: Option<Limited<1, 4096>>,
}

/// A letter, as written.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Told(Letter);

impl TryFrom<String> for Told {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let letter = match text.as_bytes() {
            [_] => text.chars().next().and_then(Letter::new),
            _ => None,
        };
        letter.map(Told).ok_or_else(|| {
            format!("`{text}` is not the letter of a root server; write one of `a` to `m`")
        })
    }
}

impl Statistics {
    /// Whether documents that are asked for have a place.
    pub(super) fn check(&self, has_state: bool) -> Result<(), Mistake> {
        match (&self.letter, &self.directory) {
            (Some(letter), None) if !has_state => {
                let message = "documents have no place; add `state` to [node], or `directory` here";
                Err((letter.span().start, message.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// What it says, with `state` as the folder of the node's state.
    pub(crate) fn resolve(&self, state: Option<&Path>) -> Keeping {
        let default = Keeping::default();
        let ms = |minutes: u64| minutes * 60_000;
        let octets = |mebibytes: u64| usize::try_from(mebibytes << 20).unwrap_or(usize::MAX);
        let folder = self.directory.clone();
        Keeping {
            folder: folder.or_else(|| state.map(|state| state.join("statistics"))),
            letter: { self.letter.as_ref() }.map(|letter| letter.get_ref().0),
            days: day::Settings {
                late_ms: { self.late_minutes }
                    .map_or(default.days.late_ms, |minutes| ms(minutes.0)),
                sources_octets: { self.sources_mebibytes }
                    .map_or(default.days.sources_octets, |mebibytes| octets(mebibytes.0)),
            },
            days_kept: { self.keep_days }
                .and_then(|days| u32::try_from(days.0).ok())
                .unwrap_or(default.days_kept),
        }
    }
}
