#!/usr/bin/env bash
# Makes the Debian packages of affekt and affekt-live for this machine in packaging/out. Needs cargo-deb (`cargo install cargo-deb`).
set -euo pipefail
cd "$(dirname "$0")/.."

[ "${1:-}" = --no-build ] || cargo build --profile dist --bins --locked --package affekt --package affekt-live
packaging/stage.sh
mkdir -p packaging/out
for package in affekt affekt-live; do
    cargo deb --no-build --profile dist --locked --package "$package" --output packaging/out/
done
ls -l packaging/out/*.deb
