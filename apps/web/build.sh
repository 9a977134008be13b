#!/usr/bin/env bash
# Builds the page into apps/web/dist: the module for WebAssembly with SIMD and the built-in model, both compressed, and the page's
# own files. Needs `rustup target add wasm32-unknown-unknown`. Serve the folder by any web server:
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
gzip -9 --no-name <assets/models/ferplus-64.safetensors >"$out/model.bin.gz"
du --bytes "$out"/* | sort -n
echo "$(cat "$out"/* | wc -c) bytes in all"
