//! What came of the trials, as a table.

use super::cases::Case;
use std::fmt::Write as _;

/// What came of one case.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It went as it should; what was seen.
    Held(String),
    /// It did not, or something else went wrong.
    Failed(String),
    /// One of the two cannot do it; why.
    Impossible(&'static str),
}

/// The outcomes of a primary and a secondary, in the order of the cases.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Who serves.
    pub(super) primary: &'static str,
    /// Who fetches.
    pub(super) secondary: &'static str,
    /// One for each case.
    pub(super) outcomes: Vec<Outcome>,
}

/// The table, with the reasons below it.
pub(super) fn text(cases: &[Case], rows: &[Row]) -> String {
    let mut text = format!("{:<9}{:<10}", "primary", "secondary");
    for case in cases {
        let _ = write!(text, "  {}", case.name());
    }
    text += "\n";
    let mut notes = String::new();
    for row in rows {
        let _ = write!(text, "{:<9}{:<10}", row.primary, row.secondary);
        for (case, outcome) in cases.iter().zip(&row.outcomes) {
            let (word, note) = match outcome {
                Outcome::Held(seen) => ("ok", seen.as_str()),
                Outcome::Failed(why) => ("FAILED", why.as_str()),
                Outcome::Impossible(why) => ("–", *why),
            };
            let name = case.name();
            let _ = write!(text, "  {word:<width$}", width = name.len().max(2));
            if !note.is_empty() {
                let (primary, secondary) = (row.primary, row.secondary);
                let _ = writeln!(notes, "{primary} to {secondary}, {name}: {word}: {note}");
            }
        }
        text += "\n";
    }
    format!("{text}\n{notes}\n")
}
