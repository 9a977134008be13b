#!/usr/bin/env bash
# A training pass (forward, backward, update) of ResNet-18, 64 px, batch 32, by one thread on the CPU backend, on dfdx's processor and in
# PyTorch, in turns: processor seconds (user) a pass, because others may use the machine too.
#   PYTHON=/path/to/venv/bin/python bench/dfdx.sh AFFEKT [ROUNDS]
# AFFEKT is built with --features dfdx, PYTHON has bench/peers/requirements.txt.
set -euo pipefail
affekt=$(realpath "${1:?the program}") rounds=${2:-2} python=${PYTHON:-python3}
cd "$(dirname "$0")"

processor_seconds() { # ITERATIONS BACKEND
    local seconds
    TIMEFORMAT=%U
    seconds=$({ time "$affekt" bench --mode train --model resnet18 --size 64 --batch 32 --threads 1 --backend "$2" \
        --iterations "$1" --json >/dev/null; } 2>&1 | tail -n 1)
    echo "$seconds"
}
a_pass() { # BACKEND
    # What comes before the passes, and the first one, which prepares, drop out of the difference.
    local few many
    few=$(processor_seconds 1 "$1")
    many=$(processor_seconds 5 "$1")
    awk -v few="$few" -v many="$many" 'BEGIN { printf "%.3f", (many - few) / 4 }'
}

echo '| round | cpu | dfdx | PyTorch |'
echo '|---|---|---|---|'
for round in $(seq "$rounds"); do
    ours=$(a_pass cpu)
    dfdx=$(a_pass dfdx)
    torch=$("$python" peers/run_peers.py --peer torch --model resnet18 --size 64 --batch 32 --mode train --threads 1 --seconds 3 |
        jq '.processor_ms_min / 1000')
    echo "| $round | $ours | $dfdx | $torch |"
done
