"""Models: their cards and weights, training, measuring."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import affekt
from conftest import TINY, drawn, png


def two_classes(folder, seed):
    """A folder of two classes, dark and bright."""
    for place, name in enumerate(["happy", "sad"]):
        (folder / name).mkdir()
        for item in range(8):
            image = drawn(seed + item + 100 * place, side=32) // (1 + place)
            png(folder / name / f"{item}.png", image)
    return f"folder:{folder}"


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    return two_classes(tmp_path_factory.mktemp("faces"), 0)


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return two_classes(tmp_path_factory.mktemp("valid"), 1000)


def faces(count, seed, labelled=True):
    images = np.stack([drawn(seed + n, side=32) // (1 + n % 2) for n in range(count)])
    return affekt.Faces(images, [n % 2 for n in range(count)] if labelled else None, ["happy", "sad"] if labelled else [])


def test_the_built_in_model_shows_its_card_and_weights():
    model = affekt.Model()
    assert model.classes == model.card["classes"] and len(model.classes) == 8
    assert model.card["input"]["size"] == 64 and len(model.hash) > 20 and "built-in" in model.path
    weights = model.weights
    assert weights["conv1.weight"].dtype == np.float32 and weights["conv1.weight"].ndim == 4
    assert weights["fc.bias"].shape == (8,) and all(np.isfinite(w).all() for w in weights.values())
    weights["fc.bias"][:] = 0
    assert model.weights["fc.bias"].any(), "what is given is a copy"


def test_what_is_no_model_is_a_file_error(tmp_path):
    (tmp_path / "a.safetensors").write_text("no model")
    for path in ("a.safetensors", "none.safetensors"):
        with pytest.raises(affekt.FileError, match=path):
            affekt.Model(tmp_path / path)
    with pytest.raises(TypeError):
        affekt.Model(5)


def test_training_tells_of_every_step_and_its_model_reads(spec, valid, tmp_path):
    records = []
    out = tmp_path / "run"
    report = affekt.train(
        out, labelled=spec, unlabelled=["synth:20?size=32"], valid=valid, settings=TINY, progress=records.append
    )
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5, 6] and records[0]["steps"] == 6
    assert any(record["loss_teacher"] is not None for record in records)
    assert report["steps"] == 6 and report == json.loads((out / "report.json").read_text())
    recognizer = affekt.Recognizer(out, detector="guide")
    assert recognizer.classes == ["happy", "sad"] and len(recognizer.read(drawn(0))) == 1
    score = affekt.evaluate(out, valid)
    assert score["n"] == 16 and score["skipped"] == 0 and score["classes"] == ["happy", "sad"]
    assert np.sum(score["confusion"]) == 16
    assert score["accuracy"] == pytest.approx(report["scores"]["student_average"]["accuracy"])


def test_faces_in_memory_train_and_measure_as_those_on_disk(tmp_path):
    settings = {**TINY, "seed": 3, "training.steps": 4}
    report = affekt.train(tmp_path / "run", labelled=faces(12, 0), unlabelled=faces(12, 50, False), settings=settings)
    assert (report["steps"], report["data"]["labelled_total"], report["data"]["unlabelled_total"]) == (4, 12, 12)
    seen = []
    score = affekt.evaluate(tmp_path / "run", faces(10, 200), batch=4, progress=lambda done, all: seen.append((done, all)))
    assert score["n"] == 10 and seen[-1] == (10, 10)
    named = affekt.Faces([drawn(1, 32), drawn(2, 32)[..., 0]], ["sad", None], ["happy", "sad"])
    assert len(named) == 2 and "1 with a label" in repr(named)
    assert affekt.evaluate(tmp_path / "run", named)["n"] == 1


def test_a_run_that_is_stopped_goes_on_bit_for_bit(spec, tmp_path):
    arguments = dict(labelled=spec, unlabelled="synth:20?size=32", settings=TINY)
    whole = affekt.train(tmp_path / "whole", threads=1, **arguments)
    with pytest.raises(affekt.Interrupted):
        affekt.train(tmp_path / "parts", progress=lambda record: record["step"] < 3, threads=1, **arguments)
    with pytest.raises(ZeroDivisionError):
        affekt.train(tmp_path / "parts", resume=True, progress=lambda record: 1 // (4 - record["step"]))
    steps = []
    affekt.train(tmp_path / "parts", resume=True, progress=lambda record: steps.append(record["step"]))
    assert steps == [5, 6] and whole["steps"] == 6
    first, second = affekt.Model(tmp_path / "whole").weights, affekt.Model(tmp_path / "parts").weights
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


@pytest.mark.skipif(os.name != "posix", reason="LEFT OUT: signals are those of POSIX")
def test_ctrl_c_leaves_a_checkpoint_and_a_keyboard_interrupt(spec, tmp_path):
    out = tmp_path / "run"
    script = f"""
        import affekt
        settings = {TINY!r}
        settings["training"]["steps"] = 100000
        try:
            affekt.train({str(out)!r}, labelled={spec!r}, unlabelled="synth:20?size=32", settings=settings,
                         progress=lambda record: print("step", record["step"], flush=True))
        except KeyboardInterrupt:
            print("stopped cleanly", flush=True)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    while "step 3" not in child.stdout.readline():
        assert child.poll() is None, "it ended by itself"
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate(timeout=60)
    assert child.returncode == 0 and said.endswith("stopped cleanly\n"), said[-500:]
    assert list((out / "checkpoint").iterdir()), "there is a checkpoint to go on from"


def test_wrong_training_is_told_before_it_begins(spec, tmp_path):
    out = tmp_path / "run"
    for arguments, kind, words in [
        ({}, affekt.SettingError, "labelled"),
        ({"labelled": "folder"}, affekt.SettingError, "dataset `folder`"),
        ({"labelled": "folder:/none/such", "unlabelled": spec}, affekt.FileError, "such"),
        ({"labelled": spec, "settings": {"training.stesp": 3}}, affekt.SettingError, "did you mean `steps`"),
        ({"labelled": spec, "settings": {"training": {"steps": "many"}}}, affekt.SettingError, "steps"),
        ({"labelled": spec, "settings": {"seed": None}}, affekt.SettingError, "seed"),
        ({"labelled": spec, "preset": "tny"}, affekt.SettingError, "did you mean `tiny`"),
        ({"labelled": spec, "config": tmp_path / "none.toml"}, affekt.SettingError, "none.toml"),
        ({"labelled": spec, "settings": {"model.size": 7}}, affekt.SettingError, "size"),
        ({"labelled": spec, "settings": {3: 4}}, TypeError, "name"),
        ({"labelled": 7}, TypeError, "int"),
        ({"labelled": [tmp_path]}, TypeError, "SPEC"),
        ({"resume": True}, affekt.FileError, "config.toml"),
        ({"resume": True, "preset": "tiny"}, affekt.SettingError, "resume"),
    ]:
        with pytest.raises(kind, match=words):
            affekt.train(out, **arguments)
    assert not out.exists() or not any(p for p in out.iterdir() if not p.name.startswith("."))
    out.mkdir(exist_ok=True)
    (out / "precious.txt").write_text("mine")
    with pytest.raises(affekt.FileError, match="not empty"):
        affekt.train(out, labelled=spec, unlabelled=spec, settings=TINY)


def test_wrong_measuring_is_told(spec, tmp_path):
    for arguments, kind, words in [
        ((None, []), affekt.SettingError, "data"),
        ((None, "folder"), affekt.SettingError, "folder"),
        ((tmp_path / "none", spec), affekt.FileError, "none"),
    ]:
        with pytest.raises(kind, match=words):
            affekt.evaluate(*arguments)
    with pytest.raises(affekt.SettingError, match="batch"):
        affekt.evaluate(None, spec, batch=0)
    with pytest.raises(affekt.SettingError, match="abacus"):
        affekt.evaluate(None, "synth:8?size=32&map=Other:unlabelled", backend="abacus")
    with pytest.raises(affekt.Interrupted):
        affekt.evaluate(None, "synth:8?size=32&map=Other:unlabelled", progress=lambda done, all: False)


@pytest.mark.parametrize(
    "arguments, kind, words",
    [
        (([drawn(0)], [2], ["a", "b"]), ValueError, "label 2"),
        (([drawn(0)], [-1], ["a", "b"]), ValueError, "label -1"),
        (([drawn(0)], ["c"], ["a", "b"]), ValueError, "label \"c\""),
        (([drawn(0)], [1.5], ["a", "b"]), TypeError, "float"),
        (([drawn(0)], [0, 1], ["a", "b"]), ValueError, "2 labels for 1"),
        (([drawn(0), drawn(1)], [0], ["a", "b"]), ValueError, "1 labels"),
        (([drawn(0)], [0], ["a", "a"]), ValueError, "twice"),
        (([drawn(0).astype(float)], [0], ["a"]), TypeError, "uint8"),
        ((["a.jpg"], [0], ["a"]), TypeError, "numpy array"),
        (("folder:faces", [0], ["a"]), TypeError, "SPEC"),
        ((5,), TypeError, None),
    ],
)
def test_faces_that_cannot_be_are_refused(arguments, kind, words):
    with pytest.raises((kind, affekt.Error), match=words):
        affekt.Faces(*arguments)
