#!/usr/bin/env bash
# Builds the page into apps/web/dist: the module for WebAssembly with SIMD, the model in 7 bits a weight, both compressed, and the
# page's own files. Needs `rustup target add wasm32-unknown-unknown`. Serve the folder by any web server:
#   python3 -m http.server --directory apps/web/dist
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
out=apps/web/dist
RUSTFLAGS="-C target-feature=+simd128" cargo build --profile web --locked --target wasm32-unknown-unknown --package affekt-web --lib
rm -rf "$out"
mkdir -p "$out"
cp apps/web/page/* apps/live/desktop/affekt-live.svg "$out"
gzip -9 --no-name <"$target/wasm32-unknown-unknown/web/affekt_web.wasm" >"$out/affekt.wasm.gz"
# With --workspace, so that dependencies have the features that tests build them with.
cargo build --release --workspace --locked --example pack_model
"$target/release/examples/pack_model" "$out/model.bin"
gzip -9 --no-name "$out/model.bin"
du --bytes "$out"/* | sort -n
echo "$(cat "$out"/* | wc -c) bytes in all"
