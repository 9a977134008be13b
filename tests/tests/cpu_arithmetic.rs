//! Inference in fixed point: whole networks against the `f64` reference, through the backend's face.

use affekt_engine::backend::Backend as _;
use affekt_engine::backend::BackendInfo as _;
use affekt_engine::backend::cpu::{Arithmetic, CpuBackend, Isa};
use affekt_engine::net::{Depth, Graph, ResNetSpec, Stem};
use affekt_tests::cases::{lively_weights, noise, wide};
use affekt_tests::{reference, relative_difference};

fn resnet(depth: Depth, stem: Stem) -> Graph {
    ResNetSpec { depth, size: 48, channels: 3, classes: 5, width: 0.5, stem }
        .graph()
        .expect("a valid specification")
}

fn backend(isa: Isa) -> CpuBackend {
    CpuBackend::with(2, isa).expect("an available set").with_arithmetic(Arithmetic::Fixed)
}

#[test]
fn logits_and_features_are_the_references_to_a_few_thousandths() {
    for (graph, items) in
        [(resnet(Depth::ResNet18, Stem::Small), 3), (resnet(Depth::ResNet50, Stem::NoPool), 2)]
    {
        let weights = lively_weights(&graph);
        let input = noise(items * graph.input().len(), 5);
        let params = reference::params(&graph, &weights);
        let pass = reference::forward(&graph, &params, &wide(&input), items, false);
        for isa in Isa::available() {
            let mut network = backend(isa).inference(&graph, &weights).expect("fitting weights");
            let logits = network.forward(&input, items).expect("a forward pass");
            let difference = relative_difference(&logits, pass.outputs.last().expect("an output"));
            assert!(difference <= 5e-3, "{}: logits differ by {difference}", isa.name());
            let features = network.features(&input, items).expect("features");
            let difference = relative_difference(&features, &pass.outputs[graph.features]);
            assert!(difference <= 5e-3, "{}: features differ by {difference}", isa.name());
        }
    }
}

fn gains(isa: Isa) -> bool {
    #[cfg(target_arch = "x86_64")]
    if isa.name() == "avx512" {
        return std::arch::is_x86_feature_detected!("avx512vnni");
    }
    isa.name() == "avx2"
}

#[test]
fn it_is_used_where_the_processor_gains_from_it_and_said() {
    for isa in Isa::available() {
        let backend = backend(isa);
        let gains = gains(isa);
        assert_eq!(backend.arithmetic() == "fixed", gains, "{}", isa.name());
        assert_eq!(backend.describe().contains("fixed point"), gains, "{}", backend.describe());
    }
    assert_eq!(CpuBackend::new().expect("a processor").arithmetic(), "single", "the default");
}
