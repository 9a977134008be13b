//! Charts: a stretched SVG for the geometry, and text outside of it, so that letters keep their size at any width.
//! Each has a sentence on what it shows, a legend that doubles as read-out, and the same figures as a table.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::axis::Axis;
use super::curve::{Curve, shares};
use super::html::{escape, figure, script_json, table};
use super::path::{band, line, path, running_mean, stretches};

/// Units across and down in a chart's SVG.
pub const UNITS: f64 = 1000.0;
/// Rows of the table that stands for a chart.
const TABLE_ROWS: usize = 12;

/// How a chart's y axis is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Span {
    /// From the lowest to the highest value, with 0 in it and a rule there.
    WithZero,
    /// From 0 to 1, with a rule at the given place.
    Share(Option<f64>),
}

/// What stands around a chart.
#[derive(Debug, Clone, Default)]
pub struct Frame<'a> {
    /// Heading.
    pub title: &'a str,
    /// One sentence: what is seen.
    pub about: &'a str,
    /// Unit of x: `step`, `s`.
    pub x_name: &'a str,
}

/// Lines with a pale band of extremes and a bold running mean.
pub fn lines(frame: &Frame, x: &[f64], curves: &[Curve], span: Span) -> String {
    let all = curves.iter().flat_map(|c| {
        let band = c.extremes.iter().flatten().flat_map(|&(low, high)| [low, high]);
        band.chain(c.values.iter().flatten().copied())
    });
    let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if x.is_empty() || low > high {
        return String::new();
    }
    let y = match span {
        Span::WithZero => Axis::round(low.min(0.0), high.max(0.0), 4),
        Span::Share(_) => Axis::exact(0.0, 1.0, 5),
    };
    let x_axis = x_axis(x);
    let mut svg = grid(&y, &x_axis);
    let rule = match span {
        Span::WithZero => Some(0.0),
        Span::Share(at) => at,
    };
    if let Some(at) = rule {
        let down = down(&y, at);
        let _ = write!(svg, "<path class=\"rule\" d=\"M0 {down}h1000\"/>");
    }
    for curve in curves {
        let place = |at: usize, value: f64| (across(&x_axis, x[at]), down(&y, value));
        let _ = write!(svg, "{}", band(curve, &place));
        let smooth = if curve.dots { curve.values.clone() } else { running_mean(&curve.values) };
        let d = line(&smooth, &place);
        let _ = write!(svg, "<path class=\"line s{}\" d=\"{d}\"/>", curve.colour % 8);
        if curve.dots {
            let mut dots = String::new();
            for (at, value) in curve.values.iter().enumerate().filter_map(|(at, v)| Some((at, (*v)?))) {
                let (px, py) = place(at, value);
                let _ = write!(dots, "M{px} {py}h0");
            }
            let _ = write!(svg, "<path class=\"dot s{}\" d=\"{dots}\"/>", curve.colour % 8);
        }
    }
    figure_of(frame, &svg, &x_axis, &y, x, curves)
}

/// Shares of a whole, one area over the other; the values of each place are divided by their sum.
pub fn areas(frame: &Frame, x: &[f64], curves: &[Curve]) -> String {
    let shares = shares(curves);
    if x.is_empty() || shares.iter().all(|c| c.values.iter().all(Option::is_none)) {
        return String::new();
    }
    let (y, x_axis) = (Axis::exact(0.0, 1.0, 5), x_axis(x));
    let mut svg = stacked(&shares, &|at| across(&x_axis, x[at]), x.len());
    svg.push_str(&grid(&y, &x_axis));
    figure_of(frame, &svg, &x_axis, &y, x, &shares)
}

/// The areas' paths, in the colours of the curves, without anything around them.
pub fn stacked(shares: &[Curve], across: &dyn Fn(usize) -> i64, places: usize) -> String {
    let mut svg = String::new();
    let mut floor = vec![0.0; places];
    for curve in shares {
        let ceiling: Vec<Option<f64>> =
            (0..places).map(|at| curve.values.get(at).copied().flatten().map(|v| floor[at] + v)).collect();
        let level = |share: f64| ((1.0 - share.clamp(0.0, 1.0)) * UNITS).round() as i64;
        let mut d = String::new();
        for stretch in stretches(&ceiling) {
            let (from, to) = (stretch.start, stretch.end);
            let top = stretch.map(|at| (across(at), level(ceiling[at].unwrap_or(0.0))));
            let bottom = (from..to).rev().map(|at| (across(at), level(floor[at])));
            d.push_str(&path(&top.chain(bottom).collect::<Vec<_>>()));
            d.push('z');
        }
        let _ = write!(svg, "<path class=\"area f{}\" d=\"{d}\"/>", curve.colour % 8);
        for (into, value) in floor.iter_mut().zip(&ceiling) {
            *into = value.unwrap_or(*into);
        }
    }
    svg
}

/// The figure around a chart.
fn figure_of(frame: &Frame, svg: &str, x_axis: &Axis, y: &Axis, x: &[f64], curves: &[Curve]) -> String {
    let mut out = format!(
        "<figure class=\"chart read\"><figcaption><h4>{}</h4><p>{}</p></figcaption>",
        escape(frame.title),
        escape(frame.about)
    );
    out.push_str(&legend(curves.iter().map(|c| (c.name.as_str(), c.colour)), frame.x_name));
    out.push_str("<div class=\"frame\"><div class=\"ys\" aria-hidden=\"true\">");
    for &tick in &y.ticks {
        let _ = write!(
            out,
            "<span style=\"top:{:.1}%\">{}</span>",
            (1.0 - y.place(tick)) * 100.0,
            Axis::label(tick)
        );
    }
    let _ = write!(
        out,
        "</div><div class=\"plot\" role=\"img\" aria-label=\"{}\"><svg viewBox=\"0 0 1000 1000\" \
         preserveAspectRatio=\"none\" aria-hidden=\"true\">{svg}</svg></div>",
        escape(&summary(frame, x, curves))
    );
    out.push_str(&x_marks(x_axis, frame.x_name));
    out.push_str("</div>");
    out.push_str(&details(frame, x, curves));
    out.push_str(&data(x, &curves.iter().map(|c| numbers(&c.values)).collect::<Vec<_>>(), &[]));
    out.push_str("</figure>");
    out
}

/// The marks beneath a plot.
pub fn x_marks(axis: &Axis, name: &str) -> String {
    let mut out = String::from("<div class=\"xs\" aria-hidden=\"true\">");
    for &tick in &axis.ticks {
        let _ =
            write!(out, "<span style=\"left:{:.1}%\">{}</span>", axis.place(tick) * 100.0, Axis::label(tick));
    }
    let _ = write!(out, "<b>{}</b></div>", escape(name));
    out
}

/// A legend whose entries take the read-out's values.
pub fn legend<'a>(entries: impl Iterator<Item = (&'a str, usize)>, x_name: &str) -> String {
    let mut out = String::from("<ul class=\"legend\">");
    for (name, colour) in entries {
        let _ = write!(
            out,
            "<li><i class=\"k{}\"></i>{}<span class=\"now\"></span></li>",
            colour % 8,
            escape(name)
        );
    }
    let _ = write!(out, "<li class=\"at\" data-unit=\"{}\"></li></ul>", escape(x_name));
    out
}

/// What the read-out shows, for the page's script. Values of the first `labels` are indices into it.
pub fn data(x: &[f64], series: &[Value], labels: &[String]) -> String {
    let x: Vec<Value> = x.iter().map(|&v| short(v, 6)).collect();
    let mut value = json!({ "x": x, "s": series });
    if !labels.is_empty() {
        value["labels"] = json!(labels);
    }
    format!("<script type=\"application/json\">{}</script>", script_json(&value))
}

/// Values as JSON, three digits each.
pub fn numbers(values: &[Option<f64>]) -> Value {
    values.iter().map(|v| v.map_or(Value::Null, |v| short(v, 3))).collect()
}

fn short(value: f64, digits: i32) -> Value {
    if value == 0.0 || !value.is_finite() {
        return json!(0);
    }
    let decimals = (digits - 1 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let rounded: f64 = format!("{value:.decimals$}").parse().unwrap_or(value);
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 { json!(rounded as i64) } else { json!(rounded) }
}

fn summary(frame: &Frame, x: &[f64], curves: &[Curve]) -> String {
    let mut text = format!("{}.", frame.title);
    if let (Some(&first), Some(&last)) = (x.first(), x.last()) {
        let _ = write!(text, " {} {} to {}.", frame.x_name, figure(first), figure(last));
    }
    for curve in curves {
        let mut known = curve.values.iter().flatten();
        if let Some(&first) = known.next() {
            let last = known.next_back().copied().unwrap_or(first);
            let _ = write!(text, " {}: {} at first, {} at last.", curve.name, figure(first), figure(last));
        }
    }
    text
}

fn details(frame: &Frame, x: &[f64], curves: &[Curve]) -> String {
    let step = x.len().div_ceil(TABLE_ROWS).max(1);
    let mut places: Vec<usize> = (0..x.len()).step_by(step).collect();
    if x.len() > 1 && places.last() != Some(&(x.len() - 1)) {
        places.push(x.len() - 1);
    }
    let heads: Vec<String> =
        std::iter::once(frame.x_name).chain(curves.iter().map(|c| c.name.as_str())).map(escape).collect();
    let row = |&at: &usize| {
        let mut cells = vec![figure(x[at])];
        cells.extend(
            curves.iter().map(|c| c.values.get(at).copied().flatten().map_or_else(|| "–".into(), figure)),
        );
        cells
    };
    let rows: Vec<_> = places.iter().map(row).collect();
    format!("<details><summary>As a table</summary>{}</details>", table(&escape(frame.title), &heads, &rows))
}

/// The axis along x.
pub fn x_axis(x: &[f64]) -> Axis {
    Axis::exact(x.first().copied().unwrap_or(0.0), x.last().copied().unwrap_or(1.0), 4)
}

fn across(axis: &Axis, x: f64) -> i64 {
    (axis.place(x) * UNITS).round() as i64
}

fn down(axis: &Axis, y: f64) -> i64 {
    ((1.0 - axis.place(y)) * UNITS).round() as i64
}

fn grid(y: &Axis, x: &Axis) -> String {
    let mut d = String::new();
    for &tick in &y.ticks {
        let _ = write!(d, "M0 {}h1000", down(y, tick));
    }
    for &tick in &x.ticks {
        let _ = write!(d, "M{} 0v1000", across(x, tick));
    }
    format!("<path class=\"grid\" d=\"{d}\"/>")
}

#[cfg(test)]
mod tests {
    use super::super::path::points;
    use super::*;

    fn curve(name: &str, values: &[Option<f64>]) -> Curve {
        Curve { name: name.into(), values: values.to_vec(), ..Curve::default() }
    }

    #[test]
    fn the_band_reaches_the_extremes() {
        let extremes = vec![Some((0.0, 1.0)), Some((0.0, 10.0)), Some((-5.0, 1.0))];
        let curve = Curve { extremes, ..curve("loss", &[Some(0.5); 3]) };
        let y = Axis::exact(-5.0, 10.0, 3);
        let place = |at: usize, v: f64| (at as i64 * 500, down(&y, v));
        let svg = band(&curve, &place);
        let found = points(svg.split("d=\"").nth(1).unwrap().split('"').next().unwrap());
        assert!(found.contains(&(500, 0)) && found.contains(&(1000, 1000)), "{found:?}");
        let page = lines(&Frame::default(), &[1.0, 2.0, 3.0], &[curve], Span::WithZero);
        assert!(page.contains(">10</span>"), "the axis holds the extremes: {page}");
    }

    #[test]
    fn shares_sum_to_one_and_fill_the_height() {
        let stack =
            shares(&[curve("a", &[Some(1.0), None, Some(0.0)]), curve("b", &[Some(3.0), None, Some(2.0)])]);
        assert_eq!(stack[0].values, [Some(0.25), None, Some(0.0)]);
        assert_eq!(stack[1].values, [Some(0.75), None, Some(1.0)]);
        let svg = stacked(&stack, &|at| at as i64, 3);
        let last = points(svg.rsplit("d=\"").next().unwrap().split('z').next().unwrap());
        assert_eq!(last, [(0, 0), (0, 750)], "from the top down to the area below");
    }

    #[test]
    fn a_chart_escapes_names_and_is_absent_without_values() {
        let evil = "<script>alert(1)</script>";
        let frame = Frame { title: evil, about: evil, x_name: evil };
        let page = lines(&frame, &[1.0, 2.0], &[curve(evil, &[Some(1.0), Some(2.0)])], Span::WithZero);
        assert!(!page.contains("<script>alert"), "{page}");
        assert_eq!(lines(&frame, &[1.0], &[curve("a", &[None])], Span::WithZero), "");
        assert_eq!(areas(&frame, &[], &[]), "");
    }

    #[test]
    fn read_out_values_are_short() {
        assert_eq!(
            numbers(&[Some(0.123_456), None, Some(1234.6), Some(2.0)]).to_string(),
            "[0.123,null,1235,2]"
        );
    }
}
