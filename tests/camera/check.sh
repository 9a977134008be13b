#!/bin/bash
# A camera as the program sees it, without one: `tests/camera/check.sh AFFEKT`. fake_v4l.c answers for the kernel, by the kernel's own
# header. Needs gcc, the kernel's headers (linux-libc-dev), ffmpeg, and the right to put an empty file into /dev.
set -euo pipefail
affekt=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
if [ -e /dev/video63 ]; then
    echo "SKIPPED: this machine has a /dev/video63 of its own" >&2
    exit 0
fi
if ! touch /dev/video63 2>/dev/null; then
    echo "SKIPPED: nothing can be put into /dev here; run it as root in a container" >&2
    exit 0
fi
trap 'rm -rf "$work" /dev/video63' EXIT
gcc -O1 -Wall -shared -fPIC -o "$work/fake.so" "$here/fake_v4l.c" -ldl
with_camera() { env LD_PRELOAD="$work/fake.so" "$@"; }
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
refused() { # refused WORDS COMMAND...: ends with an error of one line that has the words
    local words=$1 said
    shift
    said=$("$@" 2>&1 >/dev/null) && fail "$* went through"
    grep -q "$words" <<<"$said" || fail "$* said: $said"
}

"$affekt" doctor >"$work/doctor"
grep -q "camera 63" "$work/doctor" && fail "a file that is no camera is listed"
with_camera "$affekt" doctor >"$work/doctor"
grep -q "^camera 63" "$work/doctor" || fail "doctor does not list the camera"

with_camera env FAKE_FRAMES=80 "$affekt" stream camera:63 --detector guide --jsonl "$work/out.jsonl" \
    --record "$work/film.mp4" >"$work/said" 2>&1 && fail "an unplugged camera is no error"
grep -q "unplugged" "$work/said" || fail "it does not say that the camera was unplugged: $(cat "$work/said")"
lines=$(wc -l <"$work/out.jsonl")
[ "$lines" -ge 10 ] || fail "$lines frames came through"
colour() { ffmpeg -v error -i "$work/film.mp4" -frames:v 1 -vf "crop=60:60:$1:120,scale=1:1" -f rawvideo -pix_fmt rgb24 - | od -An -tu1; }
read -r r g b <<<"$(colour 40)"
[ "$r" -gt 180 ] && [ "$g" -lt 80 ] && [ "$b" -lt 80 ] || fail "the left half is $r $g $b, not red"
read -r r g b <<<"$(colour 220)"
[ "$g" -gt 180 ] && [ "$r" -lt 80 ] && [ "$b" -lt 80 ] || fail "the right half is $r $g $b, not green"

refused "close other programs" with_camera env FAKE_BUSY=1 "$affekt" stream camera:63
refused "group" with_camera env FAKE_DENIED=1 "$affekt" stream camera:63
refused "there is no such camera" with_camera "$affekt" stream camera:7
echo "the camera: $lines frames, its colours, unplugged, busy, denied and missing as they should be"
