//! Tables of what was measured: in the terminal, and in Markdown.

use super::figures::{Bound, Row};
use anyhow::Result;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Prints what came of a scene; gives how many bounds do not hold.
pub(super) fn scene(rows: &[Row]) -> usize {
    for row in rows {
        let unit = row.worst.unit;
        let verdict = if row.worst.holds() {
            ""
        } else {
            "  DOES NOT HOLD"
        };
        println!(
            "    {:<48}{:>10}{:>10}  {}{verdict}",
            row.worst.name,
            unit.show(row.median),
            unit.show(row.worst.value),
            row.worst.bound.show(unit)
        );
    }
    rows.iter().filter(|row| !row.worst.holds()).count()
}

/// Writes all of it as a Markdown table, between the marks in a document that is there, or alone.
pub(super) fn markdown(rows: &[Row], links: &str, file: &Path) -> Result<()> {
    let mut table = format!(
        "Links to the upstream: {links}.\n\n| scene | measured | median | worst | promised | runs |\n\
         |---|---|---:|---:|---|---:|\n"
    );
    for of_scene in rows.chunk_by(|one, next| one.scene == next.scene) {
        let (nothing, something): (Vec<&Row>, Vec<&Row>) =
            of_scene.iter().partition(|row| is_nothing(row));
        let mut lines: Vec<(String, &Row)> = something
            .into_iter()
            .map(|row| (row.worst.name.to_owned(), row))
            .collect();
        // What never happened, and was never to, is told in one line.
        if let Some(first) = nothing.first() {
            let names: Vec<&str> = nothing.iter().map(|row| row.worst.name).collect();
            lines.push((names.join(", "), first));
        }
        for (number, (name, row)) in lines.into_iter().enumerate() {
            let unit = row.worst.unit;
            let scene = if number == 0 { row.scene } else { "" };
            let _ = writeln!(
                table,
                "| {scene} | {name} | {} | {} | {} | {} |",
                unit.show(row.median),
                unit.show(row.worst.value),
                row.worst.bound.show(unit),
                row.runs
            );
        }
    }
    let text = fs::read_to_string(file).unwrap_or_default();
    fs::write(file, placed(&text, &table))?;
    Ok(())
}

/// Whether it was to be none, and was none in all runs.
fn is_nothing(row: &Row) -> bool {
    row.worst.bound == Bound::AtMost(0.0) && row.worst.value <= 0.0
}

/// The text with the table between its marks; without marks the table alone.
fn placed(text: &str, table: &str) -> String {
    match (text.split_once(BEGIN), text.split_once(END)) {
        (Some((before, _)), Some((_, after))) => format!("{before}{BEGIN}\n{table}{END}{after}"),
        _ => table.to_owned(),
    }
}

/// Ahead of the table.
const BEGIN: &str = "<!-- measured: cargo xtask lab site -->";

/// Behind it.
const END: &str = "<!-- end of measured -->";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_the_table_stays() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let expected = format!("before\n{BEGIN}\nnew\n{END}\nafter\n");
        assert_eq!(placed(&text, "new\n"), expected);
        assert_eq!(placed("", "new\n"), "new\n");
    }
}
