//! The container's recipe agrees with what continuous integration installs and builds, and with the compiler that the workspace asks
//! for. The image itself is not built here: that needs a network and a container's keeper.

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
    let release = |line: &&String| line.split(['-', ':', ' ']).any(|word| word == "trixie");
    if recipe.iter().filter(|line| line.starts_with("FROM ")).filter(release).count() != 2 {
        found.push("the two stages are not of one release of Debian".to_owned());
    }
    if !recipe.iter().any(|line| line == "RUN cargo build --profile dist --bins --locked --package affekt") {
        found.push("it does not build as packaging/archive.sh does".to_owned());
    }
    if recipe.last().map(String::as_str) != Some(r#"ENTRYPOINT ["affekt"]"#) {
        found.push("the program is not the first process, so that no signal reaches it".to_owned());
    }
    found
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
    for line in commands(&read("Dockerfile")).iter().filter(|line| line.starts_with("COPY --from=build ")) {
        let words: Vec<&str> = line.split(' ').collect();
        for path in words[2..words.len() - 1].iter().filter_map(|path| path.strip_prefix("/affekt/")) {
            let is_built = path == "target/dist/affekt";
            assert!(is_built || repository().join(path).is_file(), "{path}");
        }
    }
}
