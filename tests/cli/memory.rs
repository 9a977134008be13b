//! What a run says of its memory, and `--micro-batch`.

use crate::program::{Ended, Lab, affekt, pretrain};
use crate::video::{refine, world};

fn run(lab: &Lab, out: &str, more: &[&str]) -> Ended {
    let data = ["--labelled", "synth:40?size=32", "--unlabelled", "synth:40?seed=2&size=32"];
    let mut args = pretrain(&lab.path(out), 4, &[&data, more].concat());
    args.retain(|arg| arg != "--quiet");
    affekt(args)
}

/// The amount behind the first `activations`, in bytes.
fn activations(line: &str) -> f64 {
    let (_, rest) = line.split_once("activations ").unwrap();
    let mut words = rest.split([' ', ',', ';']);
    let (number, unit) = (words.next().unwrap(), words.next().unwrap());
    let factor = match unit {
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        _ => panic!("{line}"),
    };
    number.parse::<f64>().unwrap() * factor
}

#[test]
fn a_run_says_what_takes_its_memory_and_in_slices_it_takes_less() {
    let lab = Lab::new();
    let said = |out: &str, more: &[&str]| {
        let ended = run(&lab, out, more).done();
        let lines: Vec<&str> = ended.err.lines().collect();
        let at = lines.iter().position(|line| line.contains("cost: cpu")).expect("what it will cost");
        lines[at + 1].to_owned()
    };
    let (whole, cut) = (said("whole", &[]), said("cut", &["--micro-batch", "4"]));
    for words in [
        "memory: the teacher: weights ",
        ", gradients ",
        ", optimiser ",
        "; the student: weights ",
        ", average ",
        "; a checkpoint ",
        "; the pictures of steps ahead ",
    ] {
        assert!(whole.contains(words), "{words}: {whole}");
    }
    // The teacher's 12 views go in slices of 4.
    let (whole, less) = (activations(&whole), activations(&cut));
    assert!((2.9..3.1).contains(&(whole / less)), "{whole} and {less}");
    assert!(cut.contains("inputs of slices"), "{cut}");
    let config = std::fs::read_to_string(lab.path("cut/config.toml")).unwrap();
    assert!(config.contains("micro_batch = 4"), "{config}");
    assert!(!std::fs::read_to_string(lab.path("whole/config.toml")).unwrap().contains("micro_batch"));
}

#[test]
fn slices_that_cannot_be_are_refused() {
    let lab = Lab::new();
    run(&lab, "a", &["--micro-batch", "1"]).refused(2, &["`training.micro_batch`", "between 2"]);
    run(&lab, "b", &["--micro-batch", "3", "--replicas", "2"])
        .refused(2, &["training.micro_batch", "slices of 3 and 3", "2 replicas"]);
}

#[test]
fn an_encoder_learns_from_slices_what_it_learns_from_whole_batches_in_less_memory() {
    let lab = world();
    let said = |out: &str, more: &[&str]| {
        let mut args = refine(&lab, out, 6, &[&["--set", "model.dropout=0.0"], more].concat());
        args.retain(|arg| arg != "--quiet");
        let ended = affekt(args).done();
        let line = ended.err.lines().find(|line| line.contains("activations ")).expect("what it needs");
        let log = std::fs::read_to_string(lab.path(&format!("{out}/log.jsonl"))).unwrap();
        let losses = log.lines().filter_map(|line| {
            serde_json::from_str::<serde_json::Value>(line)
                .unwrap()
                .get("loss")
                .and_then(serde_json::Value::as_f64)
        });
        (activations(line), losses.collect::<Vec<f64>>())
    };
    let ((whole, expected), (less, losses)) = (said("whole", &[]), said("cut", &["--micro-batch", "2"]));
    assert!((1.9..2.1).contains(&(whole / less)), "{whole} and {less}");
    assert_eq!((losses.len(), expected.len()), (6, 6));
    for (loss, expected) in losses.iter().zip(&expected) {
        assert!((loss - expected).abs() < 1e-3 * expected.abs(), "{losses:?} {expected}");
    }
    let words = ["training.micro_batch", "4 clips into slices of 2 and 2", "4 replicas"];
    affekt(refine(&lab, "a", 6, &["--micro-batch", "2", "--replicas", "4"])).refused(2, &words);
    affekt(refine(&lab, "b", 6, &["--micro-batch", "0"]))
        .refused(2, &["`training.micro_batch`", "1 to 4096"]);
}
