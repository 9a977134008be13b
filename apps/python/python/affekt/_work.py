"""Whole tasks: a file read, a model trained, a model measured."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

from . import _affekt
from ._affekt import Faces, Recognizer
from ._table import Table

PathLike = Union[str, "os.PathLike[str]"]
#: A dataset: a SPEC such as ``"folder:my_faces"``, or faces in memory.
Data = Union[str, Faces]


def analyze(
    source: PathLike,
    *,
    fps: float = 30.0,
    progress: Optional[Callable[[int], Optional[bool]]] = None,
    **options: Any,
) -> Table:
    """Reads a video, a picture, or a folder of a film's frames, and gives its table.

    ``fps`` is the rate of folders, in frames a second. ``progress`` hears the number of frames read so far, and stops by
    giving ``False``. ``options`` are those of :class:`Recognizer`. For many files open one recognizer
    with ``live=False`` and call its ``analyze``.

    As ``affekt analyze`` does, labels are voted on over the frames around each frame, unless ``vote`` says otherwise.

    Raises :class:`FileError` where the file cannot be read, :class:`SettingError` for wrong options,
    :class:`Interrupted` where ``progress`` stopped it.
    """
    options.setdefault("live", False)
    return Recognizer(**options).analyze(source, fps=fps, progress=progress)


def train(
    out: PathLike,
    *,
    labelled: Union[Data, Iterable[Data]] = (),
    unlabelled: Union[Data, Iterable[Data]] = (),
    valid: Union[Data, Iterable[Data]] = (),
    preset: Optional[str] = None,
    config: Optional[PathLike] = None,
    settings: Optional[Mapping[str, Any]] = None,
    resume: bool = False,
    force: bool = False,
    threads: int = 0,
    progress: Optional[Callable[[Dict[str, Any]], Optional[bool]]] = None,
) -> Dict[str, Any]:
    """Trains a model, as ``affekt pretrain`` does, and gives the run's report (``report.json``).

    ``out`` is the run's folder, which must be new or empty (or ``force``). When the run ends it holds
    ``model.safetensors``, which ``Recognizer(model=out)`` opens.

    ``labelled``, ``unlabelled`` and ``valid`` are SPECs (``"folder:my_faces"``) or :class:`Faces`, one or several.
    Settings come in layers, the later wins: the engine's defaults, ``preset`` (``"tiny"``, ``"ferplus-100"``), the file
    ``config``, and ``settings``: by path, ``{"training.steps": 200}``, or nested, ``{"training": {"steps": 200}}``.

    ``progress`` is called after every step with its record: ``step`` and ``steps``, the losses, and where the model was
    measured ``evaluation`` with ``macro_f1`` and ``accuracy``. Where it gives ``False`` the run is saved and
    :class:`Interrupted` raised; Ctrl-C and an exception in it save the run too. ``resume=True`` goes on with the run in
    ``out``, bit for bit; its settings are its own, and data in memory must be given again.

    The result does not depend on ``threads`` (0: one for each core).
    """
    assignments = [(path, json.dumps(value)) for path, value in _flat(settings or {})]
    text: str = _affekt._train(
        os.fspath(out),
        labelled=_several(labelled),
        unlabelled=_several(unlabelled),
        valid=_several(valid),
        preset=preset,
        config=None if config is None else os.fspath(config),
        settings=assignments,
        resume=resume,
        force=force,
        threads=threads,
        progress=progress,
    )
    report: Dict[str, Any] = json.loads(text)
    return report


def evaluate(
    model: Optional[PathLike],
    data: Union[Data, Iterable[Data]],
    *,
    batch: int = 64,
    flip: bool = False,
    strict: bool = False,
    backend: str = "cpu",
    adapter: Optional[str] = None,
    arithmetic: Optional[str] = None,
    threads: int = 0,
    progress: Optional[Callable[[int, int], Optional[bool]]] = None,
) -> Dict[str, Any]:
    """Measures a model on labelled pictures, as ``affekt eval`` does.

    ``model`` is a weights file, the folder of a finished run, or ``None`` for the built-in model. ``data`` are SPECs or
    :class:`Faces`, measured as one set; their classes are mapped to the model's by name. ``batch`` pictures go through the
    network at once (1 to 4096); ``flip`` averages each picture's probabilities with its mirror image's; ``strict`` ends at
    the first picture that cannot be read. ``progress`` hears items done and items in all, and stops by giving ``False``.

    The result has ``n``, ``macro_f1``, ``accuracy``, ``per_class_f1``, ``confusion`` (rows are the truth, in the order of
    ``classes``), ``ece``, ``nll`` and more, and ``skipped``: items that could not be used.
    """
    text: str = _affekt._evaluate(
        None if model is None else os.fspath(model),
        _several(data),
        batch=batch,
        flip=flip,
        strict=strict,
        backend=backend,
        adapter=adapter,
        arithmetic=arithmetic,
        threads=threads,
        progress=progress,
    )
    report: Dict[str, Any] = json.loads(text)
    return report


def _several(data: Union[Data, Iterable[Data]]) -> List[Data]:
    items = [data] if isinstance(data, (str, Faces)) else list(data)
    for item in items:
        if not isinstance(item, (str, Faces)):
            raise TypeError(f"a dataset is a SPEC such as 'folder:my_faces' or affekt.Faces, not {type(item).__name__}")
    return items


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterator[Tuple[str, Any]]:
    """Settings by their whole paths."""
    for name, value in settings.items():
        if not isinstance(name, str):
            raise TypeError(f"a setting's name is a str, not {type(name).__name__}")
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
