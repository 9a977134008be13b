//! What charts draw: a curve, and curves as shares of their sum.

/// A curve over the chart's common x.
#[derive(Debug, Clone, Default)]
pub struct Curve {
    /// Name in the legend.
    pub name: String,
    /// Values to read out; `None` is a gap.
    pub values: Vec<Option<f64>>,
    /// Lowest and highest value of each place, where a place stands for several.
    pub extremes: Vec<Option<(f64, f64)>>,
    /// Colour, 0 to 7.
    pub colour: usize,
    /// Each value gets a dot, and the line is not smoothed.
    pub dots: bool,
}

/// Each place's values as shares of their sum; a place whose sum is not above 0 is a gap.
pub fn shares(curves: &[Curve]) -> Vec<Curve> {
    let places = curves.iter().map(|c| c.values.len()).max().unwrap_or(0);
    let value = |c: &Curve, at: usize| c.values.get(at).copied().flatten().unwrap_or(0.0).max(0.0);
    let sums: Vec<f64> = (0..places).map(|at| curves.iter().map(|c| value(c, at)).sum()).collect();
    let share = |c: &Curve| {
        let of = |(at, &sum): (usize, &f64)| (sum > 0.0).then(|| value(c, at) / sum);
        Curve { values: sums.iter().enumerate().map(of).collect(), extremes: vec![], ..c.clone() }
    };
    curves.iter().map(share).collect()
}
