"""What the tests share. Pictures are drawn here: a bright oval with eyes and a mouth, which the detector ``guide`` takes as a
face, because its box is fixed."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Optional

import numpy as np
import pytest

import affekt

#: The smallest network there is, for a run of a few steps.
TINY = {
    "model": {"depth": "resnet18", "size": 32, "channels": 1, "width": 0.0625, "stem": "no_pool"},
    "training": {
        "steps": 6,
        "batch": 4,
        "unlabelled_batch": 4,
        "teacher_warm_up_steps": 1,
        "student_wait_steps": 2,
    },
    "evaluation": {"every": 0},
}


def drawn(seed: int, side: int = 64, channels: int = 3) -> "np.ndarray":
    """A picture of shape (side, side, channels), no two alike."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    oval = ((x / 0.35) ** 2 + (y / 0.45) ** 2 < 1) * 120 + 60
    oval = oval - 70 * ((np.abs(np.abs(x) - 0.15) < 0.05) & (np.abs(y + 0.1) < 0.03))
    oval = oval - 60 * ((np.abs(x) < 0.12) & (np.abs(y - 0.2) < 0.02 + 0.05 * (seed % 3)))
    picture = oval[..., None] + rng.integers(0, 24, (side, side, channels))
    return np.clip(picture, 0, 255).astype(np.uint8)


def png(path: Path, image: "np.ndarray") -> Path:
    """Writes an RGB picture as a PNG file: no library is needed for that."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    height, width, _ = image.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = image.reshape(height, 3 * width)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows.tobytes())), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


@pytest.fixture(scope="session")
def recognizer() -> affekt.Recognizer:
    return affekt.Recognizer(detector="guide", threads=2)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 40 frames, which are one film by their names."""
    folder = tmp_path_factory.mktemp("film")
    for frame in range(40):
        png(folder / f"frame_{frame:05}.png", drawn(frame // 10))
    return folder


@pytest.fixture(scope="session")
def program() -> str:
    """The built ``affekt``, to compare with; AFFEKT_PROGRAM names it."""
    found: Optional[str] = os.environ.get("AFFEKT_PROGRAM") or shutil.which("affekt")
    if not found:
        pytest.skip("LEFT OUT: there is no program affekt to compare with; AFFEKT_PROGRAM can name it")
    subprocess.run([found, "--version"], check=True, capture_output=True)
    return found
