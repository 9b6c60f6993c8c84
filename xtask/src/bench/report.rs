//! What a benchmark prints: aligned columns for people, one JSON object for programs.

use super::statistics::Spread;
use serde_json::{Value, json};

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// Aligned columns.
    #[default]
    Text,
    /// One object a table; it names its schema.
    Json,
}

/// One table: a title, the names of its columns and its rows.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    facts: Vec<(&'static str, String)>,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// A word.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A number, with so many digits after the point.
    Number(f64, usize),
    /// A median with its quartiles, with so many digits after the point.
    Spread(Spread, usize),
    /// A median that should not exceed a bound.
    Bound(f64),
    /// A median that should not fall below a bound.
    Floor(f64),
    /// Nothing to say.
    None,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(title: String, columns: &[&'static str]) -> Self {
        Table {
            title,
            facts: Vec::new(),
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a fact about the whole table for programs; people read the title.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.facts.push((name, value.to_owned()));
        self
    }

    /// Adds a row: one cell for each column.
    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        assert_eq!(
            row.len(),
            self.columns.len(),
            "a row has a cell for each column"
        );
        self.rows.push(row);
    }

    /// Prints it in the form asked for.
    pub(crate) fn print(&self, output: Output) {
        match output {
            Output::Text => print!("{}", self.text()),
            Output::Json => println!("{}", self.json()),
        }
    }

    fn text(&self) -> String {
        let header = self
            .columns
            .iter()
            .map(|column| (*column).to_owned())
            .collect();
        let mut lines: Vec<Vec<String>> = vec![header];
        lines.extend(
            self.rows
                .iter()
                .map(|row| row.iter().map(Cell::text).collect()),
        );
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                lines
                    .iter()
                    .map(|line| line[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = format!("{}\n", self.title);
        for line in lines {
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                // Names to the left, figures to the right.
                text += &if column == 0 {
                    format!("  {cell:<width$}")
                } else {
                    format!("  {cell:>width$}")
                };
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }

    fn json(&self) -> Value {
        let row = |row: &Vec<Cell>| -> Value {
            let cells = self.columns.iter().zip(row);
            cells
                .map(|(column, cell)| ((*column).to_owned(), cell.json()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        let mut table = json!({ "schema": "imrs-bench/1", "title": self.title, "rows": rows });
        for (name, value) in &self.facts {
            table[*name] = json!(value);
        }
        table
    }
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Count(count) => grouped(*count),
            Cell::Number(number, digits) => format!("{number:.digits$}"),
            Cell::Spread(Spread { median, low, high }, digits) => {
                format!("{median:.digits$} ({low:.digits$}–{high:.digits$})")
            }
            Cell::Bound(bound) => format!("≤ {bound:.2}"),
            Cell::Floor(bound) => format!("≥ {bound:.2}"),
            Cell::None => String::new(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Cell::Text(text) => json!(text),
            Cell::Count(count) => json!(count),
            Cell::Number(number, _) | Cell::Bound(number) | Cell::Floor(number) => json!(number),
            Cell::Spread(Spread { median, low, high }, _) => {
                json!({ "median": median, "low": low, "high": high })
            }
            Cell::None => Value::Null,
        }
    }
}

/// With a comma before every three digits.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_figures_stand_right() {
        let mut table = Table::new("title".to_owned(), &["server", "answers", "µs"]);
        table.push(vec![
            Cell::Text("a".to_owned()),
            Cell::Count(1_234_567),
            Cell::Number(1.5, 2),
        ]);
        table.push(vec![
            Cell::Text("longer".to_owned()),
            Cell::Count(7),
            Cell::None,
        ]);
        let expected =
            "title\n  server    answers    µs\n  a       1,234,567  1.50\n  longer          7\n";
        assert_eq!(table.text(), expected);
    }
}
