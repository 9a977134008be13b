//! What the documents point at is there, and what they promise about files holds.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders at the top of the repository; a path in backticks that starts with one of them must exist.
const TOP: [&str; 7] = ["apps/", "assets/", "bench/", "docs/", "engine/", "tests/", ".ci/"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests' folder has a parent").to_path_buf()
}

/// The repository's Markdown files.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![];
    for folder in ["", "docs", "shaders", "bench", "tests/golden", "assets"] {
        let Ok(entries) = fs::read_dir(repository().join(folder)) else { continue };
        found.extend(entries.map(|e| e.expect("a folder entry").path()));
    }
    found.retain(|path| path.extension().is_some_and(|e| e == "md"));
    found.sort();
    found
}

/// Targets of links and pictures that are not on the network, without their anchors.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|t| !t.contains("://") && !t.starts_with('#'));
    local.filter_map(|t| t.split('#').next()).collect()
}

/// Paths of this repository that stand in backticks; patterns such as `<format>.rs` are not paths.
fn paths(text: &str) -> Vec<&str> {
    let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let words = quoted.filter_map(|q| q.split(' ').next());
    words.filter(|w| TOP.iter().any(|top| w.starts_with(top)) && !w.contains(['<', '*', '{'])).collect()
}

#[test]
fn links_and_paths_lead_somewhere() {
    let (root, mut wrong, mut checked) = (repository(), vec![], 0);
    for document in documents() {
        let text = fs::read_to_string(&document).expect("UTF-8 text");
        let folder = document.parent().expect("a file lies in a folder");
        let targets = links(&text).into_iter().map(|t| (t, folder.join(t)));
        for (name, target) in targets.chain(paths(&text).into_iter().map(|p| (p, root.join(p)))) {
            checked += 1;
            if !target.exists() {
                wrong.push(format!("{}: {name}", document.display()));
            }
        }
    }
    assert!(checked > 20, "only {checked} links and paths were found");
    assert!(wrong.is_empty(), "these lead nowhere:\n{}", wrong.join("\n"));
}

#[test]
fn a_planted_dead_link_is_found() {
    let text = "See [this](docs/a.md#part), [that](https://example.org/b.md) and `engine/src/c.rs --flag`.";
    assert_eq!(links(text), ["docs/a.md"]);
    assert_eq!(paths(text), ["engine/src/c.rs"]);
}

#[test]
fn the_readme_gives_exactly_two_commands() {
    let text = fs::read_to_string(repository().join("README.md")).expect("a README");
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let commands: Vec<&str> = blocks.flat_map(str::lines).collect();
    assert_eq!(commands, ["cargo run --release -p affekt -- demo", "cargo test --release --workspace"]);
}
