//! Draws a clip: what was true and what each stage said, frame beneath frame, with probabilities and pictures.

use std::fmt::Write as _;
use std::path::Path;

use affekt_engine::media::palette::colours;
use serde_json::{Value, json};

use super::axis::Axis;
use super::chart;
use super::clip::Clip;
use super::curve::{Curve, shares};
use super::html::{count, escape, figure, score, table};

/// Narrowest stretch of a ribbon, as a share of its width, that has its class written on it.
const WRITTEN: f64 = 0.055;

/// The section on a clip.
///
/// # Errors
/// A picture cannot be used.
pub fn section(clip: &Clip, folder: &Path) -> anyhow::Result<String> {
    let (pictures, notes) = clip.pictures(folder)?;
    let palette = colours(&clip.classes);
    let unit = if clip.fps.is_some() { "s" } else { "frame" };
    let mut out = String::from("<section id=\"clip\"><h2>A clip, frame by frame</h2>");
    let _ = write!(
        out,
        "<p class=\"lead\"><b>{}</b>: {} frames{}. Each ribbon gives the expression at every moment: what was true, \
         what the network said of the frame alone, after the temporal network, and after the vote.{}</p>",
        escape(&clip.name),
        count(clip.frames as u64),
        clip.fps.map_or_else(String::new, |fps| format!(
            " at {} a second, {} s",
            figure(fps),
            figure(clip.frames as f64 / fps)
        )),
        if clip.columns() < clip.frames {
            format!(
                " A column stands for {} frames and shows their most frequent class.",
                figure(clip.frames as f64 / clip.columns() as f64)
            )
        } else {
            String::new()
        }
    );
    for note in notes {
        let _ = write!(out, "<p class=\"note\">{}</p>", escape(&note));
    }
    out.push_str(&ribbons(clip, unit));
    if !pictures.is_empty() {
        out.push_str("<ol class=\"pictures\">");
        for picture in &pictures {
            let label = clip.voted.get(picture.frame).or_else(|| clip.truth.get(picture.frame)).copied();
            let class = label.and_then(|l| usize::try_from(l).ok());
            let name = class.and_then(|c| clip.classes.get(c)).map_or("no label", String::as_str);
            let _ = write!(
                out,
                "<li><figure><img src=\"{}\" alt=\"Frame {}: {}\"><figcaption>{} {unit}<span class=\"tag\"><i class=\"{}\"></i>{}\
                 </span></figcaption></figure></li>",
                picture.address,
                picture.frame,
                escape(name),
                figure(clip.time(picture.frame as f64)),
                class.and_then(|c| palette.get(c)).map_or_else(|| "none".into(), |c| format!("k{c}")),
                escape(name)
            );
        }
        out.push_str("</ol>");
    }
    out.push_str(&summary(clip));
    out.push_str("</section>");
    Ok(out)
}

fn ribbons(clip: &Clip, unit: &str) -> String {
    let columns = clip.columns();
    let tracks = clip.tracks();
    let palette = colours(&clip.classes);
    let middle = |c: usize| {
        let frames = clip.frames_of(c);
        clip.time((frames.start + frames.end - 1) as f64 / 2.0)
    };
    let x: Vec<f64> = (0..columns).map(middle).collect();
    let axis = Axis::exact(0.0, clip.time(clip.frames as f64), 6);
    let probabilities: Vec<Curve> = (0..clip.classes.len())
        .filter(|_| !clip.probabilities.is_empty())
        .map(|class| Curve {
            name: clip.classes[class].clone(),
            values: clip.probability(class),
            colour: palette[class],
            ..Curve::default()
        })
        .collect();

    let mut out = String::from("<figure class=\"chart clip read\">");
    out.push_str(&chart::legend(clip.classes.iter().map(String::as_str).zip(palette.iter().copied()), unit));
    out.push_str("<ul class=\"tracks\" aria-hidden=\"true\">");
    for (_, title, _) in &tracks {
        let _ = write!(out, "<li>{title}<span class=\"word\"></span></li>");
    }
    out.push_str("</ul><div class=\"frame\"><div class=\"ys names\" aria-hidden=\"true\">");
    for (_, title, _) in &tracks {
        let _ = write!(out, "<span>{title}</span>");
    }
    if !probabilities.is_empty() {
        out.push_str("<span class=\"tall\">Probability</span>");
    }
    let _ = write!(out, "</div><div class=\"plot\" role=\"img\" aria-label=\"{}\">", escape(&spoken(clip)));
    let faceless = clip.faceless();
    let mut series: Vec<Value> = vec![];
    for (name, _, labels) in &tracks {
        let mut reduced = clip.reduced(labels);
        if *name != "truth" {
            // Nothing was seen there, so nothing is shown as having been said.
            reduced.iter_mut().zip(&faceless).filter(|(_, f)| **f).for_each(|(l, _)| *l = -1);
        }
        out.push_str(&ribbon(&reduced, &clip.classes, &palette, "none", ""));
        series.push(json!(reduced));
    }
    if !probabilities.is_empty() {
        let stack = shares(&probabilities);
        let last = (columns - 1).max(1) as f64;
        let svg = chart::stacked(&stack, &|at| (at as f64 / last * chart::UNITS).round() as i64, columns);
        let _ = write!(
            out,
            "<div class=\"ribbon tall\"><svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\">{svg}</svg></div>"
        );
        series.extend(stack.iter().map(|c| chart::numbers(&c.values)));
    }
    out.push_str("</div>");
    out.push_str(&chart::x_marks(&axis, unit));
    out.push_str("</div>");
    let mut data = chart::data(&x, &series, &clip.classes);
    // The first series are classes, the others probabilities of each class.
    data = data.replacen('{', &format!("{{\"tracks\":{},", tracks.len()), 1);
    out.push_str(&data);
    out.push_str("</figure>");
    out
}

/// One ribbon: a path for each class, and names on stretches that are wide enough. `names` may name more than the palette has colours for;
/// `none` is what stands where there is no label, `marks` what lies over it.
pub fn ribbon(labels: &[i64], names: &[String], palette: &[usize], none: &str, marks: &str) -> String {
    let runs = runs(labels);
    let mut out = format!(
        "<div class=\"ribbon\"><svg viewBox=\"0 0 {} 1\" preserveAspectRatio=\"none\">",
        labels.len()
    );
    for (class, colour) in palette.iter().enumerate() {
        let mut d = String::new();
        for (from, to, _) in runs.iter().filter(|(_, _, label)| *label == class as i64) {
            let _ = write!(d, "M{from} 0h{}v1H{from}", to - from);
        }
        if !d.is_empty() {
            let _ = write!(out, "<path class=\"f{colour}\" d=\"{d}\"/>");
        }
    }
    out.push_str("</svg>");
    for &(from, to, label) in &runs {
        let share = (to - from) as f64 / labels.len() as f64;
        if share < WRITTEN {
            continue;
        }
        let class = usize::try_from(label).ok();
        let name = class.and_then(|c| names.get(c));
        let class = class.and_then(|c| palette.get(c)).map_or_else(|| "on".into(), |c| format!("on{c}"));
        let _ = write!(
            out,
            "<span class=\"{class}\" style=\"left:{:.2}%;width:{:.2}%\">{}</span>",
            from as f64 / labels.len() as f64 * 100.0,
            share * 100.0,
            escape(name.map_or(none, String::as_str))
        );
    }
    out.push_str(marks);
    out.push_str("</div>");
    out
}

/// Stretches of one label: from, to (exclusive), label.
fn runs(labels: &[i64]) -> Vec<(usize, usize, i64)> {
    let mut found: Vec<(usize, usize, i64)> = vec![];
    for (at, &label) in labels.iter().enumerate() {
        match found.last_mut() {
            Some((_, to, last)) if *last == label => *to = at + 1,
            _ => found.push((at, at + 1, label)),
        }
    }
    found
}

fn spoken(clip: &Clip) -> String {
    let mut text = format!("Expressions over the {} frames of the clip {}.", clip.frames, clip.name);
    for (_, title, labels) in clip.tracks() {
        let _ = write!(text, " {title}: {} changes.", Clip::changes(labels));
    }
    text
}

/// How well each track follows the truth and how restless it is.
fn summary(clip: &Clip) -> String {
    let tracks = clip.tracks();
    let rows: Vec<Vec<String>> = tracks
        .iter()
        .map(|(name, title, labels)| {
            let (all, right) = clip.agreement(labels);
            let share = (*name != "truth" && all > 0).then(|| right as f64 / all as f64);
            vec![(*title).into(), score(share), count(Clip::changes(labels) as u64)]
        })
        .collect();
    let heads = ["", "Frames as in truth", "Changes of label"].map(String::from);
    format!(
        "<p>The fewer the changes at the same accuracy, the calmer the answer. Frames without a true label are not \
         judged.</p>{}",
        table("This clip alone", &heads, &rows)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ribbon_is_as_long_as_its_changes() {
        assert_eq!(runs(&[0, 0, 1, -1, -1]), [(0, 2, 0), (2, 3, 1), (3, 5, -1)]);
        let classes = ["a", "<b>"].map(String::from);
        let drawn = ribbon(&[1, 1, 0, 0], &classes, &[0, 1], "none", "");
        assert!(
            drawn.contains("class=\"f1\" d=\"M0 0h2v1H0\"") && drawn.contains("d=\"M2 0h2v1H2\""),
            "{drawn}"
        );
        assert!(drawn.contains("&lt;b&gt;") && !drawn.contains("<b>"), "{drawn}");
    }

    #[test]
    fn an_hour_of_video_stays_small() {
        let frames = 108_000;
        let restless: Vec<i64> = (0..frames).map(|i| (i * 7919 % 8) as i64).collect();
        let clip = Clip {
            name: "hour".into(),
            fps: Some(30.0),
            frames,
            classes: (0..8).map(|c| format!("class {c}")).collect(),
            truth: restless.clone(),
            per_frame: restless.clone(),
            temporal: restless.clone(),
            voted: restless,
            probabilities: (0..frames)
                .map(|i| (0..8).map(|c| ((i * c) % 17) as f32 / 17.0).collect())
                .collect(),
            ..Clip::default()
        };
        let page = section(&clip, Path::new(".")).unwrap();
        assert!(page.len() < 250_000, "{}", page.len());
        assert!(page.contains("A column stands for 120 frames"), "says what a column is");
    }
}
