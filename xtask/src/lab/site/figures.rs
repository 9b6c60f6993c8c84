//! What a scene measures, and what came of several runs of it.

use std::time::Duration;

/// One number, and what it may be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    /// What it is.
    pub(super) name: &'static str,
    /// How much.
    pub(super) value: f64,
    /// Of what.
    pub(super) unit: Unit,
    /// What was promised of it.
    pub(super) bound: Bound,
}

/// Of what a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Milliseconds.
    Ms,
    /// Seconds.
    Seconds,
    /// Things that are counted.
    Count,
    /// Hundredths.
    Percent,
}

/// What a figure may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// It is told, not judged.
    None,
}

impl Figure {
    /// A duration in milliseconds.
    pub(super) fn ms(name: &'static str, value: Duration, bound: Bound) -> Figure {
        Figure {
            name,
            value: value.as_secs_f64() * 1e3,
            unit: Unit::Ms,
            bound,
        }
    }

    /// A duration in seconds.
    pub(super) fn seconds(name: &'static str, value: Duration, bound: Bound) -> Figure {
        Figure {
            name,
            value: value.as_secs_f64(),
            unit: Unit::Seconds,
            bound,
        }
    }

    /// A number of things.
    pub(super) fn count(name: &'static str, value: usize, bound: Bound) -> Figure {
        Figure {
            name,
            value: value as f64,
            unit: Unit::Count,
            bound,
        }
    }

    /// A share of one.
    pub(super) fn percent(name: &'static str, share: f64, bound: Bound) -> Figure {
        Figure {
            name,
            value: share * 100.0,
            unit: Unit::Percent,
            bound,
        }
    }

    /// Whether it is what it may be.
    pub(super) fn holds(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.value <= most,
            Bound::AtLeast(least) => self.value >= least,
            Bound::None => true,
        }
    }
}

impl Unit {
    /// A value with its unit.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Unit::Ms => format!("{value:.0} ms"),
            Unit::Seconds => format!("{value:.1} s"),
            Unit::Count => format!("{value:.0}"),
            Unit::Percent => format!("{value:.1} %"),
        }
    }
}

impl Bound {
    /// In words.
    pub(super) fn show(self, unit: Unit) -> String {
        match self {
            Bound::AtMost(most) => format!("≤ {}", unit.show(most)),
            Bound::AtLeast(least) => format!("≥ {}", unit.show(least)),
            Bound::None => String::new(),
        }
    }
}

/// One figure of several runs.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Of which scene.
    pub(super) scene: &'static str,
    /// All that is the same in all runs, with the worst value.
    pub(super) worst: Figure,
    /// The middle of all values.
    pub(super) median: f64,
    /// Of so many.
    pub(super) runs: usize,
}

/// Brings the figures of all runs of a scene together; those of one name belong together.
pub(super) fn rows(scene: &'static str, runs: &[Vec<Figure>]) -> Vec<Row> {
    let mut names: Vec<&'static str> = Vec::new();
    for figure in runs.iter().flatten() {
        if !names.contains(&figure.name) {
            names.push(figure.name);
        }
    }
    let all = |name: &'static str| {
        let figures = runs.iter().flatten();
        figures.filter(move |figure| figure.name == name)
    };
    let row = |name: &'static str| {
        let mut values: Vec<f64> = all(name).map(|figure| figure.value).collect();
        values.sort_by(f64::total_cmp);
        let is_least = all(name).any(|figure| matches!(figure.bound, Bound::AtLeast(_)));
        let worst = if is_least {
            all(name).min_by(|one, next| one.value.total_cmp(&next.value))
        } else {
            all(name).max_by(|one, next| one.value.total_cmp(&next.value))
        };
        Some(Row {
            scene,
            worst: worst?.clone(),
            median: values[values.len() / 2],
            runs: values.len(),
        })
    };
    names.into_iter().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_what_has_a_least_value_is_the_smallest() {
        let run = |back: u64, lost: usize| {
            vec![
                Figure::seconds("back", Duration::from_secs(back), Bound::AtLeast(3.0)),
                Figure::count("lost", lost, Bound::AtMost(0.0)),
            ]
        };
        let rows = rows("scene", &[run(4, 0), run(2, 1), run(9, 0)]);
        let told: Vec<(f64, f64, bool)> = rows
            .iter()
            .map(|row| (row.median, row.worst.value, row.worst.holds()))
            .collect();
        assert_eq!(told, [(4.0, 2.0, false), (0.0, 1.0, false)]);
    }
}
