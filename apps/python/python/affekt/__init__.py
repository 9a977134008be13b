"""Reads facial expressions in pictures and video, and trains such readers.

The short way::

    import affekt

    recognizer = affekt.Recognizer()
    for face in recognizer.read("photo.jpg"):
        print(face.box, face.voted_label, face.probabilities)

``Recognizer.stream`` reads a video frame by frame, ``analyze`` a whole file into a table, ``train`` and ``evaluate`` make and
measure models, ``Model`` opens one. Pictures are ``uint8``, RGB, rows from the top. Everything computes without the GIL, and
Ctrl-C stops it between frames, batches or steps.
"""

from ._affekt import Face, Faces, Frame, Model, Recognizer, Stream, __version__
from ._errors import EngineError, Error, FileError, InternalError, Interrupted, SettingError
from ._table import Table
from ._work import analyze, evaluate, train

__all__ = [
    "EngineError",
    "Error",
    "Face",
    "Faces",
    "FileError",
    "Frame",
    "InternalError",
    "Interrupted",
    "Model",
    "Recognizer",
    "SettingError",
    "Stream",
    "Table",
    "__version__",
    "analyze",
    "evaluate",
    "train",
]
