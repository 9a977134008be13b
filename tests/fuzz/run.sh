#!/bin/sh
# Breaks files of one format for some seconds, from a seed that is another one every time: run.sh FORMAT SECONDS [FIRST_SEED]
set -eu
cd "$(dirname "$0")/../.."
exec cargo run --quiet --release -p affekt-fuzz -- watch "$1" "$2" "${3:-$(date +%s)000}"
