//! `affekt doctor --model`: a model's card for people.

use std::fmt::Write as _;
use std::path::Path;

use affekt_engine::net::{Architecture, ModelCard};
use affekt_engine::world::Model;
use serde_json::json;

use super::{classify, say};
use crate::failure::Failure;

/// What holds for every model of expressions.
const INTENDED: &str = "\
research and products that read posed or plain facial expressions in pictures and video of people who know of it. Not for
  deciding about a person: jobs, care, school, policing, credit, or whether somebody tells the truth.";
const ETHICS: &str = "\
an expression is not an emotion. People feel without showing and show without feeling; faces differ by person, age,
  culture, illness and moment. The labels are what annotators saw in single pictures, most of them posed or from the news.";

/// Prints the card.
///
/// # Errors
/// The model cannot be read or has no card, or standard output cannot be written.
pub fn show_card(path: &Path, as_json: bool) -> Result<(), Failure> {
    let model = Model::load(path).map_err(classify)?;
    if as_json {
        return say(&json!({ "path": model.path, "hash": model.hash, "card": model.card }).to_string());
    }
    say(&described(&model))
}

fn described(model: &Model) -> String {
    let card = &model.card;
    let input = &card.input;
    let colours = if input.channels == 1 { "grey" } else { "colour" };
    let mut text = format!("model       {}\nhash        {}\n", model.path.display(), model.hash);
    let _ = writeln!(text, "network     {}", network(card));
    let _ = writeln!(
        text,
        "input       {colours} faces of {0}x{0} pixels, framed as `{1}`",
        input.size, input.template
    );
    let _ = writeln!(text, "classes     {}", card.classes.join(", "));
    let _ = writeln!(text, "temperature {:.3}", card.temperature);
    let _ = writeln!(text, "training    {}", card.training);
    let _ = writeln!(text, "licence     {}", card.licence);
    let _ = writeln!(text, "\nfor         {INTENDED}\nethics      {ETHICS}\n");
    let width = card.metrics.keys().map(String::len).max().unwrap_or(0);
    for (name, value) in &card.metrics {
        let figure = if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.4}") };
        let _ = writeln!(text, "{name:<width$}  {figure}");
    }
    if card.metrics.is_empty() {
        text.push_str("It says nothing of how right it is; measure it by affekt eval, and --corruptions.\n");
    }
    text
}

fn network(card: &ModelCard) -> String {
    match &card.architecture {
        Architecture::Resnet(spec) => format!("{}, {} of its width", spec.depth.name(), spec.width),
        other => format!("{other:?}"),
    }
}
