#!/usr/bin/env bash
# Runs both examples under valgrind (Debian: valgrind): no wrong access, and no memory that is lost.
#   cargo build --release --workspace && apps/capi/valgrind.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
libraries=${1:-target/release}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cc -g -Wall -Wextra -Werror -I apps/capi/include apps/capi/examples/read_faces.c -o "$scratch/read_faces" \
    -L "$libraries" -laffekt -Wl,-rpath,"$(realpath "$libraries")"
c++ -g -std=c++17 -Wall -Wextra -Werror -I apps/capi/include apps/capi/examples/frames.cpp -o "$scratch/frames" \
    -L "$libraries" -laffekt -Wl,-rpath,"$(realpath "$libraries")"

# valgrind knows AVX2 and not AVX-512. Threads that wait for work keep their stacks and names to the program's end: they are
# reachable, or "possibly" lost where only their insides are pointed at, and not counted.
export AFFEKT_ISA=avx2
check=(valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite)
picture=${2:-docs/synth.png}
"${check[@]}" "$scratch/read_faces" "$picture" guide
"${check[@]}" "$scratch/read_faces" /none/such.jpg guide && exit 1 || [ $? = 3 ]
"${check[@]}" "$scratch/frames" 20
echo "valgrind has found nothing"
