//! The containers' recipes agree with what continuous integration installs and builds, with the compiler that the workspace asks
//! for, and with what the documents say. The images themselves are not built here: that needs a network and a container's keeper.

use std::collections::BTreeSet;
use std::fs;

use affekt_tests::rust_source::repository;

fn read(name: &str) -> String {
    fs::read_to_string(repository().join(name)).expect(name)
}

/// Commands of a script, with lines that end in a backslash joined.
fn commands(script: &str) -> Vec<String> {
    let joined = script.replace("\\\n", " ");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.lines().map(words).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// Packages that `apt-get install` is asked for, in each command that has it.
fn packages(script: &str) -> Vec<BTreeSet<String>> {
    let asked = commands(script);
    let lists = asked.iter().filter_map(|line| line.split_once("apt-get install "));
    lists
        .map(|(_, rest)| {
            let end = rest.find(" &&").unwrap_or(rest.len());
            rest[..end].split(' ').filter(|word| !word.starts_with('-')).map(str::to_owned).collect()
        })
        .collect()
}

/// What a recipe has that does not fit to the script, the workspace's settings, or the ways of containers.
fn faults(recipe: &str, script: &str, workspace: &str) -> Vec<String> {
    let mut found = vec![];
    let known: BTreeSet<String> = packages(script).into_iter().flatten().collect();
    let stages = packages(recipe);
    for package in stages.iter().flatten().filter(|package| !known.contains(*package)) {
        found.push(format!("{package} is not installed by .ci/run"));
    }
    // Whoever compiles needs a compiler; whoever reads films needs ffmpeg.
    for (stage, needed) in [(0, ["g++", "libc6-dev", "nasm"].as_slice()), (1, &["ffmpeg"])] {
        for package in needed.iter().filter(|p| !stages.get(stage).is_some_and(|stage| stage.contains(**p))) {
            found.push(format!("stage {stage} lacks {package}"));
        }
    }
    let version = workspace.lines().find_map(|line| line.strip_prefix("rust-version = "));
    let version = version.expect("a version of Rust").trim_matches('"');
    let recipe = commands(recipe);
    if !recipe.iter().any(|line| line.starts_with(&format!("FROM rust:{version}-"))) {
        found.push(format!("it does not build with Rust {version}"));
    }
    let from: Vec<&String> = recipe.iter().filter(|line| line.starts_with("FROM ")).collect();
    let is_cuda = from.iter().any(|line| line.contains("nvidia/cuda:"));
    let release = |line: &&&String| line.split(['-', ':', ' ']).any(|word| word == "trixie");
    if !is_cuda && from.iter().filter(release).count() != 2 {
        found.push("the two stages are not of one release of Debian".to_owned());
    }
    let build = "RUN cargo build --profile dist --bins --locked --package affekt";
    let build = if is_cuda { format!("{build} --features cuda") } else { build.to_owned() };
    if !recipe.contains(&build) {
        found.push("it does not build as packaging/archive.sh does".to_owned());
    }
    if is_cuda {
        found.extend(cuda_faults(&recipe));
    }
    if recipe.last().map(String::as_str) != Some(r#"ENTRYPOINT ["affekt"]"#) {
        found.push("the program is not the first process, so that no signal reaches it".to_owned());
    }
    found
}

/// The same of the recipe for NVIDIA's GPUs alone.
fn cuda_faults(recipe: &[String]) -> Vec<String> {
    let mut found = vec![];
    for image in ["devel-ubuntu${UBUNTU} AS build", "runtime-ubuntu${UBUNTU}"] {
        if !recipe.contains(&format!("FROM nvidia/cuda:${{TOOLKIT}}-{image}")) {
            found.push(format!("no stage is of {image} of the toolkit"));
        }
    }
    let default = |name: &str| {
        let line =
            recipe.iter().find_map(|line| line.strip_prefix("ARG ")?.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default().to_owned()
    };
    // The toolkit is one that the document's table has, and the answer to dfdx's question is written as in the script's check.
    let (toolkit, capability) = (default("TOOLKIT"), default("CAPABILITY"));
    let document = read("docs/cuda.md");
    let minor = toolkit.rsplit_once('.').map_or("", |(minor, _)| minor);
    if minor.is_empty() || !document.contains(&format!("| {minor},")) {
        found.push(format!("docs/cuda.md does not know toolkit {toolkit}"));
    }
    if !document.contains(&format!("({capability})")) {
        found.push(format!("docs/cuda.md knows no GPU of capability {capability}"));
    }
    let answer = r"printf '#!/bin/sh\necho compute_cap\necho %s\n'";
    if !recipe.iter().any(|line| line.contains(answer)) || !read("packaging/cuda_check.sh").contains(answer) {
        found.push("dfdx's build script is not answered as in packaging/cuda_check.sh".to_owned());
    }
    found
}

#[test]
fn the_recipe_for_gpus_builds_the_feature_with_a_toolkit_that_the_documents_name() {
    let (recipe, script, workspace) = (read("Dockerfile.cuda"), read(".ci/run"), read("Cargo.toml"));
    assert_eq!(faults(&recipe, &script, &workspace), Vec::<String>::new());
    let features = read("apps/affekt/Cargo.toml");
    assert!(features.lines().any(|line| line.starts_with("cuda = [")), "a feature of that name");
    for (from, to, fault) in [
        ("g++ libc6-dev nasm", "libc6-dev nasm", "stage 0 lacks g++"),
        ("rust:1.95", "rust:1.80", "it does not build with Rust 1.95"),
        (" --features cuda", "", "it does not build as packaging/archive.sh does"),
        ("-runtime-", "-base-", "no stage is of runtime-ubuntu${UBUNTU} of the toolkit"),
        ("TOOLKIT=13.0.1", "TOOLKIT=12.4.1", "docs/cuda.md does not know toolkit 12.4.1"),
        ("CAPABILITY=9.0", "CAPABILITY=1.0", "docs/cuda.md knows no GPU of capability 1.0"),
        ("compute_cap", "name", "dfdx's build script is not answered as in packaging/cuda_check.sh"),
        ("[\"affekt\"]", "affekt", "the program is not the first process, so that no signal reaches it"),
    ] {
        assert!(recipe.contains(from), "{from}");
        assert_eq!(faults(&recipe.replace(from, to), &script, &workspace), [fault]);
    }
    // What the document has people type names arguments that the recipe takes.
    for argument in read("docs/cuda.md").split("--build-arg ").skip(1) {
        let (name, _) = argument.split_once('=').expect("a value");
        assert!(commands(&recipe).iter().any(|line| line.starts_with(&format!("ARG {name}="))), "{name}");
    }
}

#[test]
fn the_recipe_installs_and_builds_as_continuous_integration_does() {
    let (recipe, script, workspace) = (read("Dockerfile"), read(".ci/run"), read("Cargo.toml"));
    assert_eq!(faults(&recipe, &script, &workspace), Vec::<String>::new());
    assert!(
        read("packaging/archive.sh").contains("cargo build --profile dist --bins --locked --package affekt")
    );
    for (from, to, fault) in [
        ("g++ libc6-dev nasm", "g++ libc6-dev", "stage 0 lacks nasm"),
        ("recommends ffmpeg", "recommends ffmpeg libnuma1", "libnuma1 is not installed by .ci/run"),
        ("rust:1.95", "rust:1.80", "it does not build with Rust 1.95"),
        ("debian:trixie-slim", "debian:bookworm-slim", "the two stages are not of one release of Debian"),
        (" --locked", "", "it does not build as packaging/archive.sh does"),
        ("[\"affekt\"]", "affekt", "the program is not the first process, so that no signal reaches it"),
    ] {
        assert!(recipe.contains(from), "{from}");
        assert_eq!(faults(&recipe.replace(from, to), &script, &workspace), [fault]);
    }
}

#[test]
fn what_is_copied_into_the_image_is_there() {
    let recipes = [read("Dockerfile"), read("Dockerfile.cuda")].concat();
    for line in commands(&recipes).iter().filter(|line| line.starts_with("COPY --from=build ")) {
        let words: Vec<&str> = line.split(' ').collect();
        for path in words[2..words.len() - 1].iter().filter_map(|path| path.strip_prefix("/affekt/")) {
            let is_built = path == "target/dist/affekt";
            assert!(is_built || repository().join(path).is_file(), "{path}");
        }
    }
}
