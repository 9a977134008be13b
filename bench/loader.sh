#!/usr/bin/env bash
# Pictures a second of the loader: 256-pixel JPEG to strongly augmented views of 224 and of 64 pixels in colour, two workers.
#
#     bench/loader.sh [ROUNDS]
#
# With PYTHON=/path/to/python that has torch and torchvision, its DataLoader with two workers does the same work in turns
# (bench/peers/loader.py), because a shared machine's speed drifts. AFFEKT names another build of the program, JPEGS a folder of
# pictures to take instead of generated ones.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-3}
affekt=${AFFEKT:-target/release/affekt}
[ -n "${AFFEKT:-}" ] || cargo build --release --locked -p affekt
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
if [ -n "${JPEGS:-}" ]; then
    ln -s "$(realpath "$JPEGS")" "$data/jpeg"
else
    "$affekt" synth --kind recordio --count 1000 --size 256 --out "$data/synth" --quiet
    "$affekt" data pack "recordio:$data/synth" --to webdataset --out "$data/tar" --quiet
    mkdir "$data/jpeg"
    tar -xf "$data/tar/shard-000000.tar" -C "$data/jpeg"
    rm "$data"/jpeg/*.json
fi

uptime >&2
for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    for size in 224 64; do
        "$affekt" bench --mode loader --data "folder:$data/jpeg?unlabelled=true" --size "$size" --channels 3 --workers 2 --json
        [ -z "${PYTHON:-}" ] || "$PYTHON" bench/peers/loader.py --data "$data/jpeg" --size "$size"
    done
done
# How fast a large file is gone through: every record read and hashed, none decoded.
"$affekt" data pack "folder:$data/jpeg?unlabelled=true" --to recordio --out "$data/rec" --quiet
time "$affekt" data inspect "recordio:$data/rec" --sample 1 --json --quiet >/dev/null
uptime >&2
