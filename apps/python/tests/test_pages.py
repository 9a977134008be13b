"""docs/python.md runs as it stands, block after block."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from conftest import drawn, png

REPOSITORY = Path(__file__).resolve().parents[3]


def test_the_page_runs_from_its_first_block_to_its_last(tmp_path, monkeypatch, capsys):
    page = REPOSITORY / "docs/python.md"
    clip = REPOSITORY / "tests/clips/plain.mp4"
    if not (page.is_file() and clip.is_file()):
        pytest.skip("LEFT OUT: the page is not here, only the package")
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(blocks) >= 6
    # A file is known by its content, not its name.
    png(tmp_path / "photo.jpg", drawn(1, 96))
    shutil.copy(clip, tmp_path / "interview.mp4")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)
    assert "rows of" in capsys.readouterr().out
    assert (tmp_path / "runs/mine/model.safetensors").is_file()
