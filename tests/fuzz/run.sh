#!/bin/sh
# Breaks files for some seconds a format, from a seed that is another one every time: run.sh FORMAT|all SECONDS [FIRST_SEED].
# `all` goes through every format and says at the end which had findings.
set -eu
cd "$(dirname "$0")/../.."
cargo build --quiet --release --workspace --locked --bin affekt --bin affekt-fuzz
seed="${3:-$(date +%s)000}"
fuzz=target/release/affekt-fuzz
[ "$1" = all ] || exec "$fuzz" watch "$1" "$2" "$seed"
failed=
for format in $("$fuzz" formats); do
    "$fuzz" watch "$format" "$2" "$seed" || failed="$failed $format"
done
[ -z "$failed" ] || { echo "findings in:$failed"; exit 1; }
