//! Tells where the built-in models, presets, vocabularies and the font lie: in this crate's folder, as in a package, or beside it,
//! as in the repository where links are not checked out.

use std::path::PathBuf;

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
}
