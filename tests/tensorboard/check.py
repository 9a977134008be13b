"""Holds a run's files for TensorBoard to its log, as TensorBoard itself reads them.

    cargo build --release
    python -m venv target/tensorboard_venv
    target/tensorboard_venv/bin/pip install -r tests/tensorboard/requirements.txt
    target/tensorboard_venv/bin/python tests/tensorboard/check.py target/release/affekt

Trains twice on generated faces, once in one go and once stopped by SIGTERM several times. Every number of log.jsonl must stand in the
events, once and at its step; every step's pseudo-labels as a histogram; and the views as pictures.
"""

import io
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import numpy
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

STEPS = 700
SIZE = 32


def line(program, out):
    style = f"size={SIZE}&channels=1"
    return [
        program, *"pretrain --quiet --auto-resume --tensorboard --threads 1 --model resnet18 --channels 1".split(),
        *f"--size {SIZE} --width 0.0625 --stem no_pool --batch 4 --unlabelled-batch 4 --steps {STEPS}".split(),
        *"--eval-every 100 --checkpoint-every 50 --set training.teacher_warm_up_steps=0".split(),
        *"--set training.student_wait_steps=0 --out".split(), str(out),
        "--labelled", f"synth:80?seed=1&{style}", "--unlabelled", f"synth:80?seed=2&{style}",
        "--valid", f"synth:40?seed=3&{style}",
    ]


def stopped(program, out, times):
    """Trains, stopped so many times on its way and started again by the same line."""
    log = out / "log.jsonl"

    def lines():
        return len(log.read_text().splitlines()) if log.exists() else 0

    for _ in range(times):
        before, child = lines(), subprocess.Popen(line(program, out))
        while lines() < before + 20 and child.poll() is None:
            time.sleep(0.005)
        child.send_signal(signal.SIGTERM)
        assert child.wait() == 75, child.returncode
    subprocess.run(line(program, out), check=True)


def numbers(tag, record):
    """The numbers of a line of the log under their tags."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from numbers(f"{tag}/{name}", value)
        elif name != "step" and isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"{tag}/{name}", value


def check(run):
    """Checks one run's folder; gives how many points were compared."""
    events = EventAccumulator(str(run), size_guidance={"scalars": 0, "histograms": 0, "images": 0, "tensors": 0})
    events.Reload()
    wanted, histograms = {}, {}
    for text in (run / "log.jsonl").read_text().splitlines():
        record = json.loads(text)
        is_step = record["kind"] == "step"
        tag = "train" if is_step else f"evaluation/{record['network']}"
        for name, value in numbers(tag, record):
            wanted.setdefault(name, []).append((record["step"], numpy.float32(value)))
        if is_step and record["pseudo_histogram"]:
            histograms[record["step"]] = record["pseudo_histogram"]
    assert set(events.Tags()["scalars"]) == set(wanted), set(events.Tags()["scalars"]) ^ set(wanted)
    for name, points in wanted.items():
        got = [(event.step, numpy.float32(event.value)) for event in events.Scalars(name)]
        assert got == points, (name, len(got), len(points))
    got = events.Histograms("train/pseudo_histogram")
    assert [event.step for event in got] == sorted(histograms)
    for event in got:
        counts, value = histograms[event.step], event.histogram_value
        assert list(value.bucket) == counts and value.num == sum(counts)
        assert list(value.bucket_limit) == [place + 0.5 for place in range(len(counts))]
    assert set(events.Tags()["images"]) == {"views/labelled", "views/weak", "views/strong"}
    for name in events.Tags()["images"]:
        pictures = events.Images(name)
        assert [picture.step for picture in pictures] == [1, 501], name
        for picture in pictures:
            with Image.open(io.BytesIO(picture.encoded_image_string)) as opened:
                assert opened.size == (picture.width, picture.height) == (4 * SIZE, SIZE)
                assert opened.getextrema()[0] < opened.getextrema()[1], "a picture of something"
    steps = [event.step for event in events.Scalars("train/loss_teacher")]
    assert steps == list(range(1, STEPS + 1)), "each step once"
    return sum(map(len, wanted.values()))


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        whole, parts = pathlib.Path(folder) / "whole", pathlib.Path(folder) / "parts"
        subprocess.run(line(program, whole), check=True)
        stopped(program, parts, 3)
        for run, files in ((whole, 1), (parts, 4)):
            found = len(list(run.glob("events.out.tfevents.*")))
            assert found == files, (run, found)
            print(f"{run.name}: {check(run)} points in {files} files are those of the log")
        # The check itself notices a figure that is not the log's.
        log = whole / "log.jsonl"
        log.write_text(log.read_text().replace('"step":9,', '"step":9,"planted":1.0,', 1))
        try:
            check(whole)
        except AssertionError:
            return
        sys.exit("a planted difference was not noticed")


main()
