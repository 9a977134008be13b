//! What a face's quality says of an answer beyond the model's own confidence: pictures as they are and under every corruption, by
//! quality, and how much is wrong among the surest answers if the confidence is lowered where the quality is low.
//!
//!     cargo run --release --example quality_risk -- SPEC [THREADS]

use std::sync::Arc;

use affekt_engine::backend::{self, BackendSpec};
use affekt_engine::data::{Formats, SkipLog, Source};
use affekt_engine::media::{Corruption, FaceBox, Picture, Program, face_quality};
use affekt_engine::world::{EvaluationConfig, Model, evaluate_sources};
use rayon::prelude::*;

/// An answer: its confidence, the picture's quality, whether it is right.
struct Answer {
    confidence: f32,
    quality: f32,
    right: bool,
}

fn quality(picture: &Picture) -> f32 {
    let whole = FaceBox { x: 0.0, y: 0.0, w: picture.width as f32, h: picture.height as f32 };
    face_quality(picture, &whole, None)
}

/// Percent right, and how many.
fn share<'a>(answers: impl Iterator<Item = &'a Answer>) -> String {
    let (mut right, mut all) = (0_usize, 0_usize);
    for answer in answers {
        all += 1;
        right += usize::from(answer.right);
    }
    if all == 0 { "-".into() } else { format!("{:.1} % of {all}", right as f64 / all as f64 * 100.0) }
}

/// Mean share of wrong answers over all coverages, and at 80 and 60 %, with the surest first.
fn risks(answers: &[Answer], sure: impl Fn(&Answer) -> f32) -> [f64; 3] {
    let mut order: Vec<&Answer> = answers.iter().collect();
    order.sort_by(|a, b| sure(b).total_cmp(&sure(a)));
    let (mut wrong, mut risk) = (0.0, vec![]);
    for (at, answer) in order.iter().enumerate() {
        wrong += f64::from(u8::from(!answer.right));
        risk.push(wrong / (at + 1) as f64);
    }
    let n = risk.len().max(1);
    let at = |part: f64| risk.get((n as f64 * part) as usize).copied().unwrap_or(0.0);
    [risk.iter().sum::<f64>() / n as f64, at(0.8), at(0.6)]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let spec = args.next().ok_or("SPEC [THREADS]")?.parse()?;
    let threads = args.next().map_or(Ok(0), |threads| threads.parse())?;
    let backend = backend::open(&BackendSpec { threads, ..BackendSpec::default() })?;
    let model = Model::builtin()?;
    let skips = Arc::new(SkipLog::new(true));
    let sources = [Source::open(&spec, &Formats::files(), &skips)?];
    let settings = EvaluationConfig::default();
    let mut answers = vec![];
    println!(
        "| corruption | quality: 5 % | median | 95 % | right | sure and right | confidence 0.6 but quality below 0.3 |"
    );
    println!("|---|---|---|---|---|---|---|");
    for corruption in std::iter::once(None).chain(Corruption::ALL.map(Some)) {
        let found =
            evaluate_sources((&model, corruption), &sources, &settings, &skips, &*backend, |_, _| true)?;
        let size = model.card.input.size;
        let seen = |&place: &usize| -> Result<f32, String> {
            let picture = found.pool.picture(place).map_err(|e| e.to_string())?;
            let view = Program::stretch((picture.width, picture.height), size);
            let spoiled = corruption.map_or(Ok(picture.clone()), |c| c.seen(&picture, &view));
            Ok(quality(&spoiled.map_err(|e| e.to_string())?))
        };
        let qualities = found.places.par_iter().map(seen).collect::<Result<Vec<f32>, _>>()?;
        let here: Vec<Answer> = found
            .answers
            .rows
            .iter()
            .zip(&qualities)
            .map(|(row, &quality)| Answer {
                confidence: row.probabilities.get(row.answer).copied().unwrap_or(0.0),
                quality,
                right: row.truth == Some(row.answer),
            })
            .collect();
        let mut sorted = qualities;
        sorted.sort_by(f32::total_cmp);
        let at = |part: f64| sorted[((sorted.len() - 1) as f64 * part) as usize];
        let sure = || here.iter().filter(|answer| answer.confidence >= 0.6);
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {} | {} | {} |",
            corruption.map_or("none", Corruption::name),
            at(0.05),
            at(0.5),
            at(0.95),
            share(here.iter()),
            share(sure()),
            share(sure().filter(|answer| answer.quality < 0.3))
        );
        answers.extend(here);
    }
    println!("\n| quality | right | at a confidence of 0.6 to 0.8 | above 0.8 |\n|---|---|---|---|");
    for tenth in 0..10 {
        let (low, high) = (tenth as f32 / 10.0, (tenth + 1) as f32 / 10.0);
        // The last band holds 1 itself.
        let within = || answers.iter().filter(|a| ((a.quality * 10.0) as usize).min(9) == tenth);
        println!(
            "| {low:.1} to {high:.1} | {} | {} | {} |",
            share(within()),
            share(within().filter(|a| (0.6..0.8).contains(&a.confidence))),
            share(within().filter(|a| a.confidence >= 0.8))
        );
    }
    println!("\n| sure by | mean risk | at 80 % | at 60 % |\n|---|---|---|---|");
    let say = |name: String, risks: [f64; 3]| {
        println!("| {name} | {:.4} | {:.4} | {:.4} |", risks[0], risks[1], risks[2]);
    };
    say("confidence".into(), risks(&answers, |a| a.confidence));
    for enough in [0.1, 0.2, 0.3, 0.4, 0.5, 0.7] {
        let lowered = |a: &Answer| a.confidence * (a.quality / enough).min(1.0);
        say(format!("confidence, lowered below a quality of {enough}"), risks(&answers, lowered));
    }
    Ok(())
}
