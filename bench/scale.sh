#!/usr/bin/env bash
# How long millions of records take to open, and how much memory: once while their content is hashed, then again; and to inspect.
#
#     bench/scale.sh [COUNT]
#
# Writes COUNT tiny records (5,822,653 as MS1MV2 has; about 1.3 GB) below TMPDIR and removes them at the end. AFFEKT times another
# build of the program. Needs GNU time.
set -euo pipefail
cd "$(dirname "$0")/.."

count=${1:-5822653}
affekt=${AFFEKT:-target/release/affekt}
[ -n "${AFFEKT:-}" ] || cargo build --release --locked -p affekt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 bench/peers/make_records.py "$count" "$work/ms1mv2"
"$affekt" synth --out "$work/faces" --count 80 --size 32 --quiet >/dev/null
ls -l "$work/ms1mv2"
uptime
opened() {
    local name=$1
    shift
    echo "== $name"
    /usr/bin/time -v "$affekt" pretrain --data-only --quiet --labelled "folder:$work/faces" --model resnet18 --size 32 --width 0.0625 \
        --set data.hash_folder="$work/kept" --out "$work/$name" "$@" 2>"$work/$name.time"
    grep -E 'Elapsed|User time|System time|Maximum resident' "$work/$name.time"
}
opened first --unlabelled "ms1mv2:$work/ms1mv2"
opened again --unlabelled "ms1mv2:$work/ms1mv2"
opened third --unlabelled "ms1mv2:$work/ms1mv2?fraction=1/3"
opened unhashed --unlabelled "ms1mv2:$work/ms1mv2" --no-hash
# Reading every record, beside reading the file.
for round in 1 2 3; do
    echo "== the file, then inspect, round $round"
    /usr/bin/time -f '%e s, processor %U + %S s, %M KiB' cat "$work/ms1mv2/train.rec" >/dev/null
    /usr/bin/time -f '%e s, processor %U + %S s, %M KiB' "$affekt" data inspect "ms1mv2:$work/ms1mv2" --sample 1 --quiet >/dev/null
done
ls -l "$work/kept" "$work/again/manifest.csv.gz" "$work/third/manifest.csv.gz"
uptime
