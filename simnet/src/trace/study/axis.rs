//! Round marks along an axis, and where values are on it.

/// An axis that begins at 0 or below its least value, and ends at a round one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) marks: Vec<f64>,
    low: f64,
    high: f64,
}

impl Axis {
    /// From 0 to the first mark that is not below `most`, with about `count` marks.
    pub(super) fn from_zero(most: f64, count: f64) -> Self {
        let step = round_step(most / count);
        let last = (most / step - 1e-9).ceil().max(1.0);
        let marks: Vec<f64> = (0..=last as u32).map(|n| f64::from(n) * step).collect();
        Self { high: last * step, low: 0.0, marks }
    }

    /// With a mark at each of these values, if they are few and far enough apart; else from 0.
    pub(super) fn of_values(values: &[f64]) -> Self {
        const MARKS_MAX: usize = 10;
        const APART_MIN: f64 = 0.06;
        let (Some(low), Some(high)) = (values.first(), values.last()) else {
            return Self::from_zero(1.0, 1.0);
        };
        let apart = values.windows(2).all(|two| two[1] - two[0] >= APART_MIN * (high - low));
        if values.len() < 2 || values.len() > MARKS_MAX || !apart || *low < 0.0 {
            return Self::from_zero(high.max(f64::MIN_POSITIVE), 8.0);
        }
        // From 0 all the same, unless that wastes most of it.
        let low = if *low < high / 2.0 { 0.0 } else { *low };
        Self { marks: values.to_vec(), low, high: *high }
    }

    /// Where a value is: 0 at the axis' begin, 1 at its end.
    pub(super) fn place(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// The least of 1, 2, 5 times a power of ten that is not below `rough`.
fn round_step(rough: f64) -> f64 {
    if !(rough.is_finite() && rough > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * power >= rough * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// A number on an axis: no more digits than it needs, thousands apart.
pub(super) fn label(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let (whole, rest) = text.split_once('.').map_or((text, ""), |(whole, rest)| (whole, rest));
    let mut grouped = String::new();
    for (n, digit) in whole.chars().enumerate() {
        // A narrow space that does not break a line.
        if n > 0 && (whole.len() - n).is_multiple_of(3) && whole.len() > 4 {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    if rest.is_empty() { grouped } else { format!("{grouped}.{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_reach_beyond_the_most() {
        for (most, marks) in [
            (9.3, &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0][..]),
            (10.0, &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
            (0.042, &[0.0, 0.01, 0.02, 0.03, 0.04, 0.05]),
            (1234.0, &[0.0, 500.0, 1000.0, 1500.0]),
            (0.0, &[0.0, 1.0]),
        ] {
            let axis = Axis::from_zero(most, 5.0);
            assert_eq!(axis.marks.len(), marks.len(), "{most}: {axis:?}");
            let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
            assert!(axis.marks.iter().zip(marks).all(close), "{most}: {axis:?}");
            assert!(axis.place(most) <= 1.0 && axis.place(0.0) == 0.0);
        }
    }

    #[test]
    fn few_values_are_marked_themselves() {
        let few = [10.0, 25.0, 50.0, 100.0, 150.0, 200.0];
        assert_eq!(Axis::of_values(&few).marks, few);
        assert_eq!(Axis::of_values(&few).place(100.0), 0.5);
        assert_eq!(Axis::of_values(&[1.0, 2.0, 3.0, 200.0]).marks.len(), 5, "too close");
        assert_eq!(Axis::of_values(&[50.0]).marks.last(), Some(&50.0));
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.05, "0.05"),
            (1500.0, "1500"),
            (20_000.0, "20\u{202f}000"),
            (2.5, "2.5"),
        ] {
            assert_eq!(label(value), text);
        }
    }
}
