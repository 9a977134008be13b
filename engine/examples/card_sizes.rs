//! What training fits a graphics card, by the plan's own accounting: no card is needed.
//!
//!     cargo run --release --example card_sizes
//!
//! A card has bindings and buffers of almost 2 GiB here, as most do, and a tenth of its memory is left to driver, screen and kernels.

use affekt_engine::backend::wgpu::Card;
use affekt_engine::net::{Depth, GraphError};
use affekt_engine::world::{RunConfig, pretraining_need};

const CARDS_GIB: [u64; 4] = [8, 16, 32, 80];
/// The most pictures that are tried.
const MOST: usize = 4096;

/// Bytes on the card that a run of these settings takes; `None` where a pass of it cannot be had.
fn needed(config: &RunConfig, card: &Card) -> Result<Option<u64>, GraphError> {
    let graph = config.model.architecture(8).graph()?;
    let need = pretraining_need(config, &graph, config.evaluation.batch, card);
    Ok(need.ok().map(|need| need.on_device(false)))
}

/// The largest number of pictures with which `config` fits; 0 where none does.
fn largest(card: &Card, config: impl Fn(usize) -> RunConfig) -> Result<usize, GraphError> {
    let (mut fits, mut too_many) = (0, MOST + 1);
    while too_many - fits > 1 {
        let middle = usize::midpoint(fits, too_many);
        let needed = needed(&config(middle), card)?;
        if needed.is_some_and(|needed| needed <= card.memory) { fits = middle } else { too_many = middle }
    }
    Ok(fits)
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cards = CARDS_GIB.map(|gib| Card::usual((gib << 30) / 10 * 9));
    let heading = CARDS_GIB.map(|gib| format!("{gib} GB")).join(" | ");
    // The defaults are those of preset `paper`.
    let of = |depth: Depth, size: usize| {
        let mut config = RunConfig::default();
        (config.model.depth, config.model.size) = (depth, size);
        config
    };
    println!("Largest B of a semi-supervised step with B labelled and B unlabelled pictures:\n");
    println!("| network, input | {heading} |\n|---|---|---|---|---|");
    for depth in [Depth::ResNet18, Depth::ResNet34, Depth::ResNet50] {
        for size in [112, 224] {
            let mut cells = vec![];
            for card in &cards {
                let most = largest(card, |batch| {
                    let mut config = of(depth, size);
                    (config.training.batch, config.training.unlabelled_batch) = (batch, batch);
                    config
                })?;
                cells.push(most.to_string());
            }
            println!("| {}, {size} px | {} |", depth.name(), cells.join(" | "));
        }
    }
    let paper = RunConfig::default();
    let whole = needed(&paper, &cards[3])?.map_or_else(|| "more than any".to_owned(), gib);
    println!(
        "\nPreset `paper` (ResNet-50, 224 px, 32 + 32 pictures) takes {whole} on the card in whole batches."
    );
    println!("\nIts largest --micro-batch, and what that takes:\n\n| | {heading} |\n|---|---|---|---|---|");
    let (mut slices, mut memory) = (vec![], vec![]);
    for card in &cards {
        let cut = |most: usize| {
            let mut config = paper.clone();
            config.training.micro_batch = Some(most);
            config
        };
        let most = largest(card, |most| cut(most.min(96)))?.min(96);
        slices.push(match most {
            0 => "none fits".to_owned(),
            96 => "whole batches".to_owned(),
            most => most.to_string(),
        });
        memory.push(needed(&cut(most.max(1)), card)?.map_or_else(|| "-".to_owned(), gib));
    }
    println!("| --micro-batch | {} |\n| memory | {} |", slices.join(" | "), memory.join(" | "));
    Ok(())
}
