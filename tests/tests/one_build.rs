//! What a newcomer does first, `cargo run --release -p affekt`, builds the dependencies as `cargo test --release --workspace` needs
//! them, so that they are compiled once.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use affekt_tests::rust_source::repository;

/// Packages with the sets of features in which they are built.
type Built = BTreeMap<String, BTreeSet<String>>;

/// What cargo builds for a command line.
fn built(arguments: &[&str]) -> Built {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(repository());
    // Not offline: who has built the workspace alone has not fetched what only the wheel needs.
    command.args(["tree", "--locked", "--prefix", "none", "--format", "{p}|{f}"]).args(arguments);
    let output = command.output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut found = Built::new();
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    for line in text.lines().filter(|line| !line.is_empty()) {
        let line = line.trim_end_matches(" (*)");
        let (package, features) = line.split_once('|').expect("a package and its features");
        found.entry(package.to_owned()).or_default().insert(features.to_owned());
    }
    found
}

/// Packages that the one builds otherwise than the other, a line each.
fn differences(one: &Built, other: &Built) -> Vec<String> {
    let same = |package: &str, features: &BTreeSet<String>| {
        other.get(package).is_some_and(|others| features.is_subset(others))
    };
    let differing = one.iter().filter(|(package, features)| !same(package, features));
    differing
        .map(|(package, features)| format!("{package}: {features:?}, {:?}", other.get(package)))
        .collect()
}

#[test]
fn the_two_commands_of_the_readme_share_one_build_of_the_dependencies() {
    let program = built(&["--package", "affekt", "--edges", "no-dev"]);
    let everything = built(&["--workspace"]);
    assert!(program.len() > 100 && everything.len() > program.len(), "{}", program.len());
    let differing = differences(&program, &everything);
    assert!(differing.is_empty(), "name their features in apps/affekt/Cargo.toml:\n{}", differing.join("\n"));
}

#[test]
fn the_wheel_is_built_of_the_same_dependencies() {
    let mut wheel = vec!["--package", "affekt-python", "--features", "affekt-python/extension", "--edges"];
    // What runs where the compiler does may have features of its own, so the rest is compared without it too.
    for (edges, of_everything) in [
        ("no-dev", &["--workspace"][..]),
        ("no-dev,no-build,no-proc-macro", &["--workspace", "--edges", "no-build,no-proc-macro"]),
    ] {
        wheel.push(edges);
        let (mut own, everything) = (built(&wheel), built(of_everything));
        wheel.pop();
        // What binds to Python is in the wheel alone.
        own.retain(|package, _| everything.contains_key(package) && !package.starts_with("affekt-python "));
        assert!(own.len() > 100, "{}", own.len());
        let differing = differences(&own, &everything);
        assert!(
            differing.is_empty(),
            "name their features in apps/python/Cargo.toml:\n{}",
            differing.join("\n")
        );
    }
}

#[test]
fn the_engine_is_compiled_with_each_of_its_features_alone() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).expect("a file");
    let manifest: toml::Table = read("engine/Cargo.toml").parse().expect("a manifest");
    let features = manifest["features"].as_table().expect("features").keys();
    let script = read(".ci/more");
    let list = script.lines().find(|line| line.starts_with("for features in")).expect("the list");
    let listed: Vec<&str> = list.split([' ', ';']).collect();
    // `cuda` needs a CUDA toolkit, and `nokhwa` another system.
    let missing: Vec<_> = features
        .filter(|f| !["default", "cuda", "nokhwa"].contains(&f.as_str()) && !listed.contains(&f.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?} are missing in .ci/more");
}

#[test]
fn a_planted_difference_is_found() {
    let built = |features: &str| Built::from([("a v1".to_owned(), [features.to_owned()].into())]);
    assert_eq!(differences(&built("std"), &built("std")), Vec::<String>::new());
    assert_eq!(differences(&built("std"), &built("alloc,std")).len(), 1);
    assert_eq!(differences(&built("std"), &Built::new()).len(), 1);
}
