//! Rules of the house that a compiler does not know: files do not import each other in circles, a component is read by a
//! system, and a public name of the engine stands for one thing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use affekt_tests::rust_source::{code_only, files, is_word, repository, word_at, words};

/// A module's path inside its crate.
type Module = Vec<String>;

/// Every module of a crate's sources with its code, tests left out.
fn modules(source: &Path) -> BTreeMap<Module, String> {
    let read = |file: &Path| {
        let inside =
            file.strip_prefix(source).expect("below the source folder").to_string_lossy().into_owned();
        (inside, fs::read_to_string(file).expect("UTF-8 source"))
    };
    files(source, &["rs"]).iter().map(|file| read(file)).map(|(path, text)| module(&path, &text)).collect()
}

fn module(path: &str, text: &str) -> (Module, String) {
    let mut module: Module = path.trim_end_matches(".rs").split('/').map(String::from).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    let code = code_only(text);
    (module, code.split("#[cfg(test)]\nmod ").next().unwrap_or("").to_owned())
}

/// Paths of a `use` tree: `a::{b, c::d}` gives `a::b` and `a::c::d`; what a name is renamed to is left out.
fn expand(tree: &str, before: &[String], out: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{').filter(|_| tree.ends_with('}')) {
        let names = head.split("::").map(str::trim).filter(|name| !name.is_empty()).map(String::from);
        let before: Vec<String> = before.iter().cloned().chain(names).collect();
        let (mut depth, mut start) = (0usize, 0);
        let group = &group[..group.len() - 1];
        for (at, byte) in group.bytes().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                b',' if depth == 0 => {
                    expand(&group[start..at], &before, out);
                    start = at + 1;
                }
                _ => {}
            }
        }
        if !group[start..].trim().is_empty() {
            expand(&group[start..], &before, out);
        }
        return;
    }
    let plain = tree.split(" as ").next().unwrap_or("");
    let names = plain.split("::").map(|name| name.trim().to_owned());
    out.push(before.iter().cloned().chain(names).collect());
}

/// What a module takes from others: paths it imports or names in place, and paths it hands on (`pub use`) by their names.
fn paths(code: &str) -> (Vec<Vec<String>>, BTreeMap<String, Vec<String>>) {
    let (mut used, mut handed_on) = (vec![], BTreeMap::new());
    let mut rest = code.to_owned();
    for at in words(code, "use") {
        let Some(end) = code[at..].find(';') else { continue };
        let mut found = vec![];
        expand(&code[at + 3..at + end], &[], &mut found);
        let line = code[..at].rfind('\n').map_or(0, |start| start + 1);
        if code[line..at].trim_start().starts_with("pub") {
            handed_on.extend(found.into_iter().filter_map(|path| Some((path.last()?.clone(), path))));
        } else {
            used.extend(found);
        }
        rest.replace_range(at..at + end, &" ".repeat(end));
    }
    for start in ["crate", "super", "self"] {
        for at in words(&rest, start) {
            let mut path = vec![start.to_owned()];
            let mut end = at + start.len();
            while rest[end..].starts_with("::") && rest[end + 2..].bytes().next().is_some_and(is_word) {
                let name = word_at(&rest, end + 2);
                path.push(name.to_owned());
                end += 2 + name.len();
            }
            if path.len() > 1 {
                used.push(path);
            }
        }
    }
    (used, handed_on)
}

/// The module in which what a path names is defined; `None` for other crates.
fn defined_in(
    from: &[String],
    path: &[String],
    exports: &BTreeMap<Module, BTreeMap<String, Vec<String>>>,
    depth: usize,
) -> Option<Module> {
    let (mut module, mut path) = (from.to_vec(), path);
    match path.first()?.as_str() {
        "crate" => (module, path) = (vec![], &path[1..]),
        "self" => path = &path[1..],
        "super" => {
            while path.first().is_some_and(|name| name == "super") {
                module.pop();
                path = &path[1..];
            }
        }
        first => {
            let child: Module = module.iter().cloned().chain([first.to_owned()]).collect();
            exports.get(&child)?;
        }
    }
    while let Some(name) = path.first() {
        let child: Module = module.iter().cloned().chain([name.clone()]).collect();
        if !exports.contains_key(&child) {
            break;
        }
        (module, path) = (child, &path[1..]);
    }
    let handed_on = path.first().and_then(|name| exports.get(&module)?.get(name)).filter(|_| depth < 8);
    handed_on.and_then(|path| defined_in(&module, path, exports, depth + 1)).or(Some(module))
}

/// What each module imports.
fn imports(modules: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let read: BTreeMap<&Module, _> = modules.iter().map(|(module, code)| (module, paths(code))).collect();
    let exports = read.iter().map(|(module, (_, exports))| ((*module).clone(), exports.clone())).collect();
    let mut uses: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, (used, _)) in &read {
        let found = uses.entry((*module).clone()).or_default();
        for path in used {
            let Some(home) = defined_in(module, path, &exports, 0) else { continue };
            // A module that is imported as a whole counts by what is taken from it.
            let whole = path.last().is_some_and(|name| home.last() == Some(name));
            if whole {
                let name = format!("{}::", path.last().expect("a path has a name"));
                let code = &modules[*module];
                for (at, _) in code.match_indices(&name) {
                    if at > 0 && (is_word(code.as_bytes()[at - 1]) || code.as_bytes()[at - 1] == b':') {
                        continue;
                    }
                    let inner = ["self".to_owned(), word_at(code, at + name.len()).to_owned()];
                    found.extend(defined_in(&home, &inner, &exports, 0));
                }
            } else {
                found.insert(home);
            }
        }
        found.remove(*module);
    }
    uses
}

/// Modules that import each other in a circle, each circle as a list of them.
fn circles(modules: &BTreeMap<Module, String>) -> Vec<Vec<Module>> {
    let uses = imports(modules);
    // Who can be reached from whom; a module that reaches itself is part of a circle.
    let reach = |start: &Module| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(module) = open.pop() {
            for next in uses.get(module).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> = uses.keys().map(|m| (m, reach(m))).collect();
    let mut found: Vec<Vec<Module>> = vec![];
    for (module, reachable) in &reached {
        if reachable.contains(*module) && !found.iter().flatten().any(|known| known == *module) {
            let both = |other: &&Module| reachable.contains(*other) && reached[*other].contains(*module);
            found.push(reached.keys().copied().filter(both).cloned().collect());
        }
    }
    found
}

/// The parts of `world`, from the lowest up; those of one row do not use each other.
const WORLD: [&[&str]; 7] = [
    &["error"],
    &["schedule", "components", "reading", "together"],
    &["clip"],
    &["config"],
    &["stages", "run"],
    &["pipelines"],
    &["live"],
];

/// Imports inside `world` that point up.
fn upward(modules: &BTreeMap<Module, String>) -> Vec<String> {
    let row = |part: &str| WORLD.iter().position(|row| row.contains(&part));
    let mut found = vec![];
    for (module, imported) in imports(modules) {
        let ["world", part, ..] = *module.iter().map(String::as_str).collect::<Vec<_>>() else { continue };
        let own = row(part).unwrap_or_else(|| panic!("world/{part} has no place among the parts of world"));
        for path in imported {
            let ["world", other, ..] = *path.iter().map(String::as_str).collect::<Vec<_>>() else { continue };
            if other != part && row(other).is_none_or(|other| other >= own) {
                found.push(format!("world/{part} -> world/{other} ({})", module.join("/")));
            }
        }
    }
    found
}

#[test]
fn the_parts_of_world_use_those_below_them() {
    assert_eq!(upward(&modules(&repository().join("engine/src"))), Vec::<String>::new());
    let planted = [
        module("lib.rs", "pub mod world;"),
        module("world/mod.rs", "pub mod live; mod stages;"),
        module("world/live/mod.rs", "pub struct Settings;"),
        module("world/stages/present.rs", "use crate::world::live::Settings;"),
    ];
    assert_eq!(upward(&planted.into()), ["world/stages -> world/live (world/stages/present)"]);
}

#[test]
fn files_do_not_import_each_other_in_circles() {
    for source in ["engine/src", "apps/results/src", "apps/affekt/src", "apps/live/src"] {
        let modules = modules(&repository().join(source));
        assert!(modules.len() > 10, "{source}: only {} files", modules.len());
        let found = circles(&modules);
        let named: Vec<String> = found
            .iter()
            .map(|circle| circle.iter().map(|m| m.join("/")).collect::<Vec<_>>().join(" <-> "))
            .collect();
        assert!(named.is_empty(), "{source}: {}", named.join("; "));
    }
}

#[test]
fn a_planted_circle_is_found_through_a_facade_and_a_one_way_import_is_none() {
    let planted = |second: &str| {
        BTreeMap::from([
            module("lib.rs", "mod a;\nmod b;\n"),
            module("a/mod.rs", "mod one;\npub use one::One;\n"),
            module("a/one.rs", "use crate::b::Two;\npub struct One(Two);\n"),
            module("b.rs", second),
        ])
    };
    assert_eq!(circles(&planted("pub struct Two;\n")), Vec::<Vec<Module>>::new());
    for circle in ["use crate::a::One;\npub struct Two;\n", "pub fn two() -> crate::a::One { todo() }\n"] {
        assert_eq!(circles(&planted(circle)).len(), 1, "{circle}");
    }
    let test_only = "pub struct Two;\n#[cfg(test)]\nmod tests {\n    use crate::a::One;\n}\n";
    assert_eq!(circles(&planted(test_only)), Vec::<Vec<Module>>::new(), "tests may look anywhere");
}

/// Names behind a keyword at the start of an item: `pub struct Name`.
fn items<'a>(code: &'a str, keyword: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    code.match_indices(keyword).map(move |(at, _)| (at, word_at(code, at + keyword.len())))
}

/// Components of a file that no system of `stages` reads.
fn unread(components: &str, stages: &str) -> Vec<String> {
    let read = |name: &str| {
        words(stages, name).any(|at| {
            let before = stages[..at].trim_end();
            ["&", "&mut", "&'a", "&'a mut", "With<", "Without<", "Has<"]
                .iter()
                .any(|end| before.ends_with(end))
        })
    };
    let derived = |at: usize| {
        components[..at].rfind("#[derive(").is_some_and(|d| components[d..at].contains("Component"))
    };
    let of_one = |keyword| items(components, keyword).filter(|(at, _)| derived(*at)).map(|(_, name)| name);
    of_one("pub struct ").chain(of_one("pub enum ")).filter(|name| !read(name)).map(String::from).collect()
}

#[test]
fn every_component_is_read_by_a_system() {
    let world = repository().join("engine/src/world");
    let joined = |folder: &str| {
        let texts = modules(&world.join(folder)).into_values();
        texts.collect::<Vec<_>>().join("\n")
    };
    let stages = joined("stages");
    let components = joined("components");
    assert!(items(&components, "pub struct ").count() > 15, "components are looked for where they are");
    assert_eq!(unread(&components, &stages), Vec::<String>::new(), "components that nobody reads");
    let planted = "#[derive(Debug, Component)]\npub struct Idle(pub usize);\n";
    assert_eq!(unread(planted, &stages), ["Idle"]);
    assert_eq!(unread(planted, "fn f(q: Query<(Entity, &Idle)>) {}"), Vec::<String>::new());
    assert_eq!(unread(planted, "commands.spawn(Idle(1));"), ["Idle"], "to write it is not to read it");
}

#[test]
fn a_public_name_of_the_engine_stands_for_one_thing() {
    let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (module, code) in modules(&repository().join("engine/src")) {
        for keyword in ["pub struct ", "pub enum ", "pub trait ", "pub type "] {
            // A macro names its types when it is used.
            for (_, name) in items(&code, keyword).filter(|(_, name)| !name.is_empty()) {
                homes.entry(name.to_owned()).or_default().push(module.join("/"));
            }
        }
    }
    assert!(homes.len() > 200, "only {} public types found", homes.len());
    let twice: Vec<_> = homes.iter().filter(|(_, homes)| homes.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
