#!/usr/bin/env bash
# Checks that the feature `cuda` compiles and links on a machine without a GPU, and says for which architecture. Needs Rust, a
# C compiler and python3 with pip; fetches a toolkit 13.0 of about 640 MB from PyPI into FOLDER (default: target/cuda), unless CUDA_PATH
# names another one, whose nvcc is on the path.
#
#   packaging/cuda_check.sh [CAPABILITY] [FOLDER]              CAPABILITY, e.g. 9.0 (default): of the GPU that it is to be built for
#   CUDA_PATH=/usr/local/cuda-11.8 packaging/cuda_check.sh 7.0     for a V100
set -euo pipefail
cd "$(dirname "$0")/.."
capability=${1:-9.0}
folder=$(realpath -m "${2:-target/cuda}")
mkdir -p "$folder/bin" "$folder/stubs"

if [ -z "${CUDA_PATH:-}" ]; then
    CUDA_PATH=$folder/nvidia/cu13
    if [ ! -x "$CUDA_PATH/bin/nvcc" ]; then
        python3 -m pip install --quiet --no-deps --only-binary=:all: --target "$folder" \
            'nvidia-cuda-nvcc>=13.0,<13.1' 'nvidia-cuda-runtime>=13.0,<13.1' 'nvidia-nvvm>=13.0,<13.1' \
            'nvidia-cuda-crt>=13.0,<13.1' 'nvidia-cuda-nvrtc>=13.0,<13.1' 'nvidia-cuda-cccl>=13.0,<13.1' 'nvidia-cublas>=13.0,<14'
        chmod +x "$CUDA_PATH"/bin/* "$CUDA_PATH"/nvvm/bin/*
    fi
    [ -e "$CUDA_PATH/lib64" ] || ln -s lib "$CUDA_PATH/lib64"
    # The wheels have libraries under their versions' names only.
    for library in cublas cublasLt nvrtc cudart; do
        file=$(basename "$(ls "$CUDA_PATH/lib/lib$library.so."* | head -n 1)")
        [ -e "$CUDA_PATH/lib/lib$library.so" ] || ln -s "$file" "$CUDA_PATH/lib/lib$library.so"
    done
    PATH=$CUDA_PATH/bin:$PATH
fi

# Stands in for the driver's library while linking: every function of it that the bindings name. Nothing of it is ever run.
cargo fetch --locked
bindings=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/cudarc-0.9.*/src/driver/sys.rs | tail -n 1)
grep -oE 'pub fn cu[A-Za-z0-9_]+' "$bindings" | sort -u | sed -E 's/pub fn (.*)/int \1(void) { return 100; }/' > "$folder/cuda.c"
cc -shared -fPIC -w -Wl,-soname,libcuda.so.1 -o "$folder/stubs/libcuda.so" "$folder/cuda.c"

# dfdx's build script asks it for the capability and fails where it is missing.
printf '#!/bin/sh\necho compute_cap\necho %s\n' "$capability" > "$folder/bin/nvidia-smi"
chmod +x "$folder/bin/nvidia-smi"

export CUDA_PATH PATH=$folder/bin:$PATH LIBRARY_PATH=$folder/stubs${LIBRARY_PATH:+:$LIBRARY_PATH}
# dfdx does not see by itself that the toolkit or the capability has changed.
cargo clean --quiet --profile dev --package dfdx --package cudarc
# Only whether it compiles and links is asked.
CARGO_PROFILE_DEV_OPT_LEVEL=0 cargo build --locked --package affekt-engine --no-default-features --features cuda --example dfdx_speed
build=${CARGO_TARGET_DIR:-target}/debug
ptx=$(ls -t "$build"/build/dfdx-*/out/*.ptx | head -n 1)
echo "compiled and linked for $(grep -m1 '^\.target' "$ptx") with $(nvcc --version | grep release)"
# Into a text first: grep stops reading at its first find, and nm would fail then.
called=$(nm --dynamic --undefined-only "$build/examples/dfdx_speed")
grep -qE ' (cuInit|cuMemAlloc|cublasCreate)' <<<"$called" || {
    echo "the program does not call the GPU's libraries" >&2
    exit 1
}
