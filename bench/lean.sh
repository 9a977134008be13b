#!/usr/bin/env bash
# What it costs to read a picture in a Rust program of one's own: crates, seconds of a cold build, bytes of the stripped program,
# without the engine's features, the same made small, and with all of the engine's default ones. The program stands in a folder
# outside the workspace.
#   bench/lean.sh [PICTURE]      FORMS="without small" leaves the third one out
set -euo pipefail
cd "$(dirname "$0")/.."

here=$PWD
picture=${1:-}
lab=$(mktemp -d)
trap 'rm -rf "$lab"' EXIT
mkdir "$lab/src"
built_in=$(cat assets/models/ferplus-64.safetensors assets/models/*.onnx | wc -c)
cp engine/examples/read_picture.rs "$lab/src/main.rs"
for form in ${FORMS:-without small all}; do
    features='default-features = false'
    [ "$form" != all ] || features='default-features = true'
    small=
    # Small code but for the kernels, and no unwinding: a panic ends the program.
    [ "$form" != small ] || small='panic = "abort"
[profile.release.package]
"*".opt-level = "s"
affekt-engine.opt-level = 3'
    cat >"$lab/Cargo.toml" <<EOF
[package]
name = "reader"
version = "0.1.0"
edition = "2024"

[dependencies]
affekt-engine = { path = "$here/engine", $features }

[profile.release]
strip = "symbols"
lto = "fat"
codegen-units = 1
$small
EOF
    # The versions that are tested, not the newest.
    cp Cargo.lock "$lab/"
    (
        cd "$lab"
        rm -rf target
        cargo fetch --quiet
        crates=$(cargo tree --edges normal,build --prefix none | sed 's/ (\*)$//' | sort -u | wc -l)
        began=$(date +%s)
        cargo build --release --quiet
        took=$(($(date +%s) - began))
        bytes=$(stat --format=%s target/release/reader)
        echo "$form: $((crates - 1)) crates, cold build $took s, $bytes bytes, $((bytes - built_in)) of them not the built-in model and detector"
        [ -z "$picture" ] || target/release/reader "$picture"
    )
done
