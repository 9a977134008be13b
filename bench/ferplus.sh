#!/usr/bin/env bash
# Semi-supervised against supervised on FER+, at equal steps and equal time, as a Markdown table.
#
#     bench/ferplus.sh FERPLUS_TAR RECORDIO_FOLDER OUT [key.path=value ...]
#
# Runs that OUT already holds are not repeated, so an interrupted comparison goes on where it stopped. What may be set
# in the environment: LABELS="25 100 max400" (labels a class), SEEDS="1 2 3", STEPS=7000, EQUAL_TIME=no (leaves the third
# run of each seed out, which takes as long as the first). Settings after OUT hold for
# both methods; SSL="key.path=value ..." holds for the semi-supervised runs alone. At equal time the supervised run gets
# as many times more steps as the semi-supervised run took longer.
#
# Each run has one thread and its time is processor seconds, so several comparisons may share a machine: two of them
# with different SEEDS or LABELS may fill one OUT.
set -euo pipefail
[ $# -ge 3 ] || { sed -n '4p' "$0" | cut -c3- >&2; exit 2; }
tar=$(realpath "$1") faces=$(realpath "$2") out=$3
shift 3
both=() ssl=()
for setting in "$@"; do both+=(--set "$setting"); done
for setting in ${SSL:-}; do ssl+=(--set "$setting"); done
affekt=${AFFEKT:-$(dirname "$0")/../target/release/affekt}
steps=${STEPS:-7000}
mkdir -p "$out"

train() { # name labels seed steps method settings...
    local name=$1 labels=$2 seed=$3 count=$4 method=$5 taken
    shift 5
    [ ! -s "$out/$name.seconds" ] || return 0
    local TIMEFORMAT='%U'
    taken=$({ time "$affekt" pretrain --preset ferplus-100 --quiet --force --threads 1 --method "$method" --seed "$seed" \
        --steps "$count" --labels-per-class "$labels" --labelled "ferplus:$tar#Train" --unlabelled "recordio:$faces" \
        --valid "ferplus:$tar#Valid" --out "$out/$name" "${both[@]}" "$@" >"$out/$name.txt" 2>&1; } 2>&1)
    echo "${taken%.*}" >"$out/$name.seconds"
}

# `report.json` is printed one field a line; the scores stand under their network's name.
score() { # name network
    awk -v network="\"$2\":" '
        index($0, network) { inside = 1 }
        inside && /"macro_f1"/ { gsub(/[^0-9.]/, "", $2); printf "%.3f", $2; exit }
    ' "$out/$1/report.json"
}

echo '| labels a class | seed | method | steps | seconds | macro F1 of the student | of the teacher |'
echo '|---|---|---|---|---|---|---|'
for labels in ${LABELS:-25 100 max400}; do
    for seed in ${SEEDS:-1 2 3}; do
        row() { # name method steps teacher
            echo "| $labels | $seed | $2 | $3 | $(cat "$out/$1.seconds") | $(score "$1" student_average) | $4 |"
        }
        train "ssl-$labels-$seed" "$labels" "$seed" "$steps" ssl "${ssl[@]}"
        row "ssl-$labels-$seed" semi-supervised "$steps" "$(score "ssl-$labels-$seed" teacher)"
        train "equal-steps-$labels-$seed" "$labels" "$seed" "$steps" supervised
        row "equal-steps-$labels-$seed" supervised "$steps" -
        [ "${EQUAL_TIME:-yes}" = yes ] || continue
        longer=$((steps * $(cat "$out/ssl-$labels-$seed.seconds") / $(cat "$out/equal-steps-$labels-$seed.seconds")))
        train "equal-time-$labels-$seed" "$labels" "$seed" "$longer" supervised
        row "equal-time-$labels-$seed" supervised "$longer" -
    done
done
