#!/usr/bin/env bash
# Makes the Debian packages of affekt and affekt-live for this machine in packaging/out. Needs cargo-deb (`cargo install cargo-deb`).
set -euo pipefail
cd "$(dirname "$0")/.."

# Without --workspace the programs would be built with other features of their dependencies than the tests are.
[ "${1:-}" = --no-build ] || cargo build --release --workspace --bins --locked
packaging/stage.sh
mkdir -p packaging/out
for package in affekt affekt-live; do
    cargo deb --no-build --locked --package "$package" --output packaging/out/
done
ls -l packaging/out/*.deb
