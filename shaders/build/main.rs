//! Validates every shader in `wgsl/` and writes a table of them: source, entry points, bindings, and a Rust structure
//! for each uniform block and array element with exactly the reflected layout. A shader that does not validate fails the build.

mod reflect;
mod source;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("wgsl");
    println!("cargo:rerun-if-changed=wgsl");
    println!("cargo:rerun-if-changed=build");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut files: Vec<PathBuf> = fs::read_dir(&root)
        .expect("the folder wgsl")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|e| e == "wgsl"))
        .collect();
    files.sort();
    let mut generated = String::new();
    let mut constants = Vec::new();
    for path in files {
        match shader(&root, &path, &out, &mut generated) {
            Ok(constant) => constants.push(format!("&{constant}")),
            Err(message) => println!("cargo::error={}: {message}", path.display()),
        }
    }
    let _ = writeln!(
        generated,
        "/// Every shader, by name.\npub static ALL: [&Shader; {}] = [{}];",
        constants.len(),
        constants.join(", ")
    );
    fs::write(out.join("shaders.rs"), generated).expect("a writable build folder");
}

/// Expands, validates and describes one shader; gives the name of its constant.
fn shader(root: &Path, path: &Path, out: &Path, generated: &mut String) -> Result<String, String> {
    let name = path.file_stem().and_then(|n| n.to_str()).ok_or("a name in UTF-8")?;
    let text = source::expand(root, path)?;
    let reflected = reflect::reflect(&text)?;
    fs::write(out.join(format!("{name}.wgsl")), &text).map_err(|e| e.to_string())?;
    if let Some(uniform) = &reflected.uniform {
        uniform.write(name, None, generated);
    }
    for (element, block) in &reflected.elements {
        block.write(name, Some(element), generated);
    }
    let constant = name.to_uppercase();
    let _ = writeln!(
        generated,
        "/// `{name}.wgsl`.\npub static {constant}: Shader = Shader {{\n    name: \"{name}\",\n    \
         source: include_str!(concat!(env!(\"OUT_DIR\"), \"/{name}.wgsl\")),\n    entry_points: &{:?},\n    \
         uniform: {},\n    storage: &[{}],\n    strides: &{:?},\n}};\n",
        reflected.entry_points,
        reflected.uniform.map_or(0, |u| u.size),
        reflected.storage.iter().map(|s| format!("Access::{s}")).collect::<Vec<_>>().join(", "),
        reflected.strides,
    );
    Ok(constant)
}
