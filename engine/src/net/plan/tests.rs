//! What a plan promises: fused steps, and buffers that do not get in each other's way.

use super::place::{LiveRange, assign};
use super::*;
use crate::net::{Depth, Graph, GraphBuilder, ResNetSpec, Shape, Stem, TemporalSpec};

fn graph(depth: Depth) -> Graph {
    let spec = ResNetSpec { depth, size: 64, channels: 3, classes: 8, width: 1.0, stem: Stem::Imagenet };
    spec.graph().expect("a valid specification")
}

#[test]
fn a_residual_network_fuses_into_one_step_per_convolution() {
    let plan = Plan::new(&graph(Depth::ResNet50), PlanPurpose::Inference).expect("a plan");
    // 53 convolutions, the pool, the mean and the classifier.
    assert_eq!(plan.steps.len(), 56);
    let joined =
        plan.steps.iter().filter(|s| matches!(s.kind, StepKind::Conv { residual: Some(_), relu: true, .. }));
    assert_eq!(joined.count(), 16);
}

fn temporal() -> Graph {
    TemporalSpec { frames: 6, width: 8, heads: 2, layers: 2, feed_forward: 12, ..TemporalSpec::new(5, 3) }
        .graph()
        .expect("a valid specification")
}

/// Two branches that meet, and every operation of an encoder where no product can take it in.
fn tangled() -> Graph {
    let mut g = GraphBuilder::new(Shape { h: 3, w: 1, c: 4 });
    let a = g.positions("positions", 0);
    let b = g.gelu(a);
    let c = g.add("sum", a, b).expect("one shape");
    let d = g.layer_norm("norm", c);
    let d = g.dropout(d, 0.5).expect("a rate");
    let e = g.position_linear("e", d, 4);
    let f = g.gelu(e);
    let f = g.positions("late", f);
    let f = g.add("input", f, 0).expect("one shape");
    let f = g.add("both", f, c).expect("one shape");
    g.linear("fc", f, 2);
    g.finish(f)
}

#[test]
fn an_encoder_fuses_into_seven_steps_a_layer() {
    let plan = Plan::new(&temporal(), PlanPurpose::Training).expect("a plan");
    // Two normalisations, attention and four products a layer; the projection, the last normalisation, the classifier.
    assert_eq!(plan.steps.len(), 2 * 7 + 3);
    assert!(plan.steps.iter().all(|s| !matches!(s.kind, StepKind::Pointwise { .. })));
    let joined = plan.steps.iter().filter(|s| s.kind.residual().is_some());
    assert_eq!(joined.count(), 4);
}

#[test]
fn what_no_product_takes_in_is_a_step_of_its_own() {
    let plan = Plan::new(&tangled(), PlanPurpose::Training).expect("a plan");
    let pointwise = plan.steps.iter().filter(|s| matches!(s.kind, StepKind::Pointwise { .. }));
    assert_eq!(pointwise.count(), 5);
}

#[test]
fn buffers_alive_together_never_overlap() {
    for graph in [graph(Depth::ResNet18), temporal(), tangled()] {
        for purpose in [PlanPurpose::Inference, PlanPurpose::Training] {
            run_symbolically(&Plan::new(&graph, purpose).expect("a plan"), purpose);
        }
    }
}

/// Each buffer is stamped when written and must still carry its stamp when read.
fn run_symbolically(plan: &Plan, purpose: PlanPurpose) {
    let mut arena = vec![0usize; plan.arena_len];
    let stamp = |arena: &mut Vec<usize>, r: Region, s: usize| arena[r.offset..r.offset + r.len].fill(s);
    let holds =
        |arena: &Vec<usize>, r: Region, s: usize| arena[r.offset..r.offset + r.len].iter().all(|&v| v == s);
    stamp(&mut arena, plan.values[0], 1);
    for (t, step) in plan.steps.iter().enumerate() {
        assert!(holds(&arena, plan.values[step.input], 1 + step.input));
        let presence = if let StepKind::Attention { presence, .. } = step.kind { presence } else { None };
        for other in step.kind.residual().into_iter().chain(presence) {
            assert!(holds(&arena, plan.values[other], 1 + other), "step {t} reads {other}");
        }
        stamp(&mut arena, plan.saved[t], 1000 + t);
        stamp(&mut arena, plan.values[step.output], 1 + step.output);
        assert!(holds(&arena, plan.saved[t], 1000 + t));
        assert!(holds(&arena, plan.values[plan.features], 1 + plan.features) || step.output < plan.features);
    }
    if purpose == PlanPurpose::Inference {
        return;
    }
    let last = plan.shapes.len() - 1;
    stamp(&mut arena, plan.gradients[last], 2000 + last);
    for (t, step) in plan.steps.iter().enumerate().rev() {
        assert!(holds(&arena, plan.gradients[step.output], 2000 + step.output), "step {t}");
        assert!(holds(&arena, plan.saved[t], 1000 + t));
        if !matches!(step.kind, StepKind::GlobalAveragePool | StepKind::Pointwise { .. }) {
            assert!(holds(&arena, plan.values[step.input], 1 + step.input));
        }
        if let StepKind::Conv { residual: Some(_), relu: true, .. } = step.kind {
            assert!(holds(&arena, plan.values[step.output], 1 + step.output));
        }
        for read in step.kind.residual().into_iter().chain([step.input]).filter(|&v| v != 0) {
            stamp(&mut arena, plan.gradients[read], 2000 + read);
        }
    }
}

#[test]
fn an_arena_by_lifetime_is_far_smaller_than_all_buffers() {
    let plan = Plan::new(&graph(Depth::ResNet50), PlanPurpose::Inference).expect("a plan");
    let all: usize = plan.shapes.iter().map(|s| s.len()).sum();
    assert!(plan.arena_len * 5 < all, "{} of {all}", plan.arena_len);
}

/// Where `assign` puts the buffers of a network in training, with the arenas' lengths: arena, place, and the buffer.
fn assigned(plan: &Plan, items: usize, capacity: usize) -> (Vec<usize>, Vec<(usize, Region, LiveRange)>) {
    let mut live_ranges = plan.live_ranges(PlanPurpose::Training);
    let mut places = vec![];
    let arenas = assign(
        &mut live_ranges,
        |life| life.len * items,
        capacity,
        |_, arena, region| places.push((arena, region)),
    );
    // Places are told in the order in which `assign` has left the buffers.
    let all = places.into_iter().zip(live_ranges).map(|((arena, region), life)| (arena, region, life));
    (arenas, all.collect())
}

#[test]
fn where_one_arena_is_too_small_several_hold_the_buffers_and_none_gets_in_anothers_way() {
    for graph in [graph(Depth::ResNet50), temporal(), tangled()] {
        let plan = Plan::new(&graph, PlanPurpose::Training).expect("a plan");
        let items = 3;
        let one = plan.arena_len * items;
        let (whole, alone) = assigned(&plan, items, one);
        assert_eq!(whole, [one], "one arena where one is enough");
        let largest = alone.iter().map(|(_, region, _)| region.len).max().expect("a buffer");
        for capacity in [largest, one / 3, one - 1].map(|capacity| capacity.max(largest)) {
            let (arenas, all) = assigned(&plan, items, capacity);
            assert!(arenas.len() > 1 && arenas.iter().all(|len| *len <= capacity), "{arenas:?}");
            assert!(arenas.iter().sum::<usize>() < 2 * one + capacity, "{arenas:?} instead of {one}");
            for (i, (arena, region, life)) in all.iter().enumerate() {
                assert!(region.offset + region.len <= arenas[*arena]);
                for (other_arena, other_region, other) in &all[..i] {
                    let touches = arena == other_arena && region.overlaps(*other_region);
                    assert!(!(touches && life.meets(other)), "{:?} and {:?}", life.what, other.what);
                }
            }
        }
    }
}
