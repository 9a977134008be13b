#!/usr/bin/env bash
# A step of semi-supervised training in two processes of one thread against one process of two threads, in turns: median seconds
# of a step, the share of it spent on the other process, and bytes sent in a step.
#   bench/processes.sh AFFEKT [ROUNDS]
# AFFEKT is built with --features mpi.
set -euo pipefail
affekt=$(realpath "${1:?the program}") rounds=${2:-3}
lab=$(mktemp -d)
trap 'rm -rf "$lab"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1

run() { # NAME THREADS LAUNCHER... -- OPTIONS...
    local name=$1 threads=$2 launcher=()
    shift 2
    while [ "$1" != -- ]; do launcher+=("$1") && shift; done
    shift
    rm -rf "$lab/run"
    "${launcher[@]}" "$affekt" pretrain --quiet --threads "$threads" --model resnet18 --size 64 --steps 14 --batch 32 \
        --unlabelled-batch 32 --set training.teacher_warm_up_steps=2 --set training.student_wait_steps=2 \
        --set data.sampling=natural --checkpoint-every 0 --eval-every 0 --out "$lab/run" \
        --labelled 'synth:400?seed=1&size=64&channels=3' --unlabelled 'synth:400?seed=2&size=64&channels=3' "$@" >/dev/null
    # The first steps are cheap ones, or the first of their kind.
    grep '"kind":"step"' "$lab/run/log.jsonl" | tail -n +5 >>"$lab/$name"
}
table() {
    echo '| how | median s a step | share of it spent on others | bytes sent a step |'
    echo '|---|---|---|---|'
    for name in "$@"; do
        jq -rs --arg name "$name" '(map(.seconds) | sort | .[length / 2 | floor]) as $s
            | (map(.communication_share // 0) | sort | .[length / 2 | floor]) as $c
            | "| \($name) | \($s * 1000 | round / 1000) | \($c * 1000 | round / 1000) | \(.[0].communication_bytes // 0) |"' "$lab/$name"
    done
}
for _ in $(seq "$rounds"); do
    run '1 process, 2 threads' 2 -- --replicas 1
    run '1 process, 2 replicas of 1 thread' 2 -- --replicas 2
    run '2 processes of 1 thread, sync' 1 mpirun -n 2 --bind-to core -- --batch-norm sync
    run '2 processes of 1 thread, local' 1 mpirun -n 2 --bind-to core -- --batch-norm local
done
table '1 process, 2 threads' '1 process, 2 replicas of 1 thread' '2 processes of 1 thread, sync' '2 processes of 1 thread, local'
