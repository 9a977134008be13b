"""How fast Python reads a clip, beside the program: python bench/python.py PROGRAM CLIP [ROUNDS [PICTURE]].

Rounds take turns, so that what else the machine does meets both. Printed are frames a second, the best and the median of the
rounds: of the program as it says itself (`affekt analyze --json`: without opening the model), of `Recognizer.analyze` likewise;
and seconds of whole processes, from their start to a table of the clip. With a picture, also seconds from the start of a new
process to the faces of its first picture (Python's own start and `import affekt` among them), and what it prints.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time

IN_PYTHON = """
import json, sys, time
import affekt
recognizer = affekt.Recognizer(live=False)
start = time.perf_counter()
table = recognizer.analyze(sys.argv[1])
seconds = time.perf_counter() - start
print(json.dumps({"frames": table.frames, "rows": table.rows, "frames_per_second": table.frames / seconds}))
"""

FIVE_LINES = """
import sys
import affekt

for face in affekt.Recognizer().read(sys.argv[1]):
    print([round(side) for side in face.box], face.voted_label, round(face.confidence, 2), flush=True)
"""


def first_readings(picture, rounds):
    """Prints what a new process says of a picture, and the seconds to its first line."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        child = subprocess.Popen([sys.executable, "-c", FIVE_LINES, picture], stdout=subprocess.PIPE, text=True)
        said = child.stdout.readline()
        seconds.append(time.perf_counter() - start)
        said += child.communicate()[0]
        if child.returncode != 0 or not said:
            sys.exit(f"python has read no face in {picture}")
    print(said, end="")
    print(f"python, start to first reading: {min(seconds):.2f} s best, {statistics.median(seconds):.2f} s median of {rounds}")


def whole(command):
    start = time.perf_counter()
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(ended.stdout), time.perf_counter() - start


def main(program, clip, rounds=5, picture=None):
    rates, seconds = {"program": [], "python": []}, {"program": [], "python": []}
    for _ in range(int(rounds)):
        with tempfile.TemporaryDirectory() as out:
            commands = {
                "program": [program, "analyze", clip, "--out", out, "--json", "--quiet"],
                "python": [sys.executable, "-c", IN_PYTHON, clip],
            }
            for who, command in commands.items():
                result, took = whole(command)
                rates[who].append(result["frames_per_second"])
                seconds[who].append(took)
    for who in rates:
        best, median = max(rates[who]), statistics.median(rates[who])
        whole_best, whole_median = min(seconds[who]), statistics.median(seconds[who])
        print(f"{who}: frames a second {best:.1f} best, {median:.1f} median; whole process {whole_best:.2f} s best, {whole_median:.2f} s median")
    ratio = [a / b for a, b in zip(rates["python"], rates["program"])]
    print(f"python / program, rate: {max(rates['python']) / max(rates['program']):.3f} of the best, {statistics.median(ratio):.3f} median of rounds")
    if picture:
        first_readings(picture, int(rounds))


if __name__ == "__main__":
    main(*sys.argv[1:])
