//! What training fits a graphics card, by the plan's own accounting: no card is needed.
//!
//!     cargo run --release --example card_sizes
//!
//! A card has bindings and buffers of almost 2 GiB here, as most do, and a tenth of its memory is left to driver, screen and kernels.

use affekt_engine::backend::wgpu::Card;
use affekt_engine::backend::{MemoryNeed, slice_sizes};
use affekt_engine::net::{Depth, GraphError, Plan, PlanPurpose};
use affekt_engine::world::{RunConfig, pretraining_need};

const CARDS_GIB: [u64; 4] = [8, 16, 32, 80];
/// The most labelled pictures that are tried.
const MOST: usize = 4096;

/// What a run of these settings takes; `None` where a pass of it cannot be had.
fn needed(config: &RunConfig, card: &Card) -> Result<Option<MemoryNeed>, GraphError> {
    let graph = config.model.architecture(8).graph()?;
    Ok(pretraining_need(config, &graph, config.evaluation.batch, card).ok())
}

/// The largest number of pictures, up to `limit`, with which `config` fits; 0 where none does.
fn largest(card: &Card, limit: usize, config: impl Fn(usize) -> RunConfig) -> Result<usize, GraphError> {
    let (mut fits, mut too_many) = (0, limit + 1);
    while too_many - fits > 1 {
        let middle = usize::midpoint(fits, too_many);
        let needed = needed(&config(middle), card)?;
        if needed.is_some_and(|need| need.on_device(false) <= card.memory) {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    Ok(fits)
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cards = CARDS_GIB.map(|gib| Card::usual((gib << 30) / 10 * 9));
    let heading = CARDS_GIB.map(|gib| format!("{gib} GB")).join(" | ");
    println!("Largest B of a semi-supervised step with B labelled and B unlabelled pictures:\n");
    println!("| network, input | {heading} |\n|---|---|---|---|---|");
    for depth in [Depth::ResNet18, Depth::ResNet34, Depth::ResNet50] {
        for size in [112, 224] {
            let of = |batch| {
                let mut config = RunConfig::default();
                (config.model.depth, config.model.size) = (depth, size);
                (config.training.batch, config.training.unlabelled_batch) = (batch, batch);
                config
            };
            let cells = cards.iter().map(|card| Ok(largest(card, MOST, of)?.to_string()));
            let cells: Vec<String> = cells.collect::<Result<_, GraphError>>()?;
            println!("| {}, {size} px | {} |", depth.name(), cells.join(" | "));
        }
    }
    // The defaults are those of preset `paper`.
    let paper = RunConfig::default();
    let views = paper.training.passes().teacher[0];
    println!("\nPreset `paper` (ResNet-50, 224 px, 32 + 32 pictures) in whole batches, on the card:\n");
    if let Some(need) = needed(&paper, &cards[3])? {
        for part in need.parts().iter().filter(|part| part.on_device) {
            println!("- {}, {}: {}", part.owner, part.what, gib(part.bytes));
        }
        println!("- in all: {}", gib(need.on_device(false)));
    }
    let plan = Plan::new(&paper.model.architecture(8).graph()?, PlanPurpose::Training)?;
    println!(
        "\nThe teacher's activations in one buffer, if there were such: {}",
        gib((4 * plan.arena_len * views) as u64)
    );
    println!("\nIts largest slices, and what they take:\n\n| | {heading} |\n|---|---|---|---|---|");
    let (mut slices, mut memory) = (vec![], vec![]);
    for card in &cards {
        let cut = |most: usize| {
            let mut config = paper.clone();
            config.training.micro_batch = Some(most);
            config
        };
        let most = largest(card, views, cut)?;
        slices.push(match slice_sizes(views, most)[0] {
            _ if most == 0 => "none fits".to_owned(),
            slice if slice == views => "whole batches".to_owned(),
            slice => format!("--micro-batch {slice}"),
        });
        let need = needed(&cut(most.max(1)), card)?;
        memory.push(need.map_or_else(|| "-".to_owned(), |need| gib(need.on_device(false))));
    }
    println!("| slices | {} |\n| memory | {} |", slices.join(" | "), memory.join(" | "));
    Ok(())
}
