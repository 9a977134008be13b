from collections.abc import Iterable
from os import PathLike
from types import TracebackType
from typing import Any, Callable, Protocol, Union, final

import numpy as np
import numpy.typing as npt

from ._table import Table

__all__ = [
    "Face",
    "Faces",
    "Frame",
    "Model",
    "Recognizer",
    "Stream",
    "__version__",
    "_evaluate",
    "_planted_panic",
    "_train",
]

__version__: str

class _Becomes(Protocol):
    """Something that becomes an array, such as a PIL image."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...

_Path = Union[str, PathLike[str]]
_Image = Union[npt.NDArray[np.uint8], _Becomes]

@final
class Face:
    @property
    def frame(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def face(self) -> int: ...
    @property
    def box(self) -> tuple[float, float, float, float]: ...
    @property
    def landmarks(self) -> npt.NDArray[np.float32] | None: ...
    @property
    def detected(self) -> bool: ...
    @property
    def probabilities(self) -> dict[str, float]: ...
    @property
    def vector(self) -> npt.NDArray[np.float32]: ...
    @property
    def frame_label(self) -> str: ...
    @property
    def temporal_label(self) -> str | None: ...
    @property
    def voted_label(self) -> str: ...
    @property
    def confidence(self) -> float: ...
    @property
    def unsure(self) -> bool: ...
    @property
    def valence(self) -> float | None: ...
    @property
    def arousal(self) -> float | None: ...

@final
class Frame:
    @property
    def frame(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def faces(self) -> list[Face]: ...

@final
class Recognizer:
    def __new__(
        cls,
        model: _Path | None = None,
        *,
        temporal: _Path | None = None,
        detector: _Path = "auto",
        backend: str = "cpu",
        adapter: str | None = None,
        arithmetic: str | None = None,
        threads: int = 0,
        detect_every: int = 1,
        stride: int | None = None,
        vote: str | None = None,
        window: int | None = None,
        unsure_below: float = 0.6,
        live: bool = True,
        flip: bool = False,
    ) -> Recognizer: ...
    @property
    def classes(self) -> list[str]: ...
    @property
    def model(self) -> str: ...
    @property
    def detector(self) -> str: ...
    @property
    def backend(self) -> str: ...
    def read(self, image: _Image | _Path, *, bgr: bool = False) -> list[Face]: ...
    def stream(self) -> Stream: ...
    def analyze(
        self, source: _Path, *, fps: float = 30.0, progress: Callable[[int], bool | None] | None = None
    ) -> Table: ...

@final
class Stream:
    def push(self, image: _Image, seconds: float, *, bgr: bool = False) -> list[Frame]: ...
    def finish(self) -> list[Frame]: ...
    def __enter__(self) -> Stream: ...
    def __exit__(
        self,
        *_exception: type[BaseException] | BaseException | TracebackType | None,
    ) -> None: ...

@final
class Model:
    def __new__(cls, path: _Path | None = None) -> Model: ...
    @property
    def path(self) -> str: ...
    @property
    def hash(self) -> str: ...
    @property
    def classes(self) -> list[str]: ...
    @property
    def card(self) -> dict[str, Any]: ...
    @property
    def weights(self) -> dict[str, npt.NDArray[np.float32]]: ...

@final
class Faces:
    def __new__(
        cls,
        images: npt.NDArray[np.uint8] | Iterable[_Image],
        labels: Iterable[int | str | None] | None = None,
        classes: list[str] | tuple[str, ...] = (),
        *,
        name: str = "faces",
        bgr: bool = False,
    ) -> Faces: ...
    def __len__(self) -> int: ...

def _train(
    out: _Path,
    *,
    labelled: list[str | Faces],
    unlabelled: list[str | Faces],
    valid: list[str | Faces],
    preset: str | None,
    config: _Path | None,
    settings: list[tuple[str, str]],
    resume: bool,
    force: bool,
    threads: int,
    progress: Callable[[dict[str, Any]], bool | None] | None,
) -> str: ...
def _evaluate(
    model: _Path | None,
    data: list[str | Faces],
    *,
    batch: int,
    flip: bool,
    strict: bool,
    backend: str,
    adapter: str | None,
    arithmetic: str | None,
    threads: int,
    progress: Callable[[int, int], bool | None] | None,
) -> str: ...
def _planted_panic() -> None: ...
