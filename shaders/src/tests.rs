//! The preprocessor, and what every shader must keep to.

use std::collections::HashSet;
use std::fs;

use super::*;

#[path = "../build/source.rs"]
mod source;

fn expanded(text: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.wgsl");
    fs::write(&path, text).expect("a file");
    fs::write(folder.path().join("b.wgsl"), "included\n").expect("a file");
    source::expand(folder.path(), &path)
}

#[test]
fn loops_are_unrolled_with_their_expressions() {
    let text = "#for i in 0..2\n#for j in 1..6 step 2\nx$(i)_$(j * (i + 1) - 1) $(7 / 2 % 2);\n#end\n#end\n";
    assert_eq!(expanded(text).as_deref(), Ok("x0_0 1;\nx0_2 1;\nx0_4 1;\nx1_1 1;\nx1_5 1;\nx1_9 1;\n"));
    assert_eq!(expanded("#for i in 3..3\nnever\n#end\nafter\n").as_deref(), Ok("after\n"));
}

#[test]
fn a_file_is_included_once() {
    assert_eq!(expanded("#include \"b.wgsl\"\n#include \"b.wgsl\"\nown\n").as_deref(), Ok("included\nown\n"));
}

#[test]
fn mistakes_name_their_line() {
    for (text, part) in [
        ("#for i in 0..2\nx\n", "no #end"),
        ("#for i 0..2\n#end\n", "#for NAME"),
        ("x$(k)\n", "`k` is no expression"),
        ("x$(1 / 0)\n", "no expression"),
        ("x$(1\n", "no end"),
        ("#include b.wgsl\n", "quotes"),
        ("#include \"c.wgsl\"\n", "c.wgsl"),
    ] {
        let error = expanded(text).expect_err(text);
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn shaders_ask_for_no_more_than_webgpu_gives() {
    let mut names = HashSet::new();
    for shader in ALL {
        names.insert(shader.name);
        assert!(shader.storage.len() <= 8, "{}: {} storage buffers", shader.name, shader.storage.len());
        assert!(!shader.entry_points.is_empty(), "{}", shader.name);
        assert!(shader.uniform > 0 && shader.uniform.is_multiple_of(4), "{}", shader.name);
    }
    let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/wgsl")).expect("the folder wgsl");
    let files = files.filter(|f| f.as_ref().is_ok_and(|f| f.path().extension().is_some())).count();
    assert_eq!(names.len(), files, "every file is a shader here");
}
