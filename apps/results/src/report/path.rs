//! SVG paths: lines, bands of extremes, smoothing.

use std::fmt::Write as _;

use super::curve::Curve;

/// Runs of places that have a value.
pub fn stretches(values: &[Option<f64>]) -> Vec<std::ops::Range<usize>> {
    let mut found: Vec<std::ops::Range<usize>> = vec![];
    for at in (0..values.len()).filter(|&at| values[at].is_some()) {
        match found.last_mut() {
            Some(last) if last.end == at => last.end = at + 1,
            _ => found.push(at..at + 1),
        }
    }
    found
}

/// A line through the values; gaps stay open.
pub fn line(values: &[Option<f64>], place: &dyn Fn(usize, f64) -> (i64, i64)) -> String {
    let stretch = |range: std::ops::Range<usize>| {
        let points: Vec<_> = range.filter_map(|at| Some(place(at, values[at]?))).collect();
        // A lone value is drawn by its round end.
        if points.len() == 1 { format!("{}h0", path(&points)) } else { path(&points) }
    };
    stretches(values).into_iter().map(stretch).collect()
}

/// The area between each place's lowest and highest value; a plain thin line where they are the same.
pub fn band(curve: &Curve, place: &dyn Fn(usize, f64) -> (i64, i64)) -> String {
    if curve.dots {
        return String::new();
    }
    let colour = curve.colour % 8;
    let spread = curve.extremes.iter().flatten().any(|(low, high)| high > low);
    if !spread {
        return format!("<path class=\"thin s{colour}\" d=\"{}\"/>", line(&curve.values, place));
    }
    let known: Vec<Option<f64>> = curve.extremes.iter().map(|e| e.map(|(low, _)| low)).collect();
    let mut d = String::new();
    for range in stretches(&known) {
        let of = |at: usize, high: bool| {
            let (low, top) = curve.extremes[at].unwrap_or_default();
            place(at, if high { top } else { low })
        };
        let top = range.clone().map(|at| of(at, true));
        let points: Vec<_> = top.chain(range.clone().rev().map(|at| of(at, false))).collect();
        d.push_str(&path(&points));
        d.push('z');
    }
    format!("<path class=\"band f{colour} s{colour}\" d=\"{d}\"/>")
}

/// A centred mean over a fiftieth of the places to either side; gaps stay gaps.
pub fn running_mean(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let half = values.len() / 50;
    let mean = |at: usize| {
        values[at]?;
        let near = &values[at.saturating_sub(half)..(at + half + 1).min(values.len())];
        let known: Vec<f64> = near.iter().flatten().copied().collect();
        Some(known.iter().sum::<f64>() / known.len() as f64)
    };
    (0..values.len()).map(mean).collect()
}

/// A path through points, in steps from each to the next, because that is shortest.
pub fn path(points: &[(i64, i64)]) -> String {
    let mut d = String::new();
    let mut last = (0, 0);
    for (place, &(x, y)) in points.iter().enumerate() {
        let (dx, dy) = (x - last.0, y - last.1);
        let between = if dy < 0 { "" } else { " " };
        let before = match place {
            0 => "M",
            1 => "l",
            _ if dx < 0 => "",
            _ => " ",
        };
        let _ = write!(d, "{before}{dx}{between}{dy}");
        last = (x, y);
    }
    d
}

/// Points of a path that `path` made, for tests.
#[cfg(test)]
pub fn points(d: &str) -> Vec<(i64, i64)> {
    let spaced = d.replace(['M', 'l', 'z'], " ").replace('-', " -");
    let numbers: Vec<i64> = spaced.split_whitespace().map(|n| n.parse().unwrap_or(i64::MIN)).collect();
    let mut at = (0, 0);
    let step = |pair: &[i64]| {
        at = (at.0 + pair[0], at.1 + pair[1]);
        at
    };
    numbers.chunks(2).map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_through_its_points() {
        let wanted = [(0, 1000), (500, 20), (501, 20), (400, -3), (1000, 0)];
        assert_eq!(points(&path(&wanted)), wanted);
    }

    #[test]
    fn gaps_stay_gaps() {
        let values = [Some(1.0), Some(2.0), None, Some(3.0)];
        assert_eq!(stretches(&values), [0..2, 3..4]);
        let d = line(&values, &|at, v| (at as i64, v as i64));
        assert_eq!(d, "M0 1l1 1M3 3h0");
        assert_eq!(running_mean(&values), values);
    }
}
