#!/usr/bin/env bash
# What each part of the built-in model's training gives, one change at a time, on a network of a quarter of the width, as a Markdown
# table: FER+ Valid, one view / mean with the mirrored view.
#
#     bench/parts.sh FERPLUS_TAR RECORDIO_FOLDER OUT [ROW ...]
#
# Runs that OUT already holds are not repeated. In the environment: SEEDS="1 2", STEPS=2000. Needs jq.
set -euo pipefail
[ $# -ge 3 ] || { sed -n '5p' "$0" | cut -c3- >&2; exit 2; }
valid="ferplus:$(realpath "$1")#Valid" train="ferplus:$(realpath "$1")#Train" faces=recordio:$(realpath "$2") out=$3
shift 3
affekt=${AFFEKT:-$(dirname "$0")/../target/release/affekt}
steps=${STEPS:-2000}
mkdir -p "$out"

change() { # ROW: sets the words that differ from the first row
    case $1 in
    base) words=() ;;
    'labels of the majority alone') words=(--set training.soft_targets=false) ;;
    'weak views') words=(--set data.labelled_view=weak) ;;
    'half the steps') words=(--steps $((steps / 2))) ;;
    'twice the steps') words=(--steps $((steps * 2))) ;;
    'twice the width') words=(--set model.width=0.5) ;;
    '64 pixels') words=(--set model.size=64) ;;
    '4,000 generated faces besides') words=(--labelled 'synth:4000?seed=7&size=48&channels=1&map=Other:drop') ;;
    'unlabelled faces, teacher and student') words=(--method ssl --unlabelled "$faces" --unlabelled-batch 64 --student-lr 0.05) ;;
    *) echo "there is no row \"$1\"" >&2 && exit 2 ;;
    esac
}
score() { # FILE WHAT: accuracy and macro F1
    jq --raw-output "$2 | [.accuracy, .macro_f1] | map(. * 1000 | round / 1000) | join(\" \")" "$1"
}
row() { # WORDS FLAT FLIPPED, each "accuracy F1"
    read -r a b <<<"$2"
    read -r c d <<<"$3"
    echo "| $1 | $a / $c | $b / $d |"
}

[ $# -gt 0 ] || set -- base 'labels of the majority alone' '4,000 generated faces besides' 'weak views' 'twice the steps' 'half the steps' \
    'twice the width' '64 pixels' 'unlabelled faces, teacher and student'
echo '| what differs | seed | accuracy | macro F1 |'
echo '|---|---|---|---|'
for name; do
    change "$name"
    for seed in ${SEEDS:-1 2}; do
        run=$out/${name//[ ,]/-}-$seed
        if [ ! -s "$run/report.json" ]; then
            "$affekt" pretrain --preset ferplus-full --set model.width=0.25 --quiet --force --threads 1 --seed "$seed" --steps "$steps" \
                --set evaluation.every=0 --labelled "$train" --valid "$valid" --out "$run" "${words[@]}" >"$run.txt" 2>&1
        fi
        "$affekt" eval --model "$run/model.safetensors" --data "$valid" --threads 1 --quiet --json >"$run.json"
        row "$name | $seed" "$(score "$run.json" '.scores // .')" "$(score "$run/report.json" .scores.student_average)"
        if [ "$name" = base ]; then
            echo "| the same, last weights instead of their average | $seed | $(score "$run/report.json" .scores.student | sed 's/ / | /') |"
        fi
    done
done
