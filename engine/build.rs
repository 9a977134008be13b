//! Tells where the built-in models, presets, vocabularies and the font lie: in this crate's folder, as in a package, or beside it,
//! as in the repository where links are not checked out.

use std::path::PathBuf;

/// `v4l` and `nokhwa` stand for what cameras are read by: a feature and a system that has it.
fn cameras() {
    println!("cargo:rustc-check-cfg=cfg(v4l, nokhwa)");
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let feature = |name: &str| std::env::var_os(format!("CARGO_FEATURE_{name}")).is_some();
    if system == "linux" && feature("CAMERA") {
        println!("cargo:rustc-cfg=v4l");
    }
    if ["macos", "windows"].contains(&system.as_str()) && feature("NOKHWA") {
        println!("cargo:rustc-cfg=nokhwa");
    }
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from) else {
        println!("cargo::error=CARGO_MANIFEST_DIR is not set");
        return;
    };
    let places = [package.join("assets"), package.join("../assets")];
    match places.iter().find(|place| place.join("models").is_dir()) {
        Some(assets) => println!("cargo:rustc-env=AFFEKT_ASSETS={}", assets.display()),
        None => println!("cargo::error=no folder assets with the built-in models in {}", package.display()),
    }
    cameras();
}
