#!/usr/bin/env bash
# Reads the faces of a video with affekt and with the Python package fer, one after the other in every round, and prints a
# Markdown table.
#
#     bench/video.sh VIDEO YUNET.onnx [ROUNDS]
#
# PYTHON names a Python with bench/peers/requirements-video.txt; set AFFEKT to time another build of the program.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 2 ] || { echo "usage: bench/video.sh VIDEO YUNET.onnx [ROUNDS]" >&2; exit 2; }
video=$1 yunet=$2 rounds=${3:-2}
python=${PYTHON:-python3}
affekt=${AFFEKT:-target/release/affekt}
"$python" -c 'import cv2, tensorflow' 2>/dev/null ||
    { echo "video: $python lacks OpenCV or TensorFlow; see bench/peers/requirements-video.txt and set PYTHON" >&2; exit 2; }
[ -n "${AFFEKT:-}" ] || cargo build --release --locked -p affekt

reads='
import json, sys
told = json.load(sys.stdin)
clip = told["inputs"][0]
looks = "every frame" if sys.argv[1] == "1" else "every second frame"
print(json.dumps({
    "program": f"affekt, YuNet on {looks}",
    "frames": clip["frames"],
    "frames_with_face": clip["frames"] - clip["no_face_frames"],
    "frames_per_second": told["frames_per_second"],
    "peak_mib": told["peak_mib"],
}))'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
uptime >&2
for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    for every in 1 2; do
        "$affekt" analyze "$video" --detector "$yunet" --detect-every "$every" --out "$work/affekt" --force --quiet --json |
            "$python" -c "$reads" "$every" >>"$work/lines"
    done
    for boxes in "" --mtcnn; do
        TF_CPP_MIN_LOG_LEVEL=3 "$python" bench/peers/video_fer.py "$video" "$work/fer.csv" $boxes 2>"$work/fer.err" |
            tail -n 1 >>"$work/lines" || { echo "fer $boxes failed:" >&2; tail -n 3 "$work/fer.err" >&2; }
    done
done
uptime >&2

"$python" - "$work/lines" <<'PY'
import json, statistics, sys
programs = {}
for line in map(json.loads, open(sys.argv[1])):
    programs.setdefault(line["program"], []).append(line)
print("| program | frames | with a face | frames a second, best | median | peak MiB |")
print("|---|---|---|---|---|---|")
for name, lines in programs.items():
    speeds = [line["frames_per_second"] for line in lines]
    peak = max(line["peak_mib"] for line in lines)
    last = lines[-1]
    print(f"| {name} | {last['frames']} | {last['frames_with_face']} | {max(speeds):.1f} | {statistics.median(speeds):.1f} | {peak:.0f} |")
PY
