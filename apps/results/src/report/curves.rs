//! Which curves of a log are drawn together, and what each chart shows.

use std::fmt::Write as _;

use affekt_engine::media::palette::colours;

use super::chart::{self, Frame, Span};
use super::curve::Curve;
use super::grid::{Column, Grid};
use super::html::readable;
use super::log::RunLog;

/// A chart of the steps: title, what it shows, how its axis is chosen, and its curves as field and name.
pub type Drawing = (&'static str, &'static str, Span, &'static [(&'static str, &'static str)]);

/// Of a run that trains one network.
const DRAWINGS_ALONE: &[Drawing] = &[
    (
        "Loss",
        "The loss that training lowers: cross entropy on true labels.",
        Span::WithZero,
        &[("loss", "loss"), ("loss_teacher", "loss")],
    ),
    (
        "Accuracy on training batches",
        "Share of each batch that is read right; far above the evaluation's accuracy means learning by heart.",
        Span::Share(None),
        &[("accuracy", "accuracy"), ("teacher_accuracy", "accuracy")],
    ),
];

/// Of a run with teacher and student.
pub(super) const DRAWINGS: &[Drawing] = &[
    (
        "The teacher's loss",
        "What the teacher lowers, L_T, and its terms: labels (L_s), the same answer for strongly changed faces (L_c), and the student's feedback (L_f).",
        Span::WithZero,
        &[
            ("loss_teacher", "L_T"),
            ("loss_supervised", "L_s"),
            ("loss_consistency", "L_c"),
            ("loss_feedback", "L_f"),
        ],
    ),
    (
        "The student's loss",
        "Cross entropy on the teacher's pseudo-labels (L_u), and on true labels right after the update.",
        Span::WithZero,
        &[("loss_student", "L_u"), ("loss_student_labelled", "on labels")],
    ),
    (
        "Feedback f",
        "How much a step on pseudo-labels helped the student on true labels (equation 6): above 0 the teacher is told to go on, below 0 to change its mind. What the teacher is given is smaller where the student's step was clipped.",
        Span::WithZero,
        &[("feedback", "f"), ("feedback_used", "f as the teacher is given it")],
    ),
    (
        "Feedbacks above 0",
        "Share of the last 200 feedbacks that were above 0; one half would be chance.",
        Span::Share(Some(0.5)),
        &[("feedback_positive_share", "share of f > 0")],
    ),
    (
        "Direction of the gradients",
        "Cosine between the student's gradients on true labels and on pseudo-labels: 1 is the same direction, 0 unrelated.",
        Span::WithZero,
        &[("feedback_cosine", "cosine")],
    ),
    (
        "Trust in pseudo-labels",
        "Share of pseudo-labels confident enough to be used, the teacher's mean confidence, and how often student and teacher agree.",
        Span::Share(None),
        &[("pseudo_kept_share", "kept"), ("pseudo_confidence", "confidence"), ("agreement", "agreement")],
    ),
    (
        "Accuracy on training batches",
        "Share of each labelled batch that is read right; far above the evaluation's accuracy means learning by heart.",
        Span::Share(None),
        &[("teacher_accuracy", "teacher"), ("student_accuracy", "student")],
    ),
];

/// Folded away at first.
pub(super) const MORE: &[Drawing] = &[
    (
        "Gradient norms",
        "Length of the gradients before clipping; spikes mark hard batches.",
        Span::WithZero,
        &[
            ("gradient_norm", "gradient"),
            ("teacher_gradient_norm", "teacher"),
            ("student_gradient_norm", "student"),
        ],
    ),
    (
        "Learning rates",
        "Step sizes as the schedule gave them.",
        Span::WithZero,
        &[
            ("learning_rate", "learning rate"),
            ("teacher_learning_rate", "teacher"),
            ("student_learning_rate", "student"),
        ],
    ),
    ("Speed", "Faces worked on in a second.", Span::WithZero, &[("images_per_second", "images/s")]),
];

/// Colours of the lines of a chart, in order: those that stand apart best come first.
const LINE_COLOURS: [usize; 8] = [5, 1, 2, 3, 6, 4, 7, 0];

/// All charts of a log that have something to show.
pub fn charts(log: &RunLog, classes: &[String]) -> String {
    // A supervised run logs its one network in the teacher's fields.
    let alone = log.steps.curve("loss_student").is_none();
    let drawings = if alone { DRAWINGS_ALONE } else { DRAWINGS };
    let mut main: String = drawings.iter().map(|d| drawn(d, &log.steps)).collect();
    main.push_str(&pseudo_labels(log, classes));
    main.push_str(&evaluations(&log.evaluations));
    let more: String = MORE.iter().map(|d| drawn(d, &log.steps)).collect();
    let mut out = String::new();
    if !main.is_empty() {
        let _ = write!(out, "<div class=\"charts\">{main}</div>");
    }
    if !more.is_empty() {
        let _ = write!(
            out,
            "<details class=\"more\"><summary>More curves</summary><div class=\"charts\">{more}</div></details>"
        );
    }
    out
}

fn drawn(&(title, about, span, fields): &Drawing, steps: &Grid) -> String {
    let of = |(&(field, name), colour): (&(&str, &str), usize)| curve(steps, field, name, colour);
    let curves: Vec<Curve> = fields.iter().zip(LINE_COLOURS).filter_map(of).collect();
    let frame = Frame { title, about, x_name: "step" };
    if curves.is_empty() { String::new() } else { chart::lines(&frame, &steps.middles(), &curves, span) }
}

fn curve(grid: &Grid, field: &str, name: &str, colour: usize) -> Option<Curve> {
    let columns = grid.curve(field)?;
    Some(Curve {
        name: name.into(),
        values: columns.iter().map(Column::mean).collect(),
        extremes: columns.iter().map(|c| (c.count > 0).then_some((c.low, c.high))).collect(),
        colour,
        dots: false,
    })
}

fn pseudo_labels(log: &RunLog, classes: &[String]) -> String {
    let grid = &log.pseudo_labels;
    let number = |name: &str| name.parse::<usize>().unwrap_or(0);
    let mut names: Vec<usize> = grid.names().map(number).collect();
    names.sort_unstable();
    let of = |class: usize| {
        let name = classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"));
        let columns = grid.curve(&class.to_string())?;
        let values = columns.iter().map(|c| (c.count > 0).then_some(c.sum)).collect();
        Some(Curve { name, values, ..Curve::default() })
    };
    let curves: Vec<Curve> = names.into_iter().filter_map(of).collect();
    let palette = colours(&curves.iter().map(|c| c.name.clone()).collect::<Vec<_>>());
    let curves: Vec<Curve> =
        curves.into_iter().zip(palette).map(|(curve, colour)| Curve { colour, ..curve }).collect();
    let frame = Frame {
        title: "Pseudo-labels by class",
        about: "Which expressions the teacher sees in unlabelled faces, as shares of all its pseudo-labels; one class taking over everything would be a collapse.",
        x_name: "step",
    };
    chart::areas(&frame, &grid.middles(), &curves)
}

fn evaluations(grid: &Grid) -> String {
    let columns: Vec<(&str, Vec<Column>)> =
        grid.names().filter_map(|name| Some((name, grid.curve(name)?))).collect();
    // Columns without an evaluation would cut the lines: only those with one are kept, at the step itself.
    let places = columns.first().map_or(0, |(_, c)| c.len());
    let step_of = |at: usize| columns.iter().find_map(|(_, c)| c[at].step());
    let kept: Vec<(usize, f64)> = (0..places).filter_map(|at| Some((at, step_of(at)?))).collect();
    if kept.len() < 2 {
        return String::new();
    }
    let curves: Vec<Curve> = columns
        .iter()
        .zip(LINE_COLOURS.into_iter().cycle())
        .map(|((name, column), colour)| Curve {
            name: readable(name),
            values: kept.iter().map(|&(at, _)| column[at].mean()).collect(),
            colour,
            dots: true,
            ..Curve::default()
        })
        .collect();
    let frame = Frame {
        title: "Macro F1 on the evaluation set",
        about: "Measured every so often on faces that training never sees.",
        x_name: "step",
    };
    let x: Vec<f64> = kept.iter().map(|&(_, step)| step).collect();
    chart::lines(&frame, &x, &curves, Span::WithZero)
}
