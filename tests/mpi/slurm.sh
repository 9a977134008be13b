#!/usr/bin/env bash
# Runs the job script of docs/cluster.md under a Slurm of one node that it starts and stops itself: jobs that are requeued end with
# the bits of a run that was never stopped, alone and in two processes that `srun` starts.
#   tests/mpi/slurm.sh AFFEKT
# AFFEKT is a program that was built with --features mpi. Needs root and Slurm with PMIx (Debian: slurm-wlm munge openmpi-bin).
set -euo pipefail
affekt=$(realpath "${1:?the program}")
page=$(realpath "$(dirname "$0")/../../docs/cluster.md")
lab=$(mktemp -d)
export SLURM_CONF=$lab/slurm.conf RUST_LOG=warn PATH="$lab/bin:$PATH"
# Processes that wait for each other leave a core that they share to the other.
export OMPI_MCA_mpi_yield_when_idle=1
ended() {
    scancel --user="$(id -un)" 2>/dev/null && sleep 2
    for daemon in slurmd slurmctld munged; do
        [ ! -e "$lab/$daemon.pid" ] || kill "$(cat "$lab/$daemon.pid")" || true
    done
    sleep 1
    rm -rf "$lab"
}
trap ended EXIT
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# A machine may have fewer cores than the configuration says, and no control groups. Ports that a Slurm in use has not.
cd "$lab"
mkdir bin state spool
ln -s "$affekt" bin/affekt
(umask 077 && head -c 1024 /dev/urandom >munge.key)
munged --force --key-file="$lab/munge.key" --socket="$lab/munge.socket" --pid-file="$lab/munged.pid" \
    --log-file="$lab/munged.log" --seed-file="$lab/munge.seed"
node=$(hostname -s)
cat >slurm.conf <<END
ClusterName=check
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthInfo=socket=$lab/munge.socket
StateSaveLocation=$lab/state
SlurmdSpoolDir=$lab/spool
SlurmctldPidFile=$lab/slurmctld.pid
SlurmdPidFile=$lab/slurmd.pid
SlurmctldLogFile=$lab/slurmctld.log
SlurmdLogFile=$lab/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MailProg=/bin/true
NodeName=$node NodeAddr=127.0.0.1 CPUs=4
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
slurmctld -c
slurmd
for _ in $(seq 30); do
    sinfo --noheader --format=%t 2>/dev/null | grep -q idle && break
    sleep 1
done
sinfo --noheader --format=%t | grep -q idle || fail "Slurm does not start: $(tail -n 5 slurmctld.log slurmd.log)"

small=(--preset tiny --quiet --set training.teacher_warm_up_steps=4 --set training.student_wait_steps=4 --batch 24 --unlabelled-batch 24
    --checkpoint-every 5 --eval-every 0 --labelled 'synth:200?seed=1&size=48&channels=1'
    --unlabelled 'synth:300?seed=2&size=48&channels=1' --labels-per-class max100 --steps 60)

# The first block of the page's section "Slurm" is the job script.
awk '/^## / { here = $0 == "## Slurm" } here && /^```/ { blocks++; next } here && blocks == 1' "$page" >pretrain.sbatch
grep -q 'scontrol requeue' pretrain.sbatch || fail "docs/cluster.md has no job script"
# The same with two processes, as the page says.
sed 's/^affekt pretrain/srun --mpi=pmix --kill-on-bad-exit=1 &/' pretrain.sbatch >together.sbatch
cmp -s pretrain.sbatch together.sbatch && fail "the job script does not begin a line with: affekt pretrain"

state() { # JOB
    scontrol --oneliner show job "$1" | grep -o 'JobState=[A-Z]*' | cut -d= -f2
}
until_state() { # JOB STATE SECONDS
    local pending=0
    for _ in $(seq "$3"); do
        [ "$(state "$1")" != "$2" ] || return 0
        # Slurm waits two minutes before it starts a job again, so that the end of the first one is not taken for the second one's.
        # Ten seconds are enough on one machine.
        if [ "$(state "$1")" = PENDING ]; then
            [ $((++pending)) != 10 ] || scontrol update "JobId=$1" StartTime=now
        else
            pending=0
        fi
        sleep 1
    done
    fail "job $1 is $(state "$1") and not $2: $(tail -n 20 "$lab"/*.log)"
}
until_file() { # FILE
    for _ in $(seq 200); do
        [ ! -e "$1" ] || return 0
        sleep 0.2
    done
    fail "there is no $1: $(tail -n 20 ./*.log)"
}
submit() { # RUN SCRIPT OPTIONS OF SBATCH...
    RUN=$lab/$1 sbatch --parsable --export=ALL,RUN --cpus-per-task=1 --mem=0 --output="$1.log" "${@:3}" "$2" "${small[@]}" --replicas 2
}
requeued() { # JOB TIMES
    local times
    times=$(scontrol --oneliner show job "$1" | grep -o 'Restarts=[0-9]*' | cut -d= -f2)
    [ "$times" = "$2" ] || fail "job $1 was started again $times times instead of $2: $(cat "$lab"/*.log)"
}

echo "== a run that nothing stops, without Slurm"
affekt pretrain "${small[@]}" --replicas 2 --threads 1 --out whole >whole.log

echo "== srun: two processes that PMIx joins"
srun --mpi=pmix --ntasks=2 --cpus-per-task=1 affekt pretrain "${small[@]}" --threads 1 --out two >two.log
cmp whole/model.safetensors two/model.safetensors || fail "srun's two processes learn something else"

echo "== two processes that nothing joins do not both do the work"
apart() { # LANGUAGE WORDS
    if srun --mpi="$1" --ntasks=2 affekt pretrain "${small[@]}" --threads 1 --out "$1" >"$1.log" 2>&1; then
        fail "both end well: $(cat "$1.log")"
    fi
    grep -q "$2" "$1.log" || fail "nothing of \"$2\" in: $(cat "$1.log")"
}
# Nothing tells one of the other, so that each trains; one finds the run's folder in use.
apart none 'works in this folder'
# Debian's Open MPI does not speak it, and says so.
apart pmi2 "SLURM's PMI support"

for script in pretrain together; do
    tasks=1
    [ "$script" = pretrain ] || tasks=2
    echo "== $script.sbatch in $tasks processes, told by USR1 and by TERM, and requeued"
    job=$(submit "$script" "$script.sbatch" --ntasks="$tasks" --time=30)
    until_state "$job" RUNNING 60
    until_file "$script/checkpoint/checkpoint-0000000005.safetensors"
    scancel --batch --signal=USR1 "$job"
    until_state "$job" PENDING 60
    until_state "$job" RUNNING 60
    sleep 3
    scancel --batch --signal=TERM "$job"
    until_state "$job" PENDING 60
    until_state "$job" COMPLETED 600
    requeued "$job" 2
    cmp whole/model.safetensors "$script/model.safetensors" ||
        fail "what was requeued learned something else: $(cat "$script.log")"
done

echo "== told by Slurm itself before its time is over"
# Slurm looks once in a minute whose time comes to its end, so that the run must be longer than that.
small[-1]=600
affekt pretrain "${small[@]}" --replicas 2 --threads 1 --out longer >longer.log
job=$(submit late pretrain.sbatch --time=2 --signal=B:USR1@115)
until_state "$job" RUNNING 60
until_state "$job" PENDING 90
until_state "$job" COMPLETED 600
cmp longer/model.safetensors late/model.safetensors || fail "what ran out of time learned something else"
echo "passed"
