#!/usr/bin/env bash
# Plants one error after another into the shaders and checks that the tests of the wgpu backend see each.
#
#     shaders/plant_errors.sh
#
# Needs a clean work tree and an adapter; about a minute an error. The shaders are put back whatever happens. What does not
# build says nothing about the tests, so tests must pass before anything is planted and build after it.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -z "$(git status --porcelain shaders)" ] || { echo "shaders/ has changes; commit or stash them first" >&2; exit 2; }
trap 'git checkout --quiet -- shaders/wgsl' EXIT

missed=0
plant() { # test, file, what is there, what is planted
    python3 - "shaders/wgsl/$2" "$3" "$4" <<'PY'
import sys
path, old, new = sys.argv[1:]
text = open(path).read()
assert old in text, f"{path} has no `{old}`"
open(path, "w").write(text.replace(old, new, 1))
PY
    if ! cargo test --release --quiet --workspace --test "$1" --no-run >/dev/null 2>&1; then
        echo "NO BUILD $2: $3 -> $4"
        missed=1
    elif REQUIRE_GPU=1 cargo test --release --quiet --workspace --test "$1" >/dev/null 2>&1; then
        echo "MISSED  $2: $3 -> $4"
        missed=1
    else
        echo "seen    $2: $3 -> $4"
    fi
    git checkout --quiet -- shaders/wgsl
}

REQUIRE_GPU=1 cargo test --release --quiet --workspace --test wgpu_backend --test wgpu_memory --test wgpu_views --test wgpu_half >/dev/null ||
    { echo "the tests fail before anything is planted" >&2; exit 2; }

plant wgpu_backend product.wgsl 'first_row + y * 4u + i' 'first_row + y * 4u + 3u - i'
plant wgpu_backend product_lanes.wgsl 'c + 2u * (id % 4u)' 'c + 2u * (id % 2u)'
plant wgpu_backend batch_norm_backward.wgsl '-factor * plain / rows' 'factor * plain / rows'
plant wgpu_backend pool.wgsl 'at = iy * u.in_w + ix;' 'at = iy * u.in_w + columns.x;'
plant wgpu_backend layer_norm.wgsl 'n * means.y' 'means.y'
plant wgpu_backend attention.wgsl 'key > place.position' 'key >= place.position'
plant wgpu_backend epilogue.wgsl 'bits >= u.threshold' 'bits > 3u * u.threshold'
plant wgpu_backend common/update_rules.wgsl 'u.weight_decay * old.value)' '2.0 * u.weight_decay * old.value)'
plant wgpu_backend product_quads.wgsl 'k % u.in_c;' '(k + 1u) % u.in_c;'
plant wgpu_backend update_lanes.wgsl 'pair(x.first, y.first)' 'pair(x.first, x.first)'
plant wgpu_backend batch_norm_backward.wgsl 'apply_to(row * u.columns + c, column)' 'apply_to(row * u.columns + c, column_of(c))'
plant wgpu_memory update.wgsl 'first[i] + values[i]' 'first[i] - values[i]'
plant wgpu_memory update_lanes.wgsl 'v.y + p.y' 'v.y + p.x'
plant wgpu_views augment.wgsl 'alone(v.xy * y)' 'alone(v.yx * y)'
plant wgpu_views augment.wgsl 'select(period - 1 - j, j, j < length)' 'select(period - j, j, j < length)'
plant wgpu_views augment.wgsl 'below + step / 2u' 'below + step'
plant wgpu_views augment.wgsl 'sum = vec3<u32>(6u)' 'sum = vec3<u32>(5u)'
plant wgpu_views augment.wgsl 'cell) + 1.0)' 'cell) + 0.98)'
plant wgpu_half product_half.wgsl '+ w % u.in_c;' '+ (w + 1u) % u.in_c;'
plant wgpu_half product_half.wgsl 'sums[$(r)] += ' 'sums[$(r)] = '
plant wgpu_half fold_half.wgsl 'fold(2u * i + 1u)' 'fold(2u * i)'
exit "$missed"
