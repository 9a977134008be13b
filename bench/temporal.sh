#!/usr/bin/env bash
# Times the temporal encoder beside PyTorch's and prints a Markdown table.
#
#     bench/temporal.sh [ROUNDS]
#
# Each measurement is a process of its own with two threads, and the two take turns in every round, because a shared
# machine's speed drifts. PYTHON names a Python with bench/peers/requirements.txt; set AFFEKT to time another build of
# the program, ITERATIONS to measure longer, BATCH for another batch.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-3}
python=${PYTHON:-python3}
affekt=${AFFEKT:-target/release/affekt}
iterations=${ITERATIONS:-5}
batch=${BATCH:-32}
"$python" -c 'import torch' ||
    { echo "temporal: $python lacks PyTorch; pip install -r bench/peers/requirements.txt and set PYTHON" >&2; exit 2; }
[ -n "${AFFEKT:-}" ] || cargo build --release --locked -p affekt

lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
uptime >&2
for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    for mode in infer train; do
        "$affekt" bench --model temporal --batch "$batch" --mode "$mode" --iterations "$iterations" --threads 2 --json >>"$lines"
        "$python" bench/peers/temporal.py --batch "$batch" --mode "$mode" --iterations "$iterations" >>"$lines"
    done
done
uptime >&2

"$python" - "$lines" <<'PY'
import json, statistics, sys
cases = {}
for line in map(json.loads, open(sys.argv[1])):
    cases.setdefault((line["mode"], line["batch"]), {}).setdefault(line.get("peer", "affekt"), []).append(line)
print("| work | program | best ms | median ms | peak MiB | time relative to affekt |")
print("|---|---|---|---|---|---|")
for (mode, batch), peers in cases.items():
    best = {name: min(line["ms_min"] for line in lines) for name, lines in peers.items()}
    for name, lines in peers.items():
        median = statistics.median(line["ms_median"] for line in lines)
        peak = max(line["peak_mib"] or float("nan") for line in lines)
        ratio = best[name] / best["affekt"]
        print(f"| {mode}, batch {batch} | {name} | {best[name]:.1f} | {median:.1f} | {peak:.1f} | {ratio:.2f} |")
PY
