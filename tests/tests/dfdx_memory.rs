//! What the dfdx backend says that a pass takes of memory, against what it is seen to take: every allocation of this program is
//! counted, so that this test is alone in it. Built with the feature `dfdx` only.
#![cfg(feature = "dfdx")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use affekt_engine::backend::dfdx::on_processor;
use affekt_engine::backend::{Slot, TrainingPass};
use affekt_engine::net::{Depth, Graph, PlanPurpose, ResNetSpec, Stem, TemporalSpec};
use affekt_tests::cases::{clips, lively_weights, noise};

/// Bytes that dfdx's products work in, which are not counted beforehand.
const WORKSPACE: f64 = 2.5 * 1024.0 * 1024.0;

/// The system's allocator, and how much of it is in use and was at the most.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(used, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(memory, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that is in use while something runs, beyond what was before.
fn most_during(work: impl FnOnce()) -> f64 {
    let before = USED.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    work();
    (MOST.load(Ordering::Relaxed) - before) as f64
}

fn resnet(depth: Depth, size: usize) -> Graph {
    let spec = ResNetSpec { depth, size, channels: 3, classes: 5, width: 0.25, stem: Stem::Imagenet };
    spec.graph().expect("a valid specification")
}

/// Bytes that learning and answering take, as the backend says and as it is seen.
fn compare(name: &str, graph: &Graph, items: usize, input: &[f32]) {
    let backend = on_processor(1, true).expect("the processor is always there");
    let said = |purpose| backend.activations(graph, purpose, items).expect("it can be planned") as f64;
    let weights = lively_weights(graph);
    let mut network = backend.training(graph, &weights).expect("fitting weights");
    let seen = most_during(|| {
        for _ in 0..2 {
            let logits = network.forward(input, items, TrainingPass::Train).expect("a pass");
            network.backward(&logits, Slot::First).expect("a gradient");
        }
    });
    // Gradients in a slot are counted apart.
    let said_of_learning = said(PlanPurpose::Training) + 4.0 * graph.trained_values() as f64;
    drop(network);
    let backend = on_processor(1, true).expect("the processor is always there");
    let mut network = backend.inference(graph, &weights).expect("fitting weights");
    let seen_of_answering = most_during(|| {
        for _ in 0..2 {
            network.forward(input, items).expect("a pass");
        }
    });
    for (what, said, seen) in
        [("learning", said_of_learning, seen), ("answering", said(PlanPurpose::Inference), seen_of_answering)]
    {
        println!("{name}, {what}: {said:.0} bytes said, {seen:.0} seen");
        let fits = (0.95 * said..1.05 * said + WORKSPACE).contains(&seen);
        assert!(fits, "{name}, {what}: {said:.0} bytes said, {seen:.0} seen");
    }
}

#[test]
fn what_a_pass_takes_is_known_beforehand() {
    for (name, graph, items) in
        [("resnet18", resnet(Depth::ResNet18, 64), 12), ("resnet50", resnet(Depth::ResNet50, 64), 12)]
    {
        compare(name, &graph, items, &noise(items * graph.input().len(), 1));
    }
    let (frames, width, heads, feed_forward, dropout) = (32, 64, 4, 128, 0.2);
    let spec =
        TemporalSpec { frames, width, layers: 2, heads, feed_forward, dropout, ..TemporalSpec::new(21, 5) };
    let graph = spec.graph().expect("a valid specification");
    compare("encoder", &graph, 32, &clips(&graph, 32, 1));
}
