//! Dependencies point one way, and nothing unfinished is left behind.

use std::collections::BTreeMap;
use std::fs;

use affekt_tests::rust_source::{code_only, files, is_word, repository, word_at, words};

/// The engine's modules, and what each may use besides itself.
const LAYERS: [(&str, &[&str]); 15] = [
    ("clock", &[]),
    ("files", &[]),
    ("random", &[]),
    ("simd", &[]),
    ("onnx", &["files"]),
    ("signal", &["random"]),
    ("net", &["files", "onnx", "random", "signal"]),
    ("media", &["files", "onnx", "random", "simd", "net"]),
    ("data", &["files", "random", "net", "media", "signal"]),
    ("synth", &["files", "random", "net", "media", "data"]),
    ("backend", &["clock", "files", "onnx", "random", "simd", "net", "media"]),
    ("learn", &["clock", "files", "random", "net", "backend", "signal"]),
    ("score", &["files", "random", "learn"]),
    (
        "world",
        &["clock", "files", "random", "net", "media", "data", "synth", "backend", "learn", "score", "signal"],
    ),
    ("output", &["files", "signal", "net", "media", "world"]),
];

/// Words that may stand in one module's code only: the ECS is a way to order work, a device library a way to do it.
const CONFINED: [(&str, &str); 10] = [
    ("bevy_ecs", "world"),
    ("wgpu", "backend"),
    ("dfdx", "backend"),
    ("mpi", "backend"),
    ("affekt_shaders", "backend"),
    ("tract_onnx", "onnx"),
    ("prost", "onnx"),
    ("openh264", "media"),
    ("nokhwa", "media"),
    ("tungstenite", "output"),
];

/// Calls that mean arithmetic, which belongs below `world`.
const MATHS: [&str; 6] = [".exp(", ".ln(", ".sqrt(", ".powi(", ".powf(", ".mul_add("];

/// First segments of the path or group of paths that starts at `at`: `a::b` gives a, `{a::b, c}` gives a and c.
fn first_segments(code: &str, at: usize) -> Vec<(usize, &str)> {
    if !code[at..].starts_with('{') {
        return vec![(at, word_at(code, at))];
    }
    let (mut found, mut depth, mut expects) = (vec![], 0usize, false);
    for (offset, byte) in code[at..].bytes().enumerate() {
        match byte {
            b'{' => {
                depth += 1;
                expects = depth == 1;
            }
            b'}' if depth == 1 => break,
            b'}' => depth -= 1,
            b',' if depth == 1 => expects = true,
            _ if expects && is_word(byte) => {
                found.push((at + offset, word_at(code, at + offset)));
                expects = false;
            }
            _ => {}
        }
    }
    found
}

/// Modules of the engine that code in the module `path` (for example `["backend", "cpu"]`) names, with their places:
/// by `crate::`, or by as many `super::` as lead to the crate's root.
fn uses<'a>(code: &'a str, path: &[String]) -> Vec<(usize, &'a str)> {
    let mut found = vec![];
    for at in words(code, "crate") {
        if code[at..].starts_with("crate::") {
            found.extend(first_segments(code, at + "crate::".len()));
        }
    }
    let mut after = 0;
    for at in words(code, "super") {
        if at < after {
            continue;
        }
        let mut end = at;
        let mut supers = 0;
        while code[end..].starts_with("super::") {
            end += "super::".len();
            supers += 1;
        }
        after = end;
        if supers >= path.len() {
            found.extend(first_segments(code, end));
        }
    }
    found.retain(|(_, module)| LAYERS.iter().any(|(name, _)| name == module));
    found
}

/// Everything that is wrong with one engine file, a line each. `path` is relative to `engine/src`.
fn violations(path: &str, text: &str) -> Vec<String> {
    let mut module: Vec<String> = path.trim_end_matches(".rs").split('/').map(String::from).collect();
    module.retain(|part| part != "mod");
    if module == ["lib"] {
        return vec![];
    }
    let Some((layer, allowed)) = LAYERS.iter().find(|(name, _)| *name == module[0]) else {
        return vec![format!("{path}: `{}` has no place among the layers", module[0])];
    };
    let code = code_only(text);
    let line = |at: usize| 1 + code[..at].matches('\n').count();
    let mut wrong = vec![];
    for (at, used) in uses(&code, &module) {
        if used != *layer && !allowed.contains(&used) {
            wrong.push(format!("{path}:{}: `{layer}` must not use `{used}`", line(at)));
        }
    }
    for (word, home) in CONFINED {
        if *layer != home {
            wrong
                .extend(words(&code, word).map(|at| {
                    format!("{path}:{}: `{word}` belongs in `{home}`, not in `{layer}`", line(at))
                }));
        }
    }
    // Tests may prepare half-written files; what a run writes is whole or not there.
    let shipped =
        if path.ends_with("tests.rs") { "" } else { code.split("#[cfg(test)]").next().unwrap_or("") };
    wrong.extend(shipped.match_indices("fs::write(").map(|(at, _)| {
        format!("{path}:{}: `fs::write` can leave half a file; use `files::write_atomically`", line(at))
    }));
    if *layer == "world" {
        for call in MATHS {
            wrong.extend(
                code.match_indices(call)
                    .map(|(at, _)| format!("{path}:{}: `{call}..)`: maths belongs below `world`", line(at))),
            );
        }
    }
    wrong
}

#[test]
fn the_engines_dependencies_point_one_way() {
    let source = repository().join("engine/src");
    let mut wrong = vec![];
    let mut checked = 0;
    for file in files(&source, &["rs"]) {
        let path =
            file.strip_prefix(&source).expect("below the source folder").to_string_lossy().into_owned();
        wrong.extend(violations(&path, &fs::read_to_string(&file).expect("UTF-8 source")));
        checked += 1;
    }
    assert!(checked > LAYERS.len(), "only {checked} files found below {}", source.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_layers_are_a_ladder() {
    for (index, (name, allowed)) in LAYERS.iter().enumerate() {
        for used in *allowed {
            let below = LAYERS.iter().position(|(other, _)| other == used);
            assert!(below.is_some_and(|b| b < index), "`{name}` uses `{used}`, which is not below it");
        }
    }
}

#[test]
fn a_planted_violation_is_found_however_it_is_written() {
    for (path, text) in [
        ("net/graph.rs", "use crate::learn::Settings;\n"),
        ("net/graph.rs", "use crate::{random::Address, backend::Slot};\n"),
        ("net/graph.rs", "use crate::{\n    random::{Address, Purpose},\n    world,\n};\n"),
        ("net/graph.rs", "fn f() -> crate::data::Spec { g() }\n"),
        ("net/graph.rs", "use super::super::world::App;\n"),
        ("random.rs", "use super::net::Graph;\n"),
        ("backend/cpu/conv.rs", "use crate::learn::Loss;\n"),
        ("learn/loss.rs", "use crate::data::Pool;\n"),
        ("learn/loss.rs", "let s = \"a // b\"; use crate::media::Picture;\n"),
        ("data/pool.rs", "use bevy_ecs::prelude::*;\n"),
        ("learn/loss.rs", "fn f(d: &wgpu::Device) {}\n"),
        ("world/evaluate/score.rs", "let p = logit.exp();\n"),
        (
            "learn/log.rs",
            "fn f() { std::fs::write(path, text); }\n#[cfg(test)] mod tests { fs::write(a, b); }\n",
        ),
        ("common/mod.rs", ""),
    ] {
        assert_eq!(violations(path, text).len(), 1, "{path}: {text}");
    }
}

#[test]
fn what_is_allowed_is_not_reported() {
    for (path, text) in [
        ("net/graph.rs", "use crate::random::Address;\nuse super::card::ModelCard;\n"),
        ("net/graph.rs", "//! See [`crate::learn`].\n/* crate::world */ // use crate::data::Pool;\n"),
        ("net/graph.rs", "let text = \"crate::world\"; let raw = r#\"crate::\"data\"#;\n"),
        ("net/mod.rs", "mod tests { use super::*; use super::super::random; }\n"),
        ("backend/cpu/conv.rs", "use super::super::Slot;\nuse crate::net::{Graph, learn};\n"),
        ("world/pretrain.rs", "use bevy_ecs::prelude::*;\nuse crate::{learn::Settings, data, synth};\n"),
        ("backend/wgpu/mod.rs", "use wgpu::Device;\n"),
        ("learn/loss.rs", "let p = logit.exp(); let wgpu_like = 1;\n"),
        ("learn/log.rs", "#[cfg(test)] mod tests { fn f() { std::fs::write(path, text); } }\n"),
    ] {
        assert_eq!(violations(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

/// Packages of the workspace that a manifest depends on.
fn inner_dependencies(manifest: &str) -> Vec<String> {
    let table: toml::Table = manifest.parse().expect("a manifest");
    let mut found = vec![];
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        if let Some(dependencies) = table.get(section).and_then(toml::Value::as_table) {
            found.extend(dependencies.keys().filter(|name| name.starts_with("affekt")).cloned());
        }
    }
    found
}

#[test]
fn crates_depend_on_crates_below_them_only() {
    let allowed = BTreeMap::from([
        ("shaders", vec![]),
        ("engine", vec!["affekt-shaders"]),
        ("apps/program", vec!["affekt-engine"]),
        ("apps/results", vec!["affekt-engine"]),
        ("apps/affekt", vec!["affekt-engine", "affekt-program", "affekt-results"]),
        ("apps/live", vec!["affekt-engine", "affekt-program", "affekt-results"]),
        ("apps/web", vec!["affekt-engine"]),
        ("apps/capi", vec!["affekt-engine"]),
        ("apps/python", vec!["affekt-engine"]),
        ("tests", vec!["affekt-engine", "affekt-shaders"]),
        ("tests/fuzz", vec!["affekt-engine"]),
    ]);
    let root = fs::read_to_string(repository().join("Cargo.toml")).expect("the workspace's manifest");
    let root: toml::Table = root.parse().expect("a manifest");
    for member in root["workspace"]["members"].as_array().expect("members") {
        let member = member.as_str().expect("a folder");
        let allowed = allowed.get(member).unwrap_or_else(|| panic!("{member} has no place among the crates"));
        let manifest = repository().join(member).join("Cargo.toml");
        let manifest = fs::read_to_string(&manifest).expect("a member's manifest");
        for name in inner_dependencies(&manifest) {
            assert!(allowed.contains(&name.as_str()), "{member} must not depend on {name}");
        }
    }
}

#[test]
fn a_planted_upward_crate_dependency_is_found() {
    let manifest =
        "[package]\nname = \"affekt-engine\"\n[dev-dependencies]\naffekt = { path = \"../apps/affekt\" }\n";
    assert_eq!(inner_dependencies(manifest), ["affekt"]);
}

/// Marks of unfinished work in a text; spelled so that this file does not hold them.
fn unfinished(text: &str) -> Vec<String> {
    let marks =
        [["todo", "!("], ["unimplemented", "!("], ["dbg", "!("], ["#[", "ignore"]].map(|m| m.concat());
    marks.into_iter().filter(|mark| text.contains(mark.as_str())).collect()
}

#[test]
fn nothing_unfinished_is_left_behind() {
    let mut wrong = vec![];
    for file in files(&repository(), &["rs", "wgsl", "toml", "md", "py", "sh"]) {
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        wrong.extend(unfinished(&text).into_iter().map(|mark| format!("{}: {mark}", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn planted_unfinished_work_is_found() {
    for parts in [["fn f() { todo", "!() }"], ["dbg", "!(x);"], ["#[", "ignore = \"slow\"]"]] {
        assert_eq!(unfinished(&parts.concat()).len(), 1, "{parts:?}");
    }
}
