#!/usr/bin/env bash
# Compares the public interface of the crates that are published with that of the last tag, and names what the new version must
# be. Needs cargo-semver-checks (`cargo install cargo-semver-checks --locked`).
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo semver-checks --version >/dev/null 2>&1; then
    echo "cargo-semver-checks is missing: cargo install cargo-semver-checks --locked" >&2
    exit 2
fi
tag=${1:-$(git describe --tags --abbrev=0 2>/dev/null || true)}
if [ -z "$tag" ]; then
    echo "there is no tag to compare with yet; name a commit: packaging/semver.sh COMMIT" >&2
    exit 2
fi
for package in affekt-shaders affekt-engine; do
    # The features that are off by default need a CUDA toolkit and an MPI library.
    cargo semver-checks --package "$package" --baseline-rev "$tag" --default-features
done
