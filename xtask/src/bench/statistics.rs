//! Medians and quartiles.

/// The middle of a set of values, and the range that holds half of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// Half of the values are smaller.
    pub(crate) median: f64,
    /// A quarter of the values is smaller.
    pub(crate) low: f64,
    /// A quarter of the values is larger.
    pub(crate) high: f64,
}

impl Spread {
    /// Of `values`, which must not be empty.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Spread {
            median: quantile(&values, 0.5),
            low: quantile(&values, 0.25),
            high: quantile(&values, 0.75),
        }
    }
}

/// Between the two nearest values, in proportion.
fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    assert!(!sorted.is_empty(), "a spread needs values");
    let position = fraction * (sorted.len() - 1) as f64;
    let below = sorted[position.floor() as usize];
    let above = sorted[position.ceil() as usize];
    below + (above - below) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_the_nearest_values() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!(
            spread,
            Spread {
                median: 2.5,
                low: 1.75,
                high: 3.25
            }
        );
    }

    #[test]
    fn one_value_is_its_own_spread() {
        assert_eq!(
            Spread::of([7.0]),
            Spread {
                median: 7.0,
                low: 7.0,
                high: 7.0
            }
        );
    }
}
