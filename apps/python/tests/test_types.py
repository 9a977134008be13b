"""The stubs say what is there, and an example of their use passes a type checker."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("mypy", reason="LEFT OUT: mypy is not installed")


def run(*arguments, cwd=None):
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, cwd=cwd)


def test_the_stubs_are_what_the_module_has(tmp_path):
    ended = run("mypy.stubtest", "affekt", cwd=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_right_use_passes_and_wrong_use_does_not(tmp_path):
    good = """
        import numpy as np
        import affekt

        recognizer = affekt.Recognizer(model=None, threads=2)
        faces: list[affekt.Face] = recognizer.read(np.zeros((8, 8, 3), np.uint8))
        left: float = faces[0].box[0]
        with recognizer.stream() as stream:
            for frame in stream.push(np.zeros((8, 8), np.uint8), 0.5, bgr=False):
                print(frame.seconds + 1, [face.voted_label.upper() for face in frame.faces])
        table = affekt.analyze("a.mp4", detector="guide", progress=lambda frames: frames < 10)
        rows: int = table.rows
        report = affekt.train("run", labelled=["folder:a", affekt.Faces([])], settings={"seed": 1})
        shape: tuple[int, ...] = affekt.Model().weights["fc.bias"].shape
    """
    bad = """
        import affekt

        affekt.Recognizer(modle="x")
        affekt.Recognizer().read(5)
        affekt.Recognizer().read("a.jpg")[0].voted_label + 1
    """
    for text, errors in ((good, 0), (bad, 3)):
        path = tmp_path / "use.py"
        path.write_text(textwrap.dedent(text))
        ended = run("mypy", "--strict", "--no-incremental", str(path), cwd=tmp_path)
        assert ended.stdout.count("error:") == errors, ended.stdout + ended.stderr
