#!/usr/bin/env bash
# Plants one error after another into the shaders and checks that the tests of the wgpu backend see each.
#
#     shaders/plant_errors.sh
#
# Needs a clean work tree and an adapter; about a minute an error. The shaders are put back whatever happens.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -z "$(git status --porcelain shaders)" ] || { echo "shaders/ has changes; commit or stash them first" >&2; exit 2; }
trap 'git checkout --quiet -- shaders/wgsl' EXIT

missed=0
plant() { # file, what is there, what is planted
    python3 - "shaders/wgsl/$1" "$2" "$3" <<'PY'
import sys
path, old, new = sys.argv[1:]
text = open(path).read()
assert old in text, f"{path} has no `{old}`"
open(path, "w").write(text.replace(old, new, 1))
PY
    if REQUIRE_GPU=1 cargo test --release --quiet --workspace --test wgpu_backend >/dev/null 2>&1; then
        echo "MISSED  $1: $2 -> $3"
        missed=1
    else
        echo "seen    $1: $2 -> $3"
    fi
    git checkout --quiet -- shaders/wgsl
}

plant product.wgsl 'first_row + y * 4u + i' 'first_row + y * 4u + 3u - i'
plant product_lanes.wgsl 'c + 2u * (id % 4u)' 'c + 2u * (id % 2u)'
plant batch_norm_backward.wgsl '-factor * plain / rows' 'factor * plain / rows'
plant pool.wgsl 'at = iy * u.in_w + ix;' 'at = iy * u.in_w + columns.x;'
plant layer_norm.wgsl 'n * means.y' 'means.y'
plant attention.wgsl 'key > place.position' 'key >= place.position'
plant tail.wgsl 'bits >= u.threshold' 'bits > 3u * u.threshold'
plant update.wgsl 'u.weight_decay * p' '2.0 * u.weight_decay * p'
exit "$missed"
