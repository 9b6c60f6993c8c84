//! What plots have in common: a place on the page, a title, a scale with round numbers, a legend.

use super::super::figures::short;
use super::svg::{Anchor, Svg};

/// Where a plot is, and what its highest point means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// The value at the top; the bottom is 0.
    pub(super) most: f64,
}

/// A colour with what it stands for.
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) fill: &'static str,
}

impl Frame {
    /// Where a value is.
    pub(super) fn y(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - (value / self.most).clamp(0.0, 1.0))
    }

    /// The line of 0.
    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Draws lines at round values, with these.
    pub(super) fn scale(&self, svg: &mut Svg, unit: &str) {
        let right = self.left + self.width;
        // A low plot has no room for more than its ends.
        let step = match self.height {
            ..60.0 => self.most,
            _ => round_step(self.most),
        };
        let mut value = 0.0;
        while value <= self.most * 1.0001 {
            let y = self.y(value);
            let class = if value == 0.0 { "axis" } else { "grid" };
            svg.line((self.left, y), (right, y), class);
            let label = format!("{}{unit}", plain(value));
            svg.text(self.left - 6.0, y + 4.0, 11.5, Anchor::End, "note", &label);
            value += step;
        }
    }
}

/// A title and, below it, a legend from the left.
pub(super) fn heading(svg: &mut Svg, (x, y): (f64, f64), title: &str, layers: &[Layer]) {
    svg.text(x, y, 15.0, Anchor::Start, "bold", title);
    let mut x = x;
    for layer in layers {
        svg.rect((x, y + 10.0), (11.0, 11.0), layer.fill, &layer.name);
        svg.text(x + 16.0, y + 20.0, 12.0, Anchor::Start, "", &layer.name);
        x += 32.0 + width(&layer.name);
    }
}

/// About how wide a text of 12 units is in a wide font.
fn width(text: &str) -> f64 {
    let widths = text.chars().map(|c| match c {
        ' ' | '.' | 'i' | 'l' => 4.0,
        'A'..='Z' | '%' | 'm' => 9.0,
        _ => 7.2,
    });
    widths.sum()
}

/// A round number without zeros behind its digits.
fn plain(value: f64) -> String {
    let text = short(value);
    let (digits, unit) = match text.split_once(' ') {
        Some((digits, unit)) => (digits, format!(" {unit}")),
        None => (text.as_str(), String::new()),
    };
    let digits = match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    };
    format!("{digits}{unit}")
}

/// The top of a scale: not lower than the value, and a multiple of the step between its lines.
pub(super) fn round_top(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let step = round_step(value);
    (value / step).ceil() * step
}

/// 1, 2 or 5 times a power of 10, three to six of which make up the value.
fn round_step(value: f64) -> f64 {
    let rough = value / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|times| times * power >= rough * 0.8);
    times.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::{plain, round_step, round_top};

    #[test]
    fn scales_have_no_digits_without_meaning() {
        for (value, expected) in [
            (0.0, "0"),
            (0.2, "0.2"),
            (100.0, "100"),
            (1500.0, "1.5 k"),
            (50_000.0, "50 k"),
            (100_000.0, "100 k"),
            (2e6, "2 M"),
        ] {
            assert_eq!(plain(value), expected);
        }
    }

    #[test]
    fn scales_have_round_numbers_and_a_handful_of_lines() {
        for (value, step, top) in [
            (1.0, 0.2, 1.0),
            (7.0, 2.0, 8.0),
            (100.0, 20.0, 100.0),
            (139_000.0, 50_000.0, 150_000.0),
            (0.03, 0.01, 0.03),
        ] {
            assert!((round_step(value) / step - 1.0).abs() < 1e-9, "{value}");
            assert!(
                (round_top(value) / top - 1.0).abs() < 1e-9,
                "{value}: {}",
                round_top(value)
            );
        }
        assert_eq!(round_top(0.0), 1.0);
    }
}
