//! No file of another program is read without a limit of size, and none is opened that could be a pipe: `files` has the calls
//! that see to it, and the sources use no others.

use std::fs;

use affekt_tests::rust_source::{code_only, files, is_word, repository};

/// Calls that read or open whatever there is.
const UNLIMITED: [&str; 7] = [
    "fs::read(",
    "fs::read_to_string(",
    "io::read_to_string(",
    "File::open(",
    ".read_to_end(",
    ".read_to_string(",
    ".read_line(",
];

/// Where they stand all the same, and why that is right.
const ALLOWED: [(&str, &str, &str); 4] = [
    ("engine/src/files/limits.rs", "File::open(", "the calls that the others use"),
    ("engine/src/files/atomic.rs", "File::open(", "folders and own files, which are synced and not read"),
    ("engine/src/files/leftovers.rs", "File::open(", "locked, not read"),
    ("engine/src/data/tar_index.rs", ".read_to_end(", "a name, whose length was looked at"),
];

/// Where a file's module of tests begins; its end where there is none.
fn tests_at(code: &str) -> usize {
    let is_module = |&(at, _): &(usize, &str)| {
        let rest = &code[at..];
        rest[..rest.find(['{', ';']).unwrap_or(rest.len())].contains("mod ")
    };
    code.match_indices("#[cfg(test)]").find(is_module).map_or(code.len(), |(at, _)| at)
}

/// Such calls in a source text without its tests. One that reads from `take(..)` in the same statement has a limit.
fn found(text: &str) -> Vec<&'static str> {
    let code = code_only(text);
    let code = &code[..tests_at(&code)];
    let mut found = vec![];
    for call in UNLIMITED {
        for (at, _) in code.match_indices(call) {
            // `FeatureFile::open` is another one.
            if !call.starts_with('.') && at > 0 && is_word(code.as_bytes()[at - 1]) {
                continue;
            }
            let start = code[..at].rfind([';', '{', '}']).map_or(0, |place| place + 1);
            if !code[start..at].contains("take(") {
                found.push(call);
            }
        }
    }
    found
}

#[test]
fn every_file_is_read_through_a_call_that_knows_a_limit() {
    let root = repository();
    let mut wrong = vec![];
    let mut looked_at = 0;
    for source in ["engine/src", "apps/affekt/src", "apps/live/src"] {
        for file in files(&root.join(source), &["rs"]) {
            looked_at += 1;
            let path = file.strip_prefix(&root).expect("below the root").to_string_lossy().replace('\\', "/");
            if path.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&file).expect("UTF-8 source");
            for call in found(&text) {
                if !ALLOWED.iter().any(|(place, allowed, _)| path == *place && call == *allowed) {
                    wrong
                        .push(format!("{path}: {call}..) has no limit; use files::read_limited or its like"));
                }
            }
        }
    }
    assert!(looked_at > 300, "{looked_at} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_planted_call_is_found() {
    assert_eq!(found("fn f() { let a = std::fs::read(path)?; }"), ["fs::read("]);
    assert_eq!(found("fn f() { file.read_to_end(&mut all)?; }"), [".read_to_end("]);
    assert_eq!(found("fn f() { file.take(9).read_to_end(&mut all)?; }"), [""; 0]);
    assert_eq!(found("// fs::read(x)\nfn f() { \"fs::read(x)\"; }"), [""; 0]);
    assert_eq!(
        found(
            "#[cfg(test)]\n#[allow(x, reason = \"y\")]\npub(super) mod tests { fn f() { fs::read(path); } }"
        ),
        [""; 0]
    );
    assert_eq!(found("#[cfg(test)]\nmod tests { fn f() { fs::read(path); } }"), [""; 0], "tests may");
}
