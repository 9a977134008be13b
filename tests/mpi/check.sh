#!/usr/bin/env bash
# Trains and measures in several processes of one machine, by MPI: the same bits as one process, whatever happens to them.
#   tests/mpi/check.sh AFFEKT
# AFFEKT is a program that was built with --features mpi. Needs mpirun (Debian: openmpi-bin).
set -euo pipefail
affekt=$(realpath "${1:?the program}")
lab=$(mktemp -d)
trap 'rm -rf "$lab"' EXIT
cd "$lab"
# As root, as containers are, and with more processes than cores.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 RUST_LOG=warn
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
same() { # FILE OTHER
    cmp "$1" "$2" || fail "$1 and $2 differ"
}
refused() { # CODE WORDS COMMAND...
    local code=$1 words=$2 got=0
    shift 2
    "$@" >refused.txt 2>&1 || got=$?
    [ "$got" = "$code" ] || fail "exit code $got instead of $code: $* : $(cat refused.txt)"
    grep -q -- "$words" refused.txt || fail "nothing of \"$words\" in: $(cat refused.txt)"
}

small=(--preset tiny --threads 1 --quiet --set training.teacher_warm_up_steps=4 --set training.student_wait_steps=4
    --batch 24 --unlabelled-batch 24 --checkpoint-every 5 --eval-every 10 --set evaluation.flip=true
    --labelled 'synth:200?seed=1&size=48&channels=1' --unlabelled 'synth:300?seed=2&size=48&channels=1'
    --valid 'synth:101?seed=3&size=48&channels=1' --labels-per-class max100)
pretrain() { # STEPS OUT OPTIONS...
    local steps=$1 out=$2
    shift 2
    "${run[@]}" "$affekt" pretrain "${small[@]}" --steps "$steps" --out "$out" "$@" >"$out.txt"
}

echo "== pretrain: six replicas in 1, 2, 3 and 6 processes"
run=()
pretrain 20 one --replicas 6
for processes in 2 3 6; do
    run=(mpirun -n "$processes")
    pretrain 20 "of$processes" --replicas 6
    [ "$(grep -c '^model:' "of$processes.txt")" = 1 ] || fail "one process speaks: $(cat "of$processes.txt")"
    for file in model.safetensors teacher.safetensors data.json; do
        same "one/$file" "of$processes/$file"
    done
    grep -q '"communication_share":0' "of$processes/log.jsonl" || fail "the log does not say what was spent on talking"
done
echo "== pretrain: a replica for each process, as --replicas says in one"
run=(mpirun -n 2)
pretrain 20 two
run=()
pretrain 20 two-in-one --replicas 2
same two/model.safetensors two-in-one/model.safetensors
grep -q '^replicas = 2$' two/config.toml || fail "config.toml does not say the replicas"

echo "== hashing and looking for copies by 1 and 3 processes: the same items are used"
"$affekt" synth --kind faces --out faces --count 600 --quiet >/dev/null
for of in 1 2 3; do cp "$(ls faces/*/*.png | tail -n "+$((of * 40))" | head -n 1)" "faces/Anger/copy$of.png"; done
head -c 300 faces/Anger/copy1.png >faces/Anger/damaged.png
for processes in 1 3; do
    mpirun -n "$processes" "$affekt" pretrain --preset tiny --threads 1 --quiet --steps 3 --batch 24 --unlabelled-batch 24 --checkpoint-every 0 \
        --set training.teacher_warm_up_steps=1 --set training.student_wait_steps=1 --labelled folder:faces --labels-per-class 20 \
        --near-duplicates 40 --replicas 3 --out "hashed$processes" >/dev/null 2>&1
done
for file in data.json manifest.csv.gz model.safetensors; do
    same "hashed1/$file" "hashed3/$file"
done
skipped='.skipped.count == 1 and (.skipped.first[0] | contains("damaged.png"))'
for processes in 1 3; do
    jq -e "$skipped" "hashed$processes/report.json" >/dev/null || fail "the damaged picture is not counted: $(cat "hashed$processes/report.json")"
done
for why in copy copy_with_other_label near_copy; do
    zcat hashed3/manifest.csv.gz | cut -d, -f3 | grep -qx "$why" || fail "the manifest names no $why"
done

echo "== pretrain: batch normalisation of each replica"
run=()
pretrain 20 local-one --replicas 2 --batch-norm local
run=(mpirun -n 2)
pretrain 20 local-two --replicas 2 --batch-norm local
same local-one/model.safetensors local-two/model.safetensors
cmp -s local-one/model.safetensors two/model.safetensors && fail "batch norm of each part is that of the whole batch"

echo "== pretrain: batches in slices"
run=()
pretrain 20 sliced-one --replicas 2 --micro-batch 12
run=(mpirun -n 2)
pretrain 20 sliced-two --micro-batch 12
same sliced-one/model.safetensors sliced-two/model.safetensors

echo "== stopped by SIGUSR1 to one process, and gone on with in fewer"
run=()
pretrain 60 whole --replicas 6
run=(mpirun -n 3)
pretrain 60 stopped --replicas 6 --auto-resume 2>stopped.err &
job=$!
until [ -e stopped/checkpoint/checkpoint-0000000005.safetensors ]; do sleep 0.1; done
kill -USR1 "$(pgrep -f "^$affekt pretrain.*--out stopped" | tail -1)"
code=0
wait "$job" || code=$?
[ "$code" = 75 ] || fail "exit code $code instead of 75: $(cat stopped.err)"
[ "$(grep -c 'saved' stopped.err)" = 1 ] || fail "it is not said once that it is saved: $(cat stopped.err)"
[ ! -e stopped/report.json ] || fail "it ended before it was stopped"
run=(mpirun -n 2)
pretrain 60 stopped --replicas 6 --auto-resume
same whole/model.safetensors stopped/model.safetensors

echo "== one process killed: the others end, and the run goes on to the same bits"
run=(mpirun -n 3)
pretrain 60 killed --replicas 6 2>killed.err &
job=$!
until [ -e killed/checkpoint/checkpoint-0000000010.safetensors ]; do sleep 0.1; done
victim=$(pgrep -f "^$affekt pretrain.*--out killed" | tail -1)
began=$(date +%s)
kill -9 "$victim"
wait "$job" && fail "a run without one of its processes ended well"
took=$(($(date +%s) - began))
[ "$took" -le 10 ] || fail "the others ended after $took s"
pgrep -f "^$affekt pretrain.*--out killed" && fail "a process is left"
echo "   the others ended after $took s"
"${run[@]}" "$affekt" pretrain --threads 1 --quiet --resume killed >killed.txt
same whole/model.safetensors killed/model.safetensors

echo "== refused: a launcher of which MPI knows nothing"
run=(env PMI_RANK=0 PMI_SIZE=2)
refused 2 'MPI sees one' pretrain 20 alone
echo "== refused: uneven batches, replicas that processes do not divide, more replicas than pictures"
run=(mpirun -n 5)
refused 2 'multiple of 5' pretrain 20 uneven
run=(mpirun -n 2)
refused 2 'cannot be shared out evenly among 2 processes' pretrain 20 odd --replicas 3
run=(mpirun -n 4)
refused 2 'replicas cannot share out evenly' pretrain 20 many --replicas 48
refused 2 'runs in one process' "${run[@]}" "$affekt" eval --ablation --labelled 'synth:20' --unlabelled 'synth:20' --clips 'synth-clips:2' \
    --valid 'synth-clips:2' --out ablation

echo "== eval: pictures in 1 and 3 processes"
"$affekt" eval --model one --data 'synth:150?seed=5&size=48&channels=1' --batch 16 --json --quiet --predictions one.csv >one.json
mpirun -n 3 "$affekt" eval --model one --data 'synth:150?seed=5&size=48&channels=1' --batch 16 --json --quiet --predictions three.csv >three.json
same one.json three.json
same one.csv three.csv

echo "== refine and eval on clips in 1, 2 and 3 processes"
clips=(--student one --train 'synth-clips:8?seed=1&size=48&channels=1&frames=96' --valid 'synth-clips:5?seed=2&size=48&channels=1&frames=96'
    --preset tiny --steps 12 --batch 12 --threads 1 --quiet --replicas 6)
"$affekt" refine "${clips[@]}" --out refined >refined.txt
for processes in 2 3; do
    mpirun -n "$processes" "$affekt" refine "${clips[@]}" --out "refined$processes" >/dev/null
    same refined/model.safetensors "refined$processes/model.safetensors"
done
measured=(eval --model one --temporal refined --data 'synth-clips:7?seed=4&size=48&channels=1&frames=80' --json --quiet)
"$affekt" "${measured[@]}" >clips1.json
mpirun -n 3 "$affekt" "${measured[@]}" >clips3.json
same clips1.json clips3.json
echo "== analyze: five films and pictures by 1 and 3 processes, in one folder"
"$affekt" synth --kind mp4 --out films --count 3 --frames 12 --frame-size 160x120 --seed 3 --quiet
"$affekt" synth --kind faces --out pictures --count 1 --quiet
inputs=(films pictures --as photos --detector guide --threads 1 --quiet)
"$affekt" analyze "${inputs[@]}" --out analyzed1 >analyzed1.txt
mpirun -n 3 "$affekt" analyze "${inputs[@]}" --out analyzed3 >analyzed3.txt
[ "$(ls analyzed1)" = "$(ls analyzed3)" ] || fail "other files: $(ls analyzed1 analyzed3)"
for file in analyzed1/*; do
    same "$file" "analyzed3/$(basename "$file")"
done
[ "$(grep -c 'index.html' analyzed3.txt)" = 1 ] || fail "one process speaks: $(cat analyzed3.txt)"
mpirun -n 2 "$affekt" analyze "${inputs[@]}" --out analyzed3 | grep -q 'finished before' || fail "nothing is kept"
echo "passed"
