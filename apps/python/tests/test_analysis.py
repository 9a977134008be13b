"""Whole inputs as tables: the program's own columns and values."""

from __future__ import annotations

import csv
import subprocess
import sys
import types

import numpy as np
import pytest

import affekt
from conftest import drawn, png


def test_a_table_has_a_row_a_face_and_frame(film):
    seen = []
    table = affekt.analyze(film, detector="guide", fps=25, progress=seen.append)
    assert (table.rows, table.frames, table.skipped, table.first_skipped) == (40, 40, 0, None)
    assert seen[-1] == 40 and seen == sorted(seen) and len(seen) > 2
    assert table["frame"].tolist() == list(range(40)) and set(table["face"].tolist()) == {1}
    np.testing.assert_allclose(table["seconds"], np.arange(40) / 25)
    assert table["frame"].dtype == table["face"].dtype == np.int64
    assert table["x"].dtype == table["confidence"].dtype == np.float32 and table["unsure"].dtype == bool
    assert np.isnan(table["nose_x"]).all() and table["temporal_label"] == [None] * 40
    assert set(table["voted_label"]) <= set(table.classes)
    assert {len(column) for column in table.values()} == {40}
    probabilities = table.probabilities()
    assert probabilities.shape == (40, 8)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert "40 rows" in repr(table)


def test_the_table_is_the_programs_table(film, program, tmp_path):
    subprocess.run(
        [program, "analyze", film, "--out", tmp_path, "--detector", "guide", "--as", "film", "--quiet"], check=True
    )
    # Beside it lie the tables of people and segments.
    path = tmp_path / f"{film.name}.csv"
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    table = affekt.analyze(film, detector="guide")
    assert list(table) == list(rows[0]) and table.rows == len(rows)
    for name, column in table.items():
        texts = [row[name] for row in rows]
        if isinstance(column, list):
            assert [text or "" for text in column] == texts, name
        elif texts[0]:
            decimals = len(texts[0].partition(".")[2])
            np.testing.assert_allclose(
                column, [float(text) for text in texts], rtol=1e-6, atol=0.501 * 10**-decimals, err_msg=name
            )
        elif column.dtype == bool:
            assert name == "frontal" and not column.any()
        else:
            assert np.isnan(column).all(), name


def test_a_picture_is_a_table_of_one_frame(tmp_path):
    path = png(tmp_path / "a.png", drawn(1))
    table = affekt.analyze(path, detector="guide")
    assert (table.rows, table.reader) == (1, "picture")


def test_a_frame_without_a_face_has_a_row_of_its_own(tmp_path):
    path = png(tmp_path / "dark.png", np.zeros((64, 64, 3), np.uint8))
    table = affekt.analyze(path, detector="builtin")
    assert (table.rows, table["face"].tolist(), table["voted_label"]) == (1, [0], [None])
    assert np.isnan(table["x"]).all() and np.isnan(table["confidence"]).all() and not table["unsure"].any()


def test_one_recognizer_reads_many_files_alike(film):
    recognizer = affekt.Recognizer(detector="guide", live=False)
    first, second = recognizer.analyze(film), recognizer.analyze(film)
    assert first["voted_label"] == second["voted_label"] and first["face"].tolist() == second["face"].tolist()
    with recognizer.stream() as stream:
        stream.push(drawn(0), 0.0)
        with pytest.raises(affekt.SettingError, match="under way"):
            recognizer.analyze(film)


def test_progress_stops_it_and_the_recognizer_reads_on(film):
    recognizer = affekt.Recognizer(detector="guide", live=False)
    with pytest.raises(affekt.Interrupted):
        recognizer.analyze(film, progress=lambda frames: frames < 12)
    with pytest.raises(ZeroDivisionError):
        recognizer.analyze(film, progress=lambda frames: 1 // 0)
    with pytest.raises(TypeError):
        recognizer.analyze(film, progress="no function")
    assert recognizer.analyze(film).rows == 40


@pytest.mark.parametrize("fps", [0, -1, float("nan"), 1e9])
def test_a_rate_that_cannot_be_is_refused(film, fps):
    with pytest.raises(affekt.SettingError, match="fps"):
        affekt.analyze(film, detector="guide", fps=fps)


def test_what_is_not_there_is_a_file_error(tmp_path):
    for path in (tmp_path / "none.mp4", tmp_path):
        with pytest.raises(affekt.FileError, match=path.name):
            affekt.analyze(path, detector="guide")


def test_pandas_is_asked_only_if_it_is_asked_for(film, monkeypatch):
    table = affekt.analyze(film, detector="guide")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"affekt\[pandas\]"):
        table.to_pandas()
    frames = types.ModuleType("pandas")
    frames.DataFrame = lambda columns: ("a frame of", list(columns))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", frames)
    assert table.to_pandas() == ("a frame of", list(table))
