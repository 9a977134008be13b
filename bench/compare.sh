#!/usr/bin/env bash
# Times affekt beside onnxruntime and PyTorch and prints a Markdown table.
#
#     bench/compare.sh [ROUNDS]
#
# Each measurement is a process of its own with two threads, and the contestants take turns in every round, because
# a shared machine's speed drifts. Needs an otherwise idle machine and a Python with bench/peers/requirements.txt:
# PYTHON=/path/to/venv/bin/python. Set SECONDS_EACH to measure longer, AFFEKT to time another build of the program.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-2}
python=${PYTHON:-python3}
seconds=${SECONDS_EACH:-5}
affekt=${AFFEKT:-target/release/affekt}
"$python" -c 'import onnxruntime, torch, torchvision' ||
    { echo "compare: $python lacks the peers; pip install -r bench/peers/requirements.txt and set PYTHON" >&2; exit 2; }
[ -n "${AFFEKT:-}" ] || cargo build --release --locked -p affekt

lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
uptime >&2

ours() { # model size batch mode [arithmetic]
    local line classes=8 arithmetic=${5:-single}
    [ "$4" = step ] || classes=1000 # as the peers have
    line=$("$affekt" bench --model "$1" --size "$2" --batch "$3" --mode "$4" --classes "$classes" --threads 2 \
        --arithmetic "$arithmetic" --json)
    # The case is added here, so that the table does not depend on what else the program reports.
    "$python" - "$line" "$1" "$2" "$3" "$4" "$arithmetic" >>"$lines" <<'PY'
import json, sys
line = json.loads(sys.argv[1])
name = {"single": "affekt", "fixed": "affekt, fixed point"}[sys.argv[6]]
line.update(peer=name, model=sys.argv[2], size=int(sys.argv[3]), batch=int(sys.argv[4]), mode=sys.argv[5])
print(json.dumps(line))
PY
}

peer() { # peer model size batch mode
    "$python" bench/peers/run_peers.py --seconds "$seconds" \
        --peer "$1" --model "$2" --size "$3" --batch "$4" --mode "$5" >>"$lines"
}

for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    for batch in 1 8; do
        ours resnet50 224 "$batch" infer
        ours resnet50 224 "$batch" infer fixed
        peer onnxruntime resnet50 224 "$batch" infer
        peer torch resnet50 224 "$batch" infer
    done
    ours resnet18 64 32 step
    peer torch resnet18 64 32 step
    ours resnet50 224 8 step
    peer torch resnet50 224 8 step
done
uptime >&2

"$python" bench/peers/table.py "$lines"
