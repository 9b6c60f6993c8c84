//! `imrs doctor`: what keeps a node from being reached, and whom to tell.
//!
//! ```text
//! gather → Evidence → judge → Findings
//! ```
//!
//! Start reading at [`judge::judge`]. [`gather`] asks the machine, the server and the keeper; nothing
//! is changed. A judgement looks at evidence only.

pub mod evidence;
pub mod gather;
pub mod judge;

use serde::Serialize;

/// The schema of the findings as JSON.
pub const SCHEMA: &str = "imrs.doctor/1";

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Well,
    /// Not to be told from here, or possibly meant.
    Unsure,
    /// Queries are lost, or will be.
    Wrong,
}

/// One check: what was seen, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// What to do, unless all is well.
    pub remedy: Option<String>,
}

impl Finding {
    fn well(check: &'static str, seen: impl Into<String>) -> Finding {
        Finding {
            check,
            verdict: Verdict::Well,
            seen: seen.into(),
            remedy: None,
        }
    }

    fn unsure(check: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding {
            check,
            verdict: Verdict::Unsure,
            seen: seen.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn wrong(check: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding {
            check,
            verdict: Verdict::Wrong,
            seen: seen.into(),
            remedy: Some(remedy.into()),
        }
    }
}

/// A configuration that is refused; nothing else can be looked at then.
#[must_use]
pub fn refused(message: &str) -> Finding {
    let remedy = "change what the message names; no route changes before `imrs check-config` \
                  finds it good";
    Finding::wrong("configuration", message, remedy)
}

/// A configuration that is good.
#[must_use]
pub fn accepted(file: &std::path::Path) -> Finding {
    Finding::well("configuration", format!("{} is good", file.display()))
}
